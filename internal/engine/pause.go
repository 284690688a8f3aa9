package engine

import (
	"context"
	"slices"
)

// paused reports whether the journey was paused or ended since the pack began.
// If effects are about to begin, it reads the journey again, at most once per
// LiveFor.
func (w *worker) paused(ctx context.Context) bool {
	now := w.now()
	if !w.live.On || now.Sub(w.liveAt) <= LiveFor || !slices.ContainsFunc(w.runs, (*run).needsLive) {
		return !w.live.On
	}
	loaded, err := w.Table.Load(ctx, w.pack.Tenant, w.pack.Journey, nil)
	if err != nil {
		w.Log.WarnContext(ctx, "pack stopped: journey not read", "journey", w.pack.Journey, "error", err)
	}
	live := loaded.Live
	w.liveAt = now
	w.settings, w.settingsAt = loaded.Tenant, now
	w.live.On = err == nil && live != nil && live.On && live.Epoch == w.live.Epoch
	w.targets.read(loaded.Targets)
	return !w.live.On
}

// needsLive reports whether r's next write or request needs an active journey.
func (r *run) needsLive() bool { return r.beginsEffect() || r.change != nil }

// beginsEffect reports whether r's effect would begin now.
func (r *run) beginsEffect() bool {
	return r.state == gated || r.state == claiming || r.state == deciding
}

// pause stops new effects and moves. Results of claimed messages are still written,
// and customers that must leave still leave. All others stay due where they are
// stored: a decision that was answered meanwhile is asked again, with the same key.
func (w *worker) pause() {
	for _, r := range w.runs {
		if r.state != leaving && !r.holdsLease {
			r.state = done
		}
	}
	w.stopEffects()
}

// stopEffects puts off every effect that is about to begin, and the runs that would
// read a profile for one.
func (w *worker) stopEffects() {
	for _, r := range w.runs {
		if r.beginsEffect() || r.state == readingProfile {
			w.putEffectOff(r)
		}
	}
}
