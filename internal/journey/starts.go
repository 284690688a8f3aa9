package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"journeys/internal/condition"
	"journeys/internal/ident"
	"journeys/internal/progress"
)

// startAll enrolls the customer in those journeys that the event starts.
func (s *Service) startAll(ctx context.Context, t ident.Tenant, e *eventEffects, ids []ident.ID) error {
	facts := sync.OnceValues(func() (condition.Facts, error) { return s.factsOf(ctx, t, e.Event, e.stamp.At) })
	return forEach(ids, func(id ident.ID) error {
		started, code, err := s.start(ctx, t, id, e, facts)
		if err == nil && !started {
			started, err = s.startedEarlier(ctx, t, id, e)
		}
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

// startedOr returns ids, and the journeys with a run that an earlier attempt at the event
// started: the event may not name them any more.
func (e *eventEffects) startedOr(ids []ident.ID) []ident.ID {
	for _, run := range e.before {
		if run.RequestID == e.request && !slices.Contains(ids, run.Journey) {
			ids = append(ids, run.Journey)
		}
	}
	return ids
}

// startedEarlier reports whether an earlier attempt at the event started a run in a journey
// that is not open to the customer now.
func (s *Service) startedEarlier(ctx context.Context, t ident.Tenant, id ident.ID, e *eventEffects) (bool, error) {
	i := slices.IndexFunc(e.before, func(run progress.Enrollment) bool { return run.Journey == id })
	switch {
	case i < 0:
		return false, nil
	case e.before[i].RequestID == e.request:
		return true, nil
	case e.before[i].EnrolledAt.Before(e.stamp.At):
		return false, nil
	}
	o, err := s.findRun(ctx, t, progress.Enrollment{Journey: id, Customer: e.Customer, RequestID: e.request}, Outcome{Run: e.before[i].Run})
	return o.Result == OutcomeEnrolled, err
}

// start enrolls the customer in a journey if it is active and its entry conditions
// hold. Otherwise it returns why not: "" if the event does not name the journey any more.
func (s *Service) start(
	ctx context.Context, t ident.Tenant, id ident.ID, e *eventEffects, facts func() (condition.Facts, error),
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
	case e.isOld():
		return false, codeTooOld, nil
	case j.Status == Paused:
		return false, codePaused, nil
	}
	// The customer enters no earlier than the event was received, whatever the clocks: it
	// must not end a wait of the run that it starts.
	now := progress.Later(s.clock(), known.Now)
	if j.EntryClosed(now) != "" {
		return false, CodeEntryClosed, nil
	}
	outcomes, err := s.insert(ctx, t, j, []entrant{{e.Customer, known.Event}}, e.request, e.stamp.At, now, e.Received)
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
	ctx context.Context, t ident.Tenant, customer string, stamp progress.Stamp, types []string,
) (map[string]time.Time, error) {
	if len(types) == 0 {
		return nil, nil
	}
	events, err := s.stores.Events.Remembered(ctx, t, customer, types)
	return progress.LastBefore(events, stamp, types), err
}

// factsOf returns the facts for entry conditions. It returns ErrDamaged if the
// customer's attributes cannot be read, because missing ones could satisfy a
// condition. The error does not quote them: it may be logged.
func (s *Service) factsOf(ctx context.Context, t ident.Tenant, event Event, received time.Time) (facts condition.Facts, err error) {
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
