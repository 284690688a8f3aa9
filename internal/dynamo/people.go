package dynamo

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// DrainFrom implements journey.EnrollmentStore.
func (s Enrollments) DrainFrom(ctx context.Context, t journey.Tenant, id journey.ID) (int, error) {
	it, err := s.get(ctx, liveKey(t, id))
	if err != nil {
		return 0, failed("read what is live", err)
	}
	if it == nil {
		return -1, nil
	}
	live, err := decodeLive(it)
	return live.DrainFrom, err
}

// ReadPartition implements journey.EnrollmentStore.
func (s Enrollments) ReadPartition(
	ctx context.Context, p journey.Partition, n int, after *journey.DueKey,
) ([]journey.Indexed, *journey.DueKey, error) {
	partition := text(duePartition(p))
	query := &dynamodb.QueryInput{
		TableName: &s.name, IndexName: aws.String(manifest.DueIndex), Limit: aws.Int32(int32(n)),
		KeyConditionExpression: aws.String("dp = :dp"), ExpressionAttributeValues: item{":dp": partition},
	}
	if after != nil {
		start := enrollmentKey(p.Tenant, p.Journey, after.Customer)
		start[manifest.DuePartitionKey] = partition
		start[manifest.DueSortKey] = number(after.At.UnixMilli())
		query.ExclusiveStartKey = start
	}
	out, err := s.client.Query(ctx, query)
	if err != nil {
		return nil, nil, failed("read who is in a journey", err)
	}
	list := make([]journey.Indexed, len(out.Items))
	for i, it := range out.Items {
		r := reader{item: it}
		list[i].Customer = strings.TrimPrefix(r.text(manifest.PartitionKey), customerPK(p.Tenant))
		list[i].At = r.time(manifest.DueSortKey)
		if r.err != nil {
			return nil, nil, r.err
		}
	}
	if err := s.lookUp(ctx, p, list); err != nil {
		return nil, nil, err
	}
	if len(out.LastEvaluatedKey) == 0 || len(list) == 0 {
		return list, nil, nil
	}
	return list, &list[len(list)-1].DueKey, nil
}

// lookUp reads the enrollments of a page of the index. One that is damaged keeps
// no other from being read.
func (s *table) lookUp(ctx context.Context, p journey.Partition, list []journey.Indexed) error {
	keys := make([]map[string]types.AttributeValue, len(list))
	at := make(map[string]int, len(list))
	for i := range list {
		keys[i] = enrollmentKey(p.Tenant, p.Journey, list[i].Customer)
		at[list[i].Customer] = i
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return failed("read enrollments", err)
	}
	for _, it := range items {
		e, err := decodeEnrollment(p.Tenant, it)
		found := &list[at[e.Customer]]
		found.Enrollment, found.Err = e, damaged(err)
	}
	return nil
}

// Sizes of requests that forget.
const (
	forgetPage   = 100
	batchDeletes = 25
)

// Forget implements journey.CustomerStore. It reads what is left until that is
// nothing, so that whatever is lost, refused or written meanwhile is met again.
func (s Customers) Forget(ctx context.Context, t journey.Tenant, customer string, now time.Time) error {
	stuck, first := 0, ""
	for {
		out, err := s.client.Query(ctx, &dynamodb.QueryInput{
			TableName: &s.name, ConsistentRead: aws.Bool(true), Limit: aws.Int32(forgetPage),
			KeyConditionExpression:    aws.String("PK = :pk"),
			ExpressionAttributeValues: item{":pk": text(customerPK(t) + customer)},
		})
		if err != nil {
			return failed("read what is stored of a customer", err)
		}
		if len(out.Items) == 0 {
			return nil
		}
		before := first
		at := reader{item: out.Items[0]}
		if first = at.text(manifest.SortKey); first != before {
			stuck = 0
		} else if stuck++; !pause(ctx, stuck) { // somebody writes it, or the table is busy
			return failed("forget a customer", ctx.Err())
		}
		var deletes []types.WriteRequest
		for _, it := range out.Items {
			r := reader{item: it}
			if strings.HasPrefix(r.text(manifest.SortKey), "E#") {
				if err := s.unname(ctx, t, it, now); err != nil {
					return err
				}
				continue
			}
			deletes = append(deletes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{
				Key: item{manifest.PartitionKey: it[manifest.PartitionKey], manifest.SortKey: it[manifest.SortKey]},
			}})
		}
		if err := s.deleteAll(ctx, deletes); err != nil {
			return err
		}
	}
}

// unname puts a nameless item in the place of an enrollment, unless somebody
// wrote that since it was read. After a lost answer the enrollment is gone, and
// the second attempt is refused.
func (s *table) unname(ctx context.Context, t journey.Tenant, it item, now time.Time) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	rest, err := nameless(t, it, now)
	if err != nil {
		return err
	}
	rest[manifest.PartitionKey] = text(namelessPK(t, w))
	_, err = s.transact(ctx, w, []types.TransactWriteItem{
		{Delete: s.deleteUnchanged(it)}, {Put: &types.Put{TableName: &s.name, Item: rest}},
	})
	return failed("forget an enrollment", err)
}

// deleteUnchanged deletes an enrollment that nobody wrote since it was read: of
// whatever type its revision is, and if it has none.
func (s *table) deleteUnchanged(it item) *types.Delete {
	unchanged := &types.Delete{
		TableName:                &s.name,
		Key:                      item{manifest.PartitionKey: it[manifest.PartitionKey], manifest.SortKey: it[manifest.SortKey]},
		ConditionExpression:      aws.String("attribute_exists(PK) AND attribute_not_exists(#r)"),
		ExpressionAttributeNames: map[string]string{"#r": eRev},
	}
	if rev, ok := it[eRev]; ok {
		unchanged.ConditionExpression = aws.String("#r = :r")
		unchanged.ExpressionAttributeValues = item{":r": rev}
	}
	return unchanged
}

// impersonal is what stays of an enrollment whose customer is forgotten: what
// figures are recounted from, and nothing that tells who it was.
var impersonal = []string{
	manifest.SortKey, eStatus, eGraph, eVersion, eEpoch, eRun, eRev, eWritten, eEnrolled, eExpires,
	eNode, eSince, eReason, ePath, eRetries,
}

// nameless returns what stays of an enrollment, without its partition. What
// cannot be read stays as it is, so that audits go on to find it.
func nameless(t journey.Tenant, it item, now time.Time) (item, error) {
	rest := item{}
	for _, name := range impersonal {
		if value, ok := it[name]; ok {
			rest[name] = value
		}
	}
	if e, err := decodeEnrollment(t, rest); err == nil {
		if rest, err = encodeEnrollment(t, 1, e.Anonymize(now)); err != nil {
			return nil, err
		}
		delete(rest, eRequest)
		delete(rest, manifest.DuePartitionKey)
		delete(rest, manifest.DueSortKey)
	}
	rest.putTime(eForgotten, now)
	return rest, nil
}

// namelessPK is the partition of one nameless item.
func namelessPK(t journey.Tenant, w writeID) string {
	return of(t) + "#A#" + hex.EncodeToString(w[:])
}

// deleteAll deletes items.
func (s *table) deleteAll(ctx context.Context, requests []types.WriteRequest) error {
	for attempt := 0; len(requests) > 0; attempt++ {
		n := min(len(requests), batchDeletes)
		out, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{s.name: requests[:n]},
		})
		if err != nil {
			return failed("forget a customer", err)
		}
		left := out.UnprocessedItems[s.name]
		requests = append(left, requests[n:]...)
		if len(left) > 0 && !pause(ctx, attempt) {
			return failed("forget a customer", ctx.Err())
		}
	}
	return nil
}
