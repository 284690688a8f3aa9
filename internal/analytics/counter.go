package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/analytics/tally"
	"journeys/internal/emf"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Record is one stream record of a write of an enrollment.
type Record struct {
	Number  string // sequence number: a decimal that grows within a shard
	Tenant  ident.Tenant
	Journey ident.ID
	Write   Write // with an empty Delta if there is nothing to count
	Err     error // not nil if the record is unreadable; a journey.ErrNewer if it is of a newer format
}

// Parts is the table as the counter needs it.
type Parts interface {
	// PutPart stores p on condition that the stored part has p's Born and the
	// preceding Rev or, if p.Rev is 1, that there is none. Otherwise it returns
	// ErrStale and the stored part, with Rev 0 for none. It returns ErrInvalid if
	// the table rejects p permanently or holds an unreadable part, and
	// journey.ErrNewer if it holds one of a newer format. After any other error p
	// may or may not be stored.
	PutPart(ctx context.Context, p Part) (stored Part, err error)
}

// Errors of Parts, Table and RollupTable.
var (
	ErrStale      = errors.New("analytics: another process wrote the item since it was read")
	ErrInvalid    = errors.New("analytics: the table does not take the part")
	ErrUnreadable = errors.New("analytics: an item of the figures cannot be read")
)

// Bounds of the counter.
const (
	maxRememberedParts = 4096
	maxPartWrites      = 100 // attempts at one part, against other writers
	maxLoggedRecords   = 5   // unreadable records per batch
)

// Counter counts the records of the table's stream. It may be used by several
// goroutines.
type Counter struct {
	Parts        Parts
	Now          func() time.Time
	Log          *slog.Logger
	Installation string // dimension of the metrics
	Parallel     int    // parts written at a time; at least 1

	mu    sync.Mutex
	parts map[PartKey]Part // as last written or read; possibly outdated
}

// Count counts records of one stream shard, in any order. However often a record
// is delivered, it counts once. An error means that some part could not be
// written, and the whole batch must be delivered again. Unreadable records, and
// parts that the table calls invalid, are counted as poison and do not hold up
// the others. A record or a stored part of a newer format fails the batch: the
// stream keeps it for a day, until the newer version counts it.
func (c *Counter) Count(ctx context.Context, shard string, records []Record) error {
	err := c.count(ctx, shard, records)
	if errors.Is(err, journey.ErrNewer) {
		c.Log.ErrorContext(ctx, "batch not counted: newer format", "shard", shard, "records", len(records), "error", err)
	}
	return err
}

func (c *Counter) count(ctx context.Context, shard string, records []Record) error {
	b := newBatch(shard, records)
	if r := b.newer; r != nil {
		// A part's watermark must not pass a record that is not counted.
		return fmt.Errorf("count record %s of tenant %s, %s: %w", r.Number, r.Tenant, r.Journey, cmp.Or(r.Err, error(journey.ErrNewer)))
	}
	if len(b.groups) == 0 && len(b.unreadable) == 0 {
		return nil
	}
	chains := b.chains()
	poison, errs := make([]int, len(chains)), make([]error, len(chains))
	var g errgroup.Group
	g.SetLimit(c.Parallel)
	for i, keys := range chains {
		g.Go(func() error {
			poison[i], errs[i] = c.writeChain(ctx, shard, keys, b.groups)
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	total := len(b.unreadable)
	for _, n := range poison {
		total += n
	}
	c.report(ctx, b, len(records), total)
	return errors.Join(errs...)
}

// writeChain writes the groups of one graph in the order of their days, so that
// no reader sees an enrollment leave a node on one day before it entered on an
// earlier one. Readers read the last day first.
func (c *Counter) writeChain(ctx context.Context, shard string, keys []PartKey, groups map[PartKey]*group) (poison int, err error) {
	for _, key := range keys {
		n, err := c.writePart(ctx, shard, key, groups[key])
		poison += n
		if err != nil {
			return poison, err
		}
	}
	return poison, nil
}

// writePart adds a group to its part. It starts from the remembered part and
// learns the stored one when a write is refused, so it never reads: a process's
// first write to an existing part is refused.
func (c *Counter) writePart(ctx context.Context, shard string, key PartKey, g *group) (poison int, err error) {
	part := c.recall(key)
	for range maxPartWrites {
		next, changed := g.addTo(part, shard, c.Now())
		if !changed {
			return 0, nil
		}
		stored, err := c.Parts.PutPart(ctx, next)
		switch {
		case err == nil:
			c.remember(next)
			return 0, nil
		case errors.Is(err, ErrInvalid):
			c.Log.ErrorContext(ctx, "poison: the table does not take a part of a journey's figures",
				"tenant", key.Tenant.String(), "journey", key.Journey, "day", key.Day, "partShard", key.Shard,
				"writes", len(g.changes), "error", err.Error())
			return 1, nil
		case !errors.Is(err, ErrStale):
			return 0, fmt.Errorf("write figures of %s: %w", key.Journey, err)
		}
		part = stored
		part.PartKey = key
		c.remember(part)
	}
	return 0, fmt.Errorf("write figures of %s: other writers came first %d times", key.Journey, maxPartWrites)
}

// recall returns the remembered part, a new one if there is none.
func (c *Counter) recall(key PartKey) Part {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.parts[key]; ok {
		return p
	}
	return Part{PartKey: key}
}

// remember keeps a part. Beyond maxRememberedParts it forgets all others.
func (c *Counter) remember(p Part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts == nil || len(c.parts) >= maxRememberedParts {
		c.parts = map[PartKey]Part{}
	}
	c.parts[p.PartKey] = p
}

// report logs the batch, with its metrics, and some of its unreadable records.
func (c *Counter) report(ctx context.Context, b *batch, records, poison int) {
	for _, r := range b.unreadable[:min(len(b.unreadable), maxLoggedRecords)] {
		_, deltaErr := tally.ReadDelta(r.Write.Delta)
		c.Log.ErrorContext(ctx, "poison: a write that cannot be read", "shard", b.shard, "record", r.Number,
			"tenant", r.Tenant.String(), "journey", r.Journey, "error", cmp.Or(r.Err, deltaErr))
	}
	now := c.Now()
	metrics := []emf.Metric{emf.CountMetric("RecordsCounted", records), emf.CountMetric("Poison", poison)}
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

// partShard returns the Shard of the parts that a stream shard writes.
func partShard(streamShard string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(streamShard))
	return int(sum.Sum32() % Shards)
}
