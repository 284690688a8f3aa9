package progress

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"journeys/internal/condition"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/trail"
)

// RememberedEvents is how many events of a type are remembered of a customer: the last
// ones.
const RememberedEvents = 8

// Stamp orders the events of a customer: by the time of their receipt, and within a
// millisecond by a hash of their ids. The zero Stamp is before all events.
type Stamp struct {
	At time.Time
	ID uint64 // 48 bits
}

// NewStamp returns the stamp of an event with that id.
func NewStamp(received time.Time, eventID string) Stamp {
	sum := sha256.Sum256([]byte(eventID))
	return Stamp{received, binary.BigEndian.Uint64(sum[:8]) >> 16}
}

// Compare returns -1, 0 or 1 as s is before, equal to or after other.
func (s Stamp) Compare(other Stamp) int {
	return cmp.Or(s.At.Compare(other.At), cmp.Compare(s.ID, other.ID))
}

// Received is a remembered event of a customer.
type Received struct {
	Stamp
	Properties []byte // what journeys read, compact JSON; nil for nothing, null if it was more than MaxRemembered
}

// MaxRemembered bounds the properties of a remembered event, in bytes of JSON.
const MaxRemembered = 2 << 10

// PruneProperties returns the Received.Properties of an event of which reads are read.
func PruneProperties(properties []byte, reads [][]string) []byte {
	if properties == nil || len(reads) == 0 {
		return nil
	}
	value, _ := condition.ParseValue(properties)
	kept := value.Prune(reads)
	if kept.Missing() {
		return nil
	}
	text := kept.AppendJSON(nil)
	if len(text) > MaxRemembered {
		return []byte("null")
	}
	return text
}

// knows reports whether in has the events of these types.
func (in *Input) knows(types []string) bool {
	return !slices.ContainsFunc(types, func(eventType string) bool {
		_, ok := in.Events[eventType]
		return !ok
	})
}

// LastEvents returns when the last event of each of these types was received; nil for no
// types.
func (in *Input) LastEvents(types []string) map[string]time.Time {
	if len(types) == 0 {
		return nil
	}
	last := make(map[string]time.Time, len(types))
	for _, eventType := range types {
		for _, event := range in.Events[eventType] {
			last[eventType] = Later(last[eventType], event.At)
		}
	}
	return last
}

// FeedbackReceived returns the event that stands for feedback which was first reported at
// that time.
func FeedbackReceived(eventType string, at time.Time) Received {
	return Received{Stamp: NewStamp(at, eventType)}
}

// Qualified returns the types as they are looked up for the run: see feedback.Qualify.
func (e *Enrollment) Qualified(types []string) []string {
	qualified := make([]string, len(types))
	for i, eventType := range types {
		qualified[i] = feedback.Qualify(eventType, e.Journey, e.Run)
	}
	return qualified
}

// FactsAt returns Facts with what conditions read of in at that time, given the types of
// the events and of the feedback that they read.
func (g *Graph) FactsAt(e *Enrollment, in *Input, at time.Time, types []string) condition.Facts {
	facts := g.Facts(e, in.Attributes)
	g.AddEvents(&facts, in, at, types)
	return facts
}

// AddEvents adds the events of these types to facts, and the feedback.
func (g *Graph) AddEvents(facts *condition.Facts, in *Input, at time.Time, types []string) {
	facts.Now, facts.LastEvents = at, in.LastEvents(types)
	for _, eventType := range types {
		node, k, ok := feedback.ParseEventType(eventType)
		if !ok || node >= g.Len() {
			continue
		}
		id := g.NodeID(node)
		reported := condition.NewFlag(len(in.Events[eventType]) > 0)
		facts.Step = facts.Step.With(id, facts.Step.Get(id).With(k.String(), reported))
	}
}

// LastBefore returns when the last event of each type was received before the one with
// that stamp. It changes the lists of events.
func LastBefore(events map[string][]Received, stamp Stamp, types []string) map[string]time.Time {
	for eventType, list := range events {
		events[eventType] = slices.DeleteFunc(list, func(r Received) bool { return r.Compare(stamp) >= 0 })
	}
	in := Input{Events: events}
	return in.LastEvents(types)
}

// Candidate is an event that may end a wait.
type Candidate struct {
	Received
	EventType string
}

// waitFor ends a wait by the earliest event that meets what it awaits, or by its time. An
// event that was received before the wait began ends it too, if it follows both the
// moment of eventSince and the event that last ended a wait of the run: an event ends at
// most one wait. Feedback is no such event: it says what became of a message, whenever that
// was, and ends each wait that asks for it.
func (g *Graph) waitFor(e *Enrollment, n *graph.Node, in *Input) (trail.Result, EffectKind) {
	end := e.waitEnd(n)
	open := e.openUntil(end)
	e.Due = end
	over := !in.Now.Before(end)
	switch known := in.knows(n.Events); {
	case n.Awaits == nil:
	case known && (!over || !in.stale):
		if result, effect := g.await(e, n, in, open); result != trail.NoResult || effect != NoEffect {
			return result, effect
		}
		e.Woken = Stamp{} // the event that was to end the wait is not remembered
	case over:
		e.DueBy(in.Now)
		return trail.NoResult, NeedEvents
	}
	switch {
	case !over:
		return trail.NoResult, NoEffect
	case end.Before(e.Since.Add(n.Delay)):
		e.end(Expired, trail.MarkExpired, trail.NodeDropped)
		return trail.NoResult, NoEffect
	}
	return timedOut(n), NoEffect
}

// await ends the wait n by the earliest event before end that meets what it awaits. It
// returns NoResult and NoEffect if there is none, an effect if it cannot tell.
func (g *Graph) await(e *Enrollment, n *graph.Node, in *Input, end time.Time) (trail.Result, EffectKind) {
	for _, c := range candidates(e, n, in, end) {
		for i := range n.Awaits {
			if n.Awaits[i].Type != c.EventType {
				continue
			}
			met, effect := g.meets(e, &n.Awaits[i].Watched, &c.Received, in)
			if effect != NoEffect {
				e.DueBy(in.Now)
				return trail.NoResult, effect
			}
			if met {
				if n.Awaits[i].Step == "" {
					e.Heard = c.Stamp
				}
				return g.wokenBy(e, n, i, c.Properties), NoEffect
			}
		}
	}
	return trail.NoResult, NoEffect
}

// candidates returns the events before end that may end e's wait n, in order.
func candidates(e *Enrollment, n *graph.Node, in *Input, end time.Time) []Candidate {
	var list []Candidate
	since := e.eventsSince(n)
	for _, eventType := range n.Events {
		if !slices.ContainsFunc(n.Awaits, func(a graph.Awaited) bool { return a.Type == eventType }) {
			continue // a condition asks for it
		}
		for _, event := range in.Events[eventType] {
			inTime := event.At.Before(end) || !event.At.After(e.Since) && event.At.Before(e.ExpiresAt)
			heard := event.At.After(since) && event.Compare(e.Heard) > 0
			if isFeedback(eventType) { // no earlier than its message, which may go out at since
				heard = !event.At.Before(since)
			}
			if inTime && heard {
				list = append(list, Candidate{event, eventType})
			}
		}
	}
	slices.SortFunc(list, func(a, b Candidate) int { return a.Compare(b.Stamp) })
	return list
}

func isFeedback(eventType string) bool {
	_, _, ok := feedback.ParseEventType(eventType)
	return ok
}

// eventsSince returns the moment after which an event ends e's wait n. If the run has not
// entered the node that eventSince names, that is the beginning of the wait.
func (e *Enrollment) eventsSince(n *graph.Node) time.Time {
	switch {
	case n.Since.Step != "":
		for _, visit := range e.Path.Visits(e.EnrolledAt) {
			if visit.Node == n.Since.Node {
				return visit.EnteredAt
			}
		}
		return e.Since
	case n.Since.Wait:
		return e.Since
	}
	return e.EnrolledAt
}

// meets reports whether an event meets what a wait or an exit looks for, or which facts are
// missing to tell. The condition is evaluated as of the receipt of the event.
func (g *Graph) meets(e *Enrollment, a *graph.Watched, event *Received, in *Input) (met bool, effect EffectKind) {
	if a.Condition == nil && a.Match == nil {
		return true, NoEffect
	}
	facts := g.Facts(e, in.Attributes)
	facts.Event = condition.Value{}
	if event.Properties != nil {
		if facts.Event, _ = condition.ParseValue(event.Properties); !facts.Event.IsObject() {
			return false, NoEffect
		}
	}
	if a.Match != nil && !facts.Event.Get(a.Match.Event...).Equals(facts.EntryEvent.Get(a.Match.Entry...)) {
		return false, NoEffect
	}
	switch {
	case a.Condition == nil:
		return true, NoEffect
	case !in.HasAttributes && readsAttributes(a.Condition):
		return false, NeedAttributes
	case !in.knows(g.EventsOf(a.Condition)):
		return false, NeedEvents
	}
	g.AddEvents(&facts, in, event.At, g.EventsOf(a.Condition))
	return a.Condition.Eval(&facts), NoEffect
}

func readsAttributes(p *condition.Program) bool {
	return slices.ContainsFunc(p.Reads(), func(f condition.Field) bool { return f.Source == condition.Attributes })
}

// Wakes reports whether an event may end e's current wait, and whether it surely does.
// What it cannot tell without the customer's profile or other events, it leaves to Step.
func (g *Graph) Wakes(e Enrollment, eventType string, event Received) (may, sure bool) {
	if e.Status != Inside || g.Node(e.Node).Awaits == nil {
		return false, false
	}
	n := g.lastingWait(&e)
	in := Input{Now: event.At, Events: map[string][]Received{eventType: {event}}}
	result, effect := g.await(&e, n, &in, e.waitEnd(n))
	return result != trail.NoResult || effect != NoEffect, result != trail.NoResult && !e.OnProfile
}

// wokenBy returns the result of a wait that was ended by the awaited event with that
// index, and keeps what the graph reads of the event. If that cannot be kept, a wait with
// a single way has the result EffectError; one with several is left by the event's way.
func (g *Graph) wokenBy(e *Enrollment, n *graph.Node, awaited int, properties []byte) trail.Result {
	kept := g.keepEvent(e, properties)
	switch {
	case len(n.Ways) > 1:
		return trail.Branch(awaited)
	case !kept:
		return trail.EffectError
	}
	return trail.WokenByEvent
}

// timedOut returns the result of a wait that was ended by its time.
func timedOut(n *graph.Node) trail.Result {
	if len(n.Ways) > 1 {
		return trail.Branch(len(n.Awaits))
	}
	return trail.Waited
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// waitEnd returns when e's wait n ends without its event.
func (e *Enrollment) waitEnd(n *graph.Node) time.Time {
	end := e.Since.Add(n.Delay)
	if e.ExpiresAt.Before(end) {
		return e.ExpiresAt
	}
	return end
}

// openUntil returns the moment before which an event ends a wait that now ends at end. A
// wait whose date has moved was open until it became due: by the earlier date or the event.
func (e *Enrollment) openUntil(end time.Time) time.Time {
	if e.OnProfile {
		return Later(end, e.Due.Add(time.Millisecond))
	}
	return end
}
