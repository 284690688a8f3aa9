package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of the record of a caller's eventId.
const (
	iRequest  = "q"
	iReceived = "u"
	iDone     = "dn"
)

// lastEventLife is how long a last event is kept: longer than the longest wait.
const lastEventLife = 367 * 24 * time.Hour

// ReserveEvent implements journey.EventStore. As with ReserveKey, the record that
// this call stored, and meets again, is the one that it returns.
func (s Events) ReserveEvent(
	ctx context.Context, t journey.Tenant, r journey.EventRecord, now time.Time,
) (journey.EventRecord, error) {
	it := eventRecordKey(t, r.Customer, r.ID)
	it[iRequest] = binary(r.Request[:])
	it.putTime(iReceived, r.ReceivedAt)
	stored, err := s.reserve(ctx, it, r.ExpiresAt, now)
	if err != nil || stored == nil {
		return r, failed("reserve an event's id", err)
	}
	old := reader{item: stored}
	kept := journey.EventRecord{
		Customer: r.Customer, ID: r.ID, ReceivedAt: old.time(iReceived),
		Done: old.flag(iDone), ExpiresAt: old.time(kExpires),
	}
	copy(kept.Request[:], old.binary(iRequest))
	return kept, old.err
}

// FinishEvent implements journey.EventStore. It makes no new item: the customer may
// have been forgotten meanwhile.
func (s Events) FinishEvent(ctx context.Context, t journey.Tenant, r journey.EventRecord) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: eventRecordKey(t, r.Customer, r.ID),
		UpdateExpression: aws.String("SET #dn = :dn"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames:  map[string]string{"#dn": iDone},
		ExpressionAttributeValues: item{":dn": flag(true)},
	})
	return unlessRefused("finish an event", err)
}

// PutLastEvent implements journey.EventStore.
func (s Events) PutLastEvent(
	ctx context.Context, t journey.Tenant, customer, eventType string, received time.Time,
) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: lastEventKey(t, customer, eventType),
		UpdateExpression:         aws.String("SET #u = :u, #ttl = :ttl"),
		ConditionExpression:      aws.String("attribute_not_exists(#u) OR #u < :u"),
		ExpressionAttributeNames: map[string]string{"#u": vReceived, "#ttl": manifest.TTL},
		ExpressionAttributeValues: item{
			":u": number(received.UnixMilli()), ":ttl": number(received.Add(lastEventLife).Unix()),
		},
	})
	return unlessRefused("store a last event", err)
}

// unlessRefused is failed for a write whose condition, when it does not hold,
// says that there is nothing to do.
func unlessRefused(doing string, err error) error {
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return nil
	}
	return failed(doing, err)
}

// StartedBy implements journey.EventStore.
func (s Events) StartedBy(ctx context.Context, t journey.Tenant, eventType string) ([]journey.ID, error) {
	var ids []journey.ID
	err := s.query(ctx, "read what an event starts", &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item{":pk": eventKey(t, eventType, "")[manifest.PartitionKey]},
	}, func(r *reader) error {
		ids = append(ids, long(r.text(manifest.SortKey)))
		return r.err
	})
	return ids, err
}

// Enrollments implements journey.CustomerStore.
func (s Customers) Enrollments(
	ctx context.Context, t journey.Tenant, customer string,
) (list []journey.Enrollment, unread []journey.Damage, err error) {
	err = s.query(ctx, "read a customer's enrollments", &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk AND begins_with(SK, :e)"),
		ExpressionAttributeValues: item{":pk": text(customerPK(t) + customer), ":e": text("E#")},
	}, func(r *reader) error {
		e, err := decodeEnrollment(t, r.item)
		if err != nil {
			unread = append(unread, journey.Damage{Journey: e.Journey, Cause: damaged(err)})
			return nil
		}
		list = append(list, e)
		return nil
	})
	return list, unread, err
}

// query reads all pages, strongly consistent, and calls each for every item.
func (s *table) query(ctx context.Context, doing string, in *dynamodb.QueryInput, each func(*reader) error) error {
	in.TableName, in.ConsistentRead = &s.name, aws.Bool(true)
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return failed(doing, err)
		}
		for _, it := range out.Items {
			if err := each(&reader{item: it}); err != nil {
				return err
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil
		}
	}
}

// Wake implements journey.EventStore. The partition of the index stays as it is, so
// that the journey need not be read for its shards; the delta stays that of an
// earlier revision, so that nothing is counted.
func (s Events) Wake(ctx context.Context, t journey.Tenant, e journey.Enrollment) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: enrollmentKey(t, e.Journey, e.Customer),
		UpdateExpression:    aws.String("SET #r = :r, #t = :t, #ds = :ds, #wk = :wk, #w = :w"),
		ConditionExpression: aws.String("#r = :before"),
		ExpressionAttributeNames: map[string]string{
			"#r": eRev, "#t": eWritten, "#ds": manifest.DueSortKey, "#wk": eWoken, "#w": eWriteID,
		},
		ExpressionAttributeValues: item{
			":r": number(e.Rev), ":before": number(e.Rev - 1), ":ds": number(e.Due.UnixMilli()),
			":t":  number(e.WrittenAt.UnixMilli()),
			":wk": number(e.WokenAt.UnixMilli()), ":w": binary(w[:]),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		stored := reader{item: refused.Item}
		if w.wrote(refused.Item) && stored.number(eRev) == e.Rev {
			return nil
		}
		return journey.ErrLost
	}
	return failed("wake a customer", err)
}
