package dynamo

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Attributes of a draft, beside aDefinition, aCreated, aUpdated, aCreatedBy, aUpdatedBy and, as the draft's tag,
// access.WriteIDAttribute.
const aBasedOn = "b" // journey.DraftCopy.BasedOn

// Draft implements journey.JourneyStore.
func (s Journeys) Draft(ctx context.Context, t ident.Tenant, id ident.ID) (journey.DraftCopy, error) {
	it, err := s.Get(ctx, item.DraftKey(t, id))
	if err != nil {
		return journey.DraftCopy{}, access.WrapFailed("read a draft", err)
	}
	if it == nil {
		return journey.DraftCopy{}, journey.ErrNoDraft
	}
	return decodeDraft(id, it)
}

// PutDraft implements journey.JourneyStore. It is a transaction, whose token makes
// repeated attempts one write: otherwise an attempt after a lost answer could bring
// back a draft that another caller has deleted meanwhile.
func (s Journeys) PutDraft(ctx context.Context, t ident.Tenant, old string, d journey.DraftCopy) error {
	it, w, err := encodeDraft(t, d)
	if err != nil {
		return err
	}
	put := types.Put{TableName: &s.Name, Item: it}
	if put.ConditionExpression, put.ExpressionAttributeNames, put.ExpressionAttributeValues, err = tagIs(old); err != nil {
		return err
	}
	refused, err := s.Transact(ctx, w, []types.TransactWriteItem{{Put: &put}, s.draftCheck(t, d.Journey, w)})
	switch {
	case err != nil || refused == nil:
		return access.WrapFailed("store a draft", err)
	case w.Wrote(refused[0].Item):
		return nil
	case !access.ConditionFailed(refused[1]):
		return journey.ErrLost
	case refused[1].Item == nil:
		return journey.ErrNotFound
	}
	return nil // published
}

// draftCheck requires that there is a journey, and that it has not published the draft
// with the tag w.
func (s *table) draftCheck(t ident.Tenant, id ident.ID, w access.WriteID) types.TransactWriteItem {
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &s.Name, Key: item.JourneyKey(t, id),
		ConditionExpression:                 aws.String("attribute_exists(PK) AND (attribute_not_exists(#p) OR #p <> :w)"),
		ExpressionAttributeNames:            map[string]string{"#p": aPublished},
		ExpressionAttributeValues:           item.Item{":w": item.Binary(w[:])},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// DeleteDraft implements journey.JourneyStore. It is a transaction for the reason of
// PutDraft.
func (s Journeys) DeleteDraft(ctx context.Context, t ident.Tenant, id ident.ID, tag string) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	removal, err := s.draftRemoval(t, id, tag)
	if err != nil {
		return err
	}
	refused, err := s.Transact(ctx, w, []types.TransactWriteItem{*removal})
	if err != nil || refused == nil {
		return access.WrapFailed("delete a draft", err)
	}
	if refused[0].Item == nil {
		return nil
	}
	return journey.ErrLost
}

// draftRemoval returns the write that removes the draft with that tag.
func (s *table) draftRemoval(t ident.Tenant, id ident.ID, tag string) (*types.TransactWriteItem, error) {
	condition, names, values, err := tagIs(tag)
	if err != nil {
		return nil, err
	}
	return &types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.Name, Key: item.DraftKey(t, id), ConditionExpression: condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}, nil
}

// tagIs returns the condition that the stored draft has that tag; "" for no draft.
func tagIs(tag string) (condition *string, names map[string]string, values item.Item, err error) {
	if tag == "" {
		return aws.String("attribute_not_exists(PK)"), nil, nil, nil
	}
	w, err := parseTag(tag)
	return aws.String("#w = :old"), map[string]string{"#w": access.WriteIDAttribute}, item.Item{":old": item.Binary(w[:])}, err
}

// parseTag returns the write id that is a draft's tag.
func parseTag(tag string) (w access.WriteID, err error) {
	if n, err := hex.Decode(w[:], []byte(tag)); err != nil || n != len(w) {
		return w, fmt.Errorf("dynamo: %q is no tag of a draft", tag)
	}
	return w, nil
}

func encodeDraft(t ident.Tenant, d journey.DraftCopy) (item.Item, access.WriteID, error) {
	w, err := parseTag(d.Tag)
	it := item.DraftKey(t, d.Journey)
	it.PutBinary(aDefinition, journey.Journey{Definition: d.Definition, Settings: d.Settings}.GraphText())
	it.PutNumber(aBasedOn, d.BasedOn)
	it.PutBinary(access.WriteIDAttribute, w[:])
	it.PutTime(aCreated, d.CreatedAt)
	it.PutTime(aUpdated, d.UpdatedAt)
	putAuthor(it, aCreatedBy, d.CreatedBy)
	putAuthor(it, aUpdatedBy, d.UpdatedBy)
	return it, w, err
}

func decodeDraft(id ident.ID, it item.Item) (journey.DraftCopy, error) {
	r := item.Reader{Item: it}
	d := journey.DraftCopy{
		Journey: id, Tag: hex.EncodeToString(r.Binary(access.WriteIDAttribute)), BasedOn: r.Number(aBasedOn),
		CreatedAt: r.Time(aCreated), UpdatedAt: r.Time(aUpdated),
		CreatedBy: readAuthor(&r, aCreatedBy), UpdatedBy: readAuthor(&r, aUpdatedBy),
	}
	d.Definition, d.Settings = journey.SplitGraphText(r.Binary(aDefinition))
	return d, access.WrapDamaged(r.Err)
}
