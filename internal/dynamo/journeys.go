package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Create implements journey.JourneyStore.
func (s Journeys) Create(ctx context.Context, t ident.Tenant, j journey.Journey) error {
	_, err := s.create(ctx, t, j, nil)
	return err
}

// CreateOnce implements journey.JourneyStore.
func (s Journeys) CreateOnce(ctx context.Context, t ident.Tenant, j journey.Journey, r journey.KeyRecord) (journey.KeyRecord, error) {
	it := encodeKeyRecord(item.CreateKey(t, r.Key), r)
	stored, err := s.create(ctx, t, j, access.Reservation(s.Name, it, r.ExpiresAt, r.ReceivedAt))
	if err != nil || stored == nil {
		return r, err
	}
	return decodeKeyRecord(r.Key, stored)
}

// create stores j together with once, nil for nothing. It returns the item that refused
// once, nil for none; after a lost response that may be this call's own.
func (s Journeys) create(ctx context.Context, t ident.Tenant, j journey.Journey, once *types.Put) (stored item.Item, err error) {
	w, err := s.NewWriteID()
	if err != nil {
		return nil, err
	}
	it, err := encodeJourney(t, j, w)
	if err != nil {
		return nil, err
	}
	writes := append([]types.TransactWriteItem{
		{Put: &types.Put{
			TableName: &s.Name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		s.countChange(t, 1),
	}, s.contentChanges(t, journey.Journey{}, j, w)...)
	if once != nil {
		writes = append(writes, types.TransactWriteItem{Put: once})
	}
	refused, err := s.Transact(ctx, w, writes)
	last := len(refused) - 1
	switch {
	case err != nil || refused == nil:
		return nil, access.WrapFailed("create a journey", err)
	case once != nil && access.ConditionFailed(refused[last]):
		return refused[last].Item, nil
	case !access.ConditionFailed(refused[0]) && access.ConditionFailed(refused[1]):
		return nil, journey.ErrTooMany
	case w.Wrote(refused[0].Item), s.writtenBefore(ctx, t, j, w) == nil:
		return nil, nil
	}
	return nil, fmt.Errorf("dynamo: create a journey: the id %s is taken", j.ID)
}

// countChange adds n to the tenant's journey count. A positive n is refused when
// the tenant has MaxJourneys.
func (s *table) countChange(t ident.Tenant, n int64) types.TransactWriteItem {
	update := &types.Update{
		TableName: &s.Name, Key: item.JourneyCountKey(t), UpdateExpression: aws.String("ADD #n :n"),
		ExpressionAttributeNames:  map[string]string{"#n": aCount},
		ExpressionAttributeValues: item.Item{":n": item.Number(n)},
	}
	if n > 0 {
		update.ConditionExpression = aws.String("attribute_not_exists(#n) OR #n < :max")
		update.ExpressionAttributeValues[":max"] = item.Number(journey.MaxJourneys)
	}
	return types.TransactWriteItem{Update: update}
}

// JourneyToEnter implements journey.JourneyStore.
func (s Journeys) JourneyToEnter(
	ctx context.Context, t ident.Tenant, id ident.ID, customers []string, now time.Time,
) (journey.Journey, journey.Forgotten, error) {
	it, forgotten, err := s.getFenced(ctx, t, item.JourneyKey(t, id), customers, now)
	if err != nil {
		return journey.Journey{}, nil, access.WrapFailed("read a journey", err)
	}
	if it == nil {
		return journey.Journey{}, nil, journey.ErrNotFound
	}
	j, err := decodeJourney(it)
	return j, forgotten, err
}

// Update implements journey.JourneyStore.
func (s Journeys) Update(ctx context.Context, t ident.Tenant, old, next journey.Journey) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	update, err := s.journeyUpdate(t, old, next, w)
	if err != nil {
		return err
	}
	if next.GraphHash != old.GraphHash && old.Status != journey.Draft {
		if err := s.figures.KeepLabels(ctx, t, old); err != nil {
			return err
		}
	}
	writes := append([]types.TransactWriteItem{{Update: update}}, s.contentChanges(t, old, next, w)...)
	if live := s.liveChange(t, old, next); live != nil {
		writes = append(writes, *live)
	}
	writes = append(writes, s.eventChanges(t, old, next)...)
	head, err := s.figures.HeadChange(t, old, next)
	if err != nil {
		return err
	}
	if head != nil {
		writes = append(writes, *head)
	}
	if next.Published != old.Published {
		published, err := s.draftRemoval(t, next.ID, next.Published)
		if err != nil {
			return err
		}
		writes = append(writes, *published)
	}
	refused, err := s.Transact(ctx, w, writes)
	if err != nil || refused == nil {
		return access.WrapFailed("update a journey", err)
	}
	if last := refused[len(refused)-1]; next.Published != old.Published && access.ConditionFailed(last) && !access.ConditionFailed(refused[0]) {
		return journey.ErrLost
	}
	switch {
	case access.ConditionFailed(refused[0]):
	case tooManyEntries(writes, refused):
		return journey.ErrTooManyStarted
	case tooManyDrains(writes, refused):
		return journey.ErrTooManyDrains
	}
	if err := w.Conflict(refused[0].Item); !errors.Is(err, journey.ErrStale) {
		return err
	}
	return s.writtenBefore(ctx, t, next, w)
}

// writtenBefore returns nil if the history shows that w wrote next before another write
// followed, and ErrStale otherwise.
func (s *table) writtenBefore(ctx context.Context, t ident.Tenant, next journey.Journey, w access.WriteID) error {
	entry, err := s.Get(ctx, item.HistoryKey(t, next.ID, next.Rev))
	switch {
	case err != nil:
		return access.WrapFailed("read the history of a journey", err)
	case w.Wrote(entry):
		return nil
	}
	return journey.ErrStale
}

// contentChanges returns the writes of a journey's graph, version, appearance, text and
// history for the change from old to next. They are part of the transaction that changes the journey, so
// that none of them is without a journey.
func (s *table) contentChanges(t ident.Tenant, old, next journey.Journey, w access.WriteID) []types.TransactWriteItem {
	var writes []types.TransactWriteItem
	switch {
	case next.GraphHash != old.GraphHash:
		it := item.DefinitionKey(t, next.ID, next.GraphHash)
		it.PutBinary(aDefinition, next.GraphText())
		writes = append(writes, s.placement(it))
		writes[0].Put.ConditionExpression = aws.String("attribute_not_exists(PK)") // a graph is never changed
		writes = append(writes, s.placement(encodeVersion(t, next)))
		if old.Status == journey.Draft {
			writes = append(append(writes, s.removal(item.VersionKey(t, old.ID, old.Version))), s.definitionRemovals(t, old)...)
		}
	case next.AppearanceRev == old.AppearanceRev:
	case next.AppearanceRev == 0:
		writes = append(writes, s.removal(item.AppearanceKey(t, old.ID, old.Version)))
	default:
		writes = append(writes, s.placement(encodeAppearance(t, next)))
	}
	switch next.TextRev {
	case old.TextRev:
	case 0:
		writes = append(writes, s.removal(item.TextKey(t, old.ID)))
	default:
		writes = append(writes, s.placement(encodeText(t, next)))
	}
	return append(writes, s.placement(encodeHistory(t, next, w)))
}

// contentRemovals returns the writes that remove what a deleted journey leaves behind.
// The graph stays if customers may be inside. Earlier versions and the history stay too.
func (s *table) contentRemovals(t ident.Tenant, j journey.Journey) []types.TransactWriteItem {
	writes := append(s.definitionRemovals(t, j), s.removal(item.VersionKey(t, j.ID, j.Version)), s.removal(item.DraftKey(t, j.ID)))
	if j.TextRev > 0 {
		writes = append(writes, s.removal(item.TextKey(t, j.ID)))
	}
	return writes
}

// definitionRemovals returns the writes that remove the present definition: the
// appearance, and the graph if no customer entered it.
func (s *table) definitionRemovals(t ident.Tenant, j journey.Journey) []types.TransactWriteItem {
	var writes []types.TransactWriteItem
	if j.Status == journey.Draft {
		writes = append(writes, s.removal(item.DefinitionKey(t, j.ID, j.GraphHash)))
	}
	if j.AppearanceRev > 0 {
		writes = append(writes, s.removal(item.AppearanceKey(t, j.ID, j.Version)))
	}
	return writes
}

func (s *table) placement(it item.Item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.Name, Item: it}}
}

func (s *table) removal(key item.Item) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Name, Key: key}}
}

// journeyUpdate writes journeyChanges if the stored revision is old's.
func (s *table) journeyUpdate(t ident.Tenant, old, next journey.Journey, w access.WriteID) (*types.Update, error) {
	it, err := encodeJourney(t, next, w)
	if err != nil {
		return nil, err
	}
	names := map[string]string{"#rev": aRev}
	values := item.Item{":rev": item.Number(old.Rev)}
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
		TableName: &s.Name, Key: item.JourneyKey(t, next.ID), UpdateExpression: &expression,
		ConditionExpression:      aws.String("#rev = :rev"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, nil
}

// Delete implements journey.JourneyStore. The tombstone also lets a retry whose
// first response was lost recognize its own deletion.
func (s Journeys) Delete(ctx context.Context, t ident.Tenant, j journey.Journey) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	writes, err := s.deletion(t, j, w)
	if err != nil {
		return err
	}
	refused, err := s.Transact(ctx, w, writes)
	if err != nil || refused == nil {
		return access.WrapFailed("delete a journey", err)
	}
	if len(refused[0].Item) > 0 {
		return journey.ErrStale
	}
	return s.deletedBy(ctx, t, j.ID, w)
}

// deletion returns the writes that delete j; the first deletes its item.
func (s *table) deletion(t ident.Tenant, j journey.Journey, w access.WriteID) ([]types.TransactWriteItem, error) {
	tombstone, err := encodeTombstone(t, j, w)
	if err != nil {
		return nil, err
	}
	writes := []types.TransactWriteItem{
		{Delete: &types.Delete{
			TableName: &s.Name, Key: item.JourneyKey(t, j.ID), ConditionExpression: aws.String("#rev = :rev"),
			ExpressionAttributeNames:            map[string]string{"#rev": aRev},
			ExpressionAttributeValues:           item.Item{":rev": item.Number(j.Rev)},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		s.placement(tombstone),
		s.countChange(t, -1),
	}
	writes = append(writes, s.contentRemovals(t, j)...)
	deleted := j
	deleted.Epoch++
	deleted.Status = "" // so that no event starts it
	if !j.EpochEmpty {
		writes = append(writes, *s.endEpoch(t, deleted, reasonDeleted))
	}
	if j.Status != journey.Draft {
		writes = append(writes, s.removal(item.HeadKey(t, j.ID)))
	}
	return append(writes, s.eventChanges(t, j, deleted)...), nil
}

// deletedBy returns nil if w deleted the journey, and ErrNotFound otherwise.
func (s *table) deletedBy(ctx context.Context, t ident.Tenant, id ident.ID, w access.WriteID) error {
	tombstone, err := s.Get(ctx, item.TombstoneKey(t, id))
	if err != nil {
		return access.WrapFailed("read a deleted journey", err)
	}
	if tombstone == nil || !w.Wrote(tombstone) {
		return journey.ErrNotFound
	}
	return nil
}
