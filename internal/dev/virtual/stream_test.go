package virtual_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/virtual"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/trail"
)

// parts is the table of the figures, whose writes take virtual.WriteTime.
type parts struct {
	mu     sync.Mutex
	stored map[analytics.PartKey]analytics.Part
	puts   int
}

func (p *parts) PutPart(_ context.Context, next analytics.Part) (analytics.Part, error) {
	time.Sleep(virtual.WriteTime)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.puts++
	if stored, ok := p.stored[next.PartKey]; ok && (stored.Born != next.Born || stored.Rev != next.Rev-1) || !ok && next.Rev != 1 {
		return stored, analytics.ErrStale
	}
	p.stored[next.PartKey] = next
	return next, nil
}

// batchTime is how long count takes to read a batch of 1,000 records: docs/cost.md.
const batchTime = 90 * time.Millisecond

// Customers of one journey move without a pause, so that each shard of the table's stream
// has a batch of 1,000 records each second. All shards write the same two items.
func TestCount_KeepsUpWithManyStreamShards(t *testing.T) {
	tenant, _ := ident.ParseTenant("acme")
	for _, s := range []struct {
		shards int
		must   bound
	}{{100, atMost(1)}, {150, atMost(1)}, {200, anything}} {
		shards := s.shards
		bubble(t, func(t *testing.T) {
			p := &parts{stored: map[analytics.PartKey]analytics.Part{}}
			const minutes = 1
			concurrency := manifest.Count.Concurrency
			environments := make(chan *analytics.Counter, concurrency)
			for range concurrency {
				environments <- &analytics.Counter{Parts: p, Now: time.Now, Log: slog.New(slog.DiscardHandler), Parallel: 16}
			}
			end := time.Now().Add(minutes * time.Minute)
			behind := make([]time.Duration, shards)
			var running sync.WaitGroup
			for shard := range shards {
				running.Go(func() {
					// The shards' batches do not come at the same moment.
					ready := time.Now().Add(time.Second * time.Duration(shard) / time.Duration(shards))
					for n := 0; ready.Before(end); n++ {
						time.Sleep(time.Until(ready))
						counter := <-environments
						time.Sleep(batchTime)
						err := counter.Count(t.Context(), fmt.Sprintf("shard-%d", shard), []analytics.Record{{
							Number: fmt.Sprintf("%021d", n+1), Tenant: tenant, Journey: "jrn_0",
							Write: analytics.Write{Graph: "g", Version: 1, At: time.Now(), Delta: trail.Delta{trail.DeltaForm, byte(trail.MarkEnrolled)}},
						}})
						environments <- counter
						require.NoError(t, err)
						behind[shard] = max(behind[shard], time.Since(ready))
						ready = ready.Add(time.Second)
					}
				})
			}
			running.Wait()
			worst := time.Duration(0)
			for _, b := range behind {
				worst = max(worst, b)
			}
			report(t, fmt.Sprintf("%d stream shards with a full batch each second, of one journey", shards), nil,
				row{"count is behind, after a minute", "s", seconds(worst), seconds(worst), s.must},
				row{"writes for a batch", "", float64(p.puts) / float64(shards*60*minutes), float64(p.puts) / float64(shards*60*minutes), anything},
			)
		})
	}
}
