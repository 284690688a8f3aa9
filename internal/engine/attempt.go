package engine

import (
	"context"

	"journeys/internal/progress"
)

// counted says which write counts a run's present attempt at an effect.
//
// Enrollment.Attempts counts attempts at the effect of the present node. Only
// the functions of this file change it; the step function zeroes it where the
// customer enters a node. Each attempt counts once:
//
//	event                          counted before            Attempts
//	a solo pack begins             no                        +1
//	a message is claimed           no                        +1
//	it failed                      no (a decision, a panic)  +1
//	it was throttled or not begun  by its claim, or ahead    -1
type counted uint8

const (
	uncounted    counted = iota
	countedAhead         // written by a solo pack before it began
	countedByClaim
)

// countAttempt counts an attempt that is about to begin.
func (r *run) countAttempt(by counted) {
	if r.counted == uncounted {
		r.next.Attempts++
	}
	r.counted = by
}

// endAttempt ends an attempt that failed, or, if not carriedOut, one that was
// throttled or never begun and so must not count. A failed one that was counted
// ahead stays counted for as long as the run is at the node.
func (r *run) endAttempt(carriedOut bool) {
	switch {
	case r.counted == uncounted && carriedOut:
		r.next.Attempts++
	case r.counted != uncounted && !carriedOut:
		r.next.Attempts--
	}
	if r.counted == countedByClaim || !carriedOut {
		r.counted = uncounted
	}
}

// restartAttempt returns to the attempt that the stored revision counts.
func (r *run) restartAttempt() {
	switch {
	case r.holdsLease:
		r.counted = countedByClaim
	case r.counted == countedByClaim: // the claim was not written
		r.counted = uncounted
	}
}

// countAhead writes an attempt of each run before the run begins. If a customer
// kills this process too, the count remains, and grows until the enrollment fails.
func (w *worker) countAhead(ctx context.Context) {
	for _, r := range w.runs {
		if r.state == leaving || r.stored.Due.After(w.now()) {
			continue // it carries out no effect: it leaves, or only looks for its event
		}
		first, rev := r.state, r.stored.Rev
		r.countAttempt(countedAhead)
		if r.next.Attempts > MaxCrashes {
			r.next = r.next.Fail(reasonCrashed)
		}
		r.state = recording
		w.write(ctx, []*run{r})
		if r.stored.Rev > rev && r.stored.Status == progress.Inside {
			r.aheadRev = r.stored.Rev
			r.next, r.state = r.stored.NextWrite(w.now()), first
		}
	}
}
