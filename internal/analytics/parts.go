package analytics

import (
	"maps"
	"slices"
	"strings"
	"time"

	"journeys/internal/analytics/tally"
	"journeys/internal/ident"
)

// Shards is the number of parts over which the stream's shards are spread, per
// day and graph. Every read of the figures reads all of them; with fewer, more
// writers contend for one part. It must not change for a table in use, because a
// stream shard's watermark is kept in the part of its number.
const Shards = 2

// SettleAfter is the time after its last write in which a part must not be
// folded. Later, none of its records can be delivered again: the stream keeps a
// record for 24 hours.
const SettleAfter = 26 * time.Hour

// PartKey identifies a part.
type PartKey struct {
	Tenant  ident.Tenant
	Journey ident.ID
	Day     Day    // of the counted writes
	Shard   int    // below Shards; shared by several stream shards
	Graph   string // hash
}

// Part is one open item of a journey's figures: the counts of one day, of one
// graph, from the stream shards with one Shard number. Only the counter creates
// and adds to parts; only rollup empties and deletes them.
//
// A part is replaced as a whole, on condition of the Born and Rev that were
// read, so its counts and the watermark of the stream shard move together. A
// redelivered batch, or a write whose answer was lost, finds its records at or
// below the watermark. A late write of a dead invocation finds another Rev.
//
// A day can get parts at any time: a record that arrives after its day was
// folded, because the clock of its writer was a day off, creates a new part, and
// the next fold adds it. A fold moves a Settled part's counts to the total of
// its graph and leaves the part empty, in one transaction. An empty, Settled part
// may be deleted. Born distinguishes a new part from a deleted one that an old
// process may still remember.
type Part struct {
	PartKey
	Born       time.Time // creation, by the counter's clock
	Rev        int64     // number of writes, from 1
	Folded     int64     // Rev of the total that took the counts until then; 0 for none
	Version    int       // of the graph
	Totals     tally.Totals
	Steps      []tally.Step // by node index; may be shorter than the graph
	Poison     int64
	Newest     time.Time         // of the counted writes
	Updated    time.Time         // last write of the part, by the counter's clock
	Watermarks map[string]string // last counted sequence number, by id of the stream shard
}

// Settled reports whether p may be folded at now: its day is over and none of
// its records can be delivered again.
func (p *Part) Settled(now time.Time) bool {
	return now.Sub(p.Updated) >= SettleAfter && now.Sub(p.Day.End()) >= SettleAfter
}

// AddTo adds the counts of p to f.
func (p *Part) AddTo(f *Figures) {
	g := f.Graph(p.Graph, p.Version)
	g.Totals.Add(p.Totals)
	g.Steps = tally.AddSteps(g.Steps, 0, p.Steps)
	f.Poison += p.Poison
	f.noteWrite(p.Newest)
}

// Emptied returns what a fold leaves of p; totalRev is the Rev of the total that
// took its counts.
func (p Part) Emptied(totalRev int64) Part {
	p.Rev++
	p.Folded = totalRev
	p.Totals, p.Steps, p.Poison = tally.Totals{}, nil, 0
	return p
}

func (p *Part) empty() bool {
	return p.Totals == (tally.Totals{}) && p.Poison == 0 && len(tally.TrimZeros(p.Steps)) == 0
}

// next returns a copy of p with the Rev, Born and Updated of its next write.
func (p *Part) next(now time.Time) Part {
	n := *p
	if n.Rev++; n.Rev == 1 {
		n.Born = now
	}
	n.Updated = now
	n.Steps = slices.Clone(p.Steps)
	if n.Watermarks = maps.Clone(p.Watermarks); n.Watermarks == nil {
		n.Watermarks = map[string]string{}
	}
	return n
}

// graphDay and graphMonth group parts for folding.
type (
	graphDay struct {
		graph string
		day   Day
	}
	graphMonth struct{ graph, month string }
)

func (p *Part) graphDay() graphDay { return graphDay{p.Graph, p.Day} }

func (p *Part) graphMonth() graphMonth { return graphMonth{p.Graph, p.Day.Month()} }

// isAfter reports whether sequence number a is after b. "" is before all others.
// Sequence numbers are decimals of up to 40 digits.
func isAfter(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}
