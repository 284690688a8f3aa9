package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/journey"
	"journeys/internal/target"
)

const (
	paceEvery     = 5 * time.Second  // between two readings of lines, at most
	dispatchedFor = 25 * time.Second // a customer in line that got no slot is dispatched again after this
	pageSpare     = 64               // keys of a reading beyond the customers that it looks for: they may be dispatched already
	paceEnd       = 2 * time.Second  // before the last requests of a sweep, no line is read any more
)

// pacer dispatches the customers whose places in the lines of targets come up between two
// ticks. Those that were due when the sweep began are the sweep's.
type pacer struct {
	*Engine
	began time.Time
	lives map[uint32][]*Live   // by target.JourneyMark
	seen  map[placed]time.Time // when those were dispatched that were
}

// placed is a customer of a journey with a due time.
type placed struct {
	journey target.Journey
	key     journey.DueKey
}

// pace reads the lines until ctx's deadline is near, or none has customers of these
// journeys. It dispatches no more customers than there are free slots, so that few have to
// be held again.
func (e *Engine) pace(ctx context.Context, began time.Time, lives []Live) {
	if _, ok := ctx.Deadline(); !ok {
		return
	}
	p := &pacer{e, began, map[uint32][]*Live{}, map[placed]time.Time{}}
	for i := range lives {
		if l := &lives[i]; l.On {
			mark := target.JourneyMark(target.Journey{Tenant: l.Tenant, Journey: l.Journey})
			p.lives[mark] = append(p.lives[mark], l)
		}
	}
	for fits(ctx, paceEnd) {
		lines, err := e.Table.Lines(ctx)
		unread, err := splitUnread(err)
		if err != nil {
			e.Log.ErrorContext(ctx, "lines not read", "error", err)
			return
		}
		e.logDamaged(ctx, "lines passed over", unread)
		paced, next := false, paceEvery
		for _, line := range lines {
			if wait, ok := p.serve(ctx, line); ok {
				paced, next = true, min(next, wait)
			}
		}
		if !paced {
			return
		}
		e.sleepUntil(ctx, e.now().Add(next))
	}
}

// queue is a tenant's customers in a line.
type queue struct {
	share  target.Share
	shards []journey.Partition // where they are
	found  []placed            // the next ones, in order
	due    int                 // of those, the ones whose places have come
	taken  int                 // of those, the ones to be dispatched
}

// serve dispatches customers of one line, and reports whether it has any of the journeys.
// It also returns after what time it finds slots again. The tenants share the slots as
// they do when they ask for them. Customers whose places have not come take those that
// would stay free otherwise: so slots are used although other tenants have left the line.
func (p *pacer) serve(ctx context.Context, line target.Line) (time.Duration, bool) {
	now := p.now()
	patience := target.Patience(line.Interval, p.share(), p.Parallel)
	queues := p.queues(line)
	_, free := line.Free(now, patience)
	for _, q := range queues {
		q.found = p.read(ctx, q.shards, target.Latest(now, q.share.Tail), free)
		q.due, _ = slices.BinarySearchFunc(q.found, now, func(c placed, now time.Time) int { return c.key.At.Compare(now.Add(1)) })
	}
	take := func(q *queue, waiting, most int) {
		next, grant := line.Take(target.Request{
			Now: now, Interval: line.Interval, Patience: patience, Most: most, Tenant: q.share.Tenant, Returning: waiting, Early: waiting,
		})
		line = next
		q.taken += grant.Slots
	}
	for _, q := range queues {
		take(q, q.due, free)
	}
	ahead := patience / 2
	if !fits(ctx, paceEnd+ahead) {
		ahead = patience // nothing is dispatched until the next sweep
	}
	for _, q := range queues {
		_, spare := line.Free(now, ahead)
		take(q, len(q.found)-q.taken, spare)
	}
	for _, q := range queues {
		p.dispatch(ctx, q.found[:q.taken])
	}
	return patience / 2, len(queues) > 0
}

// queues returns the tenants of a line that have customers of the journeys, the one first
// whose slot should have come first.
func (p *pacer) queues(line target.Line) (list []*queue) {
	for _, share := range line.Shares {
		q := &queue{share: share}
		for _, mark := range share.Journeys {
			for _, l := range p.lives[mark] {
				for shard := range l.Shards {
					q.shards = append(q.shards, journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: l.Epoch, Shard: shard})
				}
			}
		}
		if len(q.shards) > 0 {
			list = append(list, q)
		}
	}
	slices.SortFunc(list, func(a, b *queue) int { return a.share.Paid.Compare(b.share.Paid) })
	return list
}

// read returns customers that have become due since the sweep began, or will be by then, in
// order. It begins at another shard each time, and reads until it has found enough.
func (p *pacer) read(ctx context.Context, shards []journey.Partition, before time.Time, enough int) (found []placed) {
	begin := int(p.Jitter() * float64(len(shards)))
	shards = slices.Concat(shards[begin:], shards[:begin])
	limit := min(enough+pageSpare, PageSize)
	now := p.now()
	var mu sync.Mutex
	for some := range slices.Chunk(shards, p.Parallel) {
		if len(found) >= enough || !fits(ctx, paceEnd) {
			break
		}
		var group errgroup.Group
		for _, shard := range some {
			group.Go(func() error {
				page, _, err := p.Table.Due(ctx, shard, before, &journey.DueKey{At: p.began}, limit)
				mu.Lock()
				defer mu.Unlock()
				for _, key := range page {
					at := placed{target.Journey{Tenant: shard.Tenant, Journey: shard.Journey}, key}
					if key.At.After(p.began) && now.Sub(p.seen[at]) > dispatchedFor {
						found = append(found, at)
					}
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			p.Log.WarnContext(ctx, "line not read: its customers are left to the next reading", "error", err)
		}
	}
	slices.SortFunc(found, func(a, b placed) int { return a.key.At.Compare(b.key.At) })
	return found
}

// dispatch dispatches customers in packs by journey.
func (p *pacer) dispatch(ctx context.Context, customers []placed) {
	packs := map[target.Journey][]string{}
	for _, c := range customers {
		p.seen[c] = p.now()
		packs[c.journey] = append(packs[c.journey], c.key.Customer)
	}
	for j, all := range packs {
		for some := range slices.Chunk(all, min(PackSize, p.Parallel)) {
			if err := p.Dispatcher.Dispatch(ctx, Pack{Tenant: j.Tenant, Journey: j.Journey, Customers: some}); err != nil {
				p.Log.ErrorContext(ctx, "pack not dispatched", "journey", j.Journey, "error", err)
			}
		}
	}
}
