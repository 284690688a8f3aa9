package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/fence"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// Forgotten implements journey.CustomerStore.
func (s Customers) Forgotten(
	ctx context.Context, t ident.Tenant, customer string, now time.Time,
) (journey.Forgotten, error) {
	return fence.Read(ctx, s.Table, t, customer, now)
}

// getFenced reads an item, nil if there is none, and which of the customers were
// forgotten.
func (s *table) getFenced(
	ctx context.Context, t ident.Tenant, k item.Item, customers []string, now time.Time,
) (item.Item, journey.Forgotten, error) {
	items, forgotten, err := fence.ReadWith(ctx, s.Table, t, []item.Item{k}, customers, now)
	if len(items) == 0 {
		return nil, forgotten, err
	}
	return items[0], forgotten, err
}

// UndoForgotten implements journey.EnrollmentStore.
func (s Enrollments) UndoForgotten(
	ctx context.Context, t ident.Tenant, list []progress.Enrollment, outcomes []journey.Outcome, received, now time.Time,
) {
	var customers []string
	for i, e := range list {
		if outcomes[i].Result != journey.OutcomeSkipped {
			customers = append(customers, e.Customer)
		}
	}
	if len(customers) == 0 {
		return
	}
	_, forgotten, unread := fence.ReadWith(ctx, s.Table, t, nil, customers, now)
	for i, e := range list {
		code := journey.ErrForgotten.Code
		switch result := outcomes[i].Result; {
		case unread != nil && result == journey.OutcomeEnrolled:
			code = conn.Code(unread)
		case unread != nil || result == journey.OutcomeSkipped || !forgotten(e.Customer).After(received):
			continue
		default:
			err := s.undoInsert(ctx, t, e, now)
			if kept := encodeKept(t, &e); err == nil && kept != nil {
				err = s.BatchWrite(ctx, []types.WriteRequest{deleteOf(kept)})
			}
			if err != nil {
				code = conn.Code(err)
			}
		}
		outcomes[i] = journey.Outcome{Result: journey.OutcomeError, Code: code}
	}
}

// undoInsert anonymizes the enrollment that was inserted as e, and may have moved on,
// also to the earlier runs. A repeat with the same Idempotency-Key inserts at another
// time.
func (s *table) undoInsert(ctx context.Context, t ident.Tenant, e progress.Enrollment, now time.Time) error {
	for attempt := 0; ; attempt++ {
		it, err := s.findInserted(ctx, t, e)
		if err != nil || it == nil {
			return err
		}
		if err := s.forgetEnrollment(ctx, t, it, now, journey.Forgetting{}); err != nil {
			return err
		}
		if attempt > 0 && !backoff.Pause(ctx, attempt) { // a worker sends a message to the customer
			return ctx.Err()
		}
	}
}

// findInserted returns the item of the run that was inserted as e; nil for none.
func (s *table) findInserted(ctx context.Context, t ident.Tenant, e progress.Enrollment) (item.Item, error) {
	isRun := func(r *item.Reader) bool {
		return string(r.Binary(eRequest)) == string(e.RequestID[:]) && r.Time(eEnrolled).Equal(e.EnrolledAt)
	}
	it, err := s.Get(ctx, item.EnrollmentKey(t, e.Journey, e.Customer))
	if r := (item.Reader{Item: it}); err != nil || it != nil && isRun(&r) {
		return it, err
	}
	var found item.Item
	err = s.queryEarlierRuns(ctx, t, e.Journey, e.Customer, func(r *item.Reader) error {
		if isRun(r) {
			found = r.Item
		}
		return r.Err
	})
	return found, err
}
