// Package trail has the records that an enrollment keeps of its way: the path with its
// results, the failures that were retried, and the delta of one write for the figures.
package trail

import (
	"encoding/binary"
	"strconv"
	"time"

	"journeys/internal/graph"
)

// Result is the outcome of a node.
type Result uint8

// The results. The numbers are stored: append, never renumber. 32 to 39 are
// the branches 0 to 7 of a node; see Branch.
const (
	NoResult            Result = iota // the customer is still there, or the enrollment ended there
	Entered                           // entry_trigger
	Waited                            // wait that ended by time
	WokenByEvent                      // wait that ended by its event
	True                              // condition_split
	False                             // condition_split
	Decided                           // nba_decision with an answer
	DecidedEmpty                      // nba_decision with an empty answer
	EffectError                       // node that failed and went on, or an answer or event over MaxKept
	Sent                              // channel_action
	SkippedNoAddress                  // channel_action without an address
	SkippedUncertain                  // channel_action whose earlier attempt may have sent
	Exited                            // exit, or a wait until a date that customers leave without one
	Updated                           // update_customer
	SkippedUnsubscribed               // channel_action with a topic that the customer is not subscribed to
	SkippedSuppressed                 // channel_action to an address that takes no messages of the channel
)

var resultNames = [...]string{
	"", "entered", "waited", "woken", "true", "false", "decided", "empty", "error",
	"sent", "skipped_no_address", "skipped_uncertain", "exited", "updated",
	"skipped_unsubscribed", "skipped_suppressed",
}

// firstBranch is the Result of a node that was left by the first of its named ways.
const firstBranch Result = 32

// Branch returns the Result of a node that was left by the way with that index.
func Branch(way int) Result { return firstBranch + Result(way) }

// known reports whether this version writes the result.
func (r Result) known() bool {
	return int(r) < len(resultNames) || r >= firstBranch && r < firstBranch+graph.MaxWays
}

// Way returns the index of the way by which the result leaves a node, from 0.
func (r Result) Way() int {
	switch {
	case r.IsBranch():
		return int(r - firstBranch)
	case r == False:
		return 1
	}
	return 0
}

// IsBranch reports whether the node was left by one of its named ways.
func (r Result) IsBranch() bool { return r >= firstBranch }

// EndedByEvent reports whether the result is that of the wait n ended by an event.
func (r Result) EndedByEvent(n *graph.Node) bool {
	return r == WokenByEvent || r == EffectError || r.IsBranch() && r.Way() < len(n.Awaits)
}

// Name returns the result as callers see it, given the ways of the node: "" for
// NoResult, "unknown" for a result of a newer version.
func (r Result) Name(ways []string) string {
	switch {
	case int(r) < len(resultNames):
		return resultNames[r]
	case r.known() && r.Way() < len(ways):
		return ways[r.Way()]
	}
	return "unknown"
}

// String returns the result as a log line names it: a branch by its number.
func (r Result) String() string {
	if r.IsBranch() && r.known() {
		return "branch" + strconv.Itoa(r.Way())
	}
	return r.Name(nil)
}

// Path lists the nodes that the customer left, in order and including the exit.
// A step is the node's index (one byte), the time of entry in milliseconds since
// EnrolledAt (unsigned varint), and the Result (one byte).
type Path []byte

// Visit is a decoded step of a Path.
type Visit struct {
	Node      int
	EnteredAt time.Time
	Result    Result
}

// Visits decodes the path of an enrollment that began at enrolledAt. It stops at
// the first step that is malformed.
func (p Path) Visits(enrolledAt time.Time) []Visit {
	visits, _ := p.Decode(enrolledAt)
	return visits
}

// Decode is Visits; it also reports whether the whole path was read.
func (p Path) Decode(enrolledAt time.Time) (visits []Visit, whole bool) {
	for len(p) > 2 {
		ms, n := binary.Uvarint(p[1:])
		if n <= 0 || len(p) < n+2 || !Result(p[n+1]).known() {
			return visits, false
		}
		at := enrolledAt.Add(time.Duration(ms) * time.Millisecond)
		visits = append(visits, Visit{int(p[0]), at, Result(p[n+1])})
		p = p[n+2:]
	}
	return visits, len(p) == 0
}

// ByDay returns the path with each time rounded down to its own UTC day, of an
// enrollment that began on the day of enrolledAt. A malformed path stays malformed.
func (p Path) ByDay(enrolledAt time.Time) (rounded Path) {
	visits, whole := p.Decode(enrolledAt)
	for _, v := range visits {
		rounded = rounded.Append(v.Node, UTCDay(v.EnteredAt).Sub(UTCDay(enrolledAt)), v.Result)
	}
	if !whole {
		rounded = append(rounded, 0)
	}
	return rounded
}

// Append returns the path with another step: the node, the time of its entry since
// EnrolledAt, and the result by which it was left.
func (p Path) Append(node int, since time.Duration, result Result) Path {
	p = append(p, byte(node))
	p = binary.AppendUvarint(p, uint64(max(since.Milliseconds(), 0)))
	return append(p, byte(result))
}
