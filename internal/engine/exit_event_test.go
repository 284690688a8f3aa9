package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"journeys/internal/progress"

	"github.com/stretchr/testify/require"
)

// waitAndMessage begins with a long wait.
const waitAndMessage = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"pause","type":"wait","config":{"delayHours":48}},
	{"id":"hello","type":"channel_action","config":{"channel":"push"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"pause"},{"source":"pause","target":"hello"},{"source":"hello","target":"out"}]}`

// someOrdersOfThree is how many orders of three long sides are tried.
const someOrdersOfThree = 2000

const (
	closedCancels   = `{"exitOn":[{"eventType":"closed"}]}`
	closedCompletes = `{"exitOn":[{"eventType":"closed","reason":"done","as":"completed"}]}`
	// closedByProfile is an exit of which the event's handler can only tell with the profile.
	closedByProfile = `{"exitOn":[{"eventType":"closed","condition":{"field":"plan","operator":"exists","value":false}}]}`
)

// The event of an exit races with enroll calls, messages that workers claim, send and
// record, workers that die, leases that end, pauses, and other events, in every order of
// their requests. Customers leave if the event was received after they entered, and only
// then; at once, unless a message was claimed or the enroll call still ran. No message is
// claimed after the event was answered. Figures are those of the path.
func TestExit_EveryOrderOfEventAndMessage(t *testing.T) {
	t.Parallel()

	inside := func(sides ...func(*exitEventRace, context.Context) error) func(*testing.T, *exitEventRace) []func(context.Context) error {
		return func(t *testing.T, x *exitEventRace) (list []func(context.Context) error) {
			require.NoError(t, x.enroll(t.Context()))
			x.queue = nil
			for _, side := range sides {
				list = append(list, func(ctx context.Context) error { return side(x, ctx) })
			}
			return list
		}
	}
	entering := func(_ *testing.T, x *exitEventRace) []func(context.Context) error {
		return []func(context.Context) error{x.closed, x.late(x.enroll)}
	}
	closed, worker := (*exitEventRace).closed, (*exitEventRace).work
	for _, row := range []struct {
		name     string
		graph    string
		settings string
		sides    func(*testing.T, *exitEventRace) []func(context.Context) error
		dies     bool
		atOnce   bool // they have left when all sides have ended
		least    int  // orders to expect at least
	}{
		{"a worker", messageAndWait, closedCancels, inside(closed, worker), false, true, 40},
		{"a worker, completed", messageAndWait, closedCompletes, inside(closed, worker), false, true, 40},
		{"a condition on the profile", messageAndWait, closedByProfile, inside(closed, worker), false, true, 40},
		{"a worker that dies", messageAndWait, closedCancels, inside(closed, worker), true, false, 100},
		{"a worker that fails them", messageAndDeadEnd, closedCompletes, inside(closed, worker), false, true, 20},
		{"a lease that ends", messageAndWait, closedCompletes, inside(closed, worker, (*exitEventRace).passLease), false, false, someOrdersOfThree},
		{"a pause", messageAndWait, closedCancels, inside(closed, worker, (*exitEventRace).pause), false, true, 200},
		{"the event twice", messageAndWait, closedCancels, inside(closed, closed, worker), false, true, someOrdersOfThree},
		{"an enroll call", messageAndWait, closedCancels, entering, false, false, 10},
		{"an enroll call that enters a wait", waitAndMessage, closedCancels, entering, false, false, 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			exit := progress.ExitRequest{Reason: "event:closed"}
			if row.settings == closedCompletes {
				exit = progress.ExitRequest{Reason: "done", Completed: true}
			}
			orders, left, stayed, recorded := 0, 0, 0, 0
			for dies := range 7 {
				if row.dies == (dies == 0) {
					continue // 0 is never
				}
				try := everyOrder
				if row.least == someOrdersOfThree {
					try = func(try func([]int) []int) int { return someOrders(row.least, try) }
				}
				orders += try(func(choices []int) []int {
					order := fmt.Sprint(row.name, " ", dies, choices)
					x := newExitEventRace(t, row.graph, row.settings, dies)
					running := x.run(t, row.sides(t, x), choices)
					counts := slices.ContainsFunc(x.stamps, func(s progress.Stamp) bool { return s.At.After(x.e.EnrolledAt) })
					if row.atOnce && counts {
						require.NotEqual(t, progress.Inside, x.e.Status, order)
					}
					x.lives[0].On = true
					x.settle(t, true)
					x.passWaits(t)
					if counts {
						sent, _ := x.requireLeft(t, exit, order)
						left, recorded = left+1, recorded+sent
					} else {
						require.NotEqual(t, exit.Reason, x.e.ExitReason, order)
						stayed++
					}
					return running
				})
				if !row.dies {
					break
				}
			}
			require.GreaterOrEqual(t, orders, row.least)
			t.Logf("%d orders: left by the event in %d, after a message in %d; received before the entry in %d", orders, left, recorded, stayed)
		})
	}
}

// exitEventRace is an exitRace whose customer leaves by events. It notes when the first
// event was answered.
type exitEventRace struct {
	*exitRace
	t        *testing.T
	answered int // how many revisions there were then; -1 before
}

func newExitEventRace(t *testing.T, graph, settings string, dies int) *exitEventRace {
	x := &exitEventRace{exitRace: &exitRace{race: newRace(t, graph), dies: dies}, t: t, answered: -1}
	x.pin(t, settings)
	x.onSend = func(ctx context.Context) error {
		x.ask(ctx)
		if isDead(ctx) {
			return errDead
		}
		x.sent++
		claim := len(x.written) - 1
		for claim >= 0 && x.written[claim].LeaseUntil.IsZero() {
			claim--
		}
		counts := slices.ContainsFunc(x.stamps, func(s progress.Stamp) bool { return s.At.After(x.e.EnrolledAt) })
		if counts && x.answered >= 0 && claim >= x.answered {
			x.t.Errorf("a message was claimed after the event was answered")
		}
		return nil
	}
	return x
}

func (x *exitEventRace) closed(ctx context.Context) error {
	x.ask(ctx)
	err := x.eventOf("closed", "e")(ctx)
	if x.answered < 0 && err == nil && x.e != nil {
		x.answered = len(x.written)
	}
	return err
}

func (x *exitEventRace) work(ctx context.Context) error { return x.worker(true)(ctx) }

// pause pauses the journey.
func (x *exitEventRace) pause(ctx context.Context) error {
	x.ask(ctx)
	x.lives[0].On = false
	return nil
}

// passWaits lets the longest wait of the graph end.
func (x *exitEventRace) passWaits(t *testing.T) {
	x.now = x.now.Add(49 * time.Hour)
	x.settle(t, true)
}
