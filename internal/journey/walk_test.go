package journey_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/journey"
)

// walk drives an enrollment like an engine: up to a minute late, with several steps
// in a write, and with events. It returns the enrollment and the deltas of its writes.
func walk(t *testing.T, r *rand.Rand, g *journey.Graph, request journey.TestRequest, days int) (journey.Enrollment, []journey.Delta) {
	t.Helper()
	e, effect := g.Start(journey.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, days)})
	deltas := []journey.Delta{e.Delta}
	now := t0
	for turn := 0; e.Status == journey.Inside; turn++ {
		require.Less(t, turn, 2000, "endless walk")
		in := journey.Input{Attributes: request.Attributes, HasAttributes: true}
		switch effect {
		case journey.NoEffect:
			if e.Due.After(now) {
				now = e.Due
			}
			for _, event := range request.Events {
				at := t0.Add(event.After)
				if awaits(g, e.Node, event.Type) && at.After(e.Since) && at.Before(now) {
					now, in.EventAt = at, at
				}
			}
			now = now.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
		case journey.NeedDecision:
			in.Answer = journey.Answer{Result: journey.DecidedEmpty}
			if d, ok := request.Decisions[g.NodeID(e.Node)]; ok {
				in.Answer = journey.Answer{Result: journey.Decided, Decision: d}
			}
		case journey.NeedSend:
			in.Answer = journey.Answer{Result: journey.Sent}
		case journey.NeedAttributes:
		case journey.Stuck:
			t.Fatal("a complete graph is never stuck")
		}
		in.Now = now
		if effect == journey.NoEffect || r.IntN(2) == 0 {
			e = e.NextWrite(now)
			deltas = append(deltas, nil)
		}
		e, effect = g.Step(e, in)
		deltas[len(deltas)-1] = e.Delta
	}
	return e, deltas
}

// awaits reports whether the node with that index is a wait for the event.
func awaits(g *journey.Graph, node int, eventType string) bool {
	return slices.ContainsFunc(g.Awaits(node), func(a graph.Awaited) bool { return a.Type == eventType })
}

// drawRequest draws attributes and decisions for a customer of g.
func drawRequest(t *testing.T, r *rand.Rand, g *journey.Graph) journey.TestRequest {
	t.Helper()
	request := journey.TestRequest{Now: t0, Decisions: map[string]condition.Value{}}
	if r.IntN(5) > 0 {
		request.Attributes = value(t, fmt.Sprintf(`{"a0":%d,"a1":%d,"a2":%d,"a3":"x"}`, r.IntN(10), r.IntN(10), r.IntN(10)))
	}
	for i := range g.Len() {
		if g.NodeType(i) == graph.NBADecision && r.IntN(3) > 0 {
			request.Decisions[g.NodeID(i)] = value(t, fmt.Sprintf(`{"score":%d}`, r.IntN(10)))
		}
	}
	return request
}

// Real customers and simulations take the same path. There are no events, because
// a walk that is late may miss an event that a simulation sees in time.
func TestSimulation_MatchesRealPath(t *testing.T) {
	t.Parallel()

	outcomes := map[string]int{}
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := journeytest.Definition(t, journeytest.Graph(r, 2+int(seed%50)))
		request := drawRequest(t, r, d.Graph)
		days := 1 + r.IntN(8)
		e, _ := walk(t, r, d.Graph, request, days)
		simulated := simulate(t, d, request, days)

		var walked, steps []string
		for _, visit := range e.Path.Visits(t0) {
			walked = append(walked, d.Graph.NodeID(visit.Node)+" "+visit.Result.Name(d.Graph.Node(visit.Node).Ways))
		}
		for _, step := range simulated.Steps {
			if step.Result != "expired" {
				steps = append(steps, step.NodeID+" "+step.Result)
			}
		}
		outcomes[simulated.Outcome]++
		// Lateness adds up, so a real customer may expire where a simulated one
		// just does not.
		if e.Status == journey.Expired {
			require.Equal(t, steps[:len(walked)], walked, "seed %d", seed)
			continue
		}
		require.Equal(t, steps, walked, "seed %d", seed)
	}
	require.Greater(t, outcomes["exited"], 200)
	require.Greater(t, outcomes["expired"], 50)
}

// For every customer and node, entered = completed + active + failed + dropped.
func TestStep_DeltasAddUp(t *testing.T) {
	t.Parallel()

	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		d := journeytest.Definition(t, journeytest.Graph(r, 2+int(seed%50)))
		e, deltas := walk(t, r, d.Graph, drawRequest(t, r, d.Graph), 1+r.IntN(20))
		var own journey.Mark
		entered, dropped, left := map[int]int{}, map[int]int{}, map[int][]journey.Result{}
		for _, delta := range deltas {
			require.EqualValues(t, journey.DeltaForm, delta[0])
			own |= journey.Mark(delta[1])
			for rest := delta[2:]; len(rest) > 0; {
				node, marks := int(rest[0]), journey.Mark(rest[1])
				rest = rest[2:]
				if marks&journey.NodeEntered != 0 {
					entered[node]++
				}
				if marks&journey.NodeDropped != 0 {
					dropped[node]++
				}
				if marks&journey.NodeLeft != 0 {
					left[node] = append(left[node], journey.Result(rest[0]))
					rest = rest[1:]
				}
			}
		}
		for node, n := range entered {
			require.Equal(t, 1, n, "seed %d node %d", seed, node)
			require.Equal(t, 1, len(left[node])+dropped[node], "seed %d node %d", seed, node)
		}
		for _, visit := range e.Path.Visits(t0) {
			require.Equal(t, []journey.Result{visit.Result}, left[visit.Node], "seed %d node %d", seed, visit.Node)
		}
		visits := len(e.Path.Visits(t0))
		if e.Status == journey.Completed {
			require.Equal(t, journey.MarkEnrolled|journey.MarkCompleted, own)
			require.Len(t, entered, visits)
		} else {
			require.Equal(t, journey.MarkEnrolled|journey.MarkExpired, own)
			require.Len(t, entered, visits+1)
		}
	}
}
