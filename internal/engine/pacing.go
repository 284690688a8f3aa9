package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"journeys/internal/target"
)

const (
	lineTries = 10                     // attempts at a write of a Line
	lineWait  = 20 * time.Millisecond  // between the first two of them at most; it doubles, up to a second
	claimLead = 200 * time.Millisecond // messages are claimed this long before the first of their slots
	claimSpan = 5 * time.Second        // between the first and the last slot of messages that are claimed together
	slotGrace = time.Second            // a message is not sent later than this after its slot
	comeBack  = 5 * time.Second        // a customer that finds no slot asks again after this
	unreadFor = time.Minute            // the same, if slots cannot be given out
)

// takeSlots gives the messages their slots at a target with a rate, and holds those that
// get none, or have missed theirs. Runs that have a slot keep it.
func (w *worker) takeSlots(ctx context.Context, t Target, runs []*run) {
	now := w.now()
	var asking []*run
	for _, r := range runs {
		switch {
		case r.missed(now): // others than this pack shall have a worker meanwhile
			w.stand(r, now.Add(comeBack))
		case r.slot.IsZero():
			asking = append(asking, r)
		}
	}
	if len(asking) == 0 {
		return
	}
	slices.SortStableFunc(asking, func(a, b *run) int {
		return cmp.Or(-cmp.Compare(a.returning(), b.returning()), a.stored.Due.Compare(b.stored.Due))
	})
	interval := target.Interval(t.Rate)
	request := target.Request{
		Now: now, Interval: interval, Patience: w.patience(ctx, interval), Most: w.most(t.Name, interval),
		Tenant: target.TenantMark(w.pack.Tenant), Journey: target.JourneyMark(target.Journey{Tenant: w.pack.Tenant, Journey: w.pack.Journey}),
	}
	for _, r := range asking {
		request.Returning += r.returning()
		if r.early(now) {
			request.Early++
		}
	}
	request.Arriving = len(asking) - request.Returning
	grant, ok := w.ask(ctx, t.Name, request)
	w.waited += w.now().Sub(now)
	for i, r := range asking {
		switch {
		case ok && i < grant.Slots:
			r.slot = grant.First.Add(time.Duration(i) * interval)
		case r.early(now):
			r.state = done // it keeps its place
		case !ok:
			w.holdUntil(r, now.Add(unreadFor))
		case i < request.Returning:
			w.stand(r, grant.Back.Add(time.Duration(i-grant.Slots)*grant.Step))
		default:
			w.stand(r, grant.Place.Add(time.Duration(i-max(grant.Slots, request.Returning))*grant.Step))
		}
	}
}

// stand holds r until its place in line.
func (w *worker) stand(r *run, place time.Time) {
	w.hold(r, place)
	r.next.InLine = true
	w.held.Add(1)
}

// patience returns how far ahead slots are of use: to all workers, and in the time that is
// left of this invocation.
func (w *worker) patience(ctx context.Context, interval time.Duration) time.Duration {
	patience := target.Patience(interval, w.share(), w.Parallel)
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)-endMargin-w.Provider.Timeout()-claimLead)
	}
	return max(patience, 0)
}

// ask writes the line of a target with a request's grant. It returns false if the table
// does not take it.
func (w *worker) ask(ctx context.Context, name string, request target.Request) (target.Grant, bool) {
	line := w.watch.Line(name)
	for try := range lineTries {
		next, grant := line.Take(request)
		stored, ok, err := w.Table.PutLine(ctx, name, line, next)
		if err != nil {
			w.Log.WarnContext(ctx, "no slots: line not written", "target", name, "error", err)
			return grant, false
		}
		w.watch.SetLine(name, stored)
		if ok {
			return grant, true
		}
		line = stored
		// A line that does not know the tenant's journey is not read for it before the
		// next tick, so this worker must get its turn.
		w.sleepUntil(ctx, w.Now().Add(time.Duration(w.Jitter()*float64(min(lineWait<<try, time.Second)))))
		request.Now = w.now()
	}
	request.Most = 0 // so many others ask that all go on standing in line
	_, grant := line.Take(request)
	return grant, true
}

// returning returns 1 for a customer that comes back to its node, and otherwise 0.
func (r *run) returning() int {
	if r.stored.Node == r.next.Node && r.stored.Due.After(r.stored.Since) {
		return 1
	}
	return 0
}

// early reports whether r's place in line has not come.
func (r *run) early(now time.Time) bool {
	return r.stored.InLine && r.stored.Node == r.next.Node && r.stored.Due.After(now)
}

// missed reports whether r's slot has passed.
func (r *run) missed(now time.Time) bool {
	return !r.slot.IsZero() && now.Sub(r.slot) > slotGrace
}

// most returns how many slots are of use to a pack: messages that begin together, and in
// time although Parallel are sent at a time.
func (w *worker) most(name string, interval time.Duration) int {
	begins := 1
	if took := w.watch.Took(name); took > 0 {
		begins += int(min(slotGrace/took, PackSize))
	}
	return min(begins*w.Parallel, 1+int(claimSpan/interval))
}

// beginning returns the runs that begin now: none before the first slot is near, and then
// all, as those that are left would wait until the others have their answers.
func (w *worker) beginning(runs []*run) []*run {
	now := w.now()
	runs = slices.DeleteFunc(runs, func(r *run) bool { return r.state != gated })
	if !slices.ContainsFunc(runs, func(r *run) bool { return r.near(now) }) {
		return nil
	}
	return runs
}

// near reports whether r may be claimed for its slot.
func (r *run) near(now time.Time) bool { return r.slot.Sub(now) <= claimLead }

// awaitSlots waits until a run may be claimed, if there is nothing else to do.
func (w *worker) awaitSlots(ctx context.Context) {
	var first time.Time
	for _, r := range w.runs {
		switch {
		case r.state == done:
		case r.state == gated && r.slot.IsZero(): // it waits for the probe of another
		case r.state != gated || r.near(w.now()):
			return
		case first.IsZero() || r.slot.Before(first):
			first = r.slot
		}
	}
	if !first.IsZero() { // a millisecond more, because the time of a round is rounded down
		began := w.now()
		w.sleepUntil(ctx, first.Add(time.Millisecond-claimLead))
		w.waited += w.now().Sub(began)
	}
}

// sleepUntil waits until then, or until ctx ends.
func (e *Engine) sleepUntil(ctx context.Context, at time.Time) {
	d := at.Sub(e.Now())
	if d <= 0 {
		return
	}
	if e.Sleep != nil {
		e.Sleep(ctx, d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
