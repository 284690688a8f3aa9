// Package messages stores what the ids of messages stand for.
package messages

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
)

// Attributes of a record.
const (
	mChannel = "ch"
	mNamed   = "cn" // only if it is another one
	mTopic   = "to"
	mAddress = "ad" // hash, in bytes

	mCustomer = "c"
	mJourney  = "j"
	mGraph    = "g"
	mVersion  = "v"
	mRun      = "r"
	mNode     = "n"
)

// naming are the attributes that name a customer or one of their runs.
var naming = []string{mCustomer, mJourney, mGraph, mVersion, mRun, mNode}

// Messages reads and writes records of messages.
type Messages struct{ Table access.Table }

// PutMessages implements engine.Table.
func (s Messages) PutMessages(ctx context.Context, t ident.Tenant, records []message.Record) error {
	var puts []types.WriteRequest
	for _, r := range records {
		it, err := encode(t, r)
		if err != nil {
			return err
		}
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	return access.WrapFailed("store messages", s.Table.BatchWrite(ctx, puts))
}

func encode(t ident.Tenant, r message.Record) (item.Item, error) {
	it := item.MessageKey(t, r.ID)
	format.Add(it)
	graph, err := hex.DecodeString(r.GraphHash)
	address, err2 := hex.DecodeString(r.Address)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	it.PutText(mChannel, r.Channel)
	if r.Named != r.Channel {
		it.PutText(mNamed, r.Named)
	}
	it.PutText(mTopic, r.Topic)
	it.PutBinary(mAddress, address)
	it.PutText(mCustomer, r.Customer)
	it.PutText(mJourney, string(r.Journey))
	it.PutBinary(mGraph, graph)
	it.PutNumber(mVersion, int64(r.Version))
	it.PutNumber(mRun, int64(r.Run))
	it.PutNumber(mNode, int64(r.Node))
	it[manifest.TTL] = item.Number(r.ExpiresAt.Unix())
	return it, nil
}

// Message implements journey.MessageStore.
func (s Messages) Message(ctx context.Context, t ident.Tenant, id message.ID, now time.Time) (message.Record, error) {
	it, err := s.Table.Get(ctx, item.MessageKey(t, id))
	if err != nil {
		return message.Record{}, access.WrapFailed("read a message", err)
	}
	r := item.Reader{Item: it}
	if it == nil || r.Number(manifest.TTL) <= now.Unix() && r.Err == nil {
		return message.Record{}, journey.ErrNoMessage
	}
	record := message.Record{
		ID: id, Channel: r.Text(mChannel), Named: cmp.Or(r.Text(mNamed), r.Text(mChannel)), Topic: r.Text(mTopic), Address: hex.EncodeToString(r.Binary(mAddress)),
		Customer: r.Text(mCustomer), Journey: ident.ID(r.Text(mJourney)), GraphHash: hex.EncodeToString(r.Binary(mGraph)),
		Version: int(r.Number(mVersion)), Run: int(r.Number(mRun)), Node: int(r.Number(mNode)),
		ExpiresAt: time.Unix(r.Number(manifest.TTL), 0).UTC(),
	}
	return record, access.WrapDamaged(r.Err)
}

// Named returns the condition that a record still names its customer.
func (s Messages) Named(t ident.Tenant, id message.ID) *types.ConditionCheck {
	return &types.ConditionCheck{
		TableName: &s.Table.Name, Key: item.MessageKey(t, id), ConditionExpression: aws.String("attribute_exists(#c)"),
		ExpressionAttributeNames: map[string]string{"#c": mCustomer},
	}
}

// readKeys bounds the keys of one read.
const readKeys = 100

// Strip takes the customer, and everything that leads to their runs, out of the records
// with these ids. What remains says which channel and topic the message was of, as its
// recipient may still unsubscribe, and its address may still bounce.
func (s Messages) Strip(ctx context.Context, t ident.Tenant, ids []message.ID) error {
	for some := range slices.Chunk(ids, readKeys) {
		keys := make([]map[string]types.AttributeValue, len(some))
		for i, id := range some {
			keys[i] = item.MessageKey(t, id)
		}
		items, err := s.Table.BatchGet(ctx, keys)
		if err != nil {
			return access.WrapFailed("read a customer's messages", err)
		}
		for _, it := range items {
			if err := item.CheckNewer(it); err != nil {
				return err
			}
			if _, named := it[mCustomer]; !named {
				continue
			}
			if err := s.strip(ctx, it); err != nil {
				return err
			}
		}
	}
	return nil
}

// strip leaves of a record what does not name the customer.
func (s Messages) strip(ctx context.Context, it item.Item) error {
	update, names := "REMOVE", map[string]string{}
	for i, name := range naming {
		if i > 0 {
			update += ","
		}
		update += " #" + name
		names["#"+name] = name
	}
	_, err := s.Table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Table.Name, Key: item.KeyOf(it), UpdateExpression: &update,
		ConditionExpression: aws.String("attribute_exists(PK)"), ExpressionAttributeNames: names,
	})
	return access.WrapUnlessRefused("forget a customer's message", err)
}
