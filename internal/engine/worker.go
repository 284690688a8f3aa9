package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/consent"
	"journeys/internal/emf"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/target"
)

// worker is one invocation of Advance.
type worker struct {
	*Engine
	pack   Pack
	live   Live
	liveAt time.Time // live was read at this time or later

	settings   consent.TenantSettings
	settingsAt time.Time // settings were read at this time or later

	runs   []*run
	unread Unread           // why customers were passed over
	broken map[string]error // why definitions cannot be read, by hash
	counts struct{ loaded, written, lost, unknown, failed, uncertain, unknownZones int }

	sent map[string]bool // channels that sent and report what became of it

	putOff  atomic.Int64 // customers whose effect was not begun because time was short
	held    atomic.Int64 // customers whose effect was not begun because of its target
	watch   *target.Watch
	targets *targets
	waited  time.Duration // for slots: the line of the target bounds that, and not the tenant's cost
}

// Advance moves the customers of a pack as far as they can go now. Running the
// same pack twice, at once or later, carries out each effect once: the worker
// that writes a customer's next revision owns the customer. Advance returns an
// error if something that the whole pack needs could not be read. Customers that
// could not be written, or whose data cannot be read, are left for the next tick. If
// the engine is Paused, it leaves all of them.
func (e *Engine) Advance(ctx context.Context, pack Pack) error {
	if e.Paused {
		e.Log.InfoContext(ctx, "pack left: installation paused", "journey", pack.Journey)
		return nil
	}
	if e.leave(ctx, pack) {
		return nil
	}
	liveAt := e.now()
	w := &worker{Engine: e, pack: pack, liveAt: liveAt, broken: map[string]error{}, sent: map[string]bool{}}
	if e.Watch != nil {
		whole := ctx
		defer func() { e.noteCost(whole, pack, e.now().Sub(liveAt)-w.waited) }()
	}
	ctx, cancel := e.bounded(ctx, pack)
	defer cancel()
	loaded, err := e.Table.Load(ctx, pack.Tenant, pack.Journey, pack.Customers)
	unread, err := splitUnread(err)
	if err != nil {
		return err
	}
	w.unread = unread
	defer w.logUnread(ctx)
	live := loaded.Live
	if live == nil && errors.Is(unread.Err(), journey.ErrNewer) {
		return nil // a retry would meet the same items
	}
	if live == nil {
		return unread.Err()
	}
	w.live = *live
	w.settings, w.settingsAt = loaded.Tenant, liveAt
	w.watch = cmp.Or(e.Watch, &target.Watch{})
	w.targets = &targets{states: loaded.Targets, leases: map[string]time.Time{}, probing: map[string]bool{}}
	if err := w.load(ctx, loaded.Enrollments); err != nil {
		return err
	}
	err = w.moveAll(ctx)
	w.tellChannels(ctx)
	w.report(ctx)
	return err
}

// load starts a run for each enrollment that has something to do.
func (w *worker) load(ctx context.Context, list []progress.Enrollment) error {
	for _, e := range list {
		r, err := w.start(ctx, e)
		if journey.Unreadable(err) {
			w.unread = append(w.unread, err)
			continue
		}
		if err != nil {
			return err
		}
		if r.state != done {
			w.runs = append(w.runs, r)
		}
	}
	w.counts.loaded = len(w.runs)
	if w.pack.Solo {
		w.countAhead(ctx)
	}
	return w.readEvents(ctx, w.inState(readingEvents))
}

// start returns a run of e in its first state, done if there is nothing to do. It
// returns ErrDamaged or ErrNewer if e's graph cannot be read, ErrDamaged if that does
// not have e's node.
func (w *worker) start(ctx context.Context, e progress.Enrollment) (*run, error) {
	r := &run{stored: e, next: e.NextWrite(w.now()), state: done}
	switch {
	case e.Status != progress.Inside || e.LeaseUntil.After(w.now()):
		return r, nil
	case e.PendingExit != progress.ExitRequest{}:
		r.leave(e.PendingExit)
		return r, nil
	case e.Epoch < w.live.Epoch:
		r.leave(progress.ExitRequest{Reason: w.live.Reason})
		return r, nil
	}
	var err error
	if r.graph, err = w.graph(ctx, e.GraphHash); err != nil {
		return nil, err
	}
	if err = r.graph.CheckNode(e); err != nil {
		return nil, fmt.Errorf("%w: %w", journey.ErrDamaged, err)
	}
	now := w.now()
	if !w.live.On {
		return r, nil
	}
	r.doubt.open = !e.LeaseUntil.IsZero()
	switch {
	case r.graph.Awaits(e.Node) != nil:
		r.state = readingEvents
	case !e.Due.After(now), e.InLine:
		r.state = stepping
	}
	return r, nil
}

// graph returns a compiled graph of the journey. A definition that cannot be read is
// tried only once per worker.
func (w *worker) graph(ctx context.Context, hash string) (*progress.Graph, error) {
	if err := w.broken[hash]; err != nil {
		return nil, err
	}
	d, err := w.Definitions.Get(w.pack.Tenant, w.pack.Journey, hash, func() ([]byte, error) {
		return w.Table.Definition(ctx, w.pack.Tenant, w.pack.Journey, hash)
	})
	if journey.Unreadable(err) {
		w.broken[hash] = err
	}
	return d.Graph, err
}

// moveAll works in rounds until all runs are done or time is nearly up. The answers
// that have arrived are then written, unless the journey was paused: see pause.
func (w *worker) moveAll(ctx context.Context) (err error) {
	for len(w.runs) > 0 && ctx.Err() == nil && err == nil && !nearEnd(ctx) {
		err = w.round(ctx)
		w.runs = slices.DeleteFunc(w.runs, func(r *run) bool { return r.state == done })
	}
	w.each(ctx, w.inState(stepping), w.step)
	if !w.live.On {
		w.pause()
	}
	w.stopEffects()
	w.write(ctx, w.inState(recording, leaving))
	w.leaveTargets(ctx)
	return err
}

// round moves the runs on. Reads and decisions come first, so that the runs
// that need a write share one request; a round ends early to step the runs whose
// profiles or decisions have arrived.
func (w *worker) round(ctx context.Context) error {
	w.each(ctx, w.inState(stepping), w.step)
	if runs := w.inState(readingProfile); len(runs) > 0 {
		return w.readProfiles(ctx, runs)
	}
	if w.paused(ctx) {
		w.pause()
	}
	w.admit(ctx, w.gated(true))
	if runs := w.inState(deciding); len(runs) > 0 {
		w.each(ctx, runs, w.decide)
		w.settle(ctx)
		return nil
	}
	w.admit(ctx, w.gated(false))
	for _, r := range w.gated(false) {
		if r.hasAnswer {
			r.state = recording // its lease could end before its slot comes
		}
	}
	if err := w.claimMessages(ctx, w.inState(claiming)); err != nil {
		return err
	}
	w.write(ctx, w.inState(claiming, recording, leaving))
	w.noteMessages(ctx, w.inState(sending))
	messages := w.inState(sending)
	slices.SortStableFunc(messages, func(a, b *run) int { return a.slot.Compare(b.slot) })
	if n := len(messages); n > 0 {
		w.waited += max(messages[n-1].slot.Sub(w.now()), 0)
	}
	w.each(ctx, messages, w.send)
	w.noteChannels(messages)
	w.settle(ctx)
	w.awaitSlots(ctx)
	return w.readEvents(ctx, w.inState(readingEvents))
}

// gated returns the runs whose decisions, or whose messages, wait for their targets.
func (w *worker) gated(decides bool) []*run {
	return slices.DeleteFunc(w.inState(gated), func(r *run) bool { return r.decides != decides })
}

// inState returns the runs that are in one of the states.
func (w *worker) inState(states ...state) []*run {
	var list []*run
	for _, r := range w.runs {
		if slices.Contains(states, r.state) {
			list = append(list, r)
		}
	}
	return list
}

// each calls f for every run, at most Parallel at a time. A panic counts as a
// failed attempt of its own run.
func (w *worker) each(ctx context.Context, runs []*run, f func(context.Context, *run)) {
	var group errgroup.Group
	group.SetLimit(w.Parallel)
	for _, r := range runs {
		group.Go(func() error {
			defer w.catchPanic(ctx, r)
			f(ctx, r)
			return nil
		})
	}
	_ = group.Wait() // f returns no error
}

// catchPanic turns a panic of r into a failed attempt.
func (w *worker) catchPanic(ctx context.Context, r *run) {
	cause := recover()
	if cause == nil {
		return
	}
	w.Log.ErrorContext(ctx, "run panicked", "journey", w.pack.Journey,
		"panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	r.restart(w.now())
	w.postpone(ctx, r, fmt.Errorf("panic: %v", cause), reasonInternal)
}

// report writes the log line of the invocation, with its metrics.
func (w *worker) report(ctx context.Context) {
	w.measure(ctx, "advance",
		[]emf.Metric{emf.CountMetric("CustomersMoved", w.counts.written), emf.CountMetric("CustomersFailed", w.counts.failed),
			emf.CountMetric("MessagesUncertain", w.counts.uncertain), emf.CountMetric("TargetsOpen", w.targetsOpen())},
		slog.String("tenant", w.pack.Tenant.String()), slog.String("journey", string(w.pack.Journey)),
		slog.Int("customers", len(w.pack.Customers)), slog.Int("loaded", w.counts.loaded),
		slog.Int("lost", w.counts.lost), slog.Int("unknown", w.counts.unknown),
		slog.Int("uncertain", w.counts.uncertain), slog.Int64("putOff", w.putOff.Load()), slog.Int64("held", w.held.Load()),
		slog.Int("unknownZones", w.counts.unknownZones), slog.Bool("solo", w.pack.Solo))
}

// logUnread logs why customers were passed over.
func (w *worker) logUnread(ctx context.Context) {
	w.logDamaged(ctx, "enrollments passed over", w.unread, "tenant", w.pack.Tenant.String(), "journey", w.pack.Journey)
}
