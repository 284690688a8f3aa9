package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"journeys/internal/emf"
	"journeys/internal/journey"
)

// tickMargin is what tick leaves of its time for the last requests to end.
const tickMargin = 3 * time.Second

// sweep is the pass of one tick over one shard.
type sweep struct {
	live      *Live
	partition journey.Partition
	drain     bool // everybody leaves, whenever they are due
	after     *journey.DueKey
	pages     int
	empty     bool // nobody was found

	packed *packed
}

// packed is the customers of a journey, from all its shards, who wait for a
// pack to be full.
type packed struct{ customers []string }

// Tick finds who is due and starts workers on them. It takes a page of each
// journey in turn, so that none waits for another, and stops before ctx ends;
// the next tick finds what is left. Running it twice or late does no harm.
func (e *Engine) Tick(ctx context.Context) error {
	lives, err := e.Table.Lives(ctx)
	unread, err := damage(err)
	if err != nil {
		return err
	}
	e.logDamaged(ctx, "journeys passed over", unread)
	now := e.now()
	all := sweeps(lives)
	counts := tickCounts{journeys: len(lives)}
	for queue := all; len(queue) > 0 && ctx.Err() == nil && !nearEnd(ctx); {
		var more []*sweep
		for _, s := range queue {
			if nearEnd(ctx) {
				counts.left++
				continue
			}
			next, err := e.page(ctx, s, now, &counts)
			if err != nil {
				// One shard's trouble must not keep the others waiting.
				counts.errors++
				e.Log.ErrorContext(ctx, "shard not read", "journey", s.partition.Journey, "shard", s.partition.Shard, "error", err)
				continue
			}
			if next {
				more = append(more, s)
			}
		}
		queue = more
	}
	for _, s := range all {
		if err := e.flush(ctx, s, &counts); err != nil {
			counts.errors++
			e.Log.ErrorContext(ctx, "pack not started", "journey", s.partition.Journey, "error", err)
		}
	}
	e.grow(ctx, all)
	e.finishDrains(ctx, lives, all, now)
	e.measure(ctx, "tick", []emf.Metric{count("CustomersDue", counts.due)},
		slog.Int("journeys", counts.journeys), slog.Int("packs", counts.packs), slog.Int("solo", counts.solo),
		slog.Int("shardsLeft", counts.left), slog.Int("errors", counts.errors))
	return nil
}

type tickCounts struct{ journeys, due, packs, solo, left, errors int }

// nearEnd reports whether too little of ctx is left for another request.
func nearEnd(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < tickMargin
}

// sweeps lists the shards to visit, the first of each journey first.
func sweeps(lives []Live) []*sweep {
	var list []*sweep
	together := make([]packed, len(lives))
	for k := range MaxShards {
		for i := range lives {
			l := &lives[i]
			if k >= l.Shards {
				continue
			}
			for epoch := l.DrainFrom; epoch < l.Epoch; epoch++ {
				list = append(list, &sweep{
					live: l, partition: journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: epoch, Shard: k}, drain: true, packed: &together[i],
				})
			}
			if l.On {
				list = append(list, &sweep{live: l, partition: journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: l.Epoch, Shard: k}, packed: &together[i]})
			}
		}
	}
	return list
}

// endOfTime is later than any due time.
var endOfTime = time.UnixMilli(1 << 52)

// page reads one page of a shard and starts workers on it; true when there is
// more.
func (e *Engine) page(ctx context.Context, s *sweep, now time.Time, counts *tickCounts) (more bool, err error) {
	before := now
	if s.drain {
		before = endOfTime
	}
	page, next, err := e.Table.Due(ctx, s.partition, before, s.after)
	if err != nil {
		return false, err
	}
	s.pages++
	s.empty = s.pages == 1 && len(page) == 0
	s.after = next
	counts.due += len(page)
	for _, due := range page {
		if s.solo(due, now) {
			counts.solo++
			err = errors.Join(err, e.dispatch(ctx, s.live, []string{due.Customer}, true, counts))
			continue
		}
		s.packed.customers = append(s.packed.customers, due.Customer)
	}
	for len(s.packed.customers) >= PackSize {
		err = errors.Join(err, e.flush(ctx, s, counts))
	}
	return next != nil, err
}

// flush starts a worker on the next customers of the sweep's journey.
func (e *Engine) flush(ctx context.Context, s *sweep, counts *tickCounts) error {
	n := min(len(s.packed.customers), PackSize)
	if n == 0 {
		return nil
	}
	customers := s.packed.customers[:n:n]
	s.packed.customers = s.packed.customers[n:]
	return e.dispatch(ctx, s.live, customers, false, counts)
}

func (e *Engine) dispatch(ctx context.Context, l *Live, customers []string, solo bool, counts *tickCounts) error {
	counts.packs++
	return e.Dispatcher.Dispatch(ctx, Pack{l.Tenant, l.Journey, customers, solo})
}

// solo reports whether a customer may have killed every worker that had them,
// and so goes alone: they are long overdue, although the shard is not even a
// page behind.
func (s *sweep) solo(due journey.DueKey, now time.Time) bool {
	since := due.At
	if since.Before(s.live.Since) {
		since = s.live.Since
	}
	return !s.drain && s.after == nil && s.pages == 1 && now.Sub(since) >= SoloAfter
}

// grow gives more shards to journeys of which one was more than a page behind.
func (e *Engine) grow(ctx context.Context, all []*sweep) {
	grown := map[*Live]bool{}
	for _, s := range all {
		if s.drain || s.pages < 2 || grown[s.live] || s.live.Shards*2 > MaxShards {
			continue
		}
		grown[s.live] = true
		if err := e.Table.GrowShards(ctx, *s.live); err != nil {
			e.Log.ErrorContext(ctx, "shards not grown", "journey", s.live.Journey, "error", err)
		}
	}
}

// finishDrains ends the drains that found nobody, once no call from before
// them can still add somebody, and removes entries that nothing needs.
func (e *Engine) finishDrains(ctx context.Context, lives []Live, all []*sweep, now time.Time) {
	open := map[*Live]bool{}
	for _, s := range all {
		if s.drain && !s.empty {
			open[s.live] = true
		}
	}
	for i := range lives {
		l := &lives[i]
		if (l.On && !l.Draining()) || open[l] || now.Sub(l.Since) < DrainGrace {
			continue
		}
		if err := e.Table.Drained(ctx, *l); err != nil {
			e.Log.ErrorContext(ctx, "drain not ended", "journey", l.Journey, "error", err)
		}
	}
}
