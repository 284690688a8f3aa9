package engine

import (
	"context"
	"log/slog"

	"journeys/internal/emf"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// growShards gives the journeys as many shards as their backlog needs: a power of two, so
// that the same backlog grows them once.
func (s *sweeper) growShards(ctx context.Context) {
	var list []Live
	var shards []int
	for _, l := range s.lives {
		if k := ShardsFor(l.due); k > l.Shards {
			list, shards = append(list, l.Live), append(shards, k)
		}
	}
	for i, err := range s.each(ctx, len(list), func(i int) error { return s.Table.GrowShards(ctx, list[i], shards[i]) }) {
		if err != nil {
			s.logError(ctx, "shards not grown", list[i].Journey, -1, err)
		}
	}
}

// ShardsFor returns the number of shards for that many due customers of a journey: a power
// of two, at most journey.MaxShards.
func ShardsFor(due int) int {
	shards := 1
	for shards < journey.MaxShards && shards*DuePerShard < due {
		shards *= 2
	}
	return shards
}

// finishDrains ends the drains of the lowest epochs whose shards were all empty,
// once DrainGrace has passed since the epoch ended. It also removes entries of
// journeys that neither drain nor are active.
func (s *sweeper) finishDrains(ctx context.Context) {
	for _, h := range s.shares {
		for _, scan := range h.scans {
			scan.occupy()
		}
	}
	var list []Live
	var from []int
	for _, l := range s.lives {
		to := l.drainedTo(l.occupied, s.began)
		if to > l.DrainFrom || !l.On && !l.Draining() {
			list, from = append(list, l.Live), append(from, to)
		}
	}
	for i, err := range s.each(ctx, len(list), func(i int) error { return s.Table.Drained(ctx, list[i], from[i]) }) {
		if err != nil {
			s.logError(ctx, "drain not ended", list[i].Journey, -1, err)
		}
	}
}

// logError counts an error, and logs it unless there were many. shard is negative for
// none.
func (s *sweeper) logError(ctx context.Context, message string, id ident.ID, shard int, err error) {
	if s.counts.errors++; s.counts.errors > maxErrors {
		return
	}
	attrs := []any{"journey", id, "error", err}
	if shard >= 0 {
		attrs = append(attrs, "shard", shard)
	}
	s.Log.ErrorContext(ctx, message, attrs...)
}

// report writes the log line of the invocation, with its metrics.
func (s *sweeper) report(ctx context.Context, function string) {
	unread, left := s.failed, s.counts.undelivered
	for _, h := range s.shares {
		left += h.left()
		for _, scan := range h.scans {
			if scan.pages == 0 {
				unread++
			}
		}
	}
	s.measure(ctx, function, []emf.Metric{
		emf.CountMetric("CustomersDue", s.counts.due),
		emf.CountMetric("ShardsUnread", unread),
		emf.CountMetric("CustomersLeft", left),
		{Name: "OldestDue", Unit: emf.Seconds, Value: s.oldest.Seconds()},
		emf.CountMetric("CustomersStuck", s.counts.stuck),
	}, slog.Int("journeys", len(s.lives)), slog.Int("packs", s.counts.packs), slog.Int("solo", s.counts.solo),
		slog.Int("errors", s.counts.errors))
}
