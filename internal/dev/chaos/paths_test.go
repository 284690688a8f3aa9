package chaos

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/local"
	"journeys/internal/manifest"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

// requirePathsAndMessages checks every customer's path against /test, and the
// messages in the inbox against the paths.
func (w *world) requirePathsAndMessages(t *testing.T) {
	t.Helper()
	w.events = map[string][]journeytest.Heard{}
	for _, c := range w.cohorts {
		maps.Copy(w.events, w.readEvents(t, c))
		var inbox struct{ Data []letter }
		text := w.call(t, "GET", local.InboxPath+"?journeyId="+string(c.id), "")
		require.NoError(t, json.Unmarshal(text, &inbox))
		sent := map[string]int{} // the inbox keeps one message per key
		for _, m := range inbox.Data {
			sent[m.CustomerID+" at "+m.NodeID]++
		}
		expected := map[string]int{}
		left := map[string]int{} // runs by the node where they were made to leave
		for customer, runs := range w.runs(t, c) {
			w.requireRuns(t, c, customer, runs)
			var all []string
			for i, e := range runs {
				results, end := w.requirePath(t, c, e, i == len(runs)-1)
				all = append(all, results...)
				if !e.ReachedExit() {
					left[customer+" at "+end.NodeID]++
				}
				var next *progress.Enrollment
				if i+1 < len(runs) {
					next = &runs[i+1]
				}
				w.requireConverted(t, c, e, next)
			}
			w.requireUpdates(t, c.people[customer], customer, all)
			for _, result := range all {
				if node, ok := strings.CutSuffix(result, " sent"); ok {
					expected[customer+" at "+node]++
				}
			}
		}
		// A message may be sent, but not recorded, before its customer is made to leave.
		for last, n := range left {
			if unrecorded := sent[last] - expected[last]; unrecorded > 0 {
				expected[last] += min(unrecorded, n)
			}
		}
		require.Equal(t, expected, sent, "messages by customer and node")
		w.messages += len(inbox.Data)
	}
}

// requirePath checks how a run ended and that its path is the one that /test shows, or the
// beginning of it if the customer was made to leave. It returns the nodes with their
// results.
func (w *world) requirePath(t *testing.T, c *cohort, e progress.Enrollment, latest bool) (results []string, end outcome) {
	t.Helper()
	begun := w.written[e.Customer].runs[e.Run]
	require.NotNil(t, begun, "run %d of %s", e.Run, e.Customer)
	e.Event = begun.event // earlier runs are kept without it
	end = w.outcome(t, c, e, latest)
	w.requireLeft(t, c, e)
	for _, s := range end.Path {
		if s.Result != "" {
			results = append(results, s.NodeID+" "+s.Result)
		}
	}
	expected := c.shown
	if ended := w.requireWaits(t, c, e); !c.alike || expected == nil {
		expected = w.simulate(t, c, e, end, ended)
		c.shown = expected
	}
	if !e.ReachedExit() {
		require.GreaterOrEqual(t, len(expected), len(results), e.Customer)
		expected = expected[:len(results)]
	}
	require.Equal(t, expected, append([]string{}, results...), "run %d of %s", e.Run, e.Customer)
	w.countKinds(c.graph(t, e.Version), e)
	return results, end
}

// requireUpdates checks that each update on the paths of a customer's runs added 1 to its
// attribute once, that no other did, and that no change of the dates was lost.
func (w *world) requireUpdates(t *testing.T, person *person, customer string, results []string) {
	t.Helper()
	expected := map[string]int{}
	for _, result := range results {
		if node, ok := strings.CutSuffix(result, " updated"); ok {
			expected[node]++
		}
	}
	p, err := w.store.Customers.Profile(t.Context(), w.tenant, customer)
	require.NoError(t, err)
	stored := struct{ Total map[string]int }{map[string]int{}}
	require.NoError(t, json.Unmarshal(p.Attributes, &stored))
	require.Equal(t, expected, stored.Total, customer)
	if !person.again {
		attributes, last := parse(t, string(p.Attributes)), parse(t, person.stored)
		for _, name := range []string{"d0", "d1", "leave"} {
			require.Equal(t, last.Get(name), attributes.Get(name), "%s of %s", name, customer)
		}
	}
	w.updates += len(expected)
}

// step is a node on a path.
type step struct {
	NodeID, NodeType, Result string
	At                       time.Time
}

// outcome is an enrollment as the API shows it.
type outcome struct {
	Status, ExitReason, NodeID string
	Version                    int
	Path                       []step
}

// outcome returns a run from the API, or from the store if it is an earlier one, the
// journey was deleted, or all go the same way and the API has shown one.
func (w *world) outcome(t *testing.T, c *cohort, e progress.Enrollment, latest bool) (o outcome) {
	t.Helper()
	if latest && c.exitReason != "journey_deleted" && (!c.alike || c.shown == nil) {
		require.NoError(t, json.Unmarshal(w.call(t, "GET", c.path()+"/enrollments/"+e.Customer, ""), &o))
		return o
	}
	var graph struct{ Nodes []struct{ ID, Type string } }
	require.NoError(t, json.Unmarshal([]byte(c.graphs[e.Version-1]), &graph))
	compiled := journeytest.Definition(t, c.graphs[e.Version-1]).Graph
	o = outcome{Status: e.Status.String(), ExitReason: e.ExitReason, NodeID: graph.Nodes[e.Node].ID, Version: e.Version}
	visits := e.Path.Visits(e.EnrolledAt)
	if !e.ReachedExit() {
		visits = append(visits, trail.Visit{Node: e.Node})
	}
	for _, visit := range visits {
		node := graph.Nodes[visit.Node]
		o.Path = append(o.Path, step{NodeID: node.ID, NodeType: node.Type, Result: visit.Result.Name(compiled.Node(visit.Node).Ways)})
	}
	return o
}

// simulate returns the nodes and results that /test shows for a customer. It sends
// events for the waits on the path that an event ended. Those have late dates there.
func (w *world) simulate(t *testing.T, c *cohort, e progress.Enrollment, end outcome, ended map[int]simulate.Event) []string {
	t.Helper()
	decisions, events, late := map[string]any{}, []any{}, []string{}
	begun := w.written[e.Customer].runs[e.Run]
	for i, s := range end.Path {
		if s.NodeType == "nba_decision" {
			decisions[s.NodeID] = map[string]int{"score": score(c.people[e.Customer].s)}
		}
		if _, ok := ended[i]; ok {
			late = append(late, s.NodeID)
		}
	}
	graph := journeytest.WithLateDates(t, c.graphs[end.Version-1], late, e.EnrolledAt.AddDate(0, 0, 29))
	test := func() (answer struct{ Trace []step }) {
		request := map[string]any{
			"customerId": e.Customer, "customerAttributes": json.RawMessage(begun.attributes), "decisions": decisions,
			"definition": json.RawMessage(graph), "events": events, "now": instant(e.EnrolledAt),
		}
		if begun.event != nil {
			request["entryEvent"] = map[string]any{"type": starting, "properties": json.RawMessage(begun.event)}
		}
		body, err := json.Marshal(request)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(w.call(t, "POST", manifest.BasePath+"/journeys/"+string(w.plain)+"/test", string(body)), &answer))
		return answer
	}
	for i := range end.Path {
		event, ok := ended[i]
		if !ok {
			continue
		}
		trace := test().Trace
		after := trace[i].At.Sub(trace[0].At) + 3*time.Millisecond/2 // hours are cut to milliseconds
		sent := map[string]any{"type": event.Type, "afterHours": after.Hours()}
		if event.Properties != nil {
			sent["properties"] = json.RawMessage(event.Properties)
		}
		events = append(events, sent)
	}
	var results []string
	for _, s := range test().Trace {
		results = append(results, s.NodeID+" "+s.Result)
	}
	return results
}
