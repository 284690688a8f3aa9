package journey_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/journey"
)

// byPlan is a definition with a multi_split whose conditions overlap.
var byPlan = graphOf([]string{
	"in entry_trigger",
	`m multi_split {"branches":[{"id":"vip","condition":{"field":"spend","operator":"gt","value":100}},{"id":"pro","condition":{"field":"plan","operator":"eq","value":"pro"}}]}`,
	`v exit {"reason":"v"}`, `p exit {"reason":"p"}`, `o exit {"reason":"o"}`,
}, []string{"in m", "m o else", "m p pro", "m v vip"})

func TestStep_MultiSplitTakesTheFirstBranchThatHolds(t *testing.T) {
	t.Parallel()

	g, e, effect := enter(t, byPlan)
	require.Equal(t, journey.NeedAttributes, effect)
	require.Equal(t, t0, e.Due)
	for _, row := range []struct {
		attributes, reason, result string
		branch                     int
	}{
		{`{"spend":200,"plan":"pro"}`, "v", "vip", 0},
		{`{"spend":2,"plan":"pro"}`, "p", "pro", 1},
		{`{"spend":2}`, "o", "else", 2},
		{`{}`, "o", "else", 2},
	} {
		left, _ := g.Step(e.NextWrite(t0), journey.Input{Now: t0, HasAttributes: true, Attributes: value(t, row.attributes)})
		require.Equal(t, row.reason, left.ExitReason, row.attributes)
		visit := left.Path.Visits(t0)[1]
		require.Equal(t, journey.Branch(row.branch), visit.Result)
		require.Equal(t, row.result, visit.Result.Name(g.Node(visit.Node).Ways))
		require.Equal(t, journey.Delta{
			journey.DeltaForm, byte(journey.MarkCompleted), 1, byte(journey.NodeLeft), byte(journey.Branch(row.branch)),
			byte(left.Node), byte(journey.NodeEntered | journey.NodeLeft), byte(journey.Exited),
		}, left.Delta)
		require.NoError(t, g.Shape().Check(left))
		left.Path[5] = byte(journey.Branch(3))
		require.Error(t, g.Shape().Check(left), "a branch that is not there")
		left.Path[5] = byte(journey.True)
		require.Error(t, g.Shape().Check(left), "a result of another type")
	}
}

// Decisions that only a branch's condition reads are kept.
func TestStep_MultiSplitReadsDecisions(t *testing.T) {
	t.Parallel()

	g, e, _ := enter(t, graphOf([]string{
		"in entry_trigger", `d nba_decision {"decisionFlowId":"f"}`,
		`m multi_split {"branches":[{"id":"a",` + exists + `},{"id":"b","condition":{"field":"decision.d.score","operator":"gt","value":5}}]}`,
		"out exit", "no exit",
	}, []string{"in d", "d m", "m no a", "m out b", "m no else"}))
	e, _ = g.Step(e.NextWrite(t0), journey.Input{Now: t0, HasAttributes: true, Answer: journey.Answer{Result: journey.Decided, Decision: value(t, `{"score":6,"x":1}`)}})
	require.Equal(t, "out", g.NodeID(e.Node))
	require.Equal(t, `{"d":{"score":6}}`, string(e.Decisions))
}

// entered is a journey whose new enrollments are kept.
type entered struct {
	singleJourney
	journey.EnrollmentStore
	list []journey.Enrollment
}

func (s *entered) JourneyToEnter(context.Context, journey.Tenant, journey.ID, []string, time.Time) (journey.Journey, journey.Forgotten, error) {
	return s.journey, nil, nil
}

func (s *entered) Insert(_ context.Context, _ journey.Tenant, _ int, list []journey.Enrollment) []journey.Outcome {
	s.list = list
	outcomes := make([]journey.Outcome, len(list))
	for i := range list {
		outcomes[i].Result = journey.OutcomeEnrolled
		if i%10 == 0 {
			outcomes[i].Result = journey.OutcomeSkipped
		}
	}
	return outcomes
}

// In one call, every customer leaves a split by their own branch. Only those that are
// due at once, and that the call enrolled, are nudged.
func TestEnroll_CustomersTakeTheirOwnBranches(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{
		"in entry_trigger", `r random_split {"branches":[{"id":"send","weight":1},{"id":"wait","weight":1},{"id":"control","weight":1}]}`,
		`a channel_action {"channel":"push"}`, `w wait {"delayHours":1}`, "out exit",
	}, []string{"in r", "r a send", "r w wait", "r out control", "a out", "w out"}))
	store := &entered{}
	store.journey = journey.Journey{ID: "jrn_1", Status: journey.Active, Definition: d.Raw, GraphHash: d.Hash, Version: 1, MaxDurationDays: 30}
	service := journey.NewService(journey.Stores{Journeys: store, Enrollments: store}, func() time.Time { return t0 }, rand.Reader)
	var nudged []string
	service.Nudge = func(_ context.Context, _ journey.Tenant, _ journey.ID, customers []string) {
		nudged = append(nudged, customers...)
	}
	var customers []string
	for i := range 300 {
		customers = append(customers, fmt.Sprint("c", i))
	}
	_, err := service.Enroll(t.Context(), journey.Tenant{}, "jrn_1", journey.EnrollRequest{Customers: customers})
	require.NoError(t, err)

	require.Len(t, store.list, 300)
	at, due := map[string]int{}, []string{}
	for i, e := range store.list {
		require.Equal(t, customers[i], e.Customer)
		id := d.Graph.NodeID(e.Node)
		require.Equal(t, []string{"a", "w", "out"}[d.Graph.Node(1).Draw("jrn_1", e.Customer)], id)
		at[id]++
		if id == "a" && i%10 > 0 {
			due = append(due, e.Customer)
		}
		require.NoError(t, d.Graph.Shape().Check(e))
	}
	require.Greater(t, min(at["a"], at["w"], at["out"]), 70)
	require.Equal(t, due, nudged)
}

// Stored definitions whose splits break a rule stop customers with a reason.
func TestSimulation_StopsAtFaultySplits(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ kind, config, reason string }{
		{"multi_split", `{}`, "node s: branches is required"},
		{"random_split", `{"branches":[]}`, "node s: config/branches must have 2 to 8 branches, has 0"},
		{"multi_split", `{"branches":[{"id":"a"},{"id":"b"}]}`, "node s: config/branches/0/condition is required"},
		{"random_split", `{"branches":[{"id":"a"},7]}`, "node s: config/branches/0/weight is required"},
		{"random_split", `{"branches":[{"id":"a","weight":0},{"id":"b","weight":0}]}`, "node s: config/branches must have a weight above 0"},
	} {
		stored, err := journey.LoadDefinition([]byte(graphOf([]string{"in entry_trigger", "s " + row.kind + " " + row.config, "o exit"}, []string{"in s", "s o a", "s o b", "s o else"})), "00")
		require.NoError(t, err)
		e, effect := stored.Graph.Start(journey.Enrollment{EnrolledAt: t0, ExpiresAt: hours(24)})
		require.Equal(t, journey.Stuck, effect)
		require.NoError(t, stored.Graph.Shape().Check(e))
		require.Equal(t, row.reason, stored.Graph.StopReason(e.Node), row.config)
	}
}
