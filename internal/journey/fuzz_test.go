package journey_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// No graph panics. What is taken is kept as it came, reads the same when it is
// loaded again, and can be walked: to an end when it is whole.
func FuzzReadDefinition(f *testing.F) {
	f.Add([]byte(onboarding))
	f.Fuzz(func(t *testing.T, text []byte) {
		var faults strict.Faults
		v, ok := strict.Parse(text, &faults)
		if !ok {
			return
		}
		d, ok := journey.ReadDefinition(v)
		require.Equal(t, faults.Empty(), ok, "refused exactly when a fault is named")
		if !ok {
			return
		}
		var compact bytes.Buffer
		require.NoError(t, json.Compact(&compact, text))
		require.Equal(t, compact.String(), string(d.Raw))
		require.LessOrEqual(t, len(d.Raw), journey.MaxDefinition)
		again := journeytest.Definition(t, string(d.Raw))
		require.Equal(t, d.Raw, again.Raw)
		require.Equal(t, d.Hash, again.Hash)

		simulated := simulate(t, d, journey.TestRequest{}, journey.MaxDuration)
		require.LessOrEqual(t, len(simulated.Steps), journey.MaxNodes+1)
		if d.Graph.Faults("") == nil && len(simulated.Steps) > 1 { // the entry's own condition may let nobody in
			require.NotEqual(t, "stopped", simulated.Outcome, simulated.ExitReason)
		}
	})
}
