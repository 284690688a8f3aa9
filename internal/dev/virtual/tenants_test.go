package virtual_test

import (
	"testing"
	"time"

	"journeys/internal/dev/virtual"
)

// A journey is archived and unarchived, as fast as that is allowed, while another is not.
func TestTick_ArchivesCostLittle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const ticks = 10
		ordinary := virtual.New()
		ordinary.Journey("acme", 2, "push")
		ordinary.Run(ticks, nil, nil)
		w := virtual.New()
		toggled := w.Journey("acme", 2, "push")
		w.Run(ticks, func(int) {
			for range 400 / ticks {
				w.Archive(toggled)
			}
		}, nil)
		report(t, "a journey of 2 shards, archived and unarchived 400 times in 10 minutes", w,
			row{"queries of a tick", "", 443, float64(w.Count.Queries) / ticks, atMost(3 + 2*9)},
			row{"of an ordinary one", "", 3, float64(ordinary.Count.Queries) / ticks, atMost(5)},
		)
	})
}

// A hostile tenant has 10,000 journeys, as many as it may. On each a customer is due each
// minute, whose channel hangs, and each is archived and unarchived as often as it may be.
// Another tenant has 10 journeys with 1,000 customers due each minute.
func TestTenants_HostileOneDelaysNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["hanging"] = &virtual.Channel{Hangs: true}
		first, last := journeys(w, 10_000, "hostile", 4, "hanging")
		calm, end := journeys(w, 10, "calm", 4, "push")
		for range 400 {
			w.Archive(last - 1)
		}
		w.Run(8, func(int) {
			w.Spread(first, last-1, 1, time.Now(), time.Minute)
			w.Spread(calm, end, 100, time.Now(), time.Minute)
		}, nil)
		unread, _ := w.Unread(8)
		report(t, "two tenants, of which one is hostile", w,
			row{"lateness of the other's customers, p99", "s", 475, seconds(w.Late["calm"].Quantile(0.99)), atMost(120)},
			row{"shards that were not read each minute", "", 30_041, float64(unread), atMost(0)},
			row{"cost", "$", 0.0726, w.Count.Dollars(), anything},
		)
	})
}

// The hostile tenant archives and unarchives all of its 10,000 journeys as often as it may.
func TestTenants_ArchivesDelayNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		first, last := journeys(w, 10_000, "hostile", 4, "push")
		calm, end := journeys(w, 10, "calm", 4, "push")
		const minutes = 6
		w.Run(minutes, func(int) {
			for j := first; j < last; j++ {
				for range 8 {
					w.Archive(j)
				}
			}
			w.Spread(calm, end, 100, time.Now(), time.Minute)
		}, nil)
		report(t, "10,000 journeys of a hostile tenant, archived and unarchived 8 times a minute", w,
			row{"queries a minute", "", 10_001, float64(w.Count.Queries) / minutes, anything},
			row{"shards unread in the last minute, by the metric", "", 0, w.Metrics.Last("ShardsUnread"), anything},
			row{"lateness of the other's customers, p99", "s", 356, seconds(w.Late["calm"].Quantile(0.99)), atMost(120)},
		)
	})
}
