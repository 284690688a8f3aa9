package journey

import (
	"context"
	"errors"
	"slices"
	"time"
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

// looksForGoal reports whether e may still convert while it is inside.
func (g *Graph) looksForGoal(e *Enrollment) bool {
	return g.Goal() != nil && e.ConvertedAt.IsZero() && !e.GoalUntil.IsZero()
}

// convertByEvents converts e by the earliest event of in that is its conversion. It
// returns an effect if it cannot tell.
func (g *Graph) convertByEvents(e *Enrollment, in *Input) EffectKind {
	if !g.looksForGoal(e) {
		return NoEffect
	}
	if !in.knows(g.GoalEvents()) {
		e.dueBy(in.Now)
		return NeedEvents
	}
	goal := g.Goal().Type
	for i := range in.Events[goal] {
		event := &in.Events[goal][i]
		converts, effect := g.Converts(e, goal, event, in)
		if effect != NoEffect {
			e.dueBy(in.Now)
			return effect
		}
		if converts {
			*e = e.Convert(event.At)
			break
		}
	}
	return NoEffect
}

// EventsFor returns the types of the events that are needed to move e on: see EventsAt.
func (g *Graph) EventsFor(e *Enrollment) []string {
	types := g.EventsAt(e.Node)
	if !g.looksForGoal(e) {
		return types
	}
	types = slices.Concat(types, g.GoalEvents())
	slices.Sort(types)
	return slices.Compact(types)
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
	if !e.mayConvert(event.At) || !e.HeardBy(event.eventType) {
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
