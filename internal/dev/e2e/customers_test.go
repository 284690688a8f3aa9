package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestCustomers_HaveProfilesAndEnrollments(t *testing.T) {
	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(wholeGraph)

	c.must(200, "PUT", "/customers/~YSBi", `{"attributes":{"spend":7}}`) // "a b"
	a := c.must(200, "GET", "/customers/~YSBi", "")
	require.Equal(t, "a b", a.body["customerId"])
	require.Equal(t, map[string]any{"spend": 7.0}, a.body["attributes"])

	c.must(201, "POST", path+"/enroll", `{"customerId":"a b"}`).counts(t, 1, 0)
	a = c.must(200, "GET", path+"/enrollments/~YSBi", "")
	require.Equal(t, "active", a.body["status"])
	visits := a.body["path"].([]any)
	require.Equal(t, "entered", visits[0].(map[string]any)["result"])
	require.Equal(t, a.body["nodeId"], visits[len(visits)-1].(map[string]any)["nodeId"])
	require.NotEmpty(t, a.body["dueAt"])

	other := as(t, manifest.Editor, newTenant())
	other.must(404, "GET", path+"/enrollments/~YSBi", "")
	other.must(404, "GET", "/customers/~YSBi", "")

	feeder := as(t, manifest.Ingest, newTenant())
	feeder.must(200, "PUT", "/customers/fed", `{"attributes":{}}`)
	feeder.must(403, "GET", "/customers/fed", "")
}

func TestCustomers_AreMergedOneByOneAndTogether(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c, feeder := as(t, manifest.Editor, tenant), as(t, manifest.Ingest, tenant)
	put := feeder.must(200, "PUT", "/customers/ada", `{"attributes":{"plan":"pro","email":"a@example.com"},"asOf":"2026-11-23T10:00:00Z"}`)
	read := c.must(200, "GET", "/customers/ada", "")
	require.Equal(t, put.header.Get("ETag"), read.header.Get("ETag"))
	require.Equal(t, put.body, read.body)
	c.must(304, "GET", "/customers/ada", "", "If-None-Match", put.header.Get("ETag"))

	require.Equal(t, put.body["attributes"], feeder.must(200, "PUT", "/customers/ada", read.text).body["attributes"], "sent back")
	put = c.must(200, "GET", "/customers/ada", "")

	late := feeder.must(200, "PUT", "/customers/ada", `{"attributes":{},"asOf":"2026-11-23T09:00:00Z"}`)
	require.Equal(t, put.body, late.body, "a late duplicate changes nothing")
	patched := feeder.must(200, "PATCH", "/customers/ada", `{"attributes":{"plan":null,"address":{"city":"Zürich"}}}`,
		"Content-Type", "application/merge-patch+json", "If-Match", put.header.Get("ETag"))
	require.Equal(t, map[string]any{"email": "a@example.com", "address": map[string]any{"city": "Zürich"}}, patched.body["attributes"])
	feeder.refused(412, "stale-customer", "PATCH", "/customers/ada", `{"attributes":{}}`, "If-Match", put.header.Get("ETag"))
	feeder.refused(412, "stale-customer", "PUT", "/customers/ada", `{"attributes":{}}`, "If-Match", put.header.Get("ETag"))
	feeder.refused(400, "attributes-too-large", "PATCH", "/customers/ada", `{"attributes":{"a":"`+strings.Repeat("x", 64*1024-8)+`"}}`)

	results := feeder.must(200, "POST", "/customers", `{"customers":[
		{"customerId":"bob","attributes":{"visits":1}},
		{"customerId":"ada","attributes":{"plan":"free"},"asOf":"2026-11-23T09:00:00Z"},
		{"customerId":"bob","attributes":{"visits":2,"plan":"free"}}]}`).body["results"]
	require.Equal(t, []any{
		map[string]any{"customerId": "bob", "outcome": "stored"},
		map[string]any{"customerId": "ada", "outcome": "stale"},
		map[string]any{"customerId": "bob", "outcome": "stored"},
	}, results)
	require.Equal(t, map[string]any{"visits": 2.0, "plan": "free"}, c.must(200, "GET", "/customers/bob", "").body["attributes"])
	require.Equal(t, patched.body, c.must(200, "GET", "/customers/ada", "").body)

	left := make([]string, 1000)
	for i := range left {
		left[i] = fmt.Sprintf(`{"customerId":"many-%d","attributes":{"n":%d}}`, i, i)
	}
	// A slow machine may not store all in the time of one call. The rest is sent again,
	// as every caller does.
	for call := 0; len(left) > 0 && call < 20; call++ {
		results = feeder.must(200, "POST", "/customers", `{"customers":[`+strings.Join(left, ",")+`]}`).body["results"]
		var again []string
		for i, result := range results.([]any) {
			result := result.(map[string]any)
			if delete(result, "customerId"); result["outcome"] != "stored" {
				require.Equal(t, "error", result["outcome"])
				require.Contains(t, []any{"deadline", "table-unavailable"}, result["code"])
				again = append(again, left[i])
			}
		}
		left = again
	}
	require.Empty(t, left)
	require.Equal(t, map[string]any{"n": 999.0}, c.must(200, "GET", "/customers/many-999", "").body["attributes"])
}

func TestEvents_StartJourneys(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c, feeder := as(t, manifest.Editor, tenant), as(t, manifest.Ingest, tenant)
	path := c.create("Welcome", strings.Replace(wholeGraph, `"type":"entry_trigger","config":{}`,
		`"type":"entry_trigger","config":{"eventType":"signup","condition":{"field":"event.plan","operator":"eq","value":"pro"}}`, 1))
	feeder.must(202, "POST", "/events", `{"customerId":"early","eventType":"signup","properties":{"plan":"pro"}}`)
	c.must(200, "PUT", path, `{"status":"active"}`)

	body := `{"customerId":"anna","eventType":"signup","eventId":"e-1","properties":{"plan":"pro"}}`
	id := strings.TrimPrefix(path, "/journeys/")
	nothing, started := []any{}, []any{id}
	require.Equal(t, map[string]any{"eventId": "e-1", "started": started, "ended": nothing, "notStarted": nothing},
		feeder.must(202, "POST", "/events", body).body)
	require.Equal(t, map[string]any{"eventId": "e-1", "started": nothing, "ended": nothing, "notStarted": nothing, "repeated": true},
		feeder.must(202, "POST", "/events", body).body)
	feeder.refused(422, "event-id-reused", "POST", "/events", strings.Replace(body, `"pro"`, `"free"`, 1))
	not := func(code string) any { return []any{map[string]any{"journeyId": id, "code": code}} }
	free := feeder.must(202, "POST", "/events", `{"customerId":"free","eventType":"signup","properties":{"plan":"free"}}`)
	require.Equal(t, not("condition-false"), free.body["notStarted"])

	require.Equal(t, "pause", c.must(200, "GET", path+"/enrollments/anna", "").body["nodeId"])
	for _, customer := range []string{"early", "free"} {
		c.refused(404, "enrollment-not-found", "GET", path+"/enrollments/"+customer, "")
	}

	c.must(200, "PUT", path, `{"status":"paused"}`)
	several := `{"events":[` + strings.Join([]string{
		`{"customerId":"bert","eventType":"signup","eventId":"e-2","properties":{"plan":"pro"},"attributes":{"visits":1}}`,
		`{"customerId":"bert","eventType":"signup","eventId":"e-3","properties":{"plan":"pro"},"occurredAt":"2020-01-01T00:00:00Z","attributes":{"visits":2}}`,
		`{"customerId":"bert"}`,
	}, ",") + `]}`
	results := func() []any { return feeder.must(202, "POST", "/events", several).body["results"].([]any) }
	first := results()
	require.Equal(t, map[string]any{"eventId": "e-2", "started": nothing, "ended": nothing, "notStarted": not("journey-paused")}, first[0])
	require.Equal(t, map[string]any{"eventId": "e-3", "started": nothing, "ended": nothing, "notStarted": not("too-old")}, first[1])
	require.Equal(t, map[string]any{"code": "invalid-request", "errors": []any{
		map[string]any{"pointer": "/events/2/eventType", "detail": "is required"},
	}}, first[2])
	c.must(200, "PATCH", "/customers/bert", `{"attributes":{"visits":3}}`)
	c.must(200, "PUT", path, `{"status":"active"}`)
	require.Equal(t, map[string]any{"eventId": "e-2", "started": started, "ended": nothing, "notStarted": nothing}, results()[0])
	require.Equal(t, map[string]any{"visits": 3.0}, c.must(200, "GET", "/customers/bert", "").body["attributes"], "merged once")
	require.Equal(t, "pause", c.must(200, "GET", path+"/enrollments/bert", "").body["nodeId"])
	require.Equal(t, true, results()[0].(map[string]any)["repeated"])

	other := as(t, manifest.Ingest, newTenant())
	other.must(202, "POST", "/events", `{"customerId":"anna","eventType":"opened"}`)
	require.Equal(t, "pause", c.must(200, "GET", path+"/enrollments/anna", "").body["nodeId"])
}

func TestEnrollments_AreListedRemovedAndForgotten(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	c, admin := as(t, manifest.Editor, tenant), as(t, manifest.Admin, tenant)
	path := c.createActive(wholeGraph)
	c.must(201, "POST", path+"/enroll", `{"customerIds":["anna","bert","carl"]}`).counts(t, 3, 0)
	names := map[string]bool{}
	for query := "?limit=2&nodeId=pause"; query != ""; {
		page := c.must(200, "GET", path+"/enrollments"+query, "")
		for _, enrollment := range page.body["data"].([]any) {
			require.NotContains(t, enrollment, "path")
			names[enrollment.(map[string]any)["customerId"].(string)] = true
		}
		if query = ""; page.body["nextCursor"] != nil {
			query = "?limit=2&nodeId=pause&cursor=" + page.body["nextCursor"].(string)
		}
	}
	require.Equal(t, map[string]bool{"anna": true, "bert": true, "carl": true}, names)
	require.Empty(t, c.must(200, "GET", path+"/enrollments?status=failed", "").body["data"])
	require.Equal(t, []string{"/query/cursor"}, c.refused(400, "invalid-request", "GET", path+"/enrollments?cursor=abcd", "").pointers())

	c.refused(409, "enrollment-not-failed", "POST", path+"/enrollments/anna/retry", "")
	for range 2 {
		c.must(204, "DELETE", path+"/enrollments/anna", "")
		admin.must(204, "DELETE", "/customers/bert", "")
	}
	removed := c.must(200, "GET", path+"/enrollments/anna", "")
	require.Equal(t, "cancelled", removed.body["status"])
	require.Equal(t, "removed", removed.body["exitReason"])
	c.refused(404, "enrollment-not-found", "GET", path+"/enrollments/bert", "")
	require.Equal(t, "active", c.must(200, "GET", path+"/enrollments/carl", "").body["status"])
	c.refused(409, "enrollment-ended", "DELETE", c.finished("dora")+"/enrollments/dora", "")
}

func TestLocal_EnrollmentsAreListedByResult(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Editor, newTenant())
	path := c.createActive(`{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"hello","type":"channel_action","config":{"channel":"email"}},` +
		`{"id":"pause","type":"wait","config":{"delayHours":48}},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"hello"},` +
		`{"source":"hello","target":"pause"},{"source":"pause","target":"out"}]}`)
	c.must(200, "PUT", "/customers/anna", `{"attributes":{"email":"a@mail.test"}}`)
	c.must(201, "POST", path+"/enroll", `{"customerIds":["anna","bert"]}`).counts(t, 2, 0)
	for result, customer := range map[string]string{"sent": "anna", "skipped_no_address": "bert"} {
		var list []any
		require.Eventually(t, func() bool {
			list = c.must(200, "GET", path+"/enrollments?nodeId=hello&result="+result, "").body["data"].([]any)
			return len(list) > 0
		}, 30*time.Second, 50*time.Millisecond)
		require.Len(t, list, 1)
		require.Equal(t, customer, list[0].(map[string]any)["customerId"])
		require.Equal(t, "pause", list[0].(map[string]any)["nodeId"])
	}
	for query, pointer := range map[string]string{
		"result=sent": "/query/nodeId", "nodeId=hello&result=": "/query/result", "nodeId=hello&result=sent&status=completed": "/query/status",
	} {
		require.Equal(t, []string{pointer}, c.refused(400, "invalid-request", "GET", path+"/enrollments?"+query, "").pointers())
	}
}

// finished creates a journey that a customer has completed.
func (c caller) finished(customer string) (path string) {
	path = c.createActive(shortGraph)
	c.must(201, "POST", path+"/enroll", `{"customerId":"`+customer+`"}`).counts(c.t, 1, 0)
	return path
}
