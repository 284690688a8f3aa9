package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// failedStore has failed enrollments of journeys, some of which change after they were
// listed. Writes for the customer "throttled" fail.
type failedStore struct {
	*memoryStore
	list []progress.Enrollment
}

func (f *failedStore) ReadPartition(
	_ context.Context, p journey.Partition, _ int, _ *journey.DueKey,
) (list []journey.Indexed, next *journey.DueKey, err error) {
	for _, e := range f.list {
		e.Journey = p.Journey
		list = append(list, journey.Indexed{DueKey: journey.DueKey{Customer: e.Customer, At: e.Since}, Enrollment: e})
	}
	return list, nil, nil
}

func (f *failedStore) Enrollment(_ context.Context, _ ident.Tenant, _ ident.ID, customer string) (progress.Enrollment, error) {
	for _, e := range f.list {
		switch {
		case e.Customer != customer:
			continue
		case customer == "moved":
			e.Node++
		case customer == "again":
			e.Run++
		case customer == "left":
			e.Status, e.FailedAt = progress.Inside, time.Time{}
		case customer == "gone":
			return e, journey.ErrNotEnrolled
		}
		return e, nil
	}
	return progress.Enrollment{}, journey.ErrNotEnrolled
}

func (f *failedStore) Advance(_ context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []error {
	if list[0].Customer == "throttled" {
		return []error{&journey.Error{Kind: journey.Unavailable, Code: "table-throttled"}}
	}
	return []error{nil}
}

func TestActOnEnrollments_CountsAndLogsWithoutCustomers(t *testing.T) {
	t.Parallel()

	store := &failedStore{memoryStore: &memoryStore{}}
	for _, customer := range []string{"ada-1", "throttled", "gone", "moved", "again", "left"} {
		store.list = append(store.list, progress.Enrollment{
			Customer: customer, Status: progress.Failed, Rev: 2, Node: 1, Version: 1, EnrolledAt: start, Since: start, FailedAt: start,
		})
	}
	s := newServer(t, store)
	id := s.createActive()
	s.log.Reset()
	for _, action := range []string{"retry", "remove"} {
		answer := s.must(200, call{
			method: "POST", path: "/journeys/" + id + "/enrollments/actions", body: `{"action":"` + action + `","where":{"status":"failed","nodeId":"pause"}}`,
		})
		require.Equal(t, map[string]any{
			"action": action, "matched": 6.0, "done": 1.0, "skipped": 4.0, "errors": 1.0,
			"failures": []any{map[string]any{"customerId": "throttled", "code": "table-throttled"}},
		}, answer)
	}
	require.NotContains(t, s.log.String(), "ada-1")
	require.NotContains(t, s.log.String(), `"throttled"`)
	for line := range strings.Lines(s.log.String()) {
		var logged map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &logged))
		if logged["msg"] == "request" {
			require.Equal(t, "s1", logged["sub"])
			require.Contains(t, []any{"retry", "remove"}, logged["action"])
			require.Equal(t, []any{1.0, 4.0, 1.0}, []any{logged["done"], logged["skipped"], logged["errors"]})
		}
	}
}

func TestActOnEnrollments_RefusesFaults(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	path := "/journeys/" + s.createActive() + "/enrollments/actions"
	for body, pointers := range map[string][]string{
		`{}`: {"/action", "/where"},
		`{"action":"skip","where":{"status":"all"},"cursor":""}`:              {"/action", "/where/status", "/cursor"},
		`{"action":"retry","where":{"status":"active"}}`:                      {"/where/status"},
		`{"action":"remove","where":{}}`:                                      {"/where/status"},
		`{"action":"remove","where":{"status":"active","nodeId":"a b"}}`:      {"/where/nodeId"},
		`{"action":"remove","where":{"status":"active","version":0}}`:         {"/where/version"},
		`{"action":"remove","where":{"status":"active","since":1},"limit":9}`: {"/where/since", "/limit"},
		`{"action":"remove","where":{"status":"active"},"cursor":"abc"}`:      {"/cursor"},
	} {
		var got []string
		for _, fault := range s.must(400, call{method: "POST", path: path, body: body})["errors"].([]any) {
			got = append(got, fault.(map[string]any)["pointer"].(string))
		}
		require.Equal(t, pointers, got, body)
	}
	s.must(404, call{method: "POST", path: "/journeys/jrn_01JD0000000000000000000000/enrollments/actions", body: `{"action":"remove","where":{"status":"active"}}`})
	for _, role := range []string{manifest.Viewer, manifest.Ingest} {
		as := caller(role)
		s.must(403, call{method: "POST", path: path, body: `{"action":"remove","where":{"status":"active"}}`, caller: &as})
		s.must(403, call{method: "GET", path: "/customers/c/enrollments", caller: &as})
	}
}

// memberStore has one enrollment of each customer.
type memberStore struct{ *memoryStore }

func (memberStore) Memberships(
	_ context.Context, _ ident.Tenant, customer string, n int, before ident.ID,
) ([]journey.Membership, []journey.Damage, ident.ID, error) {
	m := journey.Membership{JourneyName: "Welcome", JourneyStatus: journey.Paused}
	m.Enrollment = progress.Enrollment{
		Journey: "jrn_01JD0000000000000000000000", Customer: customer, Status: progress.Inside, Version: 3,
		EnrolledAt: start, Since: start, PendingExit: progress.ExitRequest{Reason: progress.ReasonRemoved},
	}
	m.NodeID = "w"
	if before != "" || n != 25 {
		return nil, nil, "", nil
	}
	damage := journey.Damage{Journey: m.Journey, Cause: journey.ErrDamaged}
	return []journey.Membership{m}, []journey.Damage{damage}, m.Journey, nil
}

func TestListCustomerEnrollments_NamesTheJourneys(t *testing.T) {
	t.Parallel()

	s := newServer(t, memberStore{&memoryStore{}})
	page := s.must(200, call{method: "GET", path: "/customers/~w6Q/enrollments"})
	require.Equal(t, []any{map[string]any{
		"journeyId": "jrn_01JD0000000000000000000000", "journeyName": "Welcome", "journeyStatus": "paused",
		"customerId": "ä", "status": "cancelled", "exitReason": "removed", "version": 3.0, "nodeId": "w",
		"enrolledAt": "2026-11-23T10:00:00.000Z", "since": "2026-11-23T10:00:00.000Z",
	}}, page["data"])
	require.Contains(t, s.log.String(), "enrollments passed over")
	last := s.must(200, call{method: "GET", path: "/customers/~w6Q/enrollments?cursor=" + page["nextCursor"].(string)})
	require.Equal(t, map[string]any{"data": []any{}}, last)
	s.must(400, call{method: "GET", path: "/customers/b/enrollments?cursor=" + page["nextCursor"].(string)})
	s.must(400, call{method: "GET", path: "/customers/b/enrollments?limit=51"})
}

func TestCreateJourney_HonorsIdempotencyKey(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	create := func(status int, body string) map[string]any {
		t.Helper()
		return s.must(status, call{method: "POST", path: "/journeys", body: body, header: []string{"Idempotency-Key", `"k"`}})
	}
	first := create(201, `{"name":"a","maxDurationDays":30}`)
	s.must(200, call{method: "PUT", path: "/journeys/" + first["id"].(string), body: `{"description":"b"}`})
	w := s.do(call{method: "POST", path: "/journeys", body: `{"maxDurationDays":3e1,"name":"\u0061"}`, header: []string{"Idempotency-Key", "k"}})
	require.Equal(t, 201, w.Code)
	require.Equal(t, `"2"`, w.Header().Get("ETag"))
	require.Equal(t, "/api/v1/journeys/"+first["id"].(string), w.Header().Get("Location"))
	require.Contains(t, w.Body.String(), `"description":"b"`)
	require.Contains(t, w.Body.String(), `"warnings":[]`)
	require.Equal(t, "idempotency-key-reused", create(422, `{"name":"b"}`)["code"])
	create(400, `{}`)
	s.must(204, call{method: "DELETE", path: "/journeys/" + first["id"].(string), caller: new(caller(manifest.Admin))})
	require.Contains(t, create(404, `{"name":"a","maxDurationDays":30}`)["detail"], "was deleted")
	s.must(400, call{method: "POST", path: "/journeys", body: `{"name":"a"}`, header: []string{"Idempotency-Key", "\t"}})
}
