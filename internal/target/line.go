package target

import (
	"hash/fnv"
	"slices"
	"time"

	"journeys/internal/ident"
)

// Bounds of a Line.
const (
	MaxPatience = 10 * time.Second // how far ahead a slot may be
	MaxLine     = 24 * time.Hour   // the last place of a line is no farther away
	MaxShares   = 32               // tenants of a Line with a share of their own; the others have one together
	MaxPaced    = 96               // journeys of a Line
	clockSlack  = time.Minute      // no clock is wrong by more, unless it jumped
	pacedFor    = 2 * time.Minute  // how long a journey is paced after its tenant's last place
	goneAfter   = 3 * time.Minute  // a line whose slots are not used for so long has no customers
	comeBack    = 5 * time.Second  // a customer that finds no slot asks again no sooner
)

// Line gives out the slots of a channel with a rate: times at which one message each may be
// sent, an interval apart. Customers without a slot stand in line, each tenant's in one of
// its own: their places say when their slots come if the tenants that have a line now share
// the slots evenly. The zero value has given out nothing.
type Line struct {
	Next     time.Time     // no earlier slot is free
	Interval time.Duration // as it was last
	Shares   []Share       // of tenants that have customers in line, or had lately
	Stamp    [16]byte      // of the write that stored it; only the table uses it
}

// Share is a tenant's part of a Line.
type Share struct {
	Tenant   uint32    // TenantMark; 0 for all tenants that found MaxShares others
	Paid     time.Time // when the tenant may have its next slot, if it takes no more than an even share
	Tail     time.Time // the next place; the tenant has no line if that is near
	Back     time.Time // the next place of customers that came to theirs and found no slot
	Journeys []uint32  // JourneyMark of those whose customers stand in line, the latest first
}

// Journey is a journey of a tenant.
type Journey struct {
	Tenant  ident.Tenant
	Journey ident.ID
}

// TenantMark returns a number that stands for a tenant, and perhaps for another. It is not 0.
func TenantMark(t ident.Tenant) uint32 { return max(mark(t.String()), 1) }

// JourneyMark returns a number that stands for a journey, and perhaps for another.
func JourneyMark(j Journey) uint32 { return mark(j.Tenant.String() + "#" + string(j.Journey)) }

func mark(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return h.Sum32()
}

// Request asks for the slots of the customers of one journey.
type Request struct {
	Now       time.Time
	Interval  time.Duration
	Patience  time.Duration // at most MaxPatience
	Most      int           // slots of use
	Tenant    uint32        // its mark
	Journey   uint32        // its mark
	Returning int           // customers that have stood in line
	Early     int           // of those, the last ones, whose places have not come
	Arriving  int           // the others
}

// Grant answers a Request. The customers are counted in order, those that return first.
// The first ones get slots; of the others, those that return get places from Back on, but
// for those that are early, which keep theirs, and those that arrive from Place on.
type Grant struct {
	Slots int
	First time.Time     // slot; one interval later the next
	Backs int           // places of customers that return
	Back  time.Time     // the first
	Place time.Time     // the first of those that arrive
	Step  time.Duration // between two places
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

// Take gives out slots to a tenant's customers that return and, if it has no line, to those
// that arrive; the others get places. Beside other tenants with a line it gets its even
// share, or slots that would stay free otherwise. A line whose slots stayed free is over: its
// customers have left, or their journeys are paused. A time that only a clock can have set
// that jumped counts as past.
func (l Line) Take(r Request) (Line, Grant) {
	l.Interval = r.Interval
	own, others := l.split(r)
	rivals := lined(others, r.Now)
	step := r.Interval * time.Duration(1+rivals)
	next, paid, allowed := l.allowed(r, own, others, step)
	line := own.Tail.Sub(r.Now) > r.Patience
	g := Grant{First: next, Step: step, Slots: min(allowed, r.Returning)}
	if !line {
		g.Slots = min(allowed, r.Returning+r.Arriving)
	}
	arriving := r.Arriving - max(0, g.Slots-r.Returning)
	l.Next = next.Add(time.Duration(g.Slots) * r.Interval)
	if g.Slots > 0 { // what it had beyond its share is no debt for long
		own.Paid = earliest(paid.Add(time.Duration(g.Slots)*step), l.Next.Add(r.Patience))
	}
	fair := Latest(l.Next, own.Paid)
	if !line {
		own.Tail = fair
	}
	if g.Backs = max(0, r.Returning-r.Early-g.Slots); g.Backs > 0 {
		g.Back, own.Back = places(r.Now, Latest(own.Back, fair, r.Now.Add(comeBack)), g.Backs, step)
		own.Tail = Latest(own.Tail, own.Back)
	}
	g.Place, own.Tail = places(r.Now, own.Tail, arriving, step)
	if g.Backs+arriving > 0 {
		own.Journeys = slices.DeleteFunc(slices.Clone(own.Journeys), func(j uint32) bool { return j == r.Journey })
		own.Journeys = slices.Insert(own.Journeys, 0, r.Journey)
	}
	l.Shares = others
	if len(own.Journeys) > 0 || rivals > 0 && g.Slots > 0 {
		l.Shares = append(others, own)
		forget(l.Shares)
	}
	return l, g
}

// split returns the share of the tenant that asks, which may be new, and those of the
// others, without those whose lines are over.
func (l Line) split(r Request) (own Share, others []Share) {
	own = Share{Tenant: r.Tenant, Paid: r.Now}
	found := false
	for _, s := range l.Shares {
		switch {
		case s.over(r.Now, r.Interval*time.Duration(len(l.Shares))):
		case s.Tenant == r.Tenant:
			own, found = s, true
		default:
			others = append(others, s)
		}
	}
	if found || len(others) < MaxShares {
		return own, others
	}
	own.Tenant = 0
	if i := slices.IndexFunc(others, func(s Share) bool { return s.Tenant == 0 }); i >= 0 {
		own = others[i]
		others = slices.Delete(others, i, i+1)
	}
	return own, others
}

// over reports whether a tenant has no customers in line.
func (s Share) over(now time.Time, step time.Duration) bool {
	return s.Tail.Sub(now) > MaxLine+clockSlack || now.Sub(s.Tail) > pacedFor || now.Sub(s.Paid) > max(goneAfter, 2*step)
}

// lined returns how many tenants have a line.
func lined(shares []Share, now time.Time) (n int) {
	for _, s := range shares {
		if s.Tail.After(now) {
			n++
		}
	}
	return n
}

// allowed returns when the next slot is, when the share may have it, and how many it may
// take: its even part, or as many as the others have had beyond theirs, or those that may
// stay free, as others would have taken them by now.
func (l Line) allowed(r Request, own Share, others []Share, step time.Duration) (next, paid time.Time, slots int) {
	next, free := l.Free(r.Now, r.Patience)
	credit := r.Now // none for the time in which it had no line
	if own.Tail.After(r.Now) {
		credit = r.Now.Add(-r.Patience)
	}
	paid = earliest(Latest(own.Paid, credit), next.Add(r.Patience+step))
	if step > r.Interval {
		least := next.Add(r.Patience + step)
		for _, s := range others {
			if s.Tail.After(r.Now) {
				least = earliest(least, s.Paid)
			}
		}
		even := 0
		if wait := Latest(least, r.Now.Add(r.Patience)).Sub(paid); wait >= 0 {
			even = 1 + int(wait/step)
		}
		_, spare := l.Free(r.Now, r.Patience/2)
		free = min(free, max(even, spare))
	}
	return next, paid, min(free, r.Most)
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

// places gives out n places from first on, and returns the next.
func places(now, first time.Time, n int, step time.Duration) (place, next time.Time) {
	if next = first.Add(time.Duration(n) * step); next.Sub(now) <= MaxLine {
		return first, next
	}
	return now.Add(MaxLine), first
}

// forget drops journeys beyond MaxPaced: of the tenants that have most, those whose
// customers came to the line before the others'.
func forget(shares []Share) {
	n := 0
	for _, s := range shares {
		n += len(s.Journeys)
	}
	for ; n > MaxPaced; n-- {
		most := &shares[0]
		for i := range shares {
			if len(shares[i].Journeys) > len(most.Journeys) {
				most = &shares[i]
			}
		}
		most.Journeys = most.Journeys[:len(most.Journeys)-1]
	}
}

// Latest returns the latest of some times.
func Latest(list ...time.Time) time.Time {
	return slices.MaxFunc(list, time.Time.Compare)
}

func earliest(list ...time.Time) time.Time {
	return slices.MinFunc(list, time.Time.Compare)
}
