package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestAJourneysLife(t *testing.T) {
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

	// What was written is what is read, the editor's own keys included.
	got := editor.must(200, "GET", path, "")
	require.Equal(t, made.text, got.text)
	require.Contains(t, got.text, `"definition":`+wholeGraph)
	editor.must(304, "GET", path, "", "If-None-Match", `"1"`)

	// PUT changes what is there and keeps the rest.
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

func TestANewJourneyNeedsOnlyAName(t *testing.T) {
	t.Parallel()

	made := as(t, manifest.Editor, newTenant()).must(201, "POST", "/journeys", `{"name":"a"}`)
	require.Contains(t, made.text, `"description":"","status":"draft","definition":`+emptyGraph+
		`,"entryCondition":null,"maxDurationDays":30,"version":1`)
}

// total returns how many journeys match a query.
func total(c client, query string) any {
	c.t.Helper()
	return c.must(200, "GET", "/journeys?"+query, "").body["pagination"].(map[string]any)["total"]
}

func TestListGoesThroughAllJourneysNewestFirst(t *testing.T) {
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

func TestTheLifecycleAllowsWhatItAllows(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	ways := map[string][]string{ // to each status, the one way
		"draft": nil, "active": {"active"}, "paused": {"active", "paused"}, "archived": {"archived"},
	}
	next := map[string]string{"draft": "active archived", "active": "paused archived", "paused": "active archived", "archived": "paused"}
	for from, way := range ways {
		for _, to := range []string{"draft", "active", "paused", "archived"} {
			path := c.create(from, shortGraph)
			for _, status := range way {
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

func TestARevisionThatIsNotTheStoredOneIsRefused(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c, admin := as(t, manifest.Editor, tenant), as(t, manifest.Admin, tenant)
	path := c.create("a", emptyGraph)
	changed := c.must(200, "PUT", path, `{"name":"b"}`, "If-Match", `"1"`)
	require.Equal(t, `"2"`, changed.header.Get("ETag"))
	c.refused(412, "stale-revision", "PUT", path, `{"name":"c"}`, "If-Match", `"1"`)
	admin.refused(412, "stale-revision", "DELETE", path, "", "If-Match", `W/"2"`)
	require.Equal(t, "b", c.must(200, "GET", path, "").body["name"])
	admin.must(204, "DELETE", path, "", "If-Match", `"1", "2"`)
}

// Of many writers of one revision one wins, and the others hear of it.
func TestOneOfManyWritersWins(t *testing.T) {
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

// The two tests of many customers are not parallel: together they would ask
// more of DynamoDB Local than it can do before its callers give up.
func TestEnrollCountsEverybodyOnce(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	one := c.must(201, "POST", path+"/enroll", `{"customerId":"c-0"}`)
	one.counts(t, 1, 0)
	require.Equal(t, "Welcome", one.body["journeyName"])
	require.Equal(t, strings.TrimPrefix(path, "/journeys/"), one.body["journeyId"])
	require.NotContains(t, one.body, "results")

	thousand := `{"customerIds":` + ids("c", 1000) + `}`
	c.must(201, "POST", path+"/enroll", thousand).counts(t, 999, 1)
	c.must(201, "POST", path+"/enroll", thousand).counts(t, 0, 1000)

	// Ids that look alike are different; a repeat inside of the call is skipped.
	details := c.must(201, "POST", path+"/enroll?details=true",
		`{"customerIds":["c-0","É","é","e\u0301","É"," ","E#x","`+strings.Repeat("ü", 128)+`"]}`)
	details.counts(t, 6, 2)
	var outcomes []string
	for _, result := range details.body["results"].([]any) {
		outcomes = append(outcomes, result.(map[string]any)["outcome"].(string))
	}
	require.Equal(t, "skipped enrolled enrolled enrolled skipped enrolled enrolled enrolled", strings.Join(outcomes, " "))

	// Who is in one journey is not in another, nor in another tenant's.
	c.must(201, "POST", c.createActive(shortGraph)+"/enroll", thousand).counts(t, 1000, 0)
	other := as(t, manifest.Editor, newTenant())
	other.must(201, "POST", other.createActive(shortGraph)+"/enroll", `{"customerId":"c-0"}`).counts(t, 1, 0)
}

func TestManyCallsAtOnceEnrollEverybodyOnce(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	const callers = 4
	answers := make(chan answer, callers)
	for range callers {
		go func() {
			a, _ := c.try("POST", path+"/enroll", `{"customerIds":`+ids("c", 100)+`}`)
			answers <- a
		}()
	}
	enrolled := 0.0
	for range callers {
		a := <-answers
		require.Equal(t, 201, a.status, a.text)
		require.InDelta(t, 100, a.body["total"], 0, a.text)
		require.InDelta(t, 0, a.body["errors"], 0, a.text)
		enrolled += a.body["enrolled"].(float64)
	}
	require.InDelta(t, 100, enrolled, 0)
}

func TestAnIdempotencyKeyGivesTheFirstCountsAgain(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)
	c.must(201, "POST", path+"/enroll", `{"customerId":"a"}`)
	body := `{"customerIds":["a","b","c"]}`
	first := c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", "k1")
	first.counts(t, 2, 1)
	require.Equal(t, first.text, c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", `"k1"`).text)
	c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", "k2").counts(t, 0, 3)
	c.refused(422, "idempotency-key-reused", "POST", path+"/enroll", `{"customerIds":["a","b"]}`, "Idempotency-Key", "k1")

	// The key belongs to its journey, and outlives the journey's activity.
	c.must(201, "POST", c.createActive(shortGraph)+"/enroll", `{"customerId":"z"}`, "Idempotency-Key", "k1").counts(t, 1, 0)
	c.must(200, "PUT", path, `{"status":"paused"}`)
	require.Equal(t, first.text, c.must(201, "POST", path+"/enroll", body, "Idempotency-Key", "k1").text)
	c.refused(400, "journey-not-active", "POST", path+"/enroll", body, "Idempotency-Key", "k3")
}

func TestATestShowsTheWay(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.create("a", wholeGraph)
	way := c.must(200, "POST", path+"/test", `{"customerAttributes":{"spend":7,"email":"a@example.com"},"now":"2026-11-23T10:00:00Z",`+
		`"events":[{"type":"opened","afterHours":1.5}],"decisions":{"offer":{"id":"o1"}}}`)
	require.Equal(t, "exited", way.body["outcome"])
	require.Equal(t, "converted", way.body["exitReason"])
	require.InDelta(t, 1.5, way.body["durationHours"], 0)
	require.InDelta(t, 1, way.body["version"], 0)
	require.Equal(t, "in:entered pause:woken rich:true offer:decided mail:sent out:exited", trace(way))
	require.Contains(t, way.text, `"detail":{"until":"2026-11-23T11:30:00.000Z","endedBy":"event"}`)
	require.Contains(t, way.text, `"condition":{"field":"spend","operator":"gt","value":5,"actual":7,"result":true}`)
	require.Contains(t, way.text, `"decision":{"id":"o1"}`)

	require.Equal(t, "in:entered pause:waited rich:false out:exited", trace(c.must(200, "POST", path+"/test", "")))
	inline := c.must(200, "POST", path+"/test", `{"definition":`+shortGraph+`}`)
	require.Equal(t, "in:entered out:exited", trace(inline))
	require.Nil(t, inline.body["version"])

	// It was a test: nobody is enrolled, and nothing changed.
	require.Equal(t, `"1"`, c.must(200, "GET", path, "").header.Get("ETag"))
	c.must(http.StatusOK, "PUT", path, `{"status":"active"}`)
}

// trace returns the nodes on the way with their results.
func trace(a answer) string {
	var steps []string
	for _, item := range a.body["trace"].([]any) {
		step := item.(map[string]any)
		steps = append(steps, step["nodeId"].(string)+":"+step["result"].(string))
	}
	return strings.Join(steps, " ")
}
