package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/api"
	"journeys/internal/manifest"
)

// fuzzed is an API with a draft and an active journey, the same before each
// request.
type fuzzed struct {
	*server
	store         *memory
	draft, active string
}

func newFuzzed(f *testing.F) *fuzzed {
	store := &memory{}
	s := newServer(f, store)
	return &fuzzed{s, store, s.create(`{"name":"Draft"}`), s.createActive()}
}

// do makes one call as an admin, and forgets what it changed.
func (f *fuzzed) do(t *testing.T, op api.Operation, query, body string) *httptest.ResponseRecorder {
	before := slices.Clone(f.store.journeys)
	defer func() { f.store.journeys, f.store.keys = before, nil }()
	f.t = t
	f.log.Reset()
	id := f.draft
	if op.Function.Name == manifest.EnrollCustomers.Function.Name {
		id = f.active
	}
	admin := caller(manifest.Admin)
	w := f.server.do(call{
		method: op.Method, path: strings.ReplaceAll(op.Path, "{id}", id) + "?" + query, body: body, caller: &admin,
	})
	require.Less(t, w.Code, 500, "%s", w.Body)
	require.True(t, w.Body.Len() == 0 || json.Valid(w.Body.Bytes()), "%s", w.Body)
	require.Equal(t, w.Code >= 400, w.Header().Get("Content-Type") == "application/problem+json", "%d %s", w.Code, w.Body)
	return w
}

// withBody are the operations that read one.
func withBody() []api.Operation {
	return slices.DeleteFunc(api.Operations(), func(op api.Operation) bool {
		return op.Method == http.MethodGet || op.Method == http.MethodDelete
	})
}

// No body gets a 5xx, of whatever operation. A body that is refused for what it
// says is told where.
func FuzzBody(f *testing.F) {
	s := newFuzzed(f)
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		operations := withBody()
		w := s.do(t, operations[int(which)%len(operations)], "", body)
		if w.Code != http.StatusBadRequest {
			return
		}
		var problem struct{ Errors []any }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
		require.NotEmpty(t, problem.Errors, "%s", w.Body)
	})
}

// No query gets a 5xx, and a page that is answered keeps to its bounds.
func FuzzQuery(f *testing.F) {
	s := newFuzzed(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, op := range api.Operations() {
			body := ""
			if op.Function.Name == manifest.EnrollCustomers.Function.Name {
				body = `{"customerId":"a"}`
			}
			w := s.do(t, op, query, body)
			if op.Key() != manifest.ListJourneys.Key() || w.Code != http.StatusOK {
				continue
			}
			var page struct {
				Data       []any
				Pagination struct{ Total, Limit, Offset int }
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
			require.LessOrEqual(t, len(page.Data), page.Pagination.Limit)
			require.True(t, page.Pagination.Limit >= 1 && page.Pagination.Limit <= 200 && page.Pagination.Offset >= 0)
		}
	})
}
