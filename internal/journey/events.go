package journey

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
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

// EventOutcome is what an event did. The lists are sorted.
type EventOutcome struct {
	ID         string // the caller's, or a new one
	Started    []ID   // journeys that it started, also by an earlier attempt
	Ended      []ID   // journeys in which it surely ended a wait, or ended the run
	NotStarted []NotStarted
	Repeated   bool     // an earlier attempt did everything; the lists are empty
	Damaged    []Damage // what was skipped
}

// NotStarted is a journey that an event names and did not start.
type NotStarted struct {
	Journey ID
	Code    string // stable, kebab-case
}

// The codes of NotStarted that this file decides on. Those of a journey that the
// customer may not enter are codes of an Outcome.
const (
	codePaused         = "journey-paused"
	codeConditionFalse = "condition-false"
)

// EventLife is how long a caller's eventId is remembered.
const EventLife = 7 * 24 * time.Hour

// PutEvent ends the customer's waits for the event and enrolls the customer in
// the journeys that it starts. An event that is repeated with its id takes effect
// once; a repeat completes what an earlier attempt left unfinished. Damaged
// enrollments and journeys are skipped and returned; they do not fail the event.
// Those of a newer format are skipped too, and then PutEvent returns ErrNewer: a
// repeat completes it.
func (s *Service) PutEvent(ctx context.Context, t Tenant, e Event) (EventOutcome, error) {
	now := s.clock() // before the check: an event that is stored anew after Forget must be later
	record := EventRecord{Customer: e.Customer, ID: e.ID, Request: e.hash(), ReceivedAt: now, ExpiresAt: now.Add(EventLife)}
	made, err := ulid.New(ulid.Timestamp(now), s.entropy)
	if err != nil {
		return EventOutcome{}, err
	}
	o := EventOutcome{ID: cmp.Or(e.ID, "evt_"+made.String())}
	kept := record
	if e.ID != "" {
		if kept, err = s.stores.Events.ReserveEvent(ctx, t, record, now); err != nil {
			return EventOutcome{}, err
		}
	}
	kept.Stamp = newStamp(kept.ReceivedAt, o.ID)
	// The check comes after the record is stored, so it sees a Forget that missed the record.
	err = s.checkForgotten(ctx, t, e.Customer, e.Received)
	switch {
	case err != nil && e.ID != "" && !kept.Done && kept.ReceivedAt.Equal(now):
		return EventOutcome{}, cmp.Or(s.stores.Events.UndoEvent(ctx, t, kept, e.Type), err)
	case err != nil:
		return EventOutcome{}, err
	case kept.Request != record.Request:
		return EventOutcome{}, &Error{
			Kind: Mismatch, Code: "event-id-reused",
			Detail: "This eventId was already used for a different event of this customer. Send a new id with a new event.",
		}
	case kept.Done:
		o.Repeated = true
		return o, nil
	}
	// A repeat counts as received when the first was: it is the same event, and ends one
	// wait at most.
	effects := eventEffects{Event: e, stamp: kept.Stamp, request: requestOf(t, e.Customer, o.ID, kept.ReceivedAt), outcome: &o}
	err = s.applyEvent(ctx, t, &effects)
	err = s.finishEvent(ctx, t, e, kept, o.waits(), err)
	return o, err
}

// waits reports whether a repeat may start a journey that this attempt could not.
func (o *EventOutcome) waits() bool {
	return slices.ContainsFunc(o.NotStarted, func(n NotStarted) bool { return n.Code == codePaused })
}

// requestOf returns the id of the enrollments that an event writes. An attempt at the
// same event has the same id, and so recognizes those of an earlier one.
func requestOf(t Tenant, customer, eventID string, received time.Time) RequestID {
	sum := digest.Of(t.String(), customer, eventID, received.Format(time.RFC3339Nano))
	return RequestID(sum[:len(RequestID{})])
}

// finishEvent completes an event that was applied with err, unless it waits for a
// repeat. If its customer was forgotten since the check, it removes what the event
// stored: Forget may have missed that, unless the event's record is still stored.
func (s *Service) finishEvent(ctx context.Context, t Tenant, e Event, r EventRecord, waits bool, err error) error {
	if err == nil && r.ID != "" && !waits {
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

// eventEffects is an event while it takes effect. The methods that note effects are
// safe for concurrent use.
type eventEffects struct {
	Event
	stamp   Stamp
	request RequestID // of the enrollments that the event writes

	mu      sync.Mutex
	outcome *EventOutcome
}

// note calls change with the outcome.
func (e *eventEffects) note(change func(*EventOutcome)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e.outcome)
}

// absorb notes err and returns nil if err is an ErrDamaged. It returns other errors.
func (e *eventEffects) absorb(id ID, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	e.note(func(o *EventOutcome) { o.Damaged = append(o.Damaged, Damage{id, err}) })
	return nil
}

// applyEvent stores the event, wakes the enrollments that wait for it and starts
// journeys. An event is stored before its waits are read, and a wait is stored
// before its event is read: at least one of the two sees the other. Its properties are
// kept if a journey reads them that was activated before the event was received: no
// customer can have entered another.
func (s *Service) applyEvent(ctx context.Context, t Tenant, e *eventEffects) error {
	starts, err := s.stores.Events.StartedBy(ctx, t, e.Type)
	if err != nil && !errors.Is(err, ErrNewer) {
		return err
	}
	event := Received{Stamp: e.stamp}
	kept := event
	if event.Properties = e.Properties; starts.KeepProperties {
		kept = event
	}
	if err := s.stores.Events.Remember(ctx, t, e.Customer, e.Type, kept); err != nil {
		return err
	}
	err = errors.Join(s.wakeAll(ctx, t, e, event), s.startAll(ctx, t, e, starts.Journeys), err)
	slices.Sort(e.outcome.Started)
	slices.Sort(e.outcome.Ended)
	slices.SortFunc(e.outcome.NotStarted, func(a, b NotStarted) int { return cmp.Compare(a.Journey, b.Journey) })
	return err
}

// wakeAll lets the event act on each of the customer's enrollments.
func (s *Service) wakeAll(ctx context.Context, t Tenant, e *eventEffects, event Received) error {
	list, damaged, err := s.stores.Customers.Enrollments(ctx, t, e.Customer)
	if err != nil {
		return err
	}
	var newer error
	for _, d := range damaged {
		newer = cmp.Or(e.absorb(d.Journey, d.Cause), newer)
	}
	err = forEach(list, func(enrollment Enrollment) error {
		ended, err := s.react(ctx, t, enrollment, e.Type, event)
		if ended {
			e.note(func(o *EventOutcome) { o.Ended = append(o.Ended, enrollment.Journey) })
		}
		return e.absorb(enrollment.Journey, err)
	})
	return cmp.Or(err, newer)
}

// react lets an event act on an enrollment. It reports whether the event surely ended a
// wait, or ended the run.
func (s *Service) react(ctx context.Context, t Tenant, e Enrollment, eventType string, event Received) (ended bool, err error) {
	woken, ended, err := s.wake(ctx, t, e, eventType, event)
	if woken {
		s.nudge(ctx, t, e.Journey, []string{e.Customer})
	}
	return ended, err
}

// wake makes e due at once if the event may end its wait; the engine decides. It writes
// that, because the nudge may be lost and the journey may be paused, and because a worker
// that has looked for events before must not write what it found. It also reports whether
// the event surely ends that wait, or ended the last one that an event ended.
func (s *Service) wake(
	ctx context.Context, t Tenant, e Enrollment, eventType string, event Received,
) (woken, ended bool, err error) {
	for attempt := range writeAttempts {
		if e.Heard == event.Stamp {
			return false, true, nil
		}
		if e.Status != Inside {
			return false, false, nil
		}
		graph, err := s.graphOf(ctx, t, e)
		if err != nil {
			return false, false, err
		}
		may, sure := graph.Wakes(e, eventType, event)
		// A worker that has seen neither this event nor an earlier one must not write.
		known := e.Woken != (Stamp{}) && e.Woken.Compare(event.Stamp) <= 0
		if !may || known {
			return may, sure && e.Woken == event.Stamp, nil
		}
		next := e.NextWrite(s.clock())
		if sure {
			next.Woken = event.Stamp
		}
		next.dueBy(s.clock())
		if err = s.stores.Events.Wake(ctx, t, next); !errors.Is(err, ErrLost) {
			return err == nil, sure && err == nil, err
		}
		if attempt > 0 && !s.pause(ctx, attempt) {
			return false, false, ctx.Err()
		}
		if e, err = s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer); err != nil {
			if errors.Is(err, ErrNotEnrolled) {
				return false, false, nil
			}
			return false, false, err
		}
	}
	return false, false, errEnrollmentBusy
}

// startAll enrolls the customer in those journeys that the event starts.
func (s *Service) startAll(ctx context.Context, t Tenant, e *eventEffects, ids []ID) error {
	facts := sync.OnceValues(func() (condition.Facts, error) { return s.factsOf(ctx, t, e.Event, e.stamp.At) })
	return forEach(ids, func(id ID) error {
		started, code, err := s.start(ctx, t, id, e, facts)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil // deleted since StartedBy
		case started:
			e.note(func(o *EventOutcome) { o.Started = append(o.Started, id) })
		case code != "":
			e.note(func(o *EventOutcome) { o.NotStarted = append(o.NotStarted, NotStarted{id, code}) })
		}
		return e.absorb(id, err)
	})
}

// start enrolls the customer in a journey if it is active and its entry conditions
// hold. Otherwise it returns why not: "" if the event does not name the journey any more.
func (s *Service) start(
	ctx context.Context, t Tenant, id ID, e *eventEffects, facts func() (condition.Facts, error),
) (started bool, code string, err error) {
	j, err := s.stores.Journeys.FullJourney(ctx, t, id)
	if err != nil || !slices.Contains(j.Events, e.Type) || j.Status != Active && j.Status != Paused {
		return false, "", err
	}
	d, err := s.definition(ctx, t, j)
	if err != nil {
		return false, "", err
	}
	entry, fault := j.entry()
	if fault = cmp.Or(fault, d.Graph.EntryFault()); fault != "" {
		return false, "", fmt.Errorf("%w: %s", ErrDamaged, fault)
	}
	known, err := facts()
	if err == nil {
		known.LastEvents, err = s.eventsBefore(ctx, t, e.Customer, e.stamp, d.Graph.EntryEvents(entry.Condition))
	}
	switch {
	case err != nil:
		return false, "", err
	case d.Graph.Refusal(entry.Condition, &known) != "":
		return false, codeConditionFalse, nil
	case j.Status == Paused:
		return false, codePaused, nil
	}
	// The customer enters no earlier than the event was received, whatever the clocks: it
	// must not end a wait of the run that it starts.
	now := later(s.clock(), known.Now)
	if j.EntryClosed(now) != "" {
		return false, CodeEntryClosed, nil
	}
	outcomes, err := s.insert(ctx, t, j, []entrant{{e.Customer, known.Event}}, e.request, now, e.Received)
	if err != nil {
		return false, "", err
	}
	switch o := outcomes[0]; o.Result {
	case OutcomeEnrolled:
		return true, "", nil
	case OutcomeSkipped:
		return false, o.Code, nil
	default:
		return false, "", &Error{
			Kind: Unavailable, Code: o.Code,
			Detail: "The table cannot take this now. Try again in a moment.",
		}
	}
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
