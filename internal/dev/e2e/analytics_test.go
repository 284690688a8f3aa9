package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// Customers who complete a journey without a single message show as such.
func TestLocal_AnalyticsTellSkippedFromSent(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(sendingGraph)
	steps := func() map[string]map[string]any {
		byID := map[string]map[string]any{}
		for _, step := range c.must(200, "GET", path+"/analytics", "").body["steps"].([]any) {
			byID[step.(map[string]any)["nodeId"].(string)] = step.(map[string]any)
		}
		return byID
	}
	require.Equal(t, map[string]any{}, steps()["hello"]["results"], "no customer left yet")

	c.must(201, "POST", path+"/enroll", `{"customerIds":["a","b","c","d","e"]}`).counts(t, 5, 0)
	require.Eventually(t, func() bool { return steps()["out"]["completed"] == 5.0 }, 30*time.Second, 50*time.Millisecond)
	found := steps()
	require.Equal(t, map[string]any{"entered": 5.0}, found["in"]["results"])
	require.Equal(t, map[string]any{"skipped_no_address": 5.0}, found["hello"]["results"], "and none is sent")
	require.Equal(t, map[string]any{"exited": 5.0}, found["out"]["results"])

	c.must(200, "PUT", "/customers/reachable", `{"attributes":{"email":"r@mail.test"}}`)
	c.must(201, "POST", path+"/enroll", `{"customerId":"reachable"}`).counts(t, 1, 0)
	require.Eventually(t, func() bool { return steps()["out"]["completed"] == 6.0 }, 30*time.Second, 50*time.Millisecond)
	hello := steps()["hello"]
	require.Equal(t, map[string]any{"skipped_no_address": 5.0, "sent": 1.0}, hello["results"])
	require.Equal(t, 6.0, hello["completed"])
	for _, edge := range c.must(200, "GET", path+"/analytics", "").body["edges"].([]any) {
		require.Equal(t, 6.0, edge.(map[string]any)["passed"], edge)
	}
	listed := c.must(200, "GET", "/analytics", "").body["data"].([]any)
	require.Len(t, listed, 1)
	require.Equal(t, 6.0, listed[0].(map[string]any)["enrollments"].(map[string]any)["completed"])
}

// A viewer sees the figures of all journeys, and the edges of each, but not the list.
func TestAnalytics_ListEachJourneyForAViewer(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c, viewer := as(t, manifest.Editor, tenant), as(t, manifest.Viewer, tenant)
	path := c.createActive(shortGraph)
	c.must(200, "PUT", path, `{"name":"Bravo"}`)
	for _, name := range []string{"alpha", "charlie", "other"} {
		c.create(name, emptyGraph)
	}
	page := func(query string) (names []string, next string) {
		body := viewer.must(200, "GET", "/analytics?"+query, "").body
		for _, item := range body["data"].([]any) {
			journey := item.(map[string]any)
			require.Equal(t, 0.0, journey["enrollments"].(map[string]any)["total"])
			names = append(names, journey["name"].(string))
		}
		next, _ = body["nextCursor"].(string)
		return names, next
	}
	first, next := page("sort=name&q=A&limit=2")
	require.Equal(t, []string{"alpha", "Bravo"}, first)
	last, end := page("sort=name&q=A&limit=2&cursor=" + next)
	require.Equal(t, []string{"charlie"}, last)
	require.Empty(t, end)
	drafts, _ := page("status=draft")
	require.Equal(t, []string{"other", "charlie", "alpha"}, drafts)
	viewer.refused(400, "invalid-request", "GET", "/analytics?cursor="+next, "")
	viewer.refused(403, "role-not-allowed", "GET", "/journeys?q=a", "")

	one := viewer.must(200, "GET", path+"/analytics", "")
	require.Equal(t, []any{map[string]any{"source": "in", "target": "out", "passed": 0.0}}, one.body["edges"])
	for _, call := range []string{path + "/analytics", "/analytics"} {
		tag := viewer.must(200, "GET", call, "").header.Get("ETag")
		again := viewer.must(304, "GET", call, "", "If-None-Match", `"3", W/`+tag)
		require.Equal(t, tag, again.header.Get("ETag"))
		require.Empty(t, again.text)
	}
	require.Equal(t, 3.0, total(c, "q=A&sort=-updated"))
}
