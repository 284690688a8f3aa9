package analytics_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/journeytest"
	"journeys/internal/progress"
)

// An enrollment is anonymized after any of its writes. A recount as of any day is the
// same with rounded times as with exact ones, although paths and failures cross
// midnights, and no exact time is left.
func TestAnonymize_KeepsTheRecountOfEveryDay(t *testing.T) {
	t.Parallel()

	statuses, days, crossed, retried := map[progress.EnrollmentStatus]int{}, 0, 0, 0
	for seed := range uint64(3500) {
		r := rand.New(rand.NewPCG(seed, 13))
		d := definition(t, journeytest.Graph(r, 2+r.IntN(24)))
		var writes []progress.Enrollment
		begun := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(4*86400_000)) * time.Millisecond)
		walk(t, r, d, begun, func(e progress.Enrollment) { writes = append(writes, e) })
		last := writes[len(writes)-1]
		if seed%3 == 0 {
			last = writes[r.IntN(len(writes))]
		}
		statuses[last.Status]++
		now := last.WrittenAt.Add(time.Duration(r.IntN(50*3600_000)) * time.Millisecond)

		exact := last
		if last.Status == progress.Inside {
			exact = last.NextWrite(now).Cancel(progress.ReasonRemoved)
		}
		rounded := last.Anonymize(now)
		require.NoError(t, d.Graph.Shape().Check(rounded), "seed %d", seed)
		requireDaysOnly(t, rounded)
		if !analytics.DayOf(begun).End().After(exact.Since) {
			crossed++
		}
		if len(rounded.Retries) > 0 {
			retried++
		}
		for day := analytics.DayOf(begun.AddDate(0, 0, -1)); day <= analytics.DayOf(now.AddDate(0, 0, 1)); day = analytics.DayOf(day.End()) {
			var of, want analytics.Figures
			want.Recount(exact, day)
			of.Recount(rounded, day)
			require.Equal(t, figures(&want), figures(&of), "seed %d as of %s", seed, day)
			days++
		}
		requireSameDelta(t, exact, rounded)
	}
	t.Log("anonymized as", statuses, "days:", days, "paths across midnight:", crossed, "retried:", retried)
	for _, status := range []progress.EnrollmentStatus{progress.Inside, progress.Completed, progress.Expired, progress.Cancelled, progress.Failed} {
		require.Greater(t, statuses[status], 40, status)
	}
	require.Greater(t, min(crossed, retried), 300)
}

// requireDaysOnly requires that every time of an enrollment is the start of a day.
func requireDaysOnly(t *testing.T, e progress.Enrollment) {
	t.Helper()
	times := []time.Time{e.EnrolledAt, e.Since, e.WrittenAt}
	for _, at := range []time.Time{e.LeftAt, e.FailedAt, e.ConvertedAt} {
		if !at.IsZero() {
			times = append(times, at)
		}
	}
	for _, v := range e.Path.Visits(e.EnrolledAt) {
		times = append(times, v.EnteredAt)
	}
	for _, at := range e.Retries.Decode(e.EnrolledAt) {
		times = append(times, at.FailedAt, at.RetriedAt)
	}
	for _, at := range times {
		require.Equal(t, analytics.DayOf(at).Time(), at)
	}
	require.Equal(t, make([]time.Time, 4), []time.Time{e.ExpiresAt, e.Due, e.LeaseUntil, e.Woken.At})
}

// requireSameDelta requires that the counter adds the write of the anonymized
// enrollment on the same day.
func requireSameDelta(t *testing.T, exact, rounded progress.Enrollment) {
	t.Helper()
	if rounded.Delta == nil {
		return // counted before
	}
	require.Equal(t, exact.Delta, rounded.Delta)
	require.Equal(t, analytics.DayOf(exact.WrittenAt), analytics.DayOf(rounded.WrittenAt))
}
