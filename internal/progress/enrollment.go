package progress

import (
	"fmt"
	"time"

	"journeys/internal/ident"
	"journeys/internal/trail"
)

// EnrollmentStatus says whether a customer is in the journey, or how they left.
type EnrollmentStatus uint8

// The statuses of an enrollment.
const (
	Inside    EnrollmentStatus = iota + 1 // in the journey; callers see "active"
	Completed                             // reached an exit
	Expired                               // did not leave within MaxDurationDays
	Cancelled                             // removed, or the journey was archived or deleted
	Failed                                // stopped by an error; can be retried
)

var enrollmentStatusNames = [...]string{"", "active", "completed", "expired", "cancelled", "failed"}

// String returns the status as callers see it; "" for an unknown status.
func (s EnrollmentStatus) String() string {
	if int(s) >= len(enrollmentStatusNames) {
		return ""
	}
	return enrollmentStatusNames[s]
}

// Left reports whether the customer has left the journey. One whose enrollment failed
// has not.
func (s EnrollmentStatus) Left() bool { return s == Completed || s == Expired || s == Cancelled }

// Enrollment is the progress of a customer through a journey. Times are UTC, to
// the millisecond.
type Enrollment struct {
	Journey    ident.ID
	Customer   string
	Status     EnrollmentStatus
	GraphHash  string    // of the definition that the customer follows
	Version    int       // of that definition
	Epoch      int       // of the journey, when the customer was enrolled
	Run        int       // 1, or one more than that of the run before
	Rev        int64     // counts writes from 1, and on from run to run
	WrittenAt  time.Time // time of the write of Rev; never decreases
	RequestID  ident.RequestID
	EnrolledAt time.Time
	ExpiresAt  time.Time // EnrolledAt plus the journey's MaxDurationDays
	Node       int       // index of the current node
	Since      time.Time // when the customer entered the node
	Due        time.Time // when the engine must act; zero unless Inside
	LeftAt     time.Time // when it was completed, expired or cancelled; its day counts that
	FailedAt   time.Time // zero unless Failed; its day counts the failure
	ExitReason string
	Path       trail.Path
	Retries    trail.Retries
	Delta      trail.Delta // what the write of Rev changed
	Decisions  []byte      // JSON object by node id: what the graph reads of decisions; nil for none
	Event      []byte      // JSON object: what the graph reads of the starting event; nil for none
	Steps      []byte      // JSON object by node id: what the graph reads of answers of channels and events that ended waits; nil for none

	// Attempts counts the attempts at the node's effect. Until LeaseUntil, one
	// worker owns the effect. Once that has passed, the effect may have
	// happened, until an attempt succeeds. Both are zero outside an effect.
	Attempts   int
	LeaseUntil time.Time

	// InLine is set while Due is a place in the line of a channel with a rate, which may also
	// be served sooner.
	InLine bool

	// PendingExit is an exit that was requested while a worker owned an effect; zero for
	// none. The next write of a worker carries it out.
	PendingExit ExitRequest

	// Listens has graph.ListenHash of each type of event that may change the enrollment
	// where it is, and perhaps of others.
	Listens []byte

	// OnProfile is set at a wait whose end depends on the customer's attributes. The
	// wait is stored, due at once, before the attributes are read, and a writer of the
	// attributes looks for such waits after its write: one of the two sees the other.
	OnProfile  bool
	ProfileRev int64 // of the attributes from which Due was computed; 0 for none yet

	Woken Stamp // of an event that surely ends the wait, until the engine looks at it; zero for none
	Heard Stamp // of the event that last ended a wait of the run

	EndedBy Stamp // of the event that ended the run by exitOn; zero for none

	// ConvertedAt is when the conversion was recorded; zero for none. Its day counts the
	// conversion. The first ConvertedSteps of Path were passed before the conversion.
	ConvertedAt    time.Time
	ConvertedSteps int

	GoalUntil time.Time // until then an event converts a customer that has left; zero for no goal

	// PendingConversion is an event that converted the run while a worker owned an effect;
	// zero for none. Its time is that of the conversion. NextWrite carries it out.
	PendingConversion Stamp

	// KeptBefore is the KeptSize of the stored revision; NextWrite sets it. Only the
	// table uses it.
	KeptBefore int

	// Place is the entry's position in the due index when it was read; only the
	// table uses it. It moves only when Due changes: a move costs two writes.
	Place Place
}

// Place is a position in the due index. The zero value is none.
type Place struct {
	Shard int
	Due   time.Time
}

// AsRequested returns e with its pending exit carried out, as callers see it.
func (e Enrollment) AsRequested() Enrollment {
	if e.PendingExit == (ExitRequest{}) || e.Status != Inside {
		return e
	}
	e.Status, e.ExitReason, e.Due = Cancelled, e.PendingExit.Reason, time.Time{}
	if e.PendingExit.Completed {
		e.Status = Completed
	}
	return e
}

// CheckNode returns an error if the graph has no node e.Node. The other
// methods panic on such an enrollment.
func (g *Graph) CheckNode(e Enrollment) error {
	if e.Node < 0 || e.Node >= g.Len() {
		return fmt.Errorf("the enrollment is at node %d of %d", e.Node, g.Len())
	}
	return nil
}

// ReasonRemoved is the ExitReason of a customer who was removed or forgotten.
const ReasonRemoved = "removed"

// RetriedAt returns when e was last Resumed after a failure; zero for never. For
// a cancelled enrollment it may be when it was cancelled, since Cancel ends a
// failure too.
func (e Enrollment) RetriedAt() time.Time {
	list := e.Retries.Decode(e.EnrolledAt)
	if len(list) == 0 {
		return time.Time{}
	}
	return list[len(list)-1].RetriedAt
}

// Resumed reports whether e is inside, or was left to the journey until it ended:
// it has neither failed nor been cancelled.
func (e Enrollment) Resumed() bool {
	return e.Status == Inside || e.Status == Completed || e.Status == Expired
}

// Anonymize returns the write of e that is kept when its customer is forgotten. It
// has nothing that identifies the customer, and every time is rounded down to its
// UTC day, so that times do not link the journeys of one customer. A recount as of
// any day stays the same. An enrollment that is inside becomes Cancelled at now.
// Others keep the day of WrittenAt.
func (e Enrollment) Anonymize(now time.Time) Enrollment {
	inside, written := e.Status == Inside, e.WrittenAt
	e.GoalUntil, e.PendingConversion = time.Time{}, Stamp{}
	e = e.NextWrite(now)
	if inside {
		e = e.Cancel(ReasonRemoved)
	} else {
		e.Delta, e.WrittenAt = nil, written
	}
	e.Customer, e.RequestID, e.Decisions, e.Event, e.Steps = "", ident.RequestID{}, nil, nil, nil
	e.Attempts, e.LeaseUntil, e.Woken, e.Heard, e.EndedBy, e.Place = 0, time.Time{}, Stamp{}, Stamp{}, Stamp{}, Place{}
	e.OnProfile, e.ProfileRev, e.InLine = false, 0, false
	e.Path, e.Retries = e.Path.ByDay(e.EnrolledAt), e.Retries.ByDay(e.EnrolledAt)
	e.EnrolledAt, e.Since, e.WrittenAt, e.ExpiresAt = trail.UTCDay(e.EnrolledAt), trail.UTCDay(e.Since), trail.UTCDay(e.WrittenAt), time.Time{}
	e.LeftAt, e.FailedAt, e.ConvertedAt = trail.UTCDay(e.LeftAt), trail.UTCDay(e.FailedAt), trail.UTCDay(e.ConvertedAt)
	return e
}
