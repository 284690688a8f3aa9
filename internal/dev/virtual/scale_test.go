package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"journeys/internal/dev/virtual"
)

func TestTick_ReadsEveryShardEachMinute(t *testing.T) {
	for _, s := range []struct {
		name             string
		journeys, shards int
		unread, cost     float64
	}{
		{"2,700 journeys of 4 shards, idle", 2_700, 4, 800, 0.0291},
		{"10,000 journeys of 4 shards, idle", 10_000, 4, 30_001, 0.0301},
		{"100 journeys of 256 shards, idle", 100, 256, 15_600, 0.0288},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			journeys(w, s.journeys, "acme", s.shards, "push")
			const ticks = 10
			w.Run(ticks, nil, nil)
			unread, all := w.Unread(ticks)
			report(t, s.name, w,
				row{"shards that were not read each minute", "", s.unread, float64(unread), atMost(0)},
				row{"time that a tick takes", "s", 50, seconds(w.Count.LongestTick), atMost(50)},
				row{"read units a minute, of each shard", "", 0.5, w.Count.DueRRU / float64(all*ticks), atMost(0.5)},
				row{"read units a minute, of the list", "", 0, w.Count.ListRRU / ticks, anything},
				row{"cost of a month", "$", s.cost * 30 * 24 * 60 / 30, w.Count.Dollars() * 30 * 24 * 60 / ticks, anything},
			)
		})
	}
}

func TestTick_ServesManyDueAtOnce(t *testing.T) {
	for _, s := range []struct {
		journeys  int
		p99, cost float64
	}{
		{1, 52.1, 0.648},
		{10, 52.1, 0.648},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			first, last := journeys(w, s.journeys, "acme", 4, "push")
			w.Spread(first, last, 300_000/s.journeys, time.Now().Add(-time.Second), time.Second)
			w.Run(5, nil, nil)
			report(t, fmt.Sprintf("300,000 customers due at once, of %d journeys", s.journeys), w,
				row{"lateness, p99", "s", s.p99, seconds(w.Late["acme"].Quantile(0.99)), atMost(120)},
				row{"cost", "$", s.cost, w.Count.Dollars(), atMost(0.7)},
			)
		})
	}
}

func TestTick_KeepsUpWithManyJourneys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Modelled = true
		first, last := journeys(w, 2_000, "acme", 4, "push")
		w.Run(15, func(int) { w.Spread(first, last, 50, time.Now(), time.Minute) }, nil)
		report(t, "100,000 customers due a minute, of 2,000 journeys", w,
			row{"lateness after 15 minutes, p99", "s", 747, seconds(w.Late["acme"].Quantile(0.99)), atMost(90)},
			row{"open after 15 minutes", "customers", 455_366, float64(w.Count.Open), atMost(110_000)},
		)
	})
}

// In these journeys 10,000 customers are due each minute.
func TestTick_CatchesUpAfterAnOutage(t *testing.T) {
	for _, s := range []struct {
		minutes        int
		caughtUp, cost float64
	}{
		{5, 1, 1_000},
		{60, 6, 6_000},
		{600, 45, 40_509},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			w.Modelled = true
			first, last := journeys(w, 500, "acme", 4, "push")
			w.Run(2+s.minutes+60, func(int) { w.Spread(first, last, 20, time.Now(), time.Minute) },
				func(minute int) bool { return minute >= 2 && minute < 2+s.minutes })
			report(t, fmt.Sprintf("outage of %d minutes", s.minutes), w,
				row{"until nobody is 2 minutes late", "min", s.caughtUp, float64(w.Late["acme"].LastAbove(2*time.Minute) + 1 - 2 - s.minutes), anything},
				row{"packs of one", "", s.cost, float64(w.Count.Solo), anything},
			)
		})
	}
}
