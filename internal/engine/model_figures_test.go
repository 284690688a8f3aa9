package engine_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// requireRecount checks the exits and conversions of all runs, and that the figures are
// those of the runs: as the audit recounts them, and as the paths count.
func (m *model) requireRecount(seed uint64, runs []progress.Enrollment) {
	var recounted analytics.Figures
	counts := map[string]int64{}
	for i, e := range runs {
		var next progress.Enrollment
		if i+1 < len(runs) && runs[i+1].Customer == e.Customer {
			next = runs[i+1]
		}
		where := fmt.Sprintf("seed %d run %s: %s", seed, runKey(e), e.ExitReason)
		require.False(m.t, marked(e), where)
		m.requireExit(where, e, next)
		m.requireConversion(where, e, next)
		recounted.Recount(e, analytics.DayOf(m.now.AddDate(0, 0, 1)))
		countRun(counts, e)
	}
	require.Len(m.t, m.figures.Graphs, len(recounted.Graphs))
	for hash, want := range recounted.Graphs {
		got := m.figures.Graphs[hash]
		require.Equal(m.t, want.Totals, got.Totals, "seed %d", seed)
		require.Equal(m.t, tally.TrimZeros(want.Steps), tally.TrimZeros(got.Steps), "seed %d", seed)
	}
	require.Equal(m.t, counts, flatten(&m.figures), "seed %d", seed)
}

// countRun adds what a reader of the run's path would count.
func countRun(counts map[string]int64, e progress.Enrollment) {
	add := func(node int, what string) { counts[fmt.Sprint(e.GraphHash, " node ", node, " ", what)]++ }
	counts[e.GraphHash+" total"]++
	counts[e.GraphHash+" "+e.Status.String()]++
	if !e.ConvertedAt.IsZero() {
		counts[e.GraphHash+" conversions"]++
	}
	visits := e.Path.Visits(e.EnrolledAt)
	for i, v := range visits {
		add(v.Node, "entered")
		add(v.Node, resultName(v.Result))
		if i < e.ConvertedSteps {
			add(v.Node, resultName(v.Result)+" converted")
		}
	}
	if n := len(visits); n == 0 || visits[n-1].Result != trail.Exited {
		add(e.Node, "entered")
		add(e.Node, "dropped")
	}
}

func resultName(r trail.Result) string { return fmt.Sprint("result ", int(r)) }

// flatten returns the counts of the figures that are not zero.
func flatten(f *analytics.Figures) map[string]int64 {
	counts := map[string]int64{}
	add := func(key string, n int64) {
		if n != 0 {
			counts[key] = n
		}
	}
	for hash, g := range f.Graphs {
		add(hash+" total", g.Enrolled)
		add(hash+" "+progress.Completed.String(), g.Completed)
		add(hash+" "+progress.Cancelled.String(), g.Cancelled)
		add(hash+" "+progress.Failed.String(), g.Failed)
		add(hash+" "+progress.Expired.String(), g.Expired)
		add(hash+" conversions", g.Conversions)
		for i, s := range g.Steps {
			node := fmt.Sprint(hash, " node ", i, " ")
			add(node+"entered", s.Entered)
			add(node+"dropped", s.Dropped)
			add(node+"failed", s.Failed)
			for _, c := range s.Results {
				add(node+resultName(c.Result), c.Count)
			}
			for _, c := range s.Converted {
				add(node+resultName(c.Result)+" converted", c.Count)
			}
		}
	}
	return counts
}
