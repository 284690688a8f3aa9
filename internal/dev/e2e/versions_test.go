package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestVersions_AndHistoryNameTheAuthors(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	ada := caller{t, sign(t, with(with(claims(manifest.Admin, tenant), "sub", "7f8c"), "name", "Ada Lovelace"))}
	machine := caller{t, sign(t, with(claims(manifest.Editor, tenant), "sub", "client-1"))}
	byAda, byMachine := map[string]any{"sub": "7f8c", "name": "Ada Lovelace"}, map[string]any{"sub": "client-1"}

	path := ada.create("Welcome", emptyGraph)
	machine.must(200, "PUT", path, `{"definition":`+shortGraph+`}`)
	ada.must(200, "PUT", path, `{"name":"Hello","status":"active"}`)
	last := machine.must(200, "PUT", path, `{"definition":`+wholeGraph+`}`)
	require.Equal(t, byAda, last.body["createdBy"])
	require.Equal(t, byMachine, last.body["updatedBy"])
	listed := ada.must(200, "GET", "/journeys", "").body["data"].([]any)[0].(map[string]any)
	require.Equal(t, byAda, listed["createdBy"])
	require.Equal(t, byMachine, listed["updatedBy"])

	list := ada.must(200, "GET", path+"/versions", "").body["data"].([]any)
	require.Len(t, list, 2, "the first was replaced as a draft")
	newest, first := list[0].(map[string]any), list[1].(map[string]any)
	require.InDelta(t, 3, newest["version"], 0)
	require.Equal(t, true, newest["current"])
	require.InDelta(t, 6, newest["nodeCount"], 0)
	require.InDelta(t, 2, first["version"], 0)
	require.Equal(t, byMachine, first["createdBy"])
	require.InDelta(t, 0, first["inside"], 0)
	require.Contains(t, machine.must(200, "GET", path+"/versions/2", "").text, `"definition":`+shortGraph)
	machine.refused(404, "version-not-found", "GET", path+"/versions/1", "")

	var entries []any
	for _, entry := range machine.must(200, "GET", path+"/history?limit=100", "").body["data"].([]any) {
		e := entry.(map[string]any)
		entries = append(entries, []any{e["by"], e["actions"], e["fields"], e["version"]})
	}
	require.Equal(t, []any{
		[]any{byMachine, []any{"edited"}, []any{"definition"}, 3.0},
		[]any{byAda, []any{"edited", "activated"}, []any{"name"}, 2.0},
		[]any{byMachine, []any{"edited"}, []any{"definition"}, 2.0},
		[]any{byAda, []any{"created"}, []any{}, 1.0},
	}, entries)

	ada.must(204, "DELETE", path, "")
	for _, rest := range []string{"/versions", "/versions/2", "/history"} {
		ada.refused(404, "journey-not-found", "GET", path+rest, "")
	}
}
