package recent_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/recent"
)

func TestValues_KeepsUpToTheLimit(t *testing.T) {
	t.Parallel()

	var values recent.Values[int, int]
	computed := 0
	get := func(key int, err error) error {
		value, got := values.Get(key, 2, func() (int, error) {
			computed++
			return 10 * key, err
		})
		require.Equal(t, 10*key, value)
		return got
	}
	for range 2 {
		require.NoError(t, get(1, nil))
		require.NoError(t, get(2, nil))
	}
	require.Equal(t, 2, computed)

	failed := errors.New("failed")
	require.ErrorIs(t, get(3, failed), failed)
	require.NoError(t, get(1, nil))
	require.Equal(t, 3, computed, "a failure takes no place")

	require.NoError(t, get(3, nil))
	require.NoError(t, get(2, nil))
	require.Equal(t, 4, computed)
	require.NoError(t, get(1, nil))
	require.Equal(t, 5, computed, "the oldest made room")
}
