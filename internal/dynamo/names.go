package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/names"
)

// Names implements names.Store.
type Names struct{ *table }

var _ names.Store = Names{}

// namesText is an attribute of the item of a tenant's names.
const namesText = "n"

// Names implements names.Store.
func (s Names) Names(ctx context.Context, t ident.Tenant) (names.Record, error) {
	out, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Name, Key: item.NamesKey(t)})
	if err != nil {
		return names.Record{}, access.WrapFailed("read names", err)
	}
	return decodeNames(out.Item)
}

// PutNames implements names.Store. A retry after a lost response returns the record that
// the first attempt stored.
func (s Names) PutNames(ctx context.Context, t ident.Tenant, r names.Record) (names.Record, error) {
	it := item.NamesKey(t)
	it.PutBinary(namesText, r.Text)
	it.PutNumber(aRev, r.Rev)
	put := &dynamodb.PutItemInput{TableName: &s.Name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)")}
	if r.Rev > 1 {
		put.ConditionExpression = aws.String("#r = :r")
		put.ExpressionAttributeNames = map[string]string{"#r": aRev}
		put.ExpressionAttributeValues = item.Item{":r": item.Number(r.Rev - 1)}
	}
	_, err := s.Client.PutItem(ctx, put)
	if stored, refused := access.RefusedItem(err); refused {
		return decodeNames(stored)
	}
	return r, access.WrapFailed("store names", err)
}

func decodeNames(it item.Item) (names.Record, error) {
	if len(it) == 0 {
		return names.Record{}, nil
	}
	r := item.Reader{Item: it}
	return names.Record{Text: r.Binary(namesText), Rev: r.Number(aRev)}, access.WrapDamaged(r.Err)
}
