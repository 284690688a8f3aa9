package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// Two editors at one draft, through the gateway: made, tried, changed, in conflict with
// the live journey, and published.
func TestDraft_IsPublishedByItsTag(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	ada, alan := as(t, manifest.Editor, tenant), as(t, manifest.Admin, tenant)
	path := ada.createActive(shortGraph)
	draft, publish := path+"/draft", path+"/draft/publish"
	longer := strings.NewReplacer(
		`{"id":"out"`, `{"id":"w","type":"wait","config":{"delayHours":2}},{"id":"out"`,
		`"target":"out"}`, `"target":"w"},{"source":"w","target":"out"}`,
	).Replace(shortGraph)

	ada.refused(404, "no-draft", "GET", draft, "")
	made := ada.must(201, "PUT", draft, `{"definition":`+longer+`}`, "If-None-Match", "*")
	tag := made.header.Get("ETag")
	require.Equal(t, `"2"`, made.body["basedOn"])
	read := alan.must(200, "GET", draft, "")
	require.Equal(t, tag, read.header.Get("ETag"))
	require.Equal(t, made.text, read.text)
	alan.must(304, "GET", draft, "", "If-None-Match", tag)
	tried := alan.must(200, "POST", path+"/test", `{"definition":`+longer+`}`)
	require.InDelta(t, 2, tried.body["durationHours"], 0)
	require.InDelta(t, 0, alan.must(200, "POST", path+"/test", "").body["durationHours"], 0, "the live one is as it was")

	changed := alan.must(200, "PUT", draft, `{"timezone":"Asia/Tokyo"}`, "If-Match", tag).header.Get("ETag")
	ada.refused(412, "stale-draft", "PUT", draft, `{"timezone":"Europe/Rome"}`, "If-Match", tag)
	ada.refused(412, "stale-draft", "POST", publish, "", "If-Match", tag)
	ada.refused(400, "invalid-request", "POST", publish, "")
	alan.must(200, "PUT", path, `{"goal":{"eventType":"bought","windowDays":7}}`)
	ada.refused(412, "live-changed", "POST", publish, "", "If-Match", changed)
	live := ada.must(200, "GET", path, "")
	require.InDelta(t, 2, live.body["version"], 0)
	basedOn := strings.ReplaceAll(live.header.Get("ETag"), `"`, `\"`)
	for range 2 { // the second is a repeat
		published := ada.must(200, "POST", publish, `{"basedOn":"`+basedOn+`"}`, "If-Match", changed)
		require.Equal(t, `"4"`, published.header.Get("ETag"))
		require.InDelta(t, 3, published.body["version"], 0)
		require.Equal(t, "Asia/Tokyo", published.body["timezone"])
		require.Nil(t, published.body["goal"])
	}
	ada.refused(404, "no-draft", "GET", draft, "")
	ada.must(204, "DELETE", draft, "")
	as(t, manifest.Editor, newTenant()).refused(404, "journey-not-found", "GET", draft, "")
}
