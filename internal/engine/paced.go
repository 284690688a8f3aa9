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
	paceEvery = 5 * time.Second // between two readings of lines, at most
	paceEnd   = 2 * time.Second // before the last requests of a sweep, no line is read any more
)

// pacer dispatches the customers whose places in the lines of targets come up between two
// ticks. Those that were due when the sweep began are the sweep's.
type pacer struct {
	*Engine
	began time.Time
	lives map[target.Journey]*Live
	seen  map[placed]bool // that were dispatched
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
	p := &pacer{e, began, map[target.Journey]*Live{}, map[placed]bool{}}
	for i := range lives {
		if l := &lives[i]; l.On {
			p.lives[target.Journey{Tenant: l.Tenant, Journey: l.Journey}] = l
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
			if patience, ok := p.serve(ctx, line); ok {
				paced, next = true, min(next, patience)
			}
		}
		if !paced {
			return
		}
		e.sleepUntil(ctx, e.now().Add(next))
	}
}

// serve dispatches customers of one line, and reports whether it has any of the journeys.
// It also returns for how long it has found slots.
func (p *pacer) serve(ctx context.Context, line target.Line) (time.Duration, bool) {
	now := p.now()
	var shards []journey.Partition
	for j, until := range line.Journeys {
		l := p.lives[j]
		if l == nil || until.Before(now) {
			continue
		}
		for shard := range l.Shards {
			shards = append(shards, journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: l.Epoch, Shard: shard})
		}
	}
	patience := target.Patience(line.Interval, p.share(), p.Parallel)
	if len(shards) == 0 {
		return patience, false
	}
	_, free := line.Free(now, patience)
	found := p.read(ctx, shards, now, free)
	slices.SortFunc(found, func(a, b placed) int { return a.key.At.Compare(b.key.At) })
	p.dispatch(ctx, found[:min(len(found), free)])
	return patience, true
}

// read returns customers that have become due since the sweep began. It begins at another
// shard each time, and reads until it has found enough.
func (p *pacer) read(ctx context.Context, shards []journey.Partition, now time.Time, enough int) (found []placed) {
	begin := int(p.Jitter() * float64(len(shards)))
	shards = slices.Concat(shards[begin:], shards[:begin])
	var mu sync.Mutex
	for some := range slices.Chunk(shards, p.Parallel) {
		if len(found) >= enough || !fits(ctx, paceEnd) {
			break
		}
		var group errgroup.Group
		for _, shard := range some {
			group.Go(func() error {
				page, _, err := p.Table.Due(ctx, shard, now, nil)
				mu.Lock()
				defer mu.Unlock()
				for _, key := range page {
					at := placed{target.Journey{Tenant: shard.Tenant, Journey: shard.Journey}, key}
					if key.At.After(p.began) && !p.seen[at] {
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
	return found
}

// dispatch dispatches customers in packs by journey.
func (p *pacer) dispatch(ctx context.Context, customers []placed) {
	packs := map[target.Journey][]string{}
	for _, c := range customers {
		p.seen[c] = true
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
