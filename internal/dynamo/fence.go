package dynamo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// A fence item says which of a tenant's customers were forgotten lately: an attribute
// for each, named by fenceName, with the time. A request reads the one item of the
// period that it falls in. Forget writes the items of all periods in which a request
// may still come, which are at most two.
const (
	fencePeriod = 30 * time.Minute
	fenceLife   = 15 * time.Minute // of a customer's entry
	fenceSkew   = 5 * time.Minute  // of clocks; fenceLife and twice this are less than fencePeriod
)

// fenceName is a pseudonym: of a guessed id it shows whether the customer was
// forgotten.
func fenceName(t journey.Tenant, customer string) string {
	sum := sha256.Sum256([]byte(customerPK(t, customer)))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// putFence stores that a customer was forgotten at now. A full item, of about 20,000
// customers, counts as throttling.
func (s *table) putFence(ctx context.Context, t journey.Tenant, customer string, now time.Time) error {
	for _, at := range []time.Time{now.Add(-fenceSkew), now.Add(fenceLife + fenceSkew)} {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.name, Key: fenceKey(t, at),
			UpdateExpression:         aws.String("SET #h = :now, #ttl = :ttl"),
			ConditionExpression:      aws.String("attribute_not_exists(#h) OR #h < :now"),
			ExpressionAttributeNames: map[string]string{"#h": fenceName(t, customer), "#ttl": manifest.TTL},
			ExpressionAttributeValues: item{
				":now": number(now.UnixMilli()), ":ttl": number(at.Add(fencePeriod + fenceSkew).Unix()),
			},
		})
		if refusal, ok := errors.AsType[smithy.APIError](err); ok && refusal.ErrorCode() == "ValidationException" {
			return wrapUnavailable(codeThrottled, err)
		}
		if err := wrapUnlessRefused("store who was forgotten", err); err != nil {
			return err
		}
	}
	return nil
}

// Forgotten implements journey.CustomerStore.
func (s Customers) Forgotten(ctx context.Context, t journey.Tenant, now time.Time) (journey.Forgotten, error) {
	fence, err := s.get(ctx, fenceKey(t, now))
	if err != nil {
		return nil, wrapFailed("read who was forgotten", err)
	}
	return fence.forgotten(t), checkFence(fence)
}

// getFenced reads an item, nil if there is none, and who was forgotten.
func (s *table) getFenced(ctx context.Context, t journey.Tenant, k item, now time.Time) (item, journey.Forgotten, error) {
	fenced := fenceKey(t, now)
	items, err := s.batchGet(ctx, []map[string]types.AttributeValue{k, fenced})
	var it, fence item
	for _, found := range items {
		if partition(found) == partition(fenced) {
			fence = found
			continue
		}
		it = found
	}
	return it, fence.forgotten(t), cmp.Or(err, checkFence(fence))
}

// checkFence returns an ErrNewer if the fence is of a newer format.
func checkFence(fence item) error {
	if fence == nil {
		return nil
	}
	return checkNewer(fence)
}

func (it item) forgotten(t journey.Tenant) journey.Forgotten {
	return func(customer string) time.Time {
		r := reader{item: it}
		return r.time(fenceName(t, customer))
	}
}
