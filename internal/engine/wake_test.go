package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/progress"
	"journeys/internal/trail"
)

// twoWaits sends a message, and then waits for the same event twice: one event
// ends one wait.
const twoWaits = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"hello","type":"channel_action","config":{"channel":"push"}},
	{"id":"first","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"second","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"first"},
	{"source":"first","target":"second"},{"source":"second","target":"out"}]}`

// conditional waits twice for an event with a condition that reads the profile, so that the
// handler of the event cannot tell whether it ends the wait.
var conditional = strings.ReplaceAll(twoWaits, `"waitForEvent":"opened"`,
	`"waitForEvent":{"any":[{"id":"other","eventType":"closed"},{"id":"big","eventType":"opened","condition":
	{"all":[{"field":"event.n","operator":"gte","value":5},{"field":"plan","operator":"exists","value":false}]}}]}`)

// firstWait begins with the wait, so that the enroll call enters it.
const firstWait = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"first","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"second","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"first"},{"source":"first","target":"second"},{"source":"second","target":"out"}]}`

// An event and the wait for it race, in every order of their requests to the table. An
// event that is received after the entry ends one wait, also if that begins later. If
// nudges are lost, the next tick finds the customer.
func TestWake_EveryOrderOfEventAndWait(t *testing.T) {
	t.Parallel()

	advancing := func(r *race) func(context.Context) error {
		require.NoError(t, r.enroll(t.Context()))
		r.queue = nil
		return r.advance
	}
	for _, row := range []struct {
		name  string
		graph string
		sides func(*race) []func(context.Context) error
		least int // orders to expect at least
	}{
		{"a worker enters the wait", twoWaits, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.event("")), advancing(r)}
		}, 40},
		{"an enroll call enters the wait", firstWait, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.event("")), r.late(r.enroll)}
		}, 10},
		{"a worker dies after it has stored the wait", twoWaits, func(r *race) []func(context.Context) error {
			advance := advancing(r)
			return []func(context.Context) error{r.late(r.event("")), func(ctx context.Context) error {
				r.dead = true
				defer func() { r.dead = false }()
				require.Error(t, advance(ctx))
				return nil
			}}
		}, 20},
		{"a worker looks again at the wait", firstWait, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.event("")), advancing(r)}
		}, 40},
		{"the event comes twice", firstWait, func(r *race) []func(context.Context) error {
			require.NoError(t, r.enroll(t.Context()))
			r.queue = nil
			return []func(context.Context) error{r.event("one"), r.event("one")}
		}, 40},
		{"the event is repeated while a worker moves the customer", firstWait, func(r *race) []func(context.Context) error {
			require.NoError(t, r.enroll(t.Context()))
			require.NoError(t, r.event("one")(t.Context()))
			r.queue = nil
			r.unfinished("one")
			return []func(context.Context) error{r.late(r.event("one")), r.advance}
		}, 40},
		{"a worker enters a wait with a condition", conditional, func(r *race) []func(context.Context) error {
			r.properties = []byte(`{"n":5}`)
			return []func(context.Context) error{r.late(r.event("")), advancing(r)}
		}, 40},
		{"a worker looks again at a wait with a condition", conditional, func(r *race) []func(context.Context) error {
			r.properties = []byte(`{"n":5}`)
			advance := advancing(r)
			require.NoError(t, advance(t.Context()))
			r.queue = nil
			return []func(context.Context) error{r.late(r.event("")), advance}
		}, 40},
		{"two events and a worker", firstWait, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.event(""), r.event(""), advancing(r)}
		}, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, lost := range []bool{false, true} {
				ended := map[int]int{}
				orders := everyOrder(func(choices []int) []int {
					r := newRace(t, row.graph)
					running := r.run(t, row.sides(r), choices)
					r.settle(t, lost)
					ended[r.requireWoken(t, fmt.Sprint(row.name, lost, choices))]++
					return running
				})
				require.GreaterOrEqual(t, orders, row.least)
				t.Logf("nudges lost: %t; %d orders; waits ended by an event: orders %v", lost, orders, ended)
			}
		})
	}
}

// requireWoken checks that each event that was received after the entry ended one wait, and
// returns how many did. Two kinds do not: one for which no wait is left, and one that a
// later event had overtaken: that had ended a wait before this one was stored. If it had
// done so before the handler of this one last looked for waits, both is right.
func (r *race) requireWoken(t *testing.T, order string) (ended int) {
	least, most := 0, 0
	for _, stamp := range r.stamps {
		overtakenBy := func(revisions int) bool {
			return slices.ContainsFunc(r.written[:revisions], func(e progress.Enrollment) bool { return e.Heard.Compare(stamp) > 0 })
		}
		if stamp.At.After(r.e.EnrolledAt) && !overtakenBy(r.stored[stamp]) {
			most++
			if !overtakenBy(r.looked[stamp]) {
				least++
			}
		}
	}
	for _, visit := range r.e.Path.Visits(r.e.EnrolledAt) {
		require.NotEqual(t, trail.Waited, visit.Result, order)
		if visit.Result == trail.WokenByEvent {
			ended++
		}
	}
	require.GreaterOrEqual(t, ended, min(least, 2), "%s: entered %v, events %v", order, r.e.EnrolledAt, r.stamps)
	require.LessOrEqual(t, ended, min(most, 2), "%s: entered %v, events %v", order, r.e.EnrolledAt, r.stamps)
	if r.e.Status == progress.Inside && r.graph.Graph.Awaits(r.e.Node) != nil {
		require.Equal(t, r.e.Since.Add(48*time.Hour), r.e.Due, order)
	}
	return ended
}

// The clock of the handler that receives an event may be ahead of the worker's. One
// event still ends one wait.
func TestWake_ClockAheadEndsOneWait(t *testing.T) {
	r := newRace(t, firstWait)
	require.NoError(t, r.enroll(t.Context()))
	r.now = r.now.Add(time.Hour)
	require.NoError(t, r.event("e1")(t.Context()))
	r.now = r.now.Add(-20 * time.Millisecond)
	for _, p := range r.queue {
		require.NoError(t, r.engine().Advance(t.Context(), p))
	}
	require.Equal(t, 2, r.e.Node, "one event ended: %v", r.e.Path.Visits(r.e.EnrolledAt))
}

// A repeated event is as old as its first arrival: it does not end a wait that
// began since.
func TestWake_RepeatEndsNoLaterWait(t *testing.T) {
	r := newRace(t, firstWait)
	require.NoError(t, r.enroll(t.Context()))
	r.now = r.now.Add(time.Hour)
	require.NoError(t, r.event("one")(t.Context()))
	require.NoError(t, r.advance(t.Context()))
	second := *r.e
	require.Equal(t, 2, second.Node)

	r.unfinished("one")
	r.now = r.now.Add(time.Hour)
	require.NoError(t, r.event("one")(t.Context()))
	require.NoError(t, r.advance(t.Context()))
	require.Equal(t, second.Node, r.e.Node)
	require.Equal(t, second.Since.Add(48*time.Hour), r.e.Due)
}
