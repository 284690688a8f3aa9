package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	what     string
	measured float64
	unit     string // stands behind the number; "" for a count
	floor    floor
	why      string // why the floor is missed; printed only when it is
}

// floor is what was promised. The zero value promises nothing.
type floor struct {
	rule  string // "at most", "at least" or ""
	value float64
}

func atMost(value float64) floor  { return floor{"at most", value} }
func atLeast(value float64) floor { return floor{"at least", value} }

// holds compares what the table shows: two decimals.
func (r row) holds() bool {
	shown := math.Round(r.measured*100) / 100
	switch r.floor.rule {
	case "at most":
		return shown <= r.floor.value
	case "at least":
		return shown >= r.floor.value
	}
	return true
}

// missedBy says how far the measured is beyond the floor, in per cent of it.
func (r row) missedBy() string {
	if r.floor.value == 0 {
		return r.number(r.measured)
	}
	return fmt.Sprintf("%.0f %%", 100*math.Abs(r.measured-r.floor.value)/r.floor.value)
}

// number writes a number with its unit: whole, or with two decimals below 100.
func (r row) number(n float64) string {
	text := strconv.FormatFloat(math.Round(n), 'f', -1, 64)
	if n < 100 && n != math.Trunc(n) {
		return strconv.FormatFloat(n, 'f', 2, 64) + r.unit
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text + r.unit
}

func tableOf(rows []row) string {
	cells := [][]string{{"what", "measured", "floor", "ok"}}
	for _, r := range rows {
		promised, ok := "-", "-"
		if r.floor.rule != "" {
			promised, ok = r.floor.rule+" "+r.number(r.floor.value), "yes"
			if !r.holds() {
				ok = "**no**"
			}
		}
		cells = append(cells, []string{r.what, r.number(r.measured), promised, ok})
	}
	var widths [4]int
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var text strings.Builder
	for n, line := range cells {
		fmt.Fprintf(&text, "| %-*s | %*s | %-*s | %-*s |\n", widths[0], line[0], widths[1], line[1], widths[2], line[2], widths[3], line[3])
		if n == 0 {
			dashes := func(i int) string { return strings.Repeat("-", widths[i]) }
			fmt.Fprintf(&text, "| %s | %s: | %s | %s |\n", dashes(0), dashes(1)[1:], dashes(2), dashes(3))
		}
	}
	return text.String()
}

func floors(rows []row) (n int) {
	for _, r := range rows {
		if r.floor.rule != "" {
			n++
		}
	}
	return n
}

func held(rows []row) (n int) {
	for _, r := range rows {
		if r.floor.rule != "" && r.holds() {
			n++
		}
	}
	return n
}

// pageOf returns docs/performance.md.
func pageOf(table, spent string, rows []row, machine string) string {
	var missed strings.Builder
	for _, r := range rows {
		if !r.holds() {
			fmt.Fprintf(&missed, "- %s: by %s. %s\n", r.what, r.missedBy(), r.why)
		}
	}
	if missed.Len() == 0 {
		missed.WriteString("Nothing.\n")
	}
	return "# Performance\n\nMeasured by `make bench`, which writes this page. Counts are the same on every machine; of times, look at the ratios:\n" +
		"both sides of each were measured in the same run.\n\n" + machine + "\n" + table +
		"\n## What misses its floor\n\n" + missed.String() + "\n## Where a customer's time goes\n\n" + spent + "\n## How it was measured\n\n" + how
}

// how is the part of the page that does not change.
const how = `- **Calls** go through the local gateway, the real authorizer and the real functions' files, to DynamoDB Local. A proxy
  before DynamoDB Local counts requests and new connections, and adds up the capacity that it reports, with three
  corrections by DynamoDB's rules. For batches of PartiQL DynamoDB Local reports nothing: the proxy counts a write unit
  for each started KB of an item, also when its condition fails, and one for the index when the item is written and has
  the index's keys, which are all that the index holds. Of a transaction it reports one item: the proxy counts two units
  for each started KB of every item, and for a query that finds nothing half a unit. All calls are to functions that were called before.
- **The list** has 10,000 journeys with names of 40 and descriptions of 60 characters.
- **The gateway** serves ` + "`GET /journeys/{id}`" + ` to 4 callers at a time, and so does the same handler in this process over
  net/http, in turns, on the same table. A call through the gateway is three more HTTP requests, JSON both ways, and a
  process that is thawed and frozen. The design has no floors for it; these are the bench's own.
- **Starts** are from the start of the process to its first request for work, the median of 31, each beside a start of an
  empty function with the same SDK clients, built in the same run. Sizes are of the files as they are deployed, for
  this machine's architecture, and the largest for both. A MB is 1,000,000 bytes.
- **Conditions and steps** are Go benchmarks, the best of 50 runs of 20,000: BenchmarkEval in internal/condition, BenchmarkStep in
  internal/journey, on one core.
- **Customers on their way**: 20,000 go through entry, wait (of a millisecond), split, decision, send and exit, in this
  process with the engine's own code on DynamoDB Local, and a provider that answers at once. Units and requests are
  those from enrolling to leaving, profiles aside. Processor time is this process's by getrusage, with the counting
  proxy in it, and DynamoDB Local's by /proc. An idle tick has 100 active journeys and nobody due.
- **Counting** is internal/analytics' counter on DynamoDB Local, with the writes of customers on their way through six
  nodes. The index has a part's key from its first write of the day on. Lambda hands over a second's records at a time,
  at most 1,000. **Analytics** are one query of the figures, with what the journey and its nodes are called. **A step's figure** is from the answer of an enroll call until ` + "`GET /journeys/{id}/analytics`" + ` shows it, on
  a machine of its own as ` + "`make run`" + ` starts it, asked 40 times a second; the median of 5.
- **Where a customer's time goes** is a CPU profile (runtime/pprof, 100 samples a second of each processor) of this
  process while these 20,000 are enrolled and moved. A sample counts for the innermost function on its stack that is of
  one of the classes; helpers of the standard library count for their callers, and all of the garbage collector's for
  it. The counting proxy's goroutines carry a label and stand apart.
`

// machineText tells where and when the page was made.
func machineText(loadBefore string) string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %s/%s, %d cores of %s, %s; load before: %s.\n", time.Now().UTC().Format(time.DateOnly),
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), model, runtime.Version(), loadBefore)
}

// load returns how busy the machine is, as Linux counts it over a minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}
