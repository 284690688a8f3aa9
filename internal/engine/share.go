package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"journeys/internal/ident"
)

// PacksPerWorker is how many packs a worker serves in a minute: full ones with a message
// for each customer, on a channel that answers in 100 ms. All ticks of a minute dispatch
// that many for each worker, so that what waits for workers is not dispatched again and
// again.
const PacksPerWorker = 140

// ParseConcurrency parses how many calls of Advance run at a time.
func ParseConcurrency(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("is %q: want a whole number from 1", text)
	}
	return n, nil
}

// share is a tenant's part of a sweep: what is to be read and dispatched for it.
type share struct {
	tenant  ident.Tenant
	lives   []*sweptLive
	scans   []*scan       // to be read, in this order
	reading int           // scans that are being read
	packs   []Pack        // to be dispatched
	wave    time.Duration // that each SmallPack of its customers take
	allowed time.Duration // of workers, that its packs may still take
	debt    time.Duration // that its last pack takes beyond the turns that have passed
	small   int           // packs that it may still dispatch halved
	solo    longest
	flushed bool // packs has the customers that do not fill a pack
}

// newShares returns the shares of the tenants. Both the tenants and the shards of each
// are rotated by the minute.
func (s *sweeper) newShares(lives []*sweptLive, costs map[ident.Tenant]time.Duration) []*share {
	var list []*share
	byTenant := map[ident.Tenant]*share{}
	for _, l := range lives {
		h := byTenant[l.Tenant]
		if h == nil {
			h = &share{tenant: l.Tenant, wave: cmp.Or(min(costs[l.Tenant], longestWave), assumedWave)}
			byTenant[l.Tenant], list = h, append(list, h)
		}
		h.lives = append(h.lives, l)
	}
	list = rotate(list, s.began)
	solo := s.segment.Solo
	for i, h := range list {
		h.scans = rotate(newScans(h.lives), s.began)
		h.lives = rotate(h.lives, s.began) // where packs are scarce, flush makes those of the first ones
		h.small = max(1, s.segment.Packs/4/len(list))
		quarter := capacity(s.segment.Packs) / 4 / time.Duration(len(list))
		h.solo.limit = min(takePart(&solo, len(list)-i), 1+int(quarter/timeOf(1, h.wave)))
	}
	return list
}

// takePart takes one of n equal parts, rounded up.
func takePart[T ~int | ~int64](whole *T, n int) T {
	part := (*whole + T(n) - 1) / T(n)
	*whole -= part
	return part
}

// done reports whether nothing is left to be read or dispatched.
func (h *share) done() bool { return h.flushed && len(h.packs) == 0 }

// next takes the next thing to do: a pack to dispatch, or a scan to read. Both are nil if
// there is none for now.
func (h *share) next(mayRead bool) (*Pack, *scan) {
	if !h.mayGoOn() {
		return nil, nil
	}
	if len(h.packs) == 0 && h.reading == 0 && !h.flushed && (!mayRead || len(h.scans) == 0) {
		h.flush()
	}
	switch {
	case len(h.packs) > 0 && h.mayGoOn():
		p := h.packs[0]
		takes := h.need()
		h.packs = h.packs[1:]
		h.allowed -= takes
		h.debt = takes - turn
		return &p, nil
	case len(h.packs) > 0:
	case mayRead && len(h.scans) > 0:
		scan := h.scans[0]
		h.scans = h.scans[1:]
		h.reading++
		return nil, scan
	}
	return nil, nil
}

// turn is what a tenant's packs take in one of its turns.
const turn = packTime + PackSize/SmallPack*assumedWave + assumedWave

// passes reports whether h lets a turn pass, because its last pack takes more than one.
func (h *share) passes() bool {
	if h.debt > 0 {
		h.debt -= turn
		return len(h.packs) > 0
	}
	return false
}

// need returns the time that h's next pack takes; the least if there is none yet.
func (h *share) need() time.Duration {
	if len(h.packs) == 0 {
		return timeOf(1, h.wave)
	}
	return timeOf(len(h.packs[0].Customers), h.wave)
}

// mayGoOn reports whether h may dispatch its next pack, or look for one.
func (h *share) mayGoOn() bool {
	return h.allowed > 0 && (len(h.packs) == 0 || h.need() <= h.allowed)
}

// addSolo adds a customer to those that are dispatched alone. It returns the one that has no
// place, if there is one.
func (h *share) addSolo(o overdue) (left overdue, ok bool) {
	if left, ok = h.solo.add(o); !ok {
		h.allowed -= timeOf(1, h.wave)
	}
	return left, ok
}

// add adds a customer to the packs of its journey, and fills one if it can.
func (h *share) add(o overdue) {
	l, halved := o.live, o.halvings()
	if h.small == 0 {
		halved = 0
	}
	l.waiting[halved] = append(l.waiting[halved], o.customer)
	if len(l.waiting[halved]) >= packSize(halved) {
		h.fill(l, halved)
	}
}

// fill makes a pack of the customers that wait for one.
func (h *share) fill(l *sweptLive, halved int) {
	if halved > 0 {
		h.small = max(0, h.small-1)
	}
	h.pack(l, l.waiting[halved])
	l.waiting[halved] = nil
}

func (h *share) pack(l *sweptLive, customers []string) {
	h.packs = append(h.packs, Pack{Tenant: l.Tenant, Journey: l.Journey, Customers: customers, Wave: h.wave})
}

// flush makes packs of all customers that do not fill one.
func (h *share) flush() {
	h.flushed = true
	for _, l := range h.lives {
		for halved := maxHalving; halved > 0; halved-- {
			switch {
			case len(l.waiting[halved]) == 0:
			case h.small > 0:
				h.fill(l, halved)
			default:
				l.waiting[0] = append(l.waiting[0], l.waiting[halved]...)
				l.waiting[halved] = nil
			}
		}
		for customers := range slices.Chunk(l.waiting[0], PackSize) {
			h.pack(l, customers)
		}
		l.waiting[0] = nil
	}
}

// left returns how many customers were read and not dispatched.
func (h *share) left() (n int) {
	for _, p := range h.packs {
		n += len(p.Customers)
	}
	for _, l := range h.lives {
		for _, customers := range l.waiting {
			n += len(customers)
		}
	}
	return n
}
