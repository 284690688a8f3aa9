package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/virtual"
)

// Channels that answer just before they count as slow. Each of the greedy tenants has 30,000
// customers due each minute, from the first minute on. Another tenant has 400.
func TestTenants_ThoseWithCostlyPacksDelayNoOther(t *testing.T) {
	for _, s := range []struct {
		greedy   int
		channels string
		what     string
		p99, p50 float64 // before
		sent     float64
	}{
		{1, "a", "30,000 customers due a minute, on a channel that takes 1.95 s", 199.7, 97.2, 133_922},
		{3, "a,b,c,d", "the same for three tenants, on four such channels after one another", 414.1, 194.3, 132_513},
	} {
		bubble(t, func(t *testing.T) {
			w := virtual.New()
			for _, name := range []string{"a", "b", "c", "d"} {
				w.Channels[name] = &virtual.Channel{Takes: 1950 * time.Millisecond}
			}
			calm, end := journeys(w, 10, "calm", 4, "push")
			var firsts, lasts []int
			for i := range s.greedy {
				first, last := journeys(w, 10, fmt.Sprintf("greedy%d", i), 4, s.channels)
				firsts, lasts = append(firsts, first), append(lasts, last)
			}
			const minutes = 8
			w.Run(minutes, func(int) {
				w.Spread(calm, end, 40, time.Now(), time.Minute)
				for i := range firsts {
					w.Spread(firsts[i], lasts[i], 3_000, time.Now(), time.Minute)
				}
			}, nil)
			sent := 0
			for _, ch := range w.Channels {
				sent += len(ch.Sent)
			}
			late := w.Late["calm"]
			report(t, s.what, w,
				row{"lateness of another tenant's customers, p99", "s", s.p99, seconds(late.Quantile(0.99)), atMost(120)},
				row{"lateness of another tenant's customers, p50", "s", s.p50, seconds(late.Quantile(0.5)), anything},
				row{"messages sent in 8 minutes", "", s.sent, float64(sent), atLeast(100_000)},
			)
			require.Less(t, w.Count.Costs, 200, "writes of costs")
		})
	}
}

// What a tenant has in line at a channel with a rate takes workers for the time of its slots
// only, so that its customers on other channels are in time.
func TestTenants_WaitingForSlotsIsNoCost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["rated"] = &virtual.Channel{Takes: virtual.AnswerTime, Rate: 14}
		w.Channels["fast"] = &virtual.Channel{Takes: virtual.AnswerTime}
		line, _ := journeys(w, 1, "shop", 4, "rated")
		first, last := journeys(w, 20, "shop", 4, "fast")
		const minutes, each = 8, 100_000
		w.Run(minutes, func(minute int) {
			if minute == 0 {
				w.Spread(line, line+1, 10_000, time.Now().Add(-time.Second), time.Second)
			}
			w.Spread(first, last, each/20, time.Now(), time.Minute)
		}, nil)
		sent := len(w.Channels["fast"].Sent)
		report(t, "a line at 14 a second, and 100,000 customers of the same tenant due a minute on another channel", w,
			row{"messages sent on that one in 8 minutes", "", 700_010, float64(sent), atLeast((minutes - 1) * each)}, // those of the last minute are late
			row{"of the rate", "%", 90.2, 100 * float64(len(w.Channels["rated"].Sent)) / (14 * 60 * minutes), anything},
		)
		require.Zero(t, w.Count.Costs, "writes of costs")
	})
}
