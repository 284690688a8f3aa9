package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestSimulation_ReturnsThePath(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.create("a", wholeGraph)
	simulated := c.must(200, "POST", path+"/test", `{"customerAttributes":{"spend":7,"email":"a@example.com"},"now":"2026-11-23T10:00:00Z",`+
		`"events":[{"type":"opened","afterHours":1.5}],"decisions":{"offer":{"id":"o1"}}}`)
	require.Equal(t, "exited", simulated.body["outcome"])
	require.Equal(t, "converted", simulated.body["exitReason"])
	require.InDelta(t, 1.5, simulated.body["durationHours"], 0)
	require.InDelta(t, 1, simulated.body["version"], 0)
	require.Equal(t, "in:entered pause:woken rich:true offer:decided mail:sent out:exited", trace(simulated))
	require.Contains(t, simulated.text, `"detail":{"until":"2026-11-23T11:30:00.000Z","endedBy":"event"}`)
	require.Contains(t, simulated.text, `"condition":{"field":"spend","operator":"gt","value":5,"actual":7,"result":true}`)
	require.Contains(t, simulated.text, `"decision":{"id":"o1"}`)

	require.Equal(t, "in:entered pause:waited rich:false out:exited", trace(c.must(200, "POST", path+"/test", "")))
	inline := c.must(200, "POST", path+"/test", `{"definition":`+shortGraph+`}`)
	require.Equal(t, "in:entered out:exited", trace(inline))
	require.Nil(t, inline.body["version"])

	// The simulation changed nothing.
	require.Equal(t, `"1"`, c.must(200, "GET", path, "").header.Get("ETag"))
	c.must(http.StatusOK, "PUT", path, `{"status":"active"}`)
}

// trace returns the nodes of a simulated path with their results.
func trace(a answer) string {
	var steps []string
	for _, item := range a.body["trace"].([]any) {
		step := item.(map[string]any)
		steps = append(steps, step["nodeId"].(string)+":"+step["result"].(string))
	}
	return strings.Join(steps, " ")
}
