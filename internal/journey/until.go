package journey

import (
	"time"

	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/trail"
)

// Why a wait until a date ends at once, as simulations show it. As the reason of an
// exit, a missing or unreadable date has passed.
const (
	dateMissing    = "date_missing"
	dateUnreadable = "date_unreadable"
	datePassed     = "date_passed"
	dateTooLate    = "date_too_late"
)

// HasUnknownZone reports whether e waits until a date in the customer's zone, and the
// attributes name an unknown one.
func (g *Graph) HasUnknownZone(e *Enrollment, attributes condition.Value) bool {
	until := g.Node(e.Node).Until
	if until == nil || until.Zone(nil) != nil {
		return false
	}
	_, known := g.ZoneOf(attributes)
	return !known
}

// dependsOnProfile reports whether e is at a wait whose end depends on the customer's
// attributes.
func (g *Graph) dependsOnProfile(e *Enrollment) bool {
	until := g.Node(e.Node).Until
	if until == nil {
		return false
	}
	if field := until.Field(); field != nil && field.Source == condition.Attributes {
		return true
	}
	return until.NeedsZone(g.DateOf(e, condition.Value{}))
}

// DateOf returns the value of the field that e's wait until a date reads; missing for
// none.
func (g *Graph) DateOf(e *Enrollment, attributes condition.Value) condition.Value {
	field := g.Node(e.Node).Until.Field()
	if field == nil {
		return condition.Value{}
	}
	facts := g.Facts(e, attributes)
	return facts.Get(*field)
}

// EndOfUntil returns when e's wait until a date ends. If it ends at once, reason says
// why, otherwise reason is "".
func (g *Graph) EndOfUntil(e *Enrollment, attributes condition.Value) (end time.Time, reason string) {
	date := g.DateOf(e, attributes)
	zone, _ := g.ZoneOf(attributes)
	end, ok := g.Node(e.Node).Until.End(e.Since, date, zone)
	end = end.Truncate(time.Millisecond)
	switch {
	case !ok && date.Missing():
		return e.Since, dateMissing
	case !ok:
		return e.Since, dateUnreadable
	case end.Before(e.Since):
		return e.Since, datePassed
	case end.After(e.ExpiresAt):
		return e.Since, dateTooLate
	}
	return end, ""
}

// wait ends a wait, or asks for the attributes on which its end depends. They must have
// been read after the wait was stored: see Enrollment.OnProfile.
func (g *Graph) wait(e *Enrollment, n *graph.Node, in *Input) (trail.Result, EffectKind) {
	if n.Until == nil {
		return g.waitFor(e, n, in)
	}
	if e.OnProfile = g.dependsOnProfile(e); e.OnProfile && !in.HasAttributes {
		e.dueBy(in.Now)
		return trail.NoResult, NeedAttributes
	}
	if e.OnProfile {
		e.ProfileRev = in.ProfileRev
	}
	end, reason := g.EndOfUntil(e, in.Attributes)
	if reason == "" || !n.Until.Exit {
		return g.waitFor(e, n.Lasting(end.Sub(e.Since)), in)
	}
	return g.leaveWithoutDate(e, n, in, reason)
}

// leaveWithoutDate ends the run at the wait n, unless an event that was received before
// ends the wait.
func (g *Graph) leaveWithoutDate(e *Enrollment, n *graph.Node, in *Input, reason string) (trail.Result, EffectKind) {
	if n.Awaits != nil {
		if !in.knows(n.Events) || in.stale {
			e.dueBy(in.Now)
			return trail.NoResult, NeedEvents
		}
		if result, effect := g.await(e, n, in, e.openUntil(e.Since)); result != trail.NoResult || effect != NoEffect {
			return result, effect
		}
	}
	if reason != dateTooLate {
		reason = datePassed
	}
	e.complete(reason)
	return trail.NoResult, NoEffect
}

// lastingWait returns the node of e's wait with the longest delay that it may have.
func (g *Graph) lastingWait(e *Enrollment) *graph.Node {
	n := g.Node(e.Node)
	switch {
	case n.Until == nil:
		return n
	case e.OnProfile: // Step ends it by the event only if that came in time
		return n.Lasting(e.ExpiresAt.Sub(e.Since))
	}
	end, _ := g.EndOfUntil(e, condition.Value{})
	return n.Lasting(end.Sub(e.Since))
}
