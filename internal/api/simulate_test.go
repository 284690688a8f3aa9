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
