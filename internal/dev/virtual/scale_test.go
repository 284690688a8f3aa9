package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"journeys/internal/dev/virtual"
)

func TestTick_ReadsEveryShardEachMinute(t *testing.T) {
	for _, s := range []struct {
		journeys, shards   int
		unread, list, cost float64
		units              float64
	}{
		{2_700, 4, 800, 99, 41.9, 0.463},
		{10_000, 4, 30_001, 367, 43.3, 0.125},
		{100, 256, 15_600, 4, 41.5, 0.195},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			journeys(w, s.journeys, "acme", s.shards, "push")
			const ticks = 10
			w.Run(ticks, nil, nil)
			unread, all := w.Unread(ticks)
			report(t, fmt.Sprintf("%s journeys of %d shards, idle", figure(float64(s.journeys), ""), s.shards), w,
				row{"shards that were not read each minute", "", s.unread, float64(unread), atMost(0)},
				row{"read units a minute of each shard", "", s.units, w.Count.DueRRU / float64(all*ticks), atMost(0.5)},
				row{"read units a minute of the work list", "", s.list, w.Count.ListRRU / ticks, anything},
				row{"cost of 30 days", "$", s.cost, w.Count.Dollars() * 30 * 24 * 60 / ticks, anything},
			)
		})
	}
}

// Here tick and sweep also take the processor time that they have.
func TestSweep_ReadsEveryShardOfManyJourneys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Processor = true
		journeys(w, 100_000, "acme", 4, "push")
		const ticks = 2
		w.Run(ticks, nil, nil)
		unread, _ := w.Unread(ticks)
		report(t, "100,000 journeys of 4 shards, idle", w,
			row{"shards that were not read each minute", "", 390_001, float64(unread), atMost(0)},
			row{"calls of sweep a minute", "", 0, float64(w.Count.Sweeps) / ticks, anything},
			row{"time of a call of sweep", "s", 0, seconds(w.Count.LongestSweep), atMost(45)},
			row{"cost of 30 days", "$", 0, w.Count.Dollars() * 30 * 24 * 60 / ticks, anything},
		)
	})
}

func TestTick_ServesManyDueAtOnce(t *testing.T) {
	for _, s := range []struct {
		journeys int
		modelled bool
		p99      float64
	}{
		{1, false, 52.1},
		{10, true, 52.1},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			w.Modelled = s.modelled
			first, last := journeys(w, s.journeys, "acme", 4, "push")
			w.Spread(first, last, 300_000/s.journeys, time.Now().Add(-time.Second), time.Second)
			w.Run(4, nil, nil)
			report(t, fmt.Sprintf("300,000 customers due at once, of %d journeys", s.journeys), w,
				row{"lateness, p99", "s", s.p99, seconds(w.Late["acme"].Quantile(0.99)), atMost(90)},
				row{"open after 4 minutes", "customers", 0, float64(w.Count.Open), atMost(0)},
				row{"cost", "$", 0.648, w.Count.Dollars(), atMost(0.7)},
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

// A pack has customers of one journey only. Here each journey has one customer due each
// minute.
func TestTick_ServesJourneysInTurn(t *testing.T) {
	for _, s := range []struct {
		journeys    int
		before, max float64
	}{
		{2_500, 870, 90},
		{10_000, 888, 360},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			w.Modelled = true
			first, last := journeys(w, s.journeys, "acme", 4, "push")
			const minutes = 15
			w.Run(minutes, func(int) { w.Spread(first, last, 1, time.Now(), time.Minute) }, nil)
			report(t, fmt.Sprintf("%s journeys, a customer of each due each minute", figure(float64(s.journeys), "")), w,
				row{"lateness after 15 minutes, p99", "s", s.before, seconds(w.Late["acme"].Quantile(0.99)), atMost(s.max)},
				row{"packs a minute", "", 1_066, float64(w.Count.Packs) / minutes, anything},
			)
		})
	}
}

// In 500 journeys 10,000 customers are due each minute. In an outage tick does not run, or
// each call of advance fails.
func TestTick_CatchesUpAfterAnOutage(t *testing.T) {
	for _, s := range []struct {
		what                string
		minutes             int
		caughtUp, solo, max float64
	}{
		{"tick", 5, 1, 1_000, 3},
		{"tick", 60, 6, 6_000, 10},
		{"tick", 600, 45, 40_509, 40},
		{"advance", 60, 6, 61_000, 10},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			w.Modelled = true
			first, last := journeys(w, 500, "acme", 4, "push")
			down := func(minute int) bool { return minute >= 2 && minute < 2+s.minutes }
			if s.what == "advance" {
				w.Broken, down = down, nil
			}
			w.Run(2+s.minutes+max(12, s.minutes/20), func(int) { w.Spread(first, last, 20, time.Now(), time.Minute) }, down)
			report(t, fmt.Sprintf("outage of %s, %d minutes", s.what, s.minutes), w,
				row{"until no customer is 2 minutes late", "min", s.caughtUp, float64(w.Late["acme"].LastAbove(2*time.Minute) + 1 - 2 - s.minutes), atMost(s.max)},
				row{"packs of one", "", s.solo, float64(w.Count.Solo), anything},
			)
		})
	}
}
