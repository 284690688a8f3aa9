package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/gateway"
	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
)

// account is the concurrency of a Lambda account in which every call starts a
// process: what the authorizer reserves, and what the functions of routes share.
type account struct {
	mu         sync.Mutex
	authorizer int // calls in progress
	shared     int
}

func (a *account) invoke(_ context.Context, function string, _ []byte) ([]byte, error) {
	inProgress, limit, call := &a.shared, manifest.AccountConcurrency-manifest.ReservedConcurrency, manifest.EndpointStart
	answer := `{"statusCode":200}`
	switch function {
	case manifest.Authorizer.Name:
		inProgress, limit, call = &a.authorizer, manifest.Authorizer.Concurrency, manifest.AuthorizerStart
		answer = `{"isAuthorized":true}`
	case manifest.Console.Name:
		call = manifest.ConsoleStart
	}
	a.mu.Lock()
	if *inProgress >= limit {
		a.mu.Unlock()
		return nil, lambda.ErrThrottled
	}
	*inProgress++
	a.mu.Unlock()
	time.Sleep(call) // in the time of the test's bubble
	a.mu.Lock()
	*inProgress--
	a.mu.Unlock()
	return []byte(answer), nil
}

// coldBurst sends, for three seconds, twice as many requests as the throttles let pass,
// beginning with two bursts at once: to the API, each with a token of its own,
// so that the authorizer's cache helps nowhere, and to every public route. It returns
// the number of answers by status.
func coldBurst(api manifest.Throttle) map[int]int {
	a := &account{}
	g := &gateway.Gateway{
		Routes: manifest.AllRoutes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: manifest.AuthorizerTTL,
		Throttle: api, Timeout: gateway.Timeout, Invoke: a.invoke, Now: time.Now,
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	statuses, tokens := map[int]int{}, 0
	send := func(method, path string, n int) {
		for range n {
			tokens++
			r := httptest.NewRequest(method, path, nil)
			r.Header.Set("Authorization", fmt.Sprint("Bearer ", tokens))
			all.Go(func() {
				w := httptest.NewRecorder()
				g.ServeHTTP(w, r)
				mu.Lock()
				defer mu.Unlock()
				statuses[w.Code]++
			})
		}
	}
	flood := func(n func(manifest.Throttle) int) {
		send(http.MethodGet, manifest.ListJourneys.FullPath(), n(api))
		for _, r := range manifest.PublicRoutes() {
			send(r.Method, strings.NewReplacer("{file}", "a.js", "{token}", "t").Replace(r.FullPath()), n(r.Throttle))
		}
	}
	flood(func(t manifest.Throttle) int { return 2 * t.Burst })
	for range 30 {
		time.Sleep(100 * time.Millisecond)
		flood(func(t manifest.Throttle) int { return 2 * t.Rate / 10 })
	}
	all.Wait()
	return statuses
}

// A request that the throttle lets pass finds concurrency, while every process is
// started: callers get 429 at most. The throttle that this one replaced did not.
func TestThrottle_AnswersAColdBurstWithoutServerErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		statuses := coldBurst(manifest.APIThrottle)
		t.Logf("throttle of %d a second and a burst of %d: answers by status %v", manifest.APIThrottle.Rate, manifest.APIThrottle.Burst, statuses)
		require.Positive(t, statuses[http.StatusOK])
		require.Positive(t, statuses[http.StatusTooManyRequests])
		require.Len(t, statuses, 2, "only 200 and 429")
	})
	synctest.Test(t, func(t *testing.T) {
		before := manifest.Throttle{Rate: 500, Burst: 1000}
		statuses := coldBurst(before)
		t.Logf("throttle of %d a second and a burst of %d: answers by status %v", before.Rate, before.Burst, statuses)
		require.Positive(t, statuses[http.StatusInternalServerError], "a larger throttle must fail here")
	})
}
