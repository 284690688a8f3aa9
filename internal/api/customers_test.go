package api_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
		{"a repeated name", "c", `{"attributes":{"a":1,"a":2}}`, "/attributes/a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			problem := s.must(http.StatusBadRequest, call{method: "PUT", path: "/customers/" + row.id, body: row.body})
			faults := problem["errors"].([]any)
			require.Len(t, faults, 1)
			require.Equal(t, row.pointer, faults[0].(map[string]any)["pointer"])
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
