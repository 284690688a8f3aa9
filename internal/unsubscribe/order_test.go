package unsubscribe_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/consent/key"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/targettest"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/subscription"
	"journeys/internal/suppression"
	"journeys/internal/trail"
)

var every = flag.Bool("every", false, "try every order of requests instead of a third; `make chaos` does")

// orderly is a world with a journey, whose feedback counts.
type orderly struct {
	*world
	journeys *journey.Service
	id       ident.ID
	runs     int
}

func newOrderly(t *testing.T) *orderly {
	t.Helper()
	w := &orderly{world: newWorld(t)}
	w.journeys = w.Service.Subscriptions.Journeys
	w.Service.Heard = func(ctx context.Context, t ident.Tenant, id message.ID) error {
		return w.journeys.Feedback(ctx, t, id, feedback.Unsubscribed)
	}
	definition, name, active := journeytest.Definition(t, newsGraph), "n", journey.Active
	j, err := w.journeys.Create(t.Context(), acme, journey.Change{Name: &name, Definition: &definition})
	require.NoError(t, err)
	_, err = w.journeys.Update(t.Context(), acme, j.ID, journey.Change{Status: &active}, nil)
	require.NoError(t, err)
	w.id = j.ID
	return w
}

const newsGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"email","topic":"news"}},
	{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"out"}]}`

// oneClickIn makes the call of a mail program, whose requests may take turns.
func (w *world) oneClickIn(ctx context.Context, token string) int {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/u/x", strings.NewReader(oneClick.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.answer(r, token).Code
}

// enroll enters a customer in the journey, stores the record of its message about news to
// an address, and returns the token.
func (w *orderly) enroll(t *testing.T, customer, address string) string {
	t.Helper()
	_, err := w.journeys.Enroll(t.Context(), acme, w.id, journey.EnrollRequest{Customers: []string{customer}})
	require.NoError(t, err)
	e, err := w.store.Enrollments.Enrollment(t.Context(), acme, w.id, customer)
	require.NoError(t, err)
	id := message.NewID(acme, w.id, customer, e.Run, e.Node, e.RequestID)
	require.NoError(t, w.store.Engine.PutMessages(t.Context(), acme, []message.Record{{
		ID: id, Channel: "*", Named: "email", Topic: "news", Address: address, Customer: customer, Journey: w.id,
		GraphHash: e.GraphHash, Version: e.Version, Run: e.Run, Node: e.Node, ExpiresAt: message.Expiry("news", time.Now()),
	}}))
	return message.Token(w.key, acme, id)
}

// A customer unsubscribes while they are being forgotten, in the orders of two turns of the
// call that is first and two of the other, also if the clock of the one that forgets is late.
// After both they are nowhere named, and the opt-out holds for their address.
func TestUnsubscribe_RacesWithForget(t *testing.T) {
	t.Parallel()

	w := newOrderly(t)
	keep := (&suppression.Service{Store: w.store.Addresses, Key: key.Fixed(w.key), Now: time.Now}).KeepOptOuts
	addresses, customers := map[string]string{}, 0
	run := func(turns []int, forgetFirst bool, late time.Duration) (requests [2]int) {
		customer, email := fmt.Sprintf("gone in turns %v, forget first: %t, late: %s", turns, forgetFirst, late), fmt.Sprintf("%d@example.com", customers)
		addresses[customer] = w.key.Address(acme, "email", email)
		require.NoError(t, w.store.Customers.PutProfile(t.Context(), acme, journey.Profile{
			Customer: customer, Attributes: []byte(`{"email":"` + email + `"}`), UpdatedAt: time.Now(),
		}, 0))
		if customers++; customers%2 == 0 { // the other half has never said anything
			_, _, err := w.Service.Subscriptions.Put(t.Context(), acme, subscription.Change{Customer: customer, Topics: map[string]bool{"news": true}})
			require.NoError(t, err)
		}
		token := w.enroll(t, customer, addresses[customer])
		calls := []func(context.Context){
			func(ctx context.Context) { assert.Equal(t, http.StatusOK, w.oneClickIn(ctx, token), customer) },
			func(ctx context.Context) {
				assert.NoError(t, w.store.Customers.Forget(ctx, acme, customer, time.Now().Add(-late), journey.Forgetting{KeepOptOuts: keep}), customer)
			},
		}
		if forgetFirst {
			slices.Reverse(calls)
		}
		return dynamotest.Interleave(t.Context(), turns, calls[0], calls[1])
	}
	most := run(nil, false, 0)
	require.Greater(t, min(most[0], most[1]), 5)
	for first := range most[0] + 1 {
		for second := range most[1] + 1 {
			if late := time.Duration(first%2) * 2 * time.Second; *every || (first+second)%3 == 0 {
				run([]int{first, second}, false, late)
				run([]int{second, first}, true, late)
			}
		}
	}
	for customer, hash := range addresses {
		address, err := w.store.Addresses.Address(t.Context(), acme, hash)
		require.NoError(t, err)
		require.False(t, address.OptOuts["news"].IsZero(), customer)
	}
	out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &w.table})
	require.NoError(t, err)
	for _, it := range out.Items {
		require.NotContains(t, dynamotest.Text(it), "gone in")
	}
}

// A customer unsubscribes through the API right after a call began that forgets them, in the
// orders of two turns of each. After both, that they did is known: of them if they came last,
// or else of their address.
func TestSubscriptions_RaceWithForget(t *testing.T) {
	t.Parallel()

	w := newOrderly(t)
	keep := (&suppression.Service{Store: w.store.Addresses, Key: key.Fixed(w.key), Now: time.Now}).KeepOptOuts
	ended := map[string]int{}
	run := func(turns []int, forgetFirst bool) (requests [2]int) {
		customer, email := fmt.Sprintf("turns %v, forget first: %t", turns, forgetFirst), fmt.Sprintf("put-%d@example.com", w.runs)
		w.runs++
		require.NoError(t, w.store.Customers.PutProfile(t.Context(), acme, journey.Profile{
			Customer: customer, Attributes: []byte(`{"email":"` + email + `"}`), UpdatedAt: time.Now(),
		}, 0))
		if w.runs%2 == 0 { // the other half has never said anything
			_, _, err := w.Service.Subscriptions.Put(t.Context(), acme, subscription.Change{Customer: customer, Topics: map[string]bool{"news": true}})
			require.NoError(t, err)
		}
		began := time.Now()
		calls := []func(context.Context){
			func(ctx context.Context) {
				_, _, err := w.Service.Subscriptions.Put(ctx, acme, subscription.Change{
					Customer: customer, Topics: map[string]bool{"news": false}, Received: began.Add(time.Millisecond),
				})
				assert.NoError(t, err, customer)
			},
			func(ctx context.Context) {
				assert.NoError(t, w.store.Customers.Forget(ctx, acme, customer, began, journey.Forgetting{KeepOptOuts: keep}), customer)
			},
		}
		if forgetFirst {
			slices.Reverse(calls)
		}
		requests = dynamotest.Interleave(t.Context(), turns, calls[0], calls[1])
		said, err := w.store.Topics.Subscriptions(t.Context(), acme, customer)
		require.NoError(t, err)
		address, err := w.store.Addresses.Address(t.Context(), acme, w.key.Address(acme, "email", email))
		require.NoError(t, err)
		statement, stored := said.Statements["news"]
		switch {
		case stored:
			ended["stored"]++
			require.False(t, statement.In, customer)
		default:
			ended["kept"]++
			require.False(t, address.OptOuts["news"].IsZero(), customer)
		}
		return requests
	}
	most := run(nil, false)
	require.Greater(t, min(most[0], most[1]), 4)
	for first := range most[0] + 1 {
		for second := range most[1] + 1 {
			if *every || (first+second)%3 == 0 {
				run([]int{first, second}, false)
				run([]int{second, first}, true)
			}
		}
	}
	require.Greater(t, min(ended["stored"], ended["kept"]), 5)
}

// The call of a mail program dies after any of its requests. The customer then says by
// another way what they have said, which lets the event take effect.
func TestUnsubscribe_AnotherWayCompletesTheEvent(t *testing.T) {
	t.Parallel()

	w := newOrderly(t)
	_, err := w.journeys.Update(t.Context(), acme, w.id, journey.Change{
		Settings: graph.SettingsChange{"exitOn": []byte(`[{"eventType":"$unsubscribed"}]`)},
	}, nil)
	require.NoError(t, err)
	left := 0
	run := func(turns []int) (requests [2]int) {
		customer := fmt.Sprint("dies after ", turns)
		token := w.enroll(t, customer, hash)
		mailProgram, die := context.WithCancel(t.Context())
		defer die()
		requests = dynamotest.Interleave(t.Context(), turns, func(ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			context.AfterFunc(mailProgram, cancel)
			w.oneClickIn(ctx, token)
		}, func(ctx context.Context) {
			if len(turns) > 0 {
				die()
			}
			_, _, err := w.Service.Subscriptions.Put(ctx, acme, subscription.Change{Customer: customer, Topics: map[string]bool{"news": false}})
			assert.NoError(t, err, customer)
		})
		e, err := w.store.Enrollments.Enrollment(t.Context(), acme, w.id, customer)
		require.NoError(t, err)
		require.NotEqual(t, progress.Inside, e.Status, customer)
		left++
		return requests
	}
	most := run(nil)
	for n := range most[0] {
		run([]int{n})
	}
	require.Greater(t, left, 8)
}

// watched is the table of a worker. It notes when the worker claims a message.
type watched struct {
	dynamo.Engine
	*claims
}

// claims are a worker's claims, and the messages that it sends.
type claims struct {
	targettest.Untargeted
	now     time.Time
	claimed time.Time // when the last claim began
	sent    []engine.Message
}

func (w watched) Advance(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []error {
	if !list[0].LeaseUntil.IsZero() {
		w.claimed = w.now
	}
	return w.Engine.Advance(ctx, t, shards, list)
}

func (c *claims) Timeout() time.Duration { return 10 * time.Second }

func (c *claims) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	panic("there is no decision")
}

func (c *claims) Send(_ context.Context, m engine.Message) (progress.Answer, error) {
	c.sent = append(c.sent, m)
	return progress.Answer{Result: trail.Sent}, nil
}

// A customer unsubscribes by an earlier message while a worker sends them the next, in the
// orders of two turns of the call that is first and two of the other. A good second passes
// when they have unsubscribed. No message is claimed after that, the customer leaves with a
// result, and that they unsubscribed is stored and heard.
func TestUnsubscribe_RacesWithAClaim(t *testing.T) {
	t.Parallel()

	w := newOrderly(t)
	results := map[trail.Result]int{}
	run := func(turns []int, workerFirst bool) (requests [2]int) {
		customer := fmt.Sprintf("turns %v, worker first: %t", turns, workerFirst)
		w.enroll(t, customer, hash)
		token := w.send(t, customer, "news")
		c, unsubscribed := &claims{now: time.Now()}, time.Time{}
		calls := []func(context.Context){
			func(ctx context.Context) {
				worker := engine.Engine{
					Table: watched{w.store.Engine, c}, Provider: c, Parallel: 1, Workers: 1, Now: func() time.Time { return c.now },
					Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{}, Key: key.Fixed(w.key),
				}
				assert.NoError(t, worker.Advance(ctx, engine.Pack{Tenant: acme, Journey: w.id, Customers: []string{customer}}), customer)
			},
			func(ctx context.Context) {
				assert.Equal(t, http.StatusOK, w.oneClickIn(ctx, token), customer)
				unsubscribed = c.now
				c.now = c.now.Add(engine.LiveFor + time.Millisecond)
			},
		}
		if !workerFirst {
			slices.Reverse(calls)
		}
		requests = dynamotest.Interleave(t.Context(), turns, calls[0], calls[1])
		e, err := w.store.Enrollments.Enrollment(t.Context(), acme, w.id, customer)
		require.NoError(t, err)
		require.Equal(t, progress.Completed, e.Status, customer)
		result := e.Path.Visits(e.EnrolledAt)[1].Result
		results[result]++
		require.Len(t, c.sent, map[trail.Result]int{trail.Sent: 1}[result], customer)
		require.False(t, len(c.sent) > 0 && c.claimed.After(unsubscribed.Add(engine.LiveFor)), "%s: claimed too late", customer)
		said, err := w.store.Topics.Subscriptions(t.Context(), acme, customer)
		require.NoError(t, err)
		require.False(t, said.Statements["news"].At.IsZero() || said.Statements["news"].In, customer)
		events, err := w.store.Events.Remembered(t.Context(), acme, customer, []string{condition.Unsubscribed})
		require.NoError(t, err)
		require.Len(t, events[condition.Unsubscribed], 1, customer)
		return requests
	}
	most := run(nil, true)
	require.Greater(t, min(most[0], most[1]), 3)
	for first := range most[0] + 1 {
		for second := range most[1] + 1 {
			if *every || (first+second)%3 == 0 {
				run([]int{first, second}, true)
				run([]int{second, first}, false)
			}
		}
	}
	require.Greater(t, results[trail.Sent], 10)
	require.Greater(t, results[trail.SkippedUnsubscribed], 10)
}

// A customer who was forgotten minutes ago is there again, and gets a message through a
// channel without addresses. They are not told that they unsubscribed before they can.
func TestUnsubscribe_OfOneWhoWasForgottenLately(t *testing.T) {
	t.Parallel()

	w := newOrderly(t)
	require.NoError(t, w.store.Customers.Forget(t.Context(), acme, "eve", time.Now(), journey.Forgetting{}))
	token := w.enroll(t, "eve", "")
	require.Equal(t, http.StatusServiceUnavailable, w.post(token, oneClick).Code)
	w.Service.Now = func() time.Time { return time.Now().Add(time.Hour) }
	require.Equal(t, http.StatusOK, w.post(token, oneClick).Code)
	said, err := w.store.Topics.Subscriptions(t.Context(), acme, "eve")
	require.NoError(t, err)
	require.Contains(t, said.Statements, "news")
}
