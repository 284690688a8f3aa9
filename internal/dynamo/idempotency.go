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

// Attributes of an Idempotency-Key's record. Whatever reserve stores has kExpires.
const (
	kRequest   = "q"
	kRequestID = "rid"
	kExpires   = "x" // in milliseconds; the table deletes days later
)

// ReserveKey implements journey.EnrollmentStore. It needs no id of the write: a record
// that this call stored, and meets again, is the one that it returns.
func (s Enrollments) ReserveKey(
	ctx context.Context, t journey.Tenant, id journey.ID, r journey.KeyRecord, now time.Time,
) (journey.KeyRecord, error) {
	it := idempotencyKey(t, id, r.Key)
	it[kRequest] = binary(r.Request[:])
	it[kRequestID] = binary(r.RequestID[:])
	stored, err := s.reserve(ctx, it, r.ExpiresAt, now)
	if err != nil {
		return r, failed("reserve an Idempotency-Key", err)
	}
	if stored != nil {
		return decodeKeyRecord(r.Key, stored)
	}
	return r, nil
}

// reserve stores an item until it expires, unless one is there that has not
// expired at now: then it returns that. After a lost answer it may be its own.
func (s *table) reserve(ctx context.Context, it item, expires, now time.Time) (stored item, err error) {
	it.putTime(kExpires, expires)
	it[manifest.TTL] = number(expires.Unix() + 1)
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(PK) OR #x < :now"),
		ExpressionAttributeNames:            map[string]string{"#x": kExpires},
		ExpressionAttributeValues:           item{":now": number(now.UnixMilli())},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return refused.Item, nil
	}
	return nil, err
}

// KeyRecord implements journey.EnrollmentStore.
func (s Enrollments) KeyRecord(
	ctx context.Context, t journey.Tenant, id journey.ID, name string, now time.Time,
) (journey.KeyRecord, bool, error) {
	it, err := s.get(ctx, idempotencyKey(t, id, name))
	if err != nil {
		return journey.KeyRecord{}, false, failed("read an Idempotency-Key", err)
	}
	if it == nil {
		return journey.KeyRecord{}, false, nil
	}
	r, err := decodeKeyRecord(name, it)
	if err != nil || now.After(r.ExpiresAt) {
		return journey.KeyRecord{}, false, err
	}
	return r, true, nil
}

func decodeKeyRecord(name string, it item) (journey.KeyRecord, error) {
	stored := reader{item: it}
	r := journey.KeyRecord{Key: name, ExpiresAt: stored.time(kExpires)}
	copy(r.Request[:], stored.binary(kRequest))
	copy(r.RequestID[:], stored.binary(kRequestID))
	return r, stored.err
}
