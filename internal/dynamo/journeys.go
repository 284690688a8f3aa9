package dynamo

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of a journey. They are short because a list reads every journey of
// the tenant: at 250 bytes each, 10,000 are 2.5 MB, three requests.
const (
	aName        = "n"
	aDescription = "de"
	aStatus      = "st"
	aEntry       = "ec"
	aDays        = "md"
	aVersion     = "v"
	aGraph       = "gh" // SHA-256, 32 bytes
	aNodes       = "nc"
	aEvents      = "ev"
	aShards      = "sh"
	aEpoch       = "ep"
	aRev         = "r"
	aWriteID     = "w" // of the call that wrote the item
	aCreated     = "c"
	aUpdated     = "u"
	aDefinition  = "df"  // of a definition
	aCount       = "cnt" // of a journey count
)

// journeyChanges are the attributes that an update writes or removes. Shards is
// not among them: it grows independently of the revision, and a write must not
// shrink it.
var journeyChanges = []string{
	aName, aDescription, aStatus, aEntry, aDays, aVersion, aGraph, aNodes,
	aEvents, aEpoch, aRev, aWriteID, aUpdated,
}

// encodeJourney returns the item of j, without its Definition.
func encodeJourney(t journey.Tenant, j journey.Journey, w writeID) (item, error) {
	graph, err := hex.DecodeString(j.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := journeyKey(t, j.ID)
	it.putText(aName, j.Name)
	it.putText(aDescription, j.Description)
	it.putText(aStatus, string(j.Status))
	it.putBinary(aEntry, j.EntryCondition)
	it.putNumber(aDays, int64(j.MaxDurationDays))
	it.putNumber(aVersion, int64(j.Version))
	it.putBinary(aGraph, graph)
	it.putNumber(aNodes, int64(j.NodeCount))
	it.putTexts(aEvents, j.Events)
	it.putNumber(aShards, int64(j.Shards))
	it.putNumber(aEpoch, int64(j.Epoch))
	it.putNumber(aRev, j.Rev)
	it.putBinary(aWriteID, w[:])
	it.putTime(aCreated, j.CreatedAt)
	it.putTime(aUpdated, j.UpdatedAt)
	return it, nil
}

func decodeJourney(it item) (journey.Journey, error) {
	r := reader{item: it}
	j := journey.Journey{
		ID:              journeyID(r.text(manifest.SortKey)),
		Name:            r.text(aName),
		Description:     r.text(aDescription),
		Status:          journey.Status(r.text(aStatus)),
		EntryCondition:  r.binary(aEntry),
		MaxDurationDays: int(r.number(aDays)),
		Version:         int(r.number(aVersion)),
		GraphHash:       hex.EncodeToString(r.binary(aGraph)),
		NodeCount:       int(r.number(aNodes)),
		Events:          r.texts(aEvents),
		Shards:          int(r.number(aShards)),
		Epoch:           int(r.number(aEpoch)),
		Rev:             r.number(aRev),
		CreatedAt:       r.time(aCreated),
		UpdatedAt:       r.time(aUpdated),
	}
	return j, wrapDamaged(r.err)
}

// encodeTombstone returns the item that remains of a deleted journey: what
// draining it needs, and the id of the write that deleted it.
func encodeTombstone(t journey.Tenant, j journey.Journey, w writeID) (item, error) {
	graph, err := hex.DecodeString(j.GraphHash)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	it := tombstoneKey(t, j.ID)
	it.putText(aName, j.Name)
	it.putNumber(aVersion, int64(j.Version))
	it.putBinary(aGraph, graph)
	it.putNumber(aShards, int64(j.Shards))
	it.putNumber(aEpoch, int64(j.Epoch))
	it.putBinary(aWriteID, w[:])
	it.putTime(aUpdated, j.UpdatedAt)
	return it, nil
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
		s.countChange(t, 1),
	})
	switch {
	case err != nil || refused == nil:
		return wrapFailed("create a journey", err)
	case !conditionFailed(refused[0]):
		return journey.ErrTooMany
	case w.wrote(refused[0].Item):
		return nil
	}
	return fmt.Errorf("dynamo: create a journey: the id %s is taken", j.ID)
}

// countChange adds n to the tenant's journey count. A positive n is refused when
// the tenant has MaxJourneys.
func (s *table) countChange(t journey.Tenant, n int64) types.TransactWriteItem {
	update := &types.Update{
		TableName: &s.name, Key: journeyCountKey(t), UpdateExpression: aws.String("ADD #n :n"),
		ExpressionAttributeNames:  map[string]string{"#n": aCount},
		ExpressionAttributeValues: item{":n": number(n)},
	}
	if n > 0 {
		update.ConditionExpression = aws.String("attribute_not_exists(#n) OR #n < :max")
		update.ExpressionAttributeValues[":max"] = number(journey.MaxJourneys)
	}
	return types.TransactWriteItem{Update: update}
}

// putDefinition stores j's definition under its hash. It needs no condition: one
// key always gets the same bytes.
func (s *table) putDefinition(ctx context.Context, t journey.Tenant, j journey.Journey) error {
	it := definitionKey(t, j.ID, j.GraphHash)
	it.putBinary(aDefinition, j.Definition)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: it})
	return wrapFailed("store a definition", err)
}

// Journey implements journey.JourneyStore and analytics.Table.
func (s *table) Journey(ctx context.Context, t journey.Tenant, id journey.ID) (journey.Journey, error) {
	it, err := s.get(ctx, journeyKey(t, id))
	if err != nil {
		return journey.Journey{}, wrapFailed("read a journey", err)
	}
	if it == nil {
		return journey.Journey{}, journey.ErrNotFound
	}
	return decodeJourney(it)
}

// JourneyToEnter implements journey.JourneyStore.
func (s Journeys) JourneyToEnter(
	ctx context.Context, t journey.Tenant, id journey.ID, now time.Time,
) (journey.Journey, journey.Forgotten, error) {
	it, forgotten, err := s.getFenced(ctx, t, journeyKey(t, id), now)
	if err != nil {
		return journey.Journey{}, nil, wrapFailed("read a journey", err)
	}
	if it == nil {
		return journey.Journey{}, nil, journey.ErrNotFound
	}
	j, err := decodeJourney(it)
	return j, forgotten, err
}

// Definition implements journey.JourneyStore, engine.Table and analytics.Table.
func (s *table) Definition(ctx context.Context, t journey.Tenant, id journey.ID, hash string) ([]byte, error) {
	it, err := s.get(ctx, definitionKey(t, id, hash))
	if err != nil {
		return nil, wrapFailed("read a definition", err)
	}
	if it == nil {
		return nil, fmt.Errorf("dynamo: definition %s of %s: %w", hash, id, journey.ErrNoDefinition)
	}
	r := reader{item: it}
	return r.binary(aDefinition), wrapDamaged(r.err)
}

// List implements journey.JourneyStore. DynamoDB has no offset: List reads the
// partition up to the page, 1 MB at a time, and counts the rest.
func (s Journeys) List(ctx context.Context, t journey.Tenant, f journey.Filter) (journey.Page, error) {
	var page journey.Page
	query := s.listQuery(t, f)
	for {
		if page.Total >= f.Offset+f.Limit {
			query.Select = types.SelectCount
		}
		out, err := s.client.Query(ctx, query)
		if err != nil {
			return journey.Page{}, wrapFailed("list journeys", err)
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
		ExpressionAttributeValues: item{":pk": text(journeysPK(t))},
	}
	if f.Status != "" {
		query.FilterExpression = aws.String("#st = :st")
		query.ExpressionAttributeNames = map[string]string{"#st": aStatus}
		query.ExpressionAttributeValues[":st"] = text(string(f.Status))
	}
	return query
}

// Update implements journey.JourneyStore. It is a transaction, which costs twice
// as much, only if it changes more than the journey's own item.
func (s Journeys) Update(ctx context.Context, t journey.Tenant, old, next journey.Journey) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	update, err := s.journeyUpdate(t, old, next, w)
	if err != nil {
		return err
	}
	if err := s.changeGraph(ctx, t, old, next); err != nil {
		return err
	}
	writes := []types.TransactWriteItem{{Update: update}}
	if live := s.liveChange(t, old, next); live != nil {
		writes = append(writes, *live)
	}
	writes = append(writes, s.eventChanges(t, old, next)...)
	head, err := s.headChange(t, old, next)
	if err != nil {
		return err
	}
	if head != nil {
		writes = append(writes, *head)
	}
	if len(writes) == 1 {
		return s.updateAlone(ctx, w, update)
	}
	refused, err := s.transact(ctx, w, writes)
	if err != nil || refused == nil {
		return wrapFailed("update a journey", err)
	}
	return w.conflict(refused[0].Item)
}

// changeGraph makes the writes that must precede an update to another graph.
func (s *table) changeGraph(ctx context.Context, t journey.Tenant, old, next journey.Journey) error {
	if next.GraphHash == old.GraphHash {
		return nil
	}
	if err := s.putDefinition(ctx, t, next); err != nil || old.Status == journey.Draft {
		return err
	}
	return s.keepLabels(ctx, t, old)
}

// journeyUpdate writes journeyChanges if the stored revision is old's.
func (s *table) journeyUpdate(t journey.Tenant, old, next journey.Journey, w writeID) (*types.Update, error) {
	it, err := encodeJourney(t, next, w)
	if err != nil {
		return nil, err
	}
	names := map[string]string{"#rev": aRev}
	values := item{":rev": number(old.Rev)}
	set, remove := "SET", " REMOVE"
	for _, name := range journeyChanges {
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

// updateAlone makes the update of a journey without a transaction.
func (s *table) updateAlone(ctx context.Context, w writeID, u *types.Update) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression,
		ConditionExpression:                 u.ConditionExpression,
		ExpressionAttributeNames:            u.ExpressionAttributeNames,
		ExpressionAttributeValues:           u.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: u.ReturnValuesOnConditionCheckFailure,
	})
	if stored, refused := refusedItem(err); refused {
		return w.conflict(stored)
	}
	return wrapFailed("update a journey", err)
}

// Delete implements journey.JourneyStore. The tombstone also lets a retry whose
// first response was lost recognize its own deletion.
func (s Journeys) Delete(ctx context.Context, t journey.Tenant, j journey.Journey) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	writes, err := s.deletion(t, j, w)
	if err != nil {
		return err
	}
	refused, err := s.transact(ctx, w, writes)
	if err != nil || refused == nil {
		return wrapFailed("delete a journey", err)
	}
	if len(refused[0].Item) > 0 {
		return journey.ErrStale
	}
	return s.deletedBy(ctx, t, j.ID, w)
}

// deletion returns the writes that delete j; the first deletes its item.
func (s *table) deletion(t journey.Tenant, j journey.Journey, w writeID) ([]types.TransactWriteItem, error) {
	tombstone, err := encodeTombstone(t, j, w)
	if err != nil {
		return nil, err
	}
	writes := []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName: &s.name, Key: journeyKey(t, j.ID), ConditionExpression: aws.String("#rev = :rev"),
			ExpressionAttributeNames:            map[string]string{"#rev": aRev},
			ExpressionAttributeValues:           item{":rev": number(j.Rev)},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		{Put: &types.Put{TableName: &s.name, Item: tombstone}},
		s.countChange(t, -1),
	}
	deleted := j
	deleted.Epoch++
	deleted.Status = "" // so that no event starts it
	if j.Status != journey.Draft {
		writes = append(writes, *s.putLive(t, deleted, false, j.Epoch, reasonDeleted),
			types.TransactWriteItem{Delete: &types.Delete{TableName: &s.name, Key: headKey(t, j.ID)}})
	}
	return append(writes, s.eventChanges(t, j, deleted)...), nil
}

// deletedBy returns nil if w deleted the journey, and ErrNotFound otherwise.
func (s *table) deletedBy(ctx context.Context, t journey.Tenant, id journey.ID, w writeID) error {
	tombstone, err := s.get(ctx, tombstoneKey(t, id))
	if err != nil {
		return wrapFailed("read a deleted journey", err)
	}
	if tombstone == nil || !w.wrote(tombstone) {
		return journey.ErrNotFound
	}
	return nil
}
