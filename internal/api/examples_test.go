package api_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each file of examples/ is a body of POST /journeys whose graph can be activated.
func TestExamples_CanBeActivated(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob("../../examples/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	s := newServer(t, &memoryStore{})
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		created := s.do(call{method: "POST", path: "/journeys", body: string(body)})
		require.Equal(t, 201, created.Code, "%s: %s", file, created.Body)
		var j struct{ ID string }
		require.NoError(t, json.Unmarshal(created.Body.Bytes(), &j))
		active := s.do(call{method: "PUT", path: "/journeys/" + j.ID, body: `{"status":"active"}`})
		require.Equal(t, 200, active.Code, "%s: %s", file, active.Body)
	}
}
