package analytics

import (
	"context"
	"errors"

	"journeys/internal/ident"
)

// Counters is everything that is counted of one journey, as one read of the
// table returned it, and the labels to show it with. The figures of a graph are
// its total, its parts, and the repairs that the total does not include.
type Counters struct {
	Head      *Head             // nil for a draft that was never active, and for an unreadable item
	Totals    map[string]*Total // by graph hash
	Parts     []Part
	Repairs   []Repair
	Closed    []Closed // of the requested months
	Forgotten int64    // number of enrollments of the journey that were anonymized
}

// maxReads bounds how often readCounters repeats a read that a fold tore. A
// journey is folded once an hour.
const maxReads = 5

var errTorn = errors.New("analytics: the figures changed during every read")

// readCounters reads the counters of a journey, again while they are Torn.
func readCounters(ctx context.Context, table Table, t ident.Tenant, id ident.ID, days Range) (Counters, error) {
	for range maxReads {
		c, err := table.Counters(ctx, t, id, days)
		if err != nil || !c.Torn(days) {
			return c, err
		}
	}
	return Counters{}, errTorn
}

// Torn reports whether a fold happened during the read, so c is inconsistent
// and must be read again: a part or a month refers to a newer total or month than
// c has. The opposite case, a part from before a fold with the total from after
// it, is resolved by Total.Taken.
func (c *Counters) Torn(days Range) bool {
	closed := c.closedRevs()
	for _, d := range c.Closed {
		if d.Rev > c.total(d.Graph).Rev {
			return true
		}
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		if p.Folded > c.total(p.Graph).Rev || days.contains(p.Day) && p.Folded > closed[p.graphMonth()] {
			return true
		}
	}
	return false
}

// total returns the total of a graph, a zero one if there is none.
func (c *Counters) total(graph string) *Total {
	if t := c.Totals[graph]; t != nil {
		return t
	}
	return &Total{}
}

// Figures returns the sum of all counts.
func (c *Counters) Figures() Figures { return c.through("9999-12-31") }

// through returns the sum of all totals, and of the parts and repairs of days up
// to day.
func (c *Counters) through(day Day) Figures {
	var f Figures
	for hash, t := range c.Totals {
		t.addTo(hash, &f)
	}
	for i := range c.Parts {
		if p := &c.Parts[i]; p.Day <= day && c.total(p.Graph).taken(p) == nil {
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

// Series returns one row for each day of the range.
func (c *Counters) Series(days Range) []DayTotals {
	list := days.Days()
	rows := make([]DayTotals, len(list))
	rowOf := make(map[Day]*DayTotals, len(list))
	for i, day := range list {
		rows[i].Day = day
		rowOf[day] = &rows[i]
	}
	closed := c.closedRevs()
	for _, month := range c.Closed {
		for _, d := range month.Days {
			if row := rowOf[d.Day]; row != nil {
				row.Add(d.Totals)
			}
		}
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		taken := c.total(p.Graph).taken(p)
		if row := rowOf[p.Day]; row != nil && (taken == nil || taken.Total > closed[p.graphMonth()]) {
			row.Add(p.Totals)
		}
	}
	return rows
}

// closedRevs returns the Rev of every closed month in c.
func (c *Counters) closedRevs() map[graphMonth]int64 {
	revs := make(map[graphMonth]int64, len(c.Closed))
	for _, d := range c.Closed {
		revs[graphMonth{d.Graph, d.Month}] = d.Rev
	}
	return revs
}
