package analytics

import (
	"maps"
	"strings"
	"time"

	"journeys/internal/journey"
)

// Shards is over how many items of a day and a graph the shards of the stream
// are spread. Each is read with every read of the figures; fewer would make more
// writers meet at one. A table must keep the number with which it began, since a
// watermark stands in the item of its shard.
const Shards = 2

// SettleAfter is how long a part must have been left alone before it may be
// folded: no record that it counted can come again. A record stays in the
// stream for 24 hours.
const SettleAfter = 26 * time.Hour

// Day is a UTC date, as 2026-11-23, so that days sort as text.
type Day string

// DayOf returns the UTC day of at.
func DayOf(at time.Time) Day { return Day(at.UTC().Format(time.DateOnly)) }

// Month returns the day's month, as 2026-11.
func (d Day) Month() string { return string(d[:min(len(d), len("2026-11"))]) }

// Time returns the first moment of the day; zero when d is no date.
func (d Day) Time() time.Time {
	at, _ := time.Parse(time.DateOnly, string(d))
	return at
}

// End returns the first moment that is no longer of the day.
func (d Day) End() time.Time { return d.Time().AddDate(0, 0, 1) }

// PartKey names a part.
type PartKey struct {
	Tenant  journey.Tenant
	Journey journey.ID
	Day     Day    // of the writes that it counts
	Shard   int    // below Shards; several shards of the stream have the same
	Graph   string // hash
}

// Part is one open item of a journey's figures: what the stream shards of one
// Shard number have counted for one day. The counter is the only one that
// makes and changes parts; rollup folds them.
//
// A part is written whole, if its Born and Rev are those that were read: what is
// added and the watermark of the stream shard that it came from move in one
// write. So a batch that comes again finds its records behind the watermark, as
// does a write whose answer was lost, and the late write of a dead invocation
// finds another Rev.
//
// Parts have no end of their own: a record that comes when its day is folded
// already (its writer's clock was wrong by a day) makes a new part of that day,
// which the next fold adds to what the day has. It is counted once all the
// same, because a part is folded only when it is Settled. A fold moves the
// counts of a part into the total of its graph and leaves the part empty, in one
// transaction; an empty part that is Settled may be deleted at any time. Born
// tells the part that is made anew from the one that was deleted, which an old
// process may remember.
type Part struct {
	PartKey
	Born       time.Time // when it was made, by the counter's clock
	Rev        int64     // counts writes, from 1
	Folded     int64     // Rev of the graph's total that took what the part had counted by then; 0 for none
	Version    int       // of the graph
	Totals     Totals
	Steps      []Step // by node index; may end before the graph does
	Poison     int64
	Newest     time.Time         // of the writes that are counted
	Updated    time.Time         // when the part was written, by the counter's clock
	Watermarks map[string]string // by id of stream shard: the last sequence number that is counted
}

// Settled reports whether p may be folded at now: its day is over and none of
// its records can come again.
func (p *Part) Settled(now time.Time) bool {
	return now.Sub(p.Updated) >= SettleAfter && now.Sub(p.Day.End()) >= SettleAfter
}

// AddTo adds what p counted to f.
func (p *Part) AddTo(f *Figures) {
	g := f.Graph(p.Graph, p.Version)
	g.Totals.Add(p.Totals)
	g.Steps = AddSteps(g.Steps, 0, p.Steps)
	f.Poison += p.Poison
	f.see(p.Newest)
}

// next returns a copy of p to be written next.
func (p *Part) next(now time.Time) Part {
	n := *p
	if n.Rev++; n.Rev == 1 {
		n.Born = now
	}
	n.Updated = now
	n.Steps = append([]Step(nil), p.Steps...)
	if n.Watermarks = maps.Clone(p.Watermarks); n.Watermarks == nil {
		n.Watermarks = map[string]string{}
	}
	return n
}

// after reports whether sequence number a comes after b; "" is before all.
// They are decimal numbers of up to 40 digits.
func after(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}
