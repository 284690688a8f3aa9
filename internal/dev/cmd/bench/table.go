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

// row is one measured figure, and its line in the table.
type row struct {
	what     string
	measured float64
	unit     string // follows the number; "" for a count
	floor    floor
	why      string // why it misses the floor; printed only then
	hidden   bool   // checked, but not in the table
}

// floor is the limit of a figure. The zero value is no limit.
type floor struct {
	rule  string // "at most", "at least" or ""
	value float64
}

func atMost(value float64) floor  { return floor{"at most", value} }
func atLeast(value float64) floor { return floor{"at least", value} }

// holds reports whether the figure, rounded to the two decimals that the table
// shows, keeps its floor.
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

// missedBy returns how far the figure is beyond its floor, in percent of the
// floor.
func (r row) missedBy() string {
	if r.floor.value == 0 {
		return r.number(r.measured)
	}
	return fmt.Sprintf("%.0f %%", 100*math.Abs(r.measured-r.floor.value)/r.floor.value)
}

// number formats n with the row's unit: with two decimals if it is below 100 and
// not whole, otherwise rounded.
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

// showWorst hides all of a list of rows but the one that measured the most, and
// names that one. The rows are of one figure of several functions, by their names.
func showWorst(figure string, functions []string, rows []row) []row {
	worst := 0
	for i := range rows {
		rows[i].hidden = true
		if rows[i].measured > rows[worst].measured {
			worst = i
		}
	}
	rows[worst].hidden = false
	rows[worst].what = fmt.Sprintf("%s, worst of %d functions: %s", figure, len(rows), functions[worst])
	return rows
}

// tableOf returns the rows that are not hidden as a Markdown table.
func tableOf(rows []row) string {
	cells := [][]string{{"what", "measured", "floor", "ok"}}
	for _, r := range rows {
		if r.hidden {
			continue
		}
		limit, ok := "-", "-"
		if r.floor.rule != "" {
			limit, ok = r.floor.rule+" "+r.number(r.floor.value), "yes"
			if !r.holds() {
				ok = "**no**"
			}
		}
		cells = append(cells, []string{r.what, r.number(r.measured), limit, ok})
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

// floors returns the number of rows with a floor.
func floors(rows []row) (n int) {
	for _, r := range rows {
		if r.floor.rule != "" {
			n++
		}
	}
	return n
}

// held returns the number of rows that keep their floor.
func held(rows []row) (n int) {
	for _, r := range rows {
		if r.floor.rule != "" && r.holds() {
			n++
		}
	}
	return n
}

// pageOf returns the text of docs/performance.md.
func pageOf(table, spent string, rows []row, machine string) string {
	var missed strings.Builder
	for _, r := range rows {
		if !r.holds() {
			fmt.Fprintf(&missed, "- %s: by %s. %s\n", r.what, r.missedBy(), r.why)
		}
	}
	if missed.Len() == 0 {
		missed.WriteString("None.\n")
	}
	return "# Performance\n\nMeasured by `make bench`, which writes this page. Counts are the same on every machine. Times are not: compare\n" +
		"the ratios, whose two sides were measured in the same run.\n\n" + machine + "\n" + table +
		"\n## Missed floors\n\n" + missed.String() + "\n## Where a customer's time goes\n\n" + spent + "\n## How it was measured\n\n" + how
}

// how is the part of the page that is the same in every run.
const how = `- **Calls** go through the local gateway, the real authorizer and the functions' real files to DynamoDB Local. All of
  the functions are warm. A proxy in front of DynamoDB Local counts requests and new connections, and adds up the reported
  capacity, with three corrections by DynamoDB's rules. For batches of PartiQL statements DynamoDB Local reports nothing:
  the proxy counts a write unit for each started KB of an item, also if its condition fails, and one for the index if the
  item is written and has the index's keys, which are all that the index holds. Of a transaction it reports one item: the
  proxy counts two units for each started KB of every item. For a query that finds nothing the proxy counts half a unit.
  A call that stores customers reads up to 16 items of the fence before and after. They exist only for an hour after a
  customer was forgotten, and are not counted here; DynamoDB charges a unit for each, also if it does not exist.
- **The list** has 10,000 journeys with names of 40 and descriptions of 2,000 characters.
  A page of 200 takes two requests for the descriptions. Every order, and ` + "`q`" + `, reads all journeys of the
  tenant, but descriptions only of the page.
- **A journey** is an item, and a text item with its description, its authors and its entry condition; a read takes both.
  Creating one also writes its graph, its version and the tenant's count. Every change stores an entry of the history in
  the same transaction, for two units; a change by another author than the last one writes the text item too. Deleting a
  journey also deletes its text, its version and its draft, each for two units, also if there is no draft.
- **Drafts** are of a graph of less than 1 KB, beside an active journey. Every further KB takes two write units each time
  a draft is stored, and again when it is published and removed; every further 4 KB a read unit. A process keeps graphs
  that it has read; reading another one, or the appearance of moved nodes, is a request more. Publishing keeps the
  earlier graph's labels with its figures, in a request of its own. If nothing has been counted yet, that write is
  refused, and not counted here; DynamoDB charges a unit for it.
- **` + "`GET /analytics`" + `** takes one query for each journey that is no draft, beside the list: a read unit for each 8 KB of
  its figures. A page has at most 100 journeys.
- **A customer's journeys** are one query, and one batch of the journeys' names and nodes. Customers in earlier graphs,
  of which there are none here, take a request for each graph that the process has not read.
- **Actions on 100 customers** are one call. Each customer takes a read of the journey, a read of the enrollment, and a
  write that requires the enrollment as read. The index takes one unit to remove an entry, two to move one.
- **Names** are one item of a tenant, of less than 32 KB. A process reads it before its first write of the tenant's names
  and writes it for each call with new ones: a unit for each KB. The first event's row has such a read and a write.
- **The gateway** serves ` + "`GET /journeys/{id}`" + ` to 4 callers at a time. In turns with it, the same handler serves them in
  this process over net/http, from the same table. A call through the gateway is three more HTTP requests, JSON both
  ways, and a process that is thawed and frozen. These floors are the bench's own; the design has none.
- **Starts** last from the start of the process to its first request for work, the median of 31. The comparison is an
  empty function with the same SDK clients, built and started in the same run. Sizes are of the deployed files, for the
  two architectures that AWS Lambda has. A MB is 1,000,000 bytes. Every function is checked; the table shows the worst.
- **Conditions and steps** are Go benchmarks, the best of 50 runs of 20,000: BenchmarkEval in internal/condition and
  BenchmarkStep in internal/journey, on one core.
- **One customer** is the average of 20,000 who go through entry, wait (of a millisecond), split, decision, send and exit.
  The engine's own code runs in this process, on DynamoDB Local, with a provider that answers at once. Units and requests
  are those from enrolling to leaving, without the profiles. Processor time is this process's by getrusage, with the
  counting proxy in it, and DynamoDB Local's by /proc. An idle tick has 100 active journeys and no due customer.
- **Waits, splits and updates** compare packs of 97 customers, or 1,000 for a wait until an attribute, who go through two
  graphs that differ in one node. A wait for an event is stored as due, so that no event is missed, and then with its
  end: one write and two units of the index. It reads the remembered events after it is stored and when it ends.
- **Events** are calls of ` + "`POST /events`" + `, in whose journey no customer waits unless the row says so. The item of a type
  holds the last eight events, so its write units grow with the properties that are kept.
- **Exits and re-entries** are of packs of 97 customers in a wait. An exit is compared with an event that changes nothing.
  All customers of an enroll call enter again: a refused insert, and a transaction that moves the earlier run and stores
  the next one. The customer in 100 journeys listens in all of them, to another event.
- **Counting** runs the counter of internal/analytics on DynamoDB Local, with the writes of customers who go through six
  nodes. Lambda passes on a second's records at a time, at most 1,000.
- **Analytics** are one query, which reads the figures and the names of the journey and its nodes. The time to the figure
  is from the answer of an enroll call until ` + "`GET /journeys/{id}/analytics`" + ` counts the customer, on a machine of its own
  as ` + "`make run`" + ` starts it, polled 40 times a second; the median of 5.
- **Where a customer's time goes** is a CPU profile (runtime/pprof, 100 samples a second per processor) of this process
  while the 20,000 customers are enrolled and moved. A sample counts for the innermost function on its stack that belongs
  to a class, helpers of the standard library for their callers, and everything of the garbage collector for it. A label
  sets the counting proxy's goroutines apart.
`

// machineText returns the date, the machine and its load.
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

// load returns Linux's load average over a minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}
