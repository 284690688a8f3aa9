package journey

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

// reentry is a call or event that may start further runs.
type reentry struct {
	graph.Reentry
	shards int
	since  time.Time                                     // when it was first received; zero if it cannot be repeated
	start  func(i int, at time.Time) progress.Enrollment // of the i-th customer, as run 1
	closed string                                        // why none starts now, the code of an OutcomeError; start is then nil
}

// reentry reads the stored setting as far as the present rules allow.
func (j Journey) reentry() graph.Reentry {
	if j.Reentry == nil {
		return graph.Reentry{}
	}
	r, _ := graph.ReadReentry(strict.At(j.Reentry, "reentry", &strict.Faults{}))
	return r
}

// enteredSince reports whether a run began after the call was first received.
func (r reentry) enteredSince(at time.Time) bool { return !r.since.IsZero() && !at.Before(r.since) }

// refusal returns the code for why e's customer starts no further run; "" if they may.
// It decides as of when the call was first received, so that a repeat has the outcome
// of the first call.
func (r reentry) refusal(e progress.Enrollment, now time.Time) string {
	if !r.since.IsZero() {
		now = r.since
	}
	switch {
	case !e.Status.Left():
		return CodeInside
	case !r.AfterExit || r.enteredSince(e.EnrolledAt):
		return CodeEntered
	case !r.since.IsZero() && e.LeftAt.After(r.since):
		return CodeInside
	case r.Max > 0 && e.Run >= r.Max:
		return CodeMaxReached
	case e.EnrolledAt.Add(r.MinInterval).After(now):
		return CodeTooSoon
	}
	return ""
}

// Bounds of the customers who enter again in one call.
const (
	reentries     = 16              // at a time
	reentryMargin = 6 * time.Second // no further one starts that shortly before the end of the context
)

// enterAgain starts further runs for the customers that Insert skipped, where r allows
// that, and sets their outcomes. list has the enrollments of Insert; those of the
// customers who entered are replaced. If the journey is closed, it only looks for runs
// that the request started before.
func (s *Service) enterAgain(ctx context.Context, t ident.Tenant, r reentry, list []progress.Enrollment, outcomes []Outcome) {
	begin, cancel := shorten(ctx, reentryMargin)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(reentries)
	for i := range outcomes {
		o, enters := &outcomes[i], r.AfterExit && outcomes[i].Code == CodeEntered
		if o.Result != OutcomeSkipped || !enters && (o.Run < 2 || !r.enteredSince(o.EnteredAt)) {
			continue
		}
		group.Go(func() error {
			err := begin.Err()
			switch {
			case err != nil:
			case r.enteredSince(o.EnteredAt):
				*o, err = s.findRun(ctx, t, list[i], *o)
			default:
				*o, err = s.reenter(ctx, t, r, i, &list[i])
			}
			if err != nil {
				*o = Outcome{Result: OutcomeError, Code: Code(err)}
			}
			return nil
		})
	}
	_ = group.Wait() // every customer has an outcome
}

// findRun returns OutcomeEnrolled if e's request started one of the customer's earlier
// runs, otherwise o.
func (s *Service) findRun(ctx context.Context, t ident.Tenant, e progress.Enrollment, o Outcome) (Outcome, error) {
	if o.Run < 2 {
		return o, nil
	}
	runs, err := s.stores.Enrollments.EarlierRuns(ctx, t, e.Journey, e.Customer)
	if slices.ContainsFunc(runs, func(run progress.Enrollment) bool { return run.RequestID == e.RequestID }) {
		o = Outcome{Result: OutcomeEnrolled}
	}
	return o, err
}

// reenter starts the next run of the i-th customer and stores it in e, unless r refuses
// that. A customer whose enrollment is damaged has not certainly left.
func (s *Service) reenter(ctx context.Context, t ident.Tenant, r reentry, i int, e *progress.Enrollment) (Outcome, error) {
	for attempt := range writeAttempts {
		old, err := s.stores.Enrollments.Enrollment(ctx, t, e.Journey, e.Customer)
		switch {
		case errors.Is(err, ErrDamaged):
			return Outcome{Result: OutcomeSkipped, Code: CodeEntered}, nil
		case err != nil && !errors.Is(err, ErrNotEnrolled):
			return Outcome{}, err
		case err != nil:
			return Outcome{}, errEnrollmentBusy // forgotten at this moment
		case old.RequestID == e.RequestID:
			return Outcome{Result: OutcomeEnrolled}, nil
		}
		now := s.clock()
		if code := r.refusal(old, now); code != "" {
			o := Outcome{Result: OutcomeSkipped, Code: code, Run: old.Run, EnteredAt: old.EnrolledAt}
			if r.enteredSince(old.EnrolledAt) {
				return s.findRun(ctx, t, *e, o)
			}
			return o, nil
		}
		if r.closed != "" {
			return Outcome{Result: OutcomeError, Code: r.closed}, nil
		}
		// Runs are in the order of their entries, whatever the clocks.
		*e = r.start(i, progress.Later(progress.Later(now, r.since), old.WrittenAt))
		e.Run, e.Rev = old.Run+1, old.Rev+1
		if err = s.stores.Enrollments.Reenter(ctx, t, r.shards, old, *e); !errors.Is(err, ErrLost) {
			return Outcome{Result: OutcomeEnrolled}, err
		}
		if attempt > 0 && !s.WaitToRetry(ctx, attempt) {
			return Outcome{}, ctx.Err()
		}
	}
	return Outcome{}, errEnrollmentBusy
}

// enrolled returns what the first call with a key did for the customers of a journey
// that takes none now. closed is the code of the customers that it has not reached.
func (s *Service) enrolled(ctx context.Context, t ident.Tenant, j Journey, customers []string, key KeyRecord, closed string) []Outcome {
	outcomes := s.stores.Enrollments.Enrolled(ctx, t, j.ID, customers, key.RequestID, closed)
	list := make([]progress.Enrollment, len(customers))
	for i, customer := range customers {
		list[i] = progress.Enrollment{Journey: j.ID, Customer: customer, RequestID: key.RequestID}
	}
	s.enterAgain(ctx, t, reentry{Reentry: j.reentry(), since: key.ReceivedAt, closed: closed}, list, outcomes)
	return outcomes
}
