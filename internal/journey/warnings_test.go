package journey_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/simulate"
	"journeys/internal/strict"
)

var known = catalog.Catalog{
	Channels:  catalog.List{"email": {Kind: "ses", Address: "email"}, "crm": {Kind: "lambda", Tenants: []string{"umbrella"}}},
	Decisions: catalog.List{"best": {Kind: "rules"}, "other": {Kind: "rules", Tenants: []string{"umbrella"}}},
}

func leaf(field, operator, value string) string {
	return fmt.Sprintf(`{"field":%q,"operator":%q,"value":%s}`, field, operator, value)
}

func TestWarnings_NameWhatIsProbablyNotMeant(t *testing.T) {
	t.Parallel()

	const in, out = "in entry_trigger", "out exit"
	days := func(id string, n float64) string {
		return fmt.Sprintf(`%s wait {"delay":{"value":%v,"unit":"days"}}`, id, n)
	}
	split := func(id string, condition string) string {
		return id + ` condition_split {"condition":` + condition + `}`
	}
	awaits := func(id, eventType, condition string) string {
		return fmt.Sprintf(`%s wait {"delayHours":1,"waitForEvent":{"any":[{"id":"x","eventType":%q,"condition":%s}]}}`, id, eventType, condition)
	}
	long := func(node int, total string) string {
		return fmt.Sprintf("/definition/nodes/%d is on a way whose waits add up to %s by the end of this one; "+
			"maxDurationDays is 30, so customers who wait for all of it expire here", node, total)
	}
	one := []string{"in a", "a out"}
	for _, row := range []struct {
		name         string
		nodes, edges []string
		want         []string
	}{
		{"nothing", []string{in, days("a", 29.5), out}, one, nil},
		{"as long as the journey", []string{in, days("a", 15), days("b", 15), out}, []string{"in a", "a b", "b out"}, nil},
		{"a little longer", []string{in, days("a", 15), `b wait {"delayHours":360.001}`, out}, []string{"in a", "a b", "b out"}, []string{long(2, "30.01 days")}},
		{"one long wait", []string{in, days("a", 45), out}, one, []string{long(1, "45 days")}},
		{"a wait for an event counts in full", []string{in, days("a", 20), `b wait {"delay":{"value":12.5,"unit":"days"},"waitForEvent":"e"}`, out}, []string{"in a", "a b", "b out"}, []string{long(2, "32.5 days")}},
		{
			"only on the longest way", []string{in, split("s", leaf("vip", "eq", "true")), days("a", 20), days("b", 1), days("c", 15), days("d", 9), out},
			[]string{"in s", "s a true", "s b false", "a c", "b c", "c d", "d out"}, []string{long(4, "35 days")},
		},
		{
			"ways that both are too long", []string{in, split("s", leaf("vip", "eq", "true")), days("a", 31), days("b", 40), out},
			[]string{"in s", "s a true", "s b false", "a out", "b out"}, []string{long(2, "31 days"), long(3, "40 days")},
		},
		{"a cycle, which is a fault", []string{in, days("a", 20), days("b", 20), out}, []string{"in a", "a b", "b a"}, nil},
		{"a way that leads nowhere", []string{in, days("a", 20), days("b", 20), days("lost", 40)}, []string{"in a", "a b"}, []string{long(2, "40 days")}},
		{"two entries", []string{in, "in2 entry_trigger", days("a", 40)}, nil, nil},
		{"a channel that exists", []string{in, `a channel_action {"channel":"email"}`, out}, one, nil},
		{"a channel without a name", []string{in, "a channel_action", out}, one, nil},
		{"channels that do not exist", []string{in, `a channel_action {"channel":"Email"}`, `b channel_action {"channel":"crm"}`, out}, []string{"in a", "a b", "b out"}, []string{
			`/definition/nodes/1/config/channel names "Email", a channel that the settings do not have; messages to it fail`,
			`/definition/nodes/2/config/channel names "crm", a channel that the settings do not have; messages to it fail`,
		}},
		{"flows that do not exist", []string{in, `a nba_decision {"decisionFlowId":"best"}`, `b nba_decision {"decisionFlowId":"other"}`, out}, []string{"in a", "a b", "b out"}, []string{
			`/definition/nodes/2/config/decisionFlowId names "other", a decision flow that the settings do not have; its answers are empty`,
		}},
		{
			"steps before and not before", []string{
				in, days("a", 1), split("s", leaf("step.a.result", "eq", `"waited"`)), days("b", 1),
				split("t", `{"all":[`+leaf("step.b.result", "exists", "true")+`,`+leaf("step.b.result", "exists", "true")+`,`+leaf("step.s.result", "exists", "true")+`,`+leaf("step", "exists", "true")+`]}`),
				split("u", `{"all":[`+leaf("step.u.result", "exists", "true")+`,`+leaf("step.nope.result", "exists", "true")+`,`+leaf("step.in.result", "exists", "true")+`]}`), out,
			},
			[]string{"in a", "a s", "s b true", "s t false", "b t", "t u true", "t out false", "u out true", "u out false"}, []string{
				"/definition/nodes/4/config reads step.b, which does not come before it on every way; on the others, the field is missing",
				"/definition/nodes/5/config reads step.u, which does not come before it on every way; on the others, the field is missing",
				"/definition/nodes/5/config reads step.nope, which is no node of this graph; the field is missing",
			},
		},
		{
			"answers that are kept, and others",
			[]string{
				in, `a channel_action {"channel":"email","keep":["coupon.id","code"]}`, `b channel_action {"channel":"email"}`,
				split("s", `{"all":[`+leaf("step.a.answer.coupon.id", "exists", "true")+`,`+leaf("step.a.answer.coupon", "exists", "true")+`,`+leaf("step.a.answer", "exists", "true")+`,`+
					leaf("step.a.answer.code.x", "exists", "true")+`,`+leaf("step.a.answer.coupon.name", "exists", "true")+`,`+leaf("step.a.answer.coupon.name", "exists", "false")+`]}`),
				`c channel_action {"channel":"email","payload":{"t":"{{step.b.answer.id}} {{step.in.answer.x}} {{step.a.answer.code}}"}}`, out,
			},
			[]string{"in a", "a b", "b s", "s c true", "s out false", "c out"}, []string{
				"/definition/nodes/3/config reads step.a.answer.coupon.name, which keep of nodes/1 does not name; the field is missing",
				"/definition/nodes/4/config reads step.b.answer.id, which keep of nodes/2 does not name; the field is missing",
				"/definition/nodes/4/config reads step.in.answer.x, which keep of nodes/0 does not name; the field is missing",
			},
		},
		{
			"in branches",
			[]string{
				in, `a multi_split {"branches":[{"id":"x","condition":` + leaf("age", "gt", "1") + `},{"id":"y","condition":` + leaf("plan", "eq", "1") + `}]}`,
				`b multi_split {"branches":[{"id":"x","condition":` + leaf("plan", "eq", "2") + `},{"id":"y","condition":{"not":` + leaf("age", "eq", `"1"`) + `}}]}`, out,
			},
			[]string{"in a", "a b x", "a out y", "a out else", "b out x", "b out y", "b out else"}, []string{
				"/definition/nodes/2/config/branches/1/condition/not compares age with a text, and /definition/nodes/1/config/branches/0/condition with a number; a number and a text are never equal",
			},
		},
		{
			"random splits that are not independent",
			[]string{in, `a random_split {"salt":"s","branches":[{"id":"x","weight":1},{"id":"y","weight":1}]}`, `b random_split {"salt":"s","branches":[{"id":"x","weight":1},{"id":"y","weight":1}]}`, `c random_split {"branches":[{"id":"x","weight":1},{"id":"y","weight":1}]}`, out},
			[]string{"in a", "a b x", "a c y", "b out x", "b out y", "c out x", "c out y"}, []string{
				"/definition/nodes/2/config/salt is the salt of nodes/1 too; the ways that a customer goes at both are not independent",
			},
		},
		{
			"a match in a journey that no event starts",
			[]string{in, `a wait {"delayHours":1,"waitForEvent":{"any":[{"id":"x","eventType":"e"},{"id":"y","eventType":"e","match":{"event":"cart","entry":"cart"}}]}}`, out},
			one, []string{
				"/definition/nodes/1/config/waitForEvent/any/1/match holds only for customers that are enrolled with properties, because no event starts this journey",
			},
		},
		{
			"a match in a journey that an event starts",
			[]string{`in entry_trigger {"eventType":"cart"}`, `a wait {"delayHours":1,"waitForEvent":{"any":[{"id":"y","eventType":"e","match":{"event":"cart","entry":"cart"}}]}}`, out},
			one, nil,
		},
		{
			"a field as a number and as a text",
			[]string{
				in, split("a", `{"all":[`+leaf("plan", "neq", `"pro"`)+`,{"not":`+leaf("attributes.age", "gte", "18")+`}]}`),
				split("b", `{"any":[`+leaf("age", "in", `["18","19"]`)+`,`+leaf("plan", "eq", "3")+`,`+leaf("plan", "starts_with", `"p"`)+`]}`), out,
			},
			[]string{"in a", "a b true", "a out false", "b out true", "b out false"}, []string{
				"/definition/nodes/2/config/condition/any/0 compares age with a text, and /definition/nodes/1/config/condition/all/1/not with a number; a number and a text are never equal",
				"/definition/nodes/2/config/condition/any/1 compares plan with a number, and /definition/nodes/1/config/condition/all/0 with a text; a number and a text are never equal",
			},
		},
		{
			"fields of awaited events as numbers and as texts",
			[]string{
				in, awaits("a", "paid", leaf("event.sum", "gt", "10")), awaits("b", "paid", leaf("event.sum", "eq", `"10"`)),
				awaits("c", "sent", leaf("event.sum", "eq", `"10"`)), awaits("d", "seen", leaf("entryEvent.plan", "eq", "3")),
				split("e", leaf("event.plan", "eq", `"pro"`)), out,
			},
			[]string{"in a", "a b", "b c", "c d", "d e", "e out true", "e out false"}, []string{
				"/definition/nodes/2/config/waitForEvent/any/0/condition compares event.sum with a text, and /definition/nodes/1/config/waitForEvent/any/0/condition with a number; a number and a text are never equal",
				"/definition/nodes/5/config/condition compares event.plan with a text, and /definition/nodes/4/config/waitForEvent/any/0/condition with a number; a number and a text are never equal",
			},
		},
		{
			"results that a step never has",
			[]string{
				in, `a channel_action {"channel":"email"}`, `b wait {"delayHours":1,"waitForEvent":"e"}`, `c wait {"delayHours":1}`, `d nba_decision {"decisionFlowId":"best"}`,
				split("e", `{"all":[`+strings.Join([]string{
					leaf("step.a.result", "in", `["sent","send","error"]`), leaf("step.b.result", "eq", `"waited"`), leaf("step.b.result", "neq", `"event"`),
					leaf("step.c.result", "eq", `"timeout"`), leaf("step.d.result", "in", `["decided","empty","error"]`), leaf("step.a.result", "starts_with", `"skipped"`),
				}, ",")+`]}`),
				split("f", leaf("step.b.result", "eq", `"event"`)), split("g", leaf("step.e.result", "eq", "true")), out,
			},
			[]string{"in a", "a b", "b c event", "b c timeout", "c d", "d e", "e f true", "e f false", "f g true", "f g false", "g out true", "g out false"}, []string{
				`/definition/nodes/5/config/condition/all/0 compares step.a.result with "send", which is never its result; its results are "sent", "skipped_no_address", "skipped_uncertain", "skipped_unsubscribed", "skipped_suppressed"`,
				`/definition/nodes/5/config/condition/all/0 compares step.a.result with "error", which is never its result; its results are "sent", "skipped_no_address", "skipped_uncertain", "skipped_unsubscribed", "skipped_suppressed"`,
				`/definition/nodes/5/config/condition/all/1 compares step.b.result with "waited", which is never its result; its results are "event", "timeout"`,
				`/definition/nodes/5/config/condition/all/3 compares step.c.result with "timeout", which is never its result; it is always "waited"`,
				`/definition/nodes/7/config/condition compares step.e.result with true, which is never its result; its results are "true", "false"`,
			},
		},
		{
			"fields that a step never has",
			[]string{
				in, `mail channel_action {"channel":"email"}`, `w wait {"delayHours":1,"waitForEvent":"e"}`,
				split("s", `{"any":[`+strings.Join([]string{
					leaf("step.mail.read", "eq", "true"), leaf("step.mail.read", "eq", "false"), leaf("step.in.clicked", "eq", "true"), leaf("step.mail.clicked", "eq", "true"),
					leaf("step.w.event.x", "eq", "1"), leaf("step.in.event.x", "eq", "1"), leaf("step.w.event", "exists", "true"), leaf("step.mail.result", "eq", `"sent"`),
				}, ",")+`]}`), out,
			},
			[]string{"in mail", "mail w", "w s", "s out true", "s out false"}, []string{
				"/definition/nodes/3/config reads step.mail.read, which nodes/1 never has; it has result, delivered, bounced, complained, opened, clicked, unsubscribed",
				"/definition/nodes/3/config reads step.in.clicked, but nodes/0 sends no message; the field is missing",
				"/definition/nodes/3/config reads step.in.event, but nodes/0 waits for no event; the field is missing",
			},
		},
		{
			"feedback that is no Boolean, in a text, or awaited twice",
			[]string{
				in, `mail channel_action {"channel":"email"}`,
				`w wait {"delayHours":1,"waitForEvent":{"any":[{"id":"a","step":"mail","is":"clicked"},{"id":"b","step":"mail","is":"opened"},{"id":"c","step":"mail","is":"clicked"}]}}`,
				split("s", `{"all":[`+strings.Join([]string{
					leaf("step.mail.opened", "eq", `"yes"`), leaf("step.mail.clicked", "in", "[true,1]"), leaf("step.mail.bounced", "gt", "0"), leaf("step.mail.complained", "neq", "false"),
				}, ",")+`]}`),
				`last channel_action {"channel":"email","payload":{"subject":"{{step.mail.clicked}}","text":"{{step.mail.result}}"}}`, out,
			},
			[]string{"in mail", "mail w", "w s a", "w s b", "w s c", "w s timeout", "s last true", "s last false", "last out"}, []string{
				"/definition/nodes/3/config/condition/all/0 compares step.mail.opened with something else than true or false, which it always is",
				"/definition/nodes/3/config/condition/all/1 compares step.mail.clicked with something else than true or false, which it always is",
				"/definition/nodes/3/config/condition/all/2 compares step.mail.bounced with something else than true or false, which it always is",
				"/definition/nodes/4/config reads step.mail.clicked in a text, but only conditions read feedback; the field is missing",
				"/definition/nodes/2/config/waitForEvent/any/2 awaits the same as any/0, so no customer goes this way",
			},
		},
		{
			"results of steps that are not finished",
			[]string{in, `a wait {"delayHours":1,"waitForEvent":"e"}`, "b multi_split", split("c", `{"all":[`+leaf("step.a.result", "eq", `"event"`)+`,`+leaf("step.b.result", "eq", `"x"`)+`]}`)},
			[]string{"in a"}, nil,
		},
		{
			"waits until an instant that has passed",
			[]string{in, `a wait {"until":{"at":"2026-11-23T09:59:59Z"}}`, `b wait {"until":{"at":"2026-11-23T10:00:00Z"}}`, `c wait {"until":{"at":"2020-01-01T00:00:00Z","otherwise":"exit"}}`, `d wait {"until":{"time":"09:00"}}`, out},
			[]string{"in a", "a b", "b c", "c d", "d out"}, []string{
				"/definition/nodes/1/config/until/at is in the past; customers who come here go on at once",
				"/definition/nodes/3/config/until/at is in the past; customers who come here leave at once",
			},
		},
		{
			"fields that only look alike", []string{in, split("a", `{"all":[`+strings.Join([]string{
				leaf("a.b", "eq", "1"), leaf(`["a.b"]`, "eq", `"x"`), leaf("event.a.b", "eq", `"x"`), leaf("decision.a.b", "eq", `"x"`), leaf("a", "exists", "true"), leaf("a.b", "contains", `"x"`),
			}, ",")+`]}`), out},
			[]string{"in a", "a out true", "a out false"}, nil,
		},
		{
			"a list of both, and kinds without an order", []string{in, split("a", `{"all":[`+strings.Join([]string{
				leaf("a", "in", `["1",1]`), leaf("a", "eq", "1"), leaf("b", "eq", "true"), leaf("b", "eq", "1"),
			}, ",")+`]}`), out},
			[]string{"in a", "a out true", "a out false"}, nil,
		},
		{
			"a number that was written as a text", []string{in, split("a", `{"all":[`+strings.Join([]string{
				leaf("age", "gt", `"18"`), leaf("zip", "eq", `"1010"`), leaf("since", "gt", `"2026-11-23"`), leaf("name", "lt", `"m"`), leaf("id", "lt", `"007"`),
			}, ",")+`]}`), out},
			[]string{"in a", "a out true", "a out false"}, []string{
				`/definition/nodes/1/config/condition/all/0 compares age with the text "18"; no number is more or less than a text, so write it without quotes if it is a number`,
			},
		},
	} {
		d := journeytest.Definition(t, graphOf(row.nodes, row.edges))
		require.Equal(t, row.want, lines(d.Graph.Warnings("/definition", graph.Surroundings{MaxDays: 30, Catalog: known, Tenant: "acme", Now: t0})), row.name)
	}
}

// The journey's entry condition comes first, and is the caller's too.
func TestWarnings_CompareTheEntryCondition(t *testing.T) {
	t.Parallel()

	var faults strict.Faults
	v, _ := strict.Parse([]byte(`{"condition":`+leaf("age", "gt", "18")+`}`), &faults)
	entry, ok := graph.ReadEntryCondition(v)
	require.True(t, ok)
	d := journeytest.Definition(t, graphOf([]string{`in entry_trigger {"condition":` + leaf("age", "eq", `"19"`) + `}`, "out exit"}, []string{"in out"}))
	require.Equal(t, []string{
		"/definition/nodes/0/config/condition compares age with a text, and /entryCondition/condition with a number; a number and a text are never equal",
	}, lines(d.Graph.Warnings("/definition", graph.Surroundings{MaxDays: 30, Entry: entry.Condition})))
}

func TestWarnings_AreBounded(t *testing.T) {
	t.Parallel()

	nodes := []string{"in entry_trigger"}
	for i := range 255 {
		nodes = append(nodes, fmt.Sprintf(`a%d channel_action {"channel":"none"}`, i))
	}
	d := journeytest.Definition(t, graphOf(nodes, nil))
	require.Len(t, d.Graph.Warnings("/definition", graph.Surroundings{MaxDays: 30}), 100)
}

// changeStored applies a change to the journey in the store.
func changeStored(t *testing.T, store *edited, c journey.Change) (journey.Journey, error) {
	t.Helper()
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, rand.Reader)
	return service.Update(t.Context(), ident.Tenant{}, "", c, []int64{store.journey.Rev})
}

func TestActivation_RefusesWaitsAsLongAsTheJourney(t *testing.T) {
	t.Parallel()

	line := func(wait string) journey.Definition {
		return journeytest.Definition(t, graphOf([]string{"in entry_trigger", "w wait " + wait, "out exit"}, []string{"in w", "w out"}))
	}
	for wait, want := range map[string]string{
		`{"delay":{"value":45,"unit":"days"}}`:                    "45 days",
		`{"delay":{"value":30,"unit":"days"},"waitForEvent":"e"}`: "30 days",
		`{"delayHours":720}`:                                      "30 days",
		`{"delayHours":719.99}`:                                   "",
		`{"delay":{"value":29,"unit":"days"}}`:                    "",
	} {
		d := line(wait)
		store := &edited{graph: d.Raw}
		store.journey = journey.Journey{Definition: d.Raw, GraphHash: d.Hash, MaxDurationDays: 30, Version: 1, Rev: 1, Status: journey.Draft}
		_, err := changeStored(t, store, journey.Change{Status: new(journey.Active)})
		if want == "" {
			require.NoError(t, err, wait)
			continue
		}
		var refused *journey.Error
		require.ErrorAs(t, err, &refused, wait)
		require.Equal(t, "graph-not-whole", refused.Code)
		require.Equal(t, []string{"/definition/nodes/1/config must wait less than maxDurationDays, 30 days; waits " + want}, lines(refused.Faults))
		require.Zero(t, store.updates)
	}
}

// A journey that was active before the rule was made runs on and is resumed, and a
// change of the graph or of maxDurationDays must keep the rule.
func TestActivation_AcceptsALongWaitThatWasActive(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w wait {"delayHours":1080}`, "out exit"}, []string{"in w", "w out"}))
	longer := journeytest.Definition(t, strings.Replace(string(d.Raw), "1080", "1081", 1))
	redrawn := journeytest.Definition(t, graphOf([]string{"out exit", "in entry_trigger", `w wait {"delayHours":1080}`}, []string{"in w", "w out"}))
	for name, c := range map[string]struct {
		change journey.Change
		ok     bool
	}{
		"resumed":              {journey.Change{}, true},
		"renamed":              {journey.Change{Name: new("b")}, true},
		"sent again":           {journey.Change{Definition: &d}, true},
		"drawn differently":    {journey.Change{Definition: &redrawn}, true},
		"inside for longer":    {journey.Change{MaxDurationDays: new(40)}, true},
		"inside for less time": {journey.Change{MaxDurationDays: new(29)}, false},
		"a longer wait":        {journey.Change{Definition: &longer}, false},
		"both, and it fits":    {journey.Change{Definition: &longer, MaxDurationDays: new(60)}, true},
	} {
		for _, before := range []journey.Status{journey.Active, journey.Paused} {
			store := &edited{graph: d.Raw}
			store.journey = journey.Journey{
				Definition: d.Raw, GraphHash: d.Hash, MaxDurationDays: 30, Version: 1, Rev: 1, Status: before, GraphPassed: true,
			}
			c.change.Status = new(journey.Active)
			_, err := changeStored(t, store, c.change)
			require.Equal(t, c.ok, err == nil, "%s, %s: %v", before, name, err)
		}
	}
	// In two calls, too.
	store := &edited{graph: d.Raw}
	store.journey = journey.Journey{
		Definition: d.Raw, GraphHash: d.Hash, MaxDurationDays: 60, Version: 1, Rev: 1, Status: journey.Paused, GraphPassed: true,
	}
	_, err := changeStored(t, store, journey.Change{MaxDurationDays: new(45)})
	require.NoError(t, err)
	_, err = changeStored(t, store, journey.Change{Status: new(journey.Active)})
	require.ErrorContains(t, err, "must wait less than maxDurationDays, 45 days; waits 45 days")
	_, err = changeStored(t, store, journey.Change{Status: new(journey.Active), MaxDurationDays: new(46)})
	require.NoError(t, err)
}

// Faults and warnings point into the definition as the caller sent it last, whose order
// of nodes is not the stored graph's.
func TestSimulation_ListsFaultsAndWarnings(t *testing.T) {
	t.Parallel()

	stored := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w wait {"delayHours":1080}`, `a channel_action {"channel":"crm"}`}, []string{"in w", "w a"}))
	shown := journeytest.Definition(t, graphOf([]string{`a channel_action {"channel":"crm"}`, "in entry_trigger", `w wait {"delayHours":1080}`}, []string{"in w", "w a"}))
	store := &edited{graph: stored.Raw}
	store.journey = journey.Journey{ID: "jrn_0", Definition: shown.Raw, GraphHash: stored.Hash, MaxDurationDays: 30, Version: 1, Rev: 2, AppearanceRev: 2}
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, bytes.NewReader(nil))
	service.Catalog = known
	tenant, _ := ident.ParseTenant("acme")

	simulated, err := simulate.Run(t.Context(), service, tenant, "", simulate.Request{})
	require.NoError(t, err)
	require.Equal(t, []string{
		"/definition/nodes/0 must have exactly one edge that leaves it, has 0",
		"/definition/nodes/2/config must wait less than maxDurationDays, 30 days; waits 45 days",
	}, lines(simulated.Faults))
	require.Equal(t, lines(service.Warnings(tenant, store.journey)), lines(simulated.Warnings))
	require.Len(t, simulated.Warnings, 2)
	require.Equal(t, "/definition/nodes/2", simulated.Warnings[0].Pointer)
	require.Equal(t, "/definition/nodes/0/config/channel", simulated.Warnings[1].Pointer)

	whole := journeytest.Definition(t, graphOf([]string{"in entry_trigger", "out exit"}, []string{"in out"}))
	simulated, err = simulate.Run(t.Context(), service, tenant, "", simulate.Request{Definition: &whole})
	require.NoError(t, err)
	require.Empty(t, simulated.Faults)
	require.Empty(t, simulated.Warnings)
}
