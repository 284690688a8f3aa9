package dynamo_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

// launched stores a journey with a graph and activates it.
func launched(t *testing.T, s *dynamo.Store, j journey.Journey, d journey.Definition) journey.Journey {
	t.Helper()
	j.Definition, j.GraphHash, j.Labels = d.Raw, d.Hash, d.Graph.Labels()
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	return active
}

// read reports on a journey like a new process, and returns the usage.
func read(t *testing.T, s *dynamo.Store, id ident.ID, days analytics.Range) (analytics.Report, capacity.Usage) {
	t.Helper()
	ctx, meter := capacity.WithMeter(t.Context())
	report, err := analytics.NewReader(s.Analytics).Report(ctx, demo, id, days)
	require.NoError(t, err)
	return report, meter.Usage()
}

// A report shows the present journey. It takes one read once the journey is no draft.
func TestReport_FollowsTheJourney(t *testing.T) {
	t.Parallel()
	s, _ := store(t)
	d := definitionOf(t, secondGraph)
	j := draft(1)
	j.Definition, j.GraphHash, j.Labels = d.Raw, d.Hash, d.Graph.Labels()
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
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
		require.NoError(t, s.Journeys.Update(t.Context(), demo, j, to))
		j = to
	}
	change(next(j, journey.Active))
	require.Equal(t, journey.Active, look(1).Status)
	require.Equal(t, []string{"start", "nap", "end"}, steps)

	described := next(j, journey.Active)
	described.MaxDurationDays = 60
	ctx, meter := capacity.WithMeter(t.Context())
	require.NoError(t, s.Journeys.Update(ctx, demo, j, described))
	require.LessOrEqual(t, meter.Usage().WriteUnits, 4.0, "a change that no report shows writes the journey and its history")
	j = described

	renamed := next(j, journey.Active)
	renamed.Name = "Another"
	change(renamed)
	require.Equal(t, "Another", look(1).Name)
	change(next(j, journey.Paused))
	require.Equal(t, journey.Paused, look(1).Status)

	for _, graph := range []string{firstGraph, secondGraph, firstGraph} {
		edited := define(next(j, journey.Paused), graph)
		edited.Labels = definitionOf(t, graph).Graph.Labels()
		change(edited)
	}
	_, used := read(t, s, j.ID, analytics.Range{})
	require.LessOrEqual(t, used.ReadUnits, 1.0, "graphs without customers leave nothing to read")
	look(1)
	require.Equal(t, []string{"in", "pause", "rich", "mail", "rest", "out"}, steps)

	change(next(j, journey.Archived))
	require.Equal(t, journey.Archived, look(1).Status)
	require.NoError(t, s.Journeys.Delete(t.Context(), demo, j))
	_, err := analytics.NewReader(s.Analytics).Report(t.Context(), demo, j.ID, analytics.Range{})
	require.ErrorIs(t, err, journey.ErrNotFound)
}

// unaudited has an audit that is done for all time.
type unaudited struct{ dynamo.Analytics }

func (unaudited) Audit(context.Context) (analytics.Audit, error) {
	return analytics.Audit{Day: "9999-12-31"}, nil
}

// Labels of an earlier graph are read with the figures once some of them are folded.
// Until then the definition is read.
func TestReport_OfAnEditedJourneyIsOneRead(t *testing.T) {
	t.Parallel()
	for _, folded := range []bool{true, false} {
		t.Run(fmt.Sprintf("folded before %t", folded), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 13)
			active := next(w.j, journey.Active)
			require.NoError(t, w.store.Journeys.Update(t.Context(), w.tenant, w.j, active))
			w.j = active
			w.enroll(5)
			if folded {
				w.later(3)
				w.run()
			}
			w.edit()
			w.enroll(2)
			look := func() (steps []string, requests int) {
				ctx, meter := capacity.WithMeter(t.Context())
				report, err := analytics.NewReader(w.store.Analytics).Report(ctx, w.tenant, w.j.ID, all)
				require.NoError(t, err)
				for _, s := range report.Steps {
					steps = append(steps, fmt.Sprint(s.NodeID, " ", s.Version, " ", s.Entered))
				}
				return steps, meter.Usage().Requests
			}
			want := []string{"start 0 2", "nap 0 2", "end 0 0", "in 1 5", "pause 1 5", "rich 1 0", "mail 1 0", "rest 1 0", "out 1 0"}
			steps, requests := look()
			require.Equal(t, want, steps)
			if folded {
				require.Equal(t, 1, requests)
			} else {
				require.Equal(t, 2, requests)
			}
			w.later(3)
			w.run()
			steps, requests = look()
			require.Equal(t, want, steps)
			require.Equal(t, 1, requests)
		})
	}
}

// With a damaged head or damaged labels, a report reads the journey. Nothing else is
// affected.
func TestReport_SurvivesADamagedHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 14)
	active := next(w.j, journey.Active)
	require.NoError(t, w.store.Journeys.Update(t.Context(), w.tenant, w.j, active))
	w.j = active
	w.enroll(5)
	for _, damage := range []string{"SET gh = :bad", "SET l = :bad"} {
		_, err := dynamotest.Client().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &w.table, UpdateExpression: &damage,
			ExpressionAttributeValues: map[string]types.AttributeValue{":bad": &types.AttributeValueMemberB{Value: []byte{1, 9}}},
			Key: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: "T#t1#K#" + string(w.j.ID)[4:]}, "SK": &types.AttributeValueMemberS{Value: "J"},
			},
		})
		require.NoError(t, err)
		w.later(2)
		w.run()
		w.requireTrue(all)
	}
	require.Zero(t, w.items()["D"], "folded and deleted")
	require.Empty(t, w.lines("a journey's figures cannot be read"))
}

// busyDay returns the counts of a day in one part: customers enter and leave every
// node, and at busy nodes some fail, drop out and leave with each of some results. With a
// goal, a third of those who left with any result converted.
func busyDay(d journey.Definition, customers int64, everywhere bool, results int, goal bool) (t tally.Totals, steps []tally.Step) {
	for node := range d.Graph.Len() {
		s, left := tally.Step{Entered: customers + int64(node)}, customers-4_000
		if everywhere || node%4 == 0 {
			s.Failed, s.Dropped = 900, 1_000
			for i := 1; i < results; i++ {
				s.Results = s.Results.Plus(tally.ResultCount{Result: trail.Result(31 + i), Count: left / int64(results)})
			}
		}
		s.Results = s.Results.Plus(tally.ResultCount{Result: trail.Waited, Count: left - s.Completed()})
		for _, c := range s.Results {
			if !goal {
				break
			}
			s.Converted = s.Converted.Plus(tally.ResultCount{Result: c.Result, Count: c.Count / 3})
		}
		t.Conversions = max(t.Conversions, s.Converted.Sum())
		t.Enrolled += s.Active()
		t.Enrolled += s.Failed + s.Dropped
		t.Failed += s.Failed
		t.Expired += s.Dropped
		steps = append(steps, s)
	}
	return t, steps
}

// A graph with the longest ids and 100,000 customers on each of three open days, from
// 24 stream shards a day, is one read. It stays cheap if customers fail, drop out and
// leave with all of 8 results at every node, and convert after each of them.
func TestReport_OfABusyGraphIsOneRead(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		nodes      int
		everywhere bool
		results    int
		named      bool
		goal       bool
		units      float64
	}{
		{graph.MaxNodes, false, 2, false, false, 8}, {graph.MaxNodes, true, 2, false, false, 12},
		{20, true, 8, false, true, 8}, {graph.MaxNodes, true, 8, false, true, 60},
		{20, true, 8, true, true, 8}, {graph.MaxNodes, true, 8, true, true, 60},
	} {
		t.Run(fmt.Sprintf("%+v", row), func(t *testing.T) {
			t.Parallel()
			s, _ := store(t)
			d := longGraph(t, row.nodes, row.named)
			j := launched(t, s, draft(1), d)
			begin := analytics.Day("2026-11-20").Time()
			now := begin
			rollup := &analytics.Rollup{Table: unaudited{s.Analytics}, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
			for day := range 6 { // a day stays open until 02:00 three days later
				now = begin.AddDate(0, 0, day).Add(time.Hour)
				for shard := range analytics.Shards {
					p := analytics.Part{
						PartKey: analytics.PartKey{Tenant: demo, Journey: j.ID, Day: analytics.DayOf(now), Shard: shard, Graph: d.Hash},
						Born:    now, Rev: 1, Version: 1, Newest: now, Updated: now, Watermarks: map[string]string{},
					}
					p.Totals, p.Steps = busyDay(d, 100_000/analytics.Shards, row.everywhere, row.results, row.goal)
					for i := range 24 / analytics.Shards {
						p.Watermarks[fmt.Sprintf("shardId-%020d-%08x", now.UnixMilli()+int64(i), i)] = fmt.Sprintf("%d00000000000000000", 100_000+i)
					}
					_, err := s.Analytics.PutPart(t.Context(), p)
					require.NoError(t, err)
				}
				require.NoError(t, rollup.Run(t.Context()))
			}
			c, err := s.Analytics.Counters(t.Context(), demo, j.ID, analytics.Range{})
			require.NoError(t, err)
			open := map[analytics.Day]bool{}
			for _, p := range c.Parts {
				if p.Steps != nil {
					open[p.Day] = true
				}
			}
			require.Len(t, open, 3)
			report, used := read(t, s, j.ID, analytics.Range{})
			require.Len(t, report.Steps, row.nodes)
			require.EqualValues(t, 6*analytics.Shards*(100_000/analytics.Shards+5), report.Steps[5].Entered)
			require.Len(t, report.Steps[8].Results, row.results)
			if row.goal {
				require.Len(t, report.Steps[8].Converted, row.results)
			}
			require.Len(t, report.Steps[7].NodeID, 64)
			require.Len(t, report.Steps[7].Ways, 2)
			if row.named {
				require.Len(t, report.Steps[7].Ways[0], 64)
			}
			t.Logf("%+v, ids of 64 characters, 100,000 customers a day: %d request, %g read units", row, used.Requests, used.ReadUnits)
			require.Equal(t, 1, used.Requests)
			require.LessOrEqual(t, used.ReadUnits, row.units)
		})
	}
}

// The journey ran for longer than the year.
func TestReport_SeriesOfAYearIsOneRead(t *testing.T) {
	t.Parallel()
	s, _ := store(t)
	j := launched(t, s, draft(1), definitionOf(t, secondGraph))
	now := start
	counter, _ := counting(s)
	counter.Now = func() time.Time { return now }
	rollup := &analytics.Rollup{Table: unaudited{s.Analytics}, Now: counter.Now, Log: slog.New(slog.DiscardHandler)}
	const days = 400
	ways := []trail.Delta{ // a customer enters, and leaves in each way
		{trail.DeltaForm, byte(trail.MarkEnrolled | trail.MarkCompleted), 0, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Exited)},
		{trail.DeltaForm, byte(trail.MarkEnrolled | trail.MarkExpired), 0, byte(trail.NodeEntered | trail.NodeDropped)},
		{trail.DeltaForm, byte(trail.MarkEnrolled | trail.MarkCancelled), 0, byte(trail.NodeEntered | trail.NodeDropped)},
		{trail.DeltaForm, byte(trail.MarkEnrolled | trail.MarkFailed), 0, byte(trail.NodeEntered | trail.NodeFailed)},
	}
	enrolled := map[analytics.Day]int64{}
	for day := range days {
		records := make([]analytics.Record, len(ways)*(1+day%7))
		for i := range records {
			records[i] = analytics.Record{
				Number: fmt.Sprintf("%021d", day*100+i), Tenant: demo, Journey: j.ID,
				Write: analytics.Write{Graph: j.GraphHash, Version: 1, At: now, Delta: ways[i%len(ways)]},
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
		for _, n := range []int64{row.Completed, row.Expired, row.Cancelled, row.Failed} {
			require.Equal(t, enrolled[row.Day]/4, n, row.Day)
		}
	}
	t.Logf("%d days of a journey that ran for %d: %d request, %g read units", analytics.MaxDays, days, used.Requests, used.ReadUnits)
	require.Equal(t, 1, used.Requests)
	require.LessOrEqual(t, used.ReadUnits, 8.0)
	_, plain := read(t, s, j.ID, analytics.Range{})
	t.Logf("without a series: %g", plain.ReadUnits)
	require.LessOrEqual(t, plain.ReadUnits, 2.0, "a report without a series does not read it")
}

// A report shows the labels as they came last, also if nothing else was edited, and
// those of an earlier graph as they were.
func TestReport_ShowsTheLatestLabels(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	labeled := func(out, text string) *journey.Definition {
		d := definitionOf(t, fmt.Sprintf(`{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":30},"data":{"label":%q}},`+
			`{"id":%q,"type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":%q}]}`, text, out, out))
		return &d
	}
	id := p.journey(t, string(labeled("out", "A day").Raw), "ada")
	labels := func() (texts []string) {
		report, used := read(t, p.store, id, analytics.Range{})
		require.Equal(t, 1, used.Requests)
		for _, s := range report.Steps {
			if s.NodeID == "w" {
				texts = append(texts, fmt.Sprint(s.Label, " ", s.Entered))
			}
		}
		return texts
	}
	require.Equal(t, []string{"A day 0"}, labels())

	j, err := p.Update(t.Context(), demo, id, journey.Change{Definition: labeled("out", "A good day")}, nil)
	require.NoError(t, err)
	require.Equal(t, 1, j.Version, "a label is appearance")
	require.Equal(t, []string{"A good day 0"}, labels())

	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	counter, _ := counting(p.store)
	require.NoError(t, counter.Count(t.Context(), "shard", []analytics.Record{{
		Number: "1", Tenant: demo, Journey: id, Write: analytics.Write{Graph: e.GraphHash, Version: 1, At: e.WrittenAt, Delta: e.Delta},
	}}))
	day := p.now.AddDate(0, 0, 5)
	rollup := &analytics.Rollup{Table: unaudited{p.store.Analytics}, Now: func() time.Time { return day }, Log: slog.New(slog.DiscardHandler)}
	counter.Now = func() time.Time { return p.now }
	require.NoError(t, rollup.Run(t.Context()))

	paused := journey.Paused
	_, err = p.Update(t.Context(), demo, id, journey.Change{Status: &paused}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"A good day 1"}, labels(), "another change keeps it")
	_, err = p.Update(t.Context(), demo, id, journey.Change{Definition: labeled("end", "Another day")}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"Another day 0", "A good day 1"}, labels())
}
