package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// twoWaits sends, and then waits for the same event twice: one event ends one
// wait.
const twoWaits = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"hello","type":"channel_action","config":{"channel":"push"}},
	{"id":"first","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"second","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"first"},
	{"source":"first","target":"second"},{"source":"second","target":"out"}]}`

// oneWait waits at once, so that the enroll call itself begins the wait.
const oneWait = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"first","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"second","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"first"},{"source":"first","target":"second"},{"source":"second","target":"out"}]}`

// side is one of several processes that run at once. It stops before each
// request to the table until it is its turn.
type side struct{ turn, asks chan struct{} }

type sideKey struct{}

// race is a table with one customer in memory, at which sides meet.
type race struct {
	journey.JourneyStore // what is not here is not called
	journey.EnrollmentStore
	journey.CustomerStore
	journey.EventStore
	fake // provider and the rest of the table

	tenant  journey.Tenant
	journey journey.Journey
	e       *journey.Enrollment
	last    time.Time // the event
	records map[string]journey.EventRecord
	queue   []engine.Pack
	service *journey.Service
	dead    bool        // nobody can look for events
	began   []time.Time // when each wait began
	heard   []time.Time // when each event was first received
}

// ask waits for the side's turn. Each request takes a millisecond.
func (r *race) ask(ctx context.Context) {
	if s, ok := ctx.Value(sideKey{}).(*side); ok {
		s.asks <- struct{}{}
		<-s.turn
	}
	r.now = r.now.Add(time.Millisecond)
}

func (r *race) Lives(context.Context) ([]engine.Live, error) { return r.lives, nil }

func (r *race) Due(_ context.Context, s journey.Partition, before time.Time, _ *journey.DueKey) ([]journey.DueKey, *journey.DueKey, error) {
	if s.Shard > 0 || r.e == nil || r.e.Due.IsZero() || r.e.Due.After(before) {
		return nil, nil, nil
	}
	return []journey.DueKey{{Customer: "c", At: r.e.Due}}, nil, nil
}

func (r *race) Dispatch(_ context.Context, p engine.Pack) error {
	r.queue = append(r.queue, p)
	return nil
}

func (r *race) Definition(context.Context, journey.Tenant, journey.ID, string) ([]byte, error) {
	return r.graph.Raw, nil
}

func (r *race) Load(ctx context.Context, _ journey.Tenant, _ journey.ID, _ []string) (*engine.Live, []journey.Enrollment, error) {
	r.ask(ctx)
	if r.e == nil {
		return &r.lives[0], nil, nil
	}
	return &r.lives[0], []journey.Enrollment{*r.e}, nil
}

func (r *race) LastEvents(ctx context.Context, _ journey.Tenant, _ map[string]string) (map[string]time.Time, error) {
	if r.dead {
		return nil, errors.New("the worker is dead")
	}
	r.ask(ctx)
	if r.last.IsZero() {
		return nil, nil
	}
	return map[string]time.Time{"c": r.last}, nil
}

func (r *race) Advance(ctx context.Context, _ journey.Tenant, _ int, list []journey.Enrollment) []error {
	r.ask(ctx)
	if r.e.Rev != list[0].Rev-1 {
		return []error{journey.ErrLost}
	}
	r.store(list[0])
	return []error{nil}
}

// store keeps e, and notes when a wait begins.
func (r *race) store(e journey.Enrollment) {
	if r.graph.Graph.AwaitedEvent(e.Node) != "" && (r.e == nil || r.e.Node != e.Node) {
		r.began = append(r.began, e.Since)
	}
	r.e = &e
}

func (r *race) Journey(context.Context, journey.Tenant, journey.ID) (journey.Journey, error) {
	return r.journey, nil
}

func (r *race) Insert(ctx context.Context, _ journey.Tenant, _ int, list []journey.Enrollment) []journey.Outcome {
	r.ask(ctx)
	r.store(list[0])
	return []journey.Outcome{{Result: journey.OutcomeEnrolled}}
}

func (r *race) ReserveEvent(ctx context.Context, _ journey.Tenant, e journey.EventRecord, _ time.Time) (journey.EventRecord, error) {
	r.ask(ctx)
	if kept, ok := r.records[e.ID]; ok {
		return kept, nil
	}
	r.records[e.ID] = e
	r.heard = append(r.heard, e.ReceivedAt)
	return e, nil
}

func (r *race) FinishEvent(ctx context.Context, _ journey.Tenant, e journey.EventRecord) error {
	r.ask(ctx)
	e.Done = true
	r.records[e.ID] = e
	return nil
}

func (r *race) PutLastEvent(ctx context.Context, _ journey.Tenant, _, _ string, received time.Time) error {
	r.ask(ctx)
	if received.After(r.last) {
		r.last = received
	}
	return nil
}

func (r *race) StartedBy(context.Context, journey.Tenant, string) ([]journey.ID, error) {
	return nil, nil
}

func (r *race) Enrollments(ctx context.Context, _ journey.Tenant, _ string) ([]journey.Enrollment, []journey.Damage, error) {
	r.ask(ctx)
	if r.e == nil {
		return nil, nil, nil
	}
	return []journey.Enrollment{*r.e}, nil, nil
}

func (r *race) Enrollment(ctx context.Context, _ journey.Tenant, _ journey.ID, _ string) (journey.Enrollment, error) {
	r.ask(ctx)
	return *r.e, nil
}

func (r *race) Wake(ctx context.Context, _ journey.Tenant, e journey.Enrollment) error {
	r.ask(ctx)
	if r.e.Rev != e.Rev-1 {
		return journey.ErrLost
	}
	woken := *r.e
	woken.Rev, woken.Due, woken.WokenAt = e.Rev, e.Due, e.WokenAt
	r.store(woken)
	return nil
}

func newRace(t *testing.T, graph string) *race {
	r := &race{fake: *newFake(1), records: map[string]journey.EventRecord{}}
	r.tenant = r.lives[0].Tenant
	var faults strict.Faults
	v, _ := strict.Parse([]byte(graph), &faults)
	var ok bool
	r.graph, ok = journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	r.journey = journey.Journey{
		ID: "jrn_0", Status: journey.Active, GraphHash: r.graph.Hash, Version: 1, Shards: 1, MaxDurationDays: 365,
	}
	r.service = journey.NewService(journey.Stores{Journeys: r, Enrollments: r, Customers: r, Events: r}, func() time.Time { return r.now }, rand.NewChaCha8([32]byte{}))
	r.service.Nudge = func(_ context.Context, t journey.Tenant, id journey.ID, customers []string) {
		r.queue = append(r.queue, engine.Pack{Tenant: t, Journey: id, Customers: customers})
	}
	return r
}

func (r *race) engine() *engine.Engine {
	return &engine.Engine{
		Table: r, Dispatcher: r, Provider: r, Parallel: 1, Now: func() time.Time { return r.now },
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
}

func (r *race) pack() engine.Pack {
	return engine.Pack{Tenant: r.tenant, Journey: "jrn_0", Customers: []string{"c"}}
}

func (r *race) advance(ctx context.Context) error { return r.engine().Advance(ctx, r.pack()) }

func (r *race) enroll(ctx context.Context) error {
	_, err := r.service.Enroll(ctx, r.tenant, "jrn_0", journey.EnrollRequest{Customers: []string{"c"}})
	return err
}

func (r *race) event(id string) func(context.Context) error {
	return func(ctx context.Context) error {
		if id == "" { // a repeat is an event of its own
			r.heard = append(r.heard, r.now)
		}
		_, _, err := r.service.PutEvent(ctx, r.tenant, journey.Event{Customer: "c", Type: "opened", ID: id})
		return err
	}
}

// unfinished makes the event one whose handler died before its last request.
func (r *race) unfinished(id string) {
	record := r.records[id]
	record.Done = false
	r.records[id] = record
}

// late makes it a choice too when a side reads its clock.
func (r *race) late(f func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		r.ask(ctx)
		return f(ctx)
	}
}

// run lets the sides meet in the order that choices say: the index, among those
// who still run, of whose turn it is. Beyond it, the first one's. It returns how
// many ran at each turn.
func (r *race) run(t *testing.T, sides []func(context.Context) error, choices []int) (running []int) {
	type process struct {
		*side
		ended chan error
	}
	var open []process
	for _, f := range sides {
		p := process{&side{make(chan struct{}), make(chan struct{})}, make(chan error, 1)}
		// One after the other up to its first request, so that nothing but
		// the choices decides.
		go func() {
			p.ended <- f(context.WithValue(t.Context(), sideKey{}, p.side))
		}()
		if r.stops(t, p.asks, p.ended) {
			open = append(open, p)
		}
	}
	for turn := 0; len(open) > 0; turn++ {
		running = append(running, len(open))
		i := 0
		if turn < len(choices) {
			i = choices[turn]
		}
		open[i].turn <- struct{}{}
		if !r.stops(t, open[i].asks, open[i].ended) {
			open = append(open[:i], open[i+1:]...)
		}
	}
	return running
}

// stops waits until a side asks again, or has ended.
func (r *race) stops(t *testing.T, asks chan struct{}, ended chan error) bool {
	select {
	case <-asks:
		return true
	case err := <-ended:
		require.NoError(t, err)
		return false
	}
}

// everyOrder calls try with one order after the other until there is no more.
func everyOrder(try func(choices []int) (running []int)) (orders int) {
	var choices []int
	for {
		running := try(choices)
		orders++
		choices = append(choices, make([]int, len(running)-len(choices))...)
		for len(choices) > 0 && choices[len(choices)-1] == running[len(choices)-1]-1 {
			choices = choices[:len(choices)-1]
		}
		if len(choices) == 0 {
			return orders
		}
		choices[len(choices)-1]++
	}
}

// An event and the wait for it begin at once, in every order of their requests
// to the table. An event that was received after the wait began ends it, once,
// and no other; one from before does not. Nudges may be lost: then the next
// tick finds the customer.
func TestWake_EveryOrderOfEventAndWait(t *testing.T) {
	t.Parallel()

	advancing := func(r *race) func(context.Context) error {
		require.NoError(t, r.enroll(t.Context()))
		r.queue = nil
		return r.advance
	}
	for _, row := range []struct {
		name  string
		graph string
		sides func(*race) []func(context.Context) error
		least int // orders
	}{
		{"a worker enters the wait", twoWaits, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.event("")), advancing(r)}
		}, 40},
		{"an enroll call enters the wait", oneWait, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.event("")), r.late(r.enroll)}
		}, 10},
		{"a worker dies once it has stored the wait", twoWaits, func(r *race) []func(context.Context) error {
			advance := advancing(r)
			return []func(context.Context) error{r.late(r.event("")), func(ctx context.Context) error {
				r.dead = true
				defer func() { r.dead = false }()
				require.Error(t, advance(ctx))
				return nil
			}}
		}, 20},
		{"a worker looks again at the wait", oneWait, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.event("")), advancing(r)}
		}, 40},
		{"the event comes twice", oneWait, func(r *race) []func(context.Context) error {
			require.NoError(t, r.enroll(t.Context()))
			r.queue = nil
			return []func(context.Context) error{r.event("one"), r.event("one")}
		}, 40},
		{"the event is repeated while a worker moves who waits", oneWait, func(r *race) []func(context.Context) error {
			require.NoError(t, r.enroll(t.Context()))
			require.NoError(t, r.event("one")(t.Context()))
			r.queue = nil
			r.unfinished("one")
			return []func(context.Context) error{r.late(r.event("one")), r.advance}
		}, 40},
		{"two events and a worker", oneWait, func(r *race) []func(context.Context) error {
			return []func(context.Context) error{r.event(""), r.event(""), advancing(r)}
		}, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, lost := range []bool{false, true} {
				ended := map[int]int{}
				orders := everyOrder(func(choices []int) []int {
					r := newRace(t, row.graph)
					running := r.run(t, row.sides(r), choices)
					r.settle(t, lost)
					ended[r.requireWoken(t, fmt.Sprint(row.name, lost, choices))]++
					return running
				})
				require.GreaterOrEqual(t, orders, row.least)
				t.Logf("nudges lost: %t; %d orders; waits ended by an event: orders %v", lost, orders, ended)
			}
		})
	}
}

// settle runs what is left to do: the nudges, or two ticks where they are lost.
func (r *race) settle(t *testing.T, lost bool) {
	if lost {
		r.queue = nil
	}
	for range 2 {
		for len(r.queue) > 0 {
			p := r.queue[0]
			r.queue = r.queue[1:]
			require.NoError(t, r.engine().Advance(t.Context(), p))
		}
		r.now = r.now.Add(time.Minute)
		require.NoError(t, r.engine().Tick(t.Context()))
	}
	require.Empty(t, r.queue, "nobody is visited by every tick")
}

// requireWoken holds where the customer is against when the waits began and the
// events were received, and returns how many waits have ended.
func (r *race) requireWoken(t *testing.T, order string) (ended int) {
	for _, began := range r.began {
		during := false
		for _, heard := range r.heard {
			during = during || heard.After(began)
		}
		if !during {
			break
		}
		ended++
	}
	woken := 0
	for _, visit := range r.e.Path.Visits(r.e.EnrolledAt) {
		require.NotEqual(t, journey.Waited, visit.Result, order)
		if visit.Result == journey.WokenByEvent {
			woken++
		}
	}
	require.Equal(t, ended, woken, "%s: waits began %v, events were received %v", order, r.began, r.heard)
	if r.e.Status == journey.Inside && r.graph.Graph.AwaitedEvent(r.e.Node) != "" {
		require.Equal(t, r.e.Since.Add(48*time.Hour), r.e.Due, order)
	}
	return ended
}

// The clock of whoever receives an event may be ahead of the worker's: one event
// still ends one wait.
func TestWake_AClockAheadEndsOneWait(t *testing.T) {
	r := newRace(t, oneWait)
	require.NoError(t, r.enroll(t.Context()))
	r.now = r.now.Add(time.Hour)
	require.NoError(t, r.event("e1")(t.Context()))
	r.now = r.now.Add(-20 * time.Millisecond)
	for _, p := range r.queue {
		require.NoError(t, r.engine().Advance(t.Context(), p))
	}
	require.Equal(t, 2, r.e.Node, "one event ended: %v", r.e.Path.Visits(r.e.EnrolledAt))
}

// A repeat is as old as the event that it repeats: the wait that began since
// goes on.
func TestWake_ARepeatEndsNoWaitThatBeganSince(t *testing.T) {
	r := newRace(t, oneWait)
	require.NoError(t, r.enroll(t.Context()))
	r.now = r.now.Add(time.Hour)
	require.NoError(t, r.event("one")(t.Context()))
	require.NoError(t, r.advance(t.Context()))
	second := *r.e
	require.Equal(t, 2, second.Node)

	r.unfinished("one")
	r.now = r.now.Add(time.Hour)
	require.NoError(t, r.event("one")(t.Context()))
	require.NoError(t, r.advance(t.Context()))
	require.Equal(t, second.Node, r.e.Node)
	require.Equal(t, second.Since.Add(48*time.Hour), r.e.Due)
}
