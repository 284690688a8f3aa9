package virtual_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/virtual"
)

var update = flag.Bool("update", false, "rewrite the figures in docs/scale.md")

// TestMain trades memory for processor time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(300)
	os.Exit(m.Run())
}

// row is a figure of a scenario. Before is that of the engine of commit a6789b8, on which
// these scenarios ran in this package.
type row struct {
	what        string
	unit        string // "s", "min", "$", "%" or a noun
	before, now float64
	must        bound
}

// bound is what must hold of a figure.
type bound struct {
	text  string
	holds func(now float64) bool
}

var anything = bound{"", func(float64) bool { return true }}

func atMost(limit float64) bound {
	return bound{"at most", func(now float64) bool { return now <= limit }}.with(limit)
}

func atLeast(limit float64) bound {
	return bound{"at least", func(now float64) bool { return now >= limit }}.with(limit)
}

func (b bound) with(limit float64) bound {
	b.text += " " + figure(limit, "")
	return b
}

// report logs the figures of a scenario beside those before, and fails the test if one is
// not what it must be, or differs from docs/scale.md by more than its scatter.
func report(t *testing.T, scenario string, w *virtual.World, rows ...row) {
	t.Helper()
	if w != nil {
		logRun(t, scenario, w)
	}
	for _, r := range rows {
		t.Logf("%s: %s: %s, before %s", scenario, r.what, figure(r.now, r.unit), figure(r.before, r.unit))
		assert.True(t, r.must.holds(r.now), "%s: %s is %s, must be %s", scenario, r.what, figure(r.now, r.unit), r.must.text)
		document(t, scenario, r)
	}
}

func logRun(t *testing.T, scenario string, w *virtual.World) {
	t.Helper()
	t.Logf("%s: %v", scenario, &w.Count)
	for tenant, late := range w.Late {
		if len(w.Late) < 5 {
			t.Logf("%s: %s: %v", scenario, tenant, late)
		}
	}
}

const (
	page  = "../../../docs/scale.md"
	begin = "<!-- virtual -->\n"
	end   = "<!-- /virtual -->"
)

var pageLock sync.Mutex

// document holds a row of docs/scale.md to a figure, or writes it.
func document(t *testing.T, scenario string, r row) {
	t.Helper()
	pageLock.Lock()
	defer pageLock.Unlock()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	head, rest, opened := strings.Cut(string(text), begin)
	table, tail, closed := strings.Cut(rest, end)
	require.True(t, opened && closed, "docs/scale.md has no table of figures")
	key := fmt.Sprintf("| %s | %s |", scenario, r.what)
	row := fmt.Sprintf("%s %s | %s | %s |", key, figure(r.before, r.unit), figure(r.now, r.unit), r.must.text)
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	at := -1
	for i, line := range lines {
		if strings.HasPrefix(line, key) {
			at = i
		}
	}
	if *update {
		if at < 0 {
			lines = append(lines, row)
		} else {
			lines[at] = row
		}
		require.NoError(t, os.WriteFile(page, []byte(head+begin+strings.Join(lines, "\n")+"\n"+end+tail), 0o644))
		return
	}
	const command = "to write docs/scale.md anew, run: go test ./internal/dev/virtual -update"
	require.GreaterOrEqual(t, at, 0, "%s\n%s", key, command)
	cells := strings.Split(lines[at], " | ")
	require.Len(t, cells, 5, lines[at])
	assertNear(t, r.before, cells[2], key, command)
	assert.Equal(t, r.must.text+" |", cells[4], "%s\n%s", key, command)
	assertNear(t, r.now, cells[3], key, command)
}

// assertNear holds a figure of docs/scale.md to what was measured, but for its scatter: some
// depend on the order in which goroutines run.
func assertNear(t *testing.T, measured float64, cell, key, command string) {
	assert.InDelta(t, parse(t, cell), measured, max(math.Abs(measured)/5, 2), "%s\n%s", key, command)
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

// parse returns the number of a figure.
func parse(t *testing.T, text string) float64 {
	number, _, _ := strings.Cut(strings.TrimPrefix(text, "$"), " ")
	v, err := strconv.ParseFloat(strings.ReplaceAll(number, ",", ""), 64)
	require.NoError(t, err, text)
	return v
}

// bubble runs f in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	before := processorTime(t)
	synctest.Test(t, f)
	t.Logf("took %v of processor time", (processorTime(t) - before).Round(10*time.Millisecond))
}

// processorTime returns the processor time that this process has used.
func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
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
