package dynamo

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// A fence item says which customers of one fenceShard of a tenant were forgotten
// lately: an attribute for each, named by item.FenceName, with the time. A request reads the
// items of its customers' shards and of the period that it falls in. Forget writes the
// items of all periods in which a request may still come, which are at most two.
const (
	fenceLife = 15 * time.Minute // of a customer's entry
	fenceSkew = 5 * time.Minute  // of clocks; fenceLife and twice this are less than item.FencePeriod
)

// putFence stores that a customer was forgotten at now. A full item, of about 20,000
// customers of the shard, counts as throttling.
func (s *table) putFence(ctx context.Context, t ident.Tenant, customer string, now time.Time) error {
	for _, at := range []time.Time{now.Add(-fenceSkew), now.Add(fenceLife + fenceSkew)} {
		_, err := s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.Name, Key: item.FenceKey(t, customer, at),
			UpdateExpression:         aws.String("SET #h = :now, #ttl = :ttl"),
			ConditionExpression:      aws.String("attribute_not_exists(#h) OR #h < :now"),
			ExpressionAttributeNames: map[string]string{"#h": item.FenceName(t, customer), "#ttl": manifest.TTL},
			ExpressionAttributeValues: item.Item{
				":now": item.Number(now.UnixMilli()), ":ttl": item.Number(at.Add(item.FencePeriod + fenceSkew).Unix()),
			},
		})
		if refusal, ok := errors.AsType[smithy.APIError](err); ok && refusal.ErrorCode() == "ValidationException" {
			return access.WrapUnavailable(conn.Throttled, err)
		}
		if err := access.WrapUnlessRefused("store who was forgotten", err); err != nil {
			return err
		}
	}
	return nil
}

// Forgotten implements journey.CustomerStore.
func (s Customers) Forgotten(
	ctx context.Context, t ident.Tenant, customer string, now time.Time,
) (journey.Forgotten, error) {
	fence, err := s.Get(ctx, item.FenceKey(t, customer, now))
	if err != nil {
		return nil, access.WrapFailed("read who was forgotten", err)
	}
	return fences{item.PartitionOf(fence): fence}.forgotten(t, now), item.CheckNewer(fence)
}

// getFenced reads an item, nil if there is none or k is nil, and which of the
// customers were forgotten.
func (s *table) getFenced(
	ctx context.Context, t ident.Tenant, k item.Item, customers []string, now time.Time,
) (item.Item, journey.Forgotten, error) {
	found := fences{}
	var keys []map[string]types.AttributeValue
	if k != nil {
		keys = append(keys, k)
	}
	for _, customer := range customers {
		fence := item.FenceKey(t, customer, now)
		if _, ok := found[item.PartitionOf(fence)]; !ok {
			found[item.PartitionOf(fence)] = nil
			keys = append(keys, fence)
		}
	}
	items, err := s.BatchGet(ctx, keys)
	var it item.Item
	for _, read := range items {
		if _, ok := found[item.PartitionOf(read)]; !ok {
			it = read
			continue
		}
		found[item.PartitionOf(read)] = read
		err = cmp.Or(err, item.CheckNewer(read))
	}
	return it, found.forgotten(t, now), err
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
	_, forgotten, unread := s.getFenced(ctx, t, nil, customers, now)
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
				err = s.BatchWrite(ctx, []types.WriteRequest{{DeleteRequest: &types.DeleteRequest{Key: item.KeyOf(kept)}}})
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
		if err := s.forgetEnrollment(ctx, t, it, now); err != nil {
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

// fences holds the fence items of one period by their partition keys.
type fences map[string]item.Item

func (f fences) forgotten(t ident.Tenant, now time.Time) journey.Forgotten {
	return func(customer string) time.Time {
		r := item.Reader{Item: f[item.PartitionOf(item.FenceKey(t, customer, now))]}
		return r.Time(item.FenceName(t, customer))
	}
}
