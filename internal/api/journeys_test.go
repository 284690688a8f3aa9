package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/api"
	"journeys/internal/dev/golden"
	"journeys/internal/manifest"
)

// The life of a journey, as callers see it.
func TestAnswers_MatchTheGoldenFile(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	var text strings.Builder
	show := func(name string, status int, c call) string {
		w := s.do(c)
		require.Equal(t, status, w.Code, "%s: %s", name, w.Body)
		fmt.Fprintf(&text, "=== %s\n%s", name, transcript(w))
		return w.Header().Get("Location")
	}
	show("create with a name only", 201, call{method: "POST", path: "/journeys", body: `{"name":"Least"}`})
	path := show("create with everything", 201, call{method: "POST", path: "/journeys", body: `{"name":"Most <&> \u00e9",` +
		`"description":"d","entryCondition":{"event":"account_created"},"maxDurationDays":7,"reentry":{"mode":"afterExit", "max": 3},"timezone":"Europe/Berlin",` +
		`"entryFrom":"2026-01-01T00:00:00.0009+01:00","entryUntil":"2999-01-01T00:00:00Z",` +
		`"exitOn":[{"eventType":"bought","match":{"event":"cart","entry":"cart"},"as":"completed"}],` +
		`"exitWhen":{"condition":{"field":"blocked","operator":"eq","value":true},"reason":"blocked"},` +
		`"goal":{"eventType":"bought","windowDays":30},"definition":` + wholeGraph + `}`})
	path = strings.TrimPrefix(path, manifest.BasePath)
	admin := caller(manifest.Admin)

	show("get", 200, call{method: "GET", path: path})
	show("get with a matching ETag", 304, call{method: "GET", path: path, header: []string{"If-None-Match", `"0", W/"1"`}})
	show("list", 200, call{method: "GET", path: "/journeys?limit=1"})
	show("list beyond the end", 200, call{method: "GET", path: "/journeys?offset=2"})
	show("list by status", 200, call{method: "GET", path: "/journeys?status=active"})
	show("activate", 200, call{method: "PUT", path: path, body: `{"status":"active"}`, header: []string{"If-Match", `"1"`}})
	show("test the goal", 200, call{method: "POST", path: path + "/test", body: `{"now":"2026-11-23T10:00:00Z","events":[{"type":"bought","afterHours":71.5}]}`})
	show("clear", 200, call{method: "PUT", path: path, body: `{"description":null,"entryCondition":null,"reentry":null,"timezone":null,"exitOn":null,"exitWhen":null,"goal":null}`})
	show("enroll one", 201, call{method: "POST", path: path + "/enroll", body: `{"customerId":"c 1"}`})
	show("enroll some, with details", 201, call{
		method: "POST", path: path + "/enroll?details=true", body: `{"customerIds":["a","b","a","throttled"]}`,
	})
	show("enroll entries", 201, call{method: "POST", path: path + "/enroll", body: `{"entries":[{"customerId":"d","properties":{"cart":7}},{"customerId":"e"},{"customerId":"d"}]}`})
	show("test", 200, call{method: "POST", path: path + "/test", body: `{"customerAttributes":{"spend":7},` +
		`"now":"2026-11-23T11:00:00.0009+01:00","decisions":{"offer":{"id":"o1"}}}`})
	show("test an inline graph", 200, call{method: "POST", path: path + "/test", body: `{"timezone":"Asia/Tokyo","definition":` + shortGraph + `}`})
	show("test without a body", 200, call{method: "POST", path: path + "/test"})
	show("close", 200, call{method: "PUT", path: path, body: `{"entryUntil":"2026-02-01T00:00:00Z"}`})
	show("test after the close", 200, call{method: "POST", path: path + "/test", body: `{"now":"2026-02-01T00:00:00Z"}`})
	show("test before the opening", 200, call{method: "POST", path: path + "/test", body: `{"now":"2025-12-31T22:59:59.999Z"}`})
	show("remove the entry times", 200, call{method: "PUT", path: path, body: `{"entryFrom":null,"entryUntil":null}`})
	show("delete", 204, call{method: "DELETE", path: path, caller: &admin, header: []string{"If-Match", `"9", "5"`}})
	golden.Equal(t, "testdata/answers.txt", text.String())
}

func TestIfMatch_AcceptsAnyListedRevision(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	id := s.create(`{"name":"a"}`)
	for i, match := range []string{`*`, ` "1" , "2"`, `, "x", W/"1", "3",`} {
		w := s.do(call{
			method: "PUT", path: "/journeys/" + id, body: fmt.Sprintf(`{"name":"n%d"}`, i), header: []string{"If-Match", match},
		})
		require.Equal(t, 200, w.Code, "%s: %s", match, w.Body)
		require.Equal(t, fmt.Sprintf(`"%d"`, i+2), w.Header().Get("ETag"))
	}
	// A tag that is not spelled exactly as an ETag of the API never matches.
	for match, status := range map[string]int{
		`"04"`: 412, `"+4"`: 412, `"-4"`: 412, `""`: 412, `"4 "`: 400, `W/"4"`: 400, ` W/"4" ,W/"x",`: 400, `W/"4", "3"`: 412,
	} {
		w := s.do(call{method: "PUT", path: "/journeys/" + id, body: `{"name":"b"}`, header: []string{"If-Match", match}})
		require.Equal(t, status, w.Code, match)
	}
}

func TestJourneys_AnswersCanBeSentBack(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	path := "/journeys/" + s.createActive()
	read := s.do(call{method: "GET", path: path})
	put := s.do(call{method: "PUT", path: path, body: read.Body.String(), header: []string{"If-Match", read.Header().Get("ETag")}})
	require.Equal(t, 200, put.Code, put.Body)
	var before, after map[string]any
	require.NoError(t, json.Unmarshal(read.Body.Bytes(), &before))
	require.NoError(t, json.Unmarshal(put.Body.Bytes(), &after))
	require.NotContains(t, before, "warnings")
	require.Contains(t, after, "warnings")
	for _, field := range []string{"updatedAt", "warnings"} {
		delete(before, field)
		delete(after, field)
	}
	require.Equal(t, before, after)

	renamed := s.must(200, call{method: "PUT", path: path, body: `{"name":"b","id":7,"version":"x","createdAt":null,` +
		`"updatedAt":[],"createdBy":{},"updatedBy":true,"warnings":"none"}`})
	require.Equal(t, "b", renamed["name"])
	require.Equal(t, before["id"], renamed["id"])
	require.Equal(t, before["createdAt"], renamed["createdAt"])
}

// The quoted and the bare spelling are one key, so either is refused with other
// customers.
func TestIdempotencyKey_QuotedEqualsBare(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	path := "/journeys/" + s.createActive() + "/enroll"
	for bare, quoted := range map[string]string{"abc": `"abc"`, `a"b\c`: `"a\"b\\c"`, "a, b": `"a, b"`} {
		s.must(201, call{method: "POST", path: path, body: `{"customerId":"a"}`, header: []string{"Idempotency-Key", bare}})
		s.must(201, call{method: "POST", path: path, body: `{"customerId":"a"}`, header: []string{"Idempotency-Key", quoted}})
		s.must(422, call{method: "POST", path: path, body: `{"customerId":"b"}`, header: []string{"Idempotency-Key", quoted}})
	}
}

func TestContentType_AcceptsJSONInUTF8(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	for _, contentType := range []string{"application/json", "Application/JSON;charset=UTF-8", `application/json; charset="utf-8"`} {
		s.must(201, call{
			method: "POST", path: "/journeys", body: `{"name":"a"}`,
			header: []string{"Content-Type", contentType, "Content-Encoding", "identity"},
		})
	}
}

func TestBody_IgnoredByGetAndDelete(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	id, admin := s.create(`{"name":"a"}`), caller(manifest.Admin)
	s.must(200, call{method: "GET", path: "/journeys/" + id, body: "{", header: []string{"Content-Type", "text/plain"}})
	s.must(204, call{method: "DELETE", path: "/journeys/" + id, body: "{", caller: &admin})
}

// FuzzAnyRequest requires of any request that the answer is JSON and not a 5xx.
func FuzzAnyRequest(f *testing.F) {
	for _, row := range problems("DRAFT", "ACTIVE") {
		header := ""
		if len(row.call.header) > 1 {
			header = row.call.header[1]
		}
		if len(row.call.body) < 10_000 {
			f.Add(uint8(len(row.call.path)), "x=1&limit=3", header, []byte(row.call.body))
		}
	}
	f.Add(uint8(3), "details=true", `"a"`, []byte(`{"definition":`+wholeGraph+`}`))
	s := newServer(f, &memoryStore{})
	draft, active := s.create(`{"name":"a"}`), s.createActive()
	admin := caller(manifest.Admin)
	f.Fuzz(func(t *testing.T, which uint8, query, header string, body []byte) {
		s.t = t
		s.log.Reset()
		op := api.Operations()[int(which)%len(api.Operations())]
		id := draft
		if which >= 128 {
			id = active
		}
		if op.Method == "DELETE" {
			id = missing
		}
		w := s.do(call{
			method: op.Method, path: strings.ReplaceAll(op.Path, "{id}", id) + "?" + query, body: string(body), caller: &admin,
			header: []string{"Idempotency-Key", header, "If-Match", header, "If-None-Match", header},
		})
		require.Less(t, w.Code, 500, "%s", w.Body)
		require.True(t, w.Body.Len() == 0 || json.Valid(w.Body.Bytes()), "%s", w.Body)
	})
}
