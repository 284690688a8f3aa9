// Package dynamo stores journeys, enrollments, customers, events and figures in
// one DynamoDB table. It knows every key, item and access pattern, and is the
// only user of the table's client. It does not know which journeys are valid or
// who may do what. Every write is conditional or idempotent: when the SDK retries
// after a lost response, the write recognizes its own success.
package dynamo

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

// Store is one table, with a field for each group of callers. It is safe for
// concurrent use.
type Store struct {
	Journeys    Journeys
	Enrollments Enrollments
	Customers   Customers
	Events      Events
	Engine      Engine
	Analytics   Analytics
}

// Journeys implements journey.JourneyStore.
type Journeys struct{ *table }

// Enrollments implements journey.EnrollmentStore.
type Enrollments struct{ *table }

// Customers implements journey.CustomerStore.
type Customers struct{ *table }

// Events implements journey.EventStore.
type Events struct{ *table }

// Engine implements engine.Table.
type Engine struct{ *table }

// Analytics implements analytics.Table, analytics.Parts and analytics.RollupTable.
type Analytics struct{ *table }

// table is what the exported types share. It is safe for concurrent use.
type table struct {
	client  format.Client
	name    string
	entropy io.Reader
}

// New returns the store in the table with this name. It reads write ids from
// entropy, which must be safe for concurrent use and must not repeat itself.
func New(client *dynamodb.Client, name string, entropy io.Reader) *Store {
	t := &table{client: format.Client{Client: client, Check: item.CheckNewer}, name: name, entropy: entropy}
	return &Store{Journeys{t}, Enrollments{t}, Customers{t}, Events{t}, Engine{t}, Analytics{t}}
}

// Handlers returns the parts that a journey.Service uses.
func (s *Store) Handlers() journey.Stores {
	return journey.Stores{Journeys: s.Journeys, Enrollments: s.Enrollments, Customers: s.Customers, Events: s.Events}
}

// writeID identifies one call that writes. It is stored in the item, so that a
// retry after a lost response recognizes the call's own write.
type writeID [16]byte

func (s *table) newWriteID() (w writeID, err error) {
	if _, err = io.ReadFull(s.entropy, w[:]); err != nil {
		err = fmt.Errorf("dynamo: make a write id: %w", err)
	}
	return w, err
}

func (w writeID) String() string { return hex.EncodeToString(w[:]) }

// wrote reports whether this call wrote the item.
func (w writeID) wrote(it item.Item) bool {
	r := item.Reader{Item: it}
	return string(r.Binary(aWriteID)) == string(w[:])
}

// conflict returns the error of a refused write on a journey: ErrNotFound,
// ErrStale, or nil if this call wrote the stored item.
func (w writeID) conflict(stored item.Item) error {
	switch {
	case len(stored) == 0:
		return journey.ErrNotFound
	case w.wrote(stored):
		return nil
	}
	return journey.ErrStale
}

// get returns the item with this key, strongly consistent; nil if there is none.
func (s *table) get(ctx context.Context, k item.Item) (item.Item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.name, Key: k, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// query reads all pages, strongly consistent, and calls each for every item.
func (s *table) query(ctx context.Context, doing string, in *dynamodb.QueryInput, each func(*item.Reader) error) error {
	in.ConsistentRead = aws.Bool(true)
	return s.queryPages(ctx, doing, in, func(items []map[string]types.AttributeValue) error {
		for _, it := range items {
			if err := each(&item.Reader{Item: it}); err != nil {
				return err
			}
		}
		return nil
	})
}

// queryPages calls page for every page of a query.
func (s *table) queryPages(
	ctx context.Context, doing string, in *dynamodb.QueryInput, page func([]map[string]types.AttributeValue) error,
) error {
	in.TableName = &s.name
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return wrapFailed(doing, err)
		}
		if err := page(out.Items); err != nil {
			return err
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil
		}
	}
}

// batchGet reads at most 100 keys, strongly consistent, in any order. It asks for
// unprocessed keys again until ctx ends.
func (s *table) batchGet(ctx context.Context, keys []map[string]types.AttributeValue) ([]item.Item, error) {
	var items []item.Item
	for attempt := 0; len(keys) > 0; attempt++ {
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.name: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return nil, err
		}
		for _, it := range out.Responses[s.name] {
			items = append(items, it)
		}
		if keys = out.UnprocessedKeys[s.name].Keys; len(keys) > 0 && !backoff.Pause(ctx, attempt) {
			return nil, ctx.Err()
		}
	}
	return items, nil
}

// reserve stores an item until it expires, unless the stored one has not expired
// at now: then it returns the stored one. After a lost response that may be its
// own.
func (s *table) reserve(ctx context.Context, it item.Item, expires, now time.Time) (stored item.Item, err error) {
	it.PutTime(kExpires, expires)
	it[manifest.TTL] = item.Number(expires.Unix() + 1)
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(PK) OR #x < :now"),
		ExpressionAttributeNames:            map[string]string{"#x": kExpires},
		ExpressionAttributeValues:           item.Item{":now": item.Number(now.UnixMilli())},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if stored, ok := refusedItem(err); ok {
		return stored, nil
	}
	return nil, err
}

// transact makes all writes or none. If a condition fails, it returns the
// reasons in the order of the writes. It retries conflicts with other
// transactions and throttling until ctx ends, at most maxConflicts times.
func (s *table) transact(
	ctx context.Context, w writeID, writes []types.TransactWriteItem,
) ([]types.CancellationReason, error) {
	for attempt := 0; ; attempt++ {
		_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: writes, ClientRequestToken: aws.String(w.String()),
		})
		canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
		if !ok {
			return nil, err
		}
		if slices.ContainsFunc(canceled.CancellationReasons, conditionFailed) {
			return canceled.CancellationReasons, nil
		}
		if !conn.IsTransient(canceled) || attempt == maxConflicts || !backoff.Pause(ctx, attempt) {
			return nil, err
		}
	}
}
