package target

import (
	"time"

	"journeys/internal/ident"
)

// Bounds of a Line.
const (
	MaxPatience = 10 * time.Second // how far ahead a slot may be
	MaxLine     = 24 * time.Hour   // the last place of a line is no farther away
	MaxPaced    = 32               // journeys of a Line
	clockSlack  = time.Minute      // no clock is wrong by more, unless it jumped
	pacedFor    = 2 * time.Minute  // how long a journey is paced after its last place
	goneAfter   = 3 * time.Minute  // a line whose slots are not used for so long has no customers
)

// Line gives out the slots of a channel with a rate: times at which one message each may be
// sent, an interval apart. Customers without a slot stand in line: their places, an interval
// apart too, say when to ask again. The zero value has given out nothing.
type Line struct {
	Next     time.Time             // no earlier slot is free
	Tail     time.Time             // the next place; there is no line if that is near
	Interval time.Duration         // as it was last
	Journeys map[Journey]time.Time // whose customers stand in line, and until when
	Stamp    [16]byte              // of the write that stored it; only the table uses it
}

// Journey is a journey of a tenant.
type Journey struct {
	Tenant  ident.Tenant
	Journey ident.ID
}

// Request asks for the slots of the customers of one journey.
type Request struct {
	Now       time.Time
	Interval  time.Duration
	Patience  time.Duration // at most MaxPatience
	Most      int           // slots of use
	Journey   Journey
	Returning int // customers that have stood in line
	Arriving  int // the others
}

// Grant answers a Request. The customers are counted in order, those that return first:
// some get slots, some places in line. Those that remain have been in line, and ask again soon.
type Grant struct {
	Slots  int
	First  time.Time // slot; one interval later the next
	Places int       // of the last customers
	Place  time.Time // the first
}

// Interval returns the time between two messages of a rate per second, rounded up.
func Interval(rate float64) time.Duration {
	interval := float64(time.Second) / rate
	if interval >= float64(MaxLine) {
		return MaxLine
	}
	return time.Duration(interval) + 1
}

// Patience returns how far ahead a worker takes slots: not so far that all packs that can
// wait for them hold more than their share of the workers.
func Patience(interval time.Duration, share, packSize int) time.Duration {
	return min(max(time.Duration(share*packSize)*min(interval, time.Second), time.Second), MaxPatience)
}

// Take gives out slots to those that return and, if there is no line, to those that
// arrive; the others get places. A line whose slots stayed free is over: its customers have
// left, or their journeys are paused. A time that only a clock can have set that jumped counts
// as past.
func (l Line) Take(r Request) (Line, Grant) {
	l.Interval = r.Interval
	next, free := l.Free(r.Now, r.Patience)
	free = min(free, r.Most)
	line := ahead(l.Tail, r.Now, MaxLine+clockSlack) && l.Tail.Sub(r.Now) > r.Patience && r.Now.Sub(l.Next) <= max(goneAfter, 2*l.Interval)
	g := Grant{First: next}
	if line {
		g.Slots, g.Places = min(free, r.Returning), r.Arriving
	} else {
		g.Slots = min(free, r.Returning+r.Arriving)
		g.Places = r.Returning + r.Arriving - g.Slots
	}
	l.Next = next.Add(time.Duration(g.Slots) * r.Interval)
	if !line {
		l.Tail = l.Next
	}
	g.Place = l.Tail
	if last := l.Tail.Add(time.Duration(g.Places) * r.Interval); last.Sub(r.Now) <= MaxLine {
		l.Tail = last
	} else {
		g.Place = r.Now.Add(MaxLine)
	}
	l.Journeys = l.paced(r, g)
	return l, g
}

// Free returns when the next slot is, and how many there are no later than patience ahead.
func (l Line) Free(now time.Time, patience time.Duration) (next time.Time, slots int) {
	next = now
	if ahead(l.Next, now, MaxPatience+l.Interval+clockSlack) {
		next = l.Next
	}
	if wait := next.Sub(now); wait <= patience && l.Interval > 0 {
		slots = 1 + int((patience-wait)/l.Interval)
	}
	return next, slots
}

// paced returns the journeys that have customers in line after a grant.
func (l Line) paced(r Request, g Grant) map[Journey]time.Time {
	journeys := map[Journey]time.Time{}
	for j, until := range l.Journeys {
		if until.After(r.Now) && until.Sub(r.Now) <= MaxLine+pacedFor+clockSlack {
			journeys[j] = until
		}
	}
	until := r.Now
	if g.Places > 0 {
		until = l.Tail
	}
	if g.Slots < r.Returning+r.Arriving && until.Add(pacedFor).After(journeys[r.Journey]) {
		journeys[r.Journey] = until.Add(pacedFor).Truncate(time.Millisecond)
	}
	for len(journeys) > MaxPaced {
		first := r.Journey
		for j := range journeys {
			if journeys[j].Before(journeys[first]) {
				first = j
			}
		}
		delete(journeys, first)
	}
	return journeys
}
