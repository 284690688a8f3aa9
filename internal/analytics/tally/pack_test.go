package tally_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/analytics/tally"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

func TestPackedCounts_UnpackAsPacked(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(-1000, 1<<40))
		totals := tally.Totals{Enrolled: count.Draw(t, "enrolled"), Failed: count.Draw(t, "failed"), Conversions: count.Draw(t, "conversions")}
		poison := count.Draw(t, "poison")
		var steps []tally.Step
		for range rapid.IntRange(0, graph.MaxNodes).Draw(t, "nodes") {
			s := tally.Step{Entered: count.Draw(t, "entered"), Failed: count.Draw(t, "failed"), Dropped: count.Draw(t, "dropped")}
			for range rapid.IntRange(0, 8).Draw(t, "results") {
				result := trail.Result(rapid.ByteRange(1, byte(tally.MaxResult)).Draw(t, "result"))
				s.Results = s.Results.Plus(tally.ResultCount{Result: result, Count: count.Draw(t, "count")})
				if rapid.Bool().Draw(t, "convert") {
					s.Converted = s.Converted.Plus(tally.ResultCount{Result: result, Count: count.Draw(t, "converted")})
				}
			}
			if rapid.Bool().Draw(t, "heard") {
				for k := range s.Feedback {
					s.Feedback[k] = count.Draw(t, "feedback")
				}
			}
			steps = append(steps, s)
		}
		for len(steps) > 0 && steps[len(steps)-1].Zero() {
			steps = steps[:len(steps)-1]
		}
		if len(steps) == 0 {
			steps = nil
		}
		packed := tally.Pack(totals, poison, steps)
		readTotals, readPoison, readSteps, err := tally.Unpack(packed)
		require.NoError(t, err)
		require.Equal(t, totals, readTotals)
		require.Equal(t, poison, readPoison)
		require.Equal(t, steps, readSteps)
		if len(steps) > 0 {
			_, _, _, err = tally.Unpack(packed[:len(packed)-1])
			require.Error(t, err, "truncated")
		}
	})
}

// Any bytes are either an error or unpack to counts that pack and unpack again.
func TestPackedCounts_AnyBytesUnpackOrFail(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		packed := rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.ByteMax(15), rapid.Just(byte(0xF0)))).Draw(t, "packed")
		totals, poison, steps, err := tally.Unpack(packed)
		if err != nil {
			return
		}
		readTotals, readPoison, readSteps, err := tally.Unpack(tally.Pack(totals, poison, steps))
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

	packed := tally.Pack(tally.Totals{Enrolled: 1}, 0, []tally.Step{{Entered: 1}})
	packed[len(packed)-2] |= 15 << 4
	_, _, _, err := tally.Unpack(packed)
	require.ErrorIs(t, err, journey.ErrNewer)

	packed = tally.Pack(tally.Totals{}, 1, []tally.Step{{Feedback: tally.Reported(feedback.Clicked)}})
	packed[len(packed)-2] |= 1 << feedback.Kinds
	_, _, _, err = tally.Unpack(packed)
	require.ErrorIs(t, err, journey.ErrNewer, "a kind of feedback")
}
