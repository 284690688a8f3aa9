package engine

import (
	"context"
	"errors"
	"time"

	"journeys/internal/progress"
	"journeys/internal/trail"
)

// decide asks the provider for r's decision.
func (w *worker) decide(ctx context.Context, r *run) {
	node := r.graph.NodeID(r.next.Node)
	config := r.graph.Decision(r.next.Node)
	if !fits(ctx, config.TimeLimit()) {
		w.putEffectOff(r)
		return
	}
	if w.heldBack(r) {
		return
	}
	began := w.Now()
	answer, err := w.Provider.Decide(ctx, DecisionRequest{
		Key: effectKey(w.pack.Tenant, &r.next, node), Tenant: w.pack.Tenant, Journey: w.pack.Journey,
		Customer: r.next.Customer, NodeID: node, Config: config, Attributes: r.in.Attributes,
		Now: r.in.Now,
	})
	w.observe(r, config.TimeLimit(), began, true, err)
	switch {
	case err == nil && answer.Missing():
		r.in.Answer = progress.Answer{Result: trail.DecidedEmpty}
	case err == nil:
		r.in.Answer = progress.Answer{Result: trail.Decided, Value: answer}
	case config.FailOnError || isThrottled(err):
		w.postpone(ctx, r, err, reasonDecision)
		return
	default:
		w.Log.WarnContext(ctx, "decision failed: node continues", "journey", w.pack.Journey, "node", node, "error", err)
		r.in.Answer = progress.Answer{Result: trail.EffectError}
	}
	r.state, r.hasAnswer = stepping, true
}

// claim prepares the write that makes r's message this worker's for the time of a
// lease.
func (w *worker) claim(r *run) {
	r.countAttempt(countedByClaim)
	if r.next.Attempts > MaxCrashes {
		r.fail(reasonCrashed)
		return
	}
	r.next.LeaseUntil = w.now().Add(min(w.Provider.Timeout()+LeaseMargin, MaxLease))
	r.state = claiming
}

// send sends r's message, at its slot. A pack claims many messages at once, so some wait for
// others. The claim is given back if the lease, or the invocation's time, could
// end before the message is sent and recorded.
func (w *worker) send(ctx context.Context, r *run) {
	w.sleepUntil(ctx, r.slot)
	if w.heldBack(r) {
		return
	}
	limit := w.Provider.Timeout()
	if !fits(ctx, limit) || w.now().Add(limit+recordTime).After(r.stored.LeaseUntil) {
		w.putEffectOff(r)
		return
	}
	node := r.graph.NodeID(r.next.Node)
	config := r.graph.Action(r.next.Node)
	restored, rekeyed := w.Restore.mayHaveSent(r.graph, &r.next)
	doubtful := r.doubt.open || restored
	began := w.Now()
	answer, err := w.Provider.Send(ctx, Message{
		Key: effectKey(w.pack.Tenant, &r.next, node), Tenant: w.pack.Tenant, Journey: w.pack.Journey,
		Customer: r.next.Customer, NodeID: node, Config: config,
		Facts: r.graph.Facts(&r.next, r.in.Attributes), Uncertain: doubtful, Rekeyed: rekeyed,
		ID: r.message, UnsubscribeURL: r.url,
	})
	w.observe(r, limit, began, called(answer), err)
	r.next = r.stored.NextWrite(w.now())
	_, uncertain := errors.AsType[*UncertainError](err)
	switch {
	case uncertain && config.Resend:
		r.doubt = doubt{report: true} // closed: the next attempt sends in any case
	case uncertain:
		// A retry cannot settle whether it was sent, so the message is skipped
		// now, and this attempt does not count as a failure.
		w.Log.WarnContext(ctx, "message skipped: may have been sent", "journey", w.pack.Journey, "node", node, "error", err)
		answer, err = progress.Answer{Result: trail.SkippedUncertain}, nil
		r.doubt.report = true
	case err == nil:
		r.doubt.report = answer.Result == trail.SkippedUncertain || doubtful && config.Resend
	}
	if err != nil {
		w.postpone(ctx, r, err, reasonSend)
		return
	}
	r.in.Answer, r.state, r.hasAnswer = answer, stepping, true
}

// putEffectOff ends r before its effect begins. The customer stays at the node
// and due, so the next worker carries on there. A claim is given back, and so is an
// attempt that was counted ahead. What r has learned since its last write is recorded.
func (w *worker) putEffectOff(r *run) {
	if !r.putOff {
		r.putOff = true
		w.putOff.Add(1)
	}
	now := w.now()
	r.slot = time.Time{}
	claimed := r.state == sending
	if claimed {
		r.next = r.stored.NextWrite(now)
	}
	r.endAttempt(false)
	r.dropLease(now)
	switch ahead := r.next.Node == r.stored.Node && r.next.Attempts < r.stored.Attempts; {
	case claimed || r.hasAnswer || ahead || r.change != nil:
		r.state = recording
	default:
		r.state = done // the next worker repeats the steps, which cost nothing
	}
}

// postpone prepares the write that moves r's due time after an effect that
// failed or was throttled. Only a failure is an attempt; the last attempt, or one that
// was refused for good, fails the enrollment, or is the result of a node that goes on. An open doubt about an
// earlier attempt remains.
func (w *worker) postpone(ctx context.Context, r *run, err error, reason string) {
	now := w.now()
	if limit, ok := errors.AsType[*ThrottledError](err); ok {
		w.hold(r, now.Add(max(limit.After, time.Second)))
		return
	}
	r.state = recording
	r.dropLease(now)
	r.endAttempt(true)
	w.Log.WarnContext(ctx, "effect failed", "journey", w.pack.Journey, "node", r.graph.NodeID(r.next.Node),
		"attempt", r.next.Attempts, "error", err)
	_, refused := errors.AsType[*RefusedError](err)
	switch last := refused || r.next.Attempts >= MaxAttempts; {
	case last && reason == reasonSend && r.graph.Action(r.next.Node).GoOnError:
		w.Log.WarnContext(ctx, "message failed: node continues", "journey", w.pack.Journey, "node", r.graph.NodeID(r.next.Node))
		r.in.Answer, r.state, r.hasAnswer = progress.Answer{Result: trail.EffectError}, stepping, true
		return
	case last:
		r.fail(reason)
		return
	}
	r.next.Due = w.backOff(now, r.next.Attempts)
}

func isThrottled(err error) bool {
	_, ok := errors.AsType[*ThrottledError](err)
	return ok
}
