package gateway_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// throttled sends n requests at the present time and returns how many are
// answered with 429.
func (c *cloud) throttled(t *testing.T, path string, n int) int {
	t.Helper()
	refused := 0
	for range n {
		response, body := c.do(t, "GET", path, "")
		if response.StatusCode == http.StatusTooManyRequests {
			require.JSONEq(t, `{"message":"Too Many Requests"}`, body)
			require.Equal(t, "application/json", response.Header.Get("Content-Type"))
			refused++
			continue
		}
		require.Equal(t, http.StatusOK, response.StatusCode, body)
	}
	return refused
}

func TestPublicRoutes_NeedNoAuthorizer(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	function := func(path string) string {
		if strings.HasPrefix(path, "/u/") {
			return manifest.Unsubscribe.Name
		}
		return manifest.Console.Name
	}
	for path, key := range map[string]string{
		"/": "GET /", "/assets/a.js": "GET /assets/{file}", "/config.json": "GET /config.json", "/preview": "GET /preview", "/u/t": "GET /u/{token}",
	} {
		for _, token := range []string{"", "Bearer x"} {
			response, _ := c.do(t, "GET", path, "", "Authorization", token)
			require.Equal(t, http.StatusOK, response.StatusCode, path)
			e := c.lastEvent(t)
			require.Equal(t, key, e["routeKey"])
			require.NotContains(t, e["requestContext"], "authorizer")
			require.Equal(t, function(path), c.called[len(c.called)-1])
		}
	}
	require.Empty(t, c.asked, "no call of the authorizer")
	for _, path := range []string{"/api/v1/", "/api/v1/preview", "/assets/", "/assets/a/b", "/config.json/", "/u/", "/u/a/b", "//"} {
		response, _ := c.do(t, "GET", path, "")
		require.Equal(t, http.StatusNotFound, response.StatusCode, path)
	}
}

func TestThrottle_GivesEachPublicRouteABucket(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.gateway.Throttle = manifest.Throttle{Rate: 3, Burst: 5}

	require.Equal(t, 20, c.throttled(t, "/assets/a.js", 70), "the burst is 50")
	require.Equal(t, 0, c.throttled(t, "/preview", 25), "another route")
	require.Equal(t, 0, c.throttled(t, "/api/v1/journeys", 5), "the API")
	require.Equal(t, 2, c.throttled(t, "/api/v1/journeys", 2), "the API's burst is 5")
	require.Equal(t, 1, c.throttled(t, "/api/v1/journeys/a", 1), "the API's routes share a bucket")
	require.Len(t, c.called, 80, "a throttled request reaches no function")
	require.Len(t, c.asked, 1)

	c.now = c.now.Add(time.Second)
	require.Equal(t, 10, c.throttled(t, "/assets/a.js", 60), "the rate is 50 a second")
	require.Equal(t, 1, c.throttled(t, "/api/v1/journeys", 4), "the API's rate is 3 a second")
	c.now = c.now.Add(-time.Hour)
	require.Equal(t, 1, c.throttled(t, "/assets/a.js", 1), "a clock that goes back fills no bucket")
	c.now = c.now.Add(24 * time.Hour)
	require.Equal(t, 1, c.throttled(t, "/assets/a.js", 51), "a bucket holds the burst at most")
}

func TestThrottle_IsOffForTheAPIByDefault(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	require.Equal(t, 0, c.throttled(t, "/api/v1/journeys", manifest.APIThrottle.Burst+1))
}

func TestThrottle_LetsExactlyTheBurstPassConcurrently(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				response, err := http.Get(c.server.URL + "/config.json")
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				if response.StatusCode == http.StatusOK {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, manifest.ConsoleConfig.Throttle.Burst, passed.Load())
}
