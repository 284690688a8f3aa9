// Package access makes the requests to the table that all items have in common: single
// and batched reads, queries, transactions, and writes that recognize their own success.
package access

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Table is one table. It is safe for concurrent use.
type Table struct {
	Client  format.Client
	Name    string
	Entropy io.Reader // of write ids; safe for concurrent use, and must not repeat itself
}

// Attributes that items of several kinds have.
const (
	WriteIDAttribute = "w" // id of the call that wrote the item
	ExpiresAttribute = "x" // of a reserved item, in milliseconds; the table deletes it days later
)

// WriteID identifies one call that writes. It is stored in the item, so that a
// retry after a lost response recognizes the call's own write.
type WriteID [16]byte

// NewWriteID returns a new id for a call that writes.
func (s Table) NewWriteID() (w WriteID, err error) {
	if _, err = io.ReadFull(s.Entropy, w[:]); err != nil {
		err = fmt.Errorf("dynamo: make a write id: %w", err)
	}
	return w, err
}

func (w WriteID) String() string { return hex.EncodeToString(w[:]) }

// Wrote reports whether this call wrote the item.
func (w WriteID) Wrote(it item.Item) bool {
	r := item.Reader{Item: it}
	return string(r.Binary(WriteIDAttribute)) == string(w[:])
}

// Conflict returns the error of a refused write on a journey: ErrNotFound,
// ErrStale, or nil if this call wrote the stored item.
func (w WriteID) Conflict(stored item.Item) error {
	switch {
	case len(stored) == 0:
		return journey.ErrNotFound
	case w.Wrote(stored):
		return nil
	}
	return journey.ErrStale
}

// Get returns the item with this key, strongly consistent; nil if there is none.
func (s Table) Get(ctx context.Context, k item.Item) (item.Item, error) {
	out, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Name, Key: k, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// Query reads all pages, strongly consistent, and calls each for every item.
func (s Table) Query(ctx context.Context, doing string, in *dynamodb.QueryInput, each func(*item.Reader) error) error {
	in.ConsistentRead = aws.Bool(true)
	return s.QueryPages(ctx, doing, in, func(items []map[string]types.AttributeValue) error {
		for _, it := range items {
			if err := each(&item.Reader{Item: it}); err != nil {
				return err
			}
		}
		return nil
	})
}

// QueryPages calls page for every page of a query.
func (s Table) QueryPages(
	ctx context.Context, doing string, in *dynamodb.QueryInput, page func([]map[string]types.AttributeValue) error,
) error {
	in.TableName = &s.Name
	for {
		out, err := s.Client.Query(ctx, in)
		if err != nil {
			return WrapFailed(doing, err)
		}
		if err := page(out.Items); err != nil {
			return err
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil
		}
	}
}

// BatchGet reads at most 100 keys, strongly consistent, in any order. It asks for
// unprocessed keys again until ctx ends.
func (s Table) BatchGet(ctx context.Context, keys []map[string]types.AttributeValue) ([]item.Item, error) {
	var items []item.Item
	for attempt := 0; len(keys) > 0; attempt++ {
		out, err := s.Client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.Name: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return nil, err
		}
		for _, it := range out.Responses[s.Name] {
			items = append(items, it)
		}
		if keys = out.UnprocessedKeys[s.Name].Keys; len(keys) > 0 && !backoff.Pause(ctx, attempt) {
			return nil, ctx.Err()
		}
	}
	return items, nil
}

// Reservation is the write of an item that is stored until it expires, unless the stored
// one has not expired at now.
func Reservation(table string, it item.Item, expires, now time.Time) *types.Put {
	it.PutTime(ExpiresAttribute, expires)
	it[manifest.TTL] = item.Number(expires.Unix() + 1)
	return &types.Put{
		TableName: &table, Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(PK) OR #x < :now"),
		ExpressionAttributeNames:            map[string]string{"#x": ExpiresAttribute},
		ExpressionAttributeValues:           item.Item{":now": item.Number(now.UnixMilli())},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// Reserve makes a Reservation. If the stored item has not expired, it returns that.
// After a lost response that may be its own.
func (s Table) Reserve(ctx context.Context, it item.Item, expires, now time.Time) (stored item.Item, err error) {
	put := Reservation(s.Name, it, expires, now)
	_, err = s.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: put.TableName, Item: put.Item, ConditionExpression: put.ConditionExpression,
		ExpressionAttributeNames: put.ExpressionAttributeNames, ExpressionAttributeValues: put.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: put.ReturnValuesOnConditionCheckFailure,
	})
	if stored, ok := RefusedItem(err); ok {
		return stored, nil
	}
	return nil, err
}

// Transact makes all writes or none. If a condition fails, it returns the
// reasons in the order of the writes. It retries conflicts with other
// transactions and throttling until ctx ends, at most MaxConflicts times.
func (s Table) Transact(
	ctx context.Context, w WriteID, writes []types.TransactWriteItem,
) ([]types.CancellationReason, error) {
	for attempt := 0; ; attempt++ {
		_, err := s.Client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: writes, ClientRequestToken: aws.String(w.String()),
		})
		canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
		if !ok {
			return nil, err
		}
		if slices.ContainsFunc(canceled.CancellationReasons, ConditionFailed) {
			return canceled.CancellationReasons, nil
		}
		if !conn.IsTransient(canceled) || attempt == MaxConflicts || !backoff.Pause(ctx, attempt) {
			return nil, err
		}
	}
}

// batchWrites bounds the writes of one request of BatchWrite.
const batchWrites = 25

// BatchWrite puts and deletes items, in any order, whatever is stored: see format.Client.
// It asks for unprocessed writes again until ctx ends.
func (s Table) BatchWrite(ctx context.Context, requests []types.WriteRequest) error {
	for attempt := 0; len(requests) > 0; attempt++ {
		n := min(len(requests), batchWrites)
		out, err := s.Client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{s.Name: requests[:n]},
		})
		if err != nil {
			return err
		}
		unprocessed := out.UnprocessedItems[s.Name]
		requests = append(unprocessed, requests[n:]...)
		if len(unprocessed) > 0 && !backoff.Pause(ctx, attempt) {
			return ctx.Err()
		}
	}
	return nil
}
