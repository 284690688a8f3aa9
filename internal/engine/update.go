package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"journeys/internal/journey"
	"journeys/internal/progress"
)

// ErrProfileChanged means that another write changed the profile after it was read.
var ErrProfileChanged = errors.New("engine: the profile has changed since it was read")

// maxRedone bounds how often a run repeats its updates because the profile has changed.
const maxRedone = 10

// change is what a run's update_customer nodes have made of the profile since its last
// write. The next write stores the profile and the enrollment in one transaction, so that
// an update is made exactly once, with the move beyond its node.
type change struct {
	before  run             // the run at the first of these nodes
	rev     int64           // of the stored profile
	profile journey.Profile // the one to store
	err     error           // of the write
}

// update makes the change of the update_customer at which r stands. An update without
// effect needs no write of the profile.
func (r *run) update(now time.Time) {
	attributes, result := r.graph.Update(&r.next, r.in.Attributes)
	changed := attributes.AppendJSON(nil)
	if !bytes.Equal(changed, r.in.Attributes.AppendJSON(nil)) {
		if r.change == nil {
			r.change = &change{before: *r, rev: r.profile.Rev}
			r.change.before.next.Delta = slices.Clone(r.next.Delta) // a step changes it in place
		}
		r.change.profile = r.profile.Next(r.next.Customer, changed, now)
		r.in.Attributes = attributes
	}
	r.in.Answer = progress.Answer{Result: result}
}

// undoUpdates returns r to the first update_customer that is not written, if there is one.
func (r *run) undoUpdates() {
	if r.change != nil {
		redone := r.redone
		*r = r.change.before
		r.redone = redone
	}
}

// redo makes r read the changed profile again and repeat its updates. An answer that is
// not written is recorded first. After maxRedone attempts the customer is left to the
// next tick.
func (r *run) redo() {
	r.undoUpdates()
	r.in.HasAttributes = false
	r.redone++
	switch {
	case r.hasAnswer:
		r.state = recording
	case r.redone > maxRedone:
		r.state = done
	default:
		r.state = readingProfile
	}
}

var (
	errNotWritten = errors.New("engine: the write of an enrollment panicked")
	errLiveTooOld = errors.New("engine: the journey or a consent was read too long ago to claim a message")
)

// wakeWaits makes the customer's waits in other journeys due whose end depends on the
// profile, unless it was certainly not written. This journey's own wait reads it anyway.
func (w *worker) wakeWaits(ctx context.Context, r *run) {
	if errors.Is(r.change.err, journey.ErrLost) || errors.Is(r.change.err, ErrProfileChanged) || w.ProfileWritten == nil {
		return
	}
	if err := w.ProfileWritten(ctx, w.pack.Tenant, r.next.Customer, w.pack.Journey, r.change.profile.Rev); err != nil {
		w.Log.WarnContext(ctx, "waits not woken: they end as the profile was", "journey", w.pack.Journey, "error", err)
	}
}

// store writes the runs' next revisions and returns an error for each, as
// Table.Advance does: first those that change no profile, in one call, and then the
// others one by one.
func (w *worker) store(ctx context.Context, runs []*run) []error {
	var changing []*run
	var list []progress.Enrollment
	var plain []int // indexes of those in list
	errs := make([]error, len(runs))
	changes := make([]*change, len(runs))
	for i, r := range runs {
		changes[i] = r.change
		switch {
		case r.change != nil:
			r.change.err = errNotWritten
			changing = append(changing, r)
		case w.readTooOld(r):
			errs[i] = errLiveTooOld
		default:
			list, plain = append(list, r.next), append(plain, i)
		}
	}
	if len(list) > 0 {
		for i, err := range w.Table.Advance(ctx, w.pack.Tenant, w.live.Shards, list) {
			errs[plain[i]] = err
		}
	}
	w.each(ctx, changing, func(ctx context.Context, r *run) {
		if w.readTooOld(r) {
			r.change.err = errLiveTooOld
			return
		}
		r.change.err = w.Table.AdvanceWithProfile(ctx, w.pack.Tenant, w.live.Shards, r.next, r.change.profile, r.change.rev)
		w.wakeWaits(ctx, r)
	})
	for i, c := range changes {
		if c != nil {
			errs[i] = c.err
		}
	}
	return errs
}
