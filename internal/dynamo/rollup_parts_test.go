package dynamo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// A record of a day that is folded and deleted is counted in the figures and in the
// day's row, before and after it is folded.
func TestRollup_CountsARecordOfAFoldedDay(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 5)
	w.enroll(3)
	born := w.now
	for range 4 {
		w.later(1)
		w.run()
	}
	require.Zero(t, w.items()["D"])
	today := w.now
	w.now = born.Add(time.Minute)
	late := w.uncounted()
	w.now = today
	require.NoError(t, w.counter.Count(t.Context(), "shardId-0", []analytics.Record{late}))
	w.requireTrue(all, "not folded")
	w.now = w.now.Add(25 * time.Hour)
	w.run()
	require.Equal(t, 1, w.items()["D"], "the part may still change")
	w.now = w.now.Add(2 * time.Hour)
	w.run()
	w.requireTrue(all, "folded")
	w.now = w.now.Add(time.Hour)
	w.run()
	require.Zero(t, w.items()["D"])
	w.requireTrue(all, "deleted")
}

// A process that remembers a part that was folded and deleted does not mistake the
// recreated one for it, although both have the same revision.
func TestRollup_RecreatedPartIsAnother(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 12)
	w.enroll(3)
	born, old := w.now, w.counter
	for range 4 {
		w.later(1)
		w.run()
	}
	require.Zero(t, w.items()["D"])
	today := w.now
	count := func(counter *analytics.Counter, customer string) {
		w.now = born.Add(time.Minute)
		e, _ := w.graphs[w.j.GraphHash].Start(progress.Enrollment{
			Journey: w.j.ID, Customer: customer, GraphHash: w.j.GraphHash, Version: 1, EnrolledAt: w.now, ExpiresAt: w.now.AddDate(0, 0, 300),
		})
		record := w.record(e)
		w.happened(record)
		w.now = today
		require.NoError(t, counter.Count(t.Context(), "shardId-0", []analytics.Record{record}))
	}
	count(&analytics.Counter{Parts: old.Parts, Now: old.Now, Log: old.Log, Parallel: 1}, "late")
	count(old, "later")
	w.requireTrue(all)
}

// A fold and a deletion prepared with a deleted part leave the recreated one alone,
// although it has the same revision.
func TestRollup_StaleFoldLeavesARecreatedPart(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	part := analytics.Part{
		PartKey: analytics.PartKey{Tenant: demo, Journey: id(1), Day: "2026-11-20", Graph: draft(1).GraphHash},
		Born:    start, Rev: 1, Updated: start, Totals: tally.Totals{Enrolled: 1}, Watermarks: map[string]string{},
	}
	recreated := part
	recreated.Born = start.Add(time.Millisecond)
	_, err := s.Analytics.PutPart(t.Context(), recreated)
	require.NoError(t, err)
	fold := analytics.Fold{
		Graph: part.Graph, Day: part.Day, Parts: []analytics.Part{part}, Totals: part.Totals,
		Total: analytics.Total{Rev: 1, Graph: analytics.Graph{Totals: part.Totals}, Written: start},
	}
	k := analytics.JourneyKey{Tenant: demo, Journey: id(1)}
	require.ErrorIs(t, s.Analytics.Fold(t.Context(), k, fold), analytics.ErrStale)
	require.ErrorIs(t, s.Analytics.DeletePart(t.Context(), part), analytics.ErrStale)
	c, err := s.Analytics.Counters(t.Context(), demo, id(1), analytics.Range{})
	require.NoError(t, err)
	require.Empty(t, c.Totals)
	require.Equal(t, []analytics.Part{recreated}, c.Parts)
}

// Forgotten customers are counted as before, in every figure and on every day.
func TestRollup_ForgottenCustomersStayCounted(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 9)
	w.enroll(8)
	for range 3 {
		w.later(1)
		w.step()
	}
	var left []progress.Enrollment
	for _, customer := range []string{"c1", "c2", "c3"} {
		if e, ok := w.inside[customer]; ok && e.Status == progress.Inside {
			left = append(left, e.Anonymize(w.now))
		}
		delete(w.inside, customer)
		delete(w.left, customer)
		require.NoError(t, w.store.Customers.Forget(t.Context(), w.tenant, customer, w.now, journey.Forgetting{}))
	}
	require.NotEmpty(t, left)
	w.wrote(left)
	delete(w.left, "") // anonymized
	for range 3 {
		w.later(1)
		w.step()
		w.run()
		w.requireTrue(all)
	}
	require.NotEmpty(t, w.lines("audit"))
	require.Empty(t, w.lines("drift"))
	require.Empty(t, w.lines("enrollment inconsistent"))
}
