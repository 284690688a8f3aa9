package chaos

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// requireCounted waits until the figures counted from the stream equal those of
// all runs, and checks the API's promises about them.
func (w *world) requireCounted(t *testing.T) {
	t.Helper()
	limit := time.Now().Add(countFor)
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for _, c := range w.cohorts {
		list := slices.Concat(slices.Collect(maps.Values(w.runs(t, c)))...)
		var truth analytics.Figures
		for _, e := range list {
			truth.Recount(e, "9999-12-31")
		}
		require.Empty(t, truth.Faults())
		for {
			counted, err := w.store.Analytics.Counters(t.Context(), w.tenant, c.id, analytics.Range{})
			require.NoError(t, err)
			figures := counted.Figures()
			if reflect.DeepEqual(withoutPadding(&truth), withoutPadding(&figures)) {
				require.Empty(t, figures.Faults())
				require.Zero(t, figures.Poison)
				break
			}
			if time.Now().After(limit) {
				require.Equal(t, withoutPadding(&truth), withoutPadding(&figures), "enrollments and counters of %s", c.id)
			}
			<-ticker.C
		}
		if c.exitReason != "journey_deleted" { // the API hides deleted journeys
			w.requireIdentities(t, c, list)
		}
	}
}

// withoutPadding returns the figures by graph without empty steps at the end, which
// depend on how the figures were made.
func withoutPadding(f *analytics.Figures) map[string]analytics.Graph {
	graphs := map[string]analytics.Graph{}
	for hash, g := range f.Graphs {
		steps := g.Steps
		for len(steps) > 0 && steps[len(steps)-1].Zero() {
			steps = steps[:len(steps)-1]
		}
		graphs[hash] = analytics.Graph{Version: g.Version, Totals: g.Totals, Steps: steps}
	}
	return graphs
}

// requireIdentities checks the sums that openapi.yaml promises for analytics, and that the
// results and branches of each step are those of the customers' paths.
func (w *world) requireIdentities(t *testing.T, c *cohort, list []progress.Enrollment) {
	t.Helper()
	type counts struct {
		NodeID, NodeType                                                                           string
		Version, Total, Entered, Active, Completed, Expired, Cancelled, Failed, Dropped, Converted int
		Results, Branches, BranchesConverted                                                       map[string]int
	}
	var shown struct {
		Enrollments counts
		Conversions int
		Steps       []counts
		Edges       []struct {
			Target          string
			Version, Passed int
		}
	}
	text := w.call(t, "GET", manifest.BasePath+"/journeys/"+string(c.id)+"/analytics", "")
	require.NoError(t, json.Unmarshal(text, &shown))
	e := shown.Enrollments
	require.Equal(t, len(list), e.Total)
	require.Equal(t, e.Total, e.Active+e.Completed+e.Expired+e.Cancelled+e.Failed)
	require.NotEmpty(t, shown.Steps)
	counted, converted, conversions := w.results(t, c, list)
	require.Equal(t, conversions, shown.Conversions)
	arrived := map[stepKey]int{}
	for _, e := range shown.Edges {
		arrived[stepKey{e.Version, e.Target}] += e.Passed
	}
	for _, s := range shown.Steps {
		if s.NodeType != "entry_trigger" {
			require.Equal(t, s.Entered, arrived[stepKey{s.Version, s.NodeID}], "%s of version %d", s.NodeID, s.Version)
		}
		version := s.Version
		if version == 0 {
			version = len(c.graphs)
		}
		expected := counted[stepKey{version, s.NodeID}]
		require.Len(t, s.Results, len(expected), s.NodeID)
		for name, n := range expected {
			require.Equal(t, n, s.Results[name], "%s %s", s.NodeID, name)
		}
		for name, n := range s.Branches {
			require.Equal(t, expected[name], n, "%s %s", s.NodeID, name)
			require.Equal(t, converted[stepKey{version, s.NodeID}][name], s.BranchesConverted[name], "%s %s", s.NodeID, name)
		}
		passed := 0
		for _, n := range converted[stepKey{version, s.NodeID}] {
			passed += n
		}
		require.Equal(t, passed, s.Converted, s.NodeID)
		require.Equal(t, s.Entered, s.Completed+s.Active+s.Failed+s.Dropped)
		left := 0
		for _, n := range s.Results {
			left += n
		}
		require.Equal(t, s.Completed, left)
	}
}

// stepKey names a node of a version.
type stepKey struct {
	version int
	node    string
}

// results counts how the customers left each node in all runs, and in those that converted
// later, by the name of the result. It also returns the number of runs that converted.
func (w *world) results(t *testing.T, c *cohort, list []progress.Enrollment) (left, converted map[stepKey]map[string]int, conversions int) {
	t.Helper()
	left, converted = map[stepKey]map[string]int{}, map[stepKey]map[string]int{}
	for _, e := range list {
		if !e.ConvertedAt.IsZero() {
			conversions++
		}
		g := c.graph(t, e.Version)
		for i, visit := range e.Path.Visits(e.EnrolledAt) {
			n := g.Node(visit.Node)
			key := stepKey{e.Version, n.ID}
			if left[key] == nil {
				left[key], converted[key] = map[string]int{}, map[string]int{}
			}
			left[key][visit.Result.Name(n.Ways)]++
			if i < e.ConvertedSteps {
				converted[key][visit.Result.Name(n.Ways)]++
			}
		}
	}
	return left, converted, conversions
}
