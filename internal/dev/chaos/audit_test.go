package chaos

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// requireAudited checks that rollup's audit, run some days from now, finds
// nothing, and then reports a planted wrong counter as drift and a planted wrong
// item as wrong.
func (w *world) requireAudited(t *testing.T) {
	t.Helper()
	drift, wrong := w.audit(t, 3)
	require.Zero(t, drift, "counters that differ from the enrollments")
	require.Zero(t, wrong, "inconsistent enrollments")

	c := w.cohorts[0]
	_, list := w.load(t, c)
	counter := &analytics.Counter{Parts: w.store.Analytics, Now: time.Now, Log: slog.New(slog.DiscardHandler), Parallel: 1}
	require.NoError(t, counter.Count(t.Context(), "planted", []analytics.Record{{
		Number: "1", Tenant: w.tenant, Journey: c.id, Write: analytics.Write{
			Graph: list[c.customers[0]].GraphHash, Version: list[c.customers[0]].Version, At: time.Now(),
			Delta: trail.Delta{trail.DeltaForm, byte(trail.MarkEnrolled), 0, byte(trail.NodeEntered)},
		},
	}}))
	drift, wrong = w.audit(t, 4)
	require.Equal(t, 2, drift, "enrolled, and entered the first node")
	require.Zero(t, wrong)

	var planted progress.Enrollment
	for _, e := range list {
		if e.ReachedExit() {
			planted = e
		}
	}
	planted.Rev++
	planted.Delta = nil
	planted.Node++
	require.NoError(t, w.store.Engine.Advance(t.Context(), w.tenant, 1, []progress.Enrollment{planted})[0])
	drift, wrong = w.audit(t, 5)
	require.Zero(t, drift)
	require.Equal(t, 1, wrong)
}

// audit runs rollup as of some days from now and returns what its audit reports.
func (w *world) audit(t *testing.T, days int) (drift, wrong int) {
	t.Helper()
	var log bytes.Buffer
	r := &analytics.Rollup{
		Table: w.store.Analytics, Now: func() time.Time { return time.Now().AddDate(0, 0, days) },
		Log: slog.New(slog.NewJSONHandler(&log, nil)), Segments: 4,
	}
	require.NoError(t, r.Run(t.Context()))
	for line := range bytes.Lines(log.Bytes()) {
		var found struct {
			Msg               string
			Drift, WrongItems int
		}
		require.NoError(t, json.Unmarshal(line, &found))
		if found.Msg == "audit" {
			return found.Drift, found.WrongItems
		}
	}
	require.Fail(t, "no audit finished", log.String())
	return 0, 0
}
