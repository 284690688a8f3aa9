package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"journeys/internal/progress"
	"journeys/internal/target"
	"journeys/internal/trail"
)

// targetTries bounds the attempts at a write of a target that others change too.
const targetTries = 5

// share returns how many workers may hold a lease of a slow target.
func (e *Engine) share() int {
	return max(e.Workers/4, 1)
}

// targets is what a worker knows of targets. Its effects use it concurrently.
type targets struct {
	mu      sync.Mutex
	states  target.States        // as stored
	local   target.States        // open for this worker, though that could not be written
	shown   map[string]shown     // by this worker's effects, and not written yet
	probing map[string]bool      // this worker may begin one effect at a time
	leases  map[string]time.Time // that this worker holds
}

// shown is what an effect has shown of its target.
type shown uint8

const (
	answered shown = iota + 1
	hung           // it timed out as a probe, or as the last of target.MaxTimeouts
)

// read takes the states that were read last; nil if they could not be read.
func (t *targets) read(states target.States) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if states == nil {
		return
	}
	t.states = states
	for name, s := range t.local {
		if states[name].Kind != target.Open {
			states[name] = s
		}
	}
}

func (t *targets) state(name string) target.State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.states[name]
}

func (t *targets) set(name string, s target.State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.states == nil {
		t.states = target.States{}
	}
	t.states[name] = s
}

// show notes what an effect has shown. That a target hung outweighs an answer.
func (t *targets) show(name string, what shown) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shown == nil {
		t.shown = map[string]shown{}
	}
	t.shown[name] = max(t.shown[name], what)
}

// hangs reports whether a target has hung during this round.
func (t *targets) hangs(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown[name] == hung
}

// take returns what was shown since the last take.
func (t *targets) take() map[string]shown {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.shown
	t.shown = nil
	return all
}

// admit lets the effects of the runs begin whose targets take them now: they are deciding
// or claiming then. A run whose target takes none, and gives it no slot, is held. Runs that
// wait for the probe of this worker, or for their slots, stay gated.
func (w *worker) admit(ctx context.Context, runs []*run) {
	var names []string
	groups := map[string][]*run{}
	for _, r := range runs {
		if len(groups[r.target.Name]) == 0 {
			names = append(names, r.target.Name)
		}
		groups[r.target.Name] = append(groups[r.target.Name], r)
	}
	for _, name := range names {
		passed := w.pass(ctx, name, groups[name])
		if len(passed) > 0 && passed[0].target.Rate > 0 {
			w.takeSlots(ctx, passed[0].target, passed)
		}
		w.each(ctx, w.beginning(passed), w.begin)
	}
}

// begin moves a run on to its effect.
func (w *worker) begin(_ context.Context, r *run) {
	if r.state = claiming; r.decides {
		r.state = deciding
	}
}

// pass returns the runs whose target takes their effects now, and holds the others.
func (w *worker) pass(ctx context.Context, name string, runs []*run) []*run {
	if name == "" {
		return runs
	}
	for range targetTries {
		now := w.now()
		state := w.targets.state(name)
		lease := w.targets.leases[name]
		gate, until := state.Gate(now, w.share(), lease)
		switch {
		case state.Kind == target.Open && w.targets.probing[name]:
			return []*run{probe(runs)}
		case gate == target.Pass:
			return runs
		case gate == target.Wait:
			w.holdAll(runs, state.Kind, until)
			return nil
		case gate == target.Probe:
			end := now.Add(min(w.Provider.Timeout()+LeaseMargin, MaxLease))
			if ok, _ := w.put(ctx, name, state, state.Probing(end)); ok {
				w.targets.probing[name] = true
			}
		case gate == target.Lease:
			end := w.end(ctx)
			if ok, _ := w.put(ctx, name, state, state.Leased(now, end)); ok {
				w.targets.leases[name] = end
			}
		}
	}
	w.holdAll(runs, target.Limited, w.now().Add(firstBackOff)) // others change it all the time
	return nil
}

// probe returns the run that probes a target: the one whose slot comes first, if some have
// slots.
func probe(runs []*run) *run {
	first := runs[0]
	for _, r := range runs {
		if !r.slot.IsZero() && (first.slot.IsZero() || r.slot.Before(first.slot)) {
			first = r
		}
	}
	return first
}

// end returns when the invocation ends at the latest.
func (w *worker) end(ctx context.Context) time.Time {
	limit := target.MaxLease
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	return w.now().Add(limit).Truncate(time.Millisecond)
}

// put replaces the state of a target, and reports whether it did. The worker knows the
// stored state afterwards, and goes by what it knew after an error.
func (w *worker) put(ctx context.Context, name string, old, next target.State) (bool, error) {
	stored, ok, err := w.Table.PutTarget(ctx, name, old, next)
	if err != nil {
		w.Log.WarnContext(ctx, "target not written", "target", name, "error", err)
		return false, err
	}
	w.targets.set(name, stored)
	return ok, nil
}

// change replaces the state of a target by what becomes of the stored one, unless that is
// false. It reports whether it did.
func (w *worker) change(ctx context.Context, name string, become func(target.State) (target.State, bool)) bool {
	for range targetTries {
		state := w.targets.state(name)
		next, ok := become(state)
		if !ok {
			return false
		}
		if done, err := w.put(ctx, name, state, next); done || err != nil {
			return done
		}
	}
	return false
}

// holdAll holds runs whose target takes no effects before then. A decision whose node goes
// on without an answer does so at once if its target is open, as if that had timed out.
func (w *worker) holdAll(runs []*run, kind target.Kind, until time.Time) {
	for _, r := range runs {
		if r.decides && kind == target.Open && !r.graph.Decision(r.next.Node).FailOnError {
			r.in.Answer = progress.Answer{Result: trail.EffectError}
			r.state, r.hasAnswer = stepping, true
			continue
		}
		w.holdUntil(r, until)
	}
}

// holdUntil holds r until then, or longer if it has waited long.
func (w *worker) holdUntil(r *run, until time.Time) {
	now := w.now()
	due := target.Postponed(now, r.next.Since, until)
	w.hold(r, due.Add(time.Duration(w.Jitter()*float64(due.Sub(now))/5)))
	w.held.Add(1)
}

// hold prepares the write that moves r's due time because its effect does not begin now,
// or was throttled. That is no attempt: a claim is given back. An open doubt about an
// earlier attempt remains.
func (w *worker) hold(r *run, due time.Time) {
	now := w.now()
	if r.state == sending {
		r.next = r.stored.NextWrite(now)
	}
	r.state, r.slot = recording, time.Time{}
	r.endAttempt(false)
	r.dropLease(now)
	r.next.Due = due.Truncate(time.Millisecond)
}

// heldBack holds r if, since its effect was admitted, its target has hung or its slot has
// passed.
func (w *worker) heldBack(r *run) bool {
	switch {
	case w.targets.hangs(r.target.Name):
		w.holdAll([]*run{r}, target.Open, w.now().Add(target.FirstWait))
	case r.missed(w.now()):
		w.stand(r, w.now().Add(comeBack))
	default:
		return false
	}
	return true
}

// observe notes how an effect ended that could take up to limit.
func (w *worker) observe(r *run, limit time.Duration, began time.Time, called bool, err error) {
	name, now := r.target.Name, w.Now()
	if name == "" || !called || errors.Is(err, ErrNotCalled) || errors.Is(err, context.Canceled) {
		return
	}
	took := now.Sub(began)
	probes := w.targets.state(name).Kind == target.Open
	switch {
	case !errors.Is(err, ErrTimedOut):
		w.watch.Answered(name, took, now)
		w.targets.show(name, answered)
	case limit < target.SlowAfter:
		// A short limit of one node says little about a target that others share, and
		// a time-out after it holds no worker for long.
	case w.watch.TimedOut(name, took, now), probes:
		w.targets.show(name, hung)
	}
}

// called reports whether a message's target was called.
func called(answer progress.Answer) bool {
	return answer.Result != trail.SkippedNoAddress && answer.Result != trail.SkippedUncertain
}

// settle writes what the effects of a round have shown of their targets.
func (w *worker) settle(ctx context.Context) {
	for name, what := range w.targets.take() {
		state := w.targets.state(name)
		switch {
		case what == hung:
			w.open(ctx, name)
		case state.Kind == target.Open && w.targets.probing[name]:
			delete(w.targets.probing, name)
			if w.release(ctx, name, target.Open) {
				w.Log.InfoContext(ctx, "target closed: a probe was answered", "target", name)
			}
			w.watch.Forget(name)
		case state.Kind == target.Closed && w.watch.Slow(name):
			w.limit(ctx, name)
		case state.Kind == target.Limited && w.watch.Quick(name):
			if w.release(ctx, name, target.Limited) {
				w.Log.InfoContext(ctx, "target no longer limited: it answers fast", "target", name)
			}
			w.watch.Forget(name)
		}
	}
}

// release closes a target that is still of that kind: another worker may have opened a
// limited one meanwhile.
func (w *worker) release(ctx context.Context, name string, kind target.Kind) bool {
	return w.change(ctx, name, func(s target.State) (target.State, bool) {
		closed, _ := s.Closed()
		return closed, s.Kind == kind
	})
}

// open opens a target. If that cannot be written, the target is open for this worker.
func (w *worker) open(ctx context.Context, name string) {
	now := w.now()
	delete(w.targets.probing, name)
	message := "target opened: timed out 5 times"
	if w.targets.state(name).Kind == target.Open {
		message = "target stays open: a probe timed out"
	}
	opened := w.change(ctx, name, func(s target.State) (target.State, bool) { return s.Opened(now) })
	w.watch.Forget(name)
	state := w.targets.state(name)
	if opened {
		w.Log.WarnContext(ctx, message, "target", name, "until", state.Until)
	} else if local, ok := state.Opened(now); ok {
		w.targets.set(name, local)
		if w.targets.local == nil {
			w.targets.local = target.States{}
		}
		w.targets.local[name] = local
	}
}

// limit limits a target that answers slowly. This worker holds the first lease.
func (w *worker) limit(ctx context.Context, name string) {
	end := w.end(ctx)
	if w.change(ctx, name, func(s target.State) (target.State, bool) { return s.Limited(end) }) {
		w.targets.leases[name] = end
		w.Log.WarnContext(ctx, "target limited: its answers take long", "target", name)
	}
	w.watch.Forget(name)
}

// leaveTargets gives back what the worker holds of targets.
func (w *worker) leaveTargets(ctx context.Context) {
	for name, end := range w.targets.leases {
		w.change(ctx, name, func(s target.State) (target.State, bool) { return s.Released(end) })
	}
	for name := range w.targets.probing {
		w.change(ctx, name, func(s target.State) (target.State, bool) {
			return s.Probing(time.Time{}), s.Kind == target.Open && !s.Probe.IsZero()
		})
	}
}

// targetsOpen returns how many targets the worker knows to be open. One that was not
// probed for an hour is not used any more, as if it was removed from the settings.
func (w *worker) targetsOpen() (n int) {
	for _, s := range w.targets.states {
		if s.Kind == target.Open && w.now().Sub(s.Until) < time.Hour {
			n++
		}
	}
	return n
}
