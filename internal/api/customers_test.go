package api_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
)

func TestCustomers_ReturnTheStoredAttributes(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	s.must(http.StatusNotFound, call{method: "GET", path: "/customers/c-1"})
	stored := s.must(http.StatusOK, call{method: "PUT", path: "/customers/c-1", body: `{"attributes":{"plan":"pro","n":1e308}}`})
	require.Equal(t, "c-1", stored["customerId"])
	require.Equal(t, "pro", stored["attributes"].(map[string]any)["plan"])

	s.must(http.StatusOK, call{method: "PUT", path: "/customers/c-1", body: `{"attributes":{}}`})
	read := s.must(http.StatusOK, call{method: "GET", path: "/customers/c-1"})
	require.Empty(t, read["attributes"], "a put replaces")
}

func TestCustomers_HaveRevisions(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})
	change := func(status int, method, body string, header ...string) string {
		w := s.do(call{method: method, path: "/customers/c", body: body, header: header})
		require.Equal(t, status, w.Code, w.Body.String())
		return w.Header().Get("ETag")
	}
	get := func(status int, known string) string {
		w := s.do(call{method: "GET", path: "/customers/c", header: []string{"If-None-Match", known}})
		require.Equal(t, status, w.Code, w.Body.String())
		require.Equal(t, status == http.StatusNotModified, w.Body.Len() == 0)
		return w.Header().Get("ETag")
	}
	change(http.StatusPreconditionFailed, "PUT", `{"attributes":{}}`, "If-Match", "*")
	first := change(http.StatusOK, "PUT", `{"attributes":{"a":1}}`)
	require.Regexp(t, `^"[0-9]+"$`, first)
	require.Equal(t, first, get(http.StatusNotModified, first))
	require.Equal(t, first, get(http.StatusNotModified, "W/"+first))
	require.Equal(t, first, get(http.StatusNotModified, "*"))
	require.Equal(t, first, get(http.StatusOK, `"1"`))
	second := change(http.StatusOK, "PATCH", `{"attributes":{"b":2}}`, "If-Match", first)
	require.NotEqual(t, first, second)
	require.Equal(t, second, get(http.StatusOK, first))
	for _, method := range []string{"PUT", "PATCH"} {
		change(http.StatusPreconditionFailed, method, `{"attributes":{}}`, "If-Match", first)
		change(http.StatusPreconditionFailed, method, `{"attributes":{}}`, "If-Match", first+", W/"+second)
		change(http.StatusBadRequest, method, `{"attributes":{}}`, "If-Match", "W/"+second)
	}
	require.Equal(t, second, change(http.StatusOK, "PATCH", `{"attributes":{"b":2}}`, "If-Match", second), "without effect")
	require.NotEqual(t, second, change(http.StatusOK, "PUT", `{"attributes":{}}`, "If-Match", "*"))
}

func TestCustomers_AnswersCanBeSentBack(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	s.must(http.StatusOK, call{method: "PUT", path: "/customers/c", body: `{"attributes":{"a":1},"asOf":"2026-11-23T10:00:00Z"}`})
	read := s.do(call{method: "GET", path: "/customers/c"})
	put := s.do(call{method: "PUT", path: "/customers/c", body: read.Body.String(), header: []string{"If-Match", read.Header().Get("ETag")}})
	require.Equal(t, http.StatusOK, put.Code, put.Body)
	require.Equal(t, read.Body.String(), put.Body.String())
	answer := s.must(http.StatusOK, call{method: "PUT", path: "/customers/c", body: `{"attributes":{},"customerId":7,"updatedAt":{}}`})
	require.Equal(t, "c", answer["customerId"], "of the path")
}

func TestCustomers_PatchMergesAndObeysAsOf(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})
	patch := func(body string, header ...string) map[string]any {
		return s.must(http.StatusOK, call{method: "PATCH", path: "/customers/c", body: body, header: header})
	}
	require.NotContains(t, patch(`{"attributes":{"a":{"x":1,"y":null},"b":2}}`), "asOf")
	merged := patch(`{"attributes":{"a":{"z":3},"b":null},"asOf":"2026-11-23T11:00:00.0009+01:00"}`,
		"Content-Type", "application/merge-patch+json")
	require.Equal(t, map[string]any{"a": map[string]any{"x": 1.0, "z": 3.0}}, merged["attributes"])
	require.Equal(t, "2026-11-23T10:00:00.000Z", merged["asOf"])
	late := s.must(http.StatusOK, call{
		method: "PUT", path: "/customers/c", body: `{"attributes":{"a":0},"asOf":"2026-11-23T09:59:59.999Z"}`,
	})
	require.Equal(t, merged, late)
}

func TestCustomers_AreMergedInOneCall(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})
	large := `"` + strings.Repeat("x", 40*1024) + `"`
	body := s.must(http.StatusOK, call{method: "POST", path: "/customers", body: `{"customers":[
		{"customerId":"b","attributes":{"n":1,"a":1},"asOf":"2026-11-23T10:00:00Z"},
		{"customerId":"a","attributes":{"l":` + large + `}},
		{"customerId":"b","attributes":{"n":0},"asOf":"2026-11-23T09:00:00Z"},
		{"customerId":"a","attributes":{"m":` + large + `}},
		{"customerId":"b","attributes":{"a":null}}]}`})
	outcome := func(id, outcome string) map[string]any {
		return map[string]any{"customerId": id, "outcome": outcome}
	}
	tooLarge := outcome("a", "error")
	tooLarge["code"] = "attributes-too-large"
	require.Equal(t, []any{
		outcome("b", "stored"), outcome("a", "stored"), outcome("b", "stale"), tooLarge, outcome("b", "stored"),
	}, body["results"])
	require.Equal(t, map[string]any{"n": 1.0}, s.must(http.StatusOK, call{method: "GET", path: "/customers/b"})["attributes"])
	require.NotContains(t, s.log.String(), "customers not merged", "a fault of the caller")
}

// unreadable is a store whose profiles are damaged.
type unreadable struct{ memoryStore }

func (u *unreadable) ProfileToChange(
	ctx context.Context, t ident.Tenant, _ string, now time.Time,
) (journey.Profile, journey.Forgotten, error) {
	forgotten, err := u.Forgotten(ctx, t, "", now)
	return journey.Profile{}, forgotten, cmp.Or(err, journey.ErrDamaged)
}

func TestCustomers_MergeLogsInternalErrorsWithoutNames(t *testing.T) {
	t.Parallel()
	s := newServer(t, &unreadable{})
	body := s.must(http.StatusOK, call{method: "POST", path: "/customers", body: `{"customers":[
		{"customerId":"ada","attributes":{}},{"customerId":"bob","attributes":{}}]}`})
	require.Equal(t, map[string]any{"customerId": "ada", "outcome": "error", "code": "internal-error"}, body["results"].([]any)[0])
	require.Contains(t, s.log.String(), `"msg":"customers not merged","tenant":"t1","customers":2`)
	require.NotContains(t, s.log.String(), "ada")
}

func TestCustomers_AcceptAnyIDInThePath(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	for _, id := range []string{"a/b", "..", ".", "a b", "50%", "Zoë", "~tilde", strings.Repeat("ü", 128)} {
		path := "/customers/~" + base64.RawURLEncoding.EncodeToString([]byte(id))
		stored := s.must(http.StatusOK, call{method: "PUT", path: path, body: `{"attributes":{}}`})
		require.Equal(t, id, stored["customerId"])
	}
	plain := s.must(http.StatusOK, call{method: "PUT", path: "/customers/A.b_c@d:e+f-9", body: `{"attributes":{}}`})
	require.Equal(t, "A.b_c@d:e+f-9", plain["customerId"])
}

func TestCustomers_RefuseBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	coded := func(id string) string { return "~" + base64.RawURLEncoding.EncodeToString([]byte(id)) }
	for _, row := range []struct{ name, id, body, pointer string }{
		{"an id with a space", "a b", `{"attributes":{}}`, "/path/customerId"},
		{"not base64url", "~a=b", `{"attributes":{}}`, "/path/customerId"},
		{"an empty coded id", "~", `{"attributes":{}}`, "/path/customerId"},
		{"a control character", coded("a\nb"), `{"attributes":{}}`, "/path/customerId"},
		{"129 characters", strings.Repeat("a", 129), `{"attributes":{}}`, "/path/customerId"},
		{"not UTF-8", coded("\xff"), `{"attributes":{}}`, "/path/customerId"},
		{"no attributes", "c", `{}`, "/attributes"},
		{"attributes that are a list", "c", `{"attributes":[]}`, "/attributes"},
		{"attributes beyond 64 KB", "c", `{"attributes":{"a":"` + strings.Repeat("x", 64*1024-7) + `"}}`, "/attributes"},
		{"an unknown field", "c", `{"attributes":{},"name":"x"}`, "/name"},
		{"a time that is none", "c", `{"attributes":{},"asOf":"yesterday"}`, "/asOf"},
		{"a repeated name", "c", `{"attributes":{"a":1,"a":2}}`, "/attributes/a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, method := range []string{"PUT", "PATCH"} {
				problem := s.must(http.StatusBadRequest, call{method: method, path: "/customers/" + row.id, body: row.body})
				faults := problem["errors"].([]any)
				require.Len(t, faults, 1)
				require.Equal(t, row.pointer, faults[0].(map[string]any)["pointer"])
			}
		})
	}
	s.must(http.StatusOK, call{method: "PUT", path: "/customers/c", body: `{"attributes":{"a":"` + strings.Repeat("x", 64*1024-8) + `"}}`})
}

func TestEnrollment_NotFoundIfTheCustomerNeverEntered(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})

	problem := s.must(http.StatusNotFound, call{method: "GET", path: "/journeys/" + s.create(`{"name":"n"}`) + "/enrollments/c"})
	require.Equal(t, "enrollment-not-found", problem["code"])
}
