package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
)

// limit is a request at a limit of the contract, which is taken, and one just
// beyond it, which is refused at one place.
type limit struct {
	name       string
	at, beyond call
	fault      string // where the refusal points; or the problem's code, without a slash
}

// TestLimits holds the limits that are not held on both sides elsewhere:
//   - the lengths of name and description, the longest maxDurationDays and the
//     bytes of a definition: TestLimitsAreWhereTheyAreSaidToBe in internal/dev/e2e
//   - 256 nodes and 512 edges: TestReadDefinition_Limits in internal/journey
//   - the values, paths and lists of a condition: TestCompileTakesWhatIsAtTheLimit
//     and TestCompileRefusesWithEveryFaultAtItsPlace in internal/condition
//   - 10,000 journeys, the bytes of a header and of a token: limits_test.go in
//     internal/dev/e2e
//   - 10 MB of a body at the gateway: TestGateway_RefusesRequestsAboveTheLimits in internal/dev/gateway
//   - 64 characters of a tenant, 256 bytes of a sub: TestGoodTokens and
//     TestBadTokens in internal/auth
func TestLimits(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memory{})
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

// long returns a JSON string of n characters, of two bytes each.
func long(n int) string { return `"` + strings.Repeat("é", n) + `"` }

// change is a PUT of one field of the draft.
func change(field, value string) call {
	return call{method: "PUT", path: "/journeys/{draft}", body: `{"` + field + `":` + value + `}`}
}

// nodeOf is a PUT of a graph of one node.
func nodeOf(kind, config string) call {
	return change("definition", `{"nodes":[{"id":"a","type":"`+kind+`","config":`+config+`}],"edges":[]}`)
}

func journeyLimits() []limit {
	// An entry condition of so many bytes: its list is filled up.
	entry := func(bytes int) string {
		const open, end = `{"condition":{"field":"f","operator":"in","value":[`, `""]}}`
		text := open + strings.Repeat(`"`+strings.Repeat("x", 200)+`",`, (bytes-len(open)-len(end))/203)
		fill := bytes - len(text) - len(end)
		return text + `"` + strings.Repeat("x", fill) + end[1:]
	}
	return []limit{
		{"the shortest name", change("name", `"a"`), change("name", `""`), "/name"},
		{"the shortest maxDurationDays", change("maxDurationDays", "1"), change("maxDurationDays", "0"), "/maxDurationDays"},
		{"an entry condition of 4 KB", change("entryCondition", entry(4096)), change("entryCondition", entry(4097)), "/entryCondition"},
		{"an entry's event", change("entryCondition", `{"event":`+long(128)+`}`), change("entryCondition", `{"event":`+long(129)+`}`), "/entryCondition/event"},
		{
			"a body of 1 MiB", change("name", `"a"`+strings.Repeat(" ", 1<<20-len(`{"name":"a"}`))),
			change("name", `"a"`+strings.Repeat(" ", 1<<20-len(`{"name":"a"}`)+1)), "body-too-large",
		},
	}
}

func graphLimits() []limit {
	limits := []limit{{
		"a node's id",
		change("definition", `{"nodes":[{"id":"`+strings.Repeat("n", 64)+`","type":"exit"}],"edges":[]}`),
		change("definition", `{"nodes":[{"id":"`+strings.Repeat("n", 65)+`","type":"exit"}],"edges":[]}`),
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
	} {
		limits = append(limits, limit{
			row.kind + " " + row.field, nodeOf(row.kind, fmt.Sprintf(row.config, row.at)),
			nodeOf(row.kind, fmt.Sprintf(row.config, row.beyond)), "/definition/nodes/0/config/" + row.field,
		})
	}
	return limits
}

func conditionLimits() []limit {
	const leaf = `{"field":"a","operator":"exists"}`
	nested := func(n int) string { return strings.Repeat(`{"all":[`, n) + leaf + strings.Repeat(`]}`, n) }
	leaves := func(n int) string { return `{"any":[` + strings.Repeat(leaf+",", n-1) + leaf + `]}` }
	split := func(condition string) call { return nodeOf("condition_split", `{"condition":`+condition+`}`) }
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
	key := func(value string) call { return enroll(`{"customerId":"a"}`, "Idempotency-Key", value) }
	k := func(n int) string { return strings.Repeat("k", n) }
	return []limit{
		{"a customer's id", enroll(`{"customerId":` + long(128) + `}`), enroll(`{"customerId":` + long(129) + `}`), "/customerId"},
		{"an id among others", enroll(`{"customerIds":["a",` + long(128) + `]}`), enroll(`{"customerIds":["a",` + long(129) + `]}`), "/customerIds/1"},
		{"most customers", enroll(several(journey.MaxBatch)), enroll(several(journey.MaxBatch + 1)), "/customerIds"},
		{"fewest customers", enroll(several(1)), enroll(`{"customerIds":[]}`), "/customerIds"},
		{"a key", key(k(128)), key(k(129)), "/header/Idempotency-Key"},
		{"a quoted key", key(`"` + k(128) + `"`), key(`"` + k(129) + `"`), "/header/Idempotency-Key"},
		{"a key of several bytes a character", key(strings.Repeat("é", 128)), key(strings.Repeat("é", 129)), "/header/Idempotency-Key"},
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
		{"most events", events(100), events(101), "/events"},
		{"an event's type", event(long(128), "1"), event(long(129), "1"), "/events/0/type"},
		{"the latest event", event(`"e"`, "8760"), event(`"e"`, "8760.001"), "/events/0/afterHours"},
		{"the earliest event", event(`"e"`, "0"), event(`"e"`, "-0.001"), "/events/0/afterHours"},
		{"the first year", test("now", `"1970-01-01T00:00:00Z"`), test("now", `"1969-12-31T23:59:59Z"`), "/now"},
		{"the last year", test("now", `"9000-12-31T23:59:59Z"`), test("now", `"9001-01-01T00:00:00Z"`), "/now"},
	}
}
