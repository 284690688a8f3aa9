package journey

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oklog/ulid/v2"

	"journeys/internal/condition"
	"journeys/internal/digest"
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

// hash returns a hash of everything that was sent with the event's id.
func (e Event) hash() [32]byte {
	// A sender that encodes a map again may change the order of its members, but
	// not its numbers. Those stay as written: as floats, two large integers could
	// become equal.
	properties := jsontext.Value(bytes.Clone(e.Properties))
	if err := properties.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		properties = e.Properties
	}
	return digest.Of([]byte(e.Type), properties, []byte(e.OccurredAt.Format(time.RFC3339Nano)))
}

// EventRecord is the record of an event that has an id of its caller, kept for
// EventLife.
type EventRecord struct {
	Customer   string
	ID         string
	Request    [32]byte  // hash of the rest of the event
	ReceivedAt time.Time // when it first arrived; UTC, to the millisecond
	Stamp      Stamp     // of the event; not stored
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
	made, err := ulid.New(ulid.Timestamp(now), s.entropy)
	if err != nil {
		return "", nil, err
	}
	id = cmp.Or(e.ID, "evt_"+made.String())
	kept := record
	if e.ID != "" {
		if kept, err = s.stores.Events.ReserveEvent(ctx, t, record, now); err != nil {
			return "", nil, err
		}
	}
	kept.Stamp = newStamp(kept.ReceivedAt, id)
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
	// A repeat counts as received when the first was: it is the same event, and ends one
	// wait at most.
	damaged, err = s.applyEvent(ctx, t, e, kept.Stamp)
	return id, damaged, s.finishEvent(ctx, t, e, kept, err)
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
// before its event is read: at least one of the two sees the other. Its properties are
// kept if a journey reads them that was activated before the event was received: no
// customer can have entered another.
func (s *Service) applyEvent(ctx context.Context, t Tenant, e Event, stamp Stamp) ([]Damage, error) {
	starts, err := s.stores.Events.StartedBy(ctx, t, e.Type)
	if err != nil && !errors.Is(err, ErrNewer) {
		return nil, err
	}
	event := Received{Stamp: stamp}
	kept := event
	if event.Properties = e.Properties; starts.KeepProperties {
		kept = event
	}
	if err := s.stores.Events.Remember(ctx, t, e.Customer, e.Type, kept); err != nil {
		return nil, err
	}
	var skipped damageList
	err = errors.Join(s.wakeAll(ctx, t, e, event, &skipped), s.startAll(ctx, t, starts.Journeys, e, stamp, &skipped), err)
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

// wakeAll converts and ends the customer's runs that the event converts or ends, and makes
// their waits that it may end due at once.
func (s *Service) wakeAll(ctx context.Context, t Tenant, e Event, event Received, skipped *damageList) error {
	list, damaged, err := s.stores.Customers.Enrollments(ctx, t, e.Customer)
	if err != nil {
		return err
	}
	var newer error
	for _, d := range damaged {
		newer = cmp.Or(skipped.absorb(d.Journey, d.Cause), newer)
	}
	hand := s.atHand(ctx, t, e, event)
	err = forEach(list, func(enrollment Enrollment) error {
		enrollment, err := s.convertBy(ctx, t, enrollment, hand)
		if err != nil {
			return skipped.absorb(enrollment.Journey, err)
		}
		if ended, err := s.leaveBy(ctx, t, enrollment, hand); ended || err != nil {
			return skipped.absorb(enrollment.Journey, err)
		}
		woken, err := s.wake(ctx, t, enrollment, e.Type, event)
		if woken {
			s.nudge(ctx, t, enrollment.Journey, []string{e.Customer})
		}
		return skipped.absorb(enrollment.Journey, err)
	})
	return cmp.Or(err, newer)
}

// wake makes e due at once if the event may end its wait; the engine decides. It writes
// that, because the nudge may be lost and the journey may be paused, and because a worker
// that has looked for events before must not write what it found.
func (s *Service) wake(ctx context.Context, t Tenant, e Enrollment, eventType string, event Received) (woken bool, err error) {
	for attempt := range writeAttempts {
		if e.Status != Inside || !e.HeardBy(eventType) {
			return false, nil
		}
		graph, err := s.graphOf(ctx, t, e)
		if err != nil {
			return false, err
		}
		may, sure := graph.Wakes(e, eventType, event)
		// A worker that has seen neither this event nor an earlier one must not write.
		if known := e.Woken != (Stamp{}) && e.Woken.Compare(event.Stamp) <= 0; !may || known {
			return may, nil
		}
		next := e.NextWrite(s.clock())
		if sure {
			next.Woken = event.Stamp
		}
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

// startAll enrolls the customer in those journeys that the event starts.
func (s *Service) startAll(ctx context.Context, t Tenant, ids []ID, event Event, stamp Stamp, skipped *damageList) error {
	facts := sync.OnceValues(func() (condition.Facts, error) { return s.factsOf(ctx, t, event, stamp.At) })
	return forEach(ids, func(id ID) error {
		_, err := s.start(ctx, t, id, event, stamp, facts)
		if errors.Is(err, ErrNotFound) {
			return nil // deleted since StartedBy
		}
		return skipped.absorb(id, err)
	})
}

// start enrolls the customer in a journey if it is active and its entry
// conditions hold. code says why the customer cannot enter; "" for other reasons.
func (s *Service) start(
	ctx context.Context, t Tenant, id ID, event Event, stamp Stamp, facts func() (condition.Facts, error),
) (code string, err error) {
	j, err := s.stores.Journeys.FullJourney(ctx, t, id)
	if err != nil || j.Status != Active || !slices.Contains(j.Events, event.Type) {
		return "", err
	}
	d, err := s.definition(ctx, t, j)
	if err != nil {
		return "", err
	}
	entry, fault := j.entry()
	if fault = cmp.Or(fault, d.Graph.EntryFault()); fault != "" {
		return "", fmt.Errorf("%w: %s", ErrDamaged, fault)
	}
	known, err := facts()
	if err == nil {
		known.LastEvents, err = s.eventsBefore(ctx, t, event.Customer, stamp, d.Graph.EntryEvents(entry.Condition))
	}
	if err != nil || d.Graph.Refusal(entry.Condition, &known) != "" {
		return "", err
	}
	// The customer enters no earlier than the event was received, whatever the clocks: it
	// must not end a wait of the run that it starts.
	now := later(s.clock(), known.Now)
	if j.EntryClosed(now) != "" {
		return CodeEntryClosed, nil
	}
	var request RequestID
	if _, err := io.ReadFull(s.entropy, request[:]); err != nil {
		return "", err
	}
	outcomes, err := s.insert(ctx, t, j, []entrant{{event.Customer, known.Event}}, request, now, event.Received)
	if err == nil && outcomes[0].Result == OutcomeError {
		err = &Error{
			Kind: Unavailable, Code: outcomes[0].Code,
			Detail: "The table cannot take this now. Try again in a moment.",
		}
	}
	return "", err
}

// eventsBefore returns when the customer's last event of each type was received before
// the one with that stamp. So the starting event does not count, and a repeat of it
// enrolls the customer in the same journeys.
func (s *Service) eventsBefore(
	ctx context.Context, t Tenant, customer string, stamp Stamp, types []string,
) (map[string]time.Time, error) {
	if len(types) == 0 {
		return nil, nil
	}
	events, err := s.stores.Events.Remembered(ctx, t, customer, types)
	return LastBefore(events, stamp, types), err
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
		facts.EntryEvent = facts.Event
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
