package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRoutes_AreBelowTheBasePathAndHaveRoles(t *testing.T) {
	t.Parallel()
	for _, r := range Routes() {
		require.False(t, r.Public, r.Key())
		require.NotEmpty(t, r.Roles, r.Key())
		require.True(t, strings.HasPrefix(r.FullPath(), BasePath+"/"), r.Key())
	}
}

func TestPublicRoutes_HaveNeitherBasePathNorRoles(t *testing.T) {
	t.Parallel()
	for _, r := range PublicRoutes() {
		require.True(t, r.Public, r.Key())
		require.Empty(t, r.Roles, r.Key())
		require.False(t, strings.HasPrefix(r.FullPath(), BasePath), r.Key())
		require.Empty(t, r.Function.Actions, "a public route must not reach the table")
		require.Empty(t, r.Function.Invokes, r.Key())
	}
	require.Equal(t, "GET /assets/{file}", ConsoleAsset.Key())
}

func TestFunctions_ListsEachOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, f := range Functions() {
		seen[f.Name]++
	}
	for _, r := range AllRoutes() {
		require.Equal(t, 1, seen[r.Function.Name], r.Key())
	}
	require.Len(t, seen, len(Functions()))
}
