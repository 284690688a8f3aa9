package analytics

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"journeys/internal/emf"
	"journeys/internal/journey"
)

// JourneyKey names a journey.
type JourneyKey struct {
	Tenant  journey.Tenant
	Journey journey.ID
}

// Fold moves the counts of parts into the total of their graph.
type Fold struct {
	Graph  string // hash
	Total  Total  // with the counts of Parts, and the next Rev
	Day    Day    // of all parts; "" when there are none
	Parts  []Part // as they were read
	Totals Totals // of Parts
}

// RollupTable is what folding and auditing need of the table. Reads are strongly
// consistent, except DueToFold's.
type RollupTable interface {
	Table
	AuditTable

	// DueToFold calls yield once for each journey that has parts of days that
	// could be folded at now, or repairs. It may miss what is new.
	DueToFold(ctx context.Context, now time.Time, yield func(JourneyKey)) error
	// Fold stores the total, leaves the parts empty with their next Rev and with
	// Folded, and adds Totals to the day in its closed month: all of it or, when
	// a stored Rev is not the one before or a part has another Born, nothing, and
	// ErrStale.
	Fold(ctx context.Context, k JourneyKey, f Fold) error
	// DeletePart deletes a part if its Born and Rev are the stored ones.
	DeletePart(ctx context.Context, p Part) error
	// DeleteRepair deletes a repair.
	DeleteRepair(ctx context.Context, k JourneyKey, r Repair) error
}

// Rollup keeps the figures of all journeys small and true. All fields but
// Segments and Workers are needed.
type Rollup struct {
	Table        RollupTable
	Now          func() time.Time
	Log          *slog.Logger
	Installation string // names this one among others, in the metrics

	Segments int // in which an audit reads the table; 0 means 128
	Workers  int // journeys, and segments, that are worked on at a time; 0 means 16

	definitions journey.Definitions
}

const (
	defaultSegments = 128
	defaultWorkers  = 16
	// endMargin is left of an invocation when nothing more is begun: enough to
	// write down how far the audit got.
	endMargin = 30 * time.Second
)

func (r *Rollup) workers() int {
	if r.Workers > 0 {
		return r.Workers
	}
	return defaultWorkers
}

// Run folds what can be folded, and audits the newest day that can no longer
// change, or goes on with that audit. It stops before ctx ends; what is left is
// for the next run. It may run twice, late, and at the same time as itself.
func (r *Rollup) Run(ctx context.Context) error {
	now := r.Now().UTC().Truncate(time.Millisecond)
	folded, foldErr := r.foldAll(ctx, now)
	audit, auditErr := r.audit(ctx, now)
	err := errors.Join(foldErr, auditErr)
	attrs := []slog.Attr{
		slog.Int("journeys", folded.journeys), slog.Int64("parts", folded.parts.Load()),
		slog.Int64("deleted", folded.deleted.Load()), slog.String("auditOf", string(audit.day)),
		slog.Bool("audited", audit.done), slog.Int("segmentsLeft", audit.left),
	}
	if err == nil {
		attrs = append(attrs, emf.Attrs(now, r.Installation, count("RollupRuns", 1))...)
	}
	r.Log.LogAttrs(ctx, slog.LevelInfo, "rollup", attrs...)
	return err
}

func count(name string, n int) emf.Metric {
	return emf.Metric{Name: name, Unit: emf.Count, Value: float64(n)}
}

// nearEnd reports whether too little of ctx is left to begin something.
func nearEnd(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < endMargin
}

// closable returns the newest day that can no longer change at now.
func closable(now time.Time) Day { return DayOf(now.Add(-SettleAfter).AddDate(0, 0, -1)) }

type foldCounts struct {
	journeys       int
	parts, deleted atomic.Int64
}

// failures collects what went wrong beside each other.
type failures struct {
	mu  sync.Mutex
	all error
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil { // one is enough to fail the run; the log has each
		f.all = err
	}
}

// foldAll folds journey by journey. One's trouble keeps no other waiting.
func (r *Rollup) foldAll(ctx context.Context, now time.Time) (*foldCounts, error) {
	counts := &foldCounts{}
	var failed failures
	var all sync.WaitGroup
	slots := make(chan struct{}, r.workers())
	err := r.Table.DueToFold(ctx, now, func(k JourneyKey) {
		if nearEnd(ctx) {
			return // the next run finds it
		}
		counts.journeys++
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := r.fold(ctx, k, now, counts); err != nil {
				failed.add(err)
				r.Log.ErrorContext(ctx, "figures not folded",
					"tenant", k.Tenant.String(), "journey", k.Journey, "error", err)
			}
		})
	})
	all.Wait()
	return counts, errors.Join(err, failed.all)
}

// fold moves a journey's settled parts and its repairs into the totals, and
// deletes what was moved before. After each write everything is counted once;
// whoever stops in between leaves the rest to the next run.
func (r *Rollup) fold(ctx context.Context, k JourneyKey, now time.Time, counts *foldCounts) error {
	c, err := readCounters(ctx, r.Table, k.Tenant, k.Journey, Range{})
	if err != nil {
		return err
	}
	for _, f := range c.folds(now) {
		if err := r.label(ctx, k, &c, &f); err != nil {
			return err
		}
		err := r.Table.Fold(ctx, k, f)
		if errors.Is(err, ErrStale) {
			return nil // another run is at it, or a late record came
		}
		if err != nil {
			return err
		}
		counts.parts.Add(int64(len(f.Parts)))
	}
	return r.clear(ctx, k, &c, now, counts)
}

// label gives the total of a graph that the journey has no more what its nodes are
// called. A deleted journey is not asked for.
func (r *Rollup) label(ctx context.Context, k JourneyKey, c *Counters, f *Fold) error {
	if c.Head == nil || c.Head.Graph == f.Graph || f.Total.Labels != nil {
		return nil
	}
	labels, err := definedLabels(ctx, &r.definitions, r.Table, k.Tenant, k.Journey, f.Graph)
	if errors.Is(err, journey.ErrDamaged) {
		return nil // whoever reads meets it
	}
	f.Total.Labels = labels
	return err
}

// folds returns what can be folded at now, one after the other: a day of a graph
// at a time, which is a few items.
func (c *Counters) folds(now time.Time) []Fold {
	settled := map[graphDay][]Part{}
	for _, p := range c.Parts {
		if p.Settled(now) && !p.empty() {
			settled[p.graphDay()] = append(settled[p.graphDay()], p)
		}
	}
	days := make([]graphDay, 0, len(settled))
	for d := range settled {
		days = append(days, d)
	}
	slices.SortFunc(days, func(a, b graphDay) int {
		if a.day < b.day || a.day == b.day && a.graph < b.graph {
			return -1
		}
		return 1
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

// nextTotal returns the graph's total as it is to be written next: the first
// time it takes the graph's repairs.
func (c *Counters) nextTotal(totals map[string]*Total, graph string, now time.Time) *Total {
	t := totals[graph]
	if t == nil {
		next := *c.total(graph)
		next.Graph.Steps = slices.Clone(next.Graph.Steps)
		for i := range c.Repairs {
			if r := &c.Repairs[i]; r.Graph == graph && r.Day > c.total(graph).Repaired {
				r.Counts.addTo(&next.Graph)
				next.Graph.Version = max(next.Graph.Version, r.Counts.Version)
				next.Repaired = max(next.Repaired, r.Day)
			}
		}
		next.Taken = slices.DeleteFunc(slices.Clone(next.Taken), func(taken Taken) bool {
			return now.Sub(taken.At) >= keepTaken
		})
		t = &next
		totals[graph] = t
	}
	t.Rev++
	t.Written = now
	return t
}

// take adds the parts of a day to the total.
func (t *Total) take(d graphDay, parts []Part, now time.Time) Fold {
	fold := Fold{Graph: d.graph, Day: d.day, Parts: parts}
	for i := range parts {
		p := &parts[i]
		t.Graph.Version = max(t.Graph.Version, p.Version)
		t.Graph.Totals.Add(p.Totals)
		t.Graph.Steps = AddSteps(slices.Clone(t.Graph.Steps), 0, p.Steps)
		t.Poison += p.Poison
		if p.Newest.After(t.Newest) {
			t.Newest = p.Newest
		}
		fold.Totals.Add(p.Totals)
		t.Taken = append(slices.Clip(t.Taken), Taken{p.Day, p.Shard, p.Born, p.Rev + 1, t.Rev, now})
	}
	t.Through = max(t.Through, d.day)
	fold.Total = *t
	return fold
}

// Emptied returns what a fold leaves of a part.
func (p Part) Emptied(total int64) Part {
	p.Rev++
	p.Folded = total
	p.Totals, p.Steps, p.Poison = Totals{}, nil, 0
	return p
}

func (p *Part) empty() bool {
	return p.Totals == (Totals{}) && p.Poison == 0 && !slices.ContainsFunc(p.Steps, func(s Step) bool { return s != Step{} })
}

// clear deletes empty parts and taken repairs, but none that somebody may have
// read before the fold who reads the total after it.
func (r *Rollup) clear(ctx context.Context, k JourneyKey, c *Counters, now time.Time, counts *foldCounts) error {
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
