package engine_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// callers do what API callers may do while customers are in the journey.
func (m *model) callers(turn int, seed uint64) {
	m.putEvents()
	m.putProfiles()
	m.sendCalls()
	for range 3 {
		m.say("unsubscribed")
	}
	if m.live.Reason == "journey_deleted" {
		return
	}
	switch m.r.IntN(16) {
	case 0:
		m.faults["pause"]++
		m.live.On, m.live.Since = !m.live.On, m.now
	case 1:
		m.edit()
	case 2:
		m.remove(fmt.Sprintf("c%d", m.r.IntN(25)))
	case 3, 4, 5, 13, 14:
		m.pending = append(m.pending, m.drawEvent())
	case 8, 9:
		m.drawCall()
	case 10:
		m.change(fmt.Sprintf("c%d", m.r.IntN(25)), []byte(`{"gone":true}`))
	case 11, 12:
		m.repeat()
	case 6, 7:
		m.patch(fmt.Sprintf("c%d", m.r.IntN(35)))
	}
	if p, ok := m.profiles[fmt.Sprintf("c%d", m.r.IntN(25))]; ok && m.r.IntN(3) == 0 {
		m.change(p.Stored.Customer, []byte("{"+m.drawDates()+"}"))
	}
	if turn == 8 && seed%4 == 0 || turn > 8 && turn%2 == 0 && seed%8 == 0 && m.live.Epoch < 5 {
		m.end("archive", "journey_archived")
		m.live.On = seed%8 == 0 // reactivated at once; earlier customers still leave
	}
	if turn == 12 && seed%4 == 1 {
		m.end("delete", "journey_deleted")
	}
	if m.r.IntN(6) == 0 && m.live.Reason != "journey_deleted" && m.live.On {
		m.enroll(fmt.Sprint("later", turn))
	}
}

// drawEvent returns an event that a customer causes.
func (m *model) drawEvent() journey.Event {
	m.faults["event"]++
	customer, kind := m.drawSending(), ""
	if customer != "" {
		kind = m.drawKind(m.rules[m.items[customer].GraphHash])
	} else {
		kind = m.drawKind(m.rules[m.definition.Hash])
		customer = m.drawCustomer(kind)
	}
	e := journey.Event{
		Customer: customer, Type: kind, ID: fmt.Sprint(kind, " ", m.faults["event"]),
		Properties: fmt.Appendf(nil, `{"n":%d,"cart":%d}`, m.r.IntN(10), m.r.IntN(2)),
	}
	m.sent = append(m.sent, e)
	return e
}

// drawKind returns a type of events, often one that ends runs or converts them.
func (m *model) drawKind(ru rules) string {
	switch n := m.r.IntN(6); {
	case n < 2 && len(ru.exits) > 0:
		return ru.exits[0].kind
	case n < 4 && ru.goal != nil:
		return ru.goal.kind
	}
	return fmt.Sprintf("e%d", m.r.IntN(kinds))
}

// drawSending returns a customer whose message a frozen worker is sending, or "".
func (m *model) drawSending() string {
	if m.depth == 0 {
		return ""
	}
	for _, customer := range slices.Sorted(maps.Keys(m.items)) {
		if e := m.items[customer]; e.Status == progress.Inside && e.LeaseUntil.After(m.now.Add(time.Second)) && m.r.IntN(2) == 0 {
			return customer
		}
	}
	return ""
}

// drawCustomer returns a customer, often one whose wait awaits events of that type.
func (m *model) drawCustomer(eventType string) string {
	if m.r.IntN(3) > 0 {
		for _, customer := range slices.Sorted(maps.Keys(m.items)) {
			e := m.items[customer]
			n := m.definitions[e.GraphHash].Graph.Node(e.Node)
			if e.Status == progress.Inside && n.Awaits != nil && slices.Contains(n.Events, eventType) && m.r.IntN(2) == 0 {
				return customer
			}
		}
	}
	return fmt.Sprintf("c%d", m.r.IntN(35))
}

func (m *model) end(kind, reason string) {
	m.faults[kind]++
	m.live.On, m.live.Reason, m.live.Since = false, reason, m.now
	m.live.Epoch, m.live.Ended = m.live.Epoch+1, append(slices.Clone(m.live.Ended), m.now)
}

// edit gives the journey a new graph, for customers that enroll from now on.
func (m *model) edit() {
	m.faults["edit"]++
	m.define(4 + m.r.IntN(12))
}

// starting is the event that starts the journey. Waits may wait for it too.
const starting = "e0"

// kindOf returns the type of a record's event, which begins its id.
func kindOf(r journey.EventRecord) string {
	kind, _, _ := strings.Cut(r.ID, " ")
	return kind
}

func (m *model) service(p *process) *journey.Service {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], m.r.Uint64())
	h := handler{process: p}
	stores := journey.Stores{Journeys: h, Enrollments: h, Customers: h, Events: h}
	s := journey.NewService(stores, func() time.Time { return p.now.Add(p.skew) }, rand.NewChaCha8(seed))
	s.Nudge = func(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) {
		_ = p.Dispatch(ctx, engine.Pack{Tenant: t, Journey: id, Customers: customers})
	}
	return s
}

// putEvents sends the events that have no answer yet. Events whose handler crashed
// are sent again.
func (m *model) putEvents() {
	pending := m.pending
	m.pending = nil
	for _, e := range pending {
		m.putEvent(e)
	}
}

func (m *model) putEvent(e journey.Event) {
	if _, again := m.records[e.ID]; again {
		m.faults["event again"]++
	}
	p := &process{model: m, skew: time.Duration(m.r.IntN(200)-100) * time.Millisecond}
	_, err := m.service(p).PutEvent(context.Background(), m.tenant, e)
	switch {
	case err == nil && !p.dead:
		m.requireObeyed(p.heardOf)
	case m.r.IntN(4) == 0:
		m.putEvent(e) // at once
	default:
		m.pending = append(m.pending, e)
	}
}

// remove removes a customer.
func (m *model) remove(customer string) {
	p := &process{model: m}
	if err := m.service(p).Remove(context.Background(), m.tenant, m.live.Journey, customer); err == nil {
		m.faults["removed"]++
	}
}

// patch changes an attribute of a customer that no graph reads.
func (m *model) patch(customer string) {
	if m.change(customer, fmt.Appendf(nil, `{"patches":%d}`, m.patches[customer]+1)) {
		m.faults["patched"]++
	}
}

// handler is the store of an API handler's process.
type handler struct {
	journey.JourneyStore // methods that are not overridden are not called
	journey.EnrollmentStore
	journey.CustomerStore
	journey.EventStore
	*process
}

func (h handler) Journey(ctx context.Context, _ ident.Tenant, id ident.ID) (journey.Journey, error) {
	j := journey.Journey{
		ID: id, Status: journey.Paused, GraphHash: h.definition.Hash, Version: 1, MaxDurationDays: 365,
		EntryCondition: []byte(`{"event":"` + starting + `"}`), Events: []string{starting},
		Shards: h.live.Shards, Epoch: h.live.Epoch, Reentry: h.reentry.raw,
	}
	if h.live.On {
		j.Status, h.active = journey.Active, true
	}
	return j, h.read(ctx)
}

func (h handler) FullJourney(ctx context.Context, t ident.Tenant, id ident.ID) (journey.Journey, error) {
	return h.Journey(ctx, t, id)
}

func (h handler) Profile(ctx context.Context, _ ident.Tenant, customer string) (journey.Profile, error) {
	stored, ok := h.profiles[customer]
	err := h.read(ctx)
	if err == nil && !ok {
		err = journey.ErrNoCustomer
	}
	return stored.Stored, err
}

func (h handler) ProfileToChange(
	ctx context.Context, _ ident.Tenant, customer string, _ time.Time,
) (journey.Profile, journey.Forgotten, error) {
	stored, ok := h.profiles[customer]
	err := h.read(ctx)
	if err == nil && !ok {
		err = journey.ErrNoCustomer
	}
	return stored.Stored, nil, err
}

func (h handler) PutProfile(_ context.Context, _ ident.Tenant, p journey.Profile, rev int64) (err error) {
	failed := h.write(func() {
		if h.profiles[p.Customer].Stored.Rev != rev {
			err = journey.ErrLost
			return
		}
		h.putProfile(p)
		h.patches[p.Customer] = max(h.patches[p.Customer], h.countPatches(p))
	})
	return errors.Join(failed, err)
}

func (h handler) Definition(ctx context.Context, t ident.Tenant, id ident.ID, hash string) ([]byte, error) {
	return h.process.Definition(ctx, t, id, hash)
}

func (h handler) Advance(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []error {
	return h.process.Advance(ctx, t, shards, list)
}

func (h handler) ReserveEvent(_ context.Context, _ ident.Tenant, r journey.EventRecord, now time.Time) (kept journey.EventRecord, err error) {
	err = h.write(func() {
		var ok bool
		if kept, ok = h.records[r.ID]; !ok || !kept.ExpiresAt.After(now) {
			h.records[r.ID], kept = r, r
		}
	})
	h.received = kept.ReceivedAt
	return kept, err
}

func (h handler) RequestExit(_ context.Context, _ ident.Tenant, e progress.Enrollment) (err error) {
	failed := h.write(func() {
		stored := h.items[e.Customer]
		if stored.Rev != e.Rev {
			err = journey.ErrLost
			return
		}
		if e.PendingExit != (progress.ExitRequest{}) {
			h.faults["exit requested"]++
			stored.PendingExit = e.PendingExit
		}
		if e.PendingConversion != (progress.Stamp{}) {
			h.faults["conversion requested"]++
			stored.PendingConversion = e.PendingConversion
		}
		h.items[e.Customer] = stored
	})
	return errors.Join(failed, err)
}

// FinishEvent checks that an event has started the journey, if its handler found
// the journey active.
func (h handler) FinishEvent(_ context.Context, _ ident.Tenant, r journey.EventRecord) error {
	return h.write(func() {
		if _, in := h.items[r.Customer]; h.active && kindOf(r) == starting {
			require.True(h.t, in, "the event of %s was accepted but started nothing", r.Customer)
			require.False(h.t, h.mustEnter(r.Customer, r.ReceivedAt), "the event of %s was accepted but started no further run", r.Customer)
		}
		r.Done = true
		h.records[r.ID] = r
	})
}

func (h handler) Remember(_ context.Context, _ ident.Tenant, customer, eventType string, event progress.Received) error {
	return h.write(func() {
		key := customer + " " + eventType
		i := slices.IndexFunc(h.heard[key], func(before heard) bool { return before.Stamp == event.Stamp })
		if i < 0 {
			h.moments++
			i = len(h.heard[key])
			h.heard[key] = append(h.heard[key], heard{event, customer, eventType, h.now, h.moments})
		}
		h.heardOf = h.heard[key][i]
	})
}

func (h handler) StartedBy(ctx context.Context, _ ident.Tenant, kind string) (starts journey.Starts, err error) {
	starts.Reads = [][]string{{}}
	if kind == starting && h.live.Reason != "journey_deleted" {
		starts.Journeys = append(starts.Journeys, h.live.Journey)
	}
	return starts, h.read(ctx)
}

func (h handler) Enrollments(ctx context.Context, t ident.Tenant, customer string) ([]progress.Enrollment, []journey.Damage, error) {
	if err := h.read(ctx); err != nil {
		return nil, nil, err
	}
	if e, ok := h.items[customer]; ok {
		return []progress.Enrollment{e}, nil, nil
	}
	return nil, nil, nil
}

func (h handler) Enrollment(ctx context.Context, _ ident.Tenant, _ ident.ID, customer string) (progress.Enrollment, error) {
	if err := h.read(ctx); err != nil {
		return progress.Enrollment{}, err
	}
	if e, ok := h.items[customer]; ok {
		return e, nil
	}
	return progress.Enrollment{}, journey.ErrNotEnrolled
}

func (h handler) Wake(_ context.Context, _ ident.Tenant, e progress.Enrollment) (err error) {
	failed := h.write(func() {
		if h.items[e.Customer].Rev != e.Rev-1 {
			err = journey.ErrLost
			return
		}
		woken := h.items[e.Customer]
		h.requireLease(woken)
		woken.Rev, woken.WrittenAt, woken.Due, woken.Woken, woken.Delta = e.Rev, e.WrittenAt, e.Due, e.Woken, nil
		h.put(woken)
		h.faults["woken"]++
	})
	if failed != nil {
		return failed
	}
	return err
}
