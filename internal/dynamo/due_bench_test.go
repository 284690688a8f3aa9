package dynamo_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/journey"
)

// BenchmarkDue measures the processor time of this process for reading a page of a shard of the
// due index: an empty one, as most are at any minute, and a full one.
func BenchmarkDue(b *testing.B) {
	s, _ := store(b)
	list := inside(1, customers(0, engine.PageSize)...)
	id := list[0].Journey
	s.Enrollments.Insert(b.Context(), demo, 1, list)
	for _, page := range []struct {
		name    string
		shard   int
		entries int
	}{{"empty", 1, 0}, {"full", 0, engine.PageSize}} {
		b.Run(page.name, func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				keys, _, err := s.Engine.Due(b.Context(), journey.Partition{Tenant: demo, Journey: id, Epoch: list[0].Epoch, Shard: page.shard}, start.AddDate(1, 0, 0), nil, engine.PageSize)
				require.NoError(b, err)
				require.Len(b, keys, page.entries)
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// processorTime returns the processor time that this process has used.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
