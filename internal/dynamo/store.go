// Package dynamo keeps journeys and enrollments in the one DynamoDB table: it
// knows every key, item and access pattern, and is the only user of the
// table's client. What is a valid journey, and who may do what, it must not
// know. Writes are conditional or idempotent and recognise their own success
// when its answer was lost.
package dynamo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// table is the one table, which the exported types share. It may be used by
// several goroutines.
type table struct {
	client  *dynamodb.Client
	name    string
	entropy io.Reader
	writes  Writes
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

// Store is the table as each of its callers uses it.
type Store struct {
	Journeys    Journeys
	Enrollments Enrollments
	Customers   Customers
	Events      Events
	Engine      Engine
	Analytics   Analytics
}

// New returns the store in the table called name. entropy is the source of write
// ids; it must be safe for concurrent use and never repeat itself.
func New(client *dynamodb.Client, name string, entropy io.Reader, w Writes) *Store {
	t := &table{client: client, name: name, entropy: entropy, writes: w}
	return &Store{Journeys{t}, Enrollments{t}, Customers{t}, Events{t}, Engine{t}, Analytics{t}}
}

// Handlers returns what a journey.Service uses.
func (s *Store) Handlers() journey.Stores {
	return journey.Stores{Journeys: s.Journeys, Enrollments: s.Enrollments, Customers: s.Customers, Events: s.Events}
}

// writeID names one call that writes, so that it knows its own item again.
type writeID [16]byte

func (s *table) newWriteID() (w writeID, err error) {
	if _, err = io.ReadFull(s.entropy, w[:]); err != nil {
		err = fmt.Errorf("dynamo: make a write id: %w", err)
	}
	return w, err
}

// wrote reports whether this call wrote the item.
func (w writeID) wrote(it item) bool {
	r := reader{item: it}
	return string(r.binary(aWriteID)) == string(w[:])
}

// refusal returns what it means that a write on the stored journey was
// refused: nil when it was this call that changed it.
func (w writeID) refusal(stored item) error {
	switch {
	case len(stored) == 0:
		return journey.ErrNotFound
	case w.wrote(stored):
		return nil
	}
	return journey.ErrStale
}

// Create implements journey.JourneyStore.
func (s Journeys) Create(ctx context.Context, t journey.Tenant, j journey.Journey) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	it, err := encodeJourney(t, j, w)
	if err != nil {
		return err
	}
	if err := s.putDefinition(ctx, t, j); err != nil {
		return err
	}
	refused, err := s.transact(ctx, w, []types.TransactWriteItem{
		{Put: &types.Put{
			TableName: &s.name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		s.count(t, 1),
	})
	switch {
	case err != nil || refused == nil:
		return failed("create a journey", err)
	case !conditionFailed(refused[0]):
		return journey.ErrTooMany
	case w.wrote(refused[0].Item):
		return nil
	}
	return fmt.Errorf("dynamo: create a journey: the id %s is taken", j.ID)
}

// count adds n to the number of the tenant's journeys; one more only when
// there is room.
func (s *table) count(t journey.Tenant, n int64) types.TransactWriteItem {
	update := &types.Update{
		TableName: &s.name, Key: counterKey(t), UpdateExpression: aws.String("ADD #n :n"),
		ExpressionAttributeNames:  map[string]string{"#n": aCount},
		ExpressionAttributeValues: item{":n": number(n)},
	}
	if n > 0 {
		update.ConditionExpression = aws.String("attribute_not_exists(#n) OR #n < :max")
		update.ExpressionAttributeValues[":max"] = number(journey.MaxJourneys)
	}
	return types.TransactWriteItem{Update: update}
}

// putDefinition stores j's definition under its hash. The same key always gets
// the same bytes, so it needs no condition.
func (s *table) putDefinition(ctx context.Context, t journey.Tenant, j journey.Journey) error {
	it := definitionKey(t, j.ID, j.GraphHash)
	it.putBinary(aDefinition, j.Definition)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: it})
	return failed("store a definition", err)
}

// Journey implements journey.JourneyStore.
func (s *table) Journey(ctx context.Context, t journey.Tenant, id journey.ID) (journey.Journey, error) {
	it, err := s.get(ctx, journeyKey(t, id))
	if err != nil {
		return journey.Journey{}, failed("read a journey", err)
	}
	if it == nil {
		return journey.Journey{}, journey.ErrNotFound
	}
	return decodeJourney(it)
}

// Definition implements journey.JourneyStore.
func (s *table) Definition(ctx context.Context, t journey.Tenant, id journey.ID, hash string) ([]byte, error) {
	it, err := s.get(ctx, definitionKey(t, id, hash))
	if err != nil {
		return nil, failed("read a definition", err)
	}
	if it == nil {
		return nil, fmt.Errorf("dynamo: definition %s of %s: %w", hash, id, journey.ErrNoDefinition)
	}
	r := reader{item: it}
	return r.binary(aDefinition), damaged(r.err)
}

// get returns the item under k, strongly consistent; nil when there is none.
func (s *table) get(ctx context.Context, k item) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.name, Key: k, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// List implements journey.JourneyStore. The table has no offset: it reads
// the partition up to the page, a megabyte at a time, and counts the rest.
func (s Journeys) List(ctx context.Context, t journey.Tenant, f journey.Filter) (journey.Page, error) {
	var page journey.Page
	query := s.listQuery(t, f)
	for {
		if page.Total >= f.Offset+f.Limit {
			query.Select = types.SelectCount
		}
		out, err := s.client.Query(ctx, query)
		if err != nil {
			return journey.Page{}, failed("list journeys", err)
		}
		for i := max(f.Offset-page.Total, 0); i < len(out.Items) && len(page.Journeys) < f.Limit; i++ {
			j, err := decodeJourney(out.Items[i])
			if err != nil {
				return journey.Page{}, err
			}
			page.Journeys = append(page.Journeys, j)
		}
		page.Total += int(out.Count)
		if query.ExclusiveStartKey = out.LastEvaluatedKey; len(query.ExclusiveStartKey) == 0 {
			return page, nil
		}
	}
}

func (s *table) listQuery(t journey.Tenant, f journey.Filter) *dynamodb.QueryInput {
	query := &dynamodb.QueryInput{
		TableName: &s.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item{":pk": journeyKey(t, "")[manifest.PartitionKey]},
	}
	if f.Status != "" {
		query.FilterExpression = aws.String("#st = :st")
		query.ExpressionAttributeNames = map[string]string{"#st": aStatus}
		query.ExpressionAttributeValues[":st"] = text(string(f.Status))
	}
	return query
}

// Update implements journey.JourneyStore. A transaction costs twice as much,
// so it is used only when more than the journey changes.
func (s Journeys) Update(ctx context.Context, t journey.Tenant, old, next journey.Journey) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	update, err := s.journeyUpdate(t, old, next, w)
	if err != nil {
		return err
	}
	if next.GraphHash != old.GraphHash {
		if err := s.putDefinition(ctx, t, next); err != nil {
			return err
		}
		if old.Status != journey.Draft {
			if err := s.keepLabels(ctx, t, old); err != nil {
				return err
			}
		}
	}
	actions := []types.TransactWriteItem{{Update: update}}
	if live := s.liveChange(t, old, next); live != nil {
		actions = append(actions, *live)
	}
	actions = append(actions, s.eventChanges(t, old, next)...)
	head, err := s.headChange(t, old, next)
	if err != nil {
		return err
	}
	if head != nil {
		actions = append(actions, *head)
	}
	if len(actions) == 1 {
		return s.updateOnly(ctx, w, update)
	}
	refused, err := s.transact(ctx, w, actions)
	if err != nil || refused == nil {
		return failed("update a journey", err)
	}
	return w.refusal(refused[0].Item)
}

// journeyUpdate writes what may change of a journey, if the stored revision is
// old's.
func (s *table) journeyUpdate(t journey.Tenant, old, next journey.Journey, w writeID) (*types.Update, error) {
	it, err := encodeJourney(t, next, w)
	if err != nil {
		return nil, err
	}
	names := map[string]string{"#rev": aRev}
	values := item{":rev": number(old.Rev)}
	set, remove := "SET", " REMOVE"
	for _, name := range mutable {
		value, ok := it[name]
		if names["#"+name] = name; !ok {
			remove += " #" + name + ","
			continue
		}
		set += " #" + name + " = :" + name + ","
		values[":"+name] = value
	}
	expression := strings.TrimSuffix(set, ",")
	if remove != " REMOVE" {
		expression += strings.TrimSuffix(remove, ",")
	}
	return &types.Update{
		TableName: &s.name, Key: journeyKey(t, next.ID), UpdateExpression: &expression,
		ConditionExpression:      aws.String("#rev = :rev"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, nil
}

// updateOnly makes the update without a transaction.
func (s *table) updateOnly(ctx context.Context, w writeID, u *types.Update) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression,
		ConditionExpression:                 u.ConditionExpression,
		ExpressionAttributeNames:            u.ExpressionAttributeNames,
		ExpressionAttributeValues:           u.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: u.ReturnValuesOnConditionCheckFailure,
	})
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return w.refusal(refused.Item)
	}
	return failed("update a journey", err)
}

// Delete implements journey.JourneyStore. What it leaves behind also tells a
// retry, whose first answer was lost, that it was the one who deleted.
func (s Journeys) Delete(ctx context.Context, t journey.Tenant, j journey.Journey) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	stone, err := tombstone(t, j, w)
	if err != nil {
		return err
	}
	actions := []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName: &s.name, Key: journeyKey(t, j.ID), ConditionExpression: aws.String("#rev = :rev"),
			ExpressionAttributeNames:            map[string]string{"#rev": aRev},
			ExpressionAttributeValues:           item{":rev": number(j.Rev)},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		{Put: &types.Put{TableName: &s.name, Item: stone}},
		s.count(t, -1),
	}
	gone := j
	gone.Epoch++
	gone.Status = "" // none: no event starts it
	if j.Status != journey.Draft {
		actions = append(actions, *s.putLive(t, gone, false, j.Epoch, reasonDeleted),
			types.TransactWriteItem{Delete: &types.Delete{TableName: &s.name, Key: headKey(t, j.ID)}})
	}
	actions = append(actions, s.eventChanges(t, j, gone)...)
	refused, err := s.transact(ctx, w, actions)
	if err != nil || refused == nil {
		return failed("delete a journey", err)
	}
	if stored := item(refused[0].Item); len(stored) > 0 {
		return journey.ErrStale
	}
	return s.deletedBy(ctx, t, j.ID, w)
}

// deletedBy returns nil if w deleted the journey.
func (s *table) deletedBy(ctx context.Context, t journey.Tenant, id journey.ID, w writeID) error {
	stone, err := s.get(ctx, tombstoneKey(t, id))
	if err != nil {
		return failed("read a deleted journey", err)
	}
	if stone == nil || !w.wrote(stone) {
		return journey.ErrNotFound
	}
	return nil
}

// transact makes all of actions or none. When a condition refuses them, it
// returns the reasons in the order of actions. Conflicts with other
// transactions and throttling are tried again while ctx lasts.
func (s *table) transact(
	ctx context.Context, w writeID, actions []types.TransactWriteItem,
) ([]types.CancellationReason, error) {
	for attempt := 0; ; attempt++ {
		_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: actions, ClientRequestToken: aws.String(hex.EncodeToString(w[:])),
		})
		canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
		if !ok {
			return nil, err
		}
		if slices.ContainsFunc(canceled.CancellationReasons, conditionFailed) {
			return canceled.CancellationReasons, nil
		}
		if !passing(canceled) || attempt == maxConflicts || !pause(ctx, attempt) {
			return nil, err
		}
	}
}
