// Package target decides when effects on a target may begin: a channel or a decision
// flow that all workers of an installation share. It does no I/O. Times are arguments.
//
// A State keeps a target that hangs, or is slow, from holding more than its share of the
// workers. A Line keeps a channel's messages within its rate. Both are items that workers
// change by optimistic writes.
package target

import (
	"slices"
	"time"
)

// Bounds of a State.
const (
	MaxTimeouts = 5                // in a row: then a target opens
	FirstWait   = 30 * time.Second // how long it stays open at first; each probe that times out doubles that
	MaxWait     = 10 * time.Minute
	MaxLease    = 2 * time.Minute // no probe and no lease lasts longer: a later end is of a clock that was wrong

	maxPostponed = 15 * time.Minute
)

// States are the states of the targets that are not closed, by name.
type States map[string]State

// Kind says whether effects on a target may begin.
type Kind uint8

// The kinds of a State.
//
//	Closed   -- timed out 5 times in a row ------------> Open
//	Closed   -- its answers take long -----------------> Limited
//	Limited  -- its answers are quick again -----------> Closed
//	Limited  -- timed out 5 times in a row ------------> Open
//	Open     -- a probe was answered ------------------> Closed
//	Open     -- a probe timed out ---------------------> Open, for twice as long
const (
	Closed  Kind = iota // without restriction
	Open                // none until Until, then one at a time, until one is answered
	Limited             // only by the workers that hold a lease
)

// State is what all workers know of a target. The zero value is Closed.
type State struct {
	Kind   Kind
	Until  time.Time     // Open: no probe begins earlier
	Wait   time.Duration // Open: how long before Until it was opened
	Probe  time.Time     // Open: until then a probe is under way; zero for none
	Leases []time.Time   // Limited: when each lease ends
	Stamp  [16]byte      // of the write that stored it; only the table uses it
}

// Gate is what a worker may do with a target.
type Gate uint8

// The gates. Probe and Lease need a write: of State.Probing or State.Leased.
const (
	Pass  Gate = iota // begin effects
	Wait              // begin none before a time
	Probe             // begin a single effect
	Lease             // begin effects while the lease lasts
)

// Gate returns what a worker may do at now, and for Wait when to ask again. share is how
// many workers may hold a lease at once; lease is the end of this worker's own, zero for
// none. A time that only a clock ahead by minutes can have set counts as past.
func (s State) Gate(now time.Time, share int, lease time.Time) (Gate, time.Time) {
	switch s.Kind {
	case Open:
		switch {
		case ahead(s.Until, now, MaxWait):
			return Wait, s.Until
		case ahead(s.Probe, now, MaxLease):
			return Wait, s.Probe
		}
		return Probe, time.Time{}
	case Limited:
		held := s.held(now)
		switch {
		case slices.ContainsFunc(held, lease.Equal):
			return Pass, time.Time{}
		case len(held) < max(share, 1):
			return Lease, time.Time{}
		}
		return Wait, slices.MinFunc(held, time.Time.Compare)
	case Closed:
	}
	return Pass, time.Time{}
}

// ahead reports whether at is later than now, by at most limit.
func ahead(at, now time.Time, limit time.Duration) bool {
	return at.After(now) && at.Sub(now) <= limit
}

// held returns the leases that have not ended.
func (s State) held(now time.Time) []time.Time {
	var held []time.Time
	for _, end := range s.Leases {
		if ahead(end, now, MaxLease) {
			held = append(held, end)
		}
	}
	return held
}

// Opened returns s after a time-out that opens it at now, and false if it is open
// already.
func (s State) Opened(now time.Time) (State, bool) {
	wait := FirstWait
	if s.Kind == Open {
		if ahead(s.Until, now, MaxWait) {
			return s, false
		}
		wait = min(max(2*s.Wait, FirstWait), MaxWait)
	}
	return State{Kind: Open, Until: now.Add(wait), Wait: wait, Stamp: s.Stamp}, true
}

// Closed returns s without restriction, and false if it is closed already.
func (s State) Closed() (State, bool) { return State{Stamp: s.Stamp}, s.Kind != Closed }

// Probing returns s with a probe that ends by until.
func (s State) Probing(until time.Time) State {
	s.Probe = until
	return s
}

// Limited returns s with a lease that ends by until, for the worker that found a closed
// target slow. It returns false if s is not closed.
func (s State) Limited(until time.Time) (State, bool) {
	return State{Kind: Limited, Leases: []time.Time{until}, Stamp: s.Stamp}, s.Kind == Closed
}

// Leased returns s with another lease, and without those that have ended.
func (s State) Leased(now, until time.Time) State {
	s.Leases = append(s.held(now), until)
	return s
}

// Released returns s without the lease that ends then, and false if it has none.
func (s State) Released(end time.Time) (State, bool) {
	i := slices.IndexFunc(s.Leases, end.Equal)
	if s.Kind != Limited || i < 0 {
		return s, false
	}
	s.Leases = slices.Delete(slices.Clone(s.Leases), i, i+1)
	return s, true
}

// Postponed returns when a customer that has been at its node since then may ask again,
// no earlier than until: the longer it has waited, the later, so that a long outage costs
// each customer few writes.
func Postponed(now, since, until time.Time) time.Time {
	later := now.Add(min(max(now.Sub(since)/4, 0), maxPostponed))
	if later.After(until) {
		return later
	}
	return until
}
