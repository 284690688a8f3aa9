package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Due implements engine.Table.
func (s Engine) Due(ctx context.Context, p journey.Partition, before time.Time, after *journey.DueKey, limit int) ([]journey.DueKey, *journey.DueKey, error) {
	var from time.Time
	if after != nil && after.Customer == "" { // a time, and no key at which a query can start
		from, after = after.At.Add(time.Millisecond), nil
	}
	query := s.dueQuery(p, limit, after)
	query.KeyConditionExpression = aws.String("dp = :dp AND ds <= :ds")
	query.ExpressionAttributeValues[":ds"] = item.Number(before.UnixMilli())
	if !from.IsZero() {
		if from.After(before) { // which a query refuses
			return nil, nil, nil
		}
		query.KeyConditionExpression = aws.String("dp = :dp AND ds BETWEEN :from AND :ds")
		query.ExpressionAttributeValues[":from"] = item.Number(from.UnixMilli())
	}
	return s.duePage(ctx, p, query, "read due enrollments")
}

// ReadPartition implements journey.EnrollmentStore.
func (s Enrollments) ReadPartition(
	ctx context.Context, p journey.Partition, n int, after *journey.DueKey,
) ([]journey.Indexed, *journey.DueKey, error) {
	keys, next, err := s.duePage(ctx, p, s.dueQuery(p, n, after), "list a journey's enrollments")
	if err != nil {
		return nil, nil, err
	}
	list := make([]journey.Indexed, len(keys))
	for i, k := range keys {
		list[i].DueKey = k
	}
	if err := s.readIndexed(ctx, p, list); err != nil {
		return nil, nil, err
	}
	return list, next, nil
}

// Crowded implements journey.EnrollmentStore.
func (s Enrollments) Crowded(ctx context.Context, p journey.Partition) (bool, error) {
	query := s.dueQuery(p, journey.CrowdedShard, nil)
	query.Select = types.SelectCount
	out, err := s.Client.Query(ctx, query)
	if err != nil {
		return false, access.WrapFailed("count a shard's enrollments", err)
	}
	return len(out.LastEvaluatedKey) > 0, nil
}

// dueQuery returns the query for at most n keys of a partition, from after on.
func (s *table) dueQuery(p journey.Partition, n int, after *journey.DueKey) *dynamodb.QueryInput {
	dp := item.Text(item.DuePK(p))
	query := &dynamodb.QueryInput{
		TableName: &s.Name, IndexName: aws.String(manifest.DueIndex), Limit: aws.Int32(int32(n)),
		KeyConditionExpression: aws.String("dp = :dp"), ExpressionAttributeValues: item.Item{":dp": dp},
	}
	if after != nil {
		start := item.EnrollmentKey(p.Tenant, p.Journey, after.Customer)
		start[manifest.DuePartitionKey] = dp
		start[manifest.DueSortKey] = item.Number(after.At.UnixMilli())
		query.ExclusiveStartKey = start
	}
	return query
}

// duePage returns one page of keys, and the last of them if there may be more.
func (s *table) duePage(
	ctx context.Context, p journey.Partition, query *dynamodb.QueryInput, doing string,
) ([]journey.DueKey, *journey.DueKey, error) {
	out, err := s.Client.Query(ctx, query)
	if err != nil {
		return nil, nil, access.WrapFailed(doing, err)
	}
	page := make([]journey.DueKey, len(out.Items))
	for i, it := range out.Items {
		r := item.Reader{Item: it}
		page[i] = journey.DueKey{
			Customer: item.CustomerOf(p.Tenant, r.Text(manifest.PartitionKey)), At: r.Time(manifest.DueSortKey),
		}
		if r.Err != nil {
			return nil, nil, r.Err
		}
	}
	if len(out.LastEvaluatedKey) == 0 || len(page) == 0 {
		return page, nil, nil
	}
	return page, &page[len(page)-1], nil
}

// readIndexed reads the enrollments of a page of the due index. A damaged one gets
// its own error.
func (s *table) readIndexed(ctx context.Context, p journey.Partition, list []journey.Indexed) error {
	keys := make([]map[string]types.AttributeValue, len(list))
	indexes := make(map[string]int, len(list))
	for i := range list {
		keys[i] = item.EnrollmentKey(p.Tenant, p.Journey, list[i].Customer)
		indexes[list[i].Customer] = i
	}
	items, err := s.BatchGet(ctx, keys)
	if err != nil {
		return access.WrapFailed("read enrollments", err)
	}
	for _, it := range items {
		e, err := decodeEnrollment(p.Tenant, it)
		found := &list[indexes[e.Customer]]
		found.Enrollment, found.Err = e, access.WrapDamaged(err)
	}
	return nil
}
