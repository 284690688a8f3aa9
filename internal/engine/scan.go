package engine

import (
	"context"
	"time"

	"journeys/internal/journey"
)

// scan is one sweep's reading of one shard of the due index, page by page.
type scan struct {
	live      *sweptLive
	partition journey.Partition
	drain     bool            // all customers of the shard leave, due or not
	next      *journey.DueKey // where the next page begins; nil at the start and after the last page
	pages     int             // read so far
	empty     bool            // the shard has no keys
}

// sweptLive is a journey during one sweep.
type sweptLive struct {
	Live
	due      int        // customers that are due, of those that were read
	occupied int        // the lowest epoch that has customers, or was not read; Epoch for none
	waiting  [][]string // customers that do not fill a pack yet, by how often its size is halved
}

// newScans returns a scan of every shard of the journeys, the first shards of all
// journeys first.
func newScans(lives []*sweptLive) []*scan {
	var list []*scan
	for shard := range journey.MaxShards {
		for _, l := range lives {
			if shard >= l.Shards {
				continue
			}
			add := func(epoch int, drain bool) {
				p := journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: epoch, Shard: shard}
				list = append(list, &scan{live: l, partition: p, drain: drain})
			}
			for epoch := l.DrainFrom; epoch < l.Epoch; epoch++ {
				add(epoch, true)
			}
			if l.On {
				add(l.Epoch, false)
			}
		}
	}
	return list
}

// endOfTime is later than any due time.
var endOfTime = time.UnixMilli(1 << 52)

// occupy notes that the shard of an earlier epoch has customers, or was not read.
func (s *scan) occupy() { s.live.occupied = min(s.live.occupied, s.partition.Epoch) }

// read reads the next page.
func (s *scan) read(ctx context.Context, table Table, now time.Time) ([]journey.DueKey, error) {
	before := now
	if s.drain {
		before = endOfTime
	}
	page, next, err := table.Due(ctx, s.partition, before, s.next, PageSize)
	if err != nil {
		return nil, err
	}
	s.pages++
	s.empty = s.pages == 1 && len(page) == 0
	s.next = next
	return page, nil
}

// late returns how late a customer is. Those that leave are never late.
func (s *scan) late(key journey.DueKey, now time.Time) time.Duration {
	since := key.At
	if since.Before(s.live.Since) {
		since = s.live.Since
	}
	if s.drain || now.Before(since) {
		return 0
	}
	return now.Sub(since)
}
