package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/virtual"
)

// A tenant has 20,000 customers in the line of a channel, of 40 journeys. Another has 60
// due each minute.
func TestLines_ALongOneDelaysNoOtherTenant(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["rated"] = &virtual.Channel{Takes: virtual.AnswerTime, Rate: 14}
		first, last := journeys(w, 40, "large", 4, "rated")
		small, end := journeys(w, 1, "small", 4, "rated")
		w.Spread(first, last, 500, time.Now().Add(-time.Minute), time.Minute)
		w.Run(10, func(minute int) {
			if minute > 1 && minute < 8 {
				w.Spread(small, end, 60, time.Now(), time.Minute)
			}
		}, nil)
		ch := w.Channels["rated"]
		report(t, "20,000 customers of a tenant in line at 14 a second, and 60 of another each minute", w,
			row{"of the rate", "%", 92.7, 100 * float64(len(ch.Sent)) / (10 * 60 * 14), atLeast(85)},
			row{"most messages in 10 seconds", "", 141, float64(most(ch.Sent, 10*time.Second)), atMost(145)},
			row{"write units for each message", "", 50.9, float64(w.Count.WRU) / float64(len(ch.Sent)), anything},
		)
		late := w.Late["small"].Quantile(0.99) // it scatters too much for docs/scale.md: 63 to 121 s; 477 s when all tenants stood in one line
		require.LessOrEqual(t, late, 3*time.Minute)
	})
}

// Of five tenants, which come to the line one after the other, one has few customers.
func TestLines_TenantsShareTheSlots(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := virtual.New()
		w.Channels["rated"] = &virtual.Channel{Takes: virtual.AnswerTime, Rate: 14}
		var numbers []int
		for i := range 5 {
			first, _ := journeys(w, 1, fmt.Sprint("tenant", i), 4, "rated")
			numbers = append(numbers, first)
		}
		before := map[string]int{}
		ch := w.Channels["rated"]
		w.Run(14, func(minute int) {
			if minute < 5 {
				n := []int{4000, 4000, 200, 4000, 4000}[minute]
				w.Spread(numbers[minute], numbers[minute]+1, n, time.Now().Add(-time.Second), time.Second)
			}
			if minute == 7 {
				for tenant, n := range ch.By {
					before[tenant] = n
				}
			}
		}, nil)
		least, greatest := 1<<30, 0
		for _, i := range []int{0, 1, 3, 4} {
			n := ch.By[fmt.Sprint("tenant", i)] - before[fmt.Sprint("tenant", i)]
			least, greatest = min(least, n), max(greatest, n)
		}
		report(t, "five tenants in line at 14 a second, one of them with 200 customers", w,
			row{"of the rate", "%", 86.7, 100 * float64(len(ch.Sent)) / (14 * 60 * 14), atLeast(82)},
			row{"most messages in 10 seconds", "", 141, float64(most(ch.Sent, 10*time.Second)), atMost(145)},
			row{"write units for each message", "", 38.1, float64(w.Count.WRU) / float64(len(ch.Sent)), anything},
		)
		t.Logf("messages of the others: %d to %d; lateness of the 200: %v", least, greatest, w.Late["tenant2"])
		require.GreaterOrEqual(t, float64(least)/float64(greatest), 0.7, "64 % when all tenants stood in one line")
		require.LessOrEqual(t, w.Late["tenant2"].Quantile(0.9999), 3*time.Minute, "721 s when all tenants stood in one line")
	})
}
