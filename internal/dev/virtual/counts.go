package virtual

import (
	"fmt"
	"sync"
	"time"
)

// Counts is what a run did.
type Counts struct {
	Ticks, Sweeps, Queries, Loads, Invocations, Packs, Solo, Dropped, Lost, Costs int
	ListRRU, DueRRU, LoadRRU                                                      float64
	WRU                                                                           int
	GBSeconds                                                                     float64
	MaxQueue                                                                      int // events that waited at a time
	LongestTick, LongestSweep                                                     time.Duration

	Left, Failed, Open int
	Oldest             time.Duration // of the customers that are open at the end
}

// Prices in USD, and the memory of the functions: docs/cost.md.
const (
	perWRU      = 0.625e-6
	perRRU      = 0.125e-6
	perGBSecond = 0.0000133334
	perInvoke   = 0.20e-6
	memoryGB    = 0.5
)

// Dollars returns what the run cost.
func (c *Counts) Dollars() float64 {
	return float64(c.WRU)*perWRU + c.RRU()*perRRU +
		c.GBSeconds*perGBSecond + float64(c.Invocations+c.Ticks)*perInvoke
}

// String lists the counts.
func (c *Counts) String() string {
	return fmt.Sprintf("%d ticks (longest %.1f s), %d sweeps, %d queries, %d packs (%d of one), %d invocations, %d dropped, queue %d; RRU %.0f + %.0f + %.0f, WRU %d, %.0f GB-s, $%.4f; left %d, failed %d, open %d (oldest %v)",
		c.Ticks, c.LongestTick.Seconds(), c.Sweeps, c.Queries, c.Packs, c.Solo, c.Invocations, c.Dropped, c.MaxQueue,
		c.ListRRU, c.DueRRU, c.LoadRRU, c.WRU, c.GBSeconds, c.Dollars(), c.Left, c.Failed, c.Open, c.Oldest.Truncate(time.Second))
}

// RRU returns the read units.
func (c *Counts) RRU() float64 { return c.ListRRU + c.DueRRU + c.LoadRRU }

// ran counts a tick.
func (c *Counts) ran(mu *sync.Mutex, begun time.Time) {
	mu.Lock()
	defer mu.Unlock()
	took := time.Since(begun)
	c.Ticks++
	c.LongestTick = max(c.LongestTick, took)
	c.GBSeconds += memoryGB * took.Seconds()
}

// Lateness is how late the customers of a tenant were, in classes of 100 ms.
type Lateness struct {
	classes  []int
	n        int
	byMinute []time.Duration // the greatest lateness of those that left in each minute of the run
}

// add counts a customer that left in a minute of the run.
func (l *Lateness) add(late time.Duration, minute int) {
	for len(l.byMinute) <= minute {
		l.byMinute = append(l.byMinute, 0)
	}
	l.byMinute[minute] = max(l.byMinute[minute], late)
	class := int(max(late, 0) / (100 * time.Millisecond))
	if len(l.classes) <= class {
		l.classes = append(l.classes, make([]int, class+1)...)
	}
	l.classes[class]++
	l.n++
}

// Quantile returns the lateness that this share of the customers does not exceed, to 100 ms.
func (l *Lateness) Quantile(share float64) time.Duration {
	rest := int(float64(l.n) * share)
	for class, n := range l.classes {
		if rest -= n; rest < 0 {
			return time.Duration(class+1) * 100 * time.Millisecond
		}
	}
	return time.Duration(len(l.classes)) * 100 * time.Millisecond
}

// LastAbove returns the last minute of the run in which a customer left that was later than
// limit, -1 for none. Those that are still open at the end left in the last one.
func (l *Lateness) LastAbove(limit time.Duration) int {
	for minute := len(l.byMinute) - 1; minute >= 0; minute-- {
		if l.byMinute[minute] > limit {
			return minute
		}
	}
	return -1
}

// String has the median, the 99th percentile and the greatest lateness.
func (l *Lateness) String() string {
	return fmt.Sprintf("%d customers, p50 %v, p99 %v, max %v", l.n, l.Quantile(0.5), l.Quantile(0.99), l.Quantile(0.999999))
}

// stillOpen counts the customers that are due and have not left; they count as late as they are.
func (w *World) stillOpen() {
	now := time.Now()
	for i := range w.customers {
		c := &w.customers[i]
		if c.first == 0 || c.first > now.UnixMilli() {
			continue
		}
		late := now.Sub(time.UnixMilli(c.first))
		w.Count.Open++
		w.Count.Oldest = max(w.Count.Oldest, late)
		w.Late[w.journeys[c.journey].live.Tenant.String()].add(late, w.minute())
	}
}

// Unread returns how many shards of journeys were read from their start in fewer minutes
// than that, and how many there are.
func (w *World) Unread(minutes int) (unread, all int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, j := range w.journeys {
		for epoch := j.live.DrainFrom; epoch <= j.live.Epoch; epoch++ {
			for shard := range j.live.Shards {
				all++
				if w.partition(j.partition(epoch, shard)).minutes < minutes {
					unread++
				}
			}
		}
	}
	return unread, all
}
