package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// badCall is an invalid call and the pointers of its problem document. The journey
// in its path is a draft, and active if the path ends in /enroll.
type badCall struct {
	method, path, body string
	at                 []string
}

func post(body string, at ...string) badCall { return badCall{"POST", "/journeys", body, at} }
func put(body string, at ...string) badCall  { return badCall{"PUT", "/journeys/{id}", body, at} }
func enroll(body string, at ...string) badCall {
	return badCall{"POST", "/journeys/{id}/enroll", body, at}
}
func test(body string, at ...string) badCall  { return badCall{"POST", "/journeys/{id}/test", body, at} }
func list(query string, at ...string) badCall { return badCall{"GET", "/journeys?" + query, "", at} }

// graph returns a PUT of a definition.
func graph(definition string, at ...string) badCall {
	return put(`{"definition":`+definition+`}`, at...)
}

// event returns a POST of events.
func event(body string, at ...string) badCall { return badCall{"POST", "/events", body, at} }

// split returns a PUT of a graph with a split by a condition.
func split(condition string, at string) badCall {
	return graph(`{"nodes":[{"id":"a","type":"condition_split","config":{"condition":`+condition+`}}],"edges":[]}`,
		"/definition/nodes/0/config/condition"+at)
}

// weighted returns a PUT of a graph with a random split.
func weighted(config string, at ...string) badCall {
	for i := range at {
		at[i] = "/definition/nodes/0/config/" + at[i]
	}
	return graph(`{"nodes":[{"id":"a","type":"random_split","config":`+config+`}],"edges":[]}`, at...)
}

// invalid are the calls that get a 400 that names every fault.
var invalid = map[string][]badCall{
	"malformed JSON": {
		post(`{"name":"a",}`, ""), post(`{"name":`, ""), post("", ""), post(`{"name":"a"}}`, ""), post("\x00", ""),
		post("\ufeff{}", ""), put("{\x00}\x00", ""),
		put(`{"name":"\ud800"}`, "/name"), put("{\"name\":\"\xff\"}", "/name"), put(`{"name":"a","name":"b"}`, "/name"),
		enroll(`{"customerId":"a"`, ""), enroll("'a'", ""), test(`{"customerAttributes":{"a":NaN}}`, "/customerAttributes/a"),
	},
	"wrong types": {
		post(`[]`, ""), post(`"name"`, ""), post(`null`, ""), put(`7`, ""), enroll(`true`, ""), test(`[]`, ""),
		put(`{"name":1,"description":{},"status":null,"definition":"","entryCondition":[],"maxDurationDays":"7"}`,
			"/name", "/description", "/status", "/definition", "/entryCondition", "/maxDurationDays"),
		put(`{"maxDurationDays":1.5}`, "/maxDurationDays"),
		graph(`{"nodes":{},"edges":7}`, "/definition/nodes", "/definition/edges"),
		enroll(`{"customerId":7}`, "/customerId"), enroll(`{"customerIds":"a"}`, "/customerIds"),
		enroll(`{"customerIds":["a",null,["b"]]}`, "/customerIds/1", "/customerIds/2"),
		test(`{"customerAttributes":[],"now":1,"events":{},"decisions":[],"branches":"b","customerId":7}`,
			"/customerId", "/customerAttributes", "/now", "/events", "/decisions", "/branches"),
		test(`{"branches":{"a":7}}`, "/branches/a"), test(`{"branches":{"a":"b"}}`, "/branches/a"),
	},
	"unknown fields": {
		post(`{"name":"a","NAME":"b","x/y~z":1}`, "/NAME", "/x~1y~0z"), put(`{"id":"a","Version":1,"nodeCount":1}`, "/Version", "/nodeCount"),
		post(`{"name":"a","id":"a","version":1}`, "/id", "/version"),
		post(`{"name":"a","status":"draft"}`, "/status"),
		enroll(`{"customerId":"a","CUSTOMERID":"b"}`, "/CUSTOMERID"), test(`{"attributes":{}}`, "/attributes"),
		graph(`{"nodes":[{"id":"a","type":"wait","config":{"delayhours":1}}],"edges":[]}`, "/definition/nodes/0/config/delayhours"),
		list("Limit=1", "/query/Limit"), {"GET", "/journeys/{id}?fields=name", "", []string{"/query/fields"}},
	},
	"1,001 ids":                     {enroll(`{"customerIds":`+ids("c", 1001)+`}`, "/customerIds")},
	"both or neither of the fields": {enroll(`{"customerId":"a","customerIds":["b"]}`, ""), enroll(`{}`, "")},
	"empty ids": {
		enroll(`{"customerId":""}`, "/customerId"), enroll(`{"customerIds":[]}`, "/customerIds"),
		enroll(`{"customerIds":["a",""]}`, "/customerIds/1"),
	},
	"ids with control characters": {
		enroll(`{"customerId":"a\u0000"}`, "/customerId"),
		enroll(`{"customerIds":["a","b\n","\u007f","\u0085"]}`, "/customerIds/1", "/customerIds/2", "/customerIds/3"),
		enroll(`{"customerId":"`+strings.Repeat("a", 129)+`"}`, "/customerId"),
	},
	"entries": {
		enroll(`{"entries":{}}`, "/entries"), enroll(`{"entries":[]}`, "/entries"), enroll(`{"customerId":"a","entries":[{"customerId":"a"}]}`, ""),
		enroll(`{"entries":["a",{"properties":[]},{"customerId":"b","properties":{"x":"`+strings.Repeat("x", 40_000)+`"},"eventType":"e"}]}`,
			"/entries/0", "/entries/1/customerId", "/entries/1/properties", "/entries/2/properties", "/entries/2/eventType"),
	},
	"entry times": {
		put(`{"entryFrom":"tomorrow","entryUntil":[]}`, "/entryFrom", "/entryUntil"),
		put(`{"entryFrom":"2027-01-01T00:00:00Z","entryUntil":"2027-01-01T00:00:00Z"}`, "/entryUntil"),
	},
	"a dangling edge": {
		graph(`{"nodes":[{"id":"a","type":"exit"}],"edges":[{"source":"a","target":"b"}]}`, "/definition/edges/0/target"),
	},
	"splits": {
		weighted(`{"branches":[`+strings.Repeat(`{"id":"b","weight":1},`, 8)+`{"id":"b","weight":1}]}`, "branches"),
		weighted(`{"branches":[{"id":"b","weight":0},{"id":"c","weight":0}]}`, "branches"),
		weighted(`{"branches":[{"id":"b","weight":1},{"id":"b","weight":1}]}`, "branches/1/id"),
		weighted(`{"branches":[{"id":"b c","weight":1},{"id":"else","weight":10001}]}`, "branches/0/id", "branches/1/id", "branches/1/weight"),
		weighted(`{"branches":[{"id":"b"},{"weight":1}]}`, "branches/0/weight", "branches/1/id"),
		weighted(`{"branches":[{"id":"b","weight":1},{"id":"c","weight":1}],"salt":"`+strings.Repeat("s", 200)+`"}`, "salt"),
		graph(`{"nodes":[{"id":"a","type":"multi_split","config":{"branches":[{"id":"b","weight":1},{"id":"timeout","condition":{"field":"a"}}],"salt":"s"}}],"edges":[]}`,
			"/definition/nodes/0/config/branches/0/condition", "/definition/nodes/0/config/branches/0/weight",
			"/definition/nodes/0/config/branches/1/id", "/definition/nodes/0/config/branches/1/condition/operator",
			"/definition/nodes/0/config/salt"),
	},
	"events": {
		event(`{"customerId":"a","eventType":"$unsubscribed","attributes":7,"properties":[]}`, "/eventType", "/properties", "/attributes"),
		event(`{"customerId":"a","eventType":"b","occurredAt":"yesterday","eventid":"c"}`, "/occurredAt", "/eventid"),
		event(`{"customerId":"a","eventType":"b","properties":{"x":"`+strings.Repeat("x", 32<<10)+`"}}`, "/properties"),
		event(`{"events":[]}`, "/events"), event(`{"events":{}}`, "/events"), event(`{"events":[{}],"customerId":"a"}`, "/customerId"),
		event(`{"events":[`+strings.Repeat(`{},`, 100)+`{}]}`, "/events"), event(`{"events":[{"a":1,"a":2}]}`, "/events/0/a"),
	},
	"exits and goals": {
		put(`{"exitOn":[{"eventType":"$sent"},{"as":"failed"},{"eventType":"a","match":{"event":"b"}}]}`,
			"/exitOn/0/eventType", "/exitOn/1/eventType", "/exitOn/1/as", "/exitOn/2/match/entry"),
		put(`{"exitWhen":{"reason":"","condition":{"field":"a","operator":"like"}}}`, "/exitWhen/condition/operator", "/exitWhen/reason"),
		put(`{"goal":{"eventType":"a","windowDays":0.5}}`, "/goal/windowDays"), post(`{"name":"a","goal":{}}`, "/goal/eventType", "/goal/windowDays"),
		put(`{"exitOn":[`+strings.Repeat(`{"eventType":"a"},`, 10)+`{"eventType":"a"}]}`, "/exitOn"),
		test(`{"exitOn":[]}`, "/exitOn"),
	},
	"an unknown operator": {split(`{"field":"a","operator":"like","value":"b"}`, "/operator")},
	"a condition nested 9 deep": {
		split(strings.Repeat(`{"all":[`, 9)+`{"field":"a","operator":"eq","value":1}`+strings.Repeat(`]}`, 9), strings.Repeat("/all/0", 8)),
	},
	"offset=-1": {list("offset=-1", "/query/offset")},
	"limit=201": {list("limit=201", "/query/limit"), list("limit=0&offset=x", "/query/limit", "/query/offset")},
}

func TestBadInput_IsAnsweredWithAllFaults(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	draft, active := c.create("a", emptyGraph), c.createActive(shortGraph)
	for name, rows := range invalid {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := caller{t, c.token}
			for _, row := range rows {
				path := strings.Replace(row.path, "/journeys/{id}", draft, 1)
				if strings.HasSuffix(row.path, "/enroll") {
					path = strings.Replace(row.path, "/journeys/{id}", active, 1)
				}
				if status, known := row.difference(); known {
					c.must(status, row.method, path, row.body)
					continue
				}
				a := c.refused(400, "invalid-request", row.method, path, row.body)
				require.Equal(t, row.at, a.pointers(), "%.200s: %s", row.body, a.text)
			}
		})
	}
}

// A draft may have these graphs, an active journey may not.
func TestIncompleteGraph_CannotBecomeActive(t *testing.T) {
	t.Parallel()

	const in, out = `{"id":"in","type":"entry_trigger"}`, `{"id":"out","type":"exit"}`
	node := func(id, kind, config string) string {
		return fmt.Sprintf(`,{"id":%q,"type":%q,"config":%s}`, id, kind, config)
	}
	edge := func(from, to string) string { return fmt.Sprintf(`{"source":%q,"target":%q}`, from, to) }
	wait, condition := `{"delayHours":1}`, `{"condition":{"field":"a","operator":"exists"}}`
	for name, definition := range map[string]string{
		"no entry":    `{"nodes":[` + out + `],"edges":[]}`,
		"two entries": `{"nodes":[` + in + `,` + out + node("in2", "entry_trigger", `{}`) + `],"edges":[` + edge("in", "out") + `,` + edge("in2", "out") + `]}`,
		"a cycle": `{"nodes":[` + in + `,` + out + node("a", "wait", wait) + node("b", "wait", wait) + `],"edges":[` +
			edge("in", "a") + `,` + edge("a", "b") + `,` + edge("b", "a") + `]}`,
		"a split with one branch": `{"nodes":[` + in + `,` + out + node("s", "condition_split", condition) + `],"edges":[` +
			edge("in", "s") + `,{"source":"s","target":"out","sourceHandle":"true"}]}`,
		"an edge for a branch that is not there": `{"nodes":[` + in + `,` + out + node("s", "random_split", `{"branches":[{"id":"b","weight":1},{"id":"c","weight":1}]}`) + `],"edges":[` +
			edge("in", "s") + `,{"source":"s","target":"out","sourceHandle":"b"},{"source":"s","target":"out","sourceHandle":"c"},{"source":"s","target":"out","sourceHandle":"d"}]}`,
		"a path without an exit":  `{"nodes":[` + in + node("a", "wait", wait) + `],"edges":[` + edge("in", "a") + `]}`,
		"an unreachable node":     `{"nodes":[` + in + `,` + out + node("a", "wait", wait) + `],"edges":[` + edge("in", "out") + `,` + edge("a", "out") + `]}`,
		"a wait without duration": `{"nodes":[` + in + `,` + out + node("a", "wait", `{}`) + `],"edges":[` + edge("in", "a") + `,` + edge("a", "out") + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			c := as(t, manifest.Editor, newTenant())
			path := c.create("a", definition)
			a := c.refused(400, "graph-not-whole", "PUT", path, `{"status":"active"}`)
			require.NotEmpty(t, a.pointers())
			for _, pointer := range a.pointers() {
				require.True(t, strings.HasPrefix(pointer, "/definition"), pointer)
			}
			require.Equal(t, "draft", c.must(200, "GET", path, "").body["status"])
			c.refused(400, "journey-not-active", "POST", path+"/enroll", `{"customerId":"a"}`)

			// An active journey cannot get the graph either.
			active := c.createActive(shortGraph)
			c.refused(400, "graph-not-whole", "PUT", active, `{"definition":`+definition+`}`)
			c.must(201, "POST", active+"/enroll", `{"customerId":"a"}`).counts(t, 1, 0)
		})
	}
}

func TestBody_TooLargeOrOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	big := `{"name":"` + strings.Repeat("a", 2<<20) + `"}`
	draft := c.create("a", emptyGraph)
	for _, path := range []string{"/journeys", draft + "/enroll", draft + "/test"} {
		c.refused(413, "body-too-large", "POST", path, big)
		c.refused(415, "unsupported-media-type", "POST", path, "name=a", "Content-Type", "application/x-www-form-urlencoded")
		c.refused(415, "unsupported-media-type", "POST", path, "{}", "Content-Type", "text/plain")
	}
	c.refused(413, "body-too-large", "PUT", draft, big)
}

// A value at its limit is accepted, one beyond is refused.
func TestLimits_AreAsDocumented(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	filled := func(bytes int) string { // a definition of that many bytes
		empty := `{"nodes":[],"edges":[],"note":""}`
		return empty[:len(empty)-2] + strings.Repeat("x", bytes-len(empty)) + `"}`
	}
	for field, values := range map[string][2]string{
		"name":            {`"` + strings.Repeat("é", 255) + `"`, `"` + strings.Repeat("é", 256) + `"`},
		"description":     {`"` + strings.Repeat("é", 2000) + `"`, `"` + strings.Repeat("é", 2001) + `"`},
		"maxDurationDays": {`365`, `366`},
		"definition":      {filled(256 << 10), filled(256<<10 + 1)},
	} {
		path := c.create("a", emptyGraph)
		c.must(200, "PUT", path, fmt.Sprintf(`{%q:%s}`, field, values[0]))
		a := c.refused(400, "invalid-request", "PUT", path, fmt.Sprintf(`{%q:%s}`, field, values[1]))
		require.Equal(t, []string{"/" + field}, a.pointers())
	}
}
