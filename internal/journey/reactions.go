package journey

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"journeys/internal/condition"
	"journeys/internal/ident"
	"journeys/internal/progress"
)

// leaveBy ends the runs of e's customer in e's journey if the event is one of exitOn that
// was received after their entry. It reports whether the event ends the run. While a
// worker sends a message, it only requests the exit: the worker records the message, and
// then the exit.
func (s *Service) leaveBy(ctx context.Context, t ident.Tenant, e progress.Enrollment, event eventAtHand) (ended bool, err error) {
	for attempt := range writeAttempts {
		if e.EndedBy == event.Stamp {
			return true, nil
		}
		exit, err := s.exitFor(ctx, t, &e, event)
		if err != nil || exit == (progress.ExitRequest{}) {
			return false, err
		}
		now := s.clock()
		sending := e.Status == progress.Inside && e.LeaseUntil.After(now)
		exit = cmp.Or(e.PendingExit, exit)
		ended = exit.Event == event.Stamp
		if sending && e.PendingExit == exit {
			return ended, nil
		}
		if sending {
			e.PendingExit = exit
			err = s.stores.Enrollments.RequestExit(ctx, t, e)
		} else { // it has no place in the due index any more, so the shards do not matter
			err = s.stores.Enrollments.Advance(ctx, t, 1, []progress.Enrollment{e.NextWrite(now).Leave(exit)})[0]
		}
		if !errors.Is(err, ErrLost) {
			return ended && err == nil, err
		}
		if attempt > 0 && !s.WaitToRetry(ctx, attempt) {
			return false, ctx.Err()
		}
		e, err = s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer)
		if errors.Is(err, ErrNotEnrolled) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, errEnrollmentBusy
}

// exitFor returns the exit by which e leaves on an event; the zero one for none. Customers
// of a journey that was archived or deleted leave for that reason.
func (s *Service) exitFor(ctx context.Context, t ident.Tenant, e *progress.Enrollment, event eventAtHand) (progress.ExitRequest, error) {
	if e.Status != progress.Inside && e.Status != progress.Failed || !event.At.After(e.EnrolledAt) || !e.HeardBy(event.EventType) {
		return progress.ExitRequest{}, nil
	}
	g, err := s.graphOf(ctx, t, *e)
	if err != nil || len(g.Exits()) == 0 {
		return progress.ExitRequest{}, err
	}
	in := progress.Input{Now: event.At, Events: map[string][]progress.Received{event.EventType: {event.Received}}}
	exit, effect := g.ExitMet(e, &in)
	if effect != progress.NoEffect {
		if in.Attributes, err = event.attributes(); err != nil {
			return progress.ExitRequest{}, err
		}
		in.HasAttributes = true
		others, err := s.remembered(ctx, t, e, g.ExitEvents())
		if err != nil {
			return progress.ExitRequest{}, err
		}
		for _, eventType := range g.ExitEvents() {
			if eventType != event.EventType {
				in.Events[eventType] = others[eventType]
			}
		}
		exit, _ = g.ExitMet(e, &in)
	}
	if exit == (progress.ExitRequest{}) {
		return exit, nil
	}
	j, err := s.stores.Journeys.Journey(ctx, t, e.Journey)
	if errors.Is(err, ErrNotFound) || err == nil && e.Epoch < j.Epoch {
		return progress.ExitRequest{}, nil
	}
	return exit, err
}

// remembered returns what is remembered of events of these types, and of the run's feedback.
func (s *Service) remembered(
	ctx context.Context, t ident.Tenant, e *progress.Enrollment, types []string,
) (map[string][]progress.Received, error) {
	qualified := e.Qualified(types)
	known, err := s.stores.Events.Remembered(ctx, t, e.Customer, qualified)
	events := make(map[string][]progress.Received, len(types))
	for i, eventType := range types {
		events[eventType] = known[qualified[i]]
	}
	return events, err
}

// eventAtHand is an event that was received just now, with what conditions on it need.
type eventAtHand struct {
	progress.Candidate
	attributes func() (condition.Value, error) // of the customer, read at most once; an ErrDamaged if they cannot be read
}

// atHand returns an event that was received just now.
func (s *Service) atHand(ctx context.Context, t ident.Tenant, e Event, received progress.Received) eventAtHand {
	return eventAtHand{progress.Candidate{Received: received, EventType: e.Type}, sync.OnceValues(func() (condition.Value, error) {
		facts, err := s.factsOf(ctx, t, e, received.At)
		return facts.Attributes, err
	})}
}

// convertBy converts e if the event is its conversion, and returns e as it is then stored.
// While a worker owns an effect, it only leaves a mark: the worker records the conversion
// with the outcome of the effect.
func (s *Service) convertBy(ctx context.Context, t ident.Tenant, e progress.Enrollment, event eventAtHand) (progress.Enrollment, error) {
	for attempt := range writeAttempts {
		if converts, err := s.converts(ctx, t, &e, event); err != nil || !converts {
			return e, err
		}
		next, err := s.writeConversion(ctx, t, e, event.Stamp)
		if !errors.Is(err, ErrLost) {
			return next, err
		}
		if attempt > 0 && !s.WaitToRetry(ctx, attempt) {
			return e, ctx.Err()
		}
		e, err = s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer)
		if errors.Is(err, ErrNotEnrolled) {
			return progress.Enrollment{}, nil
		}
		if err != nil {
			return e, err
		}
	}
	return e, errEnrollmentBusy
}

// writeConversion writes the conversion of e, or a mark if a worker owns an effect. It
// returns e as it is then stored.
func (s *Service) writeConversion(ctx context.Context, t ident.Tenant, e progress.Enrollment, event progress.Stamp) (progress.Enrollment, error) {
	now := s.clock()
	if e.Status == progress.Inside && e.LeaseUntil.After(now) {
		e.PendingConversion = event
		return e, s.stores.Enrollments.RequestExit(ctx, t, e)
	}
	due := e.Status == progress.Inside && !e.Due.After(now)
	e = e.NextWrite(now).Convert(event.At)
	if e.Status == progress.Inside && e.PendingExit != (progress.ExitRequest{}) {
		e = e.Leave(e.PendingExit) // the write removes the request, which a dead worker left
	}
	// Due stays, so the shards do not matter.
	err := s.stores.Enrollments.Advance(ctx, t, 1, []progress.Enrollment{e})[0]
	if err == nil && due { // a worker that has read the enrollment before cannot write it now
		s.nudge(ctx, t, e.Journey, []string{e.Customer})
	}
	return e, err
}

// converts is Graph.Converts with everything that the goal reads.
func (s *Service) converts(ctx context.Context, t ident.Tenant, e *progress.Enrollment, event eventAtHand) (bool, error) {
	if !e.MayConvert(event.At) || !e.HeardBy(event.EventType) {
		return false, nil
	}
	g, err := s.graphOf(ctx, t, *e)
	if err != nil {
		return false, err
	}
	in := progress.Input{Now: event.At, Events: map[string][]progress.Received{event.EventType: {event.Received}}}
	converts, effect := g.Converts(e, event.EventType, &event.Received, &in)
	if effect == progress.NoEffect {
		return converts, nil
	}
	if in.Attributes, err = event.attributes(); err != nil {
		return false, err
	}
	in.HasAttributes = true
	types := slices.DeleteFunc(g.GoalEvents(), func(eventType string) bool { return eventType == event.EventType })
	others, err := s.remembered(ctx, t, e, types)
	if err != nil {
		return false, err
	}
	for _, eventType := range types {
		in.Events[eventType] = others[eventType]
	}
	converts, _ = g.Converts(e, event.EventType, &event.Received, &in)
	return converts, nil
}
