package engine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/journey"
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
			way = append(way, g.NodeID(visit.Node)+" "+visit.Result.Name(g.Node(visit.Node).Ways))
			if visit.Result == journey.Sent {
				require.Contains(m.t, m.sends, customer+" "+g.NodeID(visit.Node), where)
				sends[customer+" "+g.NodeID(visit.Node)] = true
			}
			m.requireEvents(where, e, visit)
		}
		if e.Status == journey.Cancelled { // a message may have been sent, and its result not written
			sends[customer+" "+g.NodeID(e.Node)] = true
		}
		expected := m.simulate(e, visits)
		if e.Status == journey.Cancelled {
			expected = expected[:len(way)]
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

// skew is slightly more than the clocks of two processes can differ.
const skew = 250 * time.Millisecond

// requireEvents checks how a wait ended: by an event only if one was first received
// during the wait, and by its time only if none was stored during it.
func (m *model) requireEvents(where string, e journey.Enrollment, visit journey.Visit) {
	g := m.definitions[e.GraphHash].Graph
	if g.Awaits(visit.Node) == nil {
		return
	}
	awaited := g.Awaits(visit.Node)[0].Type
	e.Status, e.Node, e.Since = journey.Inside, visit.Node, visit.EnteredAt
	during, inTime := false, false
	for _, r := range m.records {
		during = during || r.Customer == e.Customer && g.EndsWait(e, kindOf(r), r.ReceivedAt)
	}
	for _, h := range m.heard[e.Customer+" "+awaited] {
		if g.EndsWait(e, awaited, h.received) {
			inTime = inTime || g.EndsWait(e, awaited, h.stored.Add(skew))
		}
	}
	if visit.Result.EndedByEvent(g.Node(visit.Node)) {
		require.True(m.t, during, "%s: woken at %s without an event", where, g.NodeID(visit.Node))
	}
	if !visit.Result.EndedByEvent(g.Node(visit.Node)) {
		require.False(m.t, inTime, "%s: at %s an event was lost", where, g.NodeID(visit.Node))
	}
}

// simulate returns the way that /test shows, with an event for each wait that an
// event ended.
func (m *model) simulate(e journey.Enrollment, visits []journey.Visit) []string {
	d := m.definitions[e.GraphHash]
	service := journey.NewService(journey.Stores{Journeys: simulated{d: d}}, func() time.Time { return m.now }, nil)
	request := journey.TestRequest{Attributes: m.profiles[e.Customer].Attributes, Now: e.EnrolledAt, Decisions: map[string]condition.Value{}}
	for i := range d.Graph.Len() {
		if answer, ok := m.decisions[d.Graph.NodeID(i)]; ok && d.Graph.NodeType(i) == graph.NBADecision {
			request.Decisions[d.Graph.NodeID(i)] = answer
		}
	}
	walk := func() journey.Simulation {
		s, err := service.Test(m.t.Context(), m.tenant, "", request)
		require.NoError(m.t, err)
		require.Equal(m.t, "exited", s.Outcome)
		return s
	}
	for i, visit := range visits {
		if visit.Result.EndedByEvent(d.Graph.Node(visit.Node)) {
			request.Events = append(request.Events, journey.TestEvent{
				Type: d.Graph.Awaits(visit.Node)[0].Type, After: walk().Steps[i].At.Sub(e.EnrolledAt) + time.Millisecond,
			})
		}
	}
	var way []string
	for _, step := range walk().Steps {
		way = append(way, step.NodeID+" "+step.Result)
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
	return journey.Journey{GraphHash: s.d.Hash, MaxDurationDays: 365}, nil
}

func (s simulated) Definition(context.Context, journey.Tenant, journey.ID, string) ([]byte, error) {
	return s.d.Raw, nil
}
