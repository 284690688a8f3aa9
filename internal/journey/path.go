package journey

import (
	"encoding/binary"
	"time"
)

// Result is what happened at a node.
type Result uint8

// The results. Their numbers are stored: append, never renumber.
const (
	NoResult         Result = iota // still there, or the enrollment ended there
	Entered                        // entry_trigger
	Waited                         // wait, ended by its time
	WokenByEvent                   // wait, ended by its event
	True                           // condition_split
	False                          // condition_split
	Decided                        // nba_decision that answered something
	DecidedEmpty                   // nba_decision that answered nothing
	DecisionError                  // nba_decision that failed, and onError is "continue"
	Sent                           // channel_action
	SkippedNoAddress               // channel_action without an address to send to
	SkippedUncertain               // channel_action whose first try may have been sent
	Exited                         // exit
)

var resultNames = [...]string{
	"", "entered", "waited", "woken", "true", "false", "decided", "empty", "error",
	"sent", "skipped_no_address", "skipped_uncertain", "exited",
}

// String returns the result as callers see it.
func (r Result) String() string { return resultNames[r] }

// Path is the nodes that were left, the exit included, in order: for each its
// index (one byte), when it was entered in milliseconds since EnrolledAt
// (unsigned varint), and the Result (one byte).
type Path []byte

// Visit is one step of a path.
type Visit struct {
	Node      int
	EnteredAt time.Time
	Result    Result
}

// Visits decodes the path of an enrollment that began at enrolledAt. It stops
// at bytes that it cannot read.
func (p Path) Visits(enrolledAt time.Time) []Visit {
	visits, _ := p.visits(enrolledAt)
	return visits
}

// visits also reports whether all of the path could be read.
func (p Path) visits(enrolledAt time.Time) (visits []Visit, whole bool) {
	for len(p) > 2 {
		ms, n := binary.Uvarint(p[1:])
		if n <= 0 || len(p) < n+2 || int(p[n+1]) >= len(resultNames) {
			return visits, false
		}
		at := enrolledAt.Add(time.Duration(ms) * time.Millisecond)
		visits = append(visits, Visit{int(p[0]), at, Result(p[n+1])})
		p = p[n+2:]
	}
	return visits, len(p) == 0
}

func (p Path) append(node int, since time.Duration, result Result) Path {
	p = append(p, byte(node))
	p = binary.AppendUvarint(p, uint64(max(since.Milliseconds(), 0)))
	return append(p, byte(result))
}
