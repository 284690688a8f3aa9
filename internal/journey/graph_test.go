package journey_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// readFaults returns the definition and "pointer detail" of each fault, in order.
func readFaults(t *testing.T, text string) (journey.Definition, []string) {
	t.Helper()
	var faults strict.Faults
	v, ok := strict.Parse([]byte(text), &faults)
	require.True(t, ok, "malformed JSON: %v", faults.List())
	d, ok := journey.ReadDefinition(v)
	require.Equal(t, ok, faults.Empty())
	return d, lines(faults.List())
}

// lines returns "pointer detail" of each fault.
func lines(faults []strict.Fault) []string {
	var list []string
	for _, f := range faults {
		list = append(list, f.Pointer+" "+f.Detail)
	}
	return list
}

// graphOf returns a definition as JSON from nodes "id type config" and edges
// "source target handle".
func graphOf(nodes, edges []string) string {
	var n, e []string
	for _, node := range nodes {
		parts := strings.SplitN(node, " ", 3)
		config := "{}"
		if len(parts) == 3 {
			config = parts[2]
		}
		n = append(n, fmt.Sprintf(`{"id":%q,"type":%q,"config":%s}`, parts[0], parts[1], config))
	}
	for _, edge := range edges {
		parts := strings.Fields(edge)
		handle := ""
		if len(parts) == 3 {
			handle = fmt.Sprintf(`,"sourceHandle":%q`, parts[2])
		}
		e = append(e, fmt.Sprintf(`{"source":%q,"target":%q%s}`, parts[0], parts[1], handle))
	}
	return `{"nodes":[` + strings.Join(n, ",") + `],"edges":[` + strings.Join(e, ",") + `]}`
}

// branches returns the config of a split with n branches, b0 and so on.
func branches(n int, field string) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"id":"b%d",%s}`, i, field))
	}
	return `{"branches":[` + strings.Join(list, ",") + `]}`
}

const exists = `"condition":{"field":"vip","operator":"exists"}`

const isVIP = `{"condition":{"field":"vip","operator":"eq","value":true}}`

func TestReadDefinition_ChecksForm(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name, definition string
		faults           []string
	}{
		{"an empty graph", `{"nodes":[],"edges":[]}`, nil},
		{"no nodes and edges", `{}`, nil},
		{"fields of the editor", `{"viewport":{"zoom":1},"nodes":[{"id":"a","type":"exit","position":{"x":1},"data":{},"style":null}],"edges":[]}`, nil},
		{"null in an edge", `{"nodes":[{"id":"a","type":"entry_trigger","config":null},{"id":"b","type":"exit"}],"edges":[{"id":null,"source":"a","target":"b","sourceHandle":null}]}`, nil},
		{"a cycle", graphOf([]string{"a wait", "b wait"}, []string{"a b", "b a"}), nil},
		{"no object", `[]`, []string{" must be an object"}},
		{"nodes that are no array", `{"nodes":{}}`, []string{"/nodes must be an array"}},
		{"an unknown type", graphOf([]string{"a teleport"}, nil), []string{"/nodes/0/type must be one of entry_trigger, wait, condition_split, multi_split, random_split, nba_decision, channel_action, update_customer, exit"}},
		{"an id with a dot, and a missing id", `{"nodes":[{"id":"a.b","type":"exit"},{"type":"exit"}]}`, []string{"/nodes/0/id must have only A-Z, a-z, 0-9, _ and -", "/nodes/1/id is required"}},
		{"a duplicate id", graphOf([]string{"a exit", "a exit"}, nil), []string{"/nodes/1/id duplicates the id of nodes/0"}},
		{"a dangling edge", graphOf([]string{"a exit"}, []string{"a zz", "yy a"}), []string{"/edges/0/target is not a node of this graph", "/edges/1/source is not a node of this graph"}},
		{"any handle", graphOf([]string{"a exit", "b condition_split"}, []string{"a a maybe", "b a bottom-2"}), nil},
		{"a handle that is no text", `{"nodes":[{"id":"a","type":"exit"}],"edges":[{"source":"a","target":"a","sourceHandle":1}]}`, []string{"/edges/0/sourceHandle must be a string"}},
		{"null in a config", graphOf([]string{`a wait {"delayHours":null,"waitForEvent":null}`, `b condition_split {"condition":null}`}, nil), nil},
		{"null around the end of a wait", graphOf([]string{
			`a wait {"until":{"at":"2027-01-01T00:00:00Z","field":null,"offset":null,"time":null,"yearly":null,"days":null,"timezone":null,"otherwise":null}}`,
			`b wait {"until":{"at":null,"field":"renews","offset":{"value":-3,"unit":"days"},"time":null,"yearly":null}}`,
			`c wait {"until":{"field":null,"time":"09:00","days":null,"timezone":null}}`,
		}, nil), nil},
		{"null for what is required", graphOf([]string{
			`a wait {"until":{"at":null}}`, `b wait {"until":{"field":"x","offset":{"value":null,"unit":null}}}`, `c wait {"delay":{"value":null,"unit":"days"}}`,
			`d wait {"waitForEvent":{"any":null}}`, `e wait {"waitForEvent":{"any":[{"id":"x","eventType":"e","match":{"event":null,"entry":"b"}}]}}`, `f wait {"waitForEvent":"e","eventSince":{"step":null}}`,
		}, nil), []string{
			"/nodes/0/config/until must have one of at, field and time", "/nodes/1/config/until/offset/unit is required", "/nodes/1/config/until/offset/value is required",
			"/nodes/2/config/delay/value is required", "/nodes/3/config/waitForEvent/any is required", "/nodes/4/config/waitForEvent/any/0/match/event is required",
			"/nodes/5/config/eventSince/step is required",
		}},
		{"null inside of a condition", graphOf([]string{`b condition_split {"condition":{"field":"a","operator":"eq","value":null}}`}, nil), []string{"/nodes/0/config/condition/value must not be null; to test that a field is missing, use exists with value false"}},
		{"an unknown field in a config", graphOf([]string{`a exit {"why":"x"}`}, nil), []string{"/nodes/0/config/why unknown field; allowed here: reason"}},
		{"a delay of zero, and a delay of more than a year", graphOf([]string{`a wait {"delayHours":0}`, `b wait {"delayHours":8760.5}`}, nil), []string{"/nodes/0/config/delayHours must be a number above 0, at most 8760", "/nodes/1/config/delayHours must be a number above 0, at most 8760"}},
		{"a delay in days of more than a year", graphOf([]string{`a wait {"delay":{"value":366,"unit":"days"}}`}, nil), []string{"/nodes/0/config/delay/value must be a number above 0, at most 365"}},
		{"a delay in weeks", graphOf([]string{`a wait {"delay":{"value":1,"unit":"weeks"}}`}, nil), []string{"/nodes/0/config/delay/unit must be one of minutes, hours, days"}},
		{"until an instant, a field and a time", graphOf([]string{`a wait {"until":{"at":"2026-12-01T09:00:00+01:00"}}`,
			`b wait {"until":{"field":"event.starts","offset":{"value":-365,"unit":"days"},"time":"23:59","yearly":true,"timezone":"customer"}}`,
			`c wait {"until":{"time":"00:00","days":["sat","sun"],"timezone":"America/Argentina/Ushuaia","otherwise":"exit"}}`}, nil), nil},
		{"until in two forms", graphOf([]string{`a wait {"until":{"at":"2026-12-01T09:00:00Z","field":"b"}}`}, nil), []string{"/nodes/0/config/until must have one of at, field and time; time may go with field"}},
		{"until in no form, and a text", graphOf([]string{`a wait {"until":{}}`, `b wait {"until":"2026-12-01"}`}, nil), []string{"/nodes/0/config/until must have one of at, field and time", "/nodes/1/config/until must be an object"}},
		{"a local time, and an impossible one", graphOf([]string{`a wait {"until":{"at":"2026-12-01T09:00:00"}}`, `b wait {"until":{"time":"24:00"}}`}, nil), []string{"/nodes/0/config/until/at must be an RFC 3339 time, such as 2026-11-23T10:00:00Z", "/nodes/1/config/until/time must be a time of day from 00:00 to 23:59"}},
		{"a day twice, and no day", graphOf([]string{`a wait {"until":{"time":"09:00","days":["mon","tue","mon"]}}`, `b wait {"until":{"time":"09:00","days":[]}}`}, nil), []string{"/nodes/0/config/until/days/2 is there twice", "/nodes/1/config/until/days must have at least one of sun, mon, tue, wed, thu, fri, sat"}},
		{"an offset of 10,000 days, and one of half a day", graphOf([]string{`a wait {"until":{"field":"d","offset":{"value":10000,"unit":"days"}}}`, `b wait {"until":{"field":"d","offset":{"value":0.5,"unit":"days"}}}`}, nil), []string{"/nodes/0/config/until/offset/value must be a whole number from -365 to 365", "/nodes/1/config/until/offset/value must be a whole number from -365 to 365"}},
		{"an unknown zone, and an offset for a zone", graphOf([]string{`a wait {"until":{"field":"d","timezone":"Mars/Olympus"}}`, `b wait {"until":{"field":"d","timezone":"+02:00"}}`}, nil), []string{`/nodes/0/config/until/timezone must be "customer" or the IANA name of a time zone, such as Europe/Berlin`, `/nodes/1/config/until/timezone must be "customer" or the IANA name of a time zone, such as Europe/Berlin`}},
		{"settings of another form of until", graphOf([]string{`a wait {"until":{"time":"09:00","yearly":true,"otherwise":"stop"}}`}, nil), []string{"/nodes/0/config/until/yearly is only allowed with field", "/nodes/0/config/until/otherwise must be one of continue, exit"}},
		{"a timeout longer than a lease allows", graphOf([]string{`a nba_decision {"decisionFlowId":"f","timeoutMs":20001}`}, nil), []string{"/nodes/0/config/timeoutMs must be a whole number from 1 to 20000"}},
		{"what a message keeps", graphOf([]string{`a channel_action {"keep":["id","offer.title","[\"a.b\"].c"]}`, `b channel_action {"keep":[]}`, `c channel_action {"keep":null}`}, nil), nil},
		{"paths that no answer has", graphOf([]string{`a channel_action {"keep":["",1,"a..b","ok",["x"]]}`, `b channel_action {"keep":"id"}`, `c channel_action {"keep":{"id":true}}`, `d nba_decision {"keep":["id"]}`}, nil), []string{
			"/nodes/0/config/keep/0 must not be empty",
			"/nodes/0/config/keep/1 must be a string",
			`/nodes/0/config/keep/2 must be names separated by single dots; a name with dots is written ["like.this"]`,
			"/nodes/0/config/keep/4 must be a string",
			"/nodes/1/config/keep must be an array",
			"/nodes/2/config/keep must be an array",
			"/nodes/3/config/keep unknown field; allowed here: decisionFlowId, channelId, maxOffers, timeoutMs, onError",
		}},
		{"an update", graphOf([]string{`a update_customer {"set":{"plan":"{{event.plan | default: 'free'}}","cart.items":[1,null],"[\"a.b\"].c":null},"unset":["attributes.trial"],"add":{"points":-2.5}}`}, nil), []string{`/nodes/0/config/set/["a.b"].c must not be null; to remove an attribute, name it in unset`}},
		{"updates of other things than attributes", graphOf([]string{`a update_customer {"set":{"event.a":1,"":2},"unset":["decision.d.x",1,"step.w.result"],"add":{"a..b":1,"entryEvent.x":1}}`}, nil), []string{
			"/nodes/0/config/set/event.a must be a path of an attribute, without a source or with attributes in front",
			"/nodes/0/config/set/ must be a path of an attribute",
			"/nodes/0/config/unset/0 must be a path of an attribute, without a source or with attributes in front",
			"/nodes/0/config/unset/1 must be a string",
			"/nodes/0/config/unset/2 must be a path of an attribute, without a source or with attributes in front",
			`/nodes/0/config/add/a..b must be names separated by single dots; a name with dots is written ["like.this"]`,
			"/nodes/0/config/add/entryEvent.x must be a path of an attribute, without a source or with attributes in front",
		}},
		{"updates of one attribute twice", graphOf([]string{`a update_customer {"set":{"a.b":1,"attributes.a.b":2,"c":3},"unset":["a","c"],"add":{"c.d":1,"ab":1}}`}, nil), []string{
			"/nodes/0/config/set/attributes.a.b names the same attribute as another path in set, or one inside or around it",
			"/nodes/0/config/unset/0 names the same attribute as another path in set, or one inside or around it",
			"/nodes/0/config/unset/1 names the same attribute as another path in set, or one inside or around it",
			"/nodes/0/config/add/c.d names the same attribute as another path in set, or one inside or around it",
		}},
		{"updates with values of other types", graphOf([]string{`a update_customer {"set":[],"unset":{},"add":{"a":"1","b":1e999,"c":{}}}`, `b update_customer {"set":{"a":"{{x}}"},"remove":["a"]}`}, nil), []string{
			"/nodes/0/config/set must be an object",
			"/nodes/0/config/unset must be an array",
			"/nodes/0/config/add/a must be a number",
			"/nodes/0/config/add/b must be a number",
			"/nodes/0/config/add/c must be a number",
			"/nodes/1/config/set/a has a placeholder that is not {{attributes.x}}, {{decision.n.x}}, {{event.x}}, {{step.n.x}} or, in a message, {{unsubscribe.url}}, with or without | default: 'text'",
			"/nodes/1/config/remove unknown field; allowed here: set, unset, add",
		}},
		{"a long path", graphOf([]string{`a update_customer {"add":{"` + strings.Repeat("x", 257) + `":1,"a.b.c.d.e.f.g.h.i":1}}`}, nil), []string{
			"/nodes/0/config/add/" + strings.Repeat("x", 257) + " must be a path of at most 256 characters",
			"/nodes/0/config/add/a.b.c.d.e.f.g.h.i must be a path of at most 8 names, has 9",
		}},
		{"a split of one branch, and of nine", graphOf([]string{`a random_split {"branches":[{"id":"b","weight":1}]}`, "b random_split " + branches(9, `"weight":1`)}, nil), []string{"/nodes/0/config/branches must have 2 to 8 branches, has 1", "/nodes/1/config/branches must have 2 to 8 branches, has 9"}},
		{"eight conditions", graphOf([]string{"a multi_split " + branches(8, exists)}, nil), []string{"/nodes/0/config/branches must have 2 to 7 branches, has 8"}},
		{"all weights 0", graphOf([]string{"a random_split " + branches(2, `"weight":0`)}, nil), []string{"/nodes/0/config/branches must have a weight above 0"}},
		{"weights out of bounds", graphOf([]string{`a random_split {"branches":[{"id":"b","weight":-1},{"id":"c","weight":10001},{"id":"d","weight":0.5},{"id":"e","weight":1}]}`}, nil), []string{
			"/nodes/0/config/branches/0/weight must be a whole number from 0 to 10000", "/nodes/0/config/branches/1/weight must be a whole number from 0 to 10000", "/nodes/0/config/branches/2/weight must be a whole number from 0 to 10000",
		}},
		{"weights that cannot be read", graphOf([]string{`a random_split {"branches":[{"id":"b","weight":"50%"},{"id":"c"}]}`}, nil), []string{
			"/nodes/0/config/branches/0/weight must be a whole number from 0 to 10000", "/nodes/0/config/branches/1/weight is required",
		}},
		{"two branches of one id", graphOf([]string{`a random_split {"branches":[{"id":"b","weight":1},{"id":"b","weight":1}]}`}, nil), []string{"/nodes/0/config/branches/1/id duplicates the id of branches/0"}},
		{"reserved ids", graphOf([]string{`a multi_split {"branches":[{"id":"else",` + exists + `},{"id":"true",` + exists + `},{"id":"Else",` + exists + `}]}`}, nil), []string{
			"/nodes/0/config/branches/0/id must not be event, timeout, else, true or false", "/nodes/0/config/branches/1/id must not be event, timeout, else, true or false",
		}},
		{"an id with a space, and one of 65 characters", graphOf([]string{`a random_split {"branches":[{"id":"b c","weight":1},{"id":"` + strings.Repeat("x", 65) + `","weight":1}]}`}, nil), []string{
			"/nodes/0/config/branches/0/id must have only A-Z, a-z, 0-9, _ and -", "/nodes/0/config/branches/1/id must have 1 to 64 characters, has 65",
		}},
		{"branches without their fields, and with others", graphOf([]string{`a multi_split {"branches":[{"id":"b","condition":null},{"id":null,` + exists + `},7,{"id":"d","weight":1,` + exists + `}],"salt":"s"}`}, nil), []string{
			"/nodes/0/config/branches/0/condition is required", "/nodes/0/config/branches/1/id is required", "/nodes/0/config/branches/2 must be an object",
			"/nodes/0/config/branches/3/weight unknown field; allowed here: id, condition", "/nodes/0/config/salt unknown field; allowed here: branches",
		}},
		{"a condition with a fault", graphOf([]string{`a multi_split {"branches":[{"id":"b",` + exists + `},{"id":"c","condition":{"field":"a","operator":"is"}}]}`}, nil), []string{
			"/nodes/0/config/branches/1/condition/operator must be one of eq, neq, gt, gte, lt, lte, in, exists, contains, starts_with, within_last, within_next, older_than",
		}},
		{"a salt of 200 characters", graphOf([]string{`a random_split {"salt":"` + strings.Repeat("s", 200) + `","branches":[{"id":"b","weight":1},{"id":"c","weight":0}]}`}, nil), []string{"/nodes/0/config/salt must have 1 to 128 characters, has 200"}},
		{"splits without branches, and null for them", graphOf([]string{"a multi_split", `b random_split {"branches":null,"salt":null}`}, []string{"a b x"}), nil},
		{"branches without edges, and edges without branches", graphOf([]string{"a random_split " + branches(2, `"weight":1`)}, []string{"a a b0", "a a b7"}), nil},
		{"an action with another onError", graphOf([]string{`a channel_action {"channel":"email","onError":"continue"}`, `b channel_action {"onError":"retry"}`, `c channel_action {"onError":true}`}, nil), []string{
			"/nodes/1/config/onError must be one of fail, continue", "/nodes/2/config/onError must be one of fail, continue",
		}},
		{"null around an awaited event", graphOf([]string{`a wait {"waitForEvent":{"any":[{"id":"x","eventType":"e","condition":null,"match":null}]},"eventSince":null}`}, nil), nil},
		{"awaited events without a list", graphOf([]string{`a wait {"waitForEvent":{}}`, `b wait {"waitForEvent":7}`, `c wait {"waitForEvent":{"any":[]}}`, `d wait {"waitForEvent":{"any":[1,1,1,1,1,1]}}`}, nil), []string{
			"/nodes/0/config/waitForEvent/any is required", "/nodes/1/config/waitForEvent must be the type of an event, or an object with any",
			"/nodes/2/config/waitForEvent/any must have 1 to 5 events, has 0", "/nodes/3/config/waitForEvent/any must have 1 to 5 events, has 6",
		}},
		{"feedback and events beside any", graphOf([]string{`a wait {"waitForEvent":{"step":"mail","is":"clicked"}}`, `b wait {"waitForEvent":{"eventType":"e","x":1}}`, `c wait {"waitForEvent":{"any":[{"id":"x","eventType":"e"}],"step":"mail"}}`}, nil), []string{
			`/nodes/0/config/waitForEvent must name events, and feedback of a step, in any: {"any": [{"id": "a", "step": "mail", "is": "clicked"}]}`,
			`/nodes/1/config/waitForEvent must name events, and feedback of a step, in any: {"any": [{"id": "a", "step": "mail", "is": "clicked"}]}`,
			"/nodes/2/config/waitForEvent/step unknown field; allowed here: any",
		}},
		{"bad ids of awaited events", graphOf([]string{`a wait {"waitForEvent":{"any":[{"id":"timeout","eventType":"e"},{"id":"a b","eventType":"e"},{"eventType":"e"}]}}`, `b wait {"waitForEvent":{"any":[{"id":"x","eventType":"e"},{"id":"x","eventType":"f"},{"id":"exited","eventType":"g"}]}}`}, nil), []string{
			`/nodes/0/config/waitForEvent/any/0/id must not be "timeout", which is reserved`, "/nodes/0/config/waitForEvent/any/1/id must have only A-Z, a-z, 0-9, _ and -",
			"/nodes/0/config/waitForEvent/any/2/id is required", "/nodes/1/config/waitForEvent/any/1/id is the id of an earlier branch",
			`/nodes/1/config/waitForEvent/any/2/id must not be "exited", which is reserved`,
		}},
		{"an event type with $", graphOf([]string{`a wait {"waitForEvent":"$sent"}`, `b condition_split {"condition":{"event":"$sent","since":"entry"}}`, `c entry_trigger {"eventType":"$sent"}`}, nil), []string{
			"/nodes/0/config/waitForEvent must not begin with $; such types are reserved", "/nodes/1/config/condition/event must not begin with $; such types are reserved",
			"/nodes/2/config/eventType must not begin with $; such types are reserved",
		}},
		{"a match without a side, and one with a bad path", graphOf([]string{`a wait {"waitForEvent":{"any":[{"id":"x","eventType":"e","match":{"event":"a..b"}}]}}`}, nil), []string{
			`/nodes/0/config/waitForEvent/any/0/match/event must be names separated by single dots; a name with dots is written ["like.this"]`,
			"/nodes/0/config/waitForEvent/any/0/match/entry is required",
		}},
		{"a match with a source in front, and one of properties of such a name", graphOf([]string{`a wait {"waitForEvent":{"any":[` +
			`{"id":"x","eventType":"e","match":{"event":"event.cart","entry":"entryEvent.cart"}},{"id":"y","eventType":"e","match":{"event":"event","entry":"[\"event\"].cart"}}]}}`}, nil), []string{
			"/nodes/0/config/waitForEvent/any/0/match/event must be a path in the properties, without event in front",
			"/nodes/0/config/waitForEvent/any/0/match/entry must be a path in the properties, without entryEvent in front",
		}},
		{"a moment that is none", graphOf([]string{`a wait {"waitForEvent":"e","eventSince":"now"}`, `b wait {"waitForEvent":"e","eventSince":{"node":"a"}}`}, nil), []string{
			`/nodes/0/config/eventSince must be "entry", "wait" or a node such as {"step": "a"}`, "/nodes/1/config/eventSince/step is required", "/nodes/1/config/eventSince/node unknown field; allowed here: step",
		}},
		{"a test of an event since a day of the week", graphOf([]string{`a condition_split {"condition":{"event":"e","since":"monday"}}`}, nil), []string{
			`/nodes/0/config/condition/since must be "entry" or a period such as {"value": 7, "unit": "days"}`,
		}},
		{"a test of an event with another, without since, and since an entry that is to come", graphOf([]string{`a condition_split {"condition":{"event":"e","since":7,"field":"x"}}`, `b condition_split {"condition":{"event":"e"}}`, `c entry_trigger {"condition":{"not":{"event":"e","since":"entry"}}}`}, nil), []string{
			"/nodes/0/config/condition/field must not be combined with event", `/nodes/0/config/condition/since must be "entry" or a period such as {"value": 7, "unit": "days"}`,
			"/nodes/1/config/condition/since is required",
			`/nodes/2/config/condition/not/since must be a period such as {"value": 7, "unit": "days"}, because the customer has not entered yet`,
		}},
		{"a payload that is a string", graphOf([]string{`a channel_action {"channel":"email","payload":"x"}`}, nil), []string{"/nodes/0/config/payload must be an object"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			d, faults := readFaults(t, row.definition)
			require.Equal(t, row.faults, faults)
			if row.faults == nil {
				require.JSONEq(t, row.definition, string(d.Raw), "Raw is the input")
			}
		})
	}
}

func TestReadDefinition_EnforcesLimits(t *testing.T) {
	t.Parallel()

	nodes := func(n int) []string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("n%d exit", i))
		}
		return list
	}
	edges := func(n int) []string {
		var list []string
		for range n {
			list = append(list, "n0 n1")
		}
		return list
	}
	padded := func(size int) string {
		empty := `{"nodes":[],"edges":[],"pad":""}`
		return strings.Replace(empty, `""`, `"`+strings.Repeat("x", size-len(empty))+`"`, 1)
	}

	journeytest.Definition(t, graphOf(nodes(256), edges(512)))
	journeytest.Definition(t, padded(256*1024))

	_, faults := readFaults(t, graphOf(nodes(257), nil))
	require.Equal(t, []string{"/nodes must have at most 256 nodes, has 257"}, faults)
	_, faults = readFaults(t, graphOf(nodes(2), edges(513)))
	require.Equal(t, []string{"/edges must have at most 512 edges, has 513"}, faults)
	updates := strings.TrimPrefix(strings.Repeat(",%q", 65), ",")
	for i := range 65 {
		updates = strings.Replace(updates, "%q", fmt.Sprintf("%q", fmt.Sprint("a", i)), 1)
	}
	_, faults = readFaults(t, graphOf([]string{`a update_customer {"unset":[` + updates + `]}`}, nil))
	require.Equal(t, []string{"/nodes/0/config must name at most 64 attributes, names 65"}, faults)
	_, faults = readFaults(t, graphOf([]string{`a channel_action {"keep":[` + updates + `]}`}, nil))
	require.Equal(t, []string{"/nodes/0/config/keep must have at most 64 paths, has 65"}, faults)
	_, faults = readFaults(t, padded(256*1024+1))
	require.Equal(t, []string{" must have at most 262144 bytes as compact JSON, has 262145"}, faults)
}

func TestGraph_ListsEveryFault(t *testing.T) {
	t.Parallel()

	waiting := []string{"in entry_trigger", `w wait {"delayHours":2,"waitForEvent":"purchase"}`, "out exit", `a channel_action {"channel":"push"}`}

	for _, row := range []struct {
		name         string
		nodes, edges []string
		faults       []string
	}{
		{"complete", []string{"in entry_trigger", "out exit"}, []string{"in out"}, nil},
		{"empty", nil, nil, []string{"/definition/nodes there is no entry_trigger; there must be exactly one"}},
		{"two entries", []string{"in entry_trigger", "in2 entry_trigger", "out exit"}, []string{"in out", "in2 out"}, []string{
			"/definition/nodes/1 is a second entry_trigger; nodes/0 is the first, and there may be only one",
		}},
		{"a cycle", []string{"in entry_trigger", `w wait {"delayHours":1}`, `s condition_split ` + isVIP, "out exit"}, []string{"in w", "w s", "s w true", "s out false"}, []string{
			"/definition/nodes/1 is part of a cycle; a journey only goes forward",
			"/definition/nodes/2 is part of a cycle; a journey only goes forward",
		}},
		{"an unreachable node", []string{"in entry_trigger", "out exit", "lost exit"}, []string{"in out"}, []string{"/definition/nodes/2 cannot be reached from the entry_trigger"}},
		{"a split with one branch", []string{"in entry_trigger", "s condition_split " + isVIP, "out exit"}, []string{"in s", "s out true"}, []string{
			`/definition/nodes/1 must have exactly one edge with sourceHandle "false", has 0`,
		}},
		{"a split with other handles", []string{"in entry_trigger", "s condition_split " + isVIP, "out exit"}, []string{"in s", "s out true", "s out false", "s out", "s out maybe"}, []string{
			`/definition/nodes/1 has 2 edges whose sourceHandle is neither "true" nor "false"`,
		}},
		{"whole splits", []string{"in entry_trigger", "m multi_split " + branches(7, exists), "r random_split " + branches(8, `"weight":1`), "out exit"},
			[]string{
				"in m", "m r b0", "m r b1", "m r b2", "m r b3", "m r b4", "m r b5", "m r b6", "m out else",
				"r out b0", "r out b1", "r out b2", "r out b3", "r out b4", "r out b5", "r out b6", "r out b7",
			}, nil},
		{"splits without branches", []string{"in entry_trigger", "m multi_split", "r random_split", "out exit"}, []string{"in m", "m r a", "m out b", "r out a"}, []string{
			"/definition/nodes/1/config branches is required", "/definition/nodes/2/config branches is required",
		}},
		{"an edge for a branch that is not there, and branches without an edge", []string{"in entry_trigger", "m multi_split " + branches(2, exists), "r random_split " + branches(2, `"weight":1`), "out exit"},
			[]string{"in m", "m r b0", "m r b1", "r out b0", "r out else"}, []string{
				`/definition/nodes/1 must have exactly one edge with sourceHandle "else", has 0`,
				`/definition/nodes/2 must have exactly one edge with sourceHandle "b1", has 0`,
				`/definition/nodes/2 has 1 edge whose sourceHandle is neither "b0" nor "b1"`,
			}},
		{"a dead end, an exit with an edge and missing configs, all at once", []string{"in entry_trigger", "w wait", "s condition_split", "d nba_decision", "a channel_action", "out exit"}, []string{"in w", "w s", "s d true", "s out false", "d a", "out a"}, []string{
			"/definition/nodes/1/config exactly one of delayHours, delay and until is required",
			"/definition/nodes/2/config condition is required",
			"/definition/nodes/3/config decisionFlowId is required",
			"/definition/nodes/4/config channel is required",
			"/definition/nodes/4 must have exactly one edge that leaves it, has 0",
			"/definition/nodes/5 is an exit, from which no edge may leave; 1 do",
		}},
		{"a delay and a date", []string{"in entry_trigger", `w wait {"delayHours":1,"until":{"time":"09:00"}}`, "out exit"}, []string{"in w", "w out"}, []string{
			"/definition/nodes/1/config exactly one of delayHours, delay and until is required"}},
		{"a wait until a time", []string{"in entry_trigger", `w wait {"delay":null,"until":{"time":"09:00"}}`, "out exit"}, []string{"in w", "w out"}, nil},
		{"a wait that branches", waiting, []string{"in w", "w a event", "w out timeout", "a out"}, nil},
		{"a wait with one edge, of any other handle", waiting[:3], []string{"in w", "w out bottom"}, nil},
		{"a wait with the edge of one outcome", waiting[:3], []string{"in w", "w out event"}, []string{
			`/definition/nodes/1 has a single edge, with sourceHandle "event"; add the edges of the other outcomes, or remove the handle`,
		}},
		{"a wait with two edges, one of no outcome", waiting, []string{"in w", "w a event", "w out", "a out"}, []string{
			`/definition/nodes/1 must have exactly one edge with sourceHandle "timeout", has 0`,
			`/definition/nodes/1 has 1 edge whose sourceHandle is neither "event" nor "timeout"`,
		}},
		{"a moment without an event, and one of an unknown node", []string{"in entry_trigger", `w wait {"delayHours":1,"eventSince":"wait"}`, `v wait {"delayHours":1,"waitForEvent":"e","eventSince":{"step":"x"}}`, "out exit"}, []string{"in w", "w v", "v out"}, []string{
			"/definition/nodes/1/config eventSince needs waitForEvent", "/definition/nodes/2/config/eventSince/step is not a node of this graph",
		}},
		{"two edges from a wait for a time", []string{"in entry_trigger", `w wait {"delayHours":1}`, "out exit", "a exit"}, []string{"in w", "w a event", "w out timeout"}, []string{
			"/definition/nodes/1 must have exactly one edge that leaves it, has 2",
		}},
		{"both delays", []string{"in entry_trigger", `w wait {"delayHours":1,"delay":{"value":1,"unit":"days"}}`, "out exit"}, []string{"in w", "w out"}, []string{
			"/definition/nodes/1/config exactly one of delayHours, delay and until is required",
		}},
		{"an update that names no attribute", []string{"in entry_trigger", `u update_customer {"set":{},"unset":[],"add":null}`, "out exit"}, []string{"in u", "u out", "u out"}, []string{
			"/definition/nodes/1/config at least one attribute in set, unset or add is required",
			"/definition/nodes/1 must have exactly one edge that leaves it, has 2",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			d := journeytest.Definition(t, graphOf(row.nodes, row.edges))
			require.Equal(t, row.faults, lines(d.Graph.Faults("/definition")))
		})
	}
}

func TestGraph_GeneratedGraphsAreComplete(t *testing.T) {
	t.Parallel()

	for seed := range uint64(300) {
		text := journeytest.Graph(rand.New(rand.NewPCG(seed, 0)), int(seed%60))
		d := journeytest.Definition(t, text)
		require.Empty(t, d.Graph.Faults(""), "seed %d: %s", seed, text)
		require.True(t, json.Valid(d.Raw))
	}
}
