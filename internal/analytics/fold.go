package analytics

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/analytics/tally"
	"journeys/internal/journey"
)

// Fold moves the counts of one day's parts to the total of their graph.
type Fold struct {
	Graph  string       // hash
	Total  Total        // with the counts of Parts and the next Rev
	Day    Day          // of Parts; "" for none
	Parts  []Part       // as read
	Totals tally.Totals // sum of Parts
}

type foldCounts struct {
	journeys              int
	parts, deleted, newer atomic.Int64
}

// foldAll folds the days up to through of every journey that is due. An error of one
// journey does not stop the others; the log has every error, and foldAll returns the
// first. Journeys with figures of a newer format are logged and counted; the newer
// version folds them.
func (r *Rollup) foldAll(ctx context.Context, now time.Time, through Day) (*foldCounts, error) {
	counts := &foldCounts{}
	var g errgroup.Group
	g.SetLimit(r.workers())
	err := r.Table.DueToFold(ctx, now, func(k JourneyKey) {
		if nearEnd(ctx) {
			return // left to the next run
		}
		counts.journeys++
		g.Go(func() error {
			err := r.fold(ctx, k, now, through, counts)
			if err != nil {
				r.Log.ErrorContext(ctx, "figures not folded",
					"tenant", k.Tenant.String(), "journey", k.Journey, "error", err)
			}
			if errors.Is(err, journey.ErrNewer) {
				counts.newer.Add(1)
				return nil
			}
			return err
		})
	})
	return counts, errors.Join(err, g.Wait())
}

// fold moves a journey's settled parts and repairs to its totals, and deletes
// what earlier folds moved. Every count is in exactly one item after each write,
// so a run that stops midway leaves the rest to the next.
func (r *Rollup) fold(ctx context.Context, k JourneyKey, now time.Time, through Day, counts *foldCounts) error {
	c, err := readCounters(ctx, r.Table, k.Tenant, k.Journey, Range{})
	if err != nil {
		return err
	}
	for _, f := range c.folds(now, through) {
		if err := r.addLabels(ctx, k, &c, &f); err != nil {
			return err
		}
		err := r.Table.Fold(ctx, k, f)
		if errors.Is(err, ErrStale) {
			return nil // a concurrent run, or a late record
		}
		if err != nil {
			return err
		}
		counts.parts.Add(int64(len(f.Parts)))
	}
	return r.deleteFolded(ctx, k, &c, now, counts)
}

// addLabels stores the labels of an earlier graph in its total, so that reports
// need not read its definition. It leaves out deleted journeys, which have no
// head, and damaged definitions.
func (r *Rollup) addLabels(ctx context.Context, k JourneyKey, c *Counters, f *Fold) error {
	if c.Head == nil || c.Head.Graph == f.Graph || f.Total.Labels != nil {
		return nil
	}
	labels, err := readLabels(ctx, &r.definitions, r.Table, k.Tenant, k.Journey, f.Graph)
	if errors.Is(err, journey.ErrDamaged) {
		return nil
	}
	f.Total.Labels = labels
	return err
}

// folds returns the folds of days up to through that are possible at now, in order:
// each takes the few parts of one day of one graph, or only the repairs of a graph.
func (c *Counters) folds(now time.Time, through Day) []Fold {
	settled := map[graphDay][]Part{}
	for _, p := range c.Parts {
		if p.Day <= through && p.Settled(now) && !p.empty() {
			settled[p.graphDay()] = append(settled[p.graphDay()], p)
		}
	}
	days := make([]graphDay, 0, len(settled))
	for d := range settled {
		days = append(days, d)
	}
	slices.SortFunc(days, func(a, b graphDay) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.graph, b.graph))
	})
	totals := map[string]*Total{}
	var list []Fold
	for _, d := range days {
		t := c.nextTotal(totals, d.graph, now)
		list = append(list, t.take(d, settled[d], now))
	}
	for i := range c.Repairs {
		graph := c.Repairs[i].Graph
		if totals[graph] == nil && c.Repairs[i].Day > c.total(graph).Repaired {
			list = append(list, Fold{Graph: graph, Total: *c.nextTotal(totals, graph, now)})
		}
	}
	return list
}

// nextTotal returns the graph's total for its next write. totals holds those that
// were started already; a new one takes the graph's repairs.
func (c *Counters) nextTotal(totals map[string]*Total, graph string, now time.Time) *Total {
	t := totals[graph]
	if t == nil {
		t = c.startTotal(graph, now)
		totals[graph] = t
	}
	t.Rev++
	t.Written = now
	return t
}

// startTotal returns a copy of a graph's total with its repairs, and without the
// taken parts that are too old to matter.
func (c *Counters) startTotal(graph string, now time.Time) *Total {
	t := *c.total(graph)
	t.Graph.Steps = slices.Clone(t.Graph.Steps)
	for i := range c.Repairs {
		if r := &c.Repairs[i]; r.Graph == graph && r.Day > c.total(graph).Repaired {
			r.Counts.addTo(&t.Graph)
			t.Graph.Version = max(t.Graph.Version, r.Counts.Version)
			t.Repaired = max(t.Repaired, r.Day)
		}
	}
	t.Taken = slices.DeleteFunc(slices.Clone(t.Taken), func(taken Taken) bool {
		return now.Sub(taken.At) >= keepTaken
	})
	return &t
}

// deleteFolded deletes empty parts and taken repairs once keepTaken has passed:
// until then a read may have started before the fold and still need them.
func (r *Rollup) deleteFolded(ctx context.Context, k JourneyKey, c *Counters, now time.Time, counts *foldCounts) error {
	for _, p := range c.Parts {
		if !p.Settled(now) || !p.empty() || now.Sub(c.total(p.Graph).Written) < keepTaken {
			continue
		}
		if err := r.Table.DeletePart(ctx, p); err != nil && !errors.Is(err, ErrStale) {
			return err
		}
		counts.deleted.Add(1)
	}
	for _, repair := range c.Repairs {
		t := c.total(repair.Graph)
		if repair.Day > t.Repaired || now.Sub(t.Written) < keepTaken {
			continue
		}
		if err := r.Table.DeleteRepair(ctx, k, repair); err != nil {
			return err
		}
	}
	return nil
}
