package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A small request can ask for a large explanation: each of the graph's conditions
// shows the attributes that it read. The answer is cut, and says so.
func TestTestJourney_CutsAnswersAboveOneMegabyte(t *testing.T) {
	t.Parallel()

	const splits = 90
	leaf := `{"field":"a","operator":"eq","value":1}`
	condition := `{"all":[` + strings.Repeat(strings.Replace(leaf, "eq", "neq", 1)+",", 59) + leaf + `]}`
	nodes, edges := []string{`{"id":"in","type":"entry_trigger"}`}, []string{`{"source":"in","target":"s0"}`}
	for i := range splits {
		next := fmt.Sprintf("s%d", i+1)
		if i == splits-1 {
			next = "out"
		}
		nodes = append(nodes, fmt.Sprintf(`{"id":"s%d","type":"condition_split","config":{"condition":%s}}`, i, condition))
		edges = append(edges, fmt.Sprintf(`{"source":"s%d","target":%q,"sourceHandle":"true"},{"source":"s%d","target":%q,"sourceHandle":"false"}`, i, next, i, next))
	}
	nodes = append(nodes, `{"id":"out","type":"exit"}`)
	definition := `{"nodes":[` + strings.Join(nodes, ",") + `],"edges":[` + strings.Join(edges, ",") + `]}`
	if len(definition) > 250_000 { // 256 KB at most
		t.Fatal(len(definition))
	}

	s := newServer(t, &memoryStore{})
	id := s.create(`{"name":"n"}`)
	for _, size := range []int{10, 2000} {
		body := fmt.Sprintf(`{"definition":%s,"customerAttributes":{"a":%q}}`, definition, strings.Repeat("x", size))
		w := s.do(call{method: "POST", path: "/journeys/" + id + "/test", body: body})
		require.Equal(t, 200, w.Code, w.Body.String())
		require.Less(t, w.Body.Len(), 1<<20)
		var answer struct {
			Trace []struct {
				Detail *struct{ Condition json.RawMessage }
			}
			Truncated bool
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		require.Len(t, answer.Trace, splits+2, "every step is there")
		require.Equal(t, size > 1000, answer.Truncated)
		require.NotNil(t, answer.Trace[1].Detail)
	}
}

func TestTestJourney_BoundsHours(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	id := s.create(`{"name":"n","definition":{"nodes":[{"id":"a","type":"channel_action"}],"edges":[]}}`)
	for _, hours := range []string{"-1", "8761", `"1"`} {
		body := `{"feedback":[{"step":"a","is":"clicked","afterHours":` + hours + `}]}`
		refused := s.must(400, call{method: "POST", path: "/journeys/" + id + "/test", body: body})
		require.JSONEq(t, `[{"pointer":"/feedback/0/afterHours","detail":"must be a number of hours from 0 to 8760"}]`, text(t, refused["errors"]))
	}
	for _, hours := range []string{"-8761", "8761"} {
		body := `{"events":[{"type":"a","afterHours":` + hours + `}]}`
		refused := s.must(400, call{method: "POST", path: "/journeys/" + id + "/test", body: body})
		require.JSONEq(t, `[{"pointer":"/events/0/afterHours","detail":"must be a number of hours from -8760 to 8760"}]`, text(t, refused["errors"]))
	}
}

func TestTestJourney_ShowsHowSplitsChose(t *testing.T) {
	t.Parallel()

	const definition = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
		`{"id":"m","type":"multi_split","config":{"branches":[{"id":"pro","condition":{"field":"plan","operator":"eq","value":"pro"}},{"id":"any","condition":{"all":[]}},{"id":"no","condition":{"any":[]}}]}},` +
		`{"id":"r","type":"random_split","config":{"branches":[{"id":"mail","weight":3},{"id":"control","weight":1}]}},{"id":"out","type":"exit"}],` +
		`"edges":[{"source":"in","target":"m"},{"source":"m","target":"out","sourceHandle":"pro"},{"source":"m","target":"r","sourceHandle":"any"},` +
		`{"source":"m","target":"out","sourceHandle":"no"},{"source":"m","target":"out","sourceHandle":"else"},` +
		`{"source":"r","target":"out","sourceHandle":"mail"},{"source":"r","target":"out","sourceHandle":"control"}]}`
	s := newServer(t, &memoryStore{})
	id := s.create(`{"name":"n","definition":` + definition + `}`)
	trace := func(body string) []any {
		return s.must(200, call{method: "POST", path: "/journeys/" + id + "/test", body: body})["trace"].([]any)
	}
	forced := trace(`{"branches":{"r":"control"}}`)
	require.Equal(t, map[string]any{
		"step": 2.0, "nodeId": "m", "nodeType": "multi_split", "at": "2026-11-23T10:00:00.000Z", "result": "any", "next": "r",
		"detail": map[string]any{"branches": []any{
			map[string]any{"id": "pro", "condition": map[string]any{"field": "plan", "operator": "eq", "value": "pro", "result": false}},
			map[string]any{"id": "any", "condition": map[string]any{"all": []any{}, "result": true}},
		}},
	}, forced[1])
	require.Equal(t, map[string]any{
		"step": 3.0, "nodeId": "r", "nodeType": "random_split", "at": "2026-11-23T10:00:00.000Z", "result": "control", "next": "out",
		"detail": map[string]any{"share": 0.25, "forced": true},
	}, forced[2])

	results := map[any]int{}
	for i := range 40 {
		step := trace(fmt.Sprintf(`{"customerId":"c%d"}`, i))[2].(map[string]any)
		require.Equal(t, map[string]any{"mail": 0.75, "control": 0.25}[step["result"].(string)], step["detail"].(map[string]any)["share"])
		require.NotContains(t, step["detail"], "forced")
		results[step["result"]]++
	}
	require.Len(t, results, 2, "the branch depends on the customer")
	require.Equal(t, trace(`{"customerId":"test"}`), trace(`{}`))
}
