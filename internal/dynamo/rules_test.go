package dynamo_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// ask calls the API as an admin and returns the answer, which is no 5xx.
func (l *logged) ask(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, manifest.BasePath, strings.NewReader(body))
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.URL.Path = manifest.BasePath + path
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	caller := auth.Caller{Subject: "s", Tenant: demo, Role: manifest.Admin, ExpiresAt: l.now.Add(time.Hour)}
	w := httptest.NewRecorder()
	l.mux.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), caller)))
	require.Less(t, w.Code, 500, "%s %s: %s", method, path, w.Body)
	var answer map[string]any
	if w.Body.Len() > 0 {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
	}
	return w.Code, answer
}

// must is ask with the status that it requires.
func (l *logged) must(t *testing.T, status int, method, path, body string) map[string]any {
	t.Helper()
	code, answer := l.ask(t, method, path, body)
	require.Equal(t, status, code, "%s %s: %v", method, path, answer)
	return answer
}

// plantGraph replaces the stored graph, as a version with other rules would have stored it.
func (p *fixture) plantGraph(t *testing.T, id ident.ID, definition string) {
	t.Helper()
	it := p.definitionKey(t, id)
	it["df"] = &types.AttributeValueMemberB{Value: []byte(definition)}
	it["f"] = &types.AttributeValueMemberN{Value: "1"}
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &p.table, Item: it})
	require.NoError(t, err)
}

const (
	ruleGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":1}},` +
		`{"id":"say","type":"channel_action","config":{"channel":"push","payload":{"a":"b"}}},{"id":"out","type":"exit"}],` +
		`"edges":[{"source":"in","target":"w"},{"source":"w","target":"say"},{"source":"say","target":"out"}]}`
	noEntry = "the graph does not have exactly one entry_trigger"
)

// A journey that breaks rules which came after it was stored is read, changed and run as
// far as it goes.
func TestStoredRules_NeverStopACaller(t *testing.T) {
	t.Parallel()

	swap := func(old, new string) string { return strings.Replace(ruleGraph, old, new, 1) }
	for _, row := range []struct {
		name, graph, entry string
		reason             string // why customers fail; "" if they do not
		simulated          string // the exit reason of a test; "" for the same as reason
		enroll             int
	}{
		{"a payload", swap(`"a":"b"`, `"a":"{{ x }}"`), "", "node say: config/payload/a has a placeholder that is not", "", 201},
		{"an unknown key", swap(`"delayHours":1`, `"delayHours":1,"snooze":2`), "", "node w: config/snooze unknown field", "", 201},
		{"an unknown type", swap(`"type":"channel_action"`, `"type":"teleport"`), "", "node say: type must be one of", "", 201},
		{"an id", strings.ReplaceAll(ruleGraph, `"say"`, `"s.ay"`), "", "node s.ay: id must have only", "", 201},
		{"the config of the entry", swap(`"type":"entry_trigger"`, `"type":"entry_trigger","config":{"when":1}`), "", "node in: config/when unknown field", "", 201},
		{"a bound", swap(`"delayHours":1`, `"delayHours":9000`), "", "node w: config/delayHours must be a number above 0", "", 201},
		{"no entry", swap(`"type":"entry_trigger"`, `"type":"start"`), "", "", noEntry, 400},
		{"a required field that is missing", swap(`"channel":"push",`, ``), "", "node say: channel is required", "", 201},
		{"the entry condition", ruleGraph, `{"event":"opened","condition":{"field":"a","operator":"like","value":1}}`, "", "entryCondition/condition/operator must be one of", 201},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			l := newLogged(t)
			l.now = time.Now().UTC().Truncate(time.Millisecond)
			id := l.journey(t, ruleGraph)
			path := "/journeys/" + string(id)
			l.plantGraph(t, id, row.graph)
			if row.entry != "" {
				l.plantText(t, id, row.entry)
			}
			l.serve(storeOn(l.table)) // a new process

			read := l.must(t, 200, "GET", path, "")
			text, err := json.Marshal(read["definition"])
			require.NoError(t, err)
			require.JSONEq(t, row.graph, string(text))
			require.Len(t, l.must(t, 200, "GET", "/journeys", "")["data"], 1)
			l.must(t, 200, "GET", path+"/analytics", "")
			l.must(t, 202, "POST", "/events", `{"customerId":"e","eventType":"opened"}`)
			simulated := l.must(t, 200, "POST", path+"/test", "")
			if want := row.simulated + row.reason; want != "" {
				require.Equal(t, "stopped", simulated["outcome"])
				require.Contains(t, simulated["exitReason"], want)
			}

			l.must(t, row.enroll, "POST", path+"/enroll", `{"customerId":"c"}`)
			if row.enroll == 201 {
				l.move(3)
				where := l.must(t, 200, "GET", path+"/enrollments/c", "")
				if row.reason == "" {
					require.Equal(t, "completed", where["status"])
				} else {
					require.Equal(t, "failed", where["status"], where)
					require.Contains(t, where["exitReason"], "graph_not_whole: "+row.reason)
					require.Len(t, l.must(t, 200, "GET", path+"/enrollments?status=failed", "")["data"], 1)
				}
				require.NotContains(t, l.audit(t), "inconsistent")
			}

			for _, change := range []string{
				`{"status":"paused"}`, `{"name":"renamed"}`, `{"status":"active"}`, `{"description":"d"}`, `{"maxDurationDays":9}`,
				`{"status":"archived"}`, `{"status":"paused"}`, `{"status":"active"}`,
			} {
				require.EqualValues(t, 1, l.must(t, 200, "PUT", path, change)["version"], change)
			}
			sound := l.must(t, 200, "PUT", path, `{"definition":`+ruleGraph+`,"entryCondition":{"event":"opened"}}`)
			require.Equal(t, "active", sound["status"])
			l.must(t, 201, "POST", path+"/enroll", `{"customerId":"d"}`)
			l.move(4)
			require.Equal(t, "completed", l.must(t, 200, "GET", path+"/enrollments/d", "")["status"])
			l.must(t, 200, "GET", path+"/analytics", "")
			l.must(t, 204, "DELETE", path, "")
		})
	}
}

// What never ran must keep the present rules before it does.
func TestResume_RefusesOnlyAGraphThatNeverRan(t *testing.T) {
	t.Parallel()

	l := newLogged(t)
	id := l.journey(t, ruleGraph)
	path := "/journeys/" + string(id)
	unfinished := strings.Replace(ruleGraph, `"delayHours":1`, ``, 1)
	l.must(t, 200, "PUT", path, `{"status":"paused"}`)
	l.must(t, 200, "PUT", path, `{"definition":`+unfinished+`}`)
	require.Equal(t, "graph-not-whole", l.must(t, 400, "PUT", path, `{"status":"active"}`)["code"])
	l.must(t, 200, "PUT", path, `{"definition":`+strings.Replace(unfinished, `"nodes"`, `"zoom":1,"nodes"`, 1)+`}`)
	require.Equal(t, "graph-not-whole", l.must(t, 400, "PUT", path, `{"status":"active"}`)["code"])
	l.must(t, 200, "PUT", path, `{"definition":`+ruleGraph+`}`)
	l.must(t, 200, "PUT", path, `{"status":"active"}`)
	require.Equal(t, "graph-not-whole", l.must(t, 400, "PUT", path, `{"definition":`+unfinished+`}`)["code"])

	// A draft that was planted with a graph that breaks a rule is not activated.
	name, d := "n", definitionOf(t, ruleGraph)
	draft, err := l.Create(t.Context(), demo, journey.Change{Name: &name, Definition: &d})
	require.NoError(t, err)
	l.plantGraph(t, draft.ID, strings.Replace(ruleGraph, `"delayHours":1`, `"delayHours":1,"snooze":2`, 1))
	path = "/journeys/" + string(draft.ID)
	l.serve(storeOn(l.table))
	refused := l.must(t, 400, "PUT", path, `{"status":"active"}`)
	require.Equal(t, "/definition/nodes/1/config/snooze", refused["errors"].([]any)[0].(map[string]any)["pointer"])
	l.must(t, 200, "PUT", path, `{"status":"archived"}`)
	l.must(t, 204, "DELETE", path, "")
}

// A graph that was complete when it was put into a paused journey is no reason to keep
// the journey paused, whatever rule came later.
func TestResume_TakesAGraphThatWasCompleteWhenStored(t *testing.T) {
	t.Parallel()

	l := newLogged(t)
	id := l.journey(t, ruleGraph)
	path := "/journeys/" + string(id)
	edited := strings.Replace(ruleGraph, `"delayHours":1`, `"delayHours":2`, 1)
	l.must(t, 200, "PUT", path, `{"status":"paused"}`)
	require.EqualValues(t, 2, l.must(t, 200, "PUT", path, `{"definition":`+edited+`}`)["version"])
	l.plantGraph(t, id, strings.Replace(edited, `"delayHours":2`, `"delayHours":2,"snooze":2`, 1))
	l.serve(storeOn(l.table))
	l.must(t, 200, "PUT", path, `{"status":"active"}`)
}

// The pointers of a refused activation refer to the definition as the caller sent it
// last, not to the stored graph, whose nodes may be in another order.
func TestActivation_PointsIntoTheDefinitionAsSent(t *testing.T) {
	t.Parallel()

	l := newLogged(t)
	const nodes, turned = `{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait"}`, `{"id":"w","type":"wait"},{"id":"in","type":"entry_trigger"}`
	of := func(nodes string) string {
		return `"definition":{"nodes":[` + nodes + `,{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`
	}
	path := "/journeys/" + l.must(t, 201, "POST", "/journeys", `{"name":"n",`+of(nodes)+`}`)["id"].(string)
	pointer := func(body string) any {
		t.Helper()
		return l.must(t, 400, "PUT", path, body)["errors"].([]any)[0].(map[string]any)["pointer"]
	}
	require.Equal(t, "/definition/nodes/1/config", pointer(`{"status":"active"}`))
	require.Equal(t, "/definition/nodes/0/config", pointer(`{"status":"active",`+of(turned)+`}`))
	require.EqualValues(t, 1, l.must(t, 200, "PUT", path, `{`+of(turned)+`}`)["version"])
	require.Equal(t, "/definition/nodes/0/config", pointer(`{"status":"active"}`))
}

// Text that is no graph at all can be replaced and deleted.
func TestDamagedDefinition_CanBeReplacedAndDeleted(t *testing.T) {
	t.Parallel()

	l := newLogged(t)
	for _, text := range []string{`{"nodes":`, `{"nodes":{}}`, `[]`} {
		id := l.journey(t, ruleGraph)
		path := "/journeys/" + string(id)
		l.plantGraph(t, id, text)
		l.serve(storeOn(l.table))
		_, err := l.restarted().Get(t.Context(), demo, id)
		require.ErrorIs(t, err, journey.ErrDamaged, text)
		require.EqualValues(t, 2, l.must(t, 200, "PUT", path, `{"definition":`+ruleGraph+`}`)["version"])
		l.must(t, 200, "GET", path, "")
		l.must(t, 204, "DELETE", path, "")
	}
}
