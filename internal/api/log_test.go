package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// The log names the caller of what cannot be undone, and of nothing else.
func TestLog_NamesTheCallerOfWhatCannotBeUndone(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	id := s.create(`{"name":"n"}`)
	admin := caller(manifest.Admin)
	for _, row := range []struct {
		call  call
		named bool
	}{
		{call{method: "GET", path: "/journeys/" + id, caller: &admin}, false},
		{call{method: "PUT", path: "/journeys/" + id, body: `{"name":"m"}`, caller: &admin}, false},
		{call{method: "PUT", path: "/journeys/" + id, body: `{"status":"archived"}`, caller: &admin}, true},
		{call{method: "DELETE", path: "/journeys/" + id, caller: &admin}, true},
	} {
		s.log.Reset()
		w := s.do(row.call)
		require.Equal(t, 2, w.Code/100, "%s: %s", row.call.method, w.Body)
		if row.named {
			require.Contains(t, s.log.String(), `"sub":"s1"`, row.call.method)
		} else {
			require.NotContains(t, s.log.String(), "s1", row.call.method)
		}
	}
}
