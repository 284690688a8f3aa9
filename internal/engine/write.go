package engine

import (
	"context"
	"errors"

	"journeys/internal/journey"
	"journeys/internal/progress"
)

// write writes the runs' next revisions in one call, and moves each run to its
// next state. A run whose write was lost or failed is done: the next tick finds
// the customer. Runs of which an exit was requested meanwhile, or which
// have converted, are written again: with the exit and without their updates, or with the
// conversion.
func (w *worker) write(ctx context.Context, runs []*run) {
	if len(runs) == 0 {
		return
	}
	for _, r := range runs {
		if r.next.Node != r.stored.Node {
			r.graph.BeginWait(&r.next, w.now())
		}
	}
	var again []*run
	for i, err := range w.store(ctx, runs) {
		r := runs[i]
		pending, ok := errors.AsType[*journey.ExitPendingError](err)
		switch {
		case ok:
			r.obey(pending)
			again = append(again, r)
		case errors.Is(err, errLiveTooOld): // the next round reads the journey again
		case errors.Is(err, ErrProfileChanged):
			if r.redo(); r.state == recording {
				again = append(again, r)
			}
		case errors.Is(err, journey.ErrLost):
			w.counts.lost++
			r.state = done
		case err != nil:
			w.counts.unknown++
			w.Log.WarnContext(ctx, "enrollment not written", "journey", w.pack.Journey, "error", err)
			r.state = done
		default:
			w.written(r)
		}
	}
	w.write(ctx, again)
}

// written moves r to the state that follows its write.
func (w *worker) written(r *run) {
	w.counts.written++
	if r.doubt.report {
		w.counts.uncertain++
		r.doubt.report = false
	}
	if r.change != nil {
		r.profile, r.change = r.change.profile, nil
	}
	arrived := r.next.Node != r.stored.Node
	r.holdsLease, r.hasAnswer = r.state == claiming, false
	r.in.Events = nil // a wait must be looked at after it is written
	r.next.PendingConversion = progress.Stamp{}
	r.stored = r.next
	switch {
	case r.holdsLease:
		r.state = sending
	case r.stored.Status != progress.Inside:
		r.state = done
		if r.stored.Status == progress.Failed {
			w.counts.failed++
		}
	case r.graph.Awaits(r.stored.Node) != nil:
		r.state = done // its event was looked for before
		if arrived {
			r.state = readingEvents
		}
	case !r.stored.Due.After(w.now()): // a wait that is already over, or a claim given back
		r.next, r.state = r.stored.NextWrite(w.now()), stepping
	default:
		r.state = done
	}
}
