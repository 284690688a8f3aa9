package virtual_test

import (
	"testing"
	"time"

	"journeys/internal/dev/virtual"
)

func TestTick_ArchivesCostNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		toggled := w.Journey("acme", 2, "push")
		for range 400 {
			w.Archive(toggled)
		}
		w.Run(1, nil, nil)
		report(t, "a journey that was archived and unarchived 400 times", w,
			row{"queries of a tick", "", 803, float64(w.Count.Queries), anything},
		)
	})
}

// A hostile tenant has 10,000 journeys, as many as it may. On each a customer is due each
// minute, whose channel hangs. One of them was archived and unarchived 400 times. Another
// tenant has 10 journeys with 1,000 customers due each minute.
func TestTenants_HostileOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["hanging"] = &virtual.Channel{Hangs: true}
		first, last := journeys(w, 10_000, "hostile", 4, "hanging")
		calm, end := journeys(w, 10, "calm", 4, "push")
		for range 400 {
			w.Archive(last - 1)
		}
		w.Run(15, func(int) {
			w.Spread(first, last-1, 1, time.Now(), time.Minute)
			w.Spread(calm, end, 100, time.Now(), time.Minute)
		}, nil)
		report(t, "two tenants, of which one is hostile", w,
			row{"lateness of the other's customers, p99", "s", 891, seconds(w.Late["calm"].Quantile(0.99)), anything},
			row{"customers who left", "", 0, float64(w.Count.Left), anything},
		)
	})
}
