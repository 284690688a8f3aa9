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
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

// walk drives an enrollment like an engine: up to a minute late, with several steps
// in a write, and with events. It returns the enrollment and the deltas of its writes.
func walk(t *testing.T, r *rand.Rand, g *progress.Graph, request simulate.Request, days int) (progress.Enrollment, []trail.Delta) {
	t.Helper()
	e := progress.Enrollment{Journey: "jrn_0", Customer: request.Customer, EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, days)}
	if request.EntryEvent != nil {
		e.Event = request.EntryEvent.Properties
	}
	e, effect := g.Start(e)
	deltas := []trail.Delta{e.Delta}
	now, looked, attributes := t0, false, request.Attributes
	for turn := 0; e.Status == progress.Inside; turn++ {
		require.Less(t, turn, 2000, "endless walk")
		in := progress.Input{HasAttributes: true}
		switch effect {
		case progress.NoEffect:
			if looked {
				now = sleep(g, e, request, now)
			}
			if request.Events == nil { // late, it could miss an event that a simulation sees in time
				now = now.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
			}
			in.Events, looked = received(g, e, request, now), true
		case progress.NeedEvents:
			in.Events = received(g, e, request, now)
		case progress.NeedDecision:
			in.Answer = progress.Answer{Result: trail.DecidedEmpty}
			if d, ok := request.Decisions[g.NodeID(e.Node)]; ok {
				in.Answer = progress.Answer{Result: trail.Decided, Value: d}
			}
		case progress.NeedSend:
			in.Answer = progress.Answer{Result: trail.Sent}
		case progress.NeedUpdate:
			attributes, in.Answer.Result = g.Update(&e, attributes)
		case progress.NeedAttributes:
		case progress.Stuck:
			t.Fatal("a complete graph is never stuck")
		}
		in.Now, in.Attributes = now, attributes
		if effect == progress.NoEffect || r.IntN(2) == 0 {
			e = e.NextWrite(now)
			deltas = append(deltas, nil)
		}
		before := e.Node
		e, effect = g.Step(e, in)
		looked = looked && e.Node == before
		deltas[len(deltas)-1] = e.Delta
	}
	return e, deltas
}

// sleep returns when to look at a wait again: at the next event, or at its end.
func sleep(g *progress.Graph, e progress.Enrollment, request simulate.Request, now time.Time) time.Time {
	next := later(e.Due, now)
	for _, event := range request.Events {
		at := t0.Add(event.After)
		if slices.Contains(g.Node(e.Node).Events, event.Type) && at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// received returns the events of e's node that were received by now.
func received(g *progress.Graph, e progress.Enrollment, request simulate.Request, now time.Time) map[string][]progress.Received {
	events := map[string][]progress.Received{}
	for _, eventType := range g.Node(e.Node).Events {
		events[eventType] = nil
		for i, event := range request.Events {
			if at := t0.Add(event.After); event.Type == eventType && !at.After(now) {
				events[eventType] = append(events[eventType], progress.Received{Stamp: progress.Stamp{At: at, ID: uint64(i)}, Properties: event.Properties})
			}
		}
	}
	return events
}

// drawEvents draws up to 10 events, no more of a type than are remembered.
func drawEvents(r *rand.Rand) (events []simulate.Event) {
	count := map[string]int{}
	for range r.IntN(11) {
		eventType := fmt.Sprint("e", r.IntN(3))
		if count[eventType]++; count[eventType] <= progress.RememberedEvents {
			events = append(events, simulate.Event{
				Type: eventType, After: time.Duration(r.IntN(60*3600)) * time.Second,
				Properties: fmt.Appendf(nil, `{"n":%d,"cart":%d}`, r.IntN(10), r.IntN(2)),
			})
		}
	}
	return events
}

// drawRequest draws attributes and decisions for a customer of g.
func drawRequest(t *testing.T, r *rand.Rand, g *progress.Graph) simulate.Request {
	t.Helper()
	request := simulate.Request{Customer: fmt.Sprint("c", r.IntN(1000)), Now: t0, Decisions: map[string]condition.Value{}}
	if r.IntN(5) > 0 {
		zone := []string{"Asia/Tokyo", "America/Lima", "Mars/Olympus"}[r.IntN(3)]
		request.Attributes = value(t, fmt.Sprintf(`{"a0":%d,"a1":%d,"a2":%d,"a3":"x","d0":"2026-11-%02d","d1":"2026-12-%02dT10:00:00Z","timezone":%q}`,
			r.IntN(10), r.IntN(10), r.IntN(10), 20+r.IntN(10), 1+r.IntN(30), zone))
	}
	for i := range g.Len() {
		if g.NodeType(i) == graph.NBADecision && r.IntN(3) > 0 {
			request.Decisions[g.NodeID(i)] = value(t, fmt.Sprintf(`{"score":%d}`, r.IntN(10)))
		}
	}
	return request
}

// Real customers and simulations take the same path, with and without events.
func TestSimulation_MatchesRealPath(t *testing.T) {
	t.Parallel()

	outcomes, left := map[string]int{}, map[string]int{}
	seeds := 10_000
	if testing.Short() { // under the race detector
		seeds = 500
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := journeytest.Definition(t, journeytest.GraphWithDates(r, 2+int(seed%50)))
		request := drawRequest(t, r, d.Graph)
		if seed%2 == 0 {
			request.Events = drawEvents(r)
			request.EntryEvent = &simulate.Event{Properties: fmt.Appendf(nil, `{"cart":%d}`, r.IntN(2))}
		}
		days := 1 + r.IntN(8)
		e, _ := walk(t, r, d.Graph, request, days)
		simulated := mustRun(t, d, request, days)

		var walked, steps []string
		for _, visit := range e.Path.Visits(t0) {
			left[string(d.Graph.NodeType(visit.Node))+" "+visit.Result.String()]++
			n := d.Graph.Node(visit.Node)
			result := visit.Result.Name(n.Ways)
			walked = append(walked, n.ID+" "+result)
			if visit.Result != trail.Exited {
				require.Contains(t, n.Results(), result, "warnings know every result")
			}
		}
		for _, step := range simulated.Steps {
			if step.Result != "expired" {
				steps = append(steps, step.NodeID+" "+step.Result)
			}
			if step.EndedBy == "event" {
				outcomes["ended by an event"]++
			}
		}
		outcomes[simulated.Outcome]++
		// Lateness adds up, so a real customer may expire where a simulated one
		// just does not.
		if e.Status == progress.Expired {
			require.Equal(t, steps[:len(walked)], walked, "seed %d", seed)
			continue
		}
		require.Equal(t, steps, walked, "seed %d", seed)
	}
	require.Greater(t, outcomes["exited"], seeds/50)
	require.Greater(t, outcomes["expired"], seeds/200)
	require.Greater(t, outcomes["ended by an event"], seeds/200)
	for _, way := range []string{"multi_split branch0", "multi_split branch1", "multi_split branch2", "random_split branch0", "random_split branch1", "random_split branch2"} {
		require.Greater(t, left[way], seeds/500, way)
	}
}

// For every customer and node, entered = completed + active + failed + dropped.
func TestStep_DeltasAddUp(t *testing.T) {
	t.Parallel()

	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		d := journeytest.Definition(t, journeytest.GraphWithDates(r, 2+int(seed%50)))
		e, deltas := walk(t, r, d.Graph, drawRequest(t, r, d.Graph), 1+r.IntN(20))
		var own trail.Mark
		entered, dropped, left := map[int]int{}, map[int]int{}, map[int][]trail.Result{}
		for _, delta := range deltas {
			require.EqualValues(t, trail.DeltaForm, delta[0])
			own |= trail.Mark(delta[1])
			for rest := delta[2:]; len(rest) > 0; {
				node, marks := int(rest[0]), trail.Mark(rest[1])
				rest = rest[2:]
				if marks&trail.NodeEntered != 0 {
					entered[node]++
				}
				if marks&trail.NodeDropped != 0 {
					dropped[node]++
				}
				if marks&trail.NodeLeft != 0 {
					left[node] = append(left[node], trail.Result(rest[0]))
					rest = rest[1:]
				}
			}
		}
		for node, n := range entered {
			require.Equal(t, 1, n, "seed %d node %d", seed, node)
			require.Equal(t, 1, len(left[node])+dropped[node], "seed %d node %d", seed, node)
		}
		for _, visit := range e.Path.Visits(t0) {
			require.Equal(t, []trail.Result{visit.Result}, left[visit.Node], "seed %d node %d", seed, visit.Node)
		}
		visits := len(e.Path.Visits(t0))
		if e.Status == progress.Completed {
			require.Equal(t, trail.MarkEnrolled|trail.MarkCompleted, own)
			require.Len(t, entered, visits)
		} else {
			require.Equal(t, trail.MarkEnrolled|trail.MarkExpired, own)
			require.Len(t, entered, visits+1)
		}
	}
}
