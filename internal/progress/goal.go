package progress

import (
	"slices"
	"time"
)

// Converts reports whether an event of that type is the conversion of e, which has none
// yet. It returns an effect if it cannot tell. The step function, the handler of events
// and the simulation all decide by it.
func (g *Graph) Converts(e *Enrollment, eventType string, event *Received, in *Input) (converts bool, effect EffectKind) {
	goal := g.Goal()
	if goal == nil || goal.Type != eventType || !e.MayConvert(event.At) {
		return false, NoEffect
	}
	return g.meets(e, &goal.Watched, event, in)
}

// MayConvert reports whether an event that was received at that time may be the conversion
// of e: it follows the entry, and e was inside or the goal's window open.
func (e *Enrollment) MayConvert(at time.Time) bool {
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
		e.DueBy(in.Now)
		return NeedEvents
	}
	goal := g.Goal().Type
	for i := range in.Events[goal] {
		event := &in.Events[goal][i]
		converts, effect := g.Converts(e, goal, event, in)
		if effect != NoEffect {
			e.DueBy(in.Now)
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
		types = append(types, g.EventsOf(goal.Condition)...)
	}
	return types
}
