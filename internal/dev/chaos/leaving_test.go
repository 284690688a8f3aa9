package chaos

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/progress"
)

// Events that end runs or convert them, or start them.
const (
	closing    = "x0" // ends a run from atLeastToClose on
	closingOwn = "x1" // ends a run that an event with the same cart started
	reaching   = "g0" // converts a run from atLeastToReach on
	starting   = "s0" // starts a run of the journey toReenter
)

const (
	atLeastToClose = 5
	atLeastToReach = 3

	closedReason    = "event:" + closing
	closedOwnReason = "own_cart"
	leaveReason     = "asked_to_leave"
)

// settings are those settings of a journey that are pinned at the entry.
type settings struct {
	exits, when, goal bool
	window            int // days of the goal
}

// drawSettings returns the settings of the journeys, by their number.
func drawSettings(number int) settings {
	s := settings{exits: true, when: number != toArchive && number != toDelete, goal: true, window: 1}
	if number == toEdit { // until it is edited
		s = settings{goal: true}
	}
	return s
}

// members returns the settings as members of a journey.
func (s settings) members() string {
	exits, when, goal := `[]`, `null`, `null`
	if s.exits {
		exits = fmt.Sprintf(`[{"eventType":%q,"condition":{"field":"event.n","operator":"gte","value":%d}},
			{"eventType":%q,"match":{"event":"cart","entry":"cart"},"reason":%q,"as":"completed"}]`,
			closing, atLeastToClose, closingOwn, closedOwnReason)
	}
	if s.when {
		when = fmt.Sprintf(`{"condition":{"field":"leave","operator":"eq","value":true},"reason":%q}`, leaveReason)
	}
	if s.goal {
		goal = fmt.Sprintf(`{"eventType":%q,"condition":{"field":"event.n","operator":"gte","value":%d},"windowDays":%d}`,
			reaching, atLeastToReach, s.window)
	}
	return `"exitOn":` + exits + `,"exitWhen":` + when + `,"goal":` + goal
}

// reason returns the reason with which an event ends a run; "" if it does not. It leaves
// the time of the event aside.
func (s settings) reason(e *sentEvent, entry []byte) string {
	switch {
	case !s.exits:
	case e.kind == closing && e.n >= atLeastToClose:
		return closedReason
	case e.kind == closingOwn && entry != nil:
		var started struct{ Cart *int }
		if json.Unmarshal(entry, &started) == nil && started.Cart != nil && *started.Cart == e.cart {
			return closedOwnReason
		}
	}
	return ""
}

// requireLeft checks how a run ended that did not reach an exit of its graph, and that no
// run went on that had met an exit.
func (w *world) requireLeft(t *testing.T, c *cohort, e progress.Enrollment) {
	t.Helper()
	s, person, entry := c.settings[e.Version-1], c.people[e.Customer], w.written[e.Customer].runs[e.Run].event
	possible := e.ReachedExit()
	switch {
	case possible:
	case c.exitReason != "" && e.ExitReason == c.exitReason:
		possible = true
		w.madeToLeave++
	case e.ExitReason == leaveReason:
		for _, a := range person.attributes {
			possible = possible || s.when && leaves(a) && !a.From.After(e.LeftAt)
		}
		w.kinds[exitsByCondition]++
	default:
		for _, event := range w.events[e.Customer] {
			by := s.reason(w.sentBy[event.ID], entry) == e.ExitReason
			possible = possible || by && event.At.After(e.EnrolledAt) && !event.At.After(e.LeftAt)
		}
		w.kinds[exitsByEvent]++
	}
	require.True(t, possible, "%s left run %d as %s by %q, but nothing led to that", e.Customer, e.Run, e.Status, e.ExitReason)
	if own := e.ExitReason == closedOwnReason; !e.ReachedExit() {
		require.Equal(t, own, e.Status == progress.Completed, "%s left run %d", e.Customer, e.Run)
	}
	if c.exitReason != "" {
		return // an event takes no customer out of a journey that has ended
	}
	for _, event := range w.events[e.Customer] {
		if s.reason(w.sentBy[event.ID], entry) != "" && event.At.After(e.EnrolledAt) {
			requireStopped(t, c, e, event.Stored)
		}
	}
	for i, a := range person.attributes[1:] {
		if before := person.attributes[i]; s.when && leaves(a) && !before.Until.IsZero() {
			requireStopped(t, c, e, later(before.Until, e.EnrolledAt).Add(longestCall))
		}
	}
}

// longestCall is longer than a worker takes from its read of the attributes to its last
// step by them, even if it is frozen.
const longestCall = 30 * time.Second

func leaves(a journeytest.Attributes) bool {
	return string(a.Value.Get("leave").AppendJSON(nil)) == "true"
}

// requireStopped checks that a run that had met an exit by then left no wait and claimed no
// message later.
func requireStopped(t *testing.T, c *cohort, e progress.Enrollment, by time.Time) {
	t.Helper()
	visits := e.Path.Visits(e.EnrolledAt)
	g := c.graph(t, e.Version)
	for i, v := range visits {
		if at := g.NodeType(v.Node); at == graph.Wait {
			require.False(t, e.LeftVisit(visits, i).After(by), "%s left the wait at %s in run %d after an exit", e.Customer, g.NodeID(v.Node), e.Run)
		} else if at == graph.ChannelAction {
			require.False(t, v.EnteredAt.After(by), "%s got the message of %s in run %d after an exit", e.Customer, g.NodeID(v.Node), e.Run)
		}
	}
}

// requireConverted checks the conversion of a run against the events. next is the run that
// follows; nil for none.
func (w *world) requireConverted(t *testing.T, c *cohort, e progress.Enrollment, next *progress.Enrollment) {
	t.Helper()
	s := c.settings[e.Version-1]
	until := e.EnrolledAt.AddDate(0, 0, s.window)
	converted, must := false, false
	visits := e.Path.Visits(e.EnrolledAt)
	for _, event := range w.events[e.Customer] {
		sent := w.sentBy[event.ID]
		switch {
		case !s.goal, sent.kind != reaching, sent.n < atLeastToReach, !event.At.After(e.EnrolledAt),
			event.At.After(e.LeftAt) && event.At.After(until), next != nil && event.At.After(next.EnrolledAt):
			continue
		}
		// A step that was left in the very millisecond of the event may count or not.
		least, most := 0, 0
		for i := range visits {
			if left := e.LeftVisit(visits, i); left.Before(event.At) {
				least, most = i+1, i+1
			} else if left.Equal(event.At) {
				most = i + 1
			}
		}
		converted = converted || least <= e.ConvertedSteps && e.ConvertedSteps <= most && !event.At.After(e.ConvertedAt)
		// An event that is handled after the next run began finds only that one.
		must = must || c.exitReason == "" && (next == nil || event.Stored.Before(next.EnrolledAt))
	}
	if e.ConvertedAt.IsZero() {
		require.False(t, must, "%s did not convert in run %d", e.Customer, e.Run)
		return
	}
	require.True(t, converted, "%s converted in run %d after %d steps at %s, but by no event of %v; its path is %v, left %s, next %v",
		e.Customer, e.Run, e.ConvertedSteps, e.ConvertedAt, w.events[e.Customer], visits, e.LeftAt, next)
	w.kinds[conversions]++
	if e.ConvertedAt.After(e.LeftAt) {
		w.kinds[lateConversions]++
	}
}

// sendLate sends events for the goal to some customers of each journey, after all have
// left.
func (w *world) sendLate(t *testing.T) {
	t.Helper()
	for _, c := range w.cohorts {
		for range 3 {
			e := w.newEvent(c.customers[w.r.IntN(len(c.customers))], reaching)
			w.send(t, e)
			require.False(t, e.stored.IsZero(), "the event %s was never accepted", e.id)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
