package virtual_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"journeys/internal/dev/virtual"
)

// row is a figure of a scenario. Before is the figure of the engine at 589ba8d, which read
// the shards one after another, in a fixed order; the commit that added this package ran
// its scenarios on it.
type row struct {
	what        string
	unit        string // "s", "min", "$", "%", "RRU" or a noun
	before, now float64
}

// report logs the figures of a scenario beside those before.
func report(t *testing.T, scenario string, w *virtual.World, rows ...row) {
	t.Helper()
	t.Logf("%s: %v", scenario, &w.Count)
	for tenant, late := range w.Late {
		t.Logf("%s: %s: %v", scenario, tenant, late)
	}
	for _, r := range rows {
		t.Logf("%s: %s: %s, before %s", scenario, r.what, figure(r.now, r.unit), figure(r.before, r.unit))
		assert.InDelta(t, r.before, r.now, max(math.Abs(r.before)*0.1, 2), "%s: %s", scenario, r.what)
	}
}

// figure returns a figure with three digits that count, and its unit.
func figure(v float64, unit string) string {
	decimals := 0
	if v != 0 && math.Abs(v) < 100 && v != math.Trunc(v) {
		decimals = max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, rest, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	if unit == "$" {
		return "$" + whole
	}
	return strings.TrimSpace(whole + " " + unit)
}

// bubble runs f in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	begun := time.Now()
	synctest.Test(t, f)
	t.Logf("took %v", time.Since(begun).Round(10*time.Millisecond))
}

// journeys adds n journeys of a tenant.
func journeys(w *virtual.World, n int, tenant string, shards int, channel string) (first, last int) {
	for range n {
		last = w.Journey(tenant, shards, channel) + 1
	}
	return last - n, last
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// most returns the most messages in a stretch of time.
func most(sent []time.Time, stretch time.Duration) (n int) {
	for i, j := 0, 0; i < len(sent); i++ {
		for sent[i].Sub(sent[j]) >= stretch {
			j++
		}
		n = max(n, i-j+1)
	}
	return n
}
