package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/trail"
)

// A message is sent whatever its channel answers. Its answer comes back if the node keeps
// some of it and it is a JSON object of at most MaxAnswer bytes.
func TestSend_ReturnsAnswersThatAreKept(t *testing.T) {
	t.Parallel()

	keep := [][]string{{"id"}}
	pad := func(n int) string { return `{"id":7,"pad":"` + strings.Repeat("x", n-len(`{"id":7,"pad":""}`)) + `"}` }
	for name, row := range map[string]struct {
		body string
		keep [][]string
		id   string // JSON
	}{
		"an object":          {`{"id":{"a":12345678901234567}}`, keep, `{"a":12345678901234567}`},
		"nothing kept":       {`{"id":7}`, nil, `null`},
		"an empty object":    {`{}`, keep, `null`},
		"no answer":          {``, keep, `null`},
		"an array":           {`[{"id":7}]`, keep, `null`},
		"null":               {`null`, keep, `null`},
		"HTML":               {`<html>`, keep, `null`},
		"a name twice":       {`{"id":7,"id":8}`, keep, `null`},
		"two objects":        {`{"id":7}{"id":8}`, keep, `null`},
		"just short enough":  {pad(MaxAnswer), keep, `7`},
		"too long by a byte": {pad(MaxAnswer + 1), keep, `null`},
	} {
		answers := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, row.body) }
		address, _ := serve(t, answers)
		function, _ := serve(t, answers)
		m := newMessage(t, graph.ActionConfig{Channel: "push", Keep: row.keep})
		for _, p := range []*Provider{calling(t, address, at(start)), invoking(t, "points", function)} {
			answer, err := p.Send(t.Context(), m)
			require.NoError(t, err, name)
			require.Equal(t, trail.Sent, answer.Result, name)
			require.Equal(t, row.id, string(answer.Value.Get("id").AppendJSON(nil)), name)
		}
	}
}
