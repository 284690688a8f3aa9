package journey

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"journeys/internal/condition"
)

// Converts reports whether an event of that type is the conversion of e, which has none
// yet. It returns an effect if it cannot tell. The step function, the handler of events
// and the simulation all decide by it.
func (g *Graph) Converts(e *Enrollment, eventType string, event *Received, in *Input) (converts bool, effect EffectKind) {
	goal := g.Goal()
	if goal == nil || goal.Type != eventType || !e.mayConvert(event.At) {
		return false, NoEffect
	}
	return g.meets(e, &goal.Watched, event, in)
}

// mayConvert reports whether an event that was received at that time may be the conversion
// of e: it follows the entry, and e was inside or the goal's window open.
func (e *Enrollment) mayConvert(at time.Time) bool {
	if e.GoalUntil.IsZero() || !e.ConvertedAt.IsZero() || e.PendingConversion != (Stamp{}) || !at.After(e.EnrolledAt) {
		return false
	}
	return e.LeftAt.IsZero() || !at.After(e.LeftAt) || !at.After(e.GoalUntil)
}

// GoalEvents returns the types of the events that the goal and its condition look for;
// nil for no goal.
func (g *Graph) GoalEvents() []string {
	goal := g.Goal()
	if goal == nil {
		return nil
	}
	types := []string{goal.Type}
	if goal.Condition != nil {
		types = append(types, goal.Condition.Events()...)
	}
	return types
}

// eventAtHand is an event that was received just now, with what conditions on it need.
type eventAtHand struct {
	candidate
	attributes func() (condition.Value, error) // of the customer, read at most once; an ErrDamaged if they cannot be read
}

// atHand returns an event that was received just now.
func (s *Service) atHand(ctx context.Context, t Tenant, e Event, received Received) eventAtHand {
	return eventAtHand{candidate{received, e.Type}, sync.OnceValues(func() (condition.Value, error) {
		facts, err := s.factsOf(ctx, t, e, received.At)
		return facts.Attributes, err
	})}
}

// convertBy converts e if the event is its conversion, and returns e as it is then stored.
// While a worker owns an effect, it only leaves a mark: the worker records the conversion
// with the outcome of the effect.
func (s *Service) convertBy(ctx context.Context, t Tenant, e Enrollment, event eventAtHand) (Enrollment, error) {
	for attempt := range writeAttempts {
		if converts, err := s.converts(ctx, t, &e, event); err != nil || !converts {
			return e, err
		}
		next, err := s.writeConversion(ctx, t, e, event.Stamp)
		if !errors.Is(err, ErrLost) {
			return next, err
		}
		if attempt > 0 && !s.pause(ctx, attempt) {
			return e, ctx.Err()
		}
		e, err = s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer)
		if errors.Is(err, ErrNotEnrolled) {
			return Enrollment{}, nil
		}
		if err != nil {
			return e, err
		}
	}
	return e, errEnrollmentBusy
}

// writeConversion writes the conversion of e, or a mark if a worker owns an effect. It
// returns e as it is then stored.
func (s *Service) writeConversion(ctx context.Context, t Tenant, e Enrollment, event Stamp) (Enrollment, error) {
	now := s.clock()
	if e.Status == Inside && e.LeaseUntil.After(now) {
		e.PendingConversion = event
		return e, s.stores.Enrollments.RequestExit(ctx, t, e)
	}
	due := e.Status == Inside && !e.Due.After(now)
	e = e.NextWrite(now).Convert(event.At)
	// Due stays, so the shards do not matter.
	err := s.stores.Enrollments.Advance(ctx, t, 1, []Enrollment{e})[0]
	if err == nil && due { // a worker that has read the enrollment before cannot write it now
		s.nudge(ctx, t, e.Journey, []string{e.Customer})
	}
	return e, err
}

// converts is Graph.Converts with everything that the goal reads.
func (s *Service) converts(ctx context.Context, t Tenant, e *Enrollment, event eventAtHand) (bool, error) {
	if !e.mayConvert(event.At) {
		return false, nil
	}
	g, err := s.graphOf(ctx, t, *e)
	if err != nil {
		return false, err
	}
	in := Input{Now: event.At, Events: map[string][]Received{event.eventType: {event.Received}}}
	converts, effect := g.Converts(e, event.eventType, &event.Received, &in)
	if effect == NoEffect {
		return converts, nil
	}
	if in.Attributes, err = event.attributes(); err != nil {
		return false, err
	}
	in.HasAttributes = true
	types := slices.DeleteFunc(g.GoalEvents(), func(eventType string) bool { return eventType == event.eventType })
	others, err := s.stores.Events.Remembered(ctx, t, e.Customer, types)
	if err != nil {
		return false, err
	}
	for _, eventType := range types {
		in.Events[eventType] = others[eventType]
	}
	converts, _ = g.Converts(e, event.eventType, &event.Received, &in)
	return converts, nil
}
