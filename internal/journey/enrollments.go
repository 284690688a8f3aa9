package journey

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// Whereabouts is an enrollment with its position and path as node ids.
type Whereabouts struct {
	progress.Enrollment
	Runs   []progress.Enrollment // earlier ones, in their order; nil in lists
	NodeID string
	Path   []PathStep // ends with the current node
}

// PathStep is a node that a customer entered.
type PathStep struct {
	NodeID    string
	NodeType  graph.NodeType
	EnteredAt time.Time
	Result    string     // "" for the current node
	Feedback  []Reported // of its message, the earliest first
}

// Reported is what was reported of the message of a step, and when it was first counted.
type Reported struct {
	Kind feedback.Kind
	At   time.Time
}

// Whereabouts returns where a customer is. It returns ErrNotFound if there is no
// such journey, ErrNotEnrolled if the customer never entered it.
func (s *Service) Whereabouts(ctx context.Context, t ident.Tenant, id ident.ID, customer string) (Whereabouts, error) {
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
	heard, err := s.stores.Feedback.Heard(ctx, t, id, customer, e.Run)
	if err != nil {
		return Whereabouts{}, err
	}
	at := whereabouts(e, g, heard)
	if e.Run > 1 {
		at.Runs, err = s.stores.Enrollments.EarlierRuns(ctx, t, id, customer)
		at.Runs = slices.DeleteFunc(at.Runs, func(r progress.Enrollment) bool { return r.Run >= e.Run }) // moved since e was read
	}
	return at, err
}

func whereabouts(e progress.Enrollment, g *progress.Graph, heard []feedback.Heard) Whereabouts {
	e = e.AsRequested()
	w := Whereabouts{Enrollment: e, NodeID: g.NodeID(e.Node)}
	visits := e.Path.Visits(e.EnrolledAt)
	if !e.ReachedExit() {
		visits = append(visits, trail.Visit{Node: e.Node, EnteredAt: e.Since})
	}
	for _, visit := range visits {
		w.Path = append(w.Path, PathStep{
			NodeID: g.NodeID(visit.Node), NodeType: g.NodeType(visit.Node),
			EnteredAt: visit.EnteredAt, Result: visit.Result.Name(g.Node(visit.Node).Ways), Feedback: reportedOf(visit.Node, heard),
		})
	}
	return w
}

// reportedOf returns what was heard of a step.
func reportedOf(node int, heard []feedback.Heard) (all []Reported) {
	for _, h := range heard {
		for k, at := range h.At {
			if h.Node == node && !at.IsZero() {
				all = append(all, Reported{feedback.Kind(k), at})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Reported) int { return a.At.Compare(b.At) })
	return all
}

// retryWindow is how long a repeated Retry succeeds without effect. It is longer
// than clients repeat a call after a lost answer, and short enough that a later
// retry gets the error that the enrollment is not failed.
const retryWindow = 10 * time.Minute

// Retry resumes a failed enrollment at its node. It returns a Conflict if the
// journey was archived since the customer entered, or the enrollment is not
// failed. It does nothing if the enrollment was retried within retryWindow and
// has not failed or been removed since.
func (s *Service) Retry(ctx context.Context, t ident.Tenant, id ident.ID, customer string) error {
	_, err := s.rewrite(ctx, t, id, customer, nil, s.retried)
	if err == nil {
		s.nudge(ctx, t, id, []string{customer})
	}
	return err
}

// retried returns what Retry makes of an enrollment.
func (s *Service) retried(j Journey, e progress.Enrollment) (progress.Enrollment, error) {
	now := s.clock()
	switch {
	case e.Epoch < j.Epoch:
		return e, &Error{
			Kind: Conflict, Code: "enrollment-archived",
			Detail: "The journey was archived after this customer entered it, so they cannot go on.",
		}
	case e.Resumed() && now.Sub(e.RetriedAt()) < retryWindow:
		return e, nil
	case e.Status != progress.Failed:
		return e, &Error{
			Kind: Conflict, Code: "enrollment-not-failed",
			Detail: "Only a failed customer can be tried again; this one is " + e.Status.String() + ".",
		}
	}
	return e.NextWrite(now).Retry(now), nil
}

// Remove takes a customer out of a journey. It does nothing if the customer was
// removed before, and returns a Conflict if they left in another way. While a
// worker sends the customer a message, Remove only requests the exit: the worker
// records the message, and then the exit.
func (s *Service) Remove(ctx context.Context, t ident.Tenant, id ident.ID, customer string) error {
	_, err := s.rewrite(ctx, t, id, customer, nil, s.removed)
	return err
}

// removed returns what Remove makes of an enrollment.
func (s *Service) removed(_ Journey, e progress.Enrollment) (progress.Enrollment, error) {
	now := s.clock()
	switch {
	case e.Status == progress.Inside && e.LeaseUntil.After(now):
		e.PendingExit = cmp.Or(e.PendingExit, progress.ExitRequest{Reason: progress.ReasonRemoved})
		return e, nil
	case e.Status == progress.Inside || e.Status == progress.Failed:
		return e.NextWrite(now).Cancel(progress.ReasonRemoved), nil
	case e.Status == progress.Cancelled && e.ExitReason == progress.ReasonRemoved:
		return e, nil
	}
	return e, &Error{
		Kind: Conflict, Code: "enrollment-ended",
		Detail: "This customer left the journey before: they are " + e.Status.String() + ".",
	}
}

// writeAttempts bounds the attempts of a write that meets concurrent ones.
const writeAttempts = 10

// rewrite reads an enrollment, applies change and writes the result. It starts
// again if a concurrent write came first. If change returns the enrollment with
// the same Rev, only a new PendingExit is written. It writes nothing if still is not nil
// and returns false for the enrollment. It reports whether it wrote anything.
func (s *Service) rewrite(
	ctx context.Context, t ident.Tenant, id ident.ID, customer string, still func(progress.Enrollment) bool,
	change func(Journey, progress.Enrollment) (progress.Enrollment, error),
) (changed bool, err error) {
	for attempt := range writeAttempts {
		j, err := s.stores.Journeys.Journey(ctx, t, id)
		if err != nil {
			return false, err
		}
		e, err := s.stores.Enrollments.Enrollment(ctx, t, id, customer)
		if err != nil {
			return false, err
		}
		if still != nil && !still(e) {
			return false, nil
		}
		next, err := change(j, e)
		switch {
		case err != nil:
			return false, err
		case next.Rev > e.Rev:
			err = s.stores.Enrollments.Advance(ctx, t, j.Shards, []progress.Enrollment{next})[0]
		case next.PendingExit != e.PendingExit:
			err = s.stores.Enrollments.RequestExit(ctx, t, next)
		default:
			return false, nil
		}
		if !errors.Is(err, ErrLost) {
			return err == nil, err
		}
		if attempt > 0 && !s.WaitToRetry(ctx, attempt) {
			return false, ctx.Err()
		}
	}
	return false, errEnrollmentBusy
}

// errEnrollmentBusy means that every attempt met a concurrent write.
var errEnrollmentBusy = &Error{
	Kind: Unavailable, Code: "enrollment-busy",
	Detail: "The customer is being moved by others at the same time. Try again.",
}
