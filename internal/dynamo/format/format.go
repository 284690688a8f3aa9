// Package format gives every item of the table the number of its format, and keeps
// this version from changing items of a newer format.
package format

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A release that changes the format of an item raises Known only: it reads both
// formats and writes the old one. The next release raises Written.
// docs/operations.md says how to roll them out.
const (
	Attribute = "f"
	Known     = 1 // the newest format that this version reads
	Written   = 1 // the format of the items that this version writes
)

// Client adds Attribute to the items that it writes. Every write of a single item or
// of a transaction is refused if the stored item's format is newer than Known. The
// input of a call is not changed.
//
// BatchWriteItem and PartiQL are not guarded. An INSERT never overwrites, and takes
// its format from Add. An UPDATE must compare the revision of an item that was
// read: a version that raises an item's format raises its revision too.
type Client struct {
	*dynamodb.Client
	// Check returns the error of a write that is refused by a stored item of a newer
	// format; nil for other items and for nil.
	Check func(stored map[string]types.AttributeValue) error
}

// Add sets the format of an item that this version is about to insert.
func Add(item map[string]types.AttributeValue) { item[Attribute] = number(Written) }

func number(n int) types.AttributeValue { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

// PutItem replaces dynamodb.Client.PutItem.
func (c Client) PutItem(
	ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.PutItemOutput, error) {
	put := *in
	guard{
		item: &put.Item, condition: &put.ConditionExpression, values: &put.ExpressionAttributeValues,
		returned: &put.ReturnValuesOnConditionCheckFailure,
	}.apply()
	out, err := c.Client.PutItem(ctx, &put, options...)
	return out, c.newer(err)
}

// UpdateItem replaces dynamodb.Client.UpdateItem.
func (c Client) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	update := *in
	guard{
		update: &update.UpdateExpression, condition: &update.ConditionExpression, values: &update.ExpressionAttributeValues,
		returned: &update.ReturnValuesOnConditionCheckFailure,
	}.apply()
	out, err := c.Client.UpdateItem(ctx, &update, options...)
	return out, c.newer(err)
}

// DeleteItem replaces dynamodb.Client.DeleteItem.
func (c Client) DeleteItem(
	ctx context.Context, in *dynamodb.DeleteItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.DeleteItemOutput, error) {
	remove := *in
	guard{
		condition: &remove.ConditionExpression, values: &remove.ExpressionAttributeValues,
		returned: &remove.ReturnValuesOnConditionCheckFailure,
	}.apply()
	out, err := c.Client.DeleteItem(ctx, &remove, options...)
	return out, c.newer(err)
}

// TransactWriteItems replaces dynamodb.Client.TransactWriteItems.
func (c Client) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	all := *in
	all.TransactItems = make([]types.TransactWriteItem, len(in.TransactItems))
	for i, w := range in.TransactItems {
		all.TransactItems[i] = guardWrite(w)
	}
	out, err := c.Client.TransactWriteItems(ctx, &all, options...)
	return out, c.newer(err)
}

func guardWrite(w types.TransactWriteItem) types.TransactWriteItem {
	switch {
	case w.Put != nil:
		put := *w.Put
		guard{
			item: &put.Item, condition: &put.ConditionExpression, values: &put.ExpressionAttributeValues,
			returned: &put.ReturnValuesOnConditionCheckFailure,
		}.apply()
		w.Put = &put
	case w.Update != nil:
		update := *w.Update
		guard{
			update: &update.UpdateExpression, condition: &update.ConditionExpression, values: &update.ExpressionAttributeValues,
			returned: &update.ReturnValuesOnConditionCheckFailure,
		}.apply()
		w.Update = &update
	case w.Delete != nil:
		remove := *w.Delete
		guard{
			condition: &remove.ConditionExpression, values: &remove.ExpressionAttributeValues,
			returned: &remove.ReturnValuesOnConditionCheckFailure,
		}.apply()
		w.Delete = &remove
	}
	return w
}

// guard points to the fields of a write that it changes; item and update may be nil.
type guard struct {
	item              *map[string]types.AttributeValue
	update, condition **string
	values            *map[string]types.AttributeValue
	returned          *types.ReturnValuesOnConditionCheckFailure
}

// notNewer holds if there is no stored item of a newer format.
const notNewer = "(attribute_not_exists(" + Attribute + ") OR " + Attribute + " <= :knownFormat)"

// setFormat is the update of an item that may not exist yet. A stored item keeps its
// format.
const setFormat = "SET " + Attribute + " = if_not_exists(" + Attribute + ", :writtenFormat)"

func (g guard) apply() {
	*g.values = maps.Clone(*g.values)
	if *g.values == nil {
		*g.values = map[string]types.AttributeValue{}
	}
	(*g.values)[":knownFormat"] = number(Known)
	condition := notNewer
	if *g.condition != nil {
		condition = "(" + **g.condition + ") AND " + notNewer
	}
	*g.condition = &condition
	*g.returned = types.ReturnValuesOnConditionCheckFailureAllOld
	if g.item != nil {
		*g.item = maps.Clone(*g.item)
		Add(*g.item)
	}
	if g.update != nil {
		(*g.values)[":writtenFormat"] = number(Written)
		update := setFormat + " " + **g.update
		if sets, ok := strings.CutPrefix(**g.update, "SET "); ok {
			update = setFormat + ", " + sets
		}
		*g.update = &update
	}
}

// newer returns Check's error if a stored item of a newer format refused the write, and
// otherwise err.
func (c Client) newer(err error) error {
	var stored []map[string]types.AttributeValue
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		stored = append(stored, failed.Item)
	}
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, reason := range canceled.CancellationReasons {
			stored = append(stored, reason.Item)
		}
	}
	for _, item := range stored {
		if newer := c.Check(item); newer != nil {
			return newer
		}
	}
	return err
}
