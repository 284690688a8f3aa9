package journey_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/strict"
)

// No input panics. An accepted graph keeps its text, compiles to the same
// definition again, and can be simulated: to an end if it is complete.
func FuzzReadDefinition(f *testing.F) {
	f.Add([]byte(onboarding))
	f.Fuzz(func(t *testing.T, text []byte) {
		var faults strict.Faults
		v, ok := strict.Parse(text, &faults)
		if !ok {
			return
		}
		d, ok := journey.ReadDefinition(v)
		require.Equal(t, faults.Empty(), ok, "rejected exactly if there is a fault")
		if !ok {
			return
		}
		var compact bytes.Buffer
		require.NoError(t, json.Compact(&compact, text))
		require.Equal(t, compact.String(), string(d.Raw))
		require.LessOrEqual(t, len(d.Raw), journey.MaxDefinition)
		again := journeytest.Definition(t, string(d.Raw))
		require.Equal(t, d.Raw, again.Raw)
		stored, err := journey.LoadDefinition(d.Raw, "00")
		require.NoError(t, err)
		require.Equal(t, d.Graph.Labels(), stored.Graph.Labels())
		require.Equal(t, d.Graph.Faults(""), stored.Graph.Faults(""), "a stored graph has no rules of its own")

		simulated := mustRun(t, d, simulate.Request{}, journey.MaxDuration)
		require.LessOrEqual(t, len(simulated.Steps), graph.MaxNodes+1)
		if d.Graph.Faults("") == nil && len(simulated.Steps) > 1 { // the entry's own condition may be false
			require.NotEqual(t, "stopped", simulated.Outcome, simulated.ExitReason)
		}
	})
}

// Any stored definition with a list of nodes is compiled despite its faults, and
// customers go through it or stop with a reason.
func FuzzLoadDefinition(f *testing.F) {
	f.Add([]byte(onboarding))
	f.Add([]byte(`{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a.b","type":"teleport"},7,{"id":"in"}],"edges":[{"source":"in","target":"a.b"},{"source":"in","target":"in"}]}`))
	f.Add([]byte(`{"nodes":[{"id":"in","type":"entry_trigger","config":[]},{"type":"wait"},{"id":"s","type":"condition_split","config":{"condition":1}}],"edges":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := journey.LoadDefinition(text, "00")
		if err != nil {
			require.ErrorIs(t, err, journey.ErrDamaged)
			return
		}
		d.Graph.Faults("")
		require.Len(t, d.Graph.Labels(), d.Graph.Len())
		for i := range d.Graph.Len() {
			require.LessOrEqual(t, len(d.Graph.StopReason(i)), 600)
		}
		simulated := mustRun(t, d, simulate.Request{}, journey.MaxDuration)
		require.LessOrEqual(t, len(simulated.Steps), graph.MaxNodes+1)
		if simulated.Outcome == "stopped" {
			require.NotEmpty(t, simulated.ExitReason)
		}
		e, effect := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: hours(24)})
		if e.Node >= 0 {
			require.Equal(t, e.Status == progress.Inside, !e.Due.IsZero(), "tick finds it: %d", effect)
			require.NoError(t, d.Graph.Shape().Check(e))
		}
	})
}
