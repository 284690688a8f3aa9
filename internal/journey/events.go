package journey

import (
	"bytes"
	"cmp"
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

// MaxProperties bounds an event's properties, in bytes of compact JSON.
const MaxProperties = 1024

// Event is an action of a customer, as the caller reports it.
type Event struct {
	Customer   string
	Type       string
	ID         string    // chosen by the caller; "" for none
	Properties []byte    // compact JSON object; nil for none
	OccurredAt time.Time // zero if not given
	Received   time.Time // by the gateway; zero is not checked against Forgotten
}

// hash returns a hash of everything that was sent with the event's id. Each part
// is prefixed by its length, so different events have different inputs.
func (e Event) hash() [32]byte {
	// A sender that encodes a map again may change the order of its members, but
	// not its numbers. Those stay as written: as floats, two large integers could
	// become equal.
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

// EventRecord is the record of an event that has an id of its caller, kept for
// EventLife.
type EventRecord struct {
	Customer   string
	ID         string
	Request    [32]byte  // hash of the rest of the event
	ReceivedAt time.Time // when it first arrived; UTC, to the millisecond
	Done       bool      // all its effects are stored
	ExpiresAt  time.Time // from then on the record counts as missing
}

// EventLife is how long a caller's eventId is remembered.
const EventLife = 7 * 24 * time.Hour

// PutEvent ends the customer's waits for the event and enrolls the customer in
// the journeys that it starts. It returns the event's id: the caller's, or a new
// one. An event that is repeated with its id takes effect once; a repeat
// completes what an earlier attempt left unfinished. Damaged enrollments and
// journeys are skipped and returned; they do not fail the event. Those of a newer
// format are skipped too, and then PutEvent returns ErrNewer: a repeat completes it.
func (s *Service) PutEvent(ctx context.Context, t Tenant, e Event) (id string, damaged []Damage, err error) {
	now := s.clock() // before the check: an event that is stored anew after Forget must be later
	record := EventRecord{Customer: e.Customer, ID: e.ID, Request: e.hash(), ReceivedAt: now, ExpiresAt: now.Add(EventLife)}
	kept := record
	if e.ID != "" {
		if kept, err = s.stores.Events.ReserveEvent(ctx, t, record, now); err != nil {
			return "", nil, err
		}
	}
	// The check comes after the record is stored, so it sees a Forget that missed the record.
	err = s.checkForgotten(ctx, t, e.Customer, e.Received)
	switch {
	case err != nil && e.ID != "" && !kept.Done && kept.ReceivedAt.Equal(now):
		return "", nil, cmp.Or(s.stores.Events.UndoEvent(ctx, t, kept, e.Type), err)
	case err != nil:
		return "", nil, err
	case kept.Request != record.Request:
		return "", nil, &Error{
			Kind: Mismatch, Code: "event-id-reused",
			Detail: "This eventId was already used for a different event of this customer. Send a new id with a new event.",
		}
	case kept.Done:
		return e.ID, nil, nil
	}
	// A repeat counts as received when the first was: it must not end a wait that
	// began in between.
	damaged, err = s.applyEvent(ctx, t, e, kept.ReceivedAt)
	if err = s.finishEvent(ctx, t, e, kept, err); err != nil || e.ID != "" {
		return e.ID, damaged, err
	}
	made, err := ulid.New(ulid.Timestamp(now), s.entropy)
	return "evt_" + made.String(), damaged, err
}

// finishEvent completes an event that was applied with err. If its customer was
// forgotten since the check, it removes what the event stored: Forget may have
// missed that, unless the event's record is still stored.
func (s *Service) finishEvent(ctx context.Context, t Tenant, e Event, r EventRecord, err error) error {
	if err == nil && r.ID != "" {
		if err = s.stores.Events.FinishEvent(ctx, t, r); err == nil {
			return nil
		}
	}
	forgotten := s.checkForgotten(ctx, t, e.Customer, e.Received)
	if errors.Is(forgotten, ErrForgotten) {
		return cmp.Or(s.stores.Events.UndoEvent(ctx, t, r, e.Type), forgotten)
	}
	if errors.Is(err, ErrLost) {
		err = nil
	}
	return cmp.Or(err, forgotten)
}

// applyEvent stores the event, wakes the enrollments that wait for it and starts
// journeys. An event is stored before its waits are read, and a wait is stored
// before its event is read: at least one of the two sees the other.
func (s *Service) applyEvent(ctx context.Context, t Tenant, e Event, received time.Time) ([]Damage, error) {
	if err := s.stores.Events.PutLastEvent(ctx, t, e.Customer, e.Type, received); err != nil {
		return nil, err
	}
	var skipped damageList
	err := errors.Join(s.wakeAll(ctx, t, e, received, &skipped), s.startAll(ctx, t, e, received, &skipped))
	return skipped.list, err
}

// damageList collects Damage. It is safe for concurrent use.
type damageList struct {
	mu   sync.Mutex
	list []Damage
}

// absorb adds err and returns nil if err is an ErrDamaged. It returns other errors.
func (l *damageList) absorb(id ID, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, Damage{id, err})
	return nil
}

// wakeAll ends the customer's waits for the event.
func (s *Service) wakeAll(ctx context.Context, t Tenant, event Event, received time.Time, skipped *damageList) error {
	list, damaged, err := s.stores.Customers.Enrollments(ctx, t, event.Customer)
	if err != nil {
		return err
	}
	var newer error
	for _, d := range damaged {
		newer = cmp.Or(skipped.absorb(d.Journey, d.Cause), newer)
	}
	err = forEach(list, func(e Enrollment) error {
		woken, err := s.wake(ctx, t, e, event.Type, received)
		if woken {
			s.nudge(ctx, t, e.Journey, []string{e.Customer})
		}
		return skipped.absorb(e.Journey, err)
	})
	return cmp.Or(err, newer)
}

// wake makes e due at once if the event ends its wait. It writes that, because
// the nudge may be lost and the journey may be paused.
func (s *Service) wake(ctx context.Context, t Tenant, e Enrollment, eventType string, received time.Time) (woken bool, err error) {
	for attempt := range writeAttempts {
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
func (s *Service) startAll(ctx context.Context, t Tenant, event Event, received time.Time, skipped *damageList) error {
	ids, newer := s.stores.Events.StartedBy(ctx, t, event.Type)
	if newer != nil && !errors.Is(newer, ErrNewer) {
		return newer
	}
	facts := sync.OnceValues(func() (condition.Facts, error) { return s.factsOf(ctx, t, event, received) })
	err := forEach(ids, func(id ID) error {
		err := s.start(ctx, t, id, event, facts)
		if errors.Is(err, ErrNotFound) {
			return nil // deleted since StartedBy
		}
		return skipped.absorb(id, err)
	})
	return cmp.Or(err, newer)
}

// start enrolls the customer in a journey if it is active and its entry
// conditions hold.
func (s *Service) start(ctx context.Context, t Tenant, id ID, event Event, facts func() (condition.Facts, error)) error {
	j, err := s.stores.Journeys.FullJourney(ctx, t, id)
	if err != nil || j.Status != Active || !slices.Contains(j.Events, event.Type) {
		return err
	}
	d, err := s.definition(ctx, t, j)
	if err != nil {
		return err
	}
	entry, fault := j.entry()
	if fault = cmp.Or(fault, d.Graph.EntryFault()); fault != "" {
		return fmt.Errorf("%w: %s", ErrDamaged, fault)
	}
	known, err := facts()
	if err != nil || d.Graph.Refusal(entry.Condition, &known) != "" {
		return err
	}
	e := Enrollment{Event: d.Graph.encodeEvent(known.Event)}
	if _, err := io.ReadFull(s.entropy, e.RequestID[:]); err != nil {
		return err
	}
	outcomes, err := s.insert(ctx, t, j, []string{event.Customer}, e, event.Received)
	if err == nil && outcomes[0].Result == OutcomeError {
		err = &Error{
			Kind: Unavailable, Code: outcomes[0].Code,
			Detail: "The table cannot take this now. Try again in a moment.",
		}
	}
	return err
}

// factsOf returns the facts for entry conditions. It returns ErrDamaged if the
// customer's attributes cannot be read, because missing ones could satisfy a
// condition. The error does not quote them: it may be logged.
func (s *Service) factsOf(ctx context.Context, t Tenant, event Event, received time.Time) (facts condition.Facts, err error) {
	facts.Now = received
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
		return facts, fmt.Errorf("%w: the customer's attributes are not a JSON object", ErrDamaged)
	}
	return facts, nil
}
