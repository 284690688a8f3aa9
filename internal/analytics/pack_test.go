package analytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/analytics"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

func TestPackedCounts_UnpackAsPacked(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(-1000, 1<<40))
		totals := analytics.Totals{Enrolled: count.Draw(t, "enrolled"), Failed: count.Draw(t, "failed")}
		poison := count.Draw(t, "poison")
		var steps []analytics.Step
		for range rapid.IntRange(0, graph.MaxNodes).Draw(t, "nodes") {
			s := analytics.Step{Entered: count.Draw(t, "entered"), Failed: count.Draw(t, "failed"), Dropped: count.Draw(t, "dropped")}
			for range rapid.IntRange(0, 8).Draw(t, "results") {
				result := trail.Result(rapid.ByteRange(1, byte(analytics.MaxResult)).Draw(t, "result"))
				s.Results = s.Results.Plus(analytics.ResultCount{Result: result, Count: count.Draw(t, "count")})
			}
			steps = append(steps, s)
		}
		for len(steps) > 0 && steps[len(steps)-1].Zero() {
			steps = steps[:len(steps)-1]
		}
		if len(steps) == 0 {
			steps = nil
		}
		packed := analytics.PackCounts(totals, poison, steps)
		readTotals, readPoison, readSteps, err := analytics.UnpackCounts(packed)
		require.NoError(t, err)
		require.Equal(t, totals, readTotals)
		require.Equal(t, poison, readPoison)
		require.Equal(t, steps, readSteps)
		if len(steps) > 0 {
			_, _, _, err = analytics.UnpackCounts(packed[:len(packed)-1])
			require.Error(t, err, "truncated")
		}
	})
}

// Any bytes are either an error or unpack to counts that pack and unpack again.
func TestPackedCounts_AnyBytesUnpackOrFail(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		packed := rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.ByteMax(15))).Draw(t, "packed")
		totals, poison, steps, err := analytics.UnpackCounts(packed)
		if err != nil {
			return
		}
		readTotals, readPoison, readSteps, err := analytics.UnpackCounts(analytics.PackCounts(totals, poison, steps))
		require.NoError(t, err)
		require.Equal(t, totals, readTotals)
		require.Equal(t, poison, readPoison)
		for i, s := range steps {
			if i < len(readSteps) {
				require.Equal(t, s, readSteps[i])
			} else {
				require.True(t, s.Zero())
			}
		}
	})
}

func TestPackedCounts_OfANewerVersionAreRefused(t *testing.T) {
	t.Parallel()

	for _, bits := range []byte{1 << 3, 15 << 4} {
		packed := analytics.PackCounts(analytics.Totals{Enrolled: 1}, 0, []analytics.Step{{Entered: 1}})
		packed[len(packed)-2] |= bits
		_, _, _, err := analytics.UnpackCounts(packed)
		require.ErrorIs(t, err, journey.ErrNewer)
	}
}
