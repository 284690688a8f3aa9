package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestAuthors_AreThoseOfTheTokens(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memoryStore{})
	ada, machine := caller(manifest.Editor), caller(manifest.Admin)
	ada.Subject, ada.Name = "7f8c", "Ada Lovelace"
	machine.Subject = "client-1"
	byAda, byMachine := map[string]any{"sub": "7f8c", "name": "Ada Lovelace"}, map[string]any{"sub": "client-1"}

	created := s.must(201, call{method: "POST", path: "/journeys", body: `{"name":"a"}`, caller: &ada})
	require.Equal(t, byAda, created["createdBy"])
	require.Equal(t, byAda, created["updatedBy"])
	path := "/journeys/" + created["id"].(string)

	s.must(200, call{method: "PUT", path: path, body: `{"name":"a"}`, caller: &machine})
	require.Equal(t, byAda, s.must(200, call{method: "GET", path: path})["updatedBy"], "a change without effect")

	changed := s.must(200, call{method: "PUT", path: path, body: `{"name":"b","updatedBy":{"sub":"x"}}`, caller: &machine})
	require.Equal(t, byAda, changed["createdBy"])
	require.Equal(t, byMachine, changed["updatedBy"])

	listed := s.must(200, call{method: "GET", path: "/journeys"})["data"].([]any)[0].(map[string]any)
	require.Equal(t, byAda, listed["createdBy"])
	require.Equal(t, byMachine, listed["updatedBy"])
}
