package boot

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// A mistyped pause must not let customers move.
func TestNewEngine_RefusesAnUnclearPause(t *testing.T) {
	_, err := newEngine(map[string]string{manifest.EnvPaused: "yes"})
	require.EqualError(t, err, `JOURNEYS_PAUSED is "yes": want true or false`)

	serveTable(t)
	for text, paused := range map[string]bool{"true": true, "false": false} {
		e, err := newEngine(map[string]string{manifest.EnvPaused: text, manifest.EnvConcurrency: "40"})
		require.NoError(t, err)
		require.Equal(t, paused, e.Paused)
		require.Equal(t, 40, e.Workers)
	}
}

func TestNewEngine_RefusesAnUnclearConcurrency(t *testing.T) {
	serveTable(t)
	_, err := newEngine(map[string]string{manifest.EnvPaused: "false", manifest.EnvConcurrency: "0"})
	require.EqualError(t, err, `JOURNEYS_ADVANCE_CONCURRENCY is "0": want a whole number from 1`)
}
