package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
)

// limit is a request at a limit of the contract, which is accepted, and one just
// beyond it, which is refused with one fault.
type limit struct {
	name       string
	at, beyond call
	fault      string // pointer of the fault, or the code of a problem without faults
}

// Other tests hold the limits that are not listed here:
//   - internal/dev/e2e: the lengths of name and description, the longest
//     maxDurationDays, the bytes of a definition, 10,000 journeys, the bytes of a
//     header and of a token
//   - internal/journey: 256 nodes and 512 edges
//   - internal/condition: the values, paths and lists of a condition
//   - internal/dev/gateway: 10 MB of a body at the gateway
//   - internal/auth: 64 characters of a tenant, 256 bytes of a sub
func TestLimits_HoldOnBothSides(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	draft, active := s.create(`{"name":"Draft"}`), s.createActive()
	path := strings.NewReplacer("{draft}", draft, "{active}", active)
	var all []limit
	for _, group := range [][]limit{journeyLimits(), graphLimits(), conditionLimits(), listLimits(), enrollLimits(), testLimits()} {
		all = append(all, group...)
	}
	for _, row := range all {
		row.at.path, row.beyond.path = path.Replace(row.at.path), path.Replace(row.beyond.path)
		w := s.do(row.at)
		require.Less(t, w.Code, 300, "%s: %.300s", row.name, w.Body)
		if !strings.Contains(row.fault, "/") {
			w = s.do(row.beyond)
			require.Contains(t, w.Body.String(), `"code":"`+row.fault+`"`, row.name)
			continue
		}
		body := s.must(400, row.beyond)
		var places []string
		for _, fault := range body["errors"].([]any) {
			places = append(places, fault.(map[string]any)["pointer"].(string))
		}
		require.Equal(t, []string{row.fault}, places, row.name)
	}
}

// long returns a JSON string of n characters of two bytes each.
func long(n int) string { return `"` + strings.Repeat("é", n) + `"` }

// putField is a PUT of one field of the draft.
func putField(field, value string) call {
	return call{method: "PUT", path: "/journeys/{draft}", body: `{"` + field + `":` + value + `}`}
}

// putNode is a PUT of a graph with one node.
func putNode(kind, config string) call {
	return putField("definition", `{"nodes":[{"id":"a","type":"`+kind+`","config":`+config+`}],"edges":[]}`)
}

func journeyLimits() []limit {
	// entry returns an entry condition of exactly that many bytes.
	entry := func(bytes int) string {
		const open, end = `{"condition":{"field":"f","operator":"in","value":[`, `""]}}`
		text := open + strings.Repeat(`"`+strings.Repeat("x", 200)+`",`, (bytes-len(open)-len(end))/203)
		fill := bytes - len(text) - len(end)
		return text + `"` + strings.Repeat("x", fill) + end[1:]
	}
	reentry := func(bound string) call { return putField("reentry", `{"mode":"afterExit",`+bound+`}`) }
	return []limit{
		{"the shortest name", putField("name", `"a"`), putField("name", `""`), "/name"},
		{"the shortest maxDurationDays", putField("maxDurationDays", "1"), putField("maxDurationDays", "0"), "/maxDurationDays"},
		{"the most runs", reentry(`"max":100`), reentry(`"max":101`), "/reentry/max"},
		{"the fewest runs", reentry(`"max":2`), reentry(`"max":1`), "/reentry/max"},
		{"the longest interval", reentry(`"minIntervalHours":87600`), reentry(`"minIntervalHours":87600.1`), "/reentry/minIntervalHours"},
		{"an entry condition of 4 KB", putField("entryCondition", entry(4096)), putField("entryCondition", entry(4097)), "/entryCondition"},
		{"an entry's event", putField("entryCondition", `{"event":`+long(128)+`}`), putField("entryCondition", `{"event":`+long(129)+`}`), "/entryCondition/event"},
		{
			"a body of 1 MiB", putField("name", `"a"`+strings.Repeat(" ", 1<<20-len(`{"name":"a"}`))),
			putField("name", `"a"`+strings.Repeat(" ", 1<<20-len(`{"name":"a"}`)+1)), "body-too-large",
		},
	}
}

func graphLimits() []limit {
	const exists, weight = `"condition":{"field":"a","operator":"exists"}`, `"weight":1`
	several := func(n int, field string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"id":"b%d",%s}`, i, field)
		}
		return strings.Join(list, ",")
	}
	limits := []limit{{
		"a node's id",
		putField("definition", `{"nodes":[{"id":"`+strings.Repeat("n", 64)+`","type":"exit"}],"edges":[]}`),
		putField("definition", `{"nodes":[{"id":"`+strings.Repeat("n", 65)+`","type":"exit"}],"edges":[]}`),
		"/definition/nodes/0/id",
	}}
	for _, row := range []struct{ kind, config, field, at, beyond string }{
		{"wait", `{"delayHours":%s}`, "delayHours", "8760", "8760.001"},
		{"wait", `{"delayHours":%s}`, "delayHours", "0.000001", "0"},
		{"wait", `{"delay":{"value":%s,"unit":"days"}}`, "delay/value", "365", "365.001"},
		{"wait", `{"delay":{"value":%s,"unit":"minutes"}}`, "delay/value", "525600", "525600.1"},
		{"wait", `{"waitForEvent":%s}`, "waitForEvent", long(128), long(129)},
		{"entry_trigger", `{"eventType":%s}`, "eventType", long(128), long(129)},
		{"entry_trigger", `{"segmentId":%s}`, "segmentId", long(128), long(129)},
		{"nba_decision", `{"decisionFlowId":%s}`, "decisionFlowId", long(128), long(129)},
		{"nba_decision", `{"channelId":%s}`, "channelId", long(128), long(129)},
		{"nba_decision", `{"maxOffers":%s}`, "maxOffers", "100", "101"},
		{"nba_decision", `{"maxOffers":%s}`, "maxOffers", "1", "0"},
		{"nba_decision", `{"timeoutMs":%s}`, "timeoutMs", "20000", "20001"},
		{"nba_decision", `{"timeoutMs":%s}`, "timeoutMs", "1", "0"},
		{"channel_action", `{"channel":%s}`, "channel", long(128), long(129)},
		{"channel_action", `{"templateId":%s}`, "templateId", long(128), long(129)},
		{"exit", `{"reason":%s}`, "reason", long(128), long(129)},
		{"multi_split", `{"branches":[%s]}`, "branches", several(7, exists), several(8, exists)},
		{"multi_split", `{"branches":[%s]}`, "branches", several(2, exists), several(1, exists)},
		{"random_split", `{"branches":[%s]}`, "branches", several(8, weight), several(9, weight)},
		{"random_split", `{"branches":[%s]}`, "branches", several(2, weight), several(1, weight)},
		{"random_split", `{"branches":[{"id":"b","weight":%s},{"id":"c","weight":1}]}`, "branches/0/weight", "10000", "10001"},
		{"random_split", `{"branches":[{"id":"b","weight":%s},{"id":"c","weight":1}]}`, "branches/0/weight", "0", "-1"},
		{"random_split", `{"branches":[{"id":%s,"weight":1},{"id":"c","weight":1}]}`, "branches/0/id", `"` + strings.Repeat("n", 64) + `"`, `"` + strings.Repeat("n", 65) + `"`},
		{"random_split", `{"branches":[{"id":"b","weight":1},{"id":"c","weight":1}],"salt":%s}`, "salt", long(128), long(129)},
	} {
		limits = append(limits, limit{
			row.kind + " " + row.field, putNode(row.kind, fmt.Sprintf(row.config, row.at)),
			putNode(row.kind, fmt.Sprintf(row.config, row.beyond)), "/definition/nodes/0/config/" + row.field,
		})
	}
	return limits
}

func conditionLimits() []limit {
	const leaf = `{"field":"a","operator":"exists"}`
	nested := func(n int) string { return strings.Repeat(`{"all":[`, n) + leaf + strings.Repeat(`]}`, n) }
	leaves := func(n int) string { return `{"any":[` + strings.Repeat(leaf+",", n-1) + leaf + `]}` }
	split := func(condition string) call { return putNode("condition_split", `{"condition":`+condition+`}`) }
	const place = "/definition/nodes/0/config/condition"
	return []limit{
		{"groups nested 8 deep", split(nested(8)), split(nested(9)), place + strings.Repeat("/all/0", 8)},
		{"64 leaves", split(leaves(64)), split(leaves(65)), place},
	}
}

func listLimits() []limit {
	list := func(query string) call { return call{method: "GET", path: "/journeys?" + query} }
	return []limit{
		{"the longest page", list("limit=200"), list("limit=201"), "/query/limit"},
		{"the shortest page", list("limit=1"), list("limit=0"), "/query/limit"},
		{"the first offset", list("offset=0"), list("offset=-1"), "/query/offset"},
		{"the last offset", list("offset=2147483647"), list("offset=2147483648"), "/query/offset"},
	}
}

func enrollLimits() []limit {
	enroll := func(body string, header ...string) call {
		return call{method: "POST", path: "/journeys/{active}/enroll", body: body, header: header}
	}
	several := func(n int) string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf(`"c-%d"`, i)
		}
		return `{"customerIds":[` + strings.Join(ids, ",") + `]}`
	}
	entries := func(n int) string {
		return `{"entries":[` + strings.Repeat(`{"customerId":"c"},`, n-1) + `{"customerId":"c"}]}`
	}
	properties := func(bytes int) string {
		return `{"entries":[{"customerId":"p","properties": {"x": "` + strings.Repeat("x", bytes-len(`{"x":""}`)) + `"}}]}`
	}
	key := func(value string) call { return enroll(`{"customerId":"a"}`, "Idempotency-Key", value) }
	k := func(n int) string { return strings.Repeat("k", n) }
	return []limit{
		{"a customer's id", enroll(`{"customerId":` + long(128) + `}`), enroll(`{"customerId":` + long(129) + `}`), "/customerId"},
		{"an id in a list", enroll(`{"customerIds":["a",` + long(128) + `]}`), enroll(`{"customerIds":["a",` + long(129) + `]}`), "/customerIds/1"},
		{"most customers", enroll(several(journey.MaxBatch)), enroll(several(journey.MaxBatch + 1)), "/customerIds"},
		{"fewest customers", enroll(several(1)), enroll(`{"customerIds":[]}`), "/customerIds"},
		{"most entries", enroll(entries(journey.MaxBatch)), enroll(entries(journey.MaxBatch + 1)), "/entries"},
		{"fewest entries", enroll(entries(1)), enroll(`{"entries":[]}`), "/entries"},
		{"an id of an entry", enroll(`{"entries":[{"customerId":` + long(128) + `}]}`), enroll(`{"entries":[{"customerId":` + long(129) + `}]}`), "/entries/0/customerId"},
		{"properties of an entry", enroll(properties(journey.MaxProperties)), enroll(properties(journey.MaxProperties + 1)), "/entries/0/properties"},
		{"a key", key(k(128)), key(k(129)), "/header/Idempotency-Key"},
		{"a quoted key", key(`"` + k(128) + `"`), key(`"` + k(129) + `"`), "/header/Idempotency-Key"},
		{"a key of two-byte characters", key(strings.Repeat("é", 128)), key(strings.Repeat("é", 129)), "/header/Idempotency-Key"},
	}
}

func testLimits() []limit {
	test := func(field, value string) call {
		return call{method: "POST", path: "/journeys/{draft}/test", body: `{"` + field + `":` + value + `}`}
	}
	event := func(kind, hours string) call { return test("events", `[{"type":`+kind+`,"afterHours":`+hours+`}]`) }
	events := func(n int) call {
		const one = `{"type":"e","afterHours":1}`
		return test("events", `[`+strings.Repeat(one+",", n-1)+one+`]`)
	}
	return []limit{
		{"a customer's id", test("customerId", long(128)), test("customerId", long(129)), "/customerId"},
		{"most events", events(100), events(101), "/events"},
		{"an event's type", event(long(128), "1"), event(long(129), "1"), "/events/0/type"},
		{"the latest event", event(`"e"`, "8760"), event(`"e"`, "8760.001"), "/events/0/afterHours"},
		{"the earliest event", event(`"e"`, "-8760"), event(`"e"`, "-8760.001"), "/events/0/afterHours"},
		{"the first year", test("now", `"1970-01-01T00:00:00Z"`), test("now", `"1969-12-31T23:59:59Z"`), "/now"},
		{"the last year", test("now", `"9000-12-31T23:59:59Z"`), test("now", `"9001-01-01T00:00:00Z"`), "/now"},
	}
}
