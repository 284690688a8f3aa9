package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// callers do what marketers do while customers are inside.
func (m *model) callers(turn int, seed uint64) {
	m.putEvents()
	if m.live.Reason == "journey_deleted" {
		return
	}
	switch m.r.IntN(12) {
	case 0:
		m.faults["pause"]++
		m.live.On, m.live.Since = !m.live.On, m.now
	case 1:
		m.edit()
	case 2:
		m.remove(fmt.Sprintf("c%d", m.r.IntN(25)))
	case 3, 4, 5:
		m.faults["event"]++
		kind := fmt.Sprintf("e%d", m.r.IntN(3))
		m.pending = append(m.pending, journey.Event{
			Customer: fmt.Sprintf("c%d", m.r.IntN(35)), Type: kind, ID: fmt.Sprint(kind, " ", turn),
		})
	}
	if turn == 8 && seed%4 == 0 {
		m.end("archive", "journey_archived")
		m.live.On = seed%8 == 0 // it is active again at once, and who was inside still leaves
	}
	if turn == 12 && seed%4 == 1 {
		m.end("delete", "journey_deleted")
	}
	if m.r.IntN(6) == 0 && m.live.Reason != "journey_deleted" && m.live.On {
		m.enroll(fmt.Sprint("later", turn))
	}
}

func (m *model) end(kind, reason string) {
	m.faults[kind]++
	m.live.On, m.live.Reason, m.live.Since = false, reason, m.now
	m.live.Epoch++
}

// edit gives those who enter from now on another graph.
func (m *model) edit() {
	m.faults["edit"]++
	var faults strict.Faults
	v, _ := strict.Parse([]byte(journeytest.Graph(m.r, 4+m.r.IntN(12))), &faults)
	var ok bool
	m.definition, ok = journey.ReadDefinition(v)
	require.True(m.t, ok)
	m.definitions[m.definition.Hash] = m.definition
}

// starting is the event that starts the journey; waits await it too.
const starting = "e0"

// kindOf returns the type of the event that a record is of: its id tells.
func kindOf(r journey.EventRecord) string {
	kind, _, _ := strings.Cut(r.ID, " ")
	return kind
}

// handler is what a handler of a call sees of the model.
type handler struct {
	journey.JourneyStore // what is not here is not called
	journey.EnrollmentStore
	journey.CustomerStore
	journey.EventStore
	*process
}

func (m *model) service(p *process) *journey.Service {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], m.r.Uint64())
	h := handler{process: p}
	stores := journey.Stores{Journeys: h, Enrollments: h, Customers: h, Events: h}
	s := journey.NewService(stores, func() time.Time { return p.now.Add(p.skew) }, rand.NewChaCha8(seed))
	s.Nudge = func(ctx context.Context, t journey.Tenant, id journey.ID, customers []string) {
		_ = p.Dispatch(ctx, engine.Pack{Tenant: t, Journey: id, Customers: customers})
	}
	return s
}

// putEvents sends what has no answer yet, again where a handler died.
func (m *model) putEvents() {
	m.pending = slices.DeleteFunc(m.pending, func(e journey.Event) bool {
		if _, again := m.records[e.ID]; again {
			m.faults["event again"]++
		}
		p := &process{model: m, skew: time.Duration(m.r.IntN(200)-100) * time.Millisecond}
		_, _, err := m.service(p).PutEvent(context.Background(), m.tenant, e)
		return err == nil && !p.dead
	})
}

// remove takes a customer out, if they are inside.
func (m *model) remove(customer string) {
	p := &process{model: m}
	if err := m.service(p).Remove(context.Background(), m.tenant, m.live.Journey, customer); err == nil {
		m.faults["removed"]++
	}
}

// write is a process's request that writes: it may die before, or after.
func (p *process) write(apply func()) error {
	switch p.fault("crash", "throttle", "freeze", "lost answer") {
	case "throttle":
		return errThrottled
	case "lost answer":
		apply()
		p.dead = true
	}
	if p.dead {
		return errDead
	}
	apply()
	return nil
}

func (h handler) Journey(ctx context.Context, _ journey.Tenant, id journey.ID) (journey.Journey, error) {
	j := journey.Journey{
		ID: id, Status: journey.Paused, GraphHash: h.definition.Hash, Version: 1, MaxDurationDays: 365,
		EntryCondition: []byte(`{"event":"` + starting + `"}`), Events: []string{starting},
		Shards: h.live.Shards, Epoch: h.live.Epoch,
	}
	if h.live.On {
		j.Status, h.active = journey.Active, true
	}
	return j, h.read(ctx)
}

func (h handler) Profile(ctx context.Context, _ journey.Tenant, _ string) (journey.Profile, error) {
	if err := h.read(ctx); err != nil {
		return journey.Profile{}, err
	}
	return journey.Profile{}, journey.ErrNoCustomer // entry conditions are none of the model's
}

// Enroll keeps one enrollment of each customer, and knows its own again.
func (h handler) Insert(_ context.Context, _ journey.Tenant, _ int, list []journey.Enrollment) []journey.Outcome {
	e, outcome := list[0], journey.Outcome{Result: journey.OutcomeSkipped}
	err := h.write(func() {
		if old, ok := h.items[e.Customer]; !ok {
			h.faults["started"]++
			h.put(e)
		} else if old.RequestID != e.RequestID {
			return
		}
		outcome.Result = journey.OutcomeEnrolled
	})
	if err != nil {
		outcome = journey.Outcome{Result: journey.OutcomeError, Code: "table-throttled"}
	}
	return []journey.Outcome{outcome}
}

func (h handler) Definition(ctx context.Context, t journey.Tenant, id journey.ID, hash string) ([]byte, error) {
	return h.process.Definition(ctx, t, id, hash)
}

func (h handler) Advance(ctx context.Context, t journey.Tenant, shards int, list []journey.Enrollment) []error {
	return h.process.Advance(ctx, t, shards, list)
}

func (h handler) ReserveEvent(_ context.Context, _ journey.Tenant, r journey.EventRecord, _ time.Time) (kept journey.EventRecord, err error) {
	err = h.write(func() {
		var ok bool
		if kept, ok = h.records[r.ID]; !ok {
			h.records[r.ID], kept = r, r
		}
	})
	return kept, err
}

// FinishEvent holds what an event has done against what it starts, if its handler
// found the journey active.
func (h handler) FinishEvent(_ context.Context, _ journey.Tenant, r journey.EventRecord) error {
	return h.write(func() {
		if _, in := h.items[r.Customer]; h.active && kindOf(r) == starting {
			require.True(h.t, in, "the event of %s was accepted, and has started nothing", r.Customer)
		}
		r.Done = true
		h.records[r.ID] = r
	})
}

func (h handler) PutLastEvent(_ context.Context, _ journey.Tenant, customer, eventType string, received time.Time) error {
	return h.write(func() {
		key := customer + " " + eventType
		h.heard[key] = append(h.heard[key], heard{received, h.now})
	})
}

func (h handler) StartedBy(ctx context.Context, _ journey.Tenant, kind string) (ids []journey.ID, err error) {
	if kind == starting && h.live.Reason != "journey_deleted" {
		ids = append(ids, h.live.Journey)
	}
	return ids, h.read(ctx)
}

func (h handler) Enrollments(ctx context.Context, t journey.Tenant, customer string) ([]journey.Enrollment, []journey.Damage, error) {
	if err := h.read(ctx); err != nil {
		return nil, nil, err
	}
	if e, ok := h.items[customer]; ok {
		return []journey.Enrollment{e}, nil, nil
	}
	return nil, nil, nil
}

func (h handler) Enrollment(ctx context.Context, _ journey.Tenant, _ journey.ID, customer string) (journey.Enrollment, error) {
	if err := h.read(ctx); err != nil {
		return journey.Enrollment{}, err
	}
	if e, ok := h.items[customer]; ok {
		return e, nil
	}
	return journey.Enrollment{}, journey.ErrNotEnrolled
}

func (h handler) Wake(_ context.Context, _ journey.Tenant, e journey.Enrollment) (err error) {
	failed := h.write(func() {
		if h.items[e.Customer].Rev != e.Rev-1 {
			err = journey.ErrLost
			return
		}
		woken := h.items[e.Customer]
		woken.Rev, woken.WrittenAt, woken.Due, woken.WokenAt, woken.Delta = e.Rev, e.WrittenAt, e.Due, e.WokenAt, nil
		h.put(woken)
		h.faults["woken"]++
	})
	if failed != nil {
		return failed
	}
	return err
}

// check holds the end against what a simulation of each customer shows.
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
			way = append(way, g.NodeID(visit.Node)+" "+visit.Result.String())
			if visit.Result == journey.Sent {
				require.Contains(m.t, m.sends, customer+" "+g.NodeID(visit.Node), where)
				sends[customer+" "+g.NodeID(visit.Node)] = true
			}
			m.requireEvents(where, e, visit)
		}
		if e.Status == journey.Cancelled { // it may have been sent, and they left before that was written
			sends[customer+" "+g.NodeID(e.Node)] = true
		}
		expected := m.simulate(e, visits)
		if e.Status == journey.Cancelled {
			expected = expected[:len(way)]
		}
		require.Equal(m.t, expected, way, where)
	}
	for who := range m.sends {
		require.Contains(m.t, sends, who, "seed %d: a message to nobody", seed)
	}
	require.Len(m.t, m.inbox, len(m.sends), "seed %d: each message once", seed)
	require.Empty(m.t, m.figures.Faults(), "seed %d", seed)
	totals := m.figures.Totals()
	require.Equal(m.t, []int64{int64(len(m.items)), ended[journey.Completed], ended[journey.Cancelled], 0, 0},
		[]int64{totals.Enrolled, totals.Completed, totals.Cancelled, totals.Failed, totals.Active()}, "seed %d", seed)
}

// skew is what the clocks of two processes differ at most, and a bit.
const skew = 250 * time.Millisecond

// requireEvents holds how a wait ended against the events: by one that was first
// received during the wait, and by no time if one was stored in time.
func (m *model) requireEvents(where string, e journey.Enrollment, visit journey.Visit) {
	g := m.definitions[e.GraphHash].Graph
	awaited := g.AwaitedEvent(visit.Node)
	if awaited == "" {
		return
	}
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
	if visit.Result == journey.WokenByEvent {
		require.True(m.t, during, "%s: woken at %s by no event", where, g.NodeID(visit.Node))
	}
	if visit.Result == journey.Waited {
		require.False(m.t, inTime, "%s: at %s an event was lost", where, g.NodeID(visit.Node))
	}
}

// simulate returns the way that /test shows, with events for the waits that an
// event has ended.
func (m *model) simulate(e journey.Enrollment, visits []journey.Visit) []string {
	d := m.definitions[e.GraphHash]
	service := journey.NewService(journey.Stores{Journeys: simulated{d: d}}, func() time.Time { return m.now }, nil)
	request := journey.TestRequest{Attributes: m.profiles[e.Customer].Attributes, Now: e.EnrolledAt, Decisions: map[string]condition.Value{}}
	for i := range d.Graph.Len() {
		if answer, ok := m.decisions[d.Graph.NodeID(i)]; ok && d.Graph.NodeType(i) == journey.NBADecision {
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
		if visit.Result == journey.WokenByEvent {
			request.Events = append(request.Events, journey.TestEvent{
				Type: d.Graph.AwaitedEvent(visit.Node), After: walk().Steps[i].At.Sub(e.EnrolledAt) + time.Millisecond,
			})
		}
	}
	var way []string
	for _, step := range walk().Steps {
		way = append(way, step.NodeID+" "+step.Result)
	}
	return way
}

// simulated is a JourneyStore with one graph of the model's journey.
type simulated struct {
	journey.JourneyStore
	d journey.Definition
}

func (s simulated) Journey(context.Context, journey.Tenant, journey.ID) (journey.Journey, error) {
	return journey.Journey{GraphHash: s.d.Hash, MaxDurationDays: 365}, nil
}

func (s simulated) Definition(context.Context, journey.Tenant, journey.ID, string) ([]byte, error) {
	return s.d.Raw, nil
}
