package journey

import (
	"context"
	"slices"
	"time"

	"journeys/internal/ident"
	"journeys/internal/progress"
)

// EnrollmentAction is what ActOnEnrollments does with each customer.
type EnrollmentAction string

// The actions.
const (
	ActionRetry  EnrollmentAction = "retry"  // as Service.Retry; of failed enrollments only
	ActionRemove EnrollmentAction = "remove" // as Service.Remove
)

// cursorPointer is where a request has the cursor of the list for a.
func (a EnrollmentAction) cursorPointer() string {
	if a == "" {
		return "/query/cursor"
	}
	return "/cursor"
}

// Actions is what one call of ActOnEnrollments did. Done, Skipped and Failed add up to
// the enrollments that matched.
type Actions struct {
	Done    int // by this call
	Skipped int // they do not match any more, or cannot be retried
	Failed  []FailedAction
	Damaged []Damage // of enrollments that were left out
	Next    string   // cursor of the next call; "" at the end of the list
}

// FailedAction is an action that may not have been done. It is safe to repeat.
type FailedAction struct {
	Customer string
	Err      error
}

// Bounds of one call of ActOnEnrollments.
const (
	maxActions   = 100             // customers
	actionMargin = 6 * time.Second // no action starts that shortly before the end of the context
)

// ActOnEnrollments does the same with up to maxActions of the enrollments that match f,
// without Result; its Limit is not used. The calls from one without Cursor to one without
// Next act on each customer who matched all the time, except one whose entry in the due
// index was not yet visible, or moved backward in it. A repeated call finds only what
// still matches.
func (s *Service) ActOnEnrollments(ctx context.Context, t ident.Tenant, id ident.ID, a EnrollmentAction, f EnrollmentFilter) (Actions, error) {
	f.action, f.Limit = a, maxActions
	found, err := s.find(ctx, t, id, f)
	if err != nil {
		return Actions{}, err
	}
	s.act(ctx, t, id, f, found.matches)
	if len(found.matches) > 0 && !found.matches[0].started {
		return Actions{}, context.DeadlineExceeded // the same cursor again would say that there was progress
	}
	result := Actions{Damaged: found.damaged}
	var done []string
	for _, m := range found.matches {
		switch {
		case !m.started:
		case m.changed:
			done = append(done, m.Customer)
		case m.err == nil, kindOf(m.err) == Conflict, kindOf(m.err) == NotFound:
			result.Skipped++
		default:
			result.Failed = append(result.Failed, FailedAction{m.Customer, m.err})
		}
	}
	if result.Done = len(done); a == ActionRetry {
		s.nudge(ctx, t, id, done)
	}
	if next := found.unacted(); next != nil {
		result.Next = f.cursor(id, *next)
	}
	return result, nil
}

// act starts the actions on matches of f, several at a time, until the time runs out.
func (s *Service) act(ctx context.Context, t ident.Tenant, id ident.ID, f EnrollmentFilter, matches []*match) {
	begin, cancel := shorten(ctx, actionMargin)
	defer cancel()
	change := s.removed
	if f.action == ActionRetry {
		change = s.retried
	}
	_ = forEach(matches, func(m *match) error { // each has its own error
		if m.started = begin.Err() == nil; m.started {
			m.changed, m.err = s.rewrite(ctx, t, id, m.Customer, func(e progress.Enrollment) bool {
				return e.Run == m.Run && e.Status == m.Status && (f.NodeID == "" || e.Node == m.Node)
			}, change)
		}
		return nil
	})
}

// unacted returns where the next call starts: before the first match whose action was not
// started; nil at the end of the list.
func (r findings) unacted() *position {
	switch i := slices.IndexFunc(r.matches, func(m *match) bool { return !m.started }); i {
	case -1:
		return r.next
	case 0:
		return &r.start
	default:
		return &r.matches[i-1].place
	}
}
