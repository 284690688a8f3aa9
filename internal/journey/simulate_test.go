package journey_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/simulate"
)

// singleJourney is a JourneyStore that holds one journey and is only read. Other
// methods panic.
type singleJourney struct {
	journey.JourneyStore
	journey journey.Journey
}

func (s singleJourney) Journey(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return s.journey, nil
}

func (s singleJourney) FullJourney(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return s.journey, nil
}

func (s singleJourney) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return s.journey.Definition, nil
}

// simulate runs Service.Test on a graph with a MaxDurationDays of days.
func mustRun(t *testing.T, d journey.Definition, request simulate.Request, days int) simulate.Simulation {
	t.Helper()
	store := singleJourney{journey: journey.Journey{ID: "jrn_0", Definition: d.Raw, GraphHash: d.Hash, MaxDurationDays: days, Version: 3}}
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, bytes.NewReader(nil))
	simulated, err := simulate.Run(t.Context(), service, ident.Tenant{}, "", request)
	require.NoError(t, err)
	return simulated
}

func TestSimulation_ExplainsSplits(t *testing.T) {
	t.Parallel()

	simulated := mustRun(t, journeytest.Definition(t, onboarding), simulate.Request{
		Attributes: value(t, `{"plan":"pro"}`),
		Decisions:  map[string]condition.Value{"d": value(t, `{"score":4}`)},
		Events:     []simulate.Event{{Type: "logout", After: time.Hour}, {Type: "login", After: 3 * time.Hour}, {Type: "login", After: 2 * time.Hour}},
	}, 30)

	require.Equal(t, "exited", simulated.Outcome)
	require.Equal(t, "not_pro", simulated.ExitReason)
	require.Equal(t, 2*time.Hour, simulated.Duration)
	require.Equal(t, 3, simulated.Version)

	wait := simulated.Steps[1]
	require.Equal(t, "woken", wait.Result)
	require.Equal(t, "event", wait.EndedBy)
	require.Equal(t, hours(2), wait.Until)
	require.Equal(t, "s", wait.Next)

	split := simulated.Steps[2]
	require.JSONEq(t, `{"field":"plan","operator":"eq","value":"pro","actual":"pro","result":true}`, string(split.Condition))
	require.JSONEq(t, `{"score":4}`, string(simulated.Steps[3].Decision))
	require.JSONEq(t, `{"field":"decision.d.score","operator":"gt","value":5,"actual":4,"result":false}`, string(simulated.Steps[4].Condition))
	require.Empty(t, simulated.Steps[5].Next)
	require.Equal(t, "exited", simulated.Steps[5].Result)
}

func TestSimulation_AnswersUnspecifiedDecisionsEmpty(t *testing.T) {
	t.Parallel()

	simulated := mustRun(t, journeytest.Definition(t, onboarding), simulate.Request{Attributes: value(t, `{"plan":"pro"}`)}, 30)
	require.Equal(t, "empty", simulated.Steps[3].Result)
	require.Equal(t, "false", simulated.Steps[4].Result)
}

func TestSimulation_StopsIncompleteGraphsWithReason(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name         string
		nodes, edges []string
		steps        int
		reason       string
	}{
		{"an empty graph", nil, nil, 0, "the graph does not have exactly one entry_trigger"},
		{"an entry without an edge", []string{"in entry_trigger"}, nil, 1, "node in: no single edge leads on"},
		{"two edges from a wait", []string{"in entry_trigger", `w wait {"delayHours":1}`, "o exit"}, []string{"in w", "w o", "w o"}, 2, "node w: no single edge leads on"},
		{"a split without a condition", []string{"in entry_trigger", "s condition_split", "o exit"}, []string{"in s", "s o true", "s o false"}, 2, "node s: condition is required"},
		{"a cycle of splits", []string{"in entry_trigger", "s condition_split " + isVIP, "o exit"}, []string{"in s", "s o true", "s s false"}, 8, "node s: was passed before, the graph has a cycle"},
		{"the entry's own condition is false", []string{`in entry_trigger ` + isVIP, "o exit"}, []string{"in o"}, 1, "node in: the condition of the entry is false"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			simulated := mustRun(t, journeytest.Definition(t, graphOf(row.nodes, row.edges)), simulate.Request{}, 30)
			require.Equal(t, "stopped", simulated.Outcome)
			require.Equal(t, row.reason, simulated.ExitReason)
			require.LessOrEqual(t, len(simulated.Steps), row.steps)
			require.GreaterOrEqual(t, len(simulated.Steps), min(row.steps, 1))
		})
	}
}

func TestSimulation_StopsCycleOfWaits(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `a wait {"delayHours":1}`, `b wait {"delayHours":1}`}, []string{"in a", "a b", "b a"}))
	simulated := mustRun(t, d, simulate.Request{}, 365)
	require.Equal(t, "stopped", simulated.Outcome)
	require.Contains(t, simulated.ExitReason, "the graph has a cycle")
	require.Less(t, len(simulated.Steps), 20)
}

func TestSimulation_ExpiresCustomers(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w wait {"delay":{"value":2,"unit":"days"}}`, "o exit"}, []string{"in w", "w o"}))
	simulated := mustRun(t, d, simulate.Request{}, 1)
	require.Equal(t, "expired", simulated.Outcome)
	require.Equal(t, 24*time.Hour, simulated.Duration)
	require.Equal(t, "expired", simulated.Steps[1].Result)
	require.Equal(t, "exited", mustRun(t, d, simulate.Request{}, 2).Outcome, "a wait of exactly MaxDurationDays ends in time")
}

// A draft's cycle is walked once, however large: the answer stays small.
func TestSimulation_WalksLargeCycleOnce(t *testing.T) {
	t.Parallel()

	nodes, edges := []string{"in entry_trigger", `w wait {"delay":{"value":0.001,"unit":"minutes"}}`}, []string{"in w", "w s0"}
	for i := range 253 {
		nodes = append(nodes, fmt.Sprintf("s%d condition_split %s", i, isVIP))
		edges = append(edges, fmt.Sprintf("s%d s%d false", i, i+1))
	}
	nodes = append(nodes, "s253 condition_split "+isVIP)
	edges = append(edges, "s253 w false")
	simulated := mustRun(t, journeytest.Definition(t, graphOf(nodes, edges)), simulate.Request{}, 365)
	require.Equal(t, "stopped", simulated.Outcome)
	require.Equal(t, "node w: was passed before, the graph has a cycle", simulated.ExitReason)
	require.Len(t, simulated.Steps, 257)
}

func TestSimulation_SkipsSendWithoutAddress(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ channel, attributes, result string }{
		{"email", `{"email":"a@example.com"}`, "sent"},
		{"email", `{"email":" "}`, "skipped_no_address"},
		{"email", `{"phone":"+12065550100"}`, "skipped_no_address"},
		{"sms", `{"phone":"+12065550100"}`, "sent"},
		{"sms", `{"phone":" "}`, "skipped_no_address"},
		{"sms", `{"phone":1000000}`, "sent"},
		{"sms", `{"phone":919876543210.0}`, "sent"},
		{"sms", `{"phone":9.1e11}`, "sent"},
		{"sms", `{"phone":999999999999999}`, "sent"},
		{"sms", `{"phone":999999}`, "skipped_no_address"},
		{"sms", `{"phone":1000000000000000}`, "skipped_no_address"},
		{"sms", `{"phone":-919876543210}`, "skipped_no_address"},
		{"sms", `{"phone":919876543210.5}`, "skipped_no_address"},
		{"sms", `{"phone":1e400}`, "skipped_no_address"},
		{"sms", `{"phone":true}`, "skipped_no_address"},
		{"sms", `{"phone":[919876543210]}`, "skipped_no_address"},
		{"email", `{"email":919876543210}`, "skipped_no_address"},
		{"push", `{}`, "sent"},
	} {
		d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", fmt.Sprintf(`a channel_action {"channel":%q}`, row.channel), "o exit"}, []string{"in a", "a o"}))
		simulated := mustRun(t, d, simulate.Request{Attributes: value(t, row.attributes)}, 30)
		require.Equal(t, row.result, simulated.Steps[1].Result, "%s %s", row.channel, row.attributes)
	}
}

func TestSimulation_ExplainsBareDecisionField(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `d nba_decision {"decisionFlowId":"f"}`, `s condition_split {"condition":{"field":"decision","operator":"exists"}}`, "o exit"},
		[]string{"in d", "d s", "s o true", "s o false"}))
	simulated := mustRun(t, d, simulate.Request{Decisions: map[string]condition.Value{"d": value(t, `{"x":1}`)}}, 30)
	require.Equal(t, "true", simulated.Steps[2].Result)
	require.Contains(t, string(simulated.Steps[2].Condition), `"result":true`)
}

func TestSimulation_RejectsAnswersForUnknownDecisions(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, onboarding)
	store := singleJourney{journey: journey.Journey{Definition: d.Raw, GraphHash: d.Hash, MaxDurationDays: 30, Version: 1}}
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, bytes.NewReader(nil))
	_, err := simulate.Run(t.Context(), service, ident.Tenant{}, "", simulate.Request{
		Decisions: map[string]condition.Value{"nope": value(t, `{}`), "w": value(t, `{}`), "d": value(t, `{}`)},
	})
	var refused *journey.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []string{"/decisions/nope names no nba_decision of this graph", "/decisions/w names no nba_decision of this graph"}, lines(refused.Faults))
}

// Later steps see what an update has set, and each message is shown as it would be sent.
func TestSimulation_ShowsUpdatesAndMessages(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{
		"in entry_trigger",
		`u update_customer {"set":{"plan":"pro of {{attributes.name}}","cart.items":[1]},"unset":["trial"],"add":{"points":2.5,"attributes.visits":1}}`,
		`s condition_split {"condition":{"field":"points","operator":"eq","value":12}}`,
		`d nba_decision {"decisionFlowId":"f"}`,
		`m channel_action {"channel":"email","payload":{"text":"{{attributes.plan}}, {{attributes.points}}","n":[1,"{{decision.d.x | default: 'none'}}"]}}`,
		`p channel_action {"channel":"push"}`,
		`t channel_action {"channel":"sms","payload":{"message":"x"}}`,
		`e update_customer {"set":{"plan":"none"},"add":{"name":1}}`,
		"out exit",
	}, []string{"in u", "u s", "s d true", "s out false", "d m", "m p", "p t", "t e", "e out"}))
	simulated := mustRun(t, d, simulate.Request{
		Attributes: value(t, `{"name":"Ada \"x\"","email":" a@example.com ","points":9.5,"trial":null}`),
		Decisions:  map[string]condition.Value{"d": value(t, `{"x":"y"}`)},
	}, 30)
	require.Equal(t, "exited", simulated.Outcome)
	steps := map[string]simulate.Step{}
	for _, step := range simulated.Steps {
		steps[step.NodeID] = step
	}
	require.Equal(t, "updated", steps["u"].Result)
	require.JSONEq(t, `{"trial":null,"points":9.5}`, string(steps["u"].Before))
	require.JSONEq(t, `{"plan":"pro of Ada \"x\"","cart.items":[1],"points":12,"attributes.visits":1}`, string(steps["u"].After))
	require.Equal(t, "true", steps["s"].Result)
	require.JSONEq(t, `{"field":"points","operator":"eq","value":12,"actual":12,"result":true}`, string(steps["s"].Condition))
	require.Equal(t, "email a@example.com", steps["m"].Channel+" "+steps["m"].To)
	require.JSONEq(t, `{"text":"pro of Ada \"x\", 12","n":[1,"y"]}`, string(steps["m"].Payload))
	require.Equal(t, "push", steps["p"].Channel)
	require.Empty(t, steps["p"].To)
	require.Nil(t, steps["p"].Payload)
	require.Equal(t, "skipped_no_address", steps["t"].Result)
	require.Empty(t, steps["t"].Channel, "nothing would be sent")
	require.Equal(t, "error", steps["e"].Result)
	require.Equal(t, string(steps["e"].Before), string(steps["e"].After), "an update that cannot be made changes nothing")
}

func TestSimulation_LeavesOutDetailsThatAreTooLong(t *testing.T) {
	t.Parallel()

	nodes, edges := []string{"in entry_trigger"}, []string{}
	last := "in"
	for i := range 8 {
		id := fmt.Sprint("m", i)
		nodes, edges = append(nodes, id+` channel_action {"channel":"push","payload":{"text":"{{attributes.text}}"}}`), append(edges, last+" "+id)
		last = id
	}
	d := journeytest.Definition(t, graphOf(append(nodes, "out exit"), append(edges, last+" out")))
	long := value(t, `{"text":"`+strings.Repeat("x", 200_000)+`"}`)
	simulated := mustRun(t, d, simulate.Request{Attributes: long}, 30)
	require.True(t, simulated.Truncated)
	size := 0
	for _, step := range simulated.Steps {
		size += len(step.Payload)
	}
	require.InDelta(t, 800_000, size, 1000)
	require.Equal(t, "sent", simulated.Steps[8].Result)

	longer := value(t, `{"text":"`+strings.Repeat("x", 300_000)+`"}`)
	simulated = mustRun(t, d, simulate.Request{Attributes: longer}, 30)
	require.Equal(t, "stopped", simulated.Outcome)
	require.Equal(t, "node m0: the message cannot be sent: payload: filled text is too long", simulated.ExitReason)
}

// A channel's kind decides which address it needs, whatever its name, as it does where
// messages are sent.
func TestSimulation_KnowsTheAddressesOfChannels(t *testing.T) {
	t.Parallel()

	channels := catalog.List{
		"newsletter": {Kind: "ses", Address: "email"},
		"alerts":     {Kind: "sns", Address: "phone", Tenants: []string{"umbrella"}},
		"*":          {Kind: "http"},
	}
	for channel, want := range map[string]string{
		"newsletter": "skipped_no_address", "email": "skipped_no_address", "sms": "sent", "push": "sent", "alerts": "sent",
	} {
		d := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"s","type":"channel_action","config":{"channel":"`+channel+`"}},
			{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"s"},{"source":"s","target":"out"}]}`)
		store := singleJourney{journey: journey.Journey{Definition: d.Raw, GraphHash: d.Hash, MaxDurationDays: 30}}
		service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, bytes.NewReader(nil))
		service.Catalog.Channels = channels
		tenant, _ := ident.ParseTenant("acme")
		simulated, err := simulate.Run(t.Context(), service, tenant, "", simulate.Request{Attributes: value(t, `{"phone":"+4312345"}`)})
		require.NoError(t, err)
		require.Equal(t, want, simulated.Steps[1].Result, channel)
	}
}

// A split is explained with what the run keeps, not with an answer that is too long.
func TestSimulation_LeavesOutAnswersThatAreTooLong(t *testing.T) {
	t.Parallel()

	long := value(t, `{"score":9,"text":"`+strings.Repeat("x", progress.MaxKept)+`"}`)
	d := journeytest.Definition(t, graphOf([]string{
		"in entry_trigger", `d nba_decision {"decisionFlowId":"f"}`,
		`s condition_split {"condition":{"any":[{"field":"decision.d.score","operator":"gt","value":5},{"field":"decision.d.text","operator":"exists"}]}}`, "out exit",
	}, []string{"in d", "d s", "s out true", "s out false"}))
	simulated := mustRun(t, d, simulate.Request{Decisions: map[string]condition.Value{"d": long}}, 30)
	require.Equal(t, "error", simulated.Steps[1].Result)
	require.Equal(t, "false", simulated.Steps[2].Result)
	require.Contains(t, string(simulated.Steps[2].Condition), `"result":false}],"result":false}`)
}
