package journey_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
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
	require.Equal(t, progress.NeedAttributes, effect)
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
		left, _ := g.Step(e.NextWrite(t0), progress.Input{Now: t0, HasAttributes: true, Attributes: value(t, row.attributes)})
		require.Equal(t, row.reason, left.ExitReason, row.attributes)
		visit := left.Path.Visits(t0)[1]
		require.Equal(t, trail.Branch(row.branch), visit.Result)
		require.Equal(t, row.result, visit.Result.Name(g.Node(visit.Node).Ways))
		require.Equal(t, trail.Delta{
			trail.DeltaForm, byte(trail.MarkCompleted), 1, byte(trail.NodeLeft), byte(trail.Branch(row.branch)),
			byte(left.Node), byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Exited),
		}, left.Delta)
		require.NoError(t, g.Shape().Check(left))
		left.Path[5] = byte(trail.Branch(3))
		require.Error(t, g.Shape().Check(left), "a branch that is not there")
		left.Path[5] = byte(trail.True)
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
	e, _ = g.Step(e.NextWrite(t0), progress.Input{Now: t0, HasAttributes: true, Answer: progress.Answer{Result: trail.Decided, Value: value(t, `{"score":6,"x":1}`)}})
	require.Equal(t, "out", g.NodeID(e.Node))
	require.Equal(t, `{"d":{"score":6}}`, string(e.Decisions))
}

// entered is a journey whose new enrollments are kept.
type entered struct {
	singleJourney
	journey.EnrollmentStore
	list []progress.Enrollment
}

func (s *entered) JourneyToEnter(context.Context, ident.Tenant, ident.ID, []string, time.Time) (journey.Journey, journey.Forgotten, error) {
	return s.journey, nil, nil
}

func (s *entered) Insert(_ context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []journey.Outcome {
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
	service.Nudge = func(_ context.Context, _ ident.Tenant, _ ident.ID, customers []string) {
		nudged = append(nudged, customers...)
	}
	var customers []string
	for i := range 300 {
		customers = append(customers, fmt.Sprint("c", i))
	}
	_, err := service.Enroll(t.Context(), ident.Tenant{}, "jrn_1", journey.EnrollRequest{Customers: customers})
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
		e, effect := stored.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: hours(24)})
		require.Equal(t, progress.Stuck, effect)
		require.NoError(t, stored.Graph.Shape().Check(e))
		require.Equal(t, row.reason, stored.Graph.StopReason(e.Node), row.config)
	}
}

// arms is a definition with a global control group.
var arms = graphOf([]string{
	"in entry_trigger", `r random_split {"branches":[{"id":"mail","weight":9},{"id":"control","weight":1},{"id":"off","weight":0}]}`,
	`a channel_action {"channel":"push"}`, "out exit", "held exit",
}, []string{"in r", "r a mail", "r held control", "r held off", "a out"})

// A simulated customer takes the branch of the real one with the same id.
func TestSimulation_DrawsForTheCustomer(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, arms)
	results := map[string]int{}
	for i := range 200 {
		customer := fmt.Sprint("c", i)
		e, _ := d.Graph.Start(progress.Enrollment{Journey: "jrn_0", Customer: customer, EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
		step := mustRun(t, d, simulate.Request{Customer: customer}, 30).Steps[1]
		require.Equal(t, e.Path.Visits(t0)[1].Result.Name(d.Graph.Node(1).Ways), step.Result)
		require.InDelta(t, map[string]float64{"mail": 0.9, "control": 0.1}[step.Result], step.Share, 1e-9)
		require.False(t, step.Forced)
		results[step.Result]++
	}
	require.Greater(t, results["control"], 5)
	require.Equal(t, mustRun(t, d, simulate.Request{Customer: simulate.DefaultCustomer}, 30), mustRun(t, d, simulate.Request{}, 30))
}

func TestSimulation_TakesTheBranchesOfTheRequest(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, arms)
	for branch, last := range map[string]string{"mail": "out", "control": "held", "off": "held"} {
		steps := mustRun(t, d, simulate.Request{Branches: map[string]string{"r": branch}}, 30).Steps
		require.Equal(t, branch, steps[1].Result)
		require.True(t, steps[1].Forced)
		require.Equal(t, last, steps[len(steps)-1].NodeID)
	}
}

func TestSimulation_RefusesUnknownBranches(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, arms)
	store := singleJourney{journey: journey.Journey{Definition: d.Raw, GraphHash: d.Hash, MaxDurationDays: 30, Version: 1}}
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, rand.Reader)
	_, err := simulate.Run(t.Context(), service, ident.Tenant{}, "", simulate.Request{
		Branches: map[string]string{"no/pe": "mail", "a": "mail", "r": "else"}, Decisions: map[string]condition.Value{"r": value(t, `{}`)},
	})
	var refused *journey.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []string{
		"/decisions/r names no nba_decision of this graph",
		"/branches/a names no random_split of this graph", "/branches/no~1pe names no random_split of this graph",
		"/branches/r must be a branch of this random_split: mail, control, off",
	}, lines(refused.Faults))
}

// The trace shows each condition that was tried, and none after the first that holds.
func TestSimulation_ExplainsMultiSplits(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, byPlan)
	for attributes, want := range map[string][]string{
		`{"spend":200,"plan":"pro"}`: {`vip {"field":"spend","operator":"gt","value":100,"actual":200,"result":true}`},
		`{"spend":2,"plan":"pro"}`: {
			`vip {"field":"spend","operator":"gt","value":100,"actual":2,"result":false}`, `pro {"field":"plan","operator":"eq","value":"pro","actual":"pro","result":true}`,
		},
		`{}`: {`vip {"field":"spend","operator":"gt","value":100,"result":false}`, `pro {"field":"plan","operator":"eq","value":"pro","result":false}`},
	} {
		var got []string
		for _, tried := range mustRun(t, d, simulate.Request{Attributes: value(t, attributes)}, 30).Steps[1].Tried {
			got = append(got, tried.Branch+" "+string(tried.Condition))
		}
		require.Equal(t, want, got)
	}
}

// byResults is a definition whose condition reads how earlier steps ended.
var byResults = graphOf([]string{
	"in entry_trigger", `w wait {"delayHours":2,"waitForEvent":"login"}`, `d nba_decision {"decisionFlowId":"f"}`,
	`r random_split {"branches":[{"id":"x","weight":1},{"id":"y","weight":1}]}`,
	`m multi_split {"branches":[{"id":"woken","condition":{"field":"step.w.result","operator":"eq","value":"woken"}},` +
		`{"id":"undecided-x","condition":{"all":[{"field":"step.d.result","operator":"eq","value":"empty"},{"field":"step.r.result","operator":"eq","value":"x"}]}}]}`,
	"a exit", "b exit", "c exit",
}, []string{"in w", "w d", "d r", "r m x", "r m y", "m a woken", "m b undecided-x", "m c else"})

func TestStep_ConditionsReadResultsOfSteps(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, byResults)
	login := []simulate.Event{{Type: "login", After: time.Hour}}
	decided := map[string]condition.Value{"d": value(t, `{"score":1}`)}
	for _, row := range []struct {
		name    string
		request simulate.Request
		exit    string
	}{
		{"woken", simulate.Request{Events: login, Branches: map[string]string{"r": "x"}}, "a"},
		{"neither woken nor decided, x", simulate.Request{Branches: map[string]string{"r": "x"}}, "b"},
		{"neither woken nor decided, y", simulate.Request{Branches: map[string]string{"r": "y"}}, "c"},
		{"decided", simulate.Request{Decisions: decided, Branches: map[string]string{"r": "x"}}, "c"},
	} {
		steps := mustRun(t, d, row.request, 30).Steps
		require.Equal(t, row.exit, steps[len(steps)-1].NodeID, row.name)
	}
	explained := mustRun(t, d, simulate.Request{Branches: map[string]string{"r": "x"}}, 30).Steps[4].Tried
	require.Equal(t, `{"field":"step.w.result","operator":"eq","value":"woken","actual":"waited","result":false}`, string(explained[0].Condition))
	require.Contains(t, string(explained[1].Condition), `"actual":"empty"`)
	require.Contains(t, string(explained[1].Condition), `"actual":"x"`)
}

// Results are facts only where the graph reads them, and only of the steps that it reads.
func TestFacts_HaveTheResultsThatTheGraphReads(t *testing.T) {
	t.Parallel()

	for field, want := range map[string]string{
		"step.w.result": `{"w":{"result":"waited"}}`, "step.w": `{"w":{"result":"waited"}}`,
		"step": `{"in":{"result":"entered"},"w":{"result":"waited"}}`, "step.o.result": `null`, "step.nope.result": `null`,
		"step.w.event.x": `null`, "attributes.step": `null`, "plan": `null`,
	} {
		g, e, _ := enter(t, graphOf([]string{
			"in entry_trigger", `w wait {"delayHours":2}`, fmt.Sprintf(`s condition_split {"condition":{"field":%q,"operator":"exists"}}`, field), "o exit",
		}, []string{"in w", "w s", "s o true", "s o false"}))
		e, effect := g.Step(e.NextWrite(hours(2)), progress.Input{Now: hours(2)})
		require.Equal(t, progress.NeedAttributes, effect)
		facts := g.Facts(&e, condition.Value{})
		require.Equal(t, want, string(facts.Step.AppendJSON(nil)), field)
		require.Equal(t, want == "null", facts.Step.Missing(), field)
	}
}
