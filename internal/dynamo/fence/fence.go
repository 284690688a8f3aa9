// Package fence keeps which customers were forgotten lately, so that requests that were
// received before store nothing of them.
package fence

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
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// A fence item says which customers of one fenceShard of a tenant were forgotten
// lately: an attribute for each, named by item.FenceName, with the time. A request reads the
// items of its customers' shards and of the period that it falls in. Put writes the
// items of all periods in which a request may still come, which are at most two.
const (
	life = 15 * time.Minute // of a customer's entry
	skew = 5 * time.Minute  // of clocks; life and twice this are less than item.FencePeriod
)

// Put stores that a customer was forgotten at now. A full item, of about 20,000
// customers of the shard, counts as throttling.
func Put(ctx context.Context, s access.Table, t ident.Tenant, customer string, now time.Time) error {
	for _, at := range []time.Time{now.Add(-skew), now.Add(life + skew)} {
		_, err := s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.Name, Key: item.FenceKey(t, customer, at),
			UpdateExpression:         aws.String("SET #h = :now, #ttl = :ttl"),
			ConditionExpression:      aws.String("attribute_not_exists(#h) OR #h < :now"),
			ExpressionAttributeNames: map[string]string{"#h": item.FenceName(t, customer), "#ttl": manifest.TTL},
			ExpressionAttributeValues: item.Item{
				":now": item.Number(now.UnixMilli()), ":ttl": item.Number(at.Add(item.FencePeriod + skew).Unix()),
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

// Read returns the customer's Forgotten as of now.
func Read(ctx context.Context, s access.Table, t ident.Tenant, customer string, now time.Time) (journey.Forgotten, error) {
	fence, err := s.Get(ctx, item.FenceKey(t, customer, now))
	if err != nil {
		return nil, access.WrapFailed("read who was forgotten", err)
	}
	return fences{item.PartitionOf(fence): fence}.forgotten(t, now), item.CheckNewer(fence)
}

// ReadWith reads items, which are not fences, and which of the customers were forgotten,
// in one request.
func ReadWith(
	ctx context.Context, s access.Table, t ident.Tenant, keys []item.Item, customers []string, now time.Time,
) ([]item.Item, journey.Forgotten, error) {
	found := fences{}
	var all []map[string]types.AttributeValue
	for _, k := range keys {
		all = append(all, k)
	}
	for _, customer := range customers {
		fence := item.FenceKey(t, customer, now)
		if _, ok := found[item.PartitionOf(fence)]; !ok {
			found[item.PartitionOf(fence)] = nil
			all = append(all, fence)
		}
	}
	read, err := s.BatchGet(ctx, all)
	var items []item.Item
	for _, it := range read {
		if _, ok := found[item.PartitionOf(it)]; !ok {
			items = append(items, it)
			continue
		}
		found[item.PartitionOf(it)] = it
		err = cmp.Or(err, item.CheckNewer(it))
	}
	return items, found.forgotten(t, now), err
}

// fences holds the fence items of one period by their partition keys.
type fences map[string]item.Item

func (f fences) forgotten(t ident.Tenant, now time.Time) journey.Forgotten {
	return func(customer string) time.Time {
		r := item.Reader{Item: f[item.PartitionOf(item.FenceKey(t, customer, now))]}
		return r.Time(item.FenceName(t, customer))
	}
}
