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
