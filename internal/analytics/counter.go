package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"journeys/internal/emf"
	"journeys/internal/journey"
)

// Record is one record of the table's stream that tells of an enrollment.
type Record struct {
	Number  string // its sequence number: a decimal, growing within a shard
	Tenant  journey.Tenant
	Journey journey.ID
	Write   Write // with an empty Delta when nothing is to be counted
	Err     error // why it cannot be read; nil when it can
}

// Parts is the table as the counter needs it.
type Parts interface {
	// PutPart stores p if the stored part has p's Born and the Rev before, or,
	// if p.Rev is 1, if there is none. Otherwise it returns ErrStale and what is
	// stored, with Rev 0 for nothing. ErrInvalid
	// is what the table will never take, or has in a form that cannot be read.
	// After any other error it is unknown whether p was stored.
	PutPart(ctx context.Context, p Part) (stored Part, err error)
}

// Errors of Parts and RollupTable.
var (
	ErrStale   = errors.New("analytics: it was written by another since it was read")
	ErrInvalid = errors.New("analytics: the table does not take the part")

	// ErrUnreadable is an item of a journey's figures that is damaged.
	ErrUnreadable = errors.New("analytics: an item of the figures cannot be read")
)

// Bounds of the counter.
const (
	maxParts   = 4096 // that it remembers
	maxWrites  = 100  // of one part, while other shards of the stream write it too
	maxUnknown = 5    // records that cannot be read, of which the log tells
)

// Counter counts what a stream tells. It is the only one that does.
type Counter struct {
	Parts        Parts
	Now          func() time.Time
	Log          *slog.Logger
	Installation string // names this one among others, in the metrics
	Parallel     int    // parts that it writes at a time; at least 1

	mu    sync.Mutex
	parts map[PartKey]Part // as they were written last; another may have written since
}

// Count counts records of one shard of the stream, in any order and however
// often they come, each once. An error means that some part could not be
// written for now: the whole batch must come again. A record that cannot be
// read, and a part that the table calls invalid, never come to be counted; they
// are told as poison, and the others go on.
func (c *Counter) Count(ctx context.Context, shard string, records []Record) error {
	b := batch{shard: shard, number: shardNumber(shard), groups: map[PartKey]*group{}, seen: map[string]bool{}}
	for i := range records {
		b.add(&records[i])
	}
	if len(b.groups) == 0 && len(b.unread) == 0 {
		return nil
	}
	slots := make(chan struct{}, c.Parallel)
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	poison := len(b.unread)
	for _, days := range b.chains() {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			bad, err := c.writeDays(ctx, shard, days, b.groups)
			mu.Lock()
			defer mu.Unlock()
			poison += bad
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	c.report(ctx, &b, len(records), poison)
	return errors.Join(errs...)
}

// batch is the records of one shard, by the part that counts them.
type batch struct {
	shard  string
	number int
	groups map[PartKey]*group
	order  []PartKey       // of the groups, as they came
	seen   map[string]bool // sequence numbers
	unread []*Record
	newest time.Time
}

// group is what one part counts of a batch.
type group struct {
	version int
	changes []change
}

// change is what one record changes.
type change struct {
	number string
	at     time.Time
	totals Totals
	nodes  []int
	steps  []Step
	poison int64
}

func (b *batch) add(r *Record) {
	if r.Err != nil {
		b.unread = append(b.unread, r)
		return
	}
	w := &r.Write
	if len(w.Delta) == 0 || b.seen[r.Number] {
		return
	}
	b.seen[r.Number] = true
	if w.At.After(b.newest) {
		b.newest = w.At
	}
	if checkDelta(w.Delta) != nil {
		b.change(r).poison = 1
		b.unread = append(b.unread, r)
		return
	}
	c := b.change(r)
	c.totals = totalsOf(w.Delta)
	for node, s := range stepsOf(w.Delta) {
		c.nodes, c.steps = append(c.nodes, node), append(c.steps, s)
	}
}

// change returns what a record is to change.
func (b *batch) change(r *Record) *change {
	key := PartKey{
		Tenant: r.Tenant, Journey: r.Journey, Day: DayOf(r.Write.At), Shard: b.number, Graph: r.Write.Graph,
	}
	g := b.groups[key]
	if g == nil {
		g = &group{}
		b.groups[key], b.order = g, append(b.order, key)
	}
	g.version = max(g.version, r.Write.Version)
	g.changes = append(g.changes, change{number: r.Number, at: r.Write.At})
	return &g.changes[len(g.changes)-1]
}

// chains returns the keys of the groups: those of one graph in one list, the
// earlier day first.
func (b *batch) chains() [][]PartKey {
	var chains [][]PartKey
	at := map[PartKey]int{}
	for _, key := range b.order {
		graph := key
		graph.Day = ""
		i, ok := at[graph]
		if !ok {
			i = len(chains)
			at[graph], chains = i, append(chains, nil)
		}
		chains[i] = append(chains[i], key)
	}
	for _, chain := range chains {
		slices.SortFunc(chain, func(a, b PartKey) int { return cmp.Compare(a.Day, b.Day) })
	}
	return chains
}

// writeDays writes the groups of one graph, one day after the other, so that
// nobody who was counted on one day is seen to move on the next before. Readers
// begin with the last day.
func (c *Counter) writeDays(ctx context.Context, shard string, days []PartKey, groups map[PartKey]*group) (poison int, err error) {
	for _, key := range days {
		bad, err := c.write(ctx, shard, key, groups[key])
		poison += bad
		if err != nil {
			return poison, err
		}
	}
	return poison, nil
}

// write adds a group to its part, unless it is in it. It begins with the part
// as it remembers it, and learns from each refusal what is stored: so it reads
// nothing, and the first write of a process to a part that is there is refused.
func (c *Counter) write(ctx context.Context, shard string, key PartKey, g *group) (poison int, err error) {
	part := c.remembered(key)
	for range maxWrites {
		next, more := g.addTo(part, shard, c.Now())
		if !more {
			return 0, nil
		}
		stored, err := c.Parts.PutPart(ctx, next)
		switch {
		case err == nil:
			c.remember(next)
			return 0, nil
		case errors.Is(err, ErrInvalid):
			c.Log.ErrorContext(ctx, "poison: the table does not take a part of a journey's figures",
				"tenant", key.Tenant.String(), "journey", key.Journey, "day", key.Day, "shard", key.Shard,
				"writes", len(g.changes), "error", err.Error())
			return 1, nil
		case !errors.Is(err, ErrStale):
			return 0, fmt.Errorf("write figures of %s: %w", key.Journey, err)
		}
		part = stored
		part.PartKey = key
		c.remember(part)
	}
	return 0, fmt.Errorf("write figures of %s: others wrote them %d times meanwhile", key.Journey, maxWrites)
}

// addTo returns the part with what it has not counted of the group; false when
// it has all of it.
func (g *group) addTo(p Part, shard string, now time.Time) (Part, bool) {
	before := p.Watermarks[shard]
	last := before
	n := p.next(now)
	n.Version = max(n.Version, g.version)
	for i := range g.changes {
		c := &g.changes[i]
		if !after(c.number, before) {
			continue
		}
		if after(c.number, last) {
			last = c.number
		}
		n.Totals.Add(c.totals)
		n.Poison += c.poison
		for j, node := range c.nodes {
			n.Steps = AddSteps(n.Steps, node, c.steps[j:j+1])
		}
		if c.at.After(n.Newest) {
			n.Newest = c.at
		}
	}
	n.Watermarks[shard] = last
	return n, last != before
}

func (c *Counter) remembered(key PartKey) Part {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.parts[key]; ok {
		return p
	}
	return Part{PartKey: key}
}

// remember keeps a part until there are too many.
func (c *Counter) remember(p Part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts == nil || len(c.parts) >= maxParts {
		c.parts = map[PartKey]Part{}
	}
	c.parts[p.PartKey] = p
}

// report writes the one line of a batch, with its metrics.
func (c *Counter) report(ctx context.Context, b *batch, records, poison int) {
	for _, r := range b.unread[:min(len(b.unread), maxUnknown)] {
		c.Log.ErrorContext(ctx, "poison: a write that cannot be read", "shard", b.shard, "record", r.Number,
			"tenant", r.Tenant.String(), "journey", r.Journey, "error", errors.Join(r.Err, checkDelta(r.Write.Delta)))
	}
	now := c.Now()
	metrics := []emf.Metric{
		{Name: "RecordsCounted", Unit: emf.Count, Value: float64(records)},
		{Name: "Poison", Unit: emf.Count, Value: float64(poison)},
	}
	if !b.newest.IsZero() {
		lag := float64(now.Sub(b.newest).Milliseconds())
		metrics = append(metrics, emf.Metric{Name: "CountLag", Unit: emf.Milliseconds, Value: max(lag, 0)})
	}
	attrs := []slog.Attr{
		slog.String("shard", b.shard), slog.Int("parts", len(b.groups)), slog.Time("newest", b.newest),
	}
	attrs = append(attrs, emf.Attrs(now, c.Installation, metrics...)...)
	c.Log.LogAttrs(ctx, slog.LevelInfo, "count", attrs...)
}

// shardNumber spreads the shards of the stream over the items of a day.
func shardNumber(shard string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(shard))
	return int(sum.Sum32() % Shards)
}
