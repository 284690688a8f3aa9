package journey

import (
	"encoding/binary"
	"time"
)

// EnrollmentStatus is whether a customer is still inside, and how they left.
type EnrollmentStatus uint8

// The statuses of an enrollment.
const (
	Inside    EnrollmentStatus = iota + 1
	Completed                  // reached an exit
	Expired                    // was inside for MaxDurationDays
	Cancelled                  // removed, or the journey was archived or deleted
	Failed                     // cannot go on; may be retried
)

var enrollmentStatusNames = [...]string{"", "active", "completed", "expired", "cancelled", "failed"}

// String returns the status as callers see it; "" for a number that is none.
func (s EnrollmentStatus) String() string {
	if int(s) >= len(enrollmentStatusNames) {
		return ""
	}
	return enrollmentStatusNames[s]
}

// Enrollment is one customer's way through one journey. Times are UTC, to the
// millisecond.
type Enrollment struct {
	Journey    ID
	Customer   string
	Status     EnrollmentStatus
	GraphHash  string    // the definition that this customer follows
	Version    int       // of that definition
	Epoch      int       // the journey's when they were enrolled
	Run        int       // 1 until customers can enter again
	Rev        int64     // counts writes, from 1
	WrittenAt  time.Time // of the write of Rev: never before an earlier one's
	RequestID  RequestID
	EnrolledAt time.Time
	ExpiresAt  time.Time // EnrolledAt and the journey's MaxDurationDays
	Node       int       // index of the node that they are at
	Since      time.Time // when they entered it
	Due        time.Time // when something is to be done; zero when they left
	ExitReason string
	Path       Path
	Retries    Retries
	Delta      Delta  // what the write of Rev changed
	Decisions  []byte // JSON object of what later conditions read, by node id; nil for none
	Event      []byte // JSON object: properties of the event that started the journey; nil for none

	// Attempts counts the tries at the node's effect. LeaseUntil is until when
	// one worker has that effect to itself; when it has passed, nobody knows
	// what became of that try, nor after any that follow, until one succeeds.
	// Both are zero outside an effect.
	Attempts   int
	LeaseUntil time.Time

	WokenAt time.Time // when the event that ends the wait was received; zero while it waits

	failedAt time.Time // of a failed one that is to be written again: when it failed

	// Place is where the due index held it when it was read; the table's own.
	// While Due stays, so does the place: to move costs two writes.
	Place Place
}

// Place is a place in the due index. The zero value is none.
type Place struct {
	Shard int
	Due   time.Time
}

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

// Delta is what one write changes in the journey's figures: one byte of the
// enrollment's own marks, then two bytes for each node that it touches: index
// and marks. All of it belongs to the UTC day of the write's time.
type Delta []byte

// Mark is one bit of a Delta.
type Mark uint8

// The marks of a node.
const (
	NodeEntered   Mark = 1 << iota
	NodeCompleted      // left by an edge, or an exit
	NodeFailed         // the enrollment failed here
	NodeDropped        // the enrollment expired or was cancelled here
	NodeTrue           // left by the edge "true"
	NodeFalse          // left by the edge "false"
	NodeRetried        // a failed enrollment is inside again, here
)

// The marks of the enrollment.
const (
	MarkEnrolled Mark = 1 << iota
	MarkCompleted
	MarkExpired
	MarkCancelled
	MarkFailed
	MarkRetried // a failed one is inside again
)
