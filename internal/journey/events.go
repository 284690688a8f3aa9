package journey

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oklog/ulid/v2"

	"journeys/internal/condition"
	"journeys/internal/digest"
	"journeys/internal/ident"
	"journeys/internal/progress"
)

// Limits of an event.
const (
	MaxEvents     = 100            // per call
	MaxProperties = 32 << 10       // bytes of compact JSON
	MaxEventAge   = 24 * time.Hour // between its occurrence and its receipt
)

// Event is an action of a customer, as the caller reports it.
type Event struct {
	Customer   string
	Type       string
	ID         string    // chosen by the caller; "" for none
	Properties []byte    // compact JSON object; nil for none
	Attributes []byte    // merge patch of the profile, a compact JSON object; nil for none
	OccurredAt time.Time // zero if not given
	Received   time.Time // by the gateway; zero is not checked against Forgotten
}

// hash returns a hash of everything that was sent with the event's id. The id of an
// unsubscription stands for the event: a repeat may not know by which channel it came.
func (e Event) hash() [32]byte {
	if e.Type == condition.Unsubscribed {
		return digest.Of(e.Type)
	}
	return digest.Of([]byte(e.Type), canonical(e.Properties), []byte(e.OccurredAt.Format(time.RFC3339Nano)), canonical(e.Attributes))
}

// canonical returns an object as every encoder may send it again. A sender that encodes a
// map again may change the order of its members, but not its numbers. Those stay as
// written: as floats, two large integers could become equal.
func canonical(object []byte) []byte {
	text := jsontext.Value(bytes.Clone(object))
	if err := text.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return object
	}
	return text
}

// EventRecord is the record of an event that has an id of its caller, kept for
// EventLife.
type EventRecord struct {
	Customer   string
	ID         string
	Request    [32]byte       // hash of the rest of the event
	ReceivedAt time.Time      // when it first arrived; UTC, to the millisecond
	Stamp      progress.Stamp // of the event; not stored
	Merged     bool           // its attributes are in the profile
	Done       bool           // all its effects are stored
	ExpiresAt  time.Time      // from then on the record counts as missing
}

// EventOutcome is what an event did. The lists are sorted.
type EventOutcome struct {
	ID         string     // the caller's, or a new one
	Started    []ident.ID // journeys that it started, also by an earlier attempt
	Ended      []ident.ID // journeys in which it surely ended a wait, or ended the run
	NotStarted []NotStarted
	Repeated   bool     // an earlier attempt did everything; the lists are empty
	Damaged    []Damage // what was skipped
}

// NotStarted is a journey that an event names and did not start.
type NotStarted struct {
	Journey ident.ID
	Code    string // stable, kebab-case
}

// The codes of NotStarted that this file decides on. Those of a journey that the
// customer may not enter are codes of an Outcome.
const (
	codePaused         = "journey-paused"
	codeConditionFalse = "condition-false"
	codeTooOld         = "too-old"
)

// EventLife is how long a caller's eventId is remembered.
const EventLife = 7 * 24 * time.Hour

// PutEvent merges the event's attributes into the profile, ends the customer's waits
// for the event and enrolls the customer in the journeys that it starts. An event that
// occurred more than MaxEventAge before its receipt only merges attributes. An event
// that is repeated with its id takes effect once; a repeat completes what an earlier
// attempt left unfinished, or found paused. Damaged enrollments, journeys and profiles
// are skipped and returned; they do not fail the event. Those of a newer format are
// skipped too, and then PutEvent returns ErrNewer: a repeat completes it.
func (s *Service) PutEvent(ctx context.Context, t ident.Tenant, e Event) (EventOutcome, error) {
	made, err := s.newEventID()
	if err != nil {
		return EventOutcome{}, err
	}
	return s.putEvent(ctx, t, e, made)
}

func (s *Service) newEventID() (ulid.ULID, error) {
	return ulid.New(ulid.Timestamp(s.clock()), s.entropy)
}

// putEvent is PutEvent with the id of an event that has none.
func (s *Service) putEvent(ctx context.Context, t ident.Tenant, e Event, made ulid.ULID) (_ EventOutcome, err error) {
	now := s.clock() // before the check: an event that is stored anew after Forget must be later
	record := EventRecord{Customer: e.Customer, ID: e.ID, Request: e.hash(), ReceivedAt: now, ExpiresAt: now.Add(EventLife)}
	o := EventOutcome{ID: cmp.Or(e.ID, "evt_"+made.String())}
	kept := record
	if e.ID != "" {
		if kept, err = s.stores.Events.ReserveEvent(ctx, t, record, now); err != nil {
			return EventOutcome{}, err
		}
	}
	kept.Stamp = progress.NewStamp(kept.ReceivedAt, o.ID)
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
	if err = s.mergeEvent(ctx, t, e, kept); errors.Is(err, ErrDamaged) {
		o.Damaged = append(o.Damaged, Damage{Cause: err})
	} else if err != nil {
		return EventOutcome{}, err
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
func requestOf(t ident.Tenant, customer, eventID string, received time.Time) ident.RequestID {
	sum := digest.Of(t.String(), customer, eventID, received.Format(time.RFC3339Nano))
	return ident.RequestID(sum[:len(ident.RequestID{})])
}

// finishEvent completes an event that was applied with err, unless it waits for a
// repeat. If its customer was forgotten since the check, it removes what the event
// stored: Forget may have missed that, unless the event's record is still stored.
func (s *Service) finishEvent(ctx context.Context, t ident.Tenant, e Event, r EventRecord, waits bool, err error) error {
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
	stamp   progress.Stamp
	request ident.RequestID       // of the enrollments that the event writes
	before  []progress.Enrollment // of the customer, as the event met them

	mu        sync.Mutex
	outcome   *EventOutcome
	unsettled []ident.ID // journeys whose runs could not react; a repeat completes them
}

// note calls change with the outcome.
func (e *eventEffects) note(change func(*EventOutcome)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e.outcome)
}

// absorb notes err and returns nil if err is an ErrDamaged. It returns other errors.
func (e *eventEffects) absorb(id ident.ID, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	e.note(func(o *EventOutcome) { o.Damaged = append(o.Damaged, Damage{id, err}) })
	return nil
}

// mergeEvent merges the event's attributes into the profile, once for each record, and
// wakes the waits that depend on the profile.
func (s *Service) mergeEvent(ctx context.Context, t ident.Tenant, e Event, r EventRecord) error {
	if e.Attributes == nil {
		return nil
	}
	c := ProfileChange{Customer: e.Customer, Attributes: e.Attributes, Received: e.Received, merge: true}
	if r.ID != "" {
		c.once = &r
	}
	_, _, err := s.changeProfile(ctx, t, c, nil)
	return err
}

// applyEvent stores the event, wakes the enrollments that wait for it and starts
// journeys. An event is stored before its waits are read, and a wait is stored
// before its event is read: at least one of the two sees the other. It is kept with the
// properties that journeys read which were activated before it was received: no customer
// can have entered others.
func (s *Service) applyEvent(ctx context.Context, t ident.Tenant, e *eventEffects) error {
	starts, err := s.stores.Events.StartedBy(ctx, t, e.Type)
	if err != nil && !errors.Is(err, ErrNewer) {
		return err
	}
	if !e.isOld() {
		event := progress.Received{Stamp: e.stamp, Properties: progress.PruneProperties(e.Properties, starts.Reads)}
		if err := s.stores.Events.Remember(ctx, t, e.Customer, e.Type, event); err != nil {
			return err
		}
		list, damaged, errList := s.stores.Customers.Enrollments(ctx, t, e.Customer)
		if errList != nil {
			return errList
		}
		e.before = list
		err = errors.Join(s.wakeAll(ctx, t, e, event, list, damaged), err)
	}
	// A run that could not react must do so before the event starts the next one.
	ids := slices.DeleteFunc(e.startedOr(starts.Journeys), func(id ident.ID) bool { return slices.Contains(e.unsettled, id) })
	err = errors.Join(s.startAll(ctx, t, e, ids), err)
	slices.Sort(e.outcome.Started)
	slices.Sort(e.outcome.Ended)
	slices.SortFunc(e.outcome.NotStarted, func(a, b NotStarted) int { return cmp.Compare(a.Journey, b.Journey) })
	return err
}

// isOld reports whether the event occurred too long before it was first received.
func (e *eventEffects) isOld() bool {
	return !e.OccurredAt.IsZero() && e.stamp.At.Sub(e.OccurredAt) > MaxEventAge
}

// wakeAll lets the event act on each of the customer's enrollments.
func (s *Service) wakeAll(
	ctx context.Context, t ident.Tenant, e *eventEffects, event progress.Received, list []progress.Enrollment, damaged []Damage,
) error {
	var newer error
	for _, d := range damaged {
		newer = cmp.Or(e.absorb(d.Journey, d.Cause), newer)
	}
	hand := s.atHand(ctx, t, e.Event, event)
	err := forEach(list, func(enrollment progress.Enrollment) error {
		ended, err := s.react(ctx, t, enrollment, hand)
		if ended {
			e.note(func(o *EventOutcome) { o.Ended = append(o.Ended, enrollment.Journey) })
		}
		if err = e.absorb(enrollment.Journey, err); err != nil {
			e.note(func(*EventOutcome) { e.unsettled = append(e.unsettled, enrollment.Journey) })
		}
		return err
	})
	return cmp.Or(err, newer)
}

// react lets an event act on an enrollment: convert it, end it, or wake it. It reports
// whether the event surely ended a wait, or ended the run.
func (s *Service) react(ctx context.Context, t ident.Tenant, e progress.Enrollment, event eventAtHand) (ended bool, err error) {
	if e, err = s.convertBy(ctx, t, e, event); err != nil {
		return false, err
	}
	if ended, err := s.leaveBy(ctx, t, e, event); ended || err != nil {
		return ended, err
	}
	woken, ended, err := s.wake(ctx, t, e, event.EventType, event.Received)
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
	ctx context.Context, t ident.Tenant, e progress.Enrollment, eventType string, event progress.Received,
) (woken, ended bool, err error) {
	for attempt := range writeAttempts {
		if e.Heard == event.Stamp {
			return false, true, nil
		}
		if e.Status != progress.Inside || !e.HeardBy(eventType) {
			return false, false, nil
		}
		graph, err := s.graphOf(ctx, t, e)
		if err != nil {
			return false, false, err
		}
		may, sure := graph.Wakes(e, eventType, event)
		// A worker that has seen neither this event nor an earlier one must not write.
		known := e.Woken != (progress.Stamp{}) && e.Woken.Compare(event.Stamp) <= 0
		if !may || known {
			return may, sure && e.Woken == event.Stamp, nil
		}
		next := e.NextWrite(s.clock())
		if sure {
			next.Woken = event.Stamp
		}
		next.DueBy(s.clock())
		if err = s.stores.Events.Wake(ctx, t, next); !errors.Is(err, ErrLost) {
			return err == nil, sure && err == nil, err
		}
		if attempt > 0 && !s.WaitToRetry(ctx, attempt) {
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

// EventResult is what became of one event of PutEvents.
type EventResult struct {
	EventOutcome
	Err error // nil if the event is accepted
}

// Bounds of PutEvents.
const (
	eventCustomers = 8               // whose events one call handles at a time
	eventMargin    = 5 * time.Second // for an event that has begun
)

// PutEvents is PutEvent for each event, at most MaxEvents, and returns the results in
// the order of list. Events of one customer are handled in that order: after one that may
// succeed later, the rest fail too, so that they can be repeated in order. It begins no
// event in the last eventMargin of ctx: those fail with context.DeadlineExceeded.
func (s *Service) PutEvents(ctx context.Context, t ident.Tenant, list []Event) []EventResult {
	begin := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		begin, cancel = context.WithDeadline(ctx, deadline.Add(-eventMargin))
		defer cancel()
	}
	customers, made := make([]string, len(list)), make([]ulid.ULID, len(list))
	noID := make([]error, len(list))
	for i, e := range list { // in the order of list, so that a seed repeats them
		customers[i] = e.Customer
		made[i], noID[i] = s.newEventID()
	}
	results := make([]EventResult, len(list))
	errs := inOrder(begin, customers, eventCustomers, func(i int) error {
		err := noID[i]
		if err == nil {
			results[i].EventOutcome, err = s.putEvent(ctx, t, list[i], made[i])
		}
		return err
	})
	for i, err := range errs {
		results[i].Err = err
	}
	return results
}
