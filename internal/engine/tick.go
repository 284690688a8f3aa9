package engine

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"time"

	"journeys/internal/emf"
	"journeys/internal/ident"
)

// SegmentShards is how many shards one Sweep reads. In functions of 512 MB, which have
// 0.29 of a CPU, reading them takes about 10 of 55 seconds if they are empty;
// docs/scale.md has the measurement.
const SegmentShards = 8000

// Segment is the work of one Sweep: a part of the work list.
type Segment struct {
	From, To LiveKey // the first and the last entry; zero for the whole list
	Packs    int     // that it may dispatch, beside packs of one
	Solo     int     // packs of one that it may dispatch
}

// Tick reads which customers are due and dispatches them in packs, so that no tenant
// and no journey waits for another. It stops before ctx ends; the next tick finds what
// is left, and begins elsewhere. Where the work list has more than SegmentShards
// shards, it dispatches segments of it instead. Running Tick twice or late does no harm.
// If the engine is Paused, it does nothing.
func (e *Engine) Tick(ctx context.Context) error {
	packs := e.Workers * PacksPerWorker
	return e.sweep(ctx, "tick", Segment{Packs: packs, Solo: min(MaxSolo, (packs+4)/5)})
}

// Sweep does what Tick does, for a segment.
func (e *Engine) Sweep(ctx context.Context, s Segment) error { return e.sweep(ctx, "sweep", s) }

func (e *Engine) sweep(ctx context.Context, function string, s Segment) error {
	if e.Paused {
		e.Log.InfoContext(ctx, function+" stopped: installation paused")
		return nil
	}
	lives, err := e.Table.Lives(ctx, s.From, s.To)
	unread, err := splitUnread(err)
	if err != nil {
		return err
	}
	e.logDamaged(ctx, "journeys passed over", unread)
	if s.whole() && countShards(lives) > SegmentShards {
		e.dispatchSegments(ctx, cut(lives, s))
		return nil
	}
	began := e.now()
	newSweeper(e, lives, s, e.costs(ctx, lives), began).run(ctx, function)
	e.pace(ctx, began, lives)
	return nil
}

// whole reports whether the segment is the whole work list.
func (s Segment) whole() bool { return s.From == s.To && s.From == LiveKey{} }

// shards returns how many shards a sweep reads for the entry.
func (l Live) shards() int {
	epochs := l.Epoch - l.DrainFrom
	if l.On {
		epochs++
	}
	return l.Shards * epochs
}

func countShards(lives []Live) (n int) {
	for _, l := range lives {
		n += l.shards()
	}
	return n
}

// cut cuts the work list into segments of at most SegmentShards shards, unless a single
// entry has more. A segment may dispatch its part of the packs by shards, or by tenants
// if that is more, so that a small tenant has its share beside a large one.
func cut(lives []Live, all Segment) []segment {
	byTenant := map[ident.Tenant]int{}
	for _, l := range lives {
		byTenant[l.Tenant] += l.shards()
	}
	var list []segment
	total, share := countShards(lives), 0.0
	begin := 0
	for i, l := range lives {
		if begin == i {
			list, share = append(list, segment{}), 0
		}
		s := &list[len(list)-1]
		s.shards += l.shards()
		share += float64(l.shards()) / float64(max(1, byTenant[l.Tenant])) / float64(len(byTenant))
		if i+1 == len(lives) || s.shards+lives[i+1].shards() > SegmentShards {
			part := max(share, float64(s.shards)/float64(total))
			s.Segment = Segment{
				From: lives[begin].Key(), To: l.Key(),
				Packs: int(math.Ceil(part * float64(all.Packs))), Solo: all.Solo * s.shards / total,
			}
			begin = i + 1
		}
	}
	return list
}

// segment is a Segment and the number of its shards.
type segment struct {
	Segment
	shards int
}

// dispatchSegments dispatches the first segment of each tenant, then the second of those
// that have one, and so on.
func (e *Engine) dispatchSegments(ctx context.Context, list []segment) {
	began := e.now()
	list = inTurn(rotate(list, began), func(s segment) ident.Tenant { return s.From.Tenant })
	errs := e.each(ctx, len(list), func(i int) error { return e.Dispatcher.DispatchSweep(ctx, list[i].Segment) })
	unread := 0
	for i, err := range errs {
		if err != nil {
			unread += list[i].shards
			e.Log.ErrorContext(ctx, "segment not dispatched", "shards", list[i].shards, "error", err)
		}
	}
	e.measure(ctx, "tick", []emf.Metric{emf.CountMetric("ShardsUnread", unread)}, slog.Int("segments", len(list)))
}

// inTurn orders a list by group: the first of each, then the second, and so on.
func inTurn[T any, G comparable](list []T, group func(T) G) []T {
	var groups [][]T
	places := map[G]int{}
	for _, element := range list {
		g := group(element)
		place, ok := places[g]
		if !ok {
			place = len(groups)
			places[g], groups = place, append(groups, nil)
		}
		groups[place] = append(groups[place], element)
	}
	ordered := make([]T, 0, len(list))
	for turn := 0; len(ordered) < len(list); turn++ {
		for _, g := range groups {
			if turn < len(g) {
				ordered = append(ordered, g[turn])
			}
		}
	}
	return ordered
}

// rotate lets a list begin elsewhere each minute. Steps of the golden ratio keep the
// beginnings of successive minutes far apart, so that each element is among the first
// within a few minutes.
func rotate[T any](list []T, now time.Time) []T {
	if len(list) == 0 {
		return list
	}
	_, turn := math.Modf(float64(now.Unix()/60) / math.Phi)
	begin := int(turn * float64(len(list)))
	return slices.Concat(list[begin:], list[:begin])
}
