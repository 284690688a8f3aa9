package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

// A goal event races with the message that a worker claims, sends and records, with a
// removal, with a repeat of the event, and with a lease that ends, in every order of their
// requests. The run converts exactly once, and nothing that was sent is lost.
func TestGoal_EveryOrderOfEventAndMessage(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name   string
		graph  string
		sides  func(x *exitRace) []func(context.Context) error
		dies   bool // the worker dies before each of its requests in turn
		some   int  // number of orders drawn at random; 0 for all
		least  int  // orders to expect at least
		window int  // days
	}{
		{"a worker", messageAndWait, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true)}
		}, false, 0, 50, 0},
		{"a worker that dies", messageAndWait, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true)}
		}, true, 0, 100, 0},
		{"a worker that fails the customer", messageAndDeadEnd, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true)}
		}, false, 0, 20, 0},
		{"a worker and the removal", messageAndWait, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.worker(true), x.remove}
		}, false, 1500, 1500, 1},
		{"a repeat, a dying worker and the end of its lease", messageAndWait, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.event("e1"), x.worker(true), x.passLease}
		}, true, 500, 1500, 1},
		{"two events and two workers", messageAndWait, func(x *exitRace) []func(context.Context) error {
			return []func(context.Context) error{x.event("e1"), x.event("e2"), x.worker(true), x.worker(false)}
		}, false, 1500, 1500, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			orders := 0
			for dies := range 5 {
				if row.dies == (dies == 0) {
					continue // 0 is never
				}
				try := func(choices []int) []int {
					x := newGoalRace(t, row.graph, dies, row.window)
					running := x.run(t, row.sides(x), choices)
					x.settle(t, true)
					x.requireConverted(t, fmt.Sprint(row.name, " ", dies, choices))
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

// newGoalRace is newExitRace in a journey with a goal.
func newGoalRace(t *testing.T, graph string, dies, window int) *exitRace {
	t.Helper()
	x := &exitRace{race: newRace(t, graph), dies: dies}
	goal := fmt.Sprintf(`{"goal":{"eventType":"opened","windowDays":%d}}`, window)
	d, err := journey.LoadDefinition(journey.Journey{Definition: x.graph.Raw, Settings: []byte(goal)}.GraphText(), x.graph.Hash)
	require.NoError(t, err)
	x.graph = d
	require.NoError(t, x.enroll(t.Context()))
	x.queue = nil
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

// requireConverted requires one conversion, in the last revision and in the figures.
func (x *exitRace) requireConverted(t *testing.T, where string) {
	t.Helper()
	require.False(t, x.e.ConvertedAt.IsZero(), where)
	require.Zero(t, x.e.PendingConversion, where)
	require.NoError(t, x.graph.Graph.Shape().Check(*x.e), where)
	marks, messages := 0, 0
	var counted analytics.Figures
	for i, e := range x.written {
		if i > 0 {
			require.Equal(t, x.written[i-1].Rev+1, e.Rev, where)
		}
		if len(e.Delta) > 1 && e.Delta[1]&byte(trail.MarkConverted) != 0 {
			marks++
		}
		if len(e.Delta) > 0 {
			require.NoError(t, counted.Apply(analytics.Write{Graph: e.GraphHash, Version: 1, At: e.WrittenAt, Delta: e.Delta}), where)
		}
	}
	for _, v := range x.e.Path.Visits(x.e.EnrolledAt) {
		if v.Result == trail.Sent {
			messages++
		}
	}
	require.Equal(t, 1, marks, where)
	require.Empty(t, counted.Faults(), where)
	require.LessOrEqual(t, messages, 1, where)
	require.LessOrEqual(t, x.sent, 1, where)
	var recounted analytics.Figures
	recounted.Recount(*x.e, analytics.DayOf(x.now.Add(24*time.Hour)))
	want, got := recounted.Graphs[x.graph.Hash], counted.Graphs[x.graph.Hash]
	require.EqualValues(t, 1, got.Totals.Conversions, where)
	require.Equal(t, want.Totals, got.Totals, where)
	require.Equal(t, want.Steps, got.Steps, where)
}
