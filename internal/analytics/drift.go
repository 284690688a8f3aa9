package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"journeys/internal/analytics/tally"
	"journeys/internal/feedback"
	"journeys/internal/journey"
)

// compare returns the differences between the recount and the counters, sorted.
// It skips graphs with wrong enrollments and journeys with items of a newer format,
// for which the recount is incomplete. Unreadable figures are logged and counted as
// wrong.
func (r *Rollup) compare(ctx context.Context, a *Audit) ([]Difference, error) {
	var mu sync.Mutex // guards list and the maps of a.Recount
	var list []Difference
	var g errgroup.Group
	g.SetLimit(r.workers())
	for k, recounted := range a.Recount.Figures {
		g.Go(func() error {
			counted, forgotten, err := r.countedThrough(ctx, k, a.Day)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, journey.ErrNewer) {
				a.Recount.Newer[k]++
				return nil
			}
			if errors.Is(err, ErrUnreadable) {
				a.Recount.Wrong[k] = map[string]int{"": 1}
				r.Log.ErrorContext(ctx, "a journey's figures cannot be read",
					"tenant", k.Tenant.String(), "journey", k.Journey, "error", err)
				return nil
			}
			if err == nil && a.Recount.Newer[k] == 0 {
				list = append(list, differences(k, &counted, recounted, a.Recount.Wrong[k], forgotten)...)
			}
			return err
		})
	}
	err := g.Wait()
	slices.SortFunc(list, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Tenant.String(), b.Tenant.String()), cmp.Compare(a.Journey, b.Journey), cmp.Compare(a.Graph, b.Graph))
	})
	return list, err
}

// errOvertaken happens only when two runs overlap and the start of a day lies between
// their clocks.
var errOvertaken = errors.New("analytics: a later day than the audit's was folded")

// countedThrough returns what was counted through a day, without the repairs of
// that day: an earlier run of the audit may have made some and then stopped. It also
// returns the journey's Counters.Forgotten. It returns errOvertaken if a total
// includes a later day.
func (r *Rollup) countedThrough(ctx context.Context, k JourneyKey, day Day) (f Figures, forgotten int64, err error) {
	c, err := readCounters(ctx, r.Table, k.Tenant, k.Journey, Range{})
	if err != nil {
		return Figures{}, 0, err
	}
	for _, t := range c.Totals {
		if t.Through > day {
			return Figures{}, 0, errOvertaken
		}
	}
	f = c.through(day)
	for i := range c.Repairs {
		if repair := &c.Repairs[i]; repair.Day == day {
			repair.Counts.subtractFrom(f.Graph(repair.Graph, 0))
		}
	}
	return f, c.Forgotten, nil
}

// differences compares the graphs of one journey. wrong holds the number of wrong
// enrollments by graph.
func differences(k JourneyKey, counted, recounted *Figures, wrong map[string]int, forgotten int64) []Difference {
	hashes := map[string]bool{}
	for hash := range counted.Graphs {
		hashes[hash] = true
	}
	for hash := range recounted.Graphs {
		hashes[hash] = true
	}
	var list []Difference
	for hash := range hashes {
		missing := Graph{Version: max(counted.Graph(hash, 0).Version, recounted.Graph(hash, 0).Version)}
		recounted.Graph(hash, 0).addTo(&missing)
		counted.Graph(hash, 0).subtractFrom(&missing)
		if !missing.zero() && wrong[hash] == 0 {
			list = append(list, Difference{k, hash, missing, forgotten})
		}
	}
	return list
}

// confirm returns the differences of suspect journeys in which no enrollment was
// moved since the first pass.
func (r *Rollup) confirm(ctx context.Context, a *Audit, differences []Difference) []Difference {
	return slices.DeleteFunc(differences, func(d Difference) bool {
		before, suspect := a.Suspects[d.JourneyKey]
		if suspect && d.Forgotten == before {
			return false
		}
		r.Log.WarnContext(ctx, "difference ignored: a customer was forgotten during the audit",
			"tenant", d.Tenant.String(), "journey", d.Journey, "graph", d.Graph, "through", string(a.Day))
		return true
	})
}

// logDrift logs each wrong figure of a graph and returns their number.
func (r *Rollup) logDrift(ctx context.Context, day Day, d Difference, recount *Recount) int {
	g := recount.figures(d.JourneyKey).Graph(d.Graph, 0)
	n := 0
	logFigure := func(node int, figure string, missing, recounted int64) {
		if missing == 0 {
			return
		}
		n++
		attrs := []any{
			"tenant", d.Tenant.String(), "journey", d.Journey, "graph", d.Graph, "version", d.Missing.Version,
			"through", string(day), "figure", figure, "counted", recounted - missing, "recounted", recounted,
		}
		if node >= 0 {
			attrs = append(attrs, "node", r.nodeID(ctx, d, node))
		}
		r.Log.ErrorContext(ctx, "drift", attrs...)
	}
	for _, t := range totalFigures {
		logFigure(-1, t.name, t.of(&d.Missing.Totals), t.of(&g.Totals))
	}
	for i := range d.Missing.Steps {
		recounted := g.step(i)
		for _, s := range stepFigures {
			logFigure(i, s.name, s.of(&d.Missing.Steps[i]), s.of(&recounted))
		}
		for _, c := range d.Missing.Steps[i].Results {
			logFigure(i, "results."+c.Result.String(), c.Count, recounted.Results.Of(c.Result))
		}
		for _, c := range d.Missing.Steps[i].Converted {
			logFigure(i, "converted."+c.Result.String(), c.Count, recounted.Converted.Of(c.Result))
		}
		for k, missing := range d.Missing.Steps[i].Feedback {
			logFigure(i, "feedback."+feedback.Kind(k).String(), missing, recounted.Feedback[k])
		}
	}
	return n
}

// nodeID returns the id of a node, and its index if the graph cannot be read.
func (r *Rollup) nodeID(ctx context.Context, d Difference, node int) string {
	definition, err := r.definitions.Get(d.Tenant, d.Journey, d.Graph, func() ([]byte, error) {
		return r.Table.Definition(ctx, d.Tenant, d.Journey, d.Graph)
	})
	if err != nil || node >= definition.Graph.Len() {
		return fmt.Sprintf("index %d", node)
	}
	return definition.Graph.NodeID(node)
}

var totalFigures = []struct {
	name string
	of   func(*tally.Totals) int64
}{
	{"enrolled", func(t *tally.Totals) int64 { return t.Enrolled }},
	{"completed", func(t *tally.Totals) int64 { return t.Completed }},
	{"expired", func(t *tally.Totals) int64 { return t.Expired }},
	{"cancelled", func(t *tally.Totals) int64 { return t.Cancelled }},
	{"failed", func(t *tally.Totals) int64 { return t.Failed }},
	{"conversions", func(t *tally.Totals) int64 { return t.Conversions }},
}

var stepFigures = []struct {
	name string
	of   func(*tally.Step) int64
}{
	{"entered", func(s *tally.Step) int64 { return s.Entered }},
	{"failed", func(s *tally.Step) int64 { return s.Failed }},
	{"dropped", func(s *tally.Step) int64 { return s.Dropped }},
}
