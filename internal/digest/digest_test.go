package digest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/digest"
)

func TestOf_TellsListsApart(t *testing.T) {
	t.Parallel()

	require.Equal(t, digest.Of("a", "b"), digest.Of([]byte("a"), []byte("b")))
	require.NotEqual(t, digest.Of("a", "b"), digest.Of("ab"))
	require.NotEqual(t, digest.Of("ab", ""), digest.Of("a", "b"))
	require.NotEqual(t, digest.Of("", "ab"), digest.Of("ab", ""))
}

//nolint:paralleltest // AllocsPerRun refuses parallel tests
func TestOf_AllocatesNothing(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(10, func() { _ = digest.Of("journey", "node", "customer") }))
}
