package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// side is one of several concurrent processes. It waits for its turn before each
// request to the table.
type side struct {
	turn, asks chan struct{}
	requests   int
	dies       int // the request before which the process dies; 0 for never

	remembered progress.Stamp // of the event that it stored
}

// isDead reports whether the process of ctx has died.
func isDead(ctx context.Context) bool {
	s, ok := ctx.Value(sideKey{}).(*side)
	return ok && s.dies > 0 && s.requests >= s.dies
}

type sideKey struct{}

// race is a table in memory with one customer, on which sides race.
type race struct {
	journey.JourneyStore // methods that are not overridden are not called
	journey.EnrollmentStore
	journey.CustomerStore
	journey.EventStore
	fake // the provider and the rest of the table

	tenant  ident.Tenant
	journey journey.Journey
	e       *progress.Enrollment
	last    map[string][]progress.Received // by type
	records map[string]journey.EventRecord
	queue   []engine.Pack
	profile *journey.Profile // nil for the fake's, which no side writes
	service *journey.Service
	dead    bool // no process can read events

	properties []byte                 // of each event
	stamps     []progress.Stamp       // of the events that were stored
	stored     map[progress.Stamp]int // how many revisions there were when an event was stored
	looked     map[progress.Stamp]int // the same when its handler last looked for waits; 0 if it ran alone
	written    []progress.Enrollment  // every revision
	onSend     func(context.Context) error
}

func newRace(t *testing.T, graph string) *race {
	r := &race{fake: *newFake(1), records: map[string]journey.EventRecord{}, last: map[string][]progress.Received{}, looked: map[progress.Stamp]int{}, stored: map[progress.Stamp]int{}}
	r.tenant = r.lives[0].Tenant
	r.graph = journeytest.Definition(t, graph)
	r.journey = journey.Journey{
		ID: "jrn_0", Status: journey.Active, GraphHash: r.graph.Hash, Version: 1, Shards: 1, MaxDurationDays: 365,
	}
	r.service = journey.NewService(journey.Stores{Journeys: r, Enrollments: r, Customers: r, Events: r}, func() time.Time { return r.now }, rand.NewChaCha8([32]byte{}))
	r.service.Nudge = func(_ context.Context, t ident.Tenant, id ident.ID, customers []string) {
		r.queue = append(r.queue, engine.Pack{Tenant: t, Journey: id, Customers: customers})
	}
	return r
}

// pin gives the graph pinned settings.
func (r *race) pin(t *testing.T, settings string) {
	text := journey.Journey{Definition: r.graph.Raw, Settings: []byte(settings)}.GraphText()
	var err error
	r.graph, err = journey.LoadDefinition(text, r.graph.Hash)
	require.NoError(t, err)
}

func (r *race) engine() *engine.Engine {
	return &engine.Engine{
		Table: r, Dispatcher: r, Provider: r, Parallel: 1, Workers: 25, Now: func() time.Time { return r.now },
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

func (r *race) event(id string) func(context.Context) error { return r.eventOf("opened", id) }

func (r *race) eventOf(eventType, id string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := r.service.PutEvent(ctx, r.tenant, journey.Event{Customer: "c", Type: eventType, ID: id, Properties: r.properties})
		return err
	}
}

// unfinished marks the event as if its handler had died before its last request.
func (r *race) unfinished(id string) {
	record := r.records[id]
	record.Done = false
	r.records[id] = record
}

// late lets the choices decide when a side first reads its clock, too.
func (r *race) late(f func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		r.ask(ctx)
		return f(ctx)
	}
}

// run interleaves the sides' requests. At each turn the next choice is the index,
// among the sides still running, of the one that goes on; after the last choice it
// is always the first. run returns how many were running at each turn.
func (r *race) run(t *testing.T, sides []func(context.Context) error, choices []int) (running []int) {
	type process struct {
		*side
		ended chan error
	}
	var open []process
	for _, f := range sides {
		p := process{&side{turn: make(chan struct{}), asks: make(chan struct{})}, make(chan error, 1)}
		// Each side reaches its first request before the next one starts, so
		// that only the choices decide the order.
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
			i = choices[turn] % len(open)
		}
		open[i].turn <- struct{}{}
		if !r.stops(t, open[i].asks, open[i].ended) {
			open = append(open[:i], open[i+1:]...)
		}
	}
	return running
}

// stops waits until a side asks again or has ended, and reports whether it asks.
func (r *race) stops(t *testing.T, asks chan struct{}, ended chan error) bool {
	select {
	case <-asks:
		return true
	case err := <-ended:
		require.NoError(t, err)
		return false
	}
}

// everyOrder calls try with every order of choices, and returns their number.
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

// someOrders calls try with n orders of choices drawn at random. It is for sides that
// have too many orders to try them all.
func someOrders(n int, try func(choices []int) (running []int)) (orders int) {
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 1))
		choices := make([]int, 60)
		for i := range choices {
			choices[i] = r.IntN(6)
		}
		try(choices)
	}
	return n
}

// settle runs the nudged workers, unless nudges are lost, and two ticks.
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
	require.Empty(t, r.queue, "no customer stays due")
}

// ask waits for the side's turn. Each request takes a millisecond.
func (r *race) ask(ctx context.Context) {
	if s, ok := ctx.Value(sideKey{}).(*side); ok {
		s.asks <- struct{}{}
		<-s.turn
		s.requests++
	}
	r.now = r.now.Add(time.Millisecond)
}

// store keeps e.
func (r *race) store(e progress.Enrollment) {
	r.e = &e
	r.written = append(r.written, e)
}

func (r *race) Lives(context.Context, engine.LiveKey, engine.LiveKey) ([]engine.Live, error) {
	return r.lives, nil
}

func (r *race) Due(_ context.Context, s journey.Partition, before time.Time, _ *journey.DueKey, _ int) ([]journey.DueKey, *journey.DueKey, error) {
	if s.Shard > 0 || r.e == nil || r.e.Due.IsZero() || r.e.Due.After(before) {
		return nil, nil, nil
	}
	return []journey.DueKey{{Customer: "c", At: r.e.Due}}, nil, nil
}

func (r *race) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	if r.onSend != nil {
		if err := r.onSend(ctx); err != nil {
			return progress.Answer{}, err
		}
	}
	return r.fake.Send(ctx, m)
}

func (r *race) Dispatch(_ context.Context, p engine.Pack) error {
	r.queue = append(r.queue, p)
	return nil
}

func (r *race) DispatchSweep(context.Context, engine.Segment) error { panic("one segment") }

func (r *race) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return journey.Journey{Definition: r.graph.Raw, Settings: r.graph.Settings}.GraphText(), nil
}

func (r *race) Load(ctx context.Context, _ ident.Tenant, _ ident.ID, _ []string) (engine.Loaded, error) {
	r.ask(ctx)
	if isDead(ctx) {
		return engine.Loaded{}, errDead
	}
	if r.e == nil {
		return engine.Loaded{Live: &r.lives[0]}, nil
	}
	return engine.Loaded{Live: &r.lives[0], Enrollments: []progress.Enrollment{*r.e}}, nil
}

func (r *race) LastEvents(ctx context.Context, _ ident.Tenant, _ map[string][]string) (map[string]engine.LastEvents, error) {
	if r.dead {
		return nil, errors.New("the worker is dead")
	}
	r.ask(ctx)
	return map[string]engine.LastEvents{"c": {ByType: maps.Clone(r.last)}}, nil
}

func (r *race) Advance(ctx context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []error {
	r.ask(ctx)
	if isDead(ctx) {
		return []error{errDead}
	}
	e := list[0]
	if err := refusal(r.e, e); err != nil {
		return []error{err}
	}
	e.PendingExit, e.PendingConversion = progress.ExitRequest{}, progress.Stamp{}
	r.store(e)
	return []error{nil}
}

// refusal returns the error of a write of e over the stored enrollment: nil if its
// condition holds.
func refusal(stored *progress.Enrollment, e progress.Enrollment) error {
	switch {
	case stored.Rev != e.Rev-1:
		return journey.ErrLost
	case stored.PendingExit != (progress.ExitRequest{}) && stored.PendingExit != e.PendingExit,
		stored.PendingConversion != (progress.Stamp{}) && stored.PendingConversion != e.PendingConversion:
		return &journey.ExitPendingError{Exit: stored.PendingExit, Conversion: stored.PendingConversion}
	}
	return nil
}

func (r *race) RequestExit(ctx context.Context, _ ident.Tenant, e progress.Enrollment) error {
	r.ask(ctx)
	if r.e.Rev != e.Rev {
		return journey.ErrLost
	}
	marked := *r.e
	if e.PendingExit != (progress.ExitRequest{}) {
		marked.PendingExit = e.PendingExit
	}
	if e.PendingConversion != (progress.Stamp{}) {
		marked.PendingConversion = e.PendingConversion
	}
	r.e = &marked
	return nil
}

func (r *race) Journey(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return r.journey, nil
}

func (r *race) JourneyToEnter(
	context.Context, ident.Tenant, ident.ID, []string, time.Time,
) (journey.Journey, journey.Forgotten, error) {
	return r.journey, func(string) time.Time { return time.Time{} }, nil
}

func (r *race) FullJourney(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return r.journey, nil
}

func (r *race) Insert(ctx context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []journey.Outcome {
	r.ask(ctx)
	r.store(list[0])
	return []journey.Outcome{{Result: journey.OutcomeEnrolled}}
}

func (r *race) ReserveEvent(ctx context.Context, _ ident.Tenant, e journey.EventRecord, _ time.Time) (journey.EventRecord, error) {
	r.ask(ctx)
	if kept, ok := r.records[e.ID]; ok {
		return kept, nil
	}
	r.records[e.ID] = e
	return e, nil
}

func (r *race) FinishEvent(ctx context.Context, _ ident.Tenant, e journey.EventRecord) error {
	r.ask(ctx)
	e.Done = true
	r.records[e.ID] = e
	return nil
}

func (r *race) Remember(ctx context.Context, _ ident.Tenant, _, eventType string, event progress.Received) error {
	r.ask(ctx)
	r.last[eventType] = remember(r.last[eventType], event)
	if !slices.Contains(r.stamps, event.Stamp) {
		r.stamps, r.stored[event.Stamp] = append(r.stamps, event.Stamp), len(r.written)
	}
	if s, ok := ctx.Value(sideKey{}).(*side); ok {
		s.remembered = event.Stamp
	}
	return nil
}

// remember returns events with event added, without those that are not remembered.
func remember(events []progress.Received, event progress.Received) []progress.Received {
	for _, e := range events {
		if e.Stamp == event.Stamp {
			return events
		}
	}
	events = append(slices.Clone(events), event)
	slices.SortFunc(events, func(a, b progress.Received) int { return a.Compare(b.Stamp) })
	return events[max(0, len(events)-progress.RememberedEvents):]
}

func (r *race) StartedBy(context.Context, ident.Tenant, string) (journey.Starts, error) {
	return journey.Starts{Reads: [][]string{{}}}, nil
}

func (r *race) Enrollments(ctx context.Context, _ ident.Tenant, _ string) ([]progress.Enrollment, []journey.Damage, error) {
	r.ask(ctx)
	r.look(ctx)
	if r.e == nil {
		return nil, nil, nil
	}
	return []progress.Enrollment{*r.e}, nil, nil
}

// look notes that the handler of an event looks for waits.
func (r *race) look(ctx context.Context) {
	if s, ok := ctx.Value(sideKey{}).(*side); ok {
		r.looked[s.remembered] = len(r.written)
	}
}

func (r *race) Enrollment(ctx context.Context, _ ident.Tenant, _ ident.ID, _ string) (progress.Enrollment, error) {
	r.ask(ctx)
	r.look(ctx)
	return *r.e, nil
}

func (r *race) Profile(ctx context.Context, _ ident.Tenant, _ string) (journey.Profile, error) {
	r.ask(ctx)
	if r.profile == nil {
		return journey.Profile{}, journey.ErrNoCustomer
	}
	return *r.profile, nil
}

func (r *race) Remembered(ctx context.Context, _ ident.Tenant, _ string, eventTypes []string) (map[string][]progress.Received, error) {
	r.ask(ctx)
	events := map[string][]progress.Received{}
	for _, eventType := range eventTypes {
		events[eventType] = slices.Clone(r.last[eventType])
	}
	return events, nil
}

func (r *race) Wake(ctx context.Context, _ ident.Tenant, e progress.Enrollment) error {
	r.ask(ctx)
	if r.e.Rev != e.Rev-1 {
		return journey.ErrLost
	}
	woken := *r.e
	woken.Rev, woken.Due, woken.Woken = e.Rev, e.Due, e.Woken
	r.store(woken)
	return nil
}
