package journey

import (
	"context"
	"errors"
	"slices"
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

// WakeProfileWaits makes a customer's waits due, in all journeys but except, whose end
// may depend on an earlier revision of the profile than rev. It must be called after
// each write of a profile, and again if it returns an error. Damaged enrollments are left
// alone.
func (s *Service) WakeProfileWaits(ctx context.Context, t Tenant, customer string, except ID, rev int64) error {
	list, _, err := s.stores.Customers.Enrollments(ctx, t, customer)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(e Enrollment) bool { return !e.OnProfile || e.Journey == except })
	return forEach(list, func(e Enrollment) error { return s.wakeProfileWait(ctx, t, e, rev) })
}

// wakeProfileWait writes e, even if it is due: a worker that has read the earlier
// profile must not write the end that it computes.
func (s *Service) wakeProfileWait(ctx context.Context, t Tenant, e Enrollment, rev int64) error {
	for attempt := range writeAttempts {
		if e.Status != Inside || !e.OnProfile || e.ProfileRev == rev {
			return nil
		}
		next := e.NextWrite(s.clock())
		next.dueBy(s.clock())
		err := s.stores.Events.Wake(ctx, t, next)
		if err == nil {
			s.nudge(ctx, t, e.Journey, []string{e.Customer})
		}
		if !errors.Is(err, ErrLost) {
			return err
		}
		if attempt > 0 && !s.pause(ctx, attempt) {
			return ctx.Err()
		}
		e, err = s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer)
		if errors.Is(err, ErrNotEnrolled) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errEnrollmentBusy
}
