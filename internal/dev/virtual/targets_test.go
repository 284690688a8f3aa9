package virtual_test

import (
	"testing"
	"time"

	"journeys/internal/dev/virtual"
)

// A tenant has 1,000 customers due each minute, beside another with 10,000 on a channel
// that hangs.
func TestAdvance_HangingChannel(t *testing.T) {
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
			row{"lateness of another tenant's customers, p99", "s", 798, seconds(w.Late["calm"].Quantile(0.99)), atMost(120)},
			row{"requests to the channel", "", 50_400, float64(w.Channels["hanging"].Asked), atMost(1_000)},
			row{"cost", "$", 0.352, w.Count.Dollars(), anything},
		)
	})
}

// The channel takes 14 messages a second and refuses more.
func TestAdvance_ThrottledChannel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["throttled"] = &virtual.Channel{Takes: virtual.AnswerTime, Refuses: 14}
		calm, _ := journeys(w, 10, "calm", 4, "push")
		other, last := journeys(w, 10, "other", 4, "throttled")
		w.Spread(other, last, 1_000, time.Now(), time.Minute)
		w.Run(15, func(int) { w.Spread(calm, other, 100, time.Now(), time.Minute) }, nil)
		ch := w.Channels["throttled"]
		report(t, "a channel throttles beyond 14 a second", w,
			row{"sent of 10,000 in 15 minutes", "", 393, float64(len(ch.Sent)), anything},
			row{"requests to the channel", "", 137_439, float64(ch.Asked), anything},
			row{"cost", "$", 0.41, w.Count.Dollars(), anything},
			row{"lateness of another tenant's customers, p99", "s", 61, seconds(w.Late["calm"].Quantile(0.99)), anything},
		)
	})
}

func TestAdvance_RatePerSecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["rated"] = &virtual.Channel{Takes: virtual.AnswerTime, Rate: 14}
		first, last := journeys(w, 10, "acme", 4, "rated")
		w.Spread(first, last, 1_000, time.Now(), time.Minute)
		w.Run(15, nil, nil)
		ch := w.Channels["rated"]
		report(t, "ratePerSecond of 14", w,
			row{"most messages in a second", "", 314, float64(most(ch.Sent, time.Second)), atMost(2 * 14)},
			row{"most messages in 10 seconds", "", 366, float64(most(ch.Sent, 10*time.Second)), atMost(11 * 14)},
			row{"sent of 10,000 in 15 minutes", "", 4_400, float64(len(ch.Sent)), atLeast(0.9 * 14 * 13 * 60)},
			row{"write units for each sent", "", 98.7, float64(w.Count.WRU) / float64(len(ch.Sent)), anything},
		)
	})
}
