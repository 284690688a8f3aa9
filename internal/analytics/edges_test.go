package analytics_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// countedTable returns the same counters for every journey.
type countedTable struct {
	analytics.Table
	counters analytics.Counters
}

func (c countedTable) Counters(context.Context, ident.Tenant, ident.ID, analytics.Range) (analytics.Counters, error) {
	return c.counters, nil
}

// edge names an edge of a version by its source and way.
type edge struct {
	version     int
	source, way string
}

// Customers walk at random through a graph and through the one that replaces it. Each edge
// shows the customers whose paths took it, and all who entered a node came by an edge.
func TestReport_EdgesShowWhatPassed(t *testing.T) {
	t.Parallel()

	exitsOfWaits, branches, versions := 0, 0, 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 16))
		var figures analytics.Figures
		passed := map[edge]int64{}
		counters := analytics.Counters{Totals: map[string]*analytics.Total{}}
		for version := 1; version <= 2; version++ {
			d := definition(t, journeytest.GraphWithDates(r, 3+r.IntN(20)))
			d.Hash = strconv.Itoa(version)
			shown := version % 2 // the current graph has no version
			for range 30 {
				var last progress.Enrollment
				walk(t, r, d, t0.Add(time.Duration(r.IntN(86400))*time.Second), func(e progress.Enrollment) {
					last = e
					require.NoError(t, figures.Apply(analytics.Write{Graph: d.Hash, Version: version, At: e.WrittenAt, Delta: e.Delta}))
				})
				for _, visit := range last.Path.Visits(last.EnrolledAt) {
					n := d.Graph.Node(visit.Node)
					switch {
					case visit.Result != trail.Exited:
						passed[edge{shown, n.ID, n.Ways[visit.Result.Way()]}]++
					case n.Type == graph.Wait:
						exitsOfWaits++
					}
				}
			}
			counters.Totals[d.Hash] = &analytics.Total{Rev: 1, Graph: *figures.Graphs[d.Hash], Labels: d.Graph.Labels()}
			counters.Head = &analytics.Head{Name: "j", Status: journey.Active, Graph: d.Hash, Labels: d.Graph.Labels()}
		}
		report, err := analytics.NewReader(countedTable{counters: counters}).Report(t.Context(), ident.Tenant{}, "jrn_1", analytics.Range{})
		require.NoError(t, err)

		entered, version := map[edge]int64{}, 0
		for _, e := range report.Edges {
			require.GreaterOrEqual(t, e.Version, version, "the current graph comes first")
			version = e.Version
			key := edge{e.Version, e.Source, e.Handle}
			require.Equal(t, passed[key], e.Passed, "seed %d: %+v", seed, e)
			delete(passed, key)
			entered[edge{version: e.Version, source: e.Target}] += e.Passed
			if e.Handle != "" {
				branches++
			}
		}
		versions += version
		require.Empty(t, passed, "seed %d: an edge is missing", seed)
		for _, s := range report.Steps {
			if s.NodeType != graph.EntryTrigger {
				require.Equal(t, s.Entered, entered[edge{version: s.Version, source: s.NodeID}], "seed %d: %s of version %d", seed, s.NodeID, s.Version)
			}
		}
	}
	require.Greater(t, min(exitsOfWaits, branches), 100)
	require.Equal(t, 150, versions, "each report shows both")
}

// A half-drawn graph has only the edges that customers can take.
func TestReport_LeavesOutEdgesThatLeadNowhere(t *testing.T) {
	t.Parallel()

	d := definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"s","type":"condition_split"},{"id":"w","type":"wait"},`+
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"s"},{"source":"s","target":"w","sourceHandle":"true"},`+
		`{"source":"s","target":"out","sourceHandle":"maybe"},{"source":"w","target":"out"},{"source":"w","target":"s"}]}`)
	report, err := analytics.NewReader(countedTable{counters: analytics.Counters{
		Head: &analytics.Head{Graph: d.Hash, Labels: d.Graph.Labels()},
	}}).Report(t.Context(), ident.Tenant{}, "jrn_1", analytics.Range{})
	require.NoError(t, err)
	var edges []string
	for _, e := range report.Edges {
		edges = append(edges, e.Source+" "+e.Handle+" "+e.Target)
	}
	require.Equal(t, []string{"in  s", "s true w"}, edges)
}
