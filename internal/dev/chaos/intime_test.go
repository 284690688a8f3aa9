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

// The customers whose lateness is measured: they enter while the neighbor's channel hangs
// and no fault strikes.
const (
	inTimeCalls  = 10 // a second apart
	inTimeCalled = 10 // customers of a call
	inTimeFor    = 3 * time.Minute
)

// inTimeWaits are the waits of these customers. A message follows each.
var inTimeWaits = []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond}

// sendInTime enrolls customers over some seconds, waits until they are out, and returns how
// late their messages were after the waits before, sorted.
func (w *world) sendInTime(t *testing.T) (late []time.Duration) {
	t.Helper()
	c := w.start(t, sendingGraph("c0", inTimeWaits...), settings{}, "")
	c.alike = true
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for call := range inTimeCalls {
		w.enroll(t, c, w.addCustomers(t, c, inTimeCalled), fmt.Sprint("in-time-", call))
		<-ticker.C
	}
	for limit := time.Now().Add(inTimeFor); ; <-ticker.C {
		_, list := w.load(t, c)
		late = nil
		for _, e := range list {
			late = append(late, lateness(c.graph(t, 1), e)...)
		}
		if len(late) == len(list)*len(inTimeWaits) {
			slices.Sort(late)
			return late
		}
		require.True(t, time.Now().Before(limit), "%d of %d messages were sent after %s", len(late), len(list)*len(inTimeWaits), inTimeFor)
	}
}

// lateness returns how long after its due time each message of a run that follows a wait was
// sent, in the order of the path.
func lateness(g *progress.Graph, e progress.Enrollment) (late []time.Duration) {
	visits := e.Path.Visits(e.EnrolledAt)
	for i, v := range visits {
		if g.NodeType(v.Node) == graph.ChannelAction {
			due := visits[i-1].EnteredAt.Add(inTimeWaits[len(late)])
			late = append(late, e.LeftVisit(visits, i).Sub(due))
		}
	}
	return late
}

// percentile returns the value below which n of 100 of the sorted ones are.
func percentile(sorted []time.Duration, n int) time.Duration {
	return sorted[(len(sorted)-1)*n/100].Round(time.Millisecond)
}

// describe returns the figures of a distribution.
func describe(late []time.Duration) string {
	return fmt.Sprintf("p50 %s, p99 %s, most %s of %d", percentile(late, 50), percentile(late, 99), late[len(late)-1], len(late))
}
