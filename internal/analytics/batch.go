package analytics

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"journeys/internal/analytics/tally"
	"journeys/internal/journey"
)

// batch groups the records of one stream shard by the part that counts them.
type batch struct {
	shard      string
	number     int // of the part's Shard
	groups     map[PartKey]*group
	order      []PartKey       // of the groups, by first record
	seen       map[string]bool // sequence numbers
	unreadable []*Record
	newer      *Record // the first record of a newer version; nil for none
	newest     time.Time
}

// group is the records that one part counts.
type group struct {
	version int
	changes []change
}

// change is what one record adds.
type change struct {
	number string
	at     time.Time
	poison int64
	adds   tally.Change
}

func newBatch(shard string, records []Record) *batch {
	b := &batch{shard: shard, number: partShard(shard), groups: map[PartKey]*group{}, seen: map[string]bool{}}
	for i := range records {
		b.add(&records[i])
	}
	return b
}

func (b *batch) add(r *Record) {
	if r.Err != nil {
		b.reject(r, r.Err)
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
	c := b.addChange(r)
	var err error
	if c.adds, err = tally.ReadDelta(w.Delta); err != nil {
		c.poison = 1
		b.reject(r, err)
	}
}

// reject notes a record that cannot be counted.
func (b *batch) reject(r *Record, err error) {
	switch {
	case !errors.Is(err, journey.ErrNewer):
		b.unreadable = append(b.unreadable, r)
	case b.newer == nil:
		b.newer = r
	}
}

// addChange adds an empty change for r to its group.
func (b *batch) addChange(r *Record) *change {
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

// chains returns the keys of the groups in one list per graph, ordered by day.
func (b *batch) chains() [][]PartKey {
	var chains [][]PartKey
	indexOf := map[PartKey]int{}
	for _, key := range b.order {
		graph := key
		graph.Day = ""
		i, ok := indexOf[graph]
		if !ok {
			i = len(chains)
			indexOf[graph], chains = i, append(chains, nil)
		}
		chains[i] = append(chains[i], key)
	}
	for _, chain := range chains {
		slices.SortFunc(chain, func(a, b PartKey) int { return cmp.Compare(a.Day, b.Day) })
	}
	return chains
}

// addTo returns the part with those changes of the group that are beyond the
// shard's watermark. It returns false if there are none.
func (g *group) addTo(p Part, shard string, now time.Time) (Part, bool) {
	watermark := p.Watermarks[shard]
	last := watermark
	n := p.next(now)
	n.Version = max(n.Version, g.version)
	for i := range g.changes {
		c := &g.changes[i]
		if !isAfter(c.number, watermark) {
			continue
		}
		if isAfter(c.number, last) {
			last = c.number
		}
		n.Steps = c.adds.AddTo(&n.Totals, n.Steps)
		n.Poison += c.poison
		if c.at.After(n.Newest) {
			n.Newest = c.at
		}
	}
	n.Watermarks[shard] = last
	return n, last != watermark
}
