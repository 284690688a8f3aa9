package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

// check compares the end of each enrollment with its simulation, and the messages
// and figures with the enrollments.
func (m *model) check(seed uint64) {
	sends := map[string]bool{}
	ended := map[progress.EnrollmentStatus]int64{}
	for customer, e := range m.items {
		where := fmt.Sprintf("seed %d customer %s: %s", seed, customer, e.ExitReason)
		ended[e.Status]++
		require.Contains(m.t, []progress.EnrollmentStatus{progress.Completed, progress.Cancelled}, e.Status, where)
		g := m.definitions[e.GraphHash].Graph
		visits := e.Path.Visits(e.EnrolledAt)
		var way []string
		for _, visit := range visits {
			way = append(way, g.NodeID(visit.Node)+" "+visit.Result.Name(g.Node(visit.Node).Ways))
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
		if e.Status == progress.Cancelled { // a message may have been sent, and its result not written
			sends[customer+" "+g.NodeID(e.Node)] = true
		}
		events := m.requireWaits(where, e, visits)
		known := m.known(e, visits)
		expected := m.simulate(e, visits[:known], events)
		if e.Status == progress.Cancelled || known < len(way) {
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
	require.Equal(m.t, []int64{int64(len(m.items)), ended[progress.Completed], ended[progress.Cancelled], 0, 0},
		[]int64{totals.Enrolled, totals.Completed, totals.Cancelled, totals.Failed, totals.Active()}, "seed %d", seed)
}

// requireUpdates checks that each update_customer on the customer's path added 1 to its
// attribute once, that no other did, and that no patch was lost.
func (m *model) requireUpdates(where string, e progress.Enrollment, visits []trail.Visit) {
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

// skew is slightly more than the clocks of two processes can differ.
const skew = 250 * time.Millisecond

// requireWaits checks how the waits of a run ended, and returns the events that did, by the
// index of the visit.
func (m *model) requireWaits(where string, e progress.Enrollment, visits []trail.Visit) map[int]simulate.Event {
	key := func(node int) string { return fmt.Sprint(e.Customer, " ", e.EnrolledAt, node) }
	run := journeytest.Run{
		Graph: m.definitions[e.GraphHash].Graph, Enrollment: e, Attributes: m.profileLog[e.Customer],
		HeardAt: func(node int) (progress.Stamp, bool) {
			stored, ok := m.heardBefore[key(node)]
			return stored, ok
		},
		LeftBy: func(v trail.Visit) time.Time { return m.leftBy[key(v.Node)] },
	}
	for eventType := range 3 {
		name := fmt.Sprint("e", eventType)
		for _, h := range m.heard[e.Customer+" "+name] {
			run.Events = append(run.Events, journeytest.Heard{Received: h.Received, Type: name, Stored: h.stored.Add(skew)})
		}
	}
	ends, err := run.WaitEnds()
	require.NoError(m.t, err, where)
	events := map[int]simulate.Event{}
	for _, end := range ends {
		n := run.Graph.Node(visits[end.Visit].Node)
		kind := "wait"
		switch {
		case n.Until != nil && n.Awaits != nil:
			kind = "wait until a date or an event"
		case n.Until != nil:
			kind = "wait until a date"
		case n.Awaits != nil:
			kind = "wait for an event"
		}
		switch {
		case end.Event != nil:
			events[end.Visit] = *end.Event
			m.faults[kind+", ended by an event"]++
		case end.Moved:
			m.faults[kind+", moved"]++
		default:
			m.faults[kind+", ended by time"]++
		}
	}
	return events
}

// known returns how many of the visits /test can foretell: those up to a message that
// failed, if a condition reads its result, since to /test each message is sent.
func (m *model) known(e progress.Enrollment, visits []trail.Visit) int {
	d := m.definitions[e.GraphHash]
	for i, visit := range visits {
		failed := visit.Result == trail.EffectError && d.Graph.NodeType(visit.Node) == graph.ChannelAction
		if failed && strings.Contains(string(d.Raw), `"step.`+d.Graph.NodeID(visit.Node)+`.result"`) {
			return i + 1
		}
	}
	return len(visits)
}

// simulate returns the way that /test shows, with an event for each wait that an event
// ended. Such a wait has a late date, since its own may have passed for /test.
func (m *model) simulate(e progress.Enrollment, visits []trail.Visit, events map[int]simulate.Event) []string {
	d := m.definitions[e.GraphHash]
	var late []string
	for i := range events {
		if n := d.Graph.Node(visits[min(i, len(visits)-1)].Node); i < len(visits) && n.Until != nil {
			late = append(late, n.ID)
		}
	}
	if len(late) > 0 {
		d = journeytest.Definition(m.t, journeytest.WithLateDates(m.t, string(d.Raw), late, e.ExpiresAt.Add(-time.Second)))
	}
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
		return s
	}
	for i := range visits {
		if event, ok := events[i]; ok {
			event.After = walk().Steps[i].At.Sub(e.EnrolledAt) + time.Millisecond
			request.Events = append(request.Events, event)
		}
	}
	var way []string
	last := walk()
	require.Equal(m.t, "exited", last.Outcome)
	for i, s := range last.Steps {
		if i < len(visits) && visits[i].Result == trail.EffectError && s.NodeType == graph.ChannelAction {
			s.Result = trail.EffectError.String() // /test takes each channel to be sound
		}
		way = append(way, s.NodeID+" "+s.Result)
	}
	return way
}

// simulated is a JourneyStore with one graph.
type simulated struct {
	journey.JourneyStore
	d journey.Definition
}

func (s simulated) FullJourney(ctx context.Context, t ident.Tenant, id ident.ID) (journey.Journey, error) {
	return s.Journey(ctx, t, id)
}

func (s simulated) Journey(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return journey.Journey{ID: "jrn_1", GraphHash: s.d.Hash, MaxDurationDays: 365, EntryCondition: []byte(`{"event":"` + starting + `"}`)}, nil
}

func (s simulated) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return s.d.Raw, nil
}
