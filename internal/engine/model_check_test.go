package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

// check compares the end of each enrollment with its simulation, and the messages
// and figures with the enrollments.
func (m *model) check(seed uint64) {
	sends := map[string]bool{}
	ended := map[journey.EnrollmentStatus]int64{}
	for customer, e := range m.items {
		where := fmt.Sprintf("seed %d customer %s: %s", seed, customer, e.ExitReason)
		ended[e.Status]++
		require.Contains(m.t, []journey.EnrollmentStatus{journey.Completed, journey.Cancelled}, e.Status, where)
		g := m.definitions[e.GraphHash].Graph
		visits := e.Path.Visits(e.EnrolledAt)
		var way []string
		for _, visit := range visits {
			way = append(way, step(g, visit.Node, visit.Result.Name(g.Node(visit.Node).Ways)))
			effect := customer + " " + g.NodeID(visit.Node)
			if visit.Result == trail.Sent {
				require.Contains(m.t, m.sends, effect, where)
				sends[effect] = true
			}
			if visit.Result == trail.EffectError && g.NodeType(visit.Node) == graph.ChannelAction {
				require.True(m.t, g.Action(visit.Node).GoOnError && refuses(effect), where)
				require.NotContains(m.t, m.sends, effect, where)
				m.faults["went on"]++
			}
		}
		require.NoError(m.t, g.Shape().Check(e), where)
		m.requireUpdates(where, e, visits)
		if e.Status == journey.Cancelled { // a message may have been sent, and its result not written
			sends[customer+" "+g.NodeID(e.Node)] = true
		}
		if mixes(g) {
			m.faults["date or event"]++
			continue
		}
		events := m.requireEvents(where, e, visits)
		known := m.known(e, visits)
		expected := m.simulate(e, visits[:known], events)
		if e.Status == journey.Cancelled || known < len(way) {
			expected, way = expected[:known], way[:known]
		}
		require.Equal(m.t, expected, way, where)
	}
	for effect := range m.sends {
		require.Contains(m.t, sends, effect, "seed %d: a message that no enrollment records", seed)
	}
	require.Len(m.t, m.inbox, len(m.sends), "seed %d: each message once", seed)
	require.Empty(m.t, m.figures.Faults(), "seed %d", seed)
	totals := m.figures.Totals()
	require.Equal(m.t, []int64{int64(len(m.items)), ended[journey.Completed], ended[journey.Cancelled], 0, 0},
		[]int64{totals.Enrolled, totals.Completed, totals.Cancelled, totals.Failed, totals.Active()}, "seed %d", seed)
}

// mixes reports whether a wait until a date awaits an event too. How it ends depends on
// when the profile was written, which /test does not know.
func mixes(g *journey.Graph) bool {
	for i := range g.Len() {
		if n := g.Node(i); n.Until != nil && n.Awaits != nil {
			return true
		}
	}
	return false
}

// requireUpdates checks that each update_customer on the customer's path added 1 to its
// attribute once, that no other did, and that no patch was lost.
func (m *model) requireUpdates(where string, e journey.Enrollment, visits []trail.Visit) {
	expected := map[string]int{}
	for _, visit := range visits {
		if visit.Result == trail.Updated {
			expected[m.definitions[e.GraphHash].Graph.NodeID(visit.Node)] = 1
		}
	}
	var stored struct {
		Total   map[string]int
		Patches int
	}
	if p, ok := m.profiles[e.Customer]; ok {
		require.NoError(m.t, json.Unmarshal(p.Stored.Attributes, &stored))
	}
	require.Equal(m.t, m.patches[e.Customer], stored.Patches, where)
	require.Equal(m.t, len(expected), len(stored.Total), where)
	for id, n := range expected {
		require.Equal(m.t, n, stored.Total[id], "%s: the update of %s", where, id)
	}
}

// step names a node and how it was left. Of a wait until a date, whether time or an
// event ended it depends on the profile at that time.
func step(g *journey.Graph, node int, result string) string {
	if g.Node(node).Until != nil && result != "exited" {
		result = "over"
	}
	return g.NodeID(node) + " " + result
}

// skew is slightly more than the clocks of two processes can differ.
const skew = 250 * time.Millisecond

// requireEvents checks how the waits of a run ended: by an event only if one could end
// that wait and had ended no other, and by their time only if none was stored in time. It
// returns an event for each wait that one ended.
func (m *model) requireEvents(where string, e journey.Enrollment, visits []trail.Visit) (found []simulate.Event) {
	g := m.definitions[e.GraphHash].Graph
	last := journey.Stamp{}
	for _, visit := range visits {
		n := g.Node(visit.Node)
		if n.Awaits == nil {
			continue
		}
		at := e
		at.Status, at.Node, at.Since, at.Path = journey.Inside, visit.Node, visit.EnteredAt, nil
		if stored, ok := m.heardBefore[fmt.Sprint(e.Customer, " ", e.EnrolledAt, visit.Node)]; ok {
			last = stored // else one write passed the wait
		}
		at.Heard = last
		var ends []journey.Received
		types := map[journey.Stamp]string{}
		inTime := false
		for _, eventType := range n.Events {
			for _, h := range m.heard[e.Customer+" "+eventType] {
				if result, ok := m.endsWait(g, at, eventType, h.Received); ok && (result == visit.Result || !visit.Result.EndedByEvent(n)) {
					ends, types[h.Stamp] = append(ends, h.Received), eventType
					late := h.Received
					late.At = h.stored.Add(skew)
					_, ok := m.endsWait(g, at, eventType, late)
					inTime = inTime || ok
				}
			}
		}
		if !visit.Result.EndedByEvent(n) {
			require.False(m.t, inTime, "%s: at %s an event was lost", where, n.ID)
			continue
		}
		require.NotEmpty(m.t, ends, "%s: woken at %s without an event", where, n.ID)
		slices.SortFunc(ends, func(a, b journey.Received) int { return a.Compare(b.Stamp) })
		last = ends[0].Stamp
		found = append(found, simulate.Event{Type: types[last], Properties: ends[0].Properties})
	}
	return found
}

// endsWait returns the result with which an event ends e's wait, if it was the only one.
func (m *model) endsWait(g *journey.Graph, e journey.Enrollment, eventType string, event journey.Received) (trail.Result, bool) {
	in := journey.Input{Now: e.Since, Attributes: m.profiles[e.Customer].Attributes, HasAttributes: true, Events: map[string][]journey.Received{}}
	for _, other := range g.Node(e.Node).Events {
		in.Events[other] = nil
	}
	in.Events[eventType] = []journey.Received{event}
	e.WrittenAt = e.Since
	e, _ = g.Step(e, in)
	if visits := e.Path.Visits(e.EnrolledAt); len(visits) > 0 {
		return visits[0].Result, true
	}
	return trail.NoResult, false
}

// known returns how many of the visits /test can foretell: those up to a message that
// failed, if a condition reads its result, since to /test each message is sent.
func (m *model) known(e journey.Enrollment, visits []trail.Visit) int {
	d := m.definitions[e.GraphHash]
	for i, visit := range visits {
		failed := visit.Result == trail.EffectError && d.Graph.NodeType(visit.Node) == graph.ChannelAction
		if failed && strings.Contains(string(d.Raw), `"step.`+d.Graph.NodeID(visit.Node)+`.result"`) {
			return i + 1
		}
	}
	return len(visits)
}

// simulate returns the way that /test shows, with an event like those for each wait that
// an event ended.
func (m *model) simulate(e journey.Enrollment, visits []trail.Visit, events []simulate.Event) []string {
	d := m.definitions[e.GraphHash]
	service := journey.NewService(journey.Stores{Journeys: simulated{d: d}}, func() time.Time { return m.now }, nil)
	request := simulate.Request{Customer: e.Customer, Attributes: m.first[e.Customer], Now: e.EnrolledAt, Decisions: map[string]condition.Value{}}
	if e.Event != nil {
		request.EntryEvent = &simulate.Event{Type: starting, Properties: e.Event}
	}
	for i := range d.Graph.Len() {
		if answer, ok := m.decisions[d.Graph.NodeID(i)]; ok && d.Graph.NodeType(i) == graph.NBADecision {
			request.Decisions[d.Graph.NodeID(i)] = answer
		}
	}
	walk := func() simulate.Simulation {
		s, err := simulate.Run(m.t.Context(), service, m.tenant, "", request)
		require.NoError(m.t, err)
		require.Equal(m.t, "exited", s.Outcome)
		return s
	}
	for i, visit := range visits {
		if visit.Result.EndedByEvent(d.Graph.Node(visit.Node)) {
			event := events[0]
			event.After = walk().Steps[i].At.Sub(e.EnrolledAt) + time.Millisecond
			request.Events, events = append(request.Events, event), events[1:]
		}
	}
	var way []string
	for i, s := range walk().Steps {
		if i < len(visits) && visits[i].Result == trail.EffectError && s.NodeType == graph.ChannelAction {
			s.Result = trail.EffectError.String() // /test takes each channel to be sound
		}
		node, _ := d.Graph.Index(s.NodeID)
		way = append(way, step(d.Graph, node, s.Result))
	}
	return way
}

// simulated is a JourneyStore with one graph.
type simulated struct {
	journey.JourneyStore
	d journey.Definition
}

func (s simulated) FullJourney(ctx context.Context, t journey.Tenant, id journey.ID) (journey.Journey, error) {
	return s.Journey(ctx, t, id)
}

func (s simulated) Journey(context.Context, journey.Tenant, journey.ID) (journey.Journey, error) {
	return journey.Journey{ID: "jrn_1", GraphHash: s.d.Hash, MaxDurationDays: 365, EntryCondition: []byte(`{"event":"` + starting + `"}`)}, nil
}

func (s simulated) Definition(context.Context, journey.Tenant, journey.ID, string) ([]byte, error) {
	return s.d.Raw, nil
}
