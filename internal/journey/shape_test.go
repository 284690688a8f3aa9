package journey_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// Every change that makes the enrollment impossible is found.
func TestShape_RejectsImpossibleEnrollments(t *testing.T) {
	t.Parallel()

	g, e, _ := enter(t, onboarding)
	shape := g.Shape()
	require.NoError(t, shape.Check(e))
	for name, change := range map[string]func(*progress.Enrollment){
		"another node":              func(e *progress.Enrollment) { e.Node = 2 },
		"a node beyond the graph":   func(e *progress.Enrollment) { e.Node = 99 },
		"completed without an exit": func(e *progress.Enrollment) { e.Status, e.Due = progress.Completed, time.Time{} },
		"inside, but it left":       func(e *progress.Enrollment) { e.LeftAt = e.Since },
		"removed, but it never left": func(e *progress.Enrollment) {
			*e = e.Cancel("removed")
			e.LeftAt = time.Time{}
		},
		"inside, but not due":              func(e *progress.Enrollment) { e.Due = time.Time{} },
		"ended, but due":                   func(e *progress.Enrollment) { e.Status = progress.Expired },
		"a truncated path":                 func(e *progress.Enrollment) { e.Path = e.Path[:1] },
		"a path of another graph":          func(e *progress.Enrollment) { e.Path = trail.Path{3, 0, byte(trail.Sent)} },
		"a result of another node type":    func(e *progress.Enrollment) { e.Path = trail.Path{0, 0, byte(trail.Sent)} },
		"at its node before enrollment":    func(e *progress.Enrollment) { e.Since = e.EnrolledAt.Add(-time.Second) },
		"inside, but past an exit":         func(e *progress.Enrollment) { e.Path = append(e.Path, byte(e.Node), 0, byte(trail.Exited)) },
		"no revision":                      func(e *progress.Enrollment) { e.Rev = 0 },
		"failed, but never":                func(e *progress.Enrollment) { *e = e.Fail("send_failed"); e.FailedAt = time.Time{} },
		"inside, but it failed":            func(e *progress.Enrollment) { e.FailedAt = e.Since },
		"steps without a conversion":       func(e *progress.Enrollment) { e.ConvertedSteps = 1 },
		"converted before enrollment":      func(e *progress.Enrollment) { e.ConvertedAt = e.EnrolledAt.Add(-time.Second) },
		"converted beyond its path":        func(e *progress.Enrollment) { e.ConvertedAt, e.ConvertedSteps = e.Since, 2 },
		"at its node before the last step": func(e *progress.Enrollment) { e.Path = trail.Path{0, 100, byte(trail.Entered)} },
	} {
		wrong := e
		wrong.Path = append(trail.Path(nil), e.Path...)
		change(&wrong)
		require.Error(t, shape.Check(wrong), name)
	}
}

func TestGraph_OrderIsTopological(t *testing.T) {
	t.Parallel()

	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		d := journeytest.Definition(t, journeytest.GraphWithDates(r, 2+r.IntN(60)))
		order := d.Graph.Order()
		require.Len(t, order, d.Graph.Len())
		at := map[int]int{}
		for i, node := range order {
			at[node] = i
		}
		require.Len(t, at, d.Graph.Len(), "each node appears once")
		require.Equal(t, graph.EntryTrigger, d.Graph.NodeType(order[0]))
		for node := range d.Graph.Len() {
			for _, next := range d.Graph.Next(node) {
				if next >= 0 {
					require.Less(t, at[node], at[next], "seed %d", seed)
				}
			}
		}
	}
	draft := journeytest.Definition(t, `{"nodes":[{"id":"a","type":"wait"},{"id":"in","type":"entry_trigger"},{"id":"b","type":"wait"}],`+
		`"edges":[{"source":"a","target":"b"},{"source":"b","target":"a"}]}`)
	require.Equal(t, []int{1, 0, 2}, draft.Graph.Order())
}

// A wait until a date that branches on an event is left without a branch if it has no date.
func TestShape_AllowsTheExitOfAWaitThatBranches(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w wait {"until":{"field":"d","otherwise":"exit"},"waitForEvent":"bought"}`, `yes exit`, `no exit`},
		[]string{"in w", "w yes event", "w no timeout"}))
	e, _ := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	e, _ = d.Graph.Step(e.NextWrite(t0), progress.Input{Now: t0, HasAttributes: true, Events: map[string][]progress.Received{"bought": nil}})
	require.Equal(t, progress.Completed, e.Status)
	require.NoError(t, d.Graph.Shape().Check(e))
}
