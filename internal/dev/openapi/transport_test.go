package openapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	id      = "jrn_01JDCN5S70F1J1ZZQ0X5M3T9QK"
	welcome = `{"id":"` + id + `","name":"Welcome","description":"","status":"draft","definition":{"nodes":[],"edges":[]},` +
		`"entryCondition":null,"maxDurationDays":30,"entryFrom":null,"entryUntil":null,"timezone":"UTC","exitOn":[],"exitWhen":null,"goal":null,"version":1,` +
		`"createdAt":"2026-11-23T10:00:00.000Z","updatedAt":"2026-11-23T10:00:00.000Z"}`
	problem = `{"type":"urn:journeys:problem:journey-not-found","title":"Journey not found","status":404,` +
		`"code":"journey-not-found","requestId":"r1"}`
)

// recorder records the errors that the transport reports.
type recorder struct {
	testing.TB
	errors []string
}

func (w *recorder) Helper() {}
func (w *recorder) Errorf(format string, args ...any) {
	w.errors = append(w.errors, fmt.Sprintf(format, args...))
}

// exchange is a request and its answer. The zero value is a GET of a journey,
// answered with 200 and the journey.
type exchange struct {
	method, path, body string
	header             []string
	status             int
	kind               string
	answer             string
	answerHeader       []string
}

// run makes the exchange and returns the errors that the transport reports.
func (e exchange) run(t *testing.T, ctx context.Context) []string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != e.body {
			http.Error(w, "the body was changed", http.StatusTeapot)
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Type", or(e.kind, "application/json"))
		for i := 0; i < len(e.answerHeader); i += 2 {
			w.Header().Set(e.answerHeader[i], e.answerHeader[i+1])
			if e.answerHeader[i+1] == "" {
				w.Header().Del(e.answerHeader[i])
			}
		}
		w.WriteHeader(max(e.status, 200))
		_, _ = io.WriteString(w, e.answer)
	}))
	defer server.Close()
	if e.status < 201 && e.answer == "" {
		e.answer = welcome
	}
	r, err := http.NewRequestWithContext(ctx, or(e.method, "GET"), server.URL+or(e.path, "/api/v1/journeys/"+id), strings.NewReader(e.body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(e.header); i += 2 {
		r.Header.Set(e.header[i], e.header[i+1])
	}
	w := &recorder{TB: t}
	client := http.Client{Transport: Load().Transport(nil, w)}
	answer, err := client.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, e.answer, string(body), "the answer is unchanged")
	return w.errors
}

// or returns text, or otherwise if that is empty.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func TestTransport_AcceptsDescribedAnswers(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]exchange{
		"a journey":                              {},
		"a journey that has not changed":         {status: 304},
		"a deleted journey":                      {method: "DELETE", status: 204},
		"a problem":                              {status: 404, kind: "application/problem+json", answer: problem},
		"the gateway's own answer":               {status: 404, answer: `{"message":"Not Found"}`},
		"a created journey":                      {method: "POST", path: "/api/v1/journeys", body: `{"name":"Welcome"}`, status: 201, answer: welcome, answerHeader: []string{"Location", "/api/v1/journeys/" + id}},
		"a path that no operation has":           {path: "/api/v1/other", status: 404, answer: `{"message":"Not Found"}`},
		"a call outside of the base path":        {path: "/_local/messages", answer: `{"any":1}`},
		"an editor's keys in a node and an edge": {answer: strings.Replace(welcome, `"nodes":[],"edges":[]`, `"nodes":[{"id":"a","type":"exit","label":"x"}],"edges":[{"source":"a","target":"a","data":1}]`, 1)},
		"a text beyond the basic plane":          {answer: strings.Replace(welcome, "Welcome", strings.Repeat("😀", 255), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, e.run(t, t.Context()))
		})
	}
}

func TestTransport_FindsUndescribedAnswers(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]exchange{
		"a status that is not described":              {status: 418, answer: `{"message":"I'm a teapot"}`},
		"a status that this operation does not have":  {status: 422, kind: "application/problem+json", answer: problem},
		"another content type":                        {kind: "text/html", answer: "<p>"},
		"a problem with the type of plain JSON":       {status: 404, answer: problem},
		"a field that is missing":                     {answer: strings.Replace(welcome, `"version":1,`, "", 1)},
		"a field that is not described":               {answer: strings.Replace(welcome, `"version":1,`, `"version":1,"shards":4,`, 1)},
		"a field of another type":                     {answer: strings.Replace(welcome, `"version":1`, `"version":"1"`, 1)},
		"a value that is not in the list":             {answer: strings.Replace(welcome, `"draft"`, `"new"`, 1)},
		"a time without milliseconds":                 {answer: strings.Replace(welcome, "00.000Z", "00Z", 1)},
		"an id of another form":                       {answer: strings.Replace(welcome, "jrn_", "jrn-", 1)},
		"a name that is too long":                     {answer: strings.Replace(welcome, "Welcome", strings.Repeat("😀", 256), 1)},
		"a node of no known type":                     {answer: strings.Replace(welcome, `"nodes":[]`, `"nodes":[{"id":"a","type":"loop"}]`, 1)},
		"a config key of another node type":           {answer: strings.Replace(welcome, `"nodes":[]`, `"nodes":[{"id":"a","type":"exit","config":{"delayHours":1}}]`, 1)},
		"a fault deep in a condition":                 {answer: strings.Replace(welcome, `"nodes":[]`, `"nodes":[{"id":"a","type":"condition_split","config":{"condition":{"all":[{"any":[{"field":"a","operator":"gt","value":true}]}]}}}]`, 1)},
		"a list with definitions":                     {path: "/api/v1/journeys", answer: `{"data":[` + welcome + `],"pagination":{"total":1,"limit":50,"offset":0,"hasMore":false}}`},
		"an answer without ETag":                      {answerHeader: []string{"ETag", ""}},
		"a weak ETag":                                 {answerHeader: []string{"ETag", `W/"1"`}},
		"an unchanged journey without ETag":           {status: 304, answerHeader: []string{"ETag", ""}},
		"a created journey without Location":          {method: "POST", path: "/api/v1/journeys", body: `{"name":"a"}`, status: 201, answer: welcome},
		"a created journey with a wrong Location":     {method: "POST", path: "/api/v1/journeys", body: `{"name":"a"}`, status: 201, answer: welcome, answerHeader: []string{"Location", "/journeys/1"}},
		"JSON that ends too early":                    {answer: welcome[:40]},
		"an empty body":                               {status: 404, kind: "application/problem+json"},
		"a problem of another status":                 {status: 403, kind: "application/problem+json", answer: problem},
		"a problem whose type is of another code":     {status: 404, kind: "application/problem+json", answer: strings.Replace(problem, `"code":"journey`, `"code":"tree`, 1)},
		"a refused token without a challenge":         {status: 401, kind: "application/problem+json", answer: strings.NewReplacer("journey-not-found", "token-missing", "404", "401").Replace(problem)},
		"an overload without Retry-After":             {status: 503, kind: "application/problem+json", answer: strings.NewReplacer("journey-not-found", "out-of-time", "404", "503").Replace(problem)},
		"an overload with a word as Retry-After":      {status: 503, kind: "application/problem+json", answer: strings.NewReplacer("journey-not-found", "out-of-time", "404", "503").Replace(problem), answerHeader: []string{"Retry-After", "soon"}},
		"a success on a path that no operation has":   {path: "/api/v1/other", answer: `{}`},
		"a success of a method that no operation has": {method: "PATCH", answer: `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, e.run(t, t.Context()), 1)
		})
	}
}

func TestTransport_ChecksRequestsMarkedValid(t *testing.T) {
	t.Parallel()
	enroll := exchange{method: "POST", path: "/api/v1/journeys/" + id + "/enroll", status: 404, answer: `{"message":"Not Found"}`}
	with := func(change func(e *exchange)) exchange {
		e := enroll
		e.body = `{"customerId":"c"}`
		change(&e)
		return e
	}
	require.Empty(t, with(func(*exchange) {}).run(t, Valid(t.Context())))
	require.Empty(t, with(func(e *exchange) {
		e.path += "?details=true"
		e.header = []string{"Idempotency-Key", `"a b"`}
	}).run(t, Valid(t.Context())))
	for name, e := range map[string]exchange{
		"both fields":              with(func(e *exchange) { e.body = `{"customerId":"c","customerIds":["c"]}` }),
		"no field":                 with(func(e *exchange) { e.body = `{}` }),
		"no body":                  with(func(e *exchange) { e.body = "" }),
		"a control character":      with(func(e *exchange) { e.body = `{"customerId":"a\u0085b"}` }),
		"an unknown field":         with(func(e *exchange) { e.body = `{"customerId":"c","name":"n"}` }),
		"another type of body":     with(func(e *exchange) { e.header = []string{"Content-Type", "text/plain"} }),
		"an unknown parameter":     with(func(e *exchange) { e.path += "?detail=true" }),
		"a parameter twice":        with(func(e *exchange) { e.path += "?details=true&details=true" }),
		"a flag that is a word":    with(func(e *exchange) { e.path += "?details=yes" }),
		"a key that is too long":   with(func(e *exchange) { e.header = []string{"Idempotency-Key", strings.Repeat("a", 129)} }),
		"an id of another form":    with(func(e *exchange) { e.path = "/api/v1/journeys/1/enroll" }),
		"a path of no operation":   with(func(e *exchange) { e.path = "/api/v1/other" }),
		"a method of no operation": with(func(e *exchange) { e.method = "PATCH" }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, e.run(t, Valid(t.Context())), 1)
			require.Empty(t, e.run(t, t.Context()))
		})
	}
}
