package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"journeys/internal/graph"
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
	Journey    ID
	Customer   string
	Status     EnrollmentStatus
	GraphHash  string    // of the definition that the customer follows
	Version    int       // of that definition
	Epoch      int       // of the journey, when the customer was enrolled
	Run        int       // 1, or one more than that of the run before
	Rev        int64     // counts writes from 1, and on from run to run
	WrittenAt  time.Time // time of the write of Rev; never decreases
	RequestID  RequestID
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

// Whereabouts is an enrollment with its position and path as node ids.
type Whereabouts struct {
	Enrollment
	Runs   []Enrollment // earlier ones, in their order; nil in lists
	NodeID string
	Path   []PathStep // ends with the current node
}

// PathStep is a node that a customer entered.
type PathStep struct {
	NodeID    string
	NodeType  graph.NodeType
	EnteredAt time.Time
	Result    string // "" for the current node
}

// Whereabouts returns where a customer is. It returns ErrNotFound if there is no
// such journey, ErrNotEnrolled if the customer never entered it.
func (s *Service) Whereabouts(ctx context.Context, t Tenant, id ID, customer string) (Whereabouts, error) {
	if _, err := s.stores.Journeys.Journey(ctx, t, id); err != nil {
		return Whereabouts{}, err
	}
	e, err := s.stores.Enrollments.Enrollment(ctx, t, id, customer)
	if err != nil {
		return Whereabouts{}, err
	}
	g, err := s.graphOf(ctx, t, e)
	if err != nil {
		return Whereabouts{}, err
	}
	at := e.whereabouts(g)
	if e.Run > 1 {
		at.Runs, err = s.stores.Enrollments.EarlierRuns(ctx, t, id, customer)
		at.Runs = slices.DeleteFunc(at.Runs, func(r Enrollment) bool { return r.Run >= e.Run }) // moved since e was read
	}
	return at, err
}

// asRequested returns e with its pending exit carried out, as callers see it.
func (e Enrollment) asRequested() Enrollment {
	if e.PendingExit == (ExitRequest{}) || e.Status != Inside {
		return e
	}
	e.Status, e.ExitReason, e.Due = Cancelled, e.PendingExit.Reason, time.Time{}
	if e.PendingExit.Completed {
		e.Status = Completed
	}
	return e
}

func (e Enrollment) whereabouts(g *Graph) Whereabouts {
	e = e.asRequested()
	w := Whereabouts{Enrollment: e, NodeID: g.NodeID(e.Node)}
	visits := e.Path.Visits(e.EnrolledAt)
	if !e.ReachedExit() {
		visits = append(visits, trail.Visit{Node: e.Node, EnteredAt: e.Since})
	}
	for _, visit := range visits {
		w.Path = append(w.Path, PathStep{
			NodeID: g.NodeID(visit.Node), NodeType: g.NodeType(visit.Node),
			EnteredAt: visit.EnteredAt, Result: visit.Result.Name(g.Node(visit.Node).Ways),
		})
	}
	return w
}

// CheckNode returns an ErrDamaged if the graph has no node e.Node. The other
// methods panic on such an enrollment.
func (g *Graph) CheckNode(e Enrollment) error {
	if e.Node < 0 || e.Node >= g.Len() {
		return fmt.Errorf("%w: the enrollment is at node %d of %d", ErrDamaged, e.Node, g.Len())
	}
	return nil
}

// ReasonRemoved is the ExitReason of a customer who was removed or forgotten.
const ReasonRemoved = "removed"

// retryWindow is how long a repeated Retry succeeds without effect. It is longer
// than clients repeat a call after a lost answer, and short enough that a later
// retry gets the error that the enrollment is not failed.
const retryWindow = 10 * time.Minute

// Retry resumes a failed enrollment at its node. It returns a Conflict if the
// journey was archived since the customer entered, or the enrollment is not
// failed. It does nothing if the enrollment was retried within retryWindow and
// has not failed or been removed since.
func (s *Service) Retry(ctx context.Context, t Tenant, id ID, customer string) error {
	err := s.rewrite(ctx, t, id, customer, func(j Journey, e Enrollment) (Enrollment, error) {
		now := s.clock()
		switch {
		case e.Epoch < j.Epoch:
			return e, &Error{
				Kind: Conflict, Code: "enrollment-archived",
				Detail: "The journey was archived after this customer entered it, so they cannot go on.",
			}
		case e.resumed() && now.Sub(e.retriedAt()) < retryWindow:
			return e, nil
		case e.Status != Failed:
			return e, &Error{
				Kind: Conflict, Code: "enrollment-not-failed",
				Detail: "Only a failed customer can be tried again; this one is " + e.Status.String() + ".",
			}
		}
		return e.NextWrite(now).Retry(now), nil
	})
	if err == nil {
		s.nudge(ctx, t, id, []string{customer})
	}
	return err
}

// retriedAt returns when e was last resumed after a failure; zero for never. For
// a cancelled enrollment it may be when it was cancelled, since Cancel ends a
// failure too.
func (e Enrollment) retriedAt() time.Time {
	list := e.Retries.Decode(e.EnrolledAt)
	if len(list) == 0 {
		return time.Time{}
	}
	return list[len(list)-1].RetriedAt
}

// resumed reports whether e is inside, or was left to the journey until it ended:
// it has neither failed nor been cancelled.
func (e Enrollment) resumed() bool {
	return e.Status == Inside || e.Status == Completed || e.Status == Expired
}

// Remove takes a customer out of a journey. It does nothing if the customer was
// removed before, and returns a Conflict if they left in another way. While a
// worker sends the customer a message, Remove only requests the exit: the worker
// records the message, and then the exit.
func (s *Service) Remove(ctx context.Context, t Tenant, id ID, customer string) error {
	return s.rewrite(ctx, t, id, customer, func(_ Journey, e Enrollment) (Enrollment, error) {
		now := s.clock()
		switch {
		case e.Status == Inside && e.LeaseUntil.After(now):
			e.PendingExit = cmp.Or(e.PendingExit, ExitRequest{Reason: ReasonRemoved})
			return e, nil
		case e.Status == Inside || e.Status == Failed:
			return e.NextWrite(now).Cancel(ReasonRemoved), nil
		case e.Status == Cancelled && e.ExitReason == ReasonRemoved:
			return e, nil
		}
		return e, &Error{
			Kind: Conflict, Code: "enrollment-ended",
			Detail: "This customer left the journey before: they are " + e.Status.String() + ".",
		}
	})
}

// writeAttempts bounds the attempts of a write that meets concurrent ones.
const writeAttempts = 10

// rewrite reads an enrollment, applies change and writes the result. It starts
// again if a concurrent write came first. If change returns the enrollment with
// the same Rev, only a new PendingExit is written.
func (s *Service) rewrite(
	ctx context.Context, t Tenant, id ID, customer string, change func(Journey, Enrollment) (Enrollment, error),
) error {
	for attempt := range writeAttempts {
		j, err := s.stores.Journeys.Journey(ctx, t, id)
		if err != nil {
			return err
		}
		e, err := s.stores.Enrollments.Enrollment(ctx, t, id, customer)
		if err != nil {
			return err
		}
		next, err := change(j, e)
		switch {
		case err != nil:
			return err
		case next.Rev > e.Rev:
			err = s.stores.Enrollments.Advance(ctx, t, j.Shards, []Enrollment{next})[0]
		case next.PendingExit != e.PendingExit:
			err = s.stores.Enrollments.RequestExit(ctx, t, next)
		}
		if !errors.Is(err, ErrLost) {
			return err
		}
		if attempt > 0 && !s.pause(ctx, attempt) {
			return ctx.Err()
		}
	}
	return errEnrollmentBusy
}

// errEnrollmentBusy means that every attempt met a concurrent write.
var errEnrollmentBusy = &Error{
	Kind: Unavailable, Code: "enrollment-busy",
	Detail: "The customer is being moved by others at the same time. Try again.",
}
