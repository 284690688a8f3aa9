package analytics_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

// counting returns a counter on a table without faults, its table, and its log.
func counting() (*analytics.Counter, *model, *bytes.Buffer) {
	m := newModel(1)
	m.calm = true
	var log bytes.Buffer
	return &analytics.Counter{
		Parts: &process{model: m}, Now: func() time.Time { return t0 }, Log: slog.New(slog.NewJSONHandler(&log, nil)), Parallel: 1,
	}, m, &log
}

// entry is the record of a customer who enters a journey.
func entry(number int, key journeyKey) analytics.Record {
	return analytics.Record{
		Number: fmt.Sprint(number), Tenant: key.tenant, Journey: key.id, Write: analytics.Write{
			Graph: "a", Version: 1, At: t0, Delta: trail.Delta{trail.DeltaForm, byte(trail.MarkEnrolled), 0, byte(trail.NodeEntered)},
		},
	}
}

// Nothing of the batch is counted, also not as poison, until the newer version counts
// it. What is delivered apart from it is counted, and once.
func TestCounter_RefusesABatchOfANewerVersion(t *testing.T) {
	t.Parallel()

	tenant, _ := ident.ParseTenant("demo")
	one, two := journeyKey{tenant, "jrn_1"}, journeyKey{tenant, "jrn_2"}
	read := []analytics.Record{entry(1, one), entry(2, two), entry(3, one)}
	for name, change := range map[string]func(*analytics.Record){
		"a delta of the next form": func(r *analytics.Record) { r.Write.Delta = trail.Delta{trail.FeedbackForm + 1, 1, 0, 0, 1} },
		"a new mark":               func(r *analytics.Record) { r.Write.Delta = trail.Delta{trail.DeltaForm, 128} },
		"an item of a newer format": func(r *analytics.Record) {
			r.Write, r.Err = analytics.Write{}, fmt.Errorf("the item: %w", journey.ErrNewer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counter, m, log := counting()
			batch := append([]analytics.Record(nil), read...)
			change(&batch[1])
			for range 2 { // the stream delivers it again
				log.Reset()
				require.ErrorIs(t, counter.Count(t.Context(), "shard", batch), journey.ErrNewer)
				require.Empty(t, m.table)
				require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
				require.Contains(t, log.String(), `"msg":"batch not counted: newer format","shard":"shard","records":3,"error":"count record 2 of tenant demo, jrn_2: `)
			}
			require.NoError(t, counter.Count(t.Context(), "shard", batch[:1]), "before it")
			require.ErrorIs(t, counter.Count(t.Context(), "shard", batch[1:]), journey.ErrNewer)
			require.EqualValues(t, 1, enrolledIn(m, one))

			later := &analytics.Counter{Parts: counter.Parts, Now: counter.Now, Log: counter.Log, Parallel: 1}
			require.NoError(t, later.Count(t.Context(), "shard", read), "the newer version")
			require.EqualValues(t, 2, enrolledIn(m, one))
			require.EqualValues(t, 1, enrolledIn(m, two))
		})
	}
}

// A malformed delta is poison and holds up no other record.
func TestCounter_CountsMalformedDeltasAsPoison(t *testing.T) {
	t.Parallel()

	tenant, _ := ident.ParseTenant("demo")
	key := journeyKey{tenant, "jrn_1"}
	counter, m, log := counting()
	batch := []analytics.Record{entry(1, key), entry(2, key), entry(3, key)}
	batch[1].Write.Delta = trail.Delta{trail.DeltaForm, 0, 0, byte(trail.NodeLeft)}
	require.NoError(t, counter.Count(context.Background(), "shard", batch))
	require.EqualValues(t, 2, enrolledIn(m, key))
	c := m.counters(key)
	require.EqualValues(t, 1, c.Figures().Poison)
	require.Contains(t, log.String(), "the delta is malformed")
	require.Contains(t, log.String(), `"Poison":1`)
}

func enrolledIn(m *model, key journeyKey) int64 {
	c := m.counters(key)
	f := c.Figures()
	return f.Totals().Enrolled
}
