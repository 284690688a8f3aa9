package progress

import (
	"slices"

	"journeys/internal/graph"
	"journeys/internal/trail"
)

// ExitRequest is how an enrollment ends other than at an exit of its graph. The zero value
// is none.
type ExitRequest struct {
	Reason    string // as callers see it; not empty
	Completed bool   // it ends as Completed, not as Cancelled
	Event     Stamp  // that caused it; zero for none
}

// Leave ends the enrollment at its node, which counts it as dropped. A failed enrollment
// counts as ended from then on, also if the same write failed it.
func (e Enrollment) Leave(exit ExitRequest) Enrollment {
	// A worker that began before the event learns of it from a mark.
	e.advanceClock(exit.Event.At)
	if e.Status == Failed {
		e.endFailure()
	}
	e.ExitReason, e.EndedBy = exit.Reason, exit.Event
	if exit.Completed {
		e.end(Completed, trail.MarkCompleted, trail.NodeDropped)
	} else {
		e.end(Cancelled, trail.MarkCancelled, trail.NodeDropped)
	}
	return e
}

// ReachedExit reports whether the enrollment ended at an exit, which is then the last step
// of its path. A completed one that left by an event did not.
func (e *Enrollment) ReachedExit() bool {
	return e.Status == Completed && len(e.Path) > 0 && trail.Result(e.Path[len(e.Path)-1]) == trail.Exited
}

// HeardBy reports whether an event of that type may change the enrollment.
func (e *Enrollment) HeardBy(eventType string) bool {
	hash := graph.ListenHash(eventType)
	for listed := range slices.Chunk(e.Listens, len(hash)) {
		if string(listed) == string(hash[:]) {
			return true
		}
	}
	return false
}

// resultOrExit is result, unless the customer leaves by exitOn or exitWhen: before an
// effect, where a wait ends, and by an event in a wait if the events are known.
func (g *Graph) resultOrExit(e *Enrollment, n *graph.Node, in *Input) (trail.Result, EffectKind) {
	_, isEffect := effects[n.Type]
	switch {
	case !g.HasExits() && !g.looksForGoal(e), !isEffect && n.Type != graph.Wait, in.Answer.Result != trail.NoResult:
		return g.result(e, n, in)
	case isEffect:
		if effect := g.exit(e, in); effect != NoEffect || e.Status != Inside {
			return trail.NoResult, effect
		}
		return g.result(e, n, in)
	}
	if in.knows(g.GoalEvents()) {
		if effect := g.convertByEvents(e, in); effect != NoEffect {
			return trail.NoResult, effect
		}
	}
	if in.knows(g.ExitEvents()) {
		if effect := g.exitByEvent(e, in); effect != NoEffect || e.Status != Inside {
			return trail.NoResult, effect
		}
	}
	after := *e
	after.Delta = slices.Clone(e.Delta)
	result, effect := g.result(&after, n, in)
	if result != trail.NoResult || after.Status != Inside {
		looks := g.looksForGoal(e)
		if effect := g.exit(e, in); effect != NoEffect || e.Status != Inside {
			return trail.NoResult, effect
		}
		if looks && !g.looksForGoal(e) {
			return g.resultOrExit(e, n, in) // with the conversion
		}
	}
	*e = after
	return result, effect
}

// exit converts the run by an event of the goal, and then ends it if an event of exitOn was
// received since the entry, or exitWhen holds.
// It returns an effect if it cannot tell.
func (g *Graph) exit(e *Enrollment, in *Input) EffectKind {
	if effect := g.convertByEvents(e, in); effect != NoEffect {
		return effect
	}
	if !in.knows(g.ExitEvents()) {
		e.DueBy(in.Now)
		return NeedEvents
	}
	when := g.ExitWhen()
	if effect := g.exitByEvent(e, in); effect != NoEffect || e.Status != Inside || when == nil {
		return effect
	}
	if !in.HasAttributes && readsAttributes(when.Condition) {
		e.DueBy(in.Now)
		return NeedAttributes
	}
	facts := g.FactsAt(e, in, in.Now, g.EventsOf(when.Condition))
	if when.Condition.Eval(&facts) {
		*e = e.Leave(ExitRequest{Reason: when.Reason})
	}
	return NoEffect
}

// exitByEvent ends the run by the earliest event of in that was received after the entry
// and meets an entry of exitOn. It returns an effect if it cannot tell.
func (g *Graph) exitByEvent(e *Enrollment, in *Input) EffectKind {
	exit, effect := g.ExitMet(e, in)
	switch {
	case effect != NoEffect:
		e.DueBy(in.Now)
	case exit != ExitRequest{}:
		*e = e.Leave(exit)
	}
	return effect
}

// ExitMet returns the exit of exitByEvent; the zero one for none.
func (g *Graph) ExitMet(e *Enrollment, in *Input) (ExitRequest, EffectKind) {
	var list []Candidate
	for i, exit := range g.Exits() {
		if slices.ContainsFunc(g.Exits()[:i], func(earlier graph.EventExit) bool { return earlier.Type == exit.Type }) {
			continue
		}
		for _, event := range in.Events[exit.Type] {
			if event.At.After(e.EnrolledAt) {
				list = append(list, Candidate{event, exit.Type})
			}
		}
	}
	slices.SortFunc(list, func(a, b Candidate) int { return a.Compare(b.Stamp) })
	for _, c := range list {
		for i := range g.Exits() {
			exit := &g.Exits()[i]
			if exit.Type != c.EventType {
				continue
			}
			met, effect := g.meets(e, &exit.Watched, &c.Received, in)
			if effect != NoEffect {
				return ExitRequest{}, effect
			}
			if met {
				return ExitRequest{exit.Reason, exit.Completed, c.Stamp}, NoEffect
			}
		}
	}
	return ExitRequest{}, NoEffect
}
