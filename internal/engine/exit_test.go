package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// messageAndWait sends a message, and then waits for longer than any lease.
const messageAndWait = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"hello","type":"channel_action","config":{"channel":"push"}},
	{"id":"pause","type":"wait","config":{"delayHours":48}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"pause"},{"source":"pause","target":"out"}]}`

// messageAndDeadEnd sends a message, and fails the customer behind it.
const messageAndDeadEnd = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"hello","type":"channel_action","config":{"channel":"push"}},
	{"id":"fork","type":"condition_split","config":{"condition":{"field":"a","operator":"exists"}}}],
	"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"fork"}]}`

// A removal races with the message that a worker claims, sends and records, in every
// order of their requests; with workers that die before any of their requests; and
// with leases that end. The customer always leaves as removed. A message that was
// sent is in the path and in the figures, unless its worker died or its lease ended
// before it was recorded.
func TestExit_EveryOrderOfRemovalAndMessage(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name    string
		graph   string
		workers int
		late    bool // the clock passes the lease at some moment
		dies    bool // the first worker dies before each of its requests in turn
		least   int  // orders to expect at least
	}{
		{"a worker", messageAndWait, 1, false, false, 25},
		{"a worker that dies", messageAndWait, 1, false, true, 60},
		{"a lease that ends", messageAndWait, 1, true, false, 250},
		{"a worker that dies, and a lease that ends", messageAndWait, 1, true, true, 400},
		{"a worker that fails the customer", messageAndDeadEnd, 1, false, false, 10},
		{"two workers", messageAndWait, 2, false, false, 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			orders, recorded, doubtful := 0, 0, 0
			for dies := range 5 {
				if row.dies == (dies == 0) {
					continue // 0 is never
				}
				orders += everyOrder(func(choices []int) []int {
					x := newExitRace(t, row.graph, dies)
					sides := []func(context.Context) error{x.remove}
					for i := range row.workers {
						sides = append(sides, x.worker(i == 0))
					}
					if row.late {
						sides = append(sides, x.passLease)
					}
					running := x.run(t, sides, choices)
					x.settle(t, true)
					sent, doubt := x.requireLeft(t, progress.ExitRequest{Reason: "removed"}, fmt.Sprint(row.name, " ", dies, choices))
					require.True(t, doubt == 0 || row.dies || row.late, "%v: a living worker recorded nothing", choices)
					recorded, doubtful = recorded+sent, doubtful+doubt
					return running
				})
				if !row.dies {
					break
				}
			}
			require.GreaterOrEqual(t, orders, row.least)
			t.Logf("%d orders: the message was recorded in %d, and in doubt in %d", orders, recorded, doubtful)
		})
	}
}

// exitRace is a race whose messages take a turn, too.
type exitRace struct {
	*race
	dies int // the request before which the first worker dies; 0 for never
	sent int
}

func newExitRace(t *testing.T, graph string, dies int) *exitRace {
	x := &exitRace{race: newRace(t, graph), dies: dies}
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

func (x *exitRace) remove(ctx context.Context) error {
	return x.service.Remove(ctx, x.tenant, "jrn_0", "c")
}

// worker returns a worker, which is mortal if x.dies.
func (x *exitRace) worker(mortal bool) func(context.Context) error {
	return func(ctx context.Context) error {
		if mortal {
			ctx.Value(sideKey{}).(*side).dies = x.dies
		}
		_ = x.advance(ctx) // what a dead worker returns does not matter
		return nil
	}
}

// passLease lets every lease end.
func (x *exitRace) passLease(ctx context.Context) error {
	x.ask(ctx)
	x.now = x.now.Add(time.Minute)
	return nil
}

// requireLeft checks how the customer left, and that the figures of the writes are
// those of the path. It returns how many messages were recorded, and how many were
// sent but not recorded.
func (x *exitRace) requireLeft(t *testing.T, exit progress.ExitRequest, order string) (recorded, doubtful int) {
	status, totals := progress.Cancelled, tally.Totals{Enrolled: 1, Cancelled: 1}
	if exit.Completed {
		status, totals = progress.Completed, tally.Totals{Enrolled: 1, Completed: 1}
	}
	require.Equal(t, status, x.e.Status, order)
	require.Equal(t, exit.Reason, x.e.ExitReason, order)
	for _, visit := range x.e.Path.Visits(x.e.EnrolledAt) {
		if visit.Result == trail.Sent {
			recorded++
		}
	}
	require.LessOrEqual(t, recorded, min(x.sent, 1), order)

	var figures analytics.Figures
	for _, e := range x.written {
		require.NoError(t, figures.Apply(analytics.Write{Graph: e.GraphHash, Version: 1, At: e.WrittenAt, Delta: e.Delta}), order)
	}
	require.Empty(t, figures.Faults(), order)
	graph := figures.Graphs[x.graph.Hash]
	require.Equal(t, totals, graph.Totals, order)
	require.EqualValues(t, recorded, graph.Steps[1].Completed(), order) // hello
	require.NoError(t, x.graph.Graph.Shape().Check(*x.e), order)
	var recounted analytics.Figures
	recounted.Recount(*x.e, analytics.DayOf(x.now))
	require.Equal(t, graph.Totals, recounted.Graphs[x.graph.Hash].Totals, order)
	require.Equal(t, graph.Steps[1:], recounted.Graphs[x.graph.Hash].Steps[1:], order)
	return recorded, x.sent - recorded
}
