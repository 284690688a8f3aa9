package journey

import (
	"time"

	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/strict"
)

// EffectKind is what the caller of Step must do before the enrollment can move on.
type EffectKind uint8

// The kinds of effects.
const (
	NoEffect       EffectKind = iota // nothing: it waits until Due, or it has ended
	NeedAttributes                   // step again with the customer's attributes
	NeedDecision                     // make the node's decision, then step with its Answer
	NeedSend                         // send the node's message, then step with its Answer
	Stuck                            // fail it: the graph leads nowhere; see StopReason
)

// Input is what Step needs besides the graph and the enrollment.
type Input struct {
	Now           time.Time
	Attributes    condition.Value // of the customer, if HasAttributes
	HasAttributes bool            // if false, a split blocks with NeedAttributes
	Answer        Answer          // of the effect that blocks the enrollment; zero for none
	EventAt       time.Time       // when the event of the current wait was last received; zero for never
}

// Answer is the outcome of an effect.
type Answer struct {
	Result   Result          // NoResult if it was not attempted
	Decision condition.Value // of an nba_decision: an object or missing
}

// Graph is a compiled definition whose Step moves enrollments. Like graph.Graph, it is
// immutable and safe for concurrent use.
type Graph struct{ graph.Graph }

// Start returns a new enrollment at its first blocking node, ready to be stored:
// Rev is 1, and Delta has all nodes passed on the way. It keeps Journey, Customer,
// GraphHash, Version, Epoch, RequestID, EnrolledAt, ExpiresAt and Event of e.
func (g *Graph) Start(e Enrollment) (Enrollment, EffectKind) {
	e.Status, e.Run, e.Rev, e.WrittenAt = Inside, 1, 1, e.EnrolledAt
	e.Node, e.Since = g.Entry(), e.EnrolledAt
	e.Path, e.Delta, e.Decisions = nil, Delta{DeltaForm, byte(MarkEnrolled)}, nil
	if e.Node < 0 {
		return e, Stuck
	}
	e.mark(NodeEntered)
	return g.Step(e, Input{Now: e.EnrolledAt})
}

// NextWrite prepares e for another write: Rev is one higher, Delta is empty, and
// WrittenAt is now, or unchanged if now is earlier.
func (e Enrollment) NextWrite(now time.Time) Enrollment {
	e.Rev++
	e.Delta = Delta{DeltaForm, 0}
	if e.Status == Failed {
		e.failedAt = e.WrittenAt
	}
	if now.After(e.WrittenAt) {
		e.WrittenAt = now
	}
	return e
}

// advanceClock moves WrittenAt to now, but not beyond its UTC day, and returns it.
// Figures are counted by the day of the write and recounted from the times in the
// path. So all times of a write must be on one day, even if it spans midnight.
func (e *Enrollment) advanceClock(now time.Time) time.Time {
	const day = 24 * 60 * 60
	if now.After(e.WrittenAt) {
		if today := e.WrittenAt.Unix() / day; now.Unix()/day > today {
			now = time.Unix((today+1)*day, 0).UTC().Add(-time.Millisecond)
		}
		e.WrittenAt = now
	}
	return e.WrittenAt
}

// Step moves an enrollment to its next blocking node, as far as in allows, and
// returns what it needs there. It is pure: equal arguments give equal results. It
// appends to Path and Delta, so several steps can share one write; both may use
// spare capacity of e's slices.
//
// An enrollment that reaches ExpiresAt becomes Expired, unless the answer of an
// effect, or an earlier event, moves it first.
//
// All steps of a write count on the UTC day on which NextWrite began it; after
// midnight, as of its last millisecond.
func (g *Graph) Step(e Enrollment, in Input) (Enrollment, EffectKind) {
	in.Now = e.advanceClock(in.Now)
	// Only a draft can have a cycle. A complete graph ends before this bound.
	for range g.Len() + 1 {
		if e.Status != Inside {
			return e, NoEffect
		}
		n := g.Node(e.Node)
		if n.Fault != (strict.Fault{}) {
			break
		}
		result, effect := g.result(&e, n, &in)
		switch {
		case e.Status != Inside:
			return e, NoEffect
		case result == NoResult:
			return e, effect
		case result == Exited:
			e.complete(n.Reason)
			return e, NoEffect
		}
		next := n.Next[result.way()]
		if next < 0 {
			break
		}
		e.leave(result)
		e.enter(next, in.Now)
	}
	e.dueBy(in.Now)
	return e, Stuck
}

// BeginWait makes an enrollment that is about to be stored at a wait for an event
// due at now. The event may arrive before the enrollment is stored, and its
// handler then misses it. The caller must look for the event after the write and
// then call Step, which sets Due to the end of the wait. If the caller dies in
// between, the next tick does so.
func (g *Graph) BeginWait(e *Enrollment, now time.Time) {
	if e.Status == Inside && g.Awaits(e.Node) != nil {
		e.dueBy(now)
	}
}

// result returns the result with which n ends now, or the effect that it needs.
func (g *Graph) result(e *Enrollment, n *graph.Node, in *Input) (Result, EffectKind) {
	switch n.Type {
	case graph.EntryTrigger:
		return Entered, NoEffect
	case graph.Wait:
		return e.wait(n, in), NoEffect
	case graph.ConditionSplit:
		return g.split(e, n, in)
	case graph.NBADecision, graph.ChannelAction:
		return g.effect(e, n, in)
	default:
		return Exited, NoEffect
	}
}

// wait ends a wait by its event or its time, whichever came first.
func (e *Enrollment) wait(n *graph.Node, in *Input) Result {
	end := e.waitEnd(n)
	e.Due = end
	event := in.EventAt
	in.EventAt = time.Time{} // it belongs to this wait and must not end a later one
	if n.Awaits != nil && (e.isDuringWait(n, e.WokenAt) || e.isDuringWait(n, event)) {
		// The next wait must begin after the event, even if the clock that received
		// it is ahead: one event ends one wait.
		in.Now = e.advanceClock(later(e.WokenAt, event))
		return wokenBy(n, 0)
	}
	if in.Now.Before(end) {
		return NoResult
	}
	if end.Before(e.Since.Add(n.Delay)) {
		e.end(Expired, MarkExpired, NodeDropped)
		return NoResult
	}
	return timedOut(n)
}

// wokenBy returns the result of a wait that was ended by the awaited event with that
// index.
func wokenBy(n *graph.Node, awaited int) Result {
	if len(n.Ways) > 1 {
		return Branch(awaited)
	}
	return WokenByEvent
}

// timedOut returns the result of a wait that was ended by its time.
func timedOut(n *graph.Node) Result {
	if len(n.Ways) > 1 {
		return Branch(len(n.Awaits))
	}
	return Waited
}

// EndedByEvent reports whether the result is that of the wait n ended by an event.
func (r Result) EndedByEvent(n *graph.Node) bool {
	return r == WokenByEvent || r >= firstBranch && r.way() < len(n.Awaits)
}

func later(a, b time.Time) time.Time {
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

// isDuringWait reports whether at is between the start and the end of e's wait n.
func (e *Enrollment) isDuringWait(n *graph.Node, at time.Time) bool {
	return at.After(e.Since) && at.Before(e.waitEnd(n))
}

// EndsWait reports whether an event of that type and time of receipt ends e's
// current wait.
func (g *Graph) EndsWait(e Enrollment, eventType string, received time.Time) bool {
	n := g.Node(e.Node)
	return e.Status == Inside && n.Awaits != nil && n.Awaits[0].Type == eventType && e.isDuringWait(n, received)
}

// split evaluates the condition of n, or asks for the attributes.
func (g *Graph) split(e *Enrollment, n *graph.Node, in *Input) (Result, EffectKind) {
	if !in.HasAttributes {
		e.dueBy(in.Now)
		return NoResult, NeedAttributes
	}
	facts := g.Facts(e, in.Attributes)
	facts.Now = in.Now
	if n.Condition.Eval(&facts) {
		return True, NoEffect
	}
	return False, NoEffect
}

// dueBy makes the enrollment due no later than now. An earlier Due stays, because
// moving it costs two index writes.
func (e *Enrollment) dueBy(now time.Time) {
	if e.Due.IsZero() || e.Due.After(now) {
		e.Due = now
	}
}

// Facts returns the facts that conditions and payloads read. It decodes decisions
// and event only if the graph reads them.
func (g *Graph) Facts(e *Enrollment, attributes condition.Value) condition.Facts {
	facts := condition.Facts{Attributes: attributes}
	if g.ReadsDecisions() && e.Decisions != nil {
		facts.Decision, _ = condition.ParseValue(e.Decisions)
	}
	if g.ReadsEvent() && e.Event != nil {
		facts.Event, _ = condition.ParseValue(e.Event)
	}
	return facts
}

// encodeEvent returns PruneEvent as JSON, for Enrollment.Event; nil for nothing.
func (g *Graph) encodeEvent(properties condition.Value) []byte {
	kept := g.PruneEvent(properties)
	if kept.Missing() {
		return nil
	}
	return kept.AppendJSON(nil)
}

// effect consumes the answer of an nba_decision or a channel_action, or asks for
// one.
func (g *Graph) effect(e *Enrollment, n *graph.Node, in *Input) (Result, EffectKind) {
	answer := in.Answer
	if answer.Result == NoResult {
		// A customer who entered just now was in time when the wait ended, however
		// late Step runs.
		if !in.Now.Before(e.ExpiresAt) && e.Since.Before(in.Now) {
			e.end(Expired, MarkExpired, NodeDropped)
			return NoResult, NoEffect
		}
		e.dueBy(in.Now)
		if n.Type == graph.NBADecision {
			return NoResult, NeedDecision
		}
		return NoResult, NeedSend
	}
	in.Answer = Answer{}
	if n.Type == graph.NBADecision {
		g.keepDecision(e, answer.Decision)
	}
	return answer.Result, NoEffect
}

// keepDecision adds to e.Decisions the parts of an answer that conditions and
// payloads of the graph read.
func (g *Graph) keepDecision(e *Enrollment, answer condition.Value) {
	kept := g.PruneDecision(e.Node, answer)
	if kept.Missing() {
		return
	}
	var decisions condition.Value
	if e.Decisions != nil {
		decisions, _ = condition.ParseValue(e.Decisions)
	}
	e.Decisions = decisions.With(g.NodeID(e.Node), kept).AppendJSON(nil)
}

// Cancel ends the enrollment, with a reason that callers see. A failed enrollment
// counts as cancelled from then on, also if the same write failed it.
func (e Enrollment) Cancel(reason string) Enrollment {
	if e.Status == Failed {
		e.endFailure()
	}
	e.ExitReason = reason
	e.end(Cancelled, MarkCancelled, NodeDropped)
	return e
}

// Fail stops the enrollment at its node, with a reason that callers see. It keeps
// LeaseUntil, so a retry knows that the effect may have happened.
func (e Enrollment) Fail(reason string) Enrollment {
	e.ExitReason, e.failedAt = reason, e.WrittenAt
	e.end(Failed, MarkFailed, NodeFailed)
	return e
}

// Retry resumes a failed enrollment at its node. It keeps LeaseUntil, because the
// effect may have happened. Like Cancel and Fail, it must follow NextWrite.
func (e Enrollment) Retry(now time.Time) Enrollment {
	e.Status, e.Due, e.ExitReason, e.Attempts = Inside, now, "", 0
	e.endFailure()
	return e
}

// endFailure records that the enrollment is no longer failed.
func (e *Enrollment) endFailure() {
	e.Retries = e.Retries.add(e.EnrolledAt, Retried{e.Node, e.failedAt, e.WrittenAt})
	e.Delta[1] |= byte(MarkRetried)
	e.mark(NodeRetried)
}

func (e *Enrollment) complete(reason string) {
	e.ExitReason = reason
	e.end(Completed, MarkCompleted, 0)
	e.leave(Exited)
}

func (e *Enrollment) end(status EnrollmentStatus, mark Mark, node Mark) {
	e.Status, e.Due = status, time.Time{}
	if status != Failed {
		e.LeaseUntil, e.LeftAt = time.Time{}, e.WrittenAt
	}
	e.Delta[1] |= byte(mark)
	e.mark(node)
}

func (e *Enrollment) leave(result Result) {
	e.Path = e.Path.append(e.Node, e.Since.Sub(e.EnrolledAt), result)
	e.mark(NodeLeft)
	e.Delta = append(e.Delta, byte(result))
}

func (e *Enrollment) enter(node int, now time.Time) {
	e.Node, e.Since = node, now
	e.Attempts, e.LeaseUntil, e.WokenAt = 0, time.Time{}, time.Time{}
	e.Delta = append(e.Delta, byte(node), byte(NodeEntered))
}

// mark adds bits for the current node. Any last entry belongs to it, and has no
// result yet: a node that is left is followed by the next one.
func (e *Enrollment) mark(bits Mark) {
	if len(e.Delta) > 2 {
		e.Delta[len(e.Delta)-1] |= byte(bits)
		return
	}
	e.Delta = append(e.Delta, byte(e.Node), byte(bits))
}
