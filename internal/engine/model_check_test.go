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
	sends, recorded := map[string]bool{}, map[string]bool{}
	ended := map[progress.EnrollmentStatus]int64{}
	runs := m.runs()
	for _, e := range runs {
		where := fmt.Sprintf("seed %d run %s: %s", seed, runKey(e), e.ExitReason)
		ended[e.Status]++
		require.Contains(m.t, []progress.EnrollmentStatus{progress.Completed, progress.Cancelled}, e.Status, where)
		g := m.definitions[e.GraphHash].Graph
		visits := e.Path.Visits(e.EnrolledAt)
		var way []string
		for _, visit := range visits {
			effect := runKey(e) + " " + g.NodeID(visit.Node)
			way = append(way, g.NodeID(visit.Node)+" "+m.wantedResult(visit, e).Name(g.Node(visit.Node).Ways))
			if visit.Result == trail.SkippedUncertain { // its customer unsubscribed after an attempt
				sends[effect] = true
			}
			if visit.Result == trail.Sent {
				require.Contains(m.t, m.sends, effect, where)
				sends[effect], recorded[effect] = true, true
			}
			if visit.Result == trail.EffectError && g.NodeType(visit.Node) == graph.ChannelAction {
				require.True(m.t, g.Action(visit.Node).GoOnError && refuses(effect), where)
				require.NotContains(m.t, m.sends, effect, where)
				m.faults["went on"]++
			}
		}
		require.NoError(m.t, g.Shape().Check(e), where)
		if !e.ReachedExit() { // a message may have been sent, and its result not written
			sends[runKey(e)+" "+g.NodeID(e.Node)] = true
		}
		events := m.requireWaits(where, e, visits)
		known := m.known(e, visits)
		expected := m.simulate(e, visits[:known], events)
		if !e.ReachedExit() || known < len(way) {
			expected, way = expected[:known], way[:known]
		}
		require.Equal(m.t, expected, way, where)
	}
	for effect := range m.sends {
		require.Contains(m.t, sends, effect, "seed %d: a message that no enrollment records", seed)
	}
	m.faults["recorded"] += len(m.recordable)
	for effect := range m.recordable {
		require.Contains(m.t, recorded, effect, "seed %d: a message that its worker did not record", seed)
	}
	m.requireUpdates(seed, runs)
	m.requireRuns(seed)
	m.requireRecount(seed, runs)
	require.Len(m.t, m.inbox, len(m.sends), "seed %d: each message once", seed)
	require.Empty(m.t, m.figures.Faults(), "seed %d", seed)
	totals := m.figures.Totals()
	require.Equal(m.t, []int64{int64(len(runs)), ended[progress.Completed], ended[progress.Cancelled], 0, 0},
		[]int64{totals.Enrolled, totals.Completed, totals.Cancelled, totals.Failed, totals.Active()}, "seed %d", seed)
}

// requireUpdates checks that each update_customer on a customer's paths added 1 to its
// attribute once, that no other did, and that no patch was lost.
func (m *model) requireUpdates(seed uint64, runs []progress.Enrollment) {
	expected := map[string]map[string]int{}
	for _, e := range runs {
		totals := expected[e.Customer]
		if totals == nil {
			totals = map[string]int{}
			expected[e.Customer] = totals
		}
		for _, visit := range e.Path.Visits(e.EnrolledAt) {
			if visit.Result == trail.Updated {
				totals[m.definitions[e.GraphHash].Graph.NodeID(visit.Node)]++
			}
		}
	}
	for customer, totals := range expected {
		stored := struct {
			Total   map[string]int
			Patches int
		}{Total: map[string]int{}}
		if p, ok := m.profiles[customer]; ok {
			require.NoError(m.t, json.Unmarshal(p.Stored.Attributes, &stored))
		}
		require.Equal(m.t, m.patches[customer], stored.Patches, "seed %d: patches of %s", seed, customer)
		require.Equal(m.t, totals, stored.Total, "seed %d: updates of %s", seed, customer)
	}
}

// skew is slightly more than the clocks of two processes can differ.
const skew = 250 * time.Millisecond

// requireWaits checks how the waits of a run ended, and returns the events that did, by the
// index of the visit.
func (m *model) requireWaits(where string, e progress.Enrollment, visits []trail.Visit) map[int]simulate.Event {
	key := func(node int) string { return fmt.Sprint(runKey(e), " ", node) }
	run := journeytest.Run{
		Graph: m.plain[e.GraphHash].Graph, Enrollment: e, Attributes: m.profileLog[e.Customer],
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
// was not sent, if a condition reads its result, since to /test each message is.
func (m *model) known(e progress.Enrollment, visits []trail.Visit) int {
	d := m.definitions[e.GraphHash]
	for i, visit := range visits {
		failed := visit.Result != trail.Sent && d.Graph.NodeType(visit.Node) == graph.ChannelAction
		if failed && strings.Contains(string(d.Raw), `"step.`+d.Graph.NodeID(visit.Node)+`.result"`) {
			return i + 1
		}
	}
	return len(visits)
}

// simulate returns the way that /test shows, with an event for each wait that an event
// ended. Such a wait has a late date, since its own may have passed for /test.
func (m *model) simulate(e progress.Enrollment, visits []trail.Visit, events map[int]simulate.Event) []string {
	d := m.plain[e.GraphHash]
	var late []string
	for i := range events {
		if n := d.Graph.Node(visits[min(i, len(visits)-1)].Node); i < len(visits) && n.Until != nil {
			late = append(late, n.ID)
		}
	}
	if len(late) > 0 {
		d = journeytest.Definition(m.t, journeytest.WithLateDates(m.t, string(d.Raw), late, e.ExpiresAt.Add(-time.Second)))
	}
	service := m.simulators[d.Hash]
	if service == nil || len(late) > 0 {
		service = journey.NewService(journey.Stores{Journeys: simulated{d: d}}, func() time.Time { return m.now }, nil)
	}
	if len(late) == 0 {
		m.simulators[d.Hash] = service // which keeps the compiled graph
	}
	request := simulate.Request{Customer: e.Customer, Attributes: m.first[runKey(e)], Now: e.EnrolledAt, Decisions: map[string]condition.Value{}}
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
