package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// A goal event races with the message that a worker claims, sends and records, with a
// removal, with a repeat of the event, and with a lease that ends, in every order of their
// requests. The run converts exactly once, and nothing that was sent is lost.
func TestGoal_EveryOrderOfEventAndMessage(t *testing.T) {
	t.Parallel()

	const leaving = `"exitOn":[{"eventType":"opened"}],"goal":{"eventType":"opened","windowDays":0}`
	for _, row := range []struct {
		name     string
		graph    string
		settings string
		sides    func(x *exitRace) []func(context.Context) error
		dies     bool // the worker dies before each of its requests in turn
		some     int  // number of orders drawn at random; 0 for all
		least    int  // orders to expect at least
	}{
		{"a worker", messageAndWait, goalWithin(0), func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true)}
		}, false, 0, 200},
		{"a worker that dies", messageAndWait, goalWithin(0), func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true)}
		}, true, 0, 300},
		{"a worker that fails the customer", messageAndDeadEnd, goalWithin(0), func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true)}
		}, false, 0, 200},
		{"an event that also takes the customer out", messageAndWait, leaving, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true)}
		}, false, 0, 200},
		{"the same with a dying worker and a repeat", messageAndWait, leaving, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.event("e1"), x.worker(true), x.passLease}
		}, true, 200, 800},
		{"a worker and the removal", messageAndWait, goalWithin(1), func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true), x.remove}
		}, false, 800, 800},
		{"a repeat, a dying worker and the end of its lease", messageAndWait, goalWithin(1), func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.event("e1"), x.worker(true), x.passLease}
		}, true, 200, 800},
		{"two events and two workers", messageAndWait, goalWithin(1), func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.event("e2"), x.worker(true), x.worker(false)}
		}, false, 800, 800},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			orders := 0
			for dies := range 5 {
				if row.dies == (dies == 0) {
					continue // 0 is never
				}
				try := func(choices []int) []int {
					x := newGoalRace(t, row.graph, row.settings, dies)
					require.NoError(t, x.enroll(t.Context()))
					x.queue = nil
					where := fmt.Sprint(row.name, " ", dies, choices)
					running := x.run(t, row.sides(x), choices)
					x.settle(t, true)
					require.Equal(t, 1, x.requireConversions(t, where), where)
					require.Equal(t, row.settings == leaving, x.e.ExitReason == "event:opened", where)
					return running
				}
				if row.some > 0 {
					orders += someOrders(row.some, try)
				} else {
					orders += everyOrder(try)
				}
			}
			require.GreaterOrEqual(t, orders, row.least)
			t.Logf("%d orders", orders)
		})
	}
}

// An event that is received while the enroll call still runs converts the customer, and one
// from before does not.
func TestGoal_EveryOrderOfEventAndEnrollment(t *testing.T) {
	t.Parallel()

	before, after := 0, 0
	orders := everyOrder(func(choices []int) []int {
		x := newGoalRace(t, messageAndWait, goalWithin(1), 0)
		running := x.run(t, []func(context.Context) error{x.late(x.enroll), x.late(x.event("e1"))}, choices)
		x.settle(t, false)
		want := 0
		if x.stamps[0].At.After(x.e.EnrolledAt) {
			want = 1
		}
		before, after = before+1-want, after+want
		require.Equal(t, want, x.requireConversions(t, fmt.Sprint(choices)), "%v", choices)
		return running
	})
	require.Positive(t, before)
	require.Positive(t, after)
	t.Logf("%d orders: the event was received before the entry in %d, after it in %d", orders, before, after)
}

// goalWithin returns settings with a goal.
func goalWithin(days int) string {
	return fmt.Sprintf(`"goal":{"eventType":"opened","windowDays":%d}`, days)
}

// newGoalRace is newExitRace in a journey with a goal.
func newGoalRace(t *testing.T, graph, settings string, dies int) *exitRace {
	t.Helper()
	x := &exitRace{race: newRace(t, graph), dies: dies}
	d, err := journey.LoadDefinition(journey.Journey{Definition: x.graph.Raw, Settings: []byte("{" + settings + "}")}.GraphText(), x.graph.Hash)
	require.NoError(t, err)
	x.graph = d
	x.onSend = func(ctx context.Context) error {
		x.ask(ctx)
		if isDead(ctx) {
			return errDead
		}
		x.sent++
		return nil
	}
	return x
}

// requireConversions returns how many conversions the writes counted, and requires that the
// last revision agrees, and that a message that a living worker sent is recorded.
func (x *exitRace) requireConversions(t *testing.T, where string) (conversions int) {
	t.Helper()
	require.Zero(t, x.e.PendingConversion, where)
	require.NoError(t, x.graph.Graph.Shape().Check(*x.e), where)
	messages := 0
	var figures, recounted analytics.Figures
	for i, e := range x.written {
		if i > 0 {
			require.Equal(t, x.written[i-1].Rev+1, e.Rev, where)
		}
		if e.Rev > 1 && e.Woken != (progress.Stamp{}) {
			continue // the write of a wake-up has no delta
		}
		require.NoError(t, figures.Apply(analytics.Write{Graph: e.GraphHash, Version: 1, At: e.WrittenAt, Delta: e.Delta}), where)
	}
	for _, v := range x.e.Path.Visits(x.e.EnrolledAt) {
		if v.Result == trail.Sent {
			messages++
		}
	}
	require.Empty(t, figures.Faults(), where)
	require.LessOrEqual(t, messages, min(x.sent, 1), where)
	if x.e.Status == progress.Inside || x.e.Status == progress.Failed {
		require.Equal(t, 1, messages, where)
	}
	recounted.Recount(*x.e, analytics.DayOf(x.now))
	want, got := recounted.Graphs[x.graph.Hash], figures.Graphs[x.graph.Hash]
	require.Equal(t, want.Totals, got.Totals, where)
	require.Equal(t, want.Steps, got.Steps, where)
	require.Equal(t, x.e.ConvertedAt.IsZero(), got.Totals.Conversions == 0, where)
	return int(got.Totals.Conversions)
}
