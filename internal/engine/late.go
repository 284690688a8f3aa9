package engine

import (
	"cmp"
	"slices"
	"time"
)

// Times and sizes for customers that are due although an earlier tick has dispatched
// them: their effects were put off for lack of time, their pack was lost, or one of the
// pack kills every worker that loads it. They go into packs of SmallPack, which are
// halved with every two minutes more, and the longest overdue into packs of one.
//
// A backlog looks the same, and small packs would make it longer. So small packs are at
// most a quarter of the packs, and a shard that is more than a page behind has none.
const (
	SmallAfter = 90 * time.Second // a customer overdue by this goes into a smaller pack
	SmallPack  = 32               // customers of the largest smaller pack: as many as one Advance serves at a time
	SoloAfter  = 5 * time.Minute  // a customer overdue by this may go into a pack of one
	StuckAfter = 24 * time.Hour   // a customer overdue by this is stuck, no longer late: often its item cannot be read
	MaxSolo    = 200              // packs of one that one Tick dispatches
	maxHalving = 4                // the smallest packs have SmallPack >> 3 customers
)

// packSize returns the size of a pack that is halved n times.
func packSize(n int) int {
	if n == 0 {
		return PackSize
	}
	return SmallPack >> (n - 1)
}

// overdue is a customer that is due.
type overdue struct {
	live     *sweptLive
	customer string
	late     time.Duration
	behind   bool // its shard is more than a page behind
}

// halvings returns how often the size of a pack is halved for the customer, at most
// maxHalving times.
func (o overdue) halvings() int {
	if o.late < SmallAfter || o.behind {
		return 0
	}
	return min(int((o.late+time.Minute)/(2*time.Minute)), maxHalving)
}

// longest is a tenant's longest overdue customers, at most limit of them.
type longest struct {
	list  []overdue // the longest first
	limit int
}

// add adds o. It returns the customer that has no place, if there is one.
func (l *longest) add(o overdue) (left overdue, ok bool) {
	at, _ := slices.BinarySearchFunc(l.list, o, func(a, b overdue) int { return cmp.Compare(b.late, a.late) })
	if at >= l.limit {
		return o, true
	}
	l.list = slices.Insert(l.list, at, o)
	if len(l.list) <= l.limit {
		return overdue{}, false
	}
	left = l.list[l.limit]
	l.list = l.list[:l.limit]
	return left, true
}
