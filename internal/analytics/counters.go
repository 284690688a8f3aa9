package analytics

import (
	"time"

	"journeys/internal/journey"
)

// Counters is all that is counted of one journey, as one read of the table found
// it, with what names it and its nodes. What is counted of a graph is its Total,
// its parts, and the repairs that the total does not have yet.
type Counters struct {
	Head    *Head             // nil for a draft, which nobody ever entered, and when it cannot be read
	Totals  map[string]*Total // by graph hash
	Parts   []Part
	Repairs []Repair
	Closed  []Closed // of the months that were asked for
}

// Head is what a report says of the journey itself.
type Head struct {
	Name   string
	Status journey.Status
	Graph  string          // hash of the present graph
	Labels []journey.Label // of its nodes
}

// Total is what was folded of one graph.
type Total struct {
	Rev      int64 // counts writes, from 1
	Graph    Graph
	Poison   int64
	Newest   time.Time // of the writes that are counted
	Through  Day       // the last day of which it has something; "" for none
	Repaired Day       // through which it has every Repair; "" for none
	Written  time.Time
	Taken    []Taken         // of the last folds
	Labels   []journey.Label // of the graph's nodes; nil while it is the journey's present one
}

// Taken is a part whose counts a fold moved into the total.
type Taken struct {
	Day   Day
	Shard int
	Born  time.Time // of the part
	Rev   int64     // of the part, once it was empty
	Total int64     // Rev of the total that took it
	At    time.Time
}

// Repair is what an audit found missing in the figures of a graph: added to
// them, they are right. There is one at most for a graph and a day.
type Repair struct {
	Graph  string // hash
	Day    Day    // through which the audit recounted
	Counts Graph
	Made   time.Time
}

// Closed is what was folded of the days of one month of one graph.
type Closed struct {
	Month string // as of Day.Month
	Graph string // hash
	Rev   int64  // of the total that the last fold of the month wrote
	Days  []DayTotals
}

// keepTaken is how long a total tells what it took, and how long a repair stays
// after it was taken. No read of the table lasts as long.
const keepTaken = 10 * time.Minute

// Torn reports whether c was not true at any moment, since a fold came in
// between while it was read: a part or a month says that it is in a total, or in
// a month, as that was not read. Then read again. The opposite, a part from before
// a fold and the total from after it, is seen by Total.Taken.
func (c *Counters) Torn(days Range) bool {
	closed := c.closed()
	for _, d := range c.Closed {
		if d.Rev > c.total(d.Graph).Rev {
			return true
		}
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		if p.Folded > c.total(p.Graph).Rev || days.has(p.Day) && p.Folded > closed[p.graphMonth()] {
			return true
		}
	}
	return false
}

func (c *Counters) total(graph string) *Total {
	if t := c.Totals[graph]; t != nil {
		return t
	}
	return &Total{}
}

// took returns the fold that moved what p counts into the total, which was read
// later; nil when p counts for itself.
func (t *Total) took(p *Part) *Taken {
	for i := range t.Taken {
		taken := &t.Taken[i]
		if taken.Day == p.Day && taken.Shard == p.Shard && taken.Born.Equal(p.Born) && p.Rev < taken.Rev {
			return taken
		}
	}
	return nil
}

// Figures returns everything that is counted, once.
func (c *Counters) Figures() Figures { return c.through("9999-12-31") }

// through returns what is counted of parts through a day, and of the totals.
func (c *Counters) through(day Day) Figures {
	var f Figures
	for hash, t := range c.Totals {
		t.addTo(hash, &f)
	}
	for i := range c.Parts {
		if p := &c.Parts[i]; p.Day <= day && c.total(p.Graph).took(p) == nil {
			p.AddTo(&f)
		}
	}
	for i := range c.Repairs {
		if r := &c.Repairs[i]; r.Day <= day && r.Day > c.total(r.Graph).Repaired {
			r.addTo(&f)
		}
	}
	return f
}

func (t *Total) addTo(hash string, f *Figures) {
	t.Graph.addTo(f.Graph(hash, t.Graph.Version))
	f.Poison += t.Poison
	f.see(t.Newest)
}

func (r *Repair) addTo(f *Figures) { r.Counts.addTo(f.Graph(r.Graph, r.Counts.Version)) }

func (g *Graph) addTo(into *Graph) {
	into.Totals.Add(g.Totals)
	into.Steps = AddSteps(into.Steps, 0, g.Steps)
}

// Series returns a row for every day of the range.
func (c *Counters) Series(days Range) []DayTotals {
	list := days.Days()
	rows := make([]DayTotals, len(list))
	at := make(map[Day]*DayTotals, len(list))
	for i, day := range list {
		rows[i].Day = day
		at[day] = &rows[i]
	}
	closed := c.closed()
	for _, month := range c.Closed {
		for _, d := range month.Days {
			if row := at[d.Day]; row != nil {
				row.Add(d.Totals)
			}
		}
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		taken := c.total(p.Graph).took(p)
		if row := at[p.Day]; row != nil && (taken == nil || taken.Total > closed[p.graphMonth()]) {
			row.Add(p.Totals)
		}
	}
	return rows
}

type graphDay struct {
	graph string
	day   Day
}

func (p *Part) graphDay() graphDay { return graphDay{p.Graph, p.Day} }

type graphMonth struct{ graph, month string }

func (p *Part) graphMonth() graphMonth { return graphMonth{p.Graph, p.Day.Month()} }

// closed returns the Rev of every closed month that was read.
func (c *Counters) closed() map[graphMonth]int64 {
	revs := make(map[graphMonth]int64, len(c.Closed))
	for _, d := range c.Closed {
		revs[graphMonth{d.Graph, d.Month}] = d.Rev
	}
	return revs
}
