package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"journeys/internal/emf"
	"journeys/internal/journey"
)

// ticker is one invocation of Tick.
type ticker struct {
	*Engine
	name   string // of the function, for its log
	began  time.Time
	lives  []Live
	scans  []*scan
	counts struct{ due, packs, solo, left, errors int }
}

// scan is one tick's reading of one shard of the due index, page by page.
type scan struct {
	live      *Live
	partition journey.Partition
	drain     bool // all customers of the shard leave, due or not
	waiting   *waiting
	next      *journey.DueKey // where the next page begins; nil at the start and after the last page
	pages     int             // read so far
	empty     bool            // the shard has no keys
}

// waiting is the customers of a journey, from all its shards, that do not fill a
// pack yet. Those that an earlier tick dispatched go into smaller packs.
type waiting struct{ customers, returned []string }

// Tick reads which customers are due and dispatches them in packs. It reads a page
// of each shard in turn, so that no journey waits for another, and stops before
// ctx ends; the next tick finds what is left. Running Tick twice or late does no
// harm. If the engine is Paused, it does nothing.
func (e *Engine) Tick(ctx context.Context) error { return e.sweep(ctx, "tick", Segment{}) }

// Sweep does what Tick does, for the journeys of a segment.
func (e *Engine) Sweep(ctx context.Context, s Segment) error { return e.sweep(ctx, "sweep", s) }

func (e *Engine) sweep(ctx context.Context, name string, segment Segment) error {
	if e.Paused {
		e.Log.InfoContext(ctx, name+" stopped: installation paused")
		return nil
	}
	lives, err := e.Table.Lives(ctx, segment.From, segment.To)
	unread, err := splitUnread(err)
	if err != nil {
		return err
	}
	e.logDamaged(ctx, "journeys passed over", unread)
	t := &ticker{Engine: e, name: name, began: e.now(), lives: lives, scans: newScans(lives)}
	t.scanAll(ctx)
	t.dispatchRest(ctx)
	t.growShards(ctx)
	t.finishDrains(ctx)
	t.report(ctx)
	e.pace(ctx, t.began, lives)
	return nil
}

// newScans returns a scan of every shard that the tick visits, the first shards
// of all journeys first.
func newScans(lives []Live) []*scan {
	var list []*scan
	waits := make([]waiting, len(lives))
	for shard := range MaxShards {
		for i := range lives {
			l := &lives[i]
			if shard >= l.Shards {
				continue
			}
			add := func(epoch int, drain bool) {
				p := journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: epoch, Shard: shard}
				list = append(list, &scan{live: l, partition: p, drain: drain, waiting: &waits[i]})
			}
			for epoch := l.DrainFrom; epoch < l.Epoch; epoch++ {
				add(epoch, true)
			}
			if l.On {
				add(l.Epoch, false)
			}
		}
	}
	return list
}

// scanAll reads a page of every shard, then the second page of those that have
// one, and so on, until all is read or time is nearly up.
func (t *ticker) scanAll(ctx context.Context) {
	for queue := t.scans; len(queue) > 0 && ctx.Err() == nil && !nearEnd(ctx); {
		var unfinished []*scan
		for _, s := range queue {
			if nearEnd(ctx) {
				t.counts.left++
				continue
			}
			if err := t.readPage(ctx, s); err != nil {
				// One shard must not stop the others.
				t.counts.errors++
				t.Log.ErrorContext(ctx, "shard scan stopped", "journey", s.partition.Journey, "shard", s.partition.Shard, "error", err)
				continue
			}
			if s.next != nil {
				unfinished = append(unfinished, s)
			}
		}
		queue = unfinished
	}
}

// endOfTime is later than any due time.
var endOfTime = time.UnixMilli(1 << 52)

// readPage reads the next page of a shard, and dispatches the packs that it
// fills.
func (t *ticker) readPage(ctx context.Context, s *scan) error {
	before := t.began
	if s.drain {
		before = endOfTime
	}
	page, next, err := t.Table.Due(ctx, s.partition, before, s.next)
	if err != nil {
		return err
	}
	s.pages++
	s.empty = s.pages == 1 && len(page) == 0
	s.next = next
	t.counts.due += len(page)
	solo := 0
	for _, key := range page {
		if s.overdue(key, t.began, SoloAfter) && solo < MaxShardSolo && t.counts.solo < MaxSolo {
			solo++
			t.counts.solo++
			err = errors.Join(err, t.dispatch(ctx, s.live, []string{key.Customer}, true))
			continue
		}
		if s.overdue(key, t.began, SmallAfter) {
			s.waiting.returned = append(s.waiting.returned, key.Customer)
			continue
		}
		s.waiting.customers = append(s.waiting.customers, key.Customer)
	}
	for len(s.waiting.returned) >= SmallPack {
		err = errors.Join(err, t.dispatchSome(ctx, s, &s.waiting.returned, SmallPack))
	}
	for len(s.waiting.customers) >= PackSize {
		err = errors.Join(err, t.dispatchSome(ctx, s, &s.waiting.customers, PackSize))
	}
	return err
}

// overdue reports whether a customer has been due for that long, although its shard
// is not even a page behind: earlier ticks dispatched it. After SmallAfter its
// effects were put off for lack of time, or its pack was lost. After SoloAfter it may
// have killed every worker that loaded it.
func (s *scan) overdue(key journey.DueKey, now time.Time, limit time.Duration) bool {
	since := key.At
	if since.Before(s.live.Since) {
		since = s.live.Since
	}
	return !s.drain && s.next == nil && s.pages == 1 && now.Sub(since) >= limit
}

// dispatchSome dispatches the first size customers of a list, or all of fewer, in
// one pack.
func (t *ticker) dispatchSome(ctx context.Context, s *scan, list *[]string, size int) error {
	n := min(len(*list), size)
	if n == 0 {
		return nil
	}
	customers := (*list)[:n:n]
	*list = (*list)[n:]
	return t.dispatch(ctx, s.live, customers, false)
}

func (t *ticker) dispatch(ctx context.Context, l *Live, customers []string, solo bool) error {
	t.counts.packs++
	return t.Dispatcher.Dispatch(ctx, Pack{l.Tenant, l.Journey, customers, solo})
}

// dispatchRest dispatches the customers that did not fill a pack.
func (t *ticker) dispatchRest(ctx context.Context) {
	for _, s := range t.scans {
		err := errors.Join(t.dispatchSome(ctx, s, &s.waiting.returned, SmallPack), t.dispatchSome(ctx, s, &s.waiting.customers, PackSize))
		if err != nil {
			t.counts.errors++
			t.Log.ErrorContext(ctx, "pack not dispatched", "journey", s.partition.Journey, "error", err)
		}
	}
}

// growShards doubles the shards of each journey that has a shard more than a
// page behind, up to MaxShards.
func (t *ticker) growShards(ctx context.Context) {
	grown := map[*Live]bool{}
	for _, s := range t.scans {
		if s.drain || s.pages < 2 || grown[s.live] || s.live.Shards*2 > MaxShards {
			continue
		}
		grown[s.live] = true
		if err := t.Table.GrowShards(ctx, *s.live); err != nil {
			t.Log.ErrorContext(ctx, "shards not grown", "journey", s.live.Journey, "error", err)
		}
	}
}

// finishDrains ends the drains of the lowest epochs whose shards were all empty,
// once DrainGrace has passed since the epoch ended. It also removes entries of
// journeys that neither drain nor are active.
func (t *ticker) finishDrains(ctx context.Context) {
	occupied := map[*Live]int{} // the lowest epoch that has customers, or was not read
	for i := range t.lives {
		occupied[&t.lives[i]] = t.lives[i].Epoch
	}
	for _, s := range t.scans {
		if s.drain && !s.empty {
			occupied[s.live] = min(occupied[s.live], s.partition.Epoch)
		}
	}
	for i := range t.lives {
		l := &t.lives[i]
		from := l.drainedTo(occupied[l], t.began)
		if from == l.DrainFrom && (l.On || l.Draining()) {
			continue
		}
		if err := t.Table.Drained(ctx, *l, from); err != nil {
			t.Log.ErrorContext(ctx, "drain not ended", "journey", l.Journey, "error", err)
		}
	}
}

// report writes the log line of the invocation, with its metric.
func (t *ticker) report(ctx context.Context) {
	t.measure(ctx, t.name, []emf.Metric{emf.CountMetric("CustomersDue", t.counts.due)},
		slog.Int("journeys", len(t.lives)), slog.Int("packs", t.counts.packs), slog.Int("solo", t.counts.solo),
		slog.Int("shardsLeft", t.counts.left), slog.Int("errors", t.counts.errors))
}
