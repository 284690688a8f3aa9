package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestJourney_LivesFromDraftToDeletion(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	editor, admin := as(t, manifest.Editor, tenant), as(t, manifest.Admin, tenant)

	made := editor.must(201, "POST", "/journeys", `{"name":"Welcome <é>","description":"d",`+
		`"entryCondition":{"event":"account_created"},"maxDurationDays":7,"definition":`+wholeGraph+`}`)
	path := "/journeys/" + made.id()
	require.Equal(t, manifest.BasePath+path, made.header.Get("Location"))
	require.Equal(t, `"1"`, made.header.Get("ETag"))
	require.Equal(t, "application/json", made.header.Get("Content-Type"))
	require.Equal(t, "Welcome <é>", made.body["name"])
	require.Equal(t, "draft", made.body["status"])
	require.InDelta(t, 1, made.body["version"], 0)
	require.InDelta(t, 7, made.body["maxDurationDays"], 0)
	require.Equal(t, map[string]any{"event": "account_created"}, made.body["entryCondition"])
	for _, field := range []string{"createdAt", "updatedAt"} {
		at, err := time.Parse("2006-01-02T15:04:05.000Z", made.body[field].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), at, 5*time.Minute)
	}

	// A read returns what was written, including the editor's own keys.
	got := editor.must(200, "GET", path, "")
	written, warnings, _ := strings.Cut(made.text, `,"warnings":`)
	require.Equal(t, written, strings.TrimSuffix(got.text, "}"))
	require.Contains(t, warnings, `{"pointer":"/definition/nodes/3/config/decisionFlowId","detail":"names \"best\", a decision flow`)
	if target.machine != nil {
		require.NotContains(t, warnings, "channel", "every channel is the inbox")
	}
	require.Contains(t, got.text, `"definition":`+wholeGraph)
	editor.must(304, "GET", path, "", "If-None-Match", `"1"`)

	// PUT keeps the fields that it does not name.
	renamed := editor.must(200, "PUT", path, `{"name":"New","description":null,"entryCondition":null}`)
	require.Equal(t, "New", renamed.body["name"])
	require.Empty(t, renamed.body["description"])
	require.Nil(t, renamed.body["entryCondition"])
	require.InDelta(t, 7, renamed.body["maxDurationDays"], 0)
	require.InDelta(t, 1, renamed.body["version"], 0)
	redrawn := editor.must(200, "PUT", path, `{"definition":`+shortGraph+`}`)
	require.InDelta(t, 2, redrawn.body["version"], 0)

	editor.must(200, "PUT", path, `{"status":"active"}`)
	editor.must(201, "POST", path+"/enroll", `{"customerId":"c"}`).counts(t, 1, 0)
	admin.must(204, "DELETE", path, "")
	admin.refused(404, "journey-not-found", "DELETE", path, "")
	editor.refused(404, "journey-not-found", "GET", path, "")
	editor.refused(404, "journey-not-found", "PUT", path, `{"name":"a"}`)
	editor.refused(404, "journey-not-found", "POST", path+"/enroll", `{"customerId":"c"}`)
	editor.refused(404, "journey-not-found", "POST", path+"/test", `{}`)
	require.InDelta(t, 0, total(editor, ""), 0)
}

func TestJourney_NeedsOnlyAName(t *testing.T) {
	t.Parallel()

	made := as(t, manifest.Editor, newTenant()).must(201, "POST", "/journeys", `{"name":"a"}`)
	require.Contains(t, made.text, `"description":"","status":"draft","definition":`+emptyGraph+
		`,"entryCondition":null,"maxDurationDays":30,"entryFrom":null,"entryUntil":null,"timezone":"UTC","exitOn":[],"exitWhen":null,"goal":null,"version":1`)
}

// total returns the number of journeys that match a query.
func total(c caller, query string) any {
	c.t.Helper()
	return c.must(200, "GET", "/journeys?"+query, "").body["pagination"].(map[string]any)["total"]
}

func TestList_PagesThroughAllJourneysNewestFirst(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	for i := range 5 {
		path := c.create(fmt.Sprintf("J%d", i), shortGraph)
		if i%2 == 0 {
			c.must(200, "PUT", path, `{"status":"active"}`)
		}
	}
	var names []string
	for offset := 0; offset < 5; offset += 2 {
		page := c.must(200, "GET", fmt.Sprintf("/journeys?limit=2&offset=%d", offset), "")
		require.Equal(t, map[string]any{
			"total": 5.0, "limit": 2.0, "offset": float64(offset), "hasMore": offset < 4,
		}, page.body["pagination"])
		for _, item := range page.body["data"].([]any) {
			journey := item.(map[string]any)
			names = append(names, journey["name"].(string))
			require.NotContains(t, journey, "definition")
			require.InDelta(t, 2, journey["nodeCount"], 0)
		}
	}
	require.Equal(t, []string{"J4", "J3", "J2", "J1", "J0"}, names)
	require.InDelta(t, 3, total(c, "status=active&limit=1"), 0)
	require.InDelta(t, 2, total(c, "status=draft&offset=100"), 0)
	require.InDelta(t, 0, total(c, "status=archived"), 0)
	first := c.must(200, "GET", "/journeys", "").body["pagination"].(map[string]any)
	require.InDelta(t, 50, first["limit"], 0)
}

func TestLifecycle_AllowsOnlyItsTransitions(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	routes := map[string][]string{ // from draft to each status
		"draft": nil, "active": {"active"}, "paused": {"active", "paused"}, "archived": {"archived"},
	}
	next := map[string]string{"draft": "active archived", "active": "paused archived", "paused": "active archived", "archived": "paused"}
	for from, route := range routes {
		for _, to := range []string{"draft", "active", "paused", "archived"} {
			path := c.create(from, shortGraph)
			for _, status := range route {
				c.must(200, "PUT", path, `{"status":"`+status+`"}`)
			}
			body := `{"status":"` + to + `"}`
			if to == from || strings.Contains(next[from], to) {
				require.Equal(t, to, c.must(200, "PUT", path, body).body["status"], "%s to %s", from, to)
			} else {
				c.refused(409, "status-change-forbidden", "PUT", path, body)
			}
		}
	}
}

func TestRevision_OtherThanTheStoredIsRefused(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c, admin := as(t, manifest.Editor, tenant), as(t, manifest.Admin, tenant)
	path := c.create("a", emptyGraph)
	changed := c.must(200, "PUT", path, `{"name":"b"}`, "If-Match", `"1"`)
	require.Equal(t, `"2"`, changed.header.Get("ETag"))
	c.refused(412, "stale-revision", "PUT", path, `{"name":"c"}`, "If-Match", `"1"`)
	admin.refused(412, "stale-revision", "DELETE", path, "", "If-Match", `W/"2", "1"`)
	weak := admin.refused(400, "invalid-request", "DELETE", path, "", "If-Match", `W/"2"`)
	require.Equal(t, []string{"/header/If-Match"}, weak.pointers())
	read := c.must(200, "GET", path, "")
	require.Equal(t, "b", read.body["name"])
	sentBack := c.must(200, "PUT", path, read.text, "If-Match", `"2"`)
	require.Equal(t, []any{}, sentBack.body["warnings"])
	delete(sentBack.body, "warnings")
	require.Equal(t, with(read.body, "updatedAt", nil), with(sentBack.body, "updatedAt", nil))
	admin.must(204, "DELETE", path, "", "If-Match", `"1", `+sentBack.header.Get("ETag"))
}

// One of many writers of the same revision wins; the others get 412.
func TestRevision_OneOfManyWritersWins(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.create("a", emptyGraph)
	const writers = 8
	statuses := make(chan int, writers)
	for i := range writers {
		go func() {
			a, err := c.try("PUT", path, fmt.Sprintf(`{"name":"w%d"}`, i), "If-Match", `"1"`)
			if err != nil {
				a.status = -1
			}
			statuses <- a.status
		}()
	}
	seen := map[int]int{}
	for range writers {
		seen[<-statuses]++
	}
	require.Equal(t, map[int]int{200: 1, 412: writers - 1}, seen)
	require.Equal(t, `"2"`, c.must(200, "GET", path, "").header.Get("ETag"))
}
