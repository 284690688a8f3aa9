package virtual_test

import (
	"testing"
	"time"

	"journeys/internal/dev/virtual"
)

// A tenant has 1,000 customers due each minute, beside another with 10,000 on a channel
// that hangs.
func TestAdvance_HangingChannelDelaysNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["hanging"] = &virtual.Channel{Hangs: true}
		calm, _ := journeys(w, 10, "calm", 4, "push")
		other, last := journeys(w, 10, "other", 4, "hanging")
		w.Run(15, func(int) {
			w.Spread(calm, other, 100, time.Now(), time.Minute)
			w.Spread(other, last, 1_000, time.Now(), time.Minute)
		}, nil)
		report(t, "a channel hangs", w,
			row{"lateness of another tenant's customers, p99", "s", 802, seconds(w.Late["calm"].Quantile(0.99)), atMost(120)},
			row{"requests to the channel", "", 50_399, float64(w.Channels["hanging"].Asked), atMost(2_000)},
			row{"seconds of functions", "GB-s", 10_676, w.Count.GBSeconds, anything},
			row{"cost", "$", 0.352, w.Count.Dollars(), anything},
		)
	})
}

// The channel answers, but after 8 seconds.
func TestAdvance_SlowChannelDelaysNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["slow"] = &virtual.Channel{Takes: 8 * time.Second}
		calm, _ := journeys(w, 10, "calm", 4, "push")
		other, last := journeys(w, 10, "other", 4, "slow")
		w.Run(8, func(int) {
			w.Spread(calm, other, 100, time.Now(), time.Minute)
			w.Spread(other, last, 1_000, time.Now(), time.Minute)
		}, nil)
		report(t, "a channel takes 8 seconds for each message", w,
			row{"lateness of another tenant's customers, p99", "s", 300, seconds(w.Late["calm"].Quantile(0.99)), atMost(120)},
			row{"messages sent in 8 minutes", "", 33_305, float64(len(w.Channels["slow"].Sent)), anything},
		)
	})
}

// The channel takes 14 messages a second and refuses more.
func TestAdvance_ThrottledChannelDelaysNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["throttled"] = &virtual.Channel{Takes: virtual.AnswerTime, Refuses: 14}
		calm, _ := journeys(w, 10, "calm", 4, "push")
		other, last := journeys(w, 10, "other", 4, "throttled")
		w.Spread(other, last, 1_000, time.Now(), time.Minute)
		w.Run(15, func(int) { w.Spread(calm, other, 100, time.Now(), time.Minute) }, nil)
		ch := w.Channels["throttled"]
		report(t, "a channel throttles beyond 14 a second, without ratePerSecond", w,
			row{"lateness of another tenant's customers, p99", "s", 60.8, seconds(w.Late["calm"].Quantile(0.99)), atMost(120)},
			row{"sent of 10,000 in 15 minutes", "", 393, float64(len(ch.Sent)), anything},
			row{"requests to the channel", "", 137_439, float64(ch.Asked), anything},
			row{"cost", "$", 0.41, w.Count.Dollars(), anything},
		)
	})
}

// 10,000 customers of 10 journeys are due within a minute; at the channel's rate that takes
// 12 minutes. Others are due meanwhile on a channel without a rate.
func TestAdvance_RatePerSecondHoldsForAllWorkers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["rated"] = &virtual.Channel{Takes: virtual.AnswerTime, Rate: 14}
		calm, _ := journeys(w, 10, "calm", 4, "push")
		first, last := journeys(w, 10, "acme", 4, "rated")
		w.Spread(first, last, 1_000, time.Now().Add(-time.Minute), time.Minute)
		begun := time.Now()
		w.Run(15, func(int) { w.Spread(calm, first, 100, time.Now(), time.Minute) }, nil)
		ch := w.Channels["rated"]
		line := 0 // sent while there was a line
		for _, at := range ch.Sent {
			if at.Before(begun.Add(11 * time.Minute)) {
				line++
			}
		}
		report(t, "ratePerSecond of 14", w,
			row{"most messages in a second", "", 382, float64(most(ch.Sent, time.Second)), anything},
			row{"most messages in 10 seconds", "", 505, float64(most(ch.Sent, 10*time.Second)), atMost(145)},
			row{"of the rate, while there is a line", "%", 53.4, 100 * float64(line) / (11 * 60 * 14), atLeast(90)},
			row{"sent of 10,000 in 15 minutes", "", 6_441, float64(len(ch.Sent)), atLeast(10_000)},
			row{"cost for each 1,000 sent", "$", 0.0479, w.Count.Dollars() / float64(len(ch.Sent)) * 1000, anything},
			row{"lateness of another tenant's customers, p99", "s", 60.6, seconds(w.Late["calm"].Quantile(0.99)), atMost(120)},
		)
	})
}
