package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/progress"
)

// The customers whose lateness is measured, while no fault strikes.
const (
	inTimeCalls  = 10
	inTimeEvery  = 500 * time.Millisecond // between the calls
	inTimeCalled = 10                     // customers of a call
)

// inTimeWaits are the waits of these customers. A message follows each.
var inTimeWaits = []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond}

// lateness is how long after the end of the wait before them messages were sent, sorted.
type lateness []time.Duration

// sendInTime enrolls customers over some seconds, waits until their messages were sent, and
// returns how late. It allows drainFor, which no load takes, only starvation by a channel
// that hangs meanwhile: how late messages are depends on the machine.
func (w *world) sendInTime(t *testing.T) (all lateness) {
	t.Helper()
	c := w.start(t, sendingGraph("c0", inTimeWaits...), settings{}, "")
	c.alike = true
	ticker := time.NewTicker(inTimeEvery)
	defer ticker.Stop()
	for call := range inTimeCalls {
		w.enroll(t, c, w.addCustomers(t, c, inTimeCalled), fmt.Sprint("in-time-", call))
		<-ticker.C
	}
	messages := len(c.customers) * len(inTimeWaits)
	for limit := time.Now().Add(drainFor); ; <-ticker.C {
		_, list := w.load(t, c)
		all = nil
		for _, e := range list {
			all = append(all, messageLateness(c.graph(t, 1), e)...)
		}
		if len(all) == messages {
			slices.Sort(all)
			return all
		}
		require.True(t, time.Now().Before(limit), "%d of %d messages were sent within %s", len(all), messages, drainFor)
	}
}

// messageLateness returns the lateness of each message of a run, in the order of its path.
func messageLateness(g *progress.Graph, e progress.Enrollment) (late []time.Duration) {
	visits := e.Path.Visits(e.EnrolledAt)
	for i, v := range visits {
		if g.NodeType(v.Node) == graph.ChannelAction {
			due := visits[i-1].EnteredAt.Add(inTimeWaits[len(late)])
			late = append(late, e.LeftVisit(visits, i).Sub(due))
		}
	}
	return late
}

// percentile returns the value below which n of 100 are.
func (l lateness) percentile(n int) time.Duration { return l[(len(l)-1)*n/100] }

func (l lateness) String() string {
	const precision = 10 * time.Millisecond
	return fmt.Sprintf("p50 %s, p99 %s, at most %s", l.percentile(50).Round(precision), l.percentile(99).Round(precision), l.percentile(100).Round(precision))
}
