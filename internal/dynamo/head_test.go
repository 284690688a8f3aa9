package dynamo_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
)

// launched stores a journey with a graph and activates it.
func launched(t *testing.T, s *dynamo.Store, j journey.Journey, d journey.Definition) journey.Journey {
	t.Helper()
	j.Definition, j.GraphHash, j.Labels = d.Raw, d.Hash, d.Graph.Labels()
	require.NoError(t, s.CreateJourney(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.UpdateJourney(t.Context(), demo, j, active))
	return active
}

// read reports on a journey as a new process does, and tells what that used.
func read(t *testing.T, s *dynamo.Store, id journey.ID, days analytics.Range) (analytics.Report, dynamo.Usage) {
	t.Helper()
	ctx, meter := dynamo.WithMeter(t.Context())
	report, err := analytics.NewReader(s).Report(ctx, demo, id, days)
	require.NoError(t, err)
	return report, meter.Usage()
}

// A report tells of the journey as it is at that moment, whatever was changed of
// it, in one read once it is no draft, and of none that was deleted.
func TestReportFollowsTheJourney(t *testing.T) {
	t.Parallel()
	s, _ := store(t)
	d := definitionOf(t, secondGraph)
	j := draft(1)
	j.Definition, j.GraphHash, j.Labels = d.Raw, d.Hash, d.Graph.Labels()
	require.NoError(t, s.CreateJourney(t.Context(), demo, j))
	var steps []string
	look := func(requests int) analytics.Report {
		report, used := read(t, s, j.ID, analytics.Range{})
		require.Equal(t, requests, used.Requests)
		steps = nil
		for _, step := range report.Steps {
			steps = append(steps, step.NodeID)
		}
		return report
	}
	require.Equal(t, journey.Draft, look(3).Status, "figures, journey, definition")
	require.Equal(t, []string{"start", "nap", "end"}, steps)

	change := func(to journey.Journey) {
		t.Helper()
		require.NoError(t, s.UpdateJourney(t.Context(), demo, j, to))
		j = to
	}
	change(next(j, journey.Active))
	require.Equal(t, journey.Active, look(1).Status)
	require.Equal(t, []string{"start", "nap", "end"}, steps)

	described := next(j, journey.Active)
	described.Description = "for nobody"
	ctx, meter := dynamo.WithMeter(t.Context())
	require.NoError(t, s.UpdateJourney(ctx, demo, j, described))
	require.LessOrEqual(t, meter.Usage().WriteUnits, 1.0, "what no report tells is one write")
	j = described

	renamed := next(j, journey.Paused)
	renamed.Name = "Another"
	change(renamed)
	require.Equal(t, journey.Paused, look(1).Status)
	require.Equal(t, "Another", look(1).Name)

	first := definitionOf(t, firstGraph)
	edited := define(next(j, journey.Paused), firstGraph)
	edited.Labels = first.Graph.Labels()
	change(edited)
	look(1)
	require.Equal(t, []string{"in", "pause", "rich", "mail", "rest", "out"}, steps)

	change(next(j, journey.Archived))
	require.Equal(t, journey.Archived, look(1).Status)
	require.NoError(t, s.DeleteJourney(t.Context(), demo, j))
	_, err := analytics.NewReader(s).Report(t.Context(), demo, j.ID, analytics.Range{})
	require.ErrorIs(t, err, journey.ErrNotFound)
}

// unaudited is a table whose figures are of no enrollments.
type unaudited struct{ *dynamo.Store }

func (unaudited) Audit(context.Context) (analytics.Audit, error) {
	return analytics.Audit{Day: "9999-12-31"}, nil
}

// The largest graph with the longest ids, every node of which counts on each of
// three open days from 24 shards of the stream, is one read of 8 units at most.
func TestReportOfTheLargestGraphIsOneRead(t *testing.T) {
	t.Parallel()
	s, _ := store(t)
	d := longGraph(t)
	j := launched(t, s, draft(1), d)
	now := start
	counter, log := counting(s)
	counter.Now = func() time.Time { return now }
	rollup := &analytics.Rollup{Table: unaudited{s}, Now: counter.Now, Log: slog.New(slog.DiscardHandler), Segments: 1}
	r := rand.New(rand.NewPCG(1, 1))
	number := 0
	var delta journey.Delta
	for node := range d.Graph.Len() {
		marks := journey.NodeEntered | journey.NodeCompleted
		if d.Graph.NodeType(node) == journey.ConditionSplit {
			marks |= journey.NodeTrue
		}
		delta = append(append(delta, make([]byte, 1-min(len(delta), 1))...), byte(node), byte(marks))
	}
	now = analytics.Day("2026-11-20").End().Add(time.Hour) // a day is open until two in the morning of the third
	for day := range 6 {
		for shard := range 24 {
			records := make([]analytics.Record, 1+r.IntN(20))
			for i := range records {
				number++
				records[i] = analytics.Record{
					Number: fmt.Sprintf("%021d", number), Tenant: demo, Journey: j.ID,
					Write: analytics.Write{Graph: d.Hash, Version: 1, At: now, Delta: delta},
				}
			}
			name := fmt.Sprintf("shardId-%020d-%08x", day*24+shard, r.Uint32())
			require.NoError(t, counter.Count(t.Context(), name, records))
		}
		require.NoError(t, rollup.Run(t.Context()))
		now = now.Add(24 * time.Hour)
	}
	now = now.Add(-24 * time.Hour)
	require.NotContains(t, log.String(), "poison")
	c, err := s.Counters(t.Context(), demo, j.ID, analytics.Range{})
	require.NoError(t, err)
	require.Len(t, c.Totals, 1, "earlier days are folded")
	open := 0
	days := map[analytics.Day]bool{}
	for _, p := range c.Parts {
		if p.Steps != nil {
			open, days[p.Day] = open+1, true
		}
	}
	require.Len(t, days, 3)
	report, used := read(t, s, j.ID, analytics.Range{})
	require.Len(t, report.Steps, 256)
	require.EqualValues(t, number, report.Steps[0].Entered)
	require.Len(t, report.Steps[7].NodeID, 64)
	t.Logf("256 nodes with ids of 64 letters, %d items of %d days, %d records: %d request, %g read units",
		open, len(days), number, used.Requests, used.ReadUnits)
	require.Equal(t, 1, used.Requests)
	require.LessOrEqual(t, used.ReadUnits, 8.0)
}

// A year's series is one read, of a journey that ran for longer.
func TestAYearsSeriesIsOneRead(t *testing.T) {
	t.Parallel()
	s, _ := store(t)
	j := launched(t, s, draft(1), definitionOf(t, secondGraph))
	now := start
	counter, _ := counting(s)
	counter.Now = func() time.Time { return now }
	rollup := &analytics.Rollup{Table: unaudited{s}, Now: counter.Now, Log: slog.New(slog.DiscardHandler), Segments: 1}
	const days = 400
	enrolled := map[analytics.Day]int64{}
	for day := range days {
		records := make([]analytics.Record, 1+day%7)
		for i := range records {
			marks := journey.MarkEnrolled | []journey.Mark{journey.MarkCompleted, journey.MarkExpired, journey.MarkCancelled, journey.MarkFailed}[day%4]
			records[i] = analytics.Record{
				Number: fmt.Sprintf("%021d", day*10+i), Tenant: demo, Journey: j.ID,
				Write: analytics.Write{Graph: j.GraphHash, Version: 1, At: now, Delta: journey.Delta{byte(marks), 0, byte(journey.NodeEntered)}},
			}
		}
		enrolled[analytics.DayOf(now)] = int64(len(records))
		require.NoError(t, counter.Count(t.Context(), "shardId-00000001542983423423-abcdef01", records))
		if day%20 == 19 {
			require.NoError(t, rollup.Run(t.Context()))
		}
		now = now.Add(24 * time.Hour)
	}
	today := analytics.DayOf(now.Add(-24 * time.Hour))
	year := analytics.Range{From: analytics.DayOf(now.AddDate(0, 0, -analytics.MaxDays)), To: today}
	report, used := read(t, s, j.ID, year)
	require.Len(t, report.Series, analytics.MaxDays)
	for _, row := range report.Series {
		require.Equal(t, enrolled[row.Day], row.Enrolled, row.Day)
		require.Equal(t, row.Enrolled, row.Completed+row.Expired+row.Cancelled+row.Failed, row.Day)
	}
	t.Logf("%d days of a journey that ran for %d: %d request, %g read units", analytics.MaxDays, days, used.Requests, used.ReadUnits)
	require.Equal(t, 1, used.Requests)
	require.LessOrEqual(t, used.ReadUnits, 8.0)
	_, plain := read(t, s, j.ID, analytics.Range{})
	require.LessOrEqual(t, plain.ReadUnits, 2.0, "without a series nothing of it is read")
}
