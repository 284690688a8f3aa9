package chaos

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// What callers do to the journeys while customers are inside, by number.
const (
	toPause = iota
	toEdit
	toSendEvents
	toArchive
	toDelete
)

const (
	pauses  = 3
	later   = 10 // customers who enter the edited journey
	events  = 64
	senders = 4
)

// interfere does what marketers do while customers are inside. Handlers die as
// everything else does, and their callers try again.
func (w *world) interfere(t *testing.T) {
	t.Helper()
	var sending sync.WaitGroup
	answers := make([]int, events)
	for group := range slices.Chunk(answers, events/senders) {
		bodies := make([]string, len(group))
		for i := range bodies {
			w.sent++
			bodies[i] = fmt.Sprintf(`{"customerId":%q,"eventType":"e%d","eventId":"%d"}`,
				w.journeys[toSendEvents].customers[w.r.IntN(perGraph)], w.r.IntN(3), w.sent)
		}
		sending.Go(func() {
			for i, body := range bodies {
				for tries := 0; tries < 100 && group[i]/100 != 2; tries++ {
					group[i], _ = w.try(t, "POST", manifest.BasePath+"/events", body)
				}
			}
		})
	}
	edited := w.journeys[toEdit]
	edited.graphs = append(edited.graphs, w.newGraph(toEdit))
	w.call(t, "PUT", edited.path(), `{"definition":`+edited.graphs[1]+`}`)
	w.enroll(t, edited, w.makeCustomers(t, edited, later), "later")
	for range pauses {
		for _, status := range []string{"paused", "active"} {
			w.call(t, "PUT", w.journeys[toPause].path(), `{"status":"`+status+`"}`)
		}
	}
	sending.Wait()
	for _, status := range answers {
		require.Equal(t, 202, status)
	}
}

// end makes everybody leave a journey.
func (w *world) end(t *testing.T, number int) {
	t.Helper()
	c := w.journeys[number]
	switch number {
	case toArchive:
		c.ended = "journey_archived"
		w.call(t, "PUT", c.path(), `{"status":"archived"}`)
	case toDelete:
		c.ended = "journey_deleted"
		for status := 0; status != 204 && status != 404; { // 404: the answer to an earlier try was lost
			status, _ = w.try(t, "DELETE", c.path(), "")
		}
	}
}

func (c *course) path() string { return manifest.BasePath + "/journeys/" + string(c.id) }

// step is a node on somebody's way.
type step struct {
	NodeID, NodeType, Result string
	At                       time.Time
}

// gone is where somebody went.
type gone struct {
	Status, ExitReason, NodeID string
	Version                    int
	Path                       []step
}

// went returns where a customer went: as callers are told, or as is stored where
// callers are told that there is no such journey.
func (w *world) went(t *testing.T, c *course, e journey.Enrollment) (g gone) {
	t.Helper()
	if c.ended != "journey_deleted" {
		require.NoError(t, json.Unmarshal(w.call(t, "GET", c.path()+"/enrollments/"+e.Customer, ""), &g))
		return g
	}
	var graph struct{ Nodes []struct{ ID, Type string } }
	require.NoError(t, json.Unmarshal([]byte(c.graphs[e.Version-1]), &graph))
	g = gone{Status: e.Status.String(), ExitReason: e.ExitReason, NodeID: graph.Nodes[e.Node].ID, Version: e.Version}
	visits := e.Path.Visits(e.EnrolledAt)
	if e.Status != journey.Completed {
		visits = append(visits, journey.Visit{Node: e.Node})
	}
	for _, visit := range visits {
		node := graph.Nodes[visit.Node]
		g.Path = append(g.Path, step{NodeID: node.ID, NodeType: node.Type, Result: visit.Result.String()})
	}
	return g
}

// awaited returns the event that a wait of a graph is for.
func awaited(t *testing.T, graph, id string) string {
	t.Helper()
	var g struct {
		Nodes []struct {
			ID     string
			Config struct{ WaitForEvent string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(graph), &g))
	for _, n := range g.Nodes {
		if n.ID == id {
			return n.Config.WaitForEvent
		}
	}
	return ""
}

// shown returns the way that /test shows through the graph of somebody, with
// events for the waits that an event has ended.
func (w *world) shown(t *testing.T, c *course, customer string, went gone) []string {
	t.Helper()
	graph, answers, happened := c.graphs[went.Version-1], map[string]any{}, []any{}
	for _, s := range went.Path {
		if s.NodeType == "nba_decision" {
			answers[s.NodeID] = map[string]int{"score": score(c.attributes[customer])}
		}
	}
	walk := func() (trace struct{ Trace []step }) {
		body, err := json.Marshal(map[string]any{
			"customerAttributes": json.RawMessage(attributes(c.attributes[customer])), "decisions": answers,
			"definition": json.RawMessage(graph), "events": happened, "now": "2026-11-23T10:00:00Z",
		})
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(w.call(t, "POST", w.journeys[toPause].path()+"/test", string(body)), &trace))
		return trace
	}
	for i, s := range went.Path {
		if s.Result != "woken" {
			continue
		}
		trace := walk().Trace
		after := trace[i].At.Sub(trace[0].At) + 3*time.Millisecond/2 // hours are cut to milliseconds
		happened = append(happened, map[string]any{"type": awaited(t, graph, s.NodeID), "afterHours": after.Hours()})
		w.woken++
	}
	var way []string
	for _, s := range walk().Trace {
		way = append(way, s.NodeID+" "+s.Result)
	}
	return way
}
