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

// fuzzServer has a draft and an active journey, and undoes each request.
type fuzzServer struct {
	*server
	store         *memoryStore
	draft, active string
}

func newFuzzServer(f *testing.F) *fuzzServer {
	store := &memoryStore{}
	s := newServer(f, store)
	return &fuzzServer{s, store, s.create(`{"name":"Draft"}`), s.createActive()}
}

// do makes one call as an admin, checks what holds of every answer, and undoes
// the call.
func (f *fuzzServer) do(t *testing.T, op api.Operation, query, body string) *httptest.ResponseRecorder {
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

// operationsWithBody returns the operations that read a body.
func operationsWithBody() []api.Operation {
	return slices.DeleteFunc(api.Operations(), func(op api.Operation) bool {
		return op.Method == http.MethodGet || op.Method == http.MethodDelete
	})
}

// FuzzBody requires of any body that the answer is not a 5xx, and that a 400
// lists faults.
func FuzzBody(f *testing.F) {
	s := newFuzzServer(f)
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		operations := operationsWithBody()
		w := s.do(t, operations[int(which)%len(operations)], "", body)
		if w.Code != http.StatusBadRequest {
			return
		}
		var problem struct{ Errors []any }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
		require.NotEmpty(t, problem.Errors, "%s", w.Body)
	})
}

// FuzzQuery requires of any query that the answer is not a 5xx, and that a page
// keeps its bounds.
func FuzzQuery(f *testing.F) {
	s := newFuzzServer(f)
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
