package virtual

import (
	"context"
	"time"

	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// serve stands for engine.Advance in runs with too many customers for it: it takes the
// time and the units that the real one takes, and all customers leave.
func (w *World) serve(ctx context.Context, pack engine.Pack) error {
	n := len(pack.Customers)
	rounds := time.Duration((n + parallel - 1) / parallel)
	takes := 2*QueryTime + 2*WriteTime + rounds*AnswerTime
	if !elapse(ctx, takes) {
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Count.Loads++
	w.Count.LoadRRU += float64(1 + 2*n)
	now := time.Now().UnixMilli()
	for _, name := range pack.Customers {
		id := customerID(name)
		c := &w.customers[id]
		if c.due == 0 || c.due > now {
			continue
		}
		w.Count.WRU += 2 + w.place(id, 0, 1, 0)
		w.left(c, progress.Completed)
	}
	return nil
}

func (j *liveJourney) partition(epoch, shard int) journey.Partition {
	return journey.Partition{Tenant: j.live.Tenant, Journey: j.live.Journey, Epoch: epoch, Shard: shard}
}
