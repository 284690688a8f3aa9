// Package golden compares what a test made with a file that the repository
// keeps. A package that imports it has the test flag -update, which rewrites
// the files: go test ./internal/api -update
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Equal fails the test unless the file holds exactly got. Paths are relative to
// the test's package.
func Equal(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "to write the file, run the test with -update")
	require.Equal(t, string(want), got, "if the change is intended, run the test with -update")
}
