package journey

import (
	"context"
	"errors"
	"fmt"
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

// Whereabouts is where a customer is in a journey, and how they came there.
type Whereabouts struct {
	Enrollment
	NodeID string
	Path   []PathStep // the present node last
}

// PathStep is a node on a customer's way.
type PathStep struct {
	NodeID    string
	NodeType  NodeType
	EnteredAt time.Time
	Result    string // "" for where they are
}

// Whereabouts returns where a customer is. ErrNotFound when there is no such
// journey, ErrNotEnrolled when they never entered it.
func (s *Service) Whereabouts(ctx context.Context, t Tenant, id ID, customer string) (Whereabouts, error) {
	if _, err := s.stores.Journeys.Journey(ctx, t, id); err != nil {
		return Whereabouts{}, err
	}
	e, err := s.stores.Enrollments.Enrollment(ctx, t, id, customer)
	if err != nil {
		return Whereabouts{}, err
	}
	graph, err := s.graphOf(ctx, t, e)
	if err != nil {
		return Whereabouts{}, err
	}
	return e.whereabouts(graph), nil
}

func (e Enrollment) whereabouts(g *Graph) Whereabouts {
	w := Whereabouts{Enrollment: e, NodeID: g.NodeID(e.Node)}
	visits := e.Path.Visits(e.EnrolledAt)
	if e.Status != Completed {
		visits = append(visits, Visit{Node: e.Node, EnteredAt: e.Since})
	}
	for _, visit := range visits {
		w.Path = append(w.Path, PathStep{
			NodeID: g.NodeID(visit.Node), NodeType: g.NodeType(visit.Node),
			EnteredAt: visit.EnteredAt, Result: visit.Result.String(),
		})
	}
	return w
}

// CheckNode returns an ErrDamaged when e is at none of the graph's nodes. Nothing
// else here may be asked about such a one.
func (g *Graph) CheckNode(e Enrollment) error {
	if e.Node < 0 || e.Node >= g.Len() {
		return fmt.Errorf("%w: the enrollment is at node %d of %d", ErrDamaged, e.Node, g.Len())
	}
	return nil
}

// reasonRemoved is why somebody leaves who was taken out, or forgotten.
const reasonRemoved = "removed"

// retryRepeat is for how long a repeated retry meets its own success: longer
// than clients repeat a call whose answer was lost, and short enough that who
// tries again later is told that there is nothing to try.
const retryRepeat = 10 * time.Minute

// Retry lets a failed customer go on from where they stopped. Who was retried
// within retryRepeat and went on since stays as they are. Who must leave, or was
// taken out, is not told that anything was done for them.
func (s *Service) Retry(ctx context.Context, t Tenant, id ID, customer string) error {
	err := s.rewrite(ctx, t, id, customer, func(j Journey, e Enrollment) (Enrollment, error) {
		now := s.clock()
		switch {
		case e.Epoch < j.Epoch:
			return e, &Error{
				Kind: Conflict, Code: "enrollment-archived",
				Detail: "The journey was archived after this customer entered it, so they cannot go on.",
			}
		case e.wentOn() && now.Sub(e.retriedAt()) < retryRepeat:
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

// Remove takes a customer out of a journey. It does nothing when they were
// taken out before.
func (s *Service) Remove(ctx context.Context, t Tenant, id ID, customer string) error {
	return s.rewrite(ctx, t, id, customer, func(_ Journey, e Enrollment) (Enrollment, error) {
		switch {
		case e.Status == Inside || e.Status == Failed:
			return e.NextWrite(s.clock()).Cancel(reasonRemoved), nil
		case e.Status == Cancelled && e.ExitReason == reasonRemoved:
			return e, nil
		}
		return e, &Error{
			Kind: Conflict, Code: "enrollment-ended",
			Detail: "This customer left the journey before: they are " + e.Status.String() + ".",
		}
	})
}

// rewrite changes an enrollment as change says, which decides anew whenever
// somebody else was faster. An enrollment that change returns as it was is not
// written.
func (s *Service) rewrite(
	ctx context.Context, t Tenant, id ID, customer string, change func(Journey, Enrollment) (Enrollment, error),
) error {
	for attempt := range wakeAttempts {
		j, err := s.stores.Journeys.Journey(ctx, t, id)
		if err != nil {
			return err
		}
		e, err := s.stores.Enrollments.Enrollment(ctx, t, id, customer)
		if err != nil {
			return err
		}
		next, err := change(j, e)
		if err != nil || next.Rev == e.Rev {
			return err
		}
		if err = s.stores.Enrollments.Advance(ctx, t, j.Shards, []Enrollment{next})[0]; !errors.Is(err, ErrLost) {
			return err
		}
		if attempt > 0 && !s.pause(ctx, attempt) {
			return ctx.Err()
		}
	}
	return errEnrollmentBusy
}

// errEnrollmentBusy is an enrollment that others wrote each time.
var errEnrollmentBusy = &Error{
	Kind: Unavailable, Code: "enrollment-busy",
	Detail: "The customer is being moved by others at the same time. Try again.",
}
