package journey

import (
	"context"
	"slices"
	"time"

	"journeys/internal/ident"
	"journeys/internal/progress"
)

// Action is what ActOnEnrollments does with each customer.
type Action string

// The actions.
const (
	ActionRetry  Action = "retry"  // as Service.Retry; of failed enrollments only
	ActionRemove Action = "remove" // as Service.Remove
)

// cursorPointer is where a request has the cursor of the list for a.
func (a Action) cursorPointer() string {
	if a == "" {
		return "/query/cursor"
	}
	return "/cursor"
}

// ActionRequest is one call of ActOnEnrollments.
type ActionRequest struct {
	Action  Action
	Failed  bool   // the failed enrollments, not the active ones
	NodeID  string // of the current node; "" for any
	Version int    // that the customer follows; 0 for any
	Cursor  string // Next of the previous call; "" for the first call
}

// Actions is what one call of ActOnEnrollments did. Done, Skipped and Failed add up to
// the enrollments that matched.
type Actions struct {
	Done    int // by this call
	Skipped int // changed by another caller or a worker since they matched
	Failed  []FailedAction
	Damaged []Damage // of enrollments that were left out
	Next    string   // cursor of the next call; "" at the end of the list
}

// Matched returns how many enrollments matched.
func (a Actions) Matched() int { return a.Done + a.Skipped + len(a.Failed) }

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

// action is one action. Without started, the time ran out before.
type action struct {
	match
	started, changed bool
	err              error
}

// ActOnEnrollments does the same with up to maxActions of the enrollments that match r.
// The calls from one without Cursor to one without Next act on each customer who matched
// all the time, except one whose entry in the due index was not yet visible, or moved
// backward in it. A repeated call finds only what still matches.
func (s *Service) ActOnEnrollments(ctx context.Context, t ident.Tenant, id ident.ID, r ActionRequest) (Actions, error) {
	f := EnrollmentFilter{
		Failed: r.Failed, NodeID: r.NodeID, Limit: maxActions, Cursor: r.Cursor, version: r.Version, action: r.Action,
	}
	found, err := s.find(ctx, t, id, f)
	if err != nil {
		return Actions{}, err
	}
	list := make([]*action, len(found.matches))
	for i, m := range found.matches {
		list[i] = &action{match: m}
	}
	s.act(ctx, t, id, r, list)
	result := tallyActions(list)
	result.Damaged = found.damaged
	if next := nextAction(found, list); next != nil {
		result.Next = f.cursor(id, *next)
	}
	return result, nil
}

// act starts the actions, several at a time, until the time runs out.
func (s *Service) act(ctx context.Context, t ident.Tenant, id ident.ID, r ActionRequest, list []*action) {
	begin, cancel := shorten(ctx, actionMargin)
	defer cancel()
	do := s.remove
	if r.Action == ActionRetry {
		do = s.retry
	}
	_ = forEach(list, func(a *action) error { // each has its own error
		if a.started = begin.Err() == nil; a.started {
			a.changed, a.err = do(ctx, t, id, a.Customer, func(e progress.Enrollment) bool {
				return e.Run == a.Run && e.Status == a.Status && (r.NodeID == "" || e.Node == a.Node)
			})
		}
		return nil
	})
	if r.Action != ActionRetry {
		return
	}
	var retried []string
	for _, a := range list {
		if a.changed {
			retried = append(retried, a.Customer)
		}
	}
	s.nudge(ctx, t, id, retried)
}

// nextAction returns where the next call starts: before the first action that was not
// started. It returns nil at the end of the list.
func nextAction(found findings, list []*action) *position {
	switch i := slices.IndexFunc(list, func(a *action) bool { return !a.started }); i {
	case -1:
		return found.next
	case 0:
		return &found.start
	default:
		return &list[i-1].place
	}
}

func tallyActions(list []*action) (result Actions) {
	for _, a := range list {
		switch {
		case !a.started:
		case a.changed:
			result.Done++
		case a.err == nil, kindOf(a.err) == Conflict, kindOf(a.err) == NotFound:
			result.Skipped++
		default:
			result.Failed = append(result.Failed, FailedAction{a.Customer, a.err})
		}
	}
	return result
}
