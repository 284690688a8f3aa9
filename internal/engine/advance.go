package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"journeys/internal/emf"
	"journeys/internal/journey"
)

// Why an enrollment failed, as callers see it.
const (
	reasonCrashed  = "worker_crashed"
	reasonInternal = "internal_error"
	reasonStuck    = "graph_not_whole"
	reasonDecision = "decision_failed"
	reasonSend     = "send_failed"
)

// need is what a run waits for.
type need uint8

const (
	needStep need = iota
	needAttributes
	needDecision
	needWrite
	needSend // claimed by the write before
	needEvent
	needNothing
)

// run is one customer of a pack on the way.
type run struct {
	base      journey.Enrollment // as it was read or written last
	e         journey.Enrollment // as it will be written next
	graph     *journey.Graph
	in        journey.Input
	need      need
	claims    bool // the write before it claims an effect
	claimed   bool // base is this worker's claim of an effect
	counted   bool // this attempt was written before the customer was touched
	uncertain bool // an earlier attempt at this effect may have been done
	doubtful  bool // its message was skipped or is sent again without knowing whether it was sent
}

// worker is one invocation of Advance.
type worker struct {
	*Engine
	pack   Pack
	live   Live
	liveAt time.Time // live is no older
	runs   []*run
	unread Unread           // why customers are passed over
	broken map[string]error // by hash: definitions that are damaged
	counts struct{ loaded, written, lost, unknown, failed, uncertain int }
}

// Advance moves the customers of a pack as far as they go now. Running it on
// the same pack twice, at once or later, does each effect once: a customer
// belongs to whoever writes their next revision. It returns an error when
// something that all of the pack need could not be read; customers that could
// not be written are left for the next tick. So are those of whom something is
// damaged.
func (e *Engine) Advance(ctx context.Context, pack Pack) error {
	liveAt := e.now()
	live, list, err := e.Table.Load(ctx, pack.Tenant, pack.Journey, pack.Customers)
	if live == nil {
		return err
	}
	unread, err := damage(err)
	if err != nil {
		return err
	}
	w := &worker{Engine: e, pack: pack, live: *live, liveAt: liveAt, unread: unread, broken: map[string]error{}}
	defer w.logUnread(ctx)
	if err := w.load(ctx, list); err != nil {
		return err
	}
	err = w.move(ctx)
	e.measure(ctx, "advance",
		[]emf.Metric{count("CustomersMoved", w.counts.written), count("CustomersFailed", w.counts.failed),
			count("MessagesUncertain", w.counts.uncertain)},
		slog.String("tenant", pack.Tenant.String()), slog.String("journey", string(pack.Journey)),
		slog.Int("customers", len(pack.Customers)), slog.Int("loaded", w.counts.loaded),
		slog.Int("lost", w.counts.lost), slog.Int("unknown", w.counts.unknown),
		slog.Int("uncertain", w.counts.uncertain), slog.Bool("solo", pack.Solo))
	return err
}

// move takes everybody on until nobody needs anything more now. Reads and
// decisions come first, so that writes are made together.
func (w *worker) move(ctx context.Context) error {
	for len(w.runs) > 0 && ctx.Err() == nil && !nearEnd(ctx) {
		w.each(ctx, w.needing(needStep), w.step)
		if runs := w.needing(needAttributes); len(runs) > 0 {
			if err := w.readAttributes(ctx, runs); err != nil {
				return err
			}
			continue
		}
		if w.over(ctx) {
			w.stop()
		}
		if runs := w.needing(needDecision); len(runs) > 0 {
			w.each(ctx, runs, w.decide)
			continue
		}
		w.write(ctx, w.needing(needWrite))
		w.each(ctx, w.needing(needSend), w.send)
		if err := w.readEvents(ctx, w.needing(needEvent)); err != nil {
			return err
		}
		w.drop()
	}
	return nil
}

// over reports whether the journey was paused, or ended, since the pack began.
// Before effects begin it asks again, unless it did within LiveFor.
func (w *worker) over(ctx context.Context) bool {
	now := w.now()
	if !w.live.On || now.Sub(w.liveAt) <= LiveFor || !slices.ContainsFunc(w.runs, (*run).begins) {
		return !w.live.On
	}
	live, _, err := w.Table.Load(ctx, w.pack.Tenant, w.pack.Journey, nil)
	if err != nil {
		w.Log.WarnContext(ctx, "pack ended, since its journey was not read again", "journey", w.pack.Journey, "error", err)
	}
	w.liveAt = now
	w.live.On = err == nil && live != nil && live.On && live.Epoch == w.live.Epoch
	return !w.live.On
}

// begins reports whether r's effect would begin now.
func (r *run) begins() bool { return r.claims || r.need == needDecision }

// stop ends the pack where it is. What became of the effects that it has
// claimed is still written; everybody else stays due for whoever comes next.
func (w *worker) stop() {
	for _, r := range w.runs {
		switch {
		case r.graph == nil: // it leaves
		case !r.claimed:
			r.claims, r.need = false, needNothing
		case r.begins():
			r.claims, r.need = false, needWrite
			r.e.Attempts, r.e.LeaseUntil = 0, time.Time{}
		}
	}
}

func (w *worker) needing(n need) []*run {
	var list []*run
	for _, r := range w.runs {
		if r.need == n {
			list = append(list, r)
		}
	}
	return list
}

// drop forgets the runs that are done.
func (w *worker) drop() {
	kept := w.runs[:0]
	for _, r := range w.runs {
		if r.need != needNothing {
			kept = append(kept, r)
		}
	}
	w.runs = kept
}

// load keeps the enrollments for which there is something to do.
func (w *worker) load(ctx context.Context, list []journey.Enrollment) (err error) {
	for _, e := range list {
		r := &run{base: e, e: e.NextWrite(w.now())}
		switch {
		case e.Status != journey.Inside:
			continue
		case e.Epoch < w.live.Epoch:
			r.e, r.need = r.e.Cancel(w.live.Reason), needWrite
		default:
			r.graph, err = w.graphOf(ctx, e)
			if errors.Is(err, journey.ErrDamaged) {
				w.unread = append(w.unread, err)
				continue
			}
			if err != nil {
				return err
			}
			if !w.begin(r) {
				continue
			}
		}
		w.runs = append(w.runs, r)
	}
	w.counts.loaded = len(w.runs)
	if w.pack.Solo {
		w.countAttempts(ctx)
	}
	return w.readEvents(ctx, w.needing(needEvent))
}

// begin tells whether there is something to do for r now, and what first.
func (w *worker) begin(r *run) bool {
	now := w.now()
	if !w.live.On || r.base.LeaseUntil.After(now) {
		return false
	}
	r.uncertain = !r.base.LeaseUntil.IsZero()
	if r.graph.AwaitedEvent(r.base.Node) != "" {
		r.need = needEvent
		return true
	}
	return !r.base.Due.After(now)
}

// logUnread tells of the customers that were passed over.
func (w *worker) logUnread(ctx context.Context) {
	w.logDamaged(ctx, "enrollments passed over", w.unread, "tenant", w.pack.Tenant.String(), "journey", w.pack.Journey)
}

// graphOf returns the graph that e follows. ErrDamaged when that cannot be read,
// or e is at none of its nodes.
func (w *worker) graphOf(ctx context.Context, e journey.Enrollment) (*journey.Graph, error) {
	graph, err := w.graph(ctx, e.GraphHash)
	if err == nil {
		err = graph.CheckNode(e)
	}
	return graph, err
}

// graph returns a graph of the journey, compiled. One that is damaged is read
// once for all who follow it.
func (w *worker) graph(ctx context.Context, hash string) (*journey.Graph, error) {
	if err := w.broken[hash]; err != nil {
		return nil, err
	}
	d, err := w.Definitions.Get(w.pack.Tenant, w.pack.Journey, hash, func() ([]byte, error) {
		return w.Table.Definition(ctx, w.pack.Tenant, w.pack.Journey, hash)
	})
	if errors.Is(err, journey.ErrDamaged) {
		w.broken[hash] = err
	}
	return d.Graph, err
}

// countAttempts writes an attempt before the customers are touched: if they
// kill this process too, the count is kept, and grows until they are failed.
func (w *worker) countAttempts(ctx context.Context) {
	for _, r := range w.runs {
		if r.graph == nil || r.base.Due.After(w.now()) {
			continue // it leaves, or only looks for its event
		}
		first, rev := r.need, r.base.Rev
		if r.e.Attempts++; r.e.Attempts > MaxCrashes {
			r.e = r.e.Fail(reasonCrashed)
		}
		r.need = needWrite
		w.write(ctx, []*run{r})
		if r.base.Rev > rev && r.base.Status == journey.Inside {
			r.e, r.need, r.counted = r.base.NextWrite(w.now()), first, true
		}
	}
}

// step moves r to what it needs next.
func (w *worker) step(_ context.Context, r *run) {
	r.in.Now = w.now()
	before := r.e.Node
	e, effect := r.graph.Step(r.e, r.in)
	if e.Node != before {
		r.counted, r.uncertain = false, false
	}
	r.e, r.in.Answer, r.in.EventAt = e, journey.Answer{}, time.Time{}
	switch {
	case effect == journey.Stuck:
		w.fail(r, reasonStuck)
	case effect == journey.NoEffect:
		r.need = needWrite
		if r.e.Status == journey.Inside && r.e.Node == r.base.Node && r.e.Due.Equal(r.base.Due) {
			r.need = needNothing // it still waits
		}
	case !r.in.HasAttributes:
		r.need = needAttributes
	case effect == journey.NeedDecision:
		r.need = needDecision
	default:
		w.claim(r)
	}
}

// claim prepares the write that makes r's message this worker's.
func (w *worker) claim(r *run) {
	if !r.counted {
		r.e.Attempts++
	}
	r.counted = false
	if r.e.Attempts > MaxCrashes {
		w.fail(r, reasonCrashed)
		return
	}
	r.e.LeaseUntil = w.now().Add(min(w.Provider.Timeout()+LeaseMargin, MaxLease))
	r.claims, r.need = true, needWrite
}

func (w *worker) fail(r *run, reason string) {
	r.e, r.need = r.e.Fail(reason), needWrite
}

// write writes the runs' next revisions, and tells what each needs then.
func (w *worker) write(ctx context.Context, runs []*run) {
	if len(runs) == 0 {
		return
	}
	list := make([]journey.Enrollment, len(runs))
	for i, r := range runs {
		if r.graph != nil && r.e.Node != r.base.Node {
			r.graph.BeginWait(&r.e, w.now())
		}
		list[i] = r.e
	}
	for i, err := range w.Table.Advance(ctx, w.pack.Tenant, w.live.Shards, list) {
		r := runs[i]
		claims := r.claims
		r.claims, r.need = false, needNothing
		switch {
		case errors.Is(err, journey.ErrLost):
			w.counts.lost++
		case err != nil:
			w.counts.unknown++
			w.Log.WarnContext(ctx, "enrollment not written", "journey", w.pack.Journey, "error", err)
		default:
			w.counts.written++
			if r.doubtful {
				w.counts.uncertain++
				r.doubtful = false
			}
			arrived := r.e.Node != r.base.Node
			r.base, r.claimed = r.e, claims
			r.need = w.after(r, claims, arrived)
		}
	}
}

// after tells what r needs once its write is done.
func (w *worker) after(r *run, claimed, arrived bool) need {
	switch {
	case claimed:
		return needSend
	case r.e.Status == journey.Failed:
		w.counts.failed++
		return needNothing
	case r.e.Status != journey.Inside || r.graph == nil:
		return needNothing
	case r.graph.AwaitedEvent(r.e.Node) != "":
		if arrived {
			return needEvent
		}
		return needNothing // its event was looked for before
	case !r.e.Due.After(w.now()): // a wait that is over already
		r.e = r.base.NextWrite(w.now())
		return needStep
	}
	return needNothing
}

// readAttributes loads the profiles of the runs' customers.
func (w *worker) readAttributes(ctx context.Context, runs []*run) error {
	customers := make([]string, len(runs))
	for i, r := range runs {
		customers[i] = r.e.Customer
	}
	profiles, err := w.Table.Profiles(ctx, w.pack.Tenant, customers)
	if err != nil {
		return err
	}
	for _, r := range runs {
		p := profiles[r.e.Customer]
		if p.Err != nil {
			w.unread = append(w.unread, p.Err)
			r.need = needNothing
			continue
		}
		r.in.Attributes, r.in.HasAttributes, r.need = p.Attributes, true, needStep
	}
	return nil
}

// readEvents looks for events that the runs' waits are for. It comes after the
// wait is written, as an event's handler looks for waits after it has written
// the event: one of the two sees the other.
func (w *worker) readEvents(ctx context.Context, runs []*run) error {
	if len(runs) == 0 {
		return nil
	}
	awaited := map[string]string{}
	for _, r := range runs {
		awaited[r.base.Customer] = r.graph.AwaitedEvent(r.base.Node)
	}
	events, err := w.Table.LastEvents(ctx, w.pack.Tenant, awaited)
	unread, err := damage(err)
	if err != nil {
		return err
	}
	w.unread = append(w.unread, unread...)
	now := w.now()
	for _, r := range runs {
		r.in.EventAt = events[r.base.Customer]
		r.need = needNothing
		if r.in.EventAt.After(r.base.Since) || !r.base.Due.After(now) {
			if r.e.Rev == r.base.Rev {
				r.e = r.base.NextWrite(w.now())
			}
			r.need = needStep
		}
	}
	return nil
}

// decide asks for r's decision.
func (w *worker) decide(ctx context.Context, r *run) {
	node := r.graph.NodeID(r.e.Node)
	config := r.graph.Decision(r.e.Node)
	answer, err := w.Provider.Decide(ctx, DecisionRequest{
		Key: effectKey(w.pack.Tenant, &r.e, node), Tenant: w.pack.Tenant, Journey: w.pack.Journey,
		Customer: r.e.Customer, NodeID: node, Config: config, Attributes: r.in.Attributes,
	})
	switch {
	case err == nil && answer.Missing():
		r.in.Answer = journey.Answer{Result: journey.DecidedEmpty}
	case err == nil:
		r.in.Answer = journey.Answer{Result: journey.Decided, Decision: answer}
	case config.FailOnError || throttled(err) != nil:
		w.postpone(ctx, r, err, reasonDecision)
		return
	default:
		w.Log.WarnContext(ctx, "decision failed, going on without", "journey", w.pack.Journey, "node", node, "error", err)
		r.in.Answer = journey.Answer{Result: journey.DecisionError}
	}
	r.need = needStep
}

// release gives back a claim of which nothing was begun.
func (w *worker) release(r *run) {
	r.e, r.need = r.base.NextWrite(w.now()), needWrite
	r.e.Attempts, r.e.LeaseUntil = r.e.Attempts-1, time.Time{}
	if r.uncertain {
		r.e.LeaseUntil = w.now()
	}
}

// send sends r's message, which this worker has claimed. A pack claims many at a
// time: of those that waited for others until their lease may end before they are
// sent, the claim is given back, since another worker could take them meanwhile.
func (w *worker) send(ctx context.Context, r *run) {
	if w.now().Add(w.Provider.Timeout()).After(r.base.LeaseUntil) {
		w.release(r)
		return
	}
	node := r.graph.NodeID(r.e.Node)
	config := r.graph.Action(r.e.Node)
	result, err := w.Provider.Send(ctx, Message{
		Key: effectKey(w.pack.Tenant, &r.e, node), Tenant: w.pack.Tenant, Journey: w.pack.Journey,
		Customer: r.e.Customer, NodeID: node, Config: config,
		Facts: r.graph.Facts(&r.e, r.in.Attributes), Uncertain: r.uncertain,
	})
	r.e = r.base.NextWrite(w.now())
	var uncertain *UncertainError
	switch {
	case errors.As(err, &uncertain) && !config.Resend:
		// A later attempt would know no more than this one, so that it is
		// decided here; nor does the message count as an attempt that failed.
		w.Log.WarnContext(ctx, "message perhaps sent, not sent again", "journey", w.pack.Journey, "node", node, "error", err)
		result, err = journey.SkippedUncertain, nil
		r.doubtful = true
	case errors.As(err, &uncertain):
		r.doubtful, r.uncertain = true, false // the doubt is counted, and it is sent again in any case
	case err == nil:
		r.doubtful = result == journey.SkippedUncertain || r.uncertain && config.Resend
	}
	if err != nil {
		r.e.Attempts-- // postpone counts it again if it was one
		w.postpone(ctx, r, err, reasonSend)
		return
	}
	r.in.Answer, r.need = journey.Answer{Result: result}, needStep
}

// postpone moves r's due time after an effect that failed, or was refused for
// now; only a failure is an attempt, and the last one ends the enrollment. What
// an earlier attempt may have done stays in doubt.
func (w *worker) postpone(ctx context.Context, r *run, err error, reason string) {
	now := w.now()
	r.need, r.e.LeaseUntil = needWrite, time.Time{}
	if r.uncertain {
		r.e.LeaseUntil = now
	}
	if limit := throttled(err); limit != nil {
		r.e.Due = now.Add(max(limit.After, time.Second)).Truncate(time.Millisecond)
		return
	}
	if !r.counted {
		r.e.Attempts++
	}
	w.Log.WarnContext(ctx, "effect failed", "journey", w.pack.Journey, "node", r.graph.NodeID(r.e.Node),
		"attempt", r.e.Attempts, "error", err)
	if r.e.Attempts >= MaxAttempts {
		w.fail(r, reason)
		return
	}
	r.e.Due = w.backOff(now, r.e.Attempts)
}

func throttled(err error) *ThrottledError {
	var limit *ThrottledError
	if errors.As(err, &limit) {
		return limit
	}
	return nil
}

// each calls f on every run, some at a time. A panic is that run's own failed
// attempt.
func (w *worker) each(ctx context.Context, runs []*run, f func(context.Context, *run)) {
	slots := make(chan struct{}, w.Parallel)
	var all sync.WaitGroup
	for _, r := range runs {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			defer w.recover(ctx, r)
			f(ctx, r)
		})
	}
	all.Wait()
}

func (w *worker) recover(ctx context.Context, r *run) {
	cause := recover()
	if cause == nil {
		return
	}
	w.Log.ErrorContext(ctx, "panic while a customer was moved", "journey", w.pack.Journey,
		"panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	r.e = r.base.NextWrite(w.now())
	if r.claimed {
		r.e.Attempts-- // the claim counted it
	}
	r.claims, r.uncertain = false, !r.base.LeaseUntil.IsZero()
	w.postpone(ctx, r, fmt.Errorf("panic: %v", cause), reasonInternal)
}
