package agree

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const workshop = "journeys/internal/dev"

// golist returns the lines that go list prints in the module's directory.
func golist(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestFunctions_LinkNothingOfTheWorkshop(t *testing.T) {
	t.Parallel()
	dependencies := golist(t, "-deps", "./functions/...")
	require.Contains(t, dependencies, "journeys/internal/boot")
	for _, path := range dependencies {
		require.False(t, isWorkshop(path), "functions/ links %s", path)
	}
}

// Only tests outside of the workshop may import it.
func TestPackages_ImportNothingOfTheWorkshop(t *testing.T) {
	t.Parallel()
	packages := 0
	for _, line := range golist(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		words := strings.Fields(line)
		if isWorkshop(words[0]) {
			continue
		}
		packages++
		for _, path := range words[1:] {
			require.False(t, isWorkshop(path), "%s imports %s", words[0], path)
		}
	}
	require.Greater(t, packages, 20)
}

func isWorkshop(path string) bool {
	return path == workshop || strings.HasPrefix(path, workshop+"/")
}
