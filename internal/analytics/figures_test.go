package analytics_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/journey"
)

var t0 = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func apply(t *testing.T, f *analytics.Figures, graph string, at time.Time, delta ...byte) {
	t.Helper()
	require.NoError(t, f.Apply(analytics.Write{Graph: graph, Version: 1, At: at, Delta: delta}))
}

func TestFigures_AddUpWrites(t *testing.T) {
	t.Parallel()

	const (
		entered   = byte(journey.NodeEntered)
		completed = byte(journey.NodeCompleted)
	)
	var f analytics.Figures
	apply(t, &f, "a", t0, byte(journey.MarkEnrolled), 0, entered|completed, 1, entered)
	apply(t, &f, "a", t0.Add(2*time.Hour), 0, 1, completed|byte(journey.NodeTrue), 2, entered)
	apply(t, &f, "a", t0.Add(time.Hour), byte(journey.MarkFailed), 2, byte(journey.NodeFailed))
	g := f.Graphs["a"]
	require.Equal(t, analytics.Totals{Enrolled: 1, Failed: 1}, g.Totals)
	require.Equal(t, []analytics.Step{
		{Entered: 1, Completed: 1}, {Entered: 1, Completed: 1, True: 1}, {Entered: 1, Failed: 1},
	}, g.Steps)
	require.Equal(t, t0.Add(2*time.Hour), f.Newest)
	require.Empty(t, f.Faults())

	var more analytics.Figures
	apply(t, &more, "a", t0, byte(journey.MarkRetried), 2, byte(journey.NodeRetried))
	apply(t, &more, "a", t0, byte(journey.MarkExpired), 2, byte(journey.NodeDropped))
	apply(t, &more, "b", t0, byte(journey.MarkEnrolled), 200, entered)
	f.Merge(&more)
	require.Equal(t, analytics.Totals{Enrolled: 2, Expired: 1}, f.Totals())
	require.EqualValues(t, 1, f.Totals().Active())
	require.EqualValues(t, 1, f.Graphs["b"].Steps[200].Active())
	require.Empty(t, f.Faults())

	require.Error(t, f.Apply(analytics.Write{Graph: "a", Delta: journey.Delta{0, 1}}), "a node without marks")
	require.Empty(t, f.Faults(), "a malformed delta changes nothing")
}

func TestFigures_FindContradictions(t *testing.T) {
	t.Parallel()

	for name, delta := range map[string][]byte{
		"counted at a node, but not enrolled": {0, 0, byte(journey.NodeEntered)},
		"left without having entered":         {byte(journey.MarkEnrolled), 0, byte(journey.NodeCompleted)},
		"expired at no node":                  {byte(journey.MarkExpired | journey.MarkEnrolled), 0, byte(journey.NodeEntered | journey.NodeCompleted)},
		"a branch without a step":             {byte(journey.MarkEnrolled), 0, byte(journey.NodeEntered | journey.NodeTrue)},
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
