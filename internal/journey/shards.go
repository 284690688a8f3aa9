package journey

import (
	"context"
	"io"
	"time"

	"journeys/internal/ident"
)

// The shards of a journey's part of the due index.
const (
	FirstShards  = 4      // of a new journey
	MaxShards    = 256    // the most
	SampleEvery  = 20_000 // new customers for each look at a shard
	CrowdedShard = 8_000  // customers of a shard; one with more is crowded
)

// sampleTimeout bounds a look at a shard: the answer of the enroll call waits for it.
const sampleTimeout = time.Second

// growCrowded doubles the shards of a journey if one of them is crowded. Where customers
// stand is settled when they are written, so it is too late once they are due. It looks
// only if Sample says so. An error is dropped: the next look, or tick, grows the journey.
func (s *Service) growCrowded(ctx context.Context, t ident.Tenant, j Journey, outcomes []Outcome) {
	enrolled := 0
	for _, o := range outcomes {
		if o.Result == OutcomeEnrolled {
			enrolled++
		}
	}
	if s.Sample == nil || j.Shards*2 > MaxShards || enrolled == 0 || !s.Sample(enrolled) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	var random [1]byte
	if _, err := io.ReadFull(s.entropy, random[:]); err != nil {
		return
	}
	// The upper half has only customers of the time since the shards were doubled last, so
	// that those from before do not double them again.
	half := max(j.Shards/2, 1)
	p := Partition{Tenant: t, Journey: j.ID, Epoch: j.Epoch, Shard: j.Shards - half + int(random[0])%half}
	if crowded, err := s.stores.Enrollments.Crowded(ctx, p); err == nil && crowded {
		_ = s.stores.Enrollments.DoubleShards(ctx, t, j.ID, j.Shards)
	}
}
