package journey

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oklog/ulid/v2"

	"journeys/internal/condition"
)

// MaxProperties bounds an event's properties: bytes of compact JSON.
const MaxProperties = 1024

// Event is something that a customer did.
type Event struct {
	Customer   string
	Type       string
	ID         string    // the caller's; "" for none
	Properties []byte    // a compact JSON object; nil for none
	OccurredAt time.Time // as the caller says; zero for unsaid
}

// hash names what came with the event's id. Each part stands with its length,
// so that no two events are written alike.
func (e Event) hash() [32]byte {
	// A sender that writes its map anew may write it in another order, but its
	// numbers alike: as floats, two large ones would be one.
	properties := jsontext.Value(bytes.Clone(e.Properties))
	if err := properties.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		properties = e.Properties
	}
	var text []byte
	for _, part := range [][]byte{[]byte(e.Type), properties, []byte(e.OccurredAt.Format(time.RFC3339Nano))} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}

// EventRecord is what is kept about an event that came with an id of its
// caller's, for EventLife.
type EventRecord struct {
	Customer   string
	ID         string
	Request    [32]byte  // hash of what came with the id
	ReceivedAt time.Time // first; UTC, to the millisecond
	Done       bool      // all that it does is done
	ExpiresAt  time.Time // after it the record counts as gone
}

// EventLife is how long a caller's eventId is remembered.
const EventLife = 7 * 24 * time.Hour

// PutEvent ends the customer's waits for the event and enrolls them in every
// journey that it starts. It returns the event's id, a new one unless the
// caller gave one. An event that comes again with its id does nothing twice,
// and finishes what an earlier try left undone. What is damaged keeps no other
// enrollment or journey from the event: it is returned, and the event is done
// without it.
func (s *Service) PutEvent(ctx context.Context, t Tenant, e Event) (id string, damaged []Damage, err error) {
	now := s.clock()
	if e.ID == "" {
		id, err := ulid.New(ulid.Timestamp(now), s.entropy)
		if err != nil {
			return "", nil, err
		}
		damaged, err := s.takeEvent(ctx, t, e, now)
		return "evt_" + id.String(), damaged, err
	}
	record := EventRecord{
		Customer: e.Customer, ID: e.ID, Request: e.hash(), ReceivedAt: now, ExpiresAt: now.Add(EventLife),
	}
	kept, err := s.stores.Events.ReserveEvent(ctx, t, record, now)
	switch {
	case err != nil:
		return "", nil, err
	case kept.Request != record.Request:
		return "", nil, &Error{
			Kind: Mismatch, Code: "event-id-reused",
			Detail: "This eventId came with another event of this customer before. Send a new id with a new event.",
		}
	case kept.Done:
		return e.ID, nil, nil
	}
	// A repeat is as old as the first: it must not end a wait that began since.
	if damaged, err = s.takeEvent(ctx, t, e, kept.ReceivedAt); err != nil {
		return "", damaged, err
	}
	return e.ID, damaged, s.stores.Events.FinishEvent(ctx, t, kept)
}

// takeEvent does what an event does. It is stored before anybody looks for
// waits, as a wait is stored before anybody looks for its event: one of the two
// sees the other.
func (s *Service) takeEvent(ctx context.Context, t Tenant, e Event, received time.Time) ([]Damage, error) {
	if err := s.stores.Events.PutLastEvent(ctx, t, e.Customer, e.Type, received); err != nil {
		return nil, err
	}
	var passed passedOver
	err := errors.Join(s.wakeAll(ctx, t, e, received, &passed), s.startAll(ctx, t, e, &passed))
	return passed.list, err
}

// passedOver collects damage from several goroutines.
type passedOver struct {
	mu   sync.Mutex
	list []Damage
}

// unless keeps an error that is damage, and returns any other.
func (p *passedOver) unless(id ID, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, Damage{id, err})
	return nil
}

// wakeAll ends the waits that the event is for.
func (s *Service) wakeAll(ctx context.Context, t Tenant, event Event, received time.Time, passed *passedOver) error {
	list, damaged, err := s.stores.Customers.Enrollments(ctx, t, event.Customer)
	if err != nil {
		return err
	}
	passed.list = append(passed.list, damaged...)
	return forEach(list, func(e Enrollment) error {
		woken, err := s.wake(ctx, t, e, event.Type, received)
		if woken {
			s.nudge(ctx, t, e.Journey, []string{e.Customer})
		}
		return passed.unless(e.Journey, err)
	})
}

// wakeAttempts is how often a wake that meets another write is tried.
const wakeAttempts = 10

// wake makes e due at once if the event ends its wait. That is written, since
// the nudge that follows may be lost, and the journey may be paused.
func (s *Service) wake(ctx context.Context, t Tenant, e Enrollment, eventType string, received time.Time) (woken bool, err error) {
	for attempt := range wakeAttempts {
		if e.Status != Inside {
			return false, nil
		}
		graph, err := s.graphOf(ctx, t, e)
		if err != nil || !graph.EndsWait(e, eventType, received) {
			return false, err
		}
		if !e.WokenAt.IsZero() {
			return true, nil
		}
		next := e.NextWrite(s.clock())
		next.WokenAt = received
		next.dueBy(s.clock())
		if err = s.stores.Events.Wake(ctx, t, next); !errors.Is(err, ErrLost) {
			return err == nil, err
		}
		if attempt > 0 && !s.pause(ctx, attempt) {
			return false, ctx.Err()
		}
		if e, err = s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer); err != nil {
			if errors.Is(err, ErrNotEnrolled) {
				return false, nil
			}
			return false, err
		}
	}
	return false, errEnrollmentBusy
}

// startAll enrolls the customer in the journeys that the event starts.
func (s *Service) startAll(ctx context.Context, t Tenant, event Event, passed *passedOver) error {
	ids, err := s.stores.Events.StartedBy(ctx, t, event.Type)
	if err != nil {
		return err
	}
	facts := sync.OnceValues(func() (condition.Facts, error) { return s.factsOf(ctx, t, event) })
	return forEach(ids, func(id ID) error {
		err := s.start(ctx, t, id, event, facts)
		if errors.Is(err, ErrNotFound) {
			return nil // it was deleted meanwhile
		}
		return passed.unless(id, err)
	})
}

// start enrolls the customer in a journey if it is active and its conditions
// hold.
func (s *Service) start(ctx context.Context, t Tenant, id ID, event Event, facts func() (condition.Facts, error)) error {
	j, err := s.stores.Journeys.Journey(ctx, t, id)
	if err != nil || j.Status != Active || !slices.Contains(j.Events, event.Type) {
		return err
	}
	d, err := s.definition(ctx, t, j)
	if err != nil {
		return err
	}
	entry, err := j.entry()
	if err != nil {
		return err
	}
	known, err := facts()
	if err != nil || d.Graph.refusal(entry.Condition, &known) != "" {
		return err
	}
	e := Enrollment{Event: d.Graph.keepEvent(known.Event)}
	if _, err := io.ReadFull(s.entropy, e.RequestID[:]); err != nil {
		return err
	}
	outcomes, err := s.insert(ctx, t, j, []string{event.Customer}, e)
	if err == nil && outcomes[0].Result == OutcomeError {
		err = &Error{
			Kind: Unavailable, Code: outcomes[0].Code,
			Detail: "The table cannot take this now. Try again in a moment.",
		}
	}
	return err
}

// factsOf returns what entry conditions read of the customer and the event.
// ErrDamaged when the customer's attributes cannot be read: they must not count
// as none. It does not quote them, since the log may have it.
func (s *Service) factsOf(ctx context.Context, t Tenant, event Event) (facts condition.Facts, err error) {
	if len(event.Properties) > 0 {
		if facts.Event, err = condition.ParseValue(event.Properties); err != nil {
			return facts, err
		}
	}
	p, err := s.stores.Customers.Profile(ctx, t, event.Customer)
	if errors.Is(err, ErrNoCustomer) {
		return facts, nil
	}
	if err != nil {
		return facts, err
	}
	if facts.Attributes, err = condition.ParseValue(p.Attributes); err != nil || !facts.Attributes.IsObject() {
		return facts, fmt.Errorf("%w: the customer's attributes are no JSON object", ErrDamaged)
	}
	return facts, nil
}
