package journey

import (
	"time"

	"journeys/internal/condition"
)

// EffectKind is what the outside world must do before an enrollment can go on.
type EffectKind uint8

// The kinds of effects.
const (
	NoEffect       EffectKind = iota // nothing now: it waits until Due, or it has left
	NeedAttributes                   // step again with the customer's attributes
	NeedDecision                     // ask for the decision of the node, and step with its Answer
	NeedSend                         // send the action of the node, and step with its Answer
	Stuck                            // the graph is not whole: it does not say how to go on
)

// Input is what the outside world knows when an enrollment is stepped.
type Input struct {
	Now           time.Time
	Attributes    condition.Value // the customer's; only when HasAttributes
	HasAttributes bool            // false: a split blocks with NeedAttributes
	Answer        Answer          // of the effect that the enrollment is blocked on; zero for none
	EventAt       time.Time       // when the event that the wait awaits was last received; zero for never
}

// Answer is what became of an effect.
type Answer struct {
	Result   Result          // NoResult: it was not tried
	Decision condition.Value // of an nba_decision: an object, or missing
}

// Start returns a new enrollment at its first blocking node, in the state in
// which it is stored: Rev 1, and all that was passed on the way in its Delta.
// The fields up to RequestID, EnrolledAt, ExpiresAt and Event are e's own.
func (g *Graph) Start(e Enrollment) (Enrollment, EffectKind) {
	e.Status, e.Run, e.Rev, e.WrittenAt = Inside, 1, 1, e.EnrolledAt
	e.Node, e.Since = g.entry, e.EnrolledAt
	e.Path, e.Delta, e.Decisions = nil, Delta{byte(MarkEnrolled)}, nil
	if g.entry < 0 {
		return e, Stuck
	}
	e.mark(NodeEntered)
	return g.Step(e, Input{Now: e.EnrolledAt})
}

// NextWrite makes e ready to be stepped and written again: the Rev goes up, the
// Delta is empty, and the write's time is now, but never before the last one's.
func (e Enrollment) NextWrite(now time.Time) Enrollment {
	e.Rev++
	e.Delta = append(e.Delta[:0:0], 0)
	if e.Status == Failed {
		e.failedAt = e.WrittenAt
	}
	if now.After(e.WrittenAt) {
		e.WrittenAt = now
	}
	return e
}

// tick moves the write's time on to now, as far as the write's UTC day goes,
// and returns it. Figures are counted by the day of the write, and recounted
// from the times in the path: so a write has one day, although it may take from
// before midnight until after.
func (e *Enrollment) tick(now time.Time) time.Time {
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
// tells what it waits for there. It is pure: the same arguments give the same
// result. What it passes is added to Path and Delta, so that several steps may
// share one write; both may use spare capacity of e's.
//
// Somebody who reaches ExpiresAt leaves as Expired, except when the answer of
// an effect, or an event that came before, still moves them.
//
// All steps of one write belong to the UTC day on which NextWrite began it:
// after midnight they count as of its last millisecond.
func (g *Graph) Step(e Enrollment, in Input) (Enrollment, EffectKind) {
	in.Now = e.tick(in.Now)
	// Only a draft can have a cycle; a whole graph ends before this bound.
	for range len(g.nodes) + 1 {
		if e.Status != Inside {
			return e, NoEffect
		}
		n := &g.nodes[e.Node]
		if n.missing != "" {
			return e, Stuck
		}
		result, effect := g.result(&e, n, &in)
		switch {
		case e.Status != Inside:
			return e, NoEffect
		case result == NoResult:
			return e, effect
		case result == Exited:
			e.complete(n.reason)
			return e, NoEffect
		}
		next := n.next[0]
		if result == False {
			next = n.next[1]
		}
		if next < 0 {
			return e, Stuck
		}
		e.leave(result)
		e.enter(next, in.Now)
	}
	return e, Stuck
}

// BeginWait makes an enrollment that comes to a wait for an event, and is to be
// stored there, due at now. The event may come while it is being stored, when
// its handler does not find it yet. So somebody looks for the event once it is
// stored, and only then, by Step, it is due when the wait ends: whoever dies in
// between leaves it to the next tick.
func (g *Graph) BeginWait(e *Enrollment, now time.Time) {
	if e.Status == Inside && g.AwaitedEvent(e.Node) != "" {
		e.dueBy(now)
	}
}

// result tells how n ends now, or what it needs to end.
func (g *Graph) result(e *Enrollment, n *node, in *Input) (Result, EffectKind) {
	switch n.kind {
	case EntryTrigger:
		return Entered, NoEffect
	case Wait:
		return e.wait(n, in), NoEffect
	case ConditionSplit:
		return g.split(e, n, in)
	case NBADecision, ChannelAction:
		return g.effect(e, n, in)
	default:
		return Exited, NoEffect
	}
}

// wait ends a wait by its event or its time, whichever was first.
func (e *Enrollment) wait(n *node, in *Input) Result {
	end := e.waitEnd(n)
	e.Due = end
	event := in.EventAt
	in.EventAt = time.Time{} // it is of this wait's event, and ends no other
	if n.event != "" && (e.during(n, e.WokenAt) || e.during(n, event)) {
		// The next wait begins after the event, although the clock that received
		// it may be ahead: one event ends one wait.
		in.Now = e.tick(latest(e.WokenAt, event))
		return WokenByEvent
	}
	if in.Now.Before(end) {
		return NoResult
	}
	if end.Before(e.Since.Add(n.delay)) {
		e.end(Expired, MarkExpired, NodeDropped)
		return NoResult
	}
	return Waited
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// waitEnd returns when the wait that e is at ends by itself.
func (e *Enrollment) waitEnd(n *node) time.Time {
	end := e.Since.Add(n.delay)
	if e.ExpiresAt.Before(end) {
		return e.ExpiresAt
	}
	return end
}

// during reports whether at is inside of the wait that e is at.
func (e *Enrollment) during(n *node, at time.Time) bool {
	return at.After(e.Since) && at.Before(e.waitEnd(n))
}

// EndsWait reports whether an event of that type, received at that time, ends
// the wait that e is at.
func (g *Graph) EndsWait(e Enrollment, eventType string, received time.Time) bool {
	n := &g.nodes[e.Node]
	return e.Status == Inside && n.kind == Wait && n.event == eventType && e.during(n, received)
}

func (g *Graph) split(e *Enrollment, n *node, in *Input) (Result, EffectKind) {
	if !in.HasAttributes {
		e.dueBy(in.Now)
		return NoResult, NeedAttributes
	}
	facts := g.Facts(e, in.Attributes)
	if n.condition.Eval(&facts) {
		e.mark(NodeTrue)
		return True, NoEffect
	}
	e.mark(NodeFalse)
	return False, NoEffect
}

// dueBy makes the enrollment due at now at the latest. A due time in the past
// stays as it is: moving it would cost two writes of the index.
func (e *Enrollment) dueBy(now time.Time) {
	if e.Due.IsZero() || e.Due.After(now) {
		e.Due = now
	}
}

// Facts returns what conditions and payloads read. Decisions and event are
// decoded only for a graph that reads them.
func (g *Graph) Facts(e *Enrollment, attributes condition.Value) condition.Facts {
	facts := condition.Facts{Attributes: attributes}
	if len(g.reads) > 0 && e.Decisions != nil {
		facts.Decision, _ = condition.ParseValue(e.Decisions)
	}
	if len(g.event) > 0 && e.Event != nil {
		facts.Event, _ = condition.ParseValue(e.Event)
	}
	return facts
}

// keepEvent returns what conditions of the graph read of an event's
// properties, as Enrollment.Event.
func (g *Graph) keepEvent(properties condition.Value) []byte {
	kept := properties.Prune(g.event)
	if kept.Missing() {
		return nil
	}
	return kept.AppendJSON(nil)
}

// effect takes the answer of an nba_decision or a channel_action, or says that
// one is needed.
func (g *Graph) effect(e *Enrollment, n *node, in *Input) (Result, EffectKind) {
	answer := in.Answer
	if answer.Result == NoResult {
		// Who got here in this very moment was in time when the wait ended,
		// however late it is looked at.
		if !in.Now.Before(e.ExpiresAt) && e.Since.Before(in.Now) {
			e.end(Expired, MarkExpired, NodeDropped)
			return NoResult, NoEffect
		}
		e.dueBy(in.Now)
		if n.kind == NBADecision {
			return NoResult, NeedDecision
		}
		return NoResult, NeedSend
	}
	in.Answer = Answer{}
	if n.kind == NBADecision {
		g.keepDecision(e, answer.Decision)
	}
	return answer.Result, NoEffect
}

// PruneEvent returns what conditions and payloads of the graph read of an
// event's properties; missing for nothing.
func (g *Graph) PruneEvent(properties condition.Value) condition.Value {
	return properties.Prune(g.event)
}

// keepDecision keeps of an answer what conditions and payloads of the graph
// read.
func (g *Graph) keepDecision(e *Enrollment, answer condition.Value) {
	kept := answer.Prune(g.reads[e.Node])
	if kept.Missing() {
		return
	}
	var decisions condition.Value
	if e.Decisions != nil {
		decisions, _ = condition.ParseValue(e.Decisions)
	}
	e.Decisions = decisions.With(g.nodes[e.Node].id, kept).AppendJSON(nil)
}

// Cancel takes the enrollment out, with the reason that callers see. One that
// had failed counts as cancelled from then on.
func (e Enrollment) Cancel(reason string) Enrollment {
	if e.Status == Failed {
		e.takeUp()
	}
	e.ExitReason = reason
	e.end(Cancelled, MarkCancelled, NodeDropped)
	return e
}

// Fail stops the enrollment where it is, with the reason that callers see. It
// keeps LeaseUntil, for a retry to know that the effect may have been done.
func (e Enrollment) Fail(reason string) Enrollment {
	e.ExitReason = reason
	e.end(Failed, MarkFailed, NodeFailed)
	return e
}

// Retry lets a failed enrollment go on from where it stopped. What may have been
// done there stays in doubt. Like Cancel and Fail it belongs to a write begun with
// NextWrite.
func (e Enrollment) Retry(now time.Time) Enrollment {
	e.Status, e.Due, e.ExitReason, e.Attempts = Inside, now, "", 0
	e.takeUp()
	return e
}

// takeUp takes back that the enrollment failed.
func (e *Enrollment) takeUp() {
	e.Retries = e.Retries.add(e.EnrolledAt, Retried{e.Node, e.failedAt, e.WrittenAt})
	e.Delta[0] |= byte(MarkRetried)
	e.mark(NodeRetried)
}

func (e *Enrollment) complete(reason string) {
	e.Path = e.Path.append(e.Node, e.Since.Sub(e.EnrolledAt), Exited)
	e.ExitReason = reason
	e.end(Completed, MarkCompleted, NodeCompleted)
}

func (e *Enrollment) end(status EnrollmentStatus, mark Mark, node Mark) {
	e.Status, e.Due = status, time.Time{}
	if status != Failed {
		e.LeaseUntil = time.Time{}
	}
	e.Delta[0] |= byte(mark)
	e.mark(node)
}

func (e *Enrollment) leave(result Result) {
	e.Path = e.Path.append(e.Node, e.Since.Sub(e.EnrolledAt), result)
	e.mark(NodeCompleted)
}

func (e *Enrollment) enter(node int, now time.Time) {
	e.Node, e.Since = node, now
	e.Attempts, e.LeaseUntil, e.WokenAt = 0, time.Time{}, time.Time{}
	e.mark(NodeEntered)
}

// mark adds bits of the present node. A write passes nodes one after the
// other, so that only the last pair can be the present one's.
func (e *Enrollment) mark(bits Mark) {
	last := len(e.Delta) - 2
	if last >= 1 && int(e.Delta[last]) == e.Node {
		e.Delta[last+1] |= byte(bits)
		return
	}
	e.Delta = append(e.Delta, byte(e.Node), byte(bits))
}
