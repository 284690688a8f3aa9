package analytics_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/feedback"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

var t0 = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func apply(t *testing.T, f *analytics.Figures, graph string, at time.Time, delta ...byte) {
	t.Helper()
	require.NoError(t, f.Apply(analytics.Write{Graph: graph, Version: 1, At: at, Delta: append(trail.Delta{trail.DeltaForm}, delta...)}))
}

func TestFigures_AddUpWrites(t *testing.T) {
	t.Parallel()

	const (
		entered = byte(trail.NodeEntered)
		left    = byte(trail.NodeLeft)
	)
	var f analytics.Figures
	apply(t, &f, "a", t0, byte(trail.MarkEnrolled), 0, entered|left, byte(trail.Entered), 1, entered)
	apply(t, &f, "a", t0.Add(2*time.Hour), 0, 1, left, byte(trail.True), 2, entered)
	apply(t, &f, "a", t0.Add(time.Hour), byte(trail.MarkFailed), 2, byte(trail.NodeFailed))
	g := f.Graphs["a"]
	require.Equal(t, tally.Totals{Enrolled: 1, Failed: 1}, g.Totals)
	require.Equal(t, []tally.Step{
		{Entered: 1, Results: tally.One(trail.Entered)}, {Entered: 1, Results: tally.One(trail.True)}, {Entered: 1, Failed: 1},
	}, g.Steps)
	require.EqualValues(t, 1, g.Steps[1].Completed())
	require.Equal(t, t0.Add(2*time.Hour), f.Newest)
	require.Empty(t, f.Faults())

	apply(t, &f, "a", t0, byte(trail.MarkConverted), 0, byte(trail.NodeConverted), byte(trail.Entered), 2, 0)
	require.Equal(t, tally.Totals{Enrolled: 1, Failed: 1, Conversions: 1}, g.Totals)
	require.Equal(t, tally.One(trail.Entered), g.Steps[0].Converted)
	require.Equal(t, []tally.Step{{Entered: 1, Results: tally.One(trail.True)}, {Entered: 1, Failed: 1}}, g.Steps[1:])
	require.Empty(t, f.Faults())

	var more analytics.Figures
	apply(t, &more, "a", t0, byte(trail.MarkRetried), 2, byte(trail.NodeRetried))
	apply(t, &more, "a", t0, byte(trail.MarkExpired), 2, byte(trail.NodeDropped))
	apply(t, &more, "b", t0, byte(trail.MarkEnrolled), 200, entered)
	f.Merge(&more)
	require.Equal(t, tally.Totals{Enrolled: 2, Expired: 1, Conversions: 1}, f.Totals())
	require.EqualValues(t, 1, f.Totals().Active())
	require.EqualValues(t, 1, f.Graphs["b"].Steps[200].Active())
	require.Empty(t, f.Faults())

	for _, result := range []trail.Result{trail.False, trail.True, trail.Waited, trail.True, tally.MaxResult} {
		apply(t, &more, "c", t0, byte(trail.MarkEnrolled), 0, entered|left, byte(result), 1, entered)
	}
	require.Equal(t, tally.Results{{Result: trail.Waited, Count: 1}, {Result: trail.True, Count: 2}, {Result: trail.False, Count: 1}, {Result: tally.MaxResult, Count: 1}},
		more.Graphs["c"].Steps[0].Results, "ascending, also a result that only a newer version names")
}

// A malformed delta, or one of a newer version, changes nothing.
func TestFigures_RefuseOtherDeltas(t *testing.T) {
	t.Parallel()

	entered, left := byte(trail.NodeEntered), byte(trail.NodeLeft)
	for name, row := range map[string]struct {
		delta trail.Delta
		newer bool
	}{
		"empty":                       {trail.Delta{}, false},
		"no form":                     {trail.Delta{0, 1, 0, entered}, false},
		"no marks":                    {trail.Delta{trail.DeltaForm}, false},
		"a node without marks":        {trail.Delta{trail.DeltaForm, 1, 0}, false},
		"left without a result":       {trail.Delta{trail.DeltaForm, 0, 0, left}, false},
		"left with no result":         {trail.Delta{trail.DeltaForm, 0, 0, left, byte(trail.NoResult)}, false},
		"a result beyond all":         {trail.Delta{trail.DeltaForm, 0, 0, left, byte(tally.MaxResult) + 1}, false},
		"the next form":               {trail.Delta{trail.FeedbackForm + 1, 1, 0, entered}, true},
		"feedback without a kind":     {trail.Delta{trail.FeedbackForm, 1}, false},
		"feedback of two kinds":       {trail.Delta{trail.FeedbackForm, 1, 0, 1}, false},
		"another kind of feedback":    {trail.Delta{trail.FeedbackForm, 1, byte(feedback.Kinds)}, true},
		"the next form, only":         {trail.Delta{trail.FeedbackForm + 1}, true},
		"converted without a result":  {trail.Delta{trail.DeltaForm, 64, 0, 128}, false},
		"converted with no result":    {trail.Delta{trail.DeltaForm, 64, 0, 128, byte(trail.NoResult)}, false},
		"another mark":                {trail.Delta{trail.DeltaForm, 128}, true},
		"another mark of a node":      {trail.Delta{trail.DeltaForm, 0, 0, 16}, true},
		"another mark of a left node": {trail.Delta{trail.DeltaForm, 0, 0, left | 16, byte(trail.Sent)}, true},
	} {
		var f analytics.Figures
		err := f.Apply(analytics.Write{Graph: "a", Version: 1, At: t0, Delta: row.delta})
		require.Error(t, err, name)
		require.Equal(t, row.newer, errors.Is(err, journey.ErrNewer), name)
		require.Zero(t, f, name)
	}
}

func TestFigures_FindContradictions(t *testing.T) {
	t.Parallel()

	for name, delta := range map[string][]byte{
		"counted at a node, but not enrolled": {0, 0, byte(trail.NodeEntered)},
		"left without having entered":         {byte(trail.MarkEnrolled), 0, byte(trail.NodeLeft), byte(trail.Waited)},
		"expired at no node": {
			byte(trail.MarkExpired | trail.MarkEnrolled), 0, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Waited),
		},
		"converted, but not enrolled": {byte(trail.MarkConverted)},
		"converted after a node that it did not leave": {
			byte(trail.MarkEnrolled | trail.MarkConverted), 0, byte(trail.NodeEntered), 0, byte(trail.NodeConverted), byte(trail.Waited),
		},
		"passed a node before a conversion that is not counted": {
			byte(trail.MarkEnrolled), 0, byte(trail.NodeEntered | trail.NodeLeft | trail.NodeConverted), byte(trail.Waited), 1, byte(trail.NodeEntered),
		},
		"completed at no exit": {
			byte(trail.MarkCompleted | trail.MarkEnrolled), 0, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Waited),
		},
	} {
		var f analytics.Figures
		apply(t, &f, "a", t0, delta...)
		require.NotEmpty(t, f.Faults(), name)
	}
}

func TestPart_SettlesAfter26Hours(t *testing.T) {
	t.Parallel()

	p := analytics.Part{PartKey: analytics.PartKey{Day: "2026-11-23"}, Updated: t0}
	end := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	require.False(t, p.Settled(end.Add(26*time.Hour-1)), "less than 26 hours after the day")
	require.True(t, p.Settled(end.Add(26*time.Hour)))
	p.Updated = end.Add(time.Hour)
	require.False(t, p.Settled(end.Add(26*time.Hour)), "less than 26 hours after the last write")
	require.True(t, p.Settled(end.Add(27*time.Hour)))
	require.Equal(t, end.AddDate(0, 0, -1), p.Day.Time())
	require.Equal(t, analytics.Day("2026-11-23"), analytics.DayOf(end.Add(-1)))
}
