// Package progress has the enrollment and the pure step function that moves it through a
// graph: by time, events, conditions and the answers of effects. Time and facts are
// arguments.
package progress

import (
	"cmp"
	"time"

	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

// EffectKind is what the caller of Step must do before the enrollment can move on.
type EffectKind uint8

// The kinds of effects.
const (
	NoEffect       EffectKind = iota // nothing: it waits until Due, or it has ended
	NeedAttributes                   // step again with the customer's attributes; see Enrollment.OnProfile
	NeedDecision                     // make the node's decision, then step with its Answer
	NeedSend                         // send the node's message, then step with its Answer
	NeedUpdate                       // change the attributes as Graph.Update returns, then step with its Answer
	NeedEvents                       // step again with the events of the types that EventsFor returns
	Stuck                            // fail it: the graph leads nowhere; see StopReason
)

// Input is what Step needs besides the graph and the enrollment.
type Input struct {
	Now           time.Time
	Attributes    condition.Value // of the customer, if HasAttributes
	HasAttributes bool            // if false, a split, an exit by a condition, or a wait with OnProfile, blocks with NeedAttributes
	ProfileRev    int64           // of Attributes; 0 for no profile
	Answer        Answer          // of the effect that blocks the enrollment; zero for none

	// Events holds the events that are remembered of the customer, by type. A type that
	// was not read is absent.
	Events map[string][]Received
	stale  bool // Events were read before the customer entered the node
}

// Answer is the outcome of an effect.
type Answer struct {
	Result trail.Result    // NoResult if it was not attempted
	Value  condition.Value // of a decision flow or a channel: an object or missing
}

// Graph is a compiled definition whose Step moves enrollments. Like graph.Graph, it is
// immutable and safe for concurrent use.
type Graph struct {
	graph.Graph
	forced map[int]int // see WithBranches
}

// WithBranches returns g with the ways by which customers leave random_splits, by the
// index of the node; the others draw.
func (g *Graph) WithBranches(ways map[int]int) *Graph {
	return &Graph{Graph: g.Graph, forced: ways}
}

// Start returns a new enrollment at its first blocking node, ready to be stored:
// Rev is 1, and Delta has all nodes passed on the way. It keeps Journey, Customer,
// GraphHash, Version, Epoch, RequestID, EnrolledAt, ExpiresAt and Event of e. An Event
// over MaxKept is not kept, and the result of the entry is EffectError.
func (g *Graph) Start(e Enrollment) (Enrollment, EffectKind) {
	e.Status, e.Run, e.Rev, e.WrittenAt = Inside, 1, 1, e.EnrolledAt
	e.Node, e.Since = g.Entry(), e.EnrolledAt
	e.Path, e.Delta, e.Decisions, e.Steps = nil, trail.Delta{trail.DeltaForm, byte(trail.MarkEnrolled)}, nil, nil
	if e.Node < 0 {
		return e, Stuck
	}
	if g.Goal() != nil {
		e.GoalUntil = e.EnrolledAt.Add(g.Goal().Window)
	}
	e.Listens = g.Node(e.Node).Listens
	e.mark(trail.NodeEntered)
	in := Input{Now: e.EnrolledAt}
	if len(e.Event) > MaxKept {
		e.Event, in.Answer.Result = nil, trail.EffectError
	}
	return g.Step(e, in)
}

// NextWrite prepares e for another write: Rev is one higher, Delta is empty, and
// WrittenAt is now, or unchanged if now is earlier. The write records e's
// PendingConversion.
func (e Enrollment) NextWrite(now time.Time) Enrollment {
	e.Rev++
	e.KeptBefore, e.InLine = e.KeptSize(), false
	e.Delta = trail.Delta{trail.DeltaForm, 0}
	if now.After(e.WrittenAt) {
		e.WrittenAt = now
	}
	if e.PendingConversion != (Stamp{}) {
		e = e.Convert(e.PendingConversion.At)
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
		result, effect := g.resultOrExit(&e, n, &in)
		switch {
		case e.Status != Inside:
			return e, NoEffect
		case result == trail.NoResult:
			return e, effect
		case result == trail.Exited:
			e.complete(n.Reason)
			return e, NoEffect
		}
		next := n.Next[result.Way()]
		if next < 0 {
			break
		}
		e.leave(result)
		e.enter(next, in.Now)
		e.Listens = g.Node(next).Listens
		e.OnProfile, e.ProfileRev = g.dependsOnProfile(&e), 0
		in.HasAttributes = in.HasAttributes && !e.OnProfile
		in.stale = true
	}
	e.DueBy(in.Now)
	return e, Stuck
}

// BeginWait makes an enrollment that is about to be stored at a wait for an event
// due at now. The event may arrive before the enrollment is stored, and its
// handler then misses it. The caller must look for the event after the write and
// then call Step, which sets Due to the end of the wait. If the caller dies in
// between, the next tick does so.
func (g *Graph) BeginWait(e *Enrollment, now time.Time) {
	if e.Status == Inside && g.Awaits(e.Node) != nil {
		e.DueBy(now)
	}
}

// result returns the result with which n ends now, or the effect that it needs.
func (g *Graph) result(e *Enrollment, n *graph.Node, in *Input) (trail.Result, EffectKind) {
	switch n.Type {
	case graph.EntryTrigger:
		result := cmp.Or(in.Answer.Result, trail.Entered)
		in.Answer = Answer{}
		return result, NoEffect
	case graph.Wait:
		return g.wait(e, n, in)
	case graph.ConditionSplit, graph.MultiSplit:
		return g.split(e, n, in)
	case graph.RandomSplit:
		return g.draw(e, n), NoEffect
	case graph.NBADecision, graph.ChannelAction, graph.UpdateCustomer:
		return g.effect(e, n, in)
	default:
		return trail.Exited, NoEffect
	}
}

// split evaluates the conditions of n, or asks for the attributes and events.
func (g *Graph) split(e *Enrollment, n *graph.Node, in *Input) (trail.Result, EffectKind) {
	if !in.HasAttributes {
		e.DueBy(in.Now)
		return trail.NoResult, NeedAttributes
	}
	if !in.knows(n.Events) {
		e.DueBy(in.Now)
		return trail.NoResult, NeedEvents
	}
	facts := g.FactsAt(e, in, in.Now, n.Events)
	switch {
	case n.Type == graph.MultiSplit:
		return trail.Branch(n.Choose(&facts)), NoEffect
	case n.Condition.Eval(&facts):
		return trail.True, NoEffect
	}
	return trail.False, NoEffect
}

// DueBy makes the enrollment due no later than now. An earlier Due stays, because
// moving it costs two index writes.
func (e *Enrollment) DueBy(now time.Time) {
	if e.Due.IsZero() || e.Due.After(now) {
		e.Due = now
	}
}

// Facts returns the facts that conditions and payloads read. It decodes decisions, events
// and path only if the graph reads them.
func (g *Graph) Facts(e *Enrollment, attributes condition.Value) condition.Facts {
	facts := condition.Facts{Attributes: attributes, Entered: e.EnrolledAt}
	if g.ReadsDecisions() && e.Decisions != nil {
		facts.Decision, _ = condition.ParseValue(e.Decisions)
	}
	if g.ReadsEvent() && e.Event != nil {
		facts.Event, _ = condition.ParseValue(e.Event)
		facts.EntryEvent = facts.Event
	}
	if g.ReadsSteps() && e.Steps != nil {
		facts.Step, _ = condition.ParseValue(e.Steps)
	}
	if g.ReadsResults() {
		for _, visit := range e.Path.Visits(e.EnrolledAt) {
			g.AddResult(&facts, visit)
		}
	}
	return facts
}

// effect consumes the answer of an nba_decision, a channel_action or an
// update_customer, or asks for one.
func (g *Graph) effect(e *Enrollment, n *graph.Node, in *Input) (trail.Result, EffectKind) {
	answer := in.Answer
	if answer.Result == trail.NoResult {
		// A customer who entered just now was in time when the wait ended, however
		// late Step runs.
		if !in.Now.Before(e.ExpiresAt) && e.Since.Before(in.Now) {
			e.end(Expired, trail.MarkExpired, trail.NodeDropped)
			return trail.NoResult, NoEffect
		}
		e.DueBy(in.Now)
		return trail.NoResult, effects[n.Type]
	}
	in.Answer = Answer{}
	if !g.keepAnswer(e, n, answer.Value) {
		return trail.EffectError, NoEffect
	}
	return answer.Result, NoEffect
}

// effects lists the effect that each type of node needs.
var effects = map[graph.NodeType]EffectKind{
	graph.NBADecision: NeedDecision, graph.ChannelAction: NeedSend, graph.UpdateCustomer: NeedUpdate,
}

// Cancel is Leave as Cancelled, with a reason that callers see.
func (e Enrollment) Cancel(reason string) Enrollment { return e.Leave(ExitRequest{Reason: reason}) }

// Fail stops the enrollment at its node, with a reason that callers see. It keeps
// LeaseUntil, so a retry knows that the effect may have happened.
func (e Enrollment) Fail(reason string) Enrollment {
	e.ExitReason, e.FailedAt = reason, e.WrittenAt
	e.end(Failed, trail.MarkFailed, trail.NodeFailed)
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
	e.Retries = e.Retries.Add(e.EnrolledAt, trail.Retried{Node: e.Node, FailedAt: e.FailedAt, RetriedAt: e.WrittenAt})
	e.FailedAt = time.Time{}
	e.Delta[1] |= byte(trail.MarkRetried)
	e.mark(trail.NodeRetried)
}

func (e *Enrollment) complete(reason string) {
	e.ExitReason = reason
	e.end(Completed, trail.MarkCompleted, 0)
	e.leave(trail.Exited)
}

func (e *Enrollment) end(status EnrollmentStatus, mark trail.Mark, node trail.Mark) {
	e.Status, e.Due = status, time.Time{}
	if status != Failed {
		e.LeaseUntil, e.LeftAt, e.OnProfile = time.Time{}, e.WrittenAt, false
	}
	e.Delta[1] |= byte(mark)
	e.mark(node)
}

func (e *Enrollment) leave(result trail.Result) {
	e.Path = e.Path.Append(e.Node, e.Since.Sub(e.EnrolledAt), result)
	e.mark(trail.NodeLeft)
	e.Delta = append(e.Delta, byte(result))
}

func (e *Enrollment) enter(node int, now time.Time) {
	e.Node, e.Since = node, now
	e.Attempts, e.LeaseUntil, e.Woken = 0, time.Time{}, Stamp{}
	e.Delta = append(e.Delta, byte(node), byte(trail.NodeEntered))
}

// mark adds bits for the current node. Any last entry belongs to it, and has no
// result yet: a node that is left is followed by the next one.
func (e *Enrollment) mark(bits trail.Mark) {
	if len(e.Delta) > 2 {
		e.Delta[len(e.Delta)-1] |= byte(bits)
		return
	}
	e.Delta = append(e.Delta, byte(e.Node), byte(bits))
}
