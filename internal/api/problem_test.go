package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/dev/apitest"
	"journeys/internal/dev/golden"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// missing is the id of a journey that does not exist.
const missing = "jrn_01JD0000000000000000000000"

// Every refusal of bad input, against one draft and one active journey.
func TestProblems_MatchTheGoldenFile(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	draft := s.create(`{"name":"Draft"}`)
	active := s.createActive()
	s.must(201, call{
		method: "POST", path: "/journeys/" + active + "/enroll", body: `{"customerId":"c"}`,
		header: []string{"Idempotency-Key", "used"},
	})
	var text strings.Builder
	for _, row := range problems(draft, active) {
		w := s.do(row.call)
		require.GreaterOrEqual(t, w.Code, 400, row.name)
		require.Less(t, w.Code, 500, row.name)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), row.name)
		fmt.Fprintf(&text, "=== %s\n%s", row.name, transcript(w))
	}
	golden.Equal(t, "testdata/problems.txt", text.String())
}

type problem struct {
	name string
	call call
}

func problems(draft, active string) []problem {
	all := callerProblems(draft)
	all = append(all, queryProblems()...)
	all = append(all, bodyProblems()...)
	all = append(all, journeyProblems(draft, active)...)
	all = append(all, enrollProblems(draft, active)...)
	all = append(all, customerProblems()...)
	return append(all, testProblems(draft)...)
}

func callerProblems(draft string) []problem {
	expired, viewer, other := caller(manifest.Editor), caller(manifest.Viewer), caller(manifest.Editor)
	expired.ExpiresAt = start.Add(-time.Hour)
	other.Tenant, _ = ident.ParseTenant("t2")
	get := func(as auth.Caller) call { return call{method: "GET", path: "/journeys/" + draft, caller: &as} }
	return []problem{
		{"a call without an identity", get(auth.Caller{})},
		{"a forged token", get(auth.Caller{Refused: auth.TokenSignature})},
		{"a token that expired in the gateway's cache", get(expired)},
		{"a token without a proper tenant", get(auth.Caller{Refused: auth.TenantInvalid})},
		{"a role that may not make the call", get(viewer)},
		{"an editor deletes", call{method: "DELETE", path: "/journeys/" + draft}},
		{"another tenant's journey", get(other)},
		{"a journey that does not exist", call{method: "GET", path: "/journeys/" + missing}},
		{"an id in another format", call{method: "GET", path: "/journeys/1"}},
		{"the role is checked before the id and the body", call{
			method: "PUT", path: "/journeys/1", body: `{`, caller: &viewer,
		}},
	}
}

func queryProblems() []problem {
	list := func(query string) call { return call{method: "GET", path: "/journeys?" + query} }
	return []problem{
		{"limit=201 and offset=-1 at once", list("limit=201&offset=-1")},
		{"limit=0", list("limit=0")},
		{"a limit in words", list("limit=ten")},
		{"a limit with a sign", list("limit=%2B5")},
		{"an empty offset", list("offset=")},
		{"an unknown status", list("status=running")},
		{"an unknown parameter", list("order=name")},
		{"an unknown order and an empty q", list("sort=id&q=")},
		{"a q that is too long", list("q=" + strings.Repeat("%C3%A9", journey.MaxName+1))},
		{"a q that is not UTF-8", list("q=%FF")},
		{"a limit beyond that of analytics", call{method: "GET", path: "/analytics?limit=101&offset=0"}},
		{"a cursor of no list", call{method: "GET", path: "/analytics?cursor=abc"}},
		{"a parameter with a slash in its name", list("a/b~c=1")},
		{"a repeated parameter", list("limit=1&limit=2")},
		{"a malformed query", list("limit=%zz")},
		{"a parameter where none is allowed", call{method: "GET", path: "/journeys/" + missing + "?x=1"}},
	}
}

func bodyProblems() []problem {
	post := func(body string, header ...string) call {
		return call{method: "POST", path: "/journeys", body: body, header: header}
	}
	return []problem{
		{"no body", post("")},
		{"malformed JSON", post(`{"name":"a",}`)},
		{"a body that ends early", post(`{"name":"a"`)},
		{"two values", post(`{"name":"a"} {}`)},
		{"a repeated field", post(`{"name":"a","name":"b"}`)},
		{"invalid UTF-8", post("{\"name\":\"\xff\"}")},
		{"invalid UTF-8 in a name", post("{\"n\xff\":1}")},
		{"a lone surrogate", post(`{"name":"\ud800"}`)},
		{"a byte order mark", post("\ufeff{\"name\":\"a\"}")},
		{"UTF-16", post("\xff\xfe{\x00}\x00")},
		{"an array", post(`[]`)},
		{"null", post(`null`)},
		{"a form", post("name=a", "Content-Type", "application/x-www-form-urlencoded")},
		{"JSON in another charset", post(`{"name":"a"}`, "Content-Type", "application/json; charset=utf-16")},
		{"a merge patch", post(`{"name":"a"}`, "Content-Type", "application/merge-patch+json")},
		{"two content types", post(`{"name":"a"}`, "Content-Type", "application/json", "Content-Type", "application/json")},
		{"compressed", post(`{"name":"a"}`, "Content-Encoding", "gzip")},
		{"a body of 2 MB", post(`{"name":"` + strings.Repeat("a", 2<<20) + `"}`)},
		{"a body of 2 MB of another type", post(strings.Repeat("a", 2<<20), "Content-Type", "text/plain")},
		{"a parameter, a header and a field at once", call{
			method: "PUT", path: "/journeys/" + missing + "?force=true", body: `{"name":1}`, header: []string{"If-Match", "3"},
		}},
	}
}

func journeyProblems(draft, active string) []problem {
	post := func(body string) call { return call{method: "POST", path: "/journeys", body: body} }
	put := func(id, body string, header ...string) call {
		return call{method: "PUT", path: "/journeys/" + id, body: body, header: header}
	}
	long := `{"field":"a","operator":"in","value":["` + strings.Repeat(strings.Repeat("x", 250)+`","`, 35) + `y"]}`
	return []problem{
		{"a journey without a name", post(`{}`)},
		{"every field is wrong", post(`{"name":"","description":7,"definition":[],"entryCondition":"e","maxDurationDays":366,"Name":"x"}`)},
		{"texts that are too long", post(`{"name":"` + strings.Repeat("é", 256) + `","description":"` + strings.Repeat("é", 2001) + `"}`)},
		{"a name that is null", post(`{"name":null,"maxDurationDays":null,"definition":null}`)},
		{"a zone that does not exist", post(`{"name":"a","timezone":"Mars/Olympus"}`)},
		{"a re-entry that is a text", post(`{"name":"a","reentry":"afterExit"}`)},
		{"a re-entry without a mode", put(draft, `{"reentry":{"max":3}}`)},
		{"a re-entry of an unknown mode", put(draft, `{"reentry":{"mode":"always"}}`)},
		{"a re-entry with every field wrong", put(draft, `{"reentry":{"mode":"afterExit","minIntervalHours":0,"max":1,"Max":2}}`)},
		{"bounds of a re-entry that never happens", put(draft, `{"reentry":{"mode":"never","max":3}}`)},
		{"a reserved event", post(`{"name":"a","entryCondition":{"event":"$sent"}}`)},
		{"a zone of the machine", put(draft, `{"timezone":"Local"}`)},
		{"a zone that is a number", put(draft, `{"timezone":1}`)},
		{"an entryFrom without an offset", post(`{"name":"a","entryFrom":"2026-01-01T00:00:00"}`)},
		{"an entryUntil that is a number", put(draft, `{"entryUntil":1}`)},
		{"an entry that closes before it opens", put(draft, `{"entryFrom":"2026-01-01T00:00:00Z","entryUntil":"2025-12-31T00:00:00Z"}`)},
		{"an entry that closes as it opens", post(`{"name":"a","entryFrom":"2026-01-01T00:00:00Z","entryUntil":"2026-01-01T00:00:00.0009Z"}`)},
		{"exits and a goal of wrong types", put(draft, `{"exitOn":{},"exitWhen":[],"goal":"bought"}`)},
		{"invalid exits", put(draft, `{"exitOn":[7,{},{"eventType":"$sent","condition":{},"match":{"event":"event.a"},"reason":"","as":"failed","goal":true}],"exitWhen":{"reason":7}}`)},
		{"an invalid goal", put(draft, `{"goal":{"eventType":"","windowDays":91,"reason":"r"}}`)},
		{"11 exits", put(draft, `{"exitOn":[`+strings.Repeat(`{"eventType":"e"},`, 10)+`{"eventType":"e"}]}`)},
		{"settings beyond 16 KB", put(draft, `{"exitOn":[{"eventType":"a","condition":`+long+`}],"goal":{"eventType":"a","windowDays":0,"condition":`+long+`}}`)},
		{"half a day", post(`{"name":"a","maxDurationDays":1.5}`)},
		{"a new journey with a status", post(`{"name":"a","status":"active"}`)},
		{"read-only fields of a new journey", post(`{"name":"a","id":"x","version":2,"warnings":[]}`)},
		{"fields that no answer has", put(draft, `{"id":"x","ID":"x","nodeCount":2,"hash":"x"}`)},
		{"a status that does not exist", put(draft, `{"status":"running"}`)},
		{"a node of unknown type", put(draft, `{"definition":{"nodes":[{"id":"a","type":"teleport"}],"edges":[]}}`)},
		{"a dangling edge", put(draft, `{"definition":{"nodes":[],"edges":[{"source":"a","target":"b"}]}}`)},
		{"a draft becomes paused", put(draft, `{"status":"paused"}`)},
		{"an empty graph becomes active", put(draft, `{"status":"active"}`)},
		{"a stale revision", put(active, `{"name":"b"}`, "If-Match", `"1"`)},
		{"only weak tags", put(active, `{"name":"b"}`, "If-Match", `W/"2"`)},
		{"a malformed If-Match", put(active, `{"name":"b"}`, "If-Match", `2`)},
		{"a malformed If-None-Match", call{
			method: "GET", path: "/journeys/" + active, header: []string{"If-None-Match", `"2" "3"`},
		}},
	}
}

func enrollProblems(draft, active string) []problem {
	enroll := func(body string, header ...string) call {
		return call{method: "POST", path: "/journeys/" + active + "/enroll", body: body, header: header}
	}
	ids := strings.Repeat(`"c",`, 1000) + `"c"`
	return []problem{
		{"no customers", enroll(`{}`)},
		{"both fields", enroll(`{"customerId":"a","customerIds":["b"]}`)},
		{"an empty list", enroll(`{"customerIds":[]}`)},
		{"ids and entries", enroll(`{"customerIds":["b"],"entries":[{"customerId":"b"}]}`)},
		{"an empty list of entries", enroll(`{"entries":[]}`)},
		{"1,001 entries", enroll(`{"entries":[` + strings.Repeat(`{"customerId":"c"},`, 1000) + `{"customerId":"c"}]}`)},
		{"invalid entries", enroll(`{"entries":["a",{"properties":7},{"customerId":"a\n","attributes":{}},{"customerId":"b","properties":{"x":"` + strings.Repeat("x", journey.MaxProperties) + `"}}]}`)},
		{"1,001 ids", enroll(`{"customerIds":[` + ids + `]}`)},
		{"an empty id", enroll(`{"customerId":""}`)},
		{"invalid ids", enroll(`{"customerIds":["a",1,null,"","b\u0000","c\u0085","d\u007f","` + strings.Repeat("e", 129) + `"]}`)},
		{"a field in another case", enroll(`{"CUSTOMERID":"a"}`)},
		{"details neither true nor false", call{
			method: "POST", path: "/journeys/" + active + "/enroll?details=yes", body: `{"customerId":"a"}`,
		}},
		{"an empty key", enroll(`{"customerId":"a"}`, "Idempotency-Key", "")},
		{"a key that is too long", enroll(`{"customerId":"a"}`, "Idempotency-Key", strings.Repeat("k", 129))},
		{"a key with half its quotes", enroll(`{"customerId":"a"}`, "Idempotency-Key", `"k`)},
		{"a key with a control character", enroll(`{"customerId":"a"}`, "Idempotency-Key", "k\x01")},
		{"a key that came with other customers", enroll(`{"customerId":"d"}`, "Idempotency-Key", `"used"`)},
		{"a journey that is not active", call{
			method: "POST", path: "/journeys/" + draft + "/enroll", body: `{"customerId":"a"}`,
		}},
	}
}

func customerProblems() []problem {
	change := func(method, path, body string, header ...string) call {
		return call{method: method, path: path, body: body, header: header}
	}
	half := `"` + strings.Repeat("x", 40*1024) + `"`
	return []problem{
		{"read-only fields in a patch", change("PATCH", "/customers/c", `{"attributes":{},"customerId":"c","updatedAt":"2026-11-23T10:00:00.000Z"}`)},
		{"a weak tag for a customer", change("PATCH", "/customers/c", `{"attributes":{}}`, "If-Match", `W/"1"`)},
		{"a stale customer", change("PUT", "/customers/c", `{"attributes":{}}`, "If-Match", `"1"`)},
		{"a patch of another type", change("PATCH", "/customers/c", `[]`, "Content-Type", "application/json-patch+json")},
		{"a merge patch as a put", change("PUT", "/customers/c", `{"attributes":{}}`, "Content-Type", "application/merge-patch+json")},
		{"a patch that is no object", change("PATCH", "/customers/c", `{"attributes":null,"asOf":null}`)},
		{"a patch beyond the limit", change("PATCH", "/customers/c", `{"attributes":{"a":`+half+`,"b":`+half+`}}`)},
		{"no list of customers", change("POST", "/customers", `{}`)},
		{"an empty list of customers", change("POST", "/customers", `{"customers":[]}`)},
		{"1,001 customers", change("POST", "/customers", `{"customers":[`+strings.Repeat("0,", 1000)+`0]}`)},
		{"invalid customers", change("POST", "/customers", `{"customers":[7,{},{"customerId":"","attributes":[],"asOf":1,"x":1}]}`)},
	}
}

func testProblems(draft string) []problem {
	test := func(body string) call {
		return call{method: "POST", path: "/journeys/" + draft + "/test", body: body}
	}
	return []problem{
		{"attributes that are a list", test(`{"customerAttributes":[]}`)},
		{"invalid times", test(`{"now":"yesterday","events":[{"type":"e","afterHours":-8761}]}`)},
		{"a time that is too late", test(`{"now":"9999-12-31T23:59:59Z"}`)},
		{"events without their fields", test(`{"events":[{},{"type":"","afterHours":8761,"at":1}]}`)},
		{"events of reserved types", test(`{"entryEvent":{"type":"$sent"},"events":[{"type":"$sent","afterHours":1}]}`)},
		{"101 events", test(`{"events":[` + strings.Repeat(`{},`, 100) + `{}]}`)},
		{"invalid decisions", test(`{"decisions":{"a":1,"":{},"` + strings.Repeat("n", 65) + `":{}}}`)},
		{"a zone without a definition", test(`{"timezone":"Europe/Berlin"}`)},
		{"exits without a definition", test(`{"exitOn":[],"exitWhen":null,"goal":null}`)},
		{"an invalid inline graph", test(`{"definition":{"nodes":{},"edges":[]},"customer":{}}`)},
	}
}

// failingStore returns err for every journey.
type failingStore struct {
	apitest.Store
	err error
}

func (s failingStore) Journey(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return journey.Journey{}, s.err
}

func (s failingStore) FullJourney(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	return journey.Journey{}, s.err
}

func TestProblems_HideInternalErrors(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		err        error
		status     int
		retryAfter string
	}{
		"an unclassified error":         {errors.New("secret"), 500, ""},
		"a domain error without a kind": {&journey.Error{Code: "secret", Detail: "secret"}, 500, ""},
		"the table is throttled": {
			&journey.Error{Kind: journey.Unavailable, Code: "table-throttled", Detail: "Try again.", Cause: errors.New("secret")},
			503, "1",
		},
		"an item of a newer format": {fmt.Errorf("secret: %w", journey.ErrNewer), 503, "60"},
		"out of time":               {fmt.Errorf("secret: %w", context.DeadlineExceeded), 503, "1"},
	} {
		s := newServer(t, failingStore{err: row.err})
		w := s.do(call{method: "GET", path: "/journeys/" + missing})
		require.Equal(t, row.status, w.Code, name)
		require.NotContains(t, w.Body.String(), "secret", name)
		require.Equal(t, row.retryAfter, w.Header().Get("Retry-After"), name)
		require.Contains(t, s.log.String(), "secret", name)
		require.Contains(t, s.log.String(), `"level":"ERROR"`, name)
	}
}

func TestProblems_SayWhenToTryAgain(t *testing.T) {
	t.Parallel()

	s := newServer(t, failingStore{err: fmt.Errorf("wrapped: %w", journey.ErrTooManyDrains)})
	w := s.do(call{method: "PUT", path: "/journeys/" + missing, body: `{"status":"archived"}`})
	require.Equal(t, 409, w.Code)
	require.Equal(t, "60", w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), `"code":"drains-open"`)
}

func TestPanic_IsA500WithALoggedStack(t *testing.T) {
	t.Parallel()

	s := newServer(t, struct{ apitest.Store }{}) // every method panics
	w := s.do(call{method: "GET", path: "/journeys"})
	require.Equal(t, 500, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	require.NotContains(t, w.Body.String(), "nil pointer")
	require.Contains(t, s.log.String(), "nil pointer")
	require.Contains(t, s.log.String(), "journeys.go:") // the stack
}

func TestLog_OmitsWhatCallersSent(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	id := s.createActive()
	s.log.Reset()
	s.must(201, call{
		method: "POST", path: "/journeys/" + id + "/enroll", body: `{"customerIds":["private-1","private-2"]}`,
		header: []string{"Idempotency-Key", "private-3", "Authorization", "Bearer private-4"},
	})
	s.do(call{method: "PUT", path: "/journeys/" + id + "?private=5", body: `{"private-6":"private-7"}`})

	require.NotContains(t, s.log.String(), "private")
	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	require.Len(t, lines, 2)
	var first map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.Equal(t, "t1", first["tenant"])
	require.Equal(t, manifest.EnrollCustomers.Key(), first["route"])
	require.Equal(t, id, first["journey"])
	require.InDelta(t, 201, first["status"], 0)
	require.InDelta(t, 7, first["used"], 0)
	require.Equal(t, "ok", first["outcome"])
	require.Contains(t, lines[1], `"outcome":"invalid-request"`)
}

// A body of 1 MB can cause more faults than fit into an answer.
func TestProblems_BoundTheAnswerToAHostileBody(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	var fields strings.Builder
	for i := range 80_000 {
		fmt.Fprintf(&fields, `"f%d":1,`, i)
	}
	for name, body := range map[string]string{
		"many unknown fields":  `{` + fields.String() + `"name":"a"}`,
		"one very long name":   `{"name":"a","` + strings.Repeat("é", 500_000) + `":1}`,
		"endless depth":        strings.Repeat(`[`, 1_000_000),
		"depth inside a graph": `{"name":"a","definition":` + strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000) + `}`,
	} {
		w := s.do(call{method: "POST", path: "/journeys", body: body})
		require.Equal(t, 400, w.Code, name)
		require.Less(t, w.Body.Len(), 1<<20, name)
		require.True(t, json.Valid(w.Body.Bytes()), name)
	}
}
