package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/trail"
)

// The journey was edited once. Its counts are spread over a total, two open days
// and a repair.
func TestAnalytics_AddsUpTheCounters(t *testing.T) {
	t.Parallel()

	store := &memoryStore{}
	id := newServer(t, store).create(`{"name":"Welcome","definition":` + wholeGraph + `}`)
	j := store.journeys[0]
	older := j
	older.GraphHash = "0000000000000000000000000000000000000000000000000000000000000000"
	s := newServer(t, countedStore{Store: store, counters: analytics.Counters{
		Totals: map[string]*analytics.Total{j.GraphHash: {
			Rev: 1, Through: "2026-11-22", Newest: start.AddDate(0, 0, -1),
			Graph: analytics.Graph{
				Version: 2, Totals: tally.Totals{Enrolled: 5, Completed: 1, Failed: 1, Conversions: 2},
				Steps: []tally.Step{
					{Entered: 5, Results: left(trail.Entered, 5), Converted: left(trail.Entered, 2)}, {Entered: 5, Results: left(trail.Waited, 3)},
					{Entered: 3, Results: left(trail.True, 1).Plus(left(trail.False, 2)...), Converted: left(trail.False, 2)}, {Entered: 1, Failed: 1},
				},
			},
		}},
		Parts: []analytics.Part{
			{
				PartKey: analytics.PartKey{Day: "2026-11-23", Graph: j.GraphHash}, Rev: 1, Newest: start.Add(-time.Minute),
				Totals: tally.Totals{Enrolled: 1, Cancelled: 1, Expired: 1, Completed: 1, Conversions: 1},
				Steps:  []tally.Step{{Entered: 1, Results: left(trail.Entered, 1), Converted: left(trail.Entered, 1)}, {Entered: 1, Dropped: 2}},
			},
			{
				PartKey: analytics.PartKey{Day: "2026-11-23", Graph: older.GraphHash, Shard: 3}, Rev: 1, Version: 1,
				Newest: start.Add(-time.Hour), Totals: tally.Totals{Enrolled: 1},
				Steps: []tally.Step{{}, {}, {}, {}, {Entered: 1, Results: left(trail.SkippedNoAddress, 1)}, {Entered: 1}},
			},
		},
		Repairs: []analytics.Repair{{
			Graph: j.GraphHash, Day: "2026-11-21", Counts: analytics.Graph{
				Steps: []tally.Step{{}, {}, {}, {}, {}, {Entered: 2, Results: left(trail.Exited, 2)}},
			},
		}},
		Closed: []analytics.Closed{{
			Month: "2026-11", Graph: j.GraphHash, Rev: 1, Days: []analytics.DayTotals{
				{Day: "2026-11-20", Totals: tally.Totals{Enrolled: 9}},
				{Day: "2026-11-22", Totals: tally.Totals{Enrolled: 5, Completed: 1, Failed: 1}},
			},
		}},
	}})

	w := s.do(call{method: "GET", path: "/journeys/" + id + "/analytics?from=2026-11-21&to=2026-11-23"})
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	var body struct {
		JourneyID, JourneyName, Status, AsOf string
		Enrollments                          map[string]int
		CompletionRate, ConversionRate       float64
		Conversions                          int
		Steps, Edges                         []map[string]any
		Series                               []map[string]any
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	require.Equal(t, "2026-11-23T09:59:00.000Z", body.AsOf)
	require.Equal(t, map[string]int{"total": 7, "active": 2, "completed": 2, "expired": 1, "cancelled": 1, "failed": 1}, body.Enrollments)
	require.Equal(t, 0.2857, body.CompletionRate)
	require.Equal(t, 3, body.Conversions)
	require.Equal(t, 0.4286, body.ConversionRate)
	var nodes []any
	for _, step := range body.Steps {
		nodes = append(nodes, step["nodeId"])
		require.Equal(t, step["entered"], step["completed"].(float64)+step["active"].(float64)+step["failed"].(float64)+step["dropped"].(float64), step)
	}
	require.Equal(t, []any{"in", "pause", "rich", "offer", "mail", "out", "in", "pause", "rich", "offer", "mail", "out"}, nodes)
	require.Equal(t, map[string]any{
		"nodeId": "rich", "nodeType": "condition_split", "entered": 3.0, "completed": 3.0, "active": 0.0, "failed": 0.0,
		"dropped": 0.0, "completionRate": 1.0, "results": map[string]any{"true": 1.0, "false": 2.0},
		"branches": map[string]any{"true": 1.0, "false": 2.0}, "converted": 2.0,
		"branchesConverted": map[string]any{"true": 0.0, "false": 2.0},
	}, body.Steps[2])
	require.Equal(t, 3.0, body.Steps[0]["converted"], "of the total and of a day")
	require.Equal(t, map[string]any{"entered": 6.0}, body.Steps[0]["results"], "of the total and of a day")
	require.Equal(t, map[string]any{}, body.Steps[3]["results"], "no customer left it")
	require.Equal(t, map[string]any{
		"nodeId": "mail", "nodeType": "channel_action", "version": 1.0, "entered": 1.0, "completed": 1.0, "active": 0.0, "failed": 0.0,
		"dropped": 0.0, "completionRate": 1.0, "results": map[string]any{"skipped_no_address": 1.0}, "converted": 0.0,
	}, body.Steps[10])
	require.Equal(t, map[string]any{"true": 0.0, "false": 0.0}, body.Steps[8]["branches"], "both, even if no customer left")
	require.Equal(t, []map[string]any{
		{"source": "in", "target": "pause", "passed": 6.0},
		{"source": "pause", "target": "rich", "passed": 3.0},
		{"source": "rich", "sourceHandle": "true", "target": "offer", "passed": 1.0},
		{"source": "rich", "sourceHandle": "false", "target": "out", "passed": 2.0},
		{"source": "offer", "target": "mail", "passed": 0.0},
		{"source": "mail", "target": "out", "passed": 0.0},
	}, body.Edges[:6])
	require.Equal(t, map[string]any{"source": "mail", "target": "out", "version": 1.0, "passed": 1.0}, body.Edges[11])
	require.Equal(t, []map[string]any{
		{"date": "2026-11-21", "enrolled": 0.0, "completed": 0.0, "expired": 0.0, "cancelled": 0.0, "failed": 0.0},
		{"date": "2026-11-22", "enrolled": 5.0, "completed": 1.0, "expired": 0.0, "cancelled": 0.0, "failed": 1.0},
		{"date": "2026-11-23", "enrolled": 2.0, "completed": 1.0, "expired": 1.0, "cancelled": 1.0, "failed": 0.0},
	}, body.Series)
}

// Branches have names, of the current graph and of earlier ones, and also if no customer
// took them.
func TestAnalytics_NamesEveryBranch(t *testing.T) {
	t.Parallel()

	labels := []graph.Label{
		{Node: 0, ID: "in", Type: graph.EntryTrigger},
		{Node: 1, ID: "m", Type: graph.MultiSplit, Text: "Which plan?", Ways: []string{"pro", "trial", "else"}},
		{Node: 2, ID: "r", Type: graph.RandomSplit, Ways: []string{"sent", "control"}},
	}
	steps := []tally.Step{
		{Entered: 5, Results: left(trail.Entered, 5)},
		{
			Entered: 5, Results: left(trail.Branch(0), 3).Plus(left(trail.Branch(2), 1)...),
			Converted: left(trail.Branch(0), 1).Plus(left(trail.Branch(2), 1)...),
		},
		{Entered: 1},
	}
	earlier := &analytics.Total{Rev: 1, Labels: labels, Graph: analytics.Graph{Version: 1, Totals: tally.Totals{Enrolled: 5, Conversions: 2}, Steps: steps}}
	current := &analytics.Total{Rev: 1, Graph: analytics.Graph{Version: 2, Totals: tally.Totals{Enrolled: 5, Conversions: 2}, Steps: steps}}
	s := newServer(t, countedStore{Store: &memoryStore{}, counters: analytics.Counters{
		Head:   &analytics.Head{Name: "Welcome", Status: journey.Active, Graph: "b", Labels: labels},
		Totals: map[string]*analytics.Total{"a": earlier, "b": current},
	}})
	body := s.must(http.StatusOK, call{method: "GET", path: "/journeys/jrn_01JD0000000000000000000000/analytics"})
	list := body["steps"].([]any)
	require.Len(t, list, 6)
	for i, version := range []any{nil, 1.0} {
		entry, multi, random := list[3*i].(map[string]any), list[3*i+1].(map[string]any), list[3*i+2].(map[string]any)
		require.Equal(t, version, multi["version"])
		require.Equal(t, "Which plan?", multi["label"])
		require.NotContains(t, entry, "label")
		require.NotContains(t, entry, "branches")
		require.NotContains(t, entry, "branchesConverted")
		require.Equal(t, 2.0, multi["converted"])
		require.Equal(t, map[string]any{"pro": 1.0, "trial": 0.0, "else": 1.0}, multi["branchesConverted"])
		require.Equal(t, map[string]any{"sent": 0.0, "control": 0.0}, random["branchesConverted"])
		require.Equal(t, map[string]any{"pro": 3.0, "trial": 0.0, "else": 1.0}, multi["branches"])
		require.Equal(t, map[string]any{"pro": 3.0, "else": 1.0}, multi["results"])
		require.Equal(t, map[string]any{"sent": 0.0, "control": 0.0}, random["branches"])
	}
}

// left is the results of a node that was left with one of them only.
func left(result trail.Result, n int64) tally.Results {
	return tally.Results{{Result: result, Count: n}}
}

// The answer of a function is limited to 6 MB.
func TestAnalytics_LeavesOutTheOldestVersions(t *testing.T) {
	t.Parallel()

	const versions = 60
	many := int64(1_000_000_000)
	for _, row := range []struct {
		name   string
		label  graph.Label
		counts tally.Results
		edges  bool // each way leads to another node
		kept   int  // versions
	}{
		{
			"condition splits", graph.Label{Type: graph.ConditionSplit, Ways: []string{"true", "false"}},
			left(trail.True, many/2).Plus(left(trail.False, many/2)...), false, 40,
		},
		{
			"long labels", graph.Label{Type: graph.ConditionSplit, Ways: []string{"true", "false"}, Text: strings.Repeat("x", graph.MaxLabel)},
			left(trail.True, many/2).Plus(left(trail.False, many/2)...), false, 34,
		},
		{
			"labels of control characters", graph.Label{Type: graph.ConditionSplit, Ways: []string{"true", "false"}, Text: strings.Repeat("\x01", graph.MaxLabel)},
			left(trail.True, many/2).Plus(left(trail.False, many/2)...), false, 19,
		},
		{
			"splits with long names", graph.Label{Type: graph.RandomSplit, Ways: []string{strings.Repeat("a", 64), strings.Repeat("b", 64)}},
			left(trail.Branch(0), many/2).Plus(left(trail.Branch(1), many/2)...), false, 13,
		},
		{
			"edges", graph.Label{Type: graph.ConditionSplit, Ways: []string{"true", "false"}},
			left(trail.True, many/2).Plus(left(trail.False, many/2)...), true, 21,
		},
		{"messages", graph.Label{Type: graph.ChannelAction}, left(trail.Sent, many), false, 28},
		{
			"edges with long names", graph.Label{Type: graph.RandomSplit, Ways: []string{strings.Repeat("a", 64), strings.Repeat("b", 64)}},
			left(trail.Branch(0), many/2).Plus(left(trail.Branch(1), many/2)...), true, 9,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			counters := analytics.Counters{
				Head:   &analytics.Head{Name: "Welcome", Status: journey.Active, Graph: fmt.Sprintf("%064d", versions)},
				Totals: map[string]*analytics.Total{},
			}
			var labels []graph.Label
			for i := range graph.MaxNodes {
				label := row.label
				label.Node, label.ID = i, fmt.Sprintf("node-%059d", i)
				if row.edges {
					label.Next = []int{(i + 1) % graph.MaxNodes, (i + 2) % graph.MaxNodes}
				}
				labels = append(labels, label)
			}
			counters.Head.Labels = labels
			steps := slices.Repeat([]tally.Step{{Entered: 3 * many, Failed: many, Results: row.counts, Converted: row.counts}}, graph.MaxNodes)
			if row.label.Type == graph.ChannelAction {
				for i := range steps {
					for k := range steps[i].Feedback {
						steps[i].Feedback[k] = many
					}
				}
			}
			for v := 1; v <= versions; v++ {
				hash := fmt.Sprintf("%064d", v)
				counters.Totals[hash] = &analytics.Total{Rev: 1, Labels: labels, Graph: analytics.Graph{
					Version: v, Totals: tally.Totals{Enrolled: 3 * many, Failed: many, Conversions: many}, Steps: steps,
				}}
			}
			s := newServer(t, countedStore{Store: &memoryStore{}, counters: counters})
			w := s.do(call{method: "GET", path: "/journeys/jrn_01JD0000000000000000000000/analytics"})
			require.Equal(t, http.StatusOK, w.Code)
			var body struct {
				Enrollments     map[string]int64
				Steps, Edges    []struct{ Version int }
				VersionsLeftOut []int
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			require.Equal(t, versions*3*many, body.Enrollments["total"])
			require.Equal(t, row.kept*graph.MaxNodes, len(body.Steps))
			if row.edges {
				require.Len(t, body.Edges, 2*len(body.Steps))
				require.Equal(t, body.Steps[len(body.Steps)-1].Version, body.Edges[len(body.Edges)-1].Version)
			}
			require.Zero(t, body.Steps[0].Version, "the current graph comes first")
			require.Equal(t, versions-row.kept+1, body.Steps[len(body.Steps)-1].Version)
			require.Len(t, body.VersionsLeftOut, versions-row.kept)
			require.Equal(t, []int{1, versions - row.kept}, []int{body.VersionsLeftOut[0], body.VersionsLeftOut[versions-row.kept-1]})
			payload, err := json.Marshal(w.Body.String())
			require.NoError(t, err)
			t.Logf("%d bytes", len(payload))
			require.Less(t, len(payload), 5<<20, "encoded as the text of the function's answer")
		})
	}
}

func TestAnalytics_IsEmptyWithoutCounts(t *testing.T) {
	t.Parallel()

	s := newServer(t, countedStore{Store: &memoryStore{}})
	id := s.create(`{"name":"Welcome"}`)
	viewer := caller(manifest.Viewer)
	body := s.must(http.StatusOK, call{method: "GET", path: "/journeys/" + id + "/analytics", caller: &viewer})
	require.Contains(t, body, "asOf")
	require.Nil(t, body["asOf"])
	require.Equal(t, []any{}, body["steps"])
	require.Equal(t, []any{}, body["edges"])
	require.Equal(t, []any{0.0, 0.0}, []any{body["conversions"], body["conversionRate"]})
	require.NotContains(t, body, "series")
	s.must(http.StatusNotFound, call{method: "GET", path: "/journeys/jrn_01JD0000000000000000000000/analytics"})
}

// A console asks again and again.
func TestAnalytics_AnswersNotModified(t *testing.T) {
	t.Parallel()

	store := &memoryStore{}
	s := newServer(t, &countedStore{Store: store})
	id := s.create(`{"name":"Welcome"}`)
	read := func(path string, known ...string) (status int, tag, body string) {
		c := call{method: "GET", path: path}
		for _, header := range known {
			c.header = append(c.header, "If-None-Match", header)
		}
		w := s.do(c)
		return w.Code, w.Header().Get("ETag"), w.Body.String()
	}
	path := "/journeys/" + id + "/analytics"
	_, tag, _ := read(path)
	require.Regexp(t, `^"[0-9a-f]{32}"$`, tag)
	for _, known := range []string{tag, "W/" + tag, `"3", ` + tag, `"a,b" , W/` + tag, "*"} {
		status, again, body := read(path, known)
		require.Equal(t, []any{http.StatusNotModified, tag, ""}, []any{status, again, body}, known)
	}
	status, _, _ := read(path, `"3"`, tag)
	require.Equal(t, http.StatusNotModified, status, "in a second header")
	for _, known := range []string{`"1"`, strings.ToUpper(tag), `"` + tag[2:]} {
		status, again, body := read(path, known)
		require.Equal(t, []any{http.StatusOK, tag}, []any{status, again}, known)
		require.NotEmpty(t, body)
	}
	status, series, _ := read(path+"?from=2026-11-01&to=2026-11-01", tag)
	require.Equal(t, http.StatusOK, status)
	require.NotEqual(t, tag, series, "another body")
	status, _, _ = read(path, `"1`)
	require.Equal(t, http.StatusBadRequest, status)
	s.must(http.StatusOK, call{method: "PUT", path: "/journeys/" + id, body: `{"name":"Hello"}`})
	status, renamed, _ := read(path, tag)
	require.Equal(t, http.StatusOK, status)
	require.NotEqual(t, tag, renamed)
}

func TestAnalytics_RefusesBadDays(t *testing.T) {
	t.Parallel()

	s := newServer(t, countedStore{Store: &memoryStore{}})
	id := s.create(`{"name":"Welcome"}`)
	for query, pointers := range map[string][]string{
		"from=2026-11-01":                     {"/query/to"},
		"to=2026-11-01":                       {"/query/from"},
		"from=&to=":                           {"/query/from", "/query/to"},
		"from=2026-11-31&to=2026-12-1":        {"/query/from", "/query/to"},
		"from=2026-11-02&to=2026-11-01":       {"/query/to"},
		"from=2025-11-23&to=2026-11-24":       {"/query/to"},
		"from=1969-12-31&to=1970-01-01":       {"/query/from"},
		"from=2026-11-01T00:00:00Z&to=x&on=1": {"/query/on", "/query/from", "/query/to"},
	} {
		body := s.must(http.StatusBadRequest, call{method: "GET", path: "/journeys/" + id + "/analytics?" + query})
		var got []string
		for _, fault := range body["errors"].([]any) {
			got = append(got, fault.(map[string]any)["pointer"].(string))
		}
		require.ElementsMatch(t, pointers, got, query)
	}
	for query, days := range map[string]int{
		"from=2025-11-24&to=2026-11-24": 366, "from=1970-01-01&to=1970-01-01": 1, "from=2028-02-28&to=2028-03-01": 3,
	} {
		body := s.must(http.StatusOK, call{method: "GET", path: "/journeys/" + id + "/analytics?" + query})
		require.Len(t, body["series"], days, query)
	}
}
