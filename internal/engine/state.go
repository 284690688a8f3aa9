package engine

import (
	"context"
	"slices"
	"time"

	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// Why an enrollment failed, as callers see it.
const (
	reasonCrashed    = "worker_crashed"
	reasonInternal   = "internal_error"
	reasonIncomplete = "graph_not_whole"
	reasonDecision   = "decision_failed"
	reasonSend       = "send_failed"
)

// state is what a run does next. A worker moves all its runs in rounds (see
// round), so that runs in the same state share a request where one can be shared.
//
//	            ┌────────────────────────────────────────┐ read, answered, sent
//	            v                                        │
//	load ──> stepping ──┬──> readingProfile ─────────────┤
//	  │         ^       ├──> readingEvents ──────────────┤
//	  │         │       ├──> gated ┬─> deciding ─────────┤
//	  │         │       │     │    └─> claiming ─> sending
//	  │         │       │     │ held        │ failed, throttled, held (deciding too)
//	  │         │       │     v             v
//	  │         │       └──────────> recording ──> done, or stepping if still due
//	  │         │                          │ entered a wait for an event
//	  ├──> readingEvents <─────────────────┘
//	  └──> leaving ──> done
//
// The transitions, and what their writes change:
//
//	state          event                                    next state      written
//	stepping       still waits                              done
//	               needs the profile                        readingProfile
//	               needs events                             readingEvents, or recording if it has an answer
//	               reached a decision or a message          gated
//	               waits, left, or failed                   recording
//	               entered a wait that needs the profile    recording
//	readingProfile read                                     stepping
//	               cannot be read                           done, or recording to give back an attempt
//	gated          its target takes effects, a decision     deciding
//	               its target takes effects, a message      claiming
//	               its target takes none now                recording       Due; it is held, which is no attempt
//	               its target is open, a decision whose
//	               node goes on without                     stepping
//	               another run of the pack probes first,
//	               or its slot is not near                  gated
//	deciding       answered, or the node goes on without    stepping
//	               failed, or throttled                     recording
//	claiming       its customer or address wants none       stepping
//	               its consent cannot be read               done, or recording
//	               its consent was read too long ago        claiming
//	               written                                  sending         Attempts, LeaseUntil
//	sending        it was claimed late, or its record
//	               cannot be stored                         recording       Due, and the claim is given back
//	               sent, skipped, or failed for good where
//	               the node goes on without                 stepping
//	               failed, throttled, or time is short      recording
//	               its target has hung meanwhile, or its
//	               slot has passed                          recording       Due, and the claim is given back
//	recording      written: entered a wait for an event     readingEvents   position, Due, result
//	               written: still due                       stepping
//	               written: anything else                   done
//	leaving        written                                  done            cancelled
//	readingEvents  read                                     stepping
//	               the event cannot be read                 done, or recording to give back an attempt
//
//	stepping passes an update_customer: the profile is written in one transaction with
//	the next write of the run, whatever that is
//	writing a profile that has changed meanwhile -> readingProfile, at the update_customer;
//	an answer that is not written is recorded there first
//	claiming, recording, leaving: another worker wrote first, or the write failed -> done
//	claiming, recording: an exit was requested meanwhile -> leaving, in the same round
//	stepping, gated, deciding, claiming: the effect and the write after it do not fit into
//	the invocation's time -> recording if the run has an answer that is not written,
//	otherwise done
//	any but leaving: the journey was paused or ended -> done, but recording if the
//	run holds a lease, as the result of its message must be written
//	any: panic -> recording, as a failed attempt at the effect of the stored node
//
// The result of an effect is written together with what follows it: the next
// claim, or the wait, exit or failure that comes first.
type state uint8

const (
	stepping state = iota
	readingProfile
	gated // waits for its target
	deciding
	claiming  // its next revision takes the lease of a message
	recording // its next revision holds no lease
	leaving   // its next revision ends it: the journey was archived or deleted, or an exit was requested
	sending   // its stored revision holds the lease of the message
	readingEvents
	done
)

// run is one customer of a pack on the way through the journey.
type run struct {
	stored     progress.Enrollment // as read, or as written last
	next       progress.Enrollment // as it will be written next
	graph      *progress.Graph     // nil when leaving from the start
	in         progress.Input
	profile    journey.Profile // as stored, if in.HasAttributes
	change     *change         // of the profile, with the next write; nil for none
	redone     int             // how often updates were repeated
	state      state
	target     Target    // of its effect
	decides    bool      // its effect is a decision
	consentAt  time.Time // the settings, and what was read of its consent, are of this time or later
	slot       time.Time // when its message may be sent, and claimed a little earlier; zero for none
	holdsLease bool      // this worker wrote stored as a claim
	hasAnswer  bool      // next holds an answer of a decision or message that is not written
	putOff     bool      // its effect was put off
	counted    counted
	aheadRev   int64 // stored revision that counted an attempt ahead; 0 for none
	doubt      doubt
	message    message.ID // of its message, while it is sending
	url        string     // by which the recipient of that message unsubscribes; "" for none
}

// doubt is about messages of which it is unknown whether they were sent.
type doubt struct {
	open   bool // an earlier attempt at the present effect may have been carried out
	report bool // the next write counts a message as uncertain
}

// step runs the step function, and moves r to the state that its answer calls for.
func (w *worker) step(ctx context.Context, r *run) {
	node, answered := r.next.Node, !r.in.Answer.Value.Missing()
	effect := r.step(w.now())
	if answered && r.failedAt(node) {
		w.Log.WarnContext(ctx, "answer not kept: too long", "journey", w.pack.Journey, "node", r.graph.NodeID(node), "limit", progress.MaxKept)
	}
	for updates := 0; effect == progress.NeedUpdate && r.in.HasAttributes; updates++ {
		if updates > r.graph.Len() { // only a draft can have a cycle
			effect = progress.Stuck
			break
		}
		r.update(w.now())
		effect = r.step(w.now())
	}
	switch {
	case effect == progress.Stuck:
		r.fail(reasonIncomplete + ": " + r.graph.StopReason(r.next.Node))
	case effect == progress.NoEffect && r.stillWaits():
		r.state = done
	case effect == progress.NoEffect:
		if r.next.Node == r.stored.Node && r.next.Status == progress.Inside {
			r.endAttempt(false) // a wait whose date has changed is no attempt
		}
		r.state = recording
	case r.next.OnProfile && r.next.Node != r.stored.Node:
		r.state, r.in.HasAttributes = recording, false // the profile is read after the wait is stored
	case effect == progress.NeedEvents && r.hasAnswer:
		r.state = recording // a read may fail, and the answer must not be lost
	case effect == progress.NeedEvents:
		r.state = readingEvents
	case !r.in.HasAttributes:
		r.state = readingProfile
	case effect == progress.NeedDecision:
		r.target, r.decides = w.Provider.DecisionTarget(w.pack.Tenant, r.graph.Decision(r.next.Node).FlowID), true
		r.state = gated
	case !fits(ctx, w.Provider.Timeout()):
		w.putEffectOff(r) // a claim would only have to be given back
	default:
		r.target, r.decides = w.Provider.ChannelTarget(w.pack.Tenant, r.graph.Action(r.next.Node).Channel), false
		r.state = gated
	}
}

// failedAt reports whether r left the node with an error.
func (r *run) failedAt(node int) bool {
	return slices.ContainsFunc(r.next.Path.Visits(r.next.EnrolledAt), func(v trail.Visit) bool {
		return v.Node == node && v.Result == trail.EffectError
	})
}

// step runs the step function, which consumes the answer in r.in.
func (r *run) step(now time.Time) progress.EffectKind {
	r.in.Now = now
	before := r.next.Node
	e, effect := r.graph.Step(r.next, r.in)
	if e.Node != before {
		r.counted, r.doubt.open, r.slot = uncounted, false, time.Time{}
	}
	r.next, r.in.Answer = e, progress.Answer{}
	return effect
}

// stillWaits reports whether a step has changed nothing.
func (r *run) stillWaits() bool {
	return r.next.Status == progress.Inside && r.next.Node == r.stored.Node && r.next.Due.Equal(r.stored.Due)
}

// fail ends the enrollment with the next write.
func (r *run) fail(reason string) {
	r.next, r.state = r.next.Fail(reason), recording
}

// leave makes the next write end the enrollment. A message whose lease has
// ended without a result may have been sent.
func (r *run) leave(exit progress.ExitRequest) {
	r.doubt.report = !r.stored.LeaseUntil.IsZero()
	r.next, r.state = r.next.Leave(exit), leaving
}

// obey adds a conversion and an exit to the next write, which was refused because they had
// been requested meanwhile. What the write records of a message stays in it.
func (r *run) obey(pending *journey.ExitPendingError) {
	leaves := pending.Exit != progress.ExitRequest{}
	if leaves {
		r.undoUpdates()
	}
	if pending.Conversion != (progress.Stamp{}) {
		r.next = r.next.Convert(pending.Conversion.At)
		r.next.PendingConversion = pending.Conversion
	}
	if !leaves {
		return
	}
	if r.next.Status == progress.Inside || r.next.Status == progress.Failed {
		r.next = r.next.Leave(pending.Exit)
	}
	r.next.PendingExit = pending.Exit
	r.state = leaving
}

// restart drops what r did since its last write.
func (r *run) restart(now time.Time) {
	r.next = r.stored.NextWrite(now)
	r.change, r.in.HasAttributes, r.slot = nil, false, time.Time{}
	r.doubt.open = !r.stored.LeaseUntil.IsZero()
	r.restartAttempt()
}

// dropLease ends the lease of the next revision. An open doubt stays on record as
// a lease that has ended.
func (r *run) dropLease(now time.Time) {
	r.next.LeaseUntil = time.Time{}
	if r.doubt.open {
		r.next.LeaseUntil = now
	}
}
