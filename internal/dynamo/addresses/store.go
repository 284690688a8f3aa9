// Package addresses stores what is kept of addresses under their hashes: on which channels
// they take no messages, and which topics customers with them have left. Each is an
// attribute of its own that only moves forward in time, so that writes need no reading,
// and one that comes late, or twice, changes nothing.
package addresses

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/consent"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/topics"
	"journeys/internal/ident"
)

// Attributes of an address.
const (
	suppression = "s#" // and the name of the channel: a map of the next two
	optOut      = "o#" // and the topic: when, in milliseconds

	mReason = "r"
	mAt     = "t"
)

// Store reads and writes addresses. It is safe for concurrent use.
type Store struct {
	Table access.Table

	noted sync.Map // tenants of which it is known that their settings say they have addresses
}

// Address returns what is kept of an address. It is strongly consistent.
func (s *Store) Address(ctx context.Context, t ident.Tenant, hash string) (consent.Address, error) {
	it, err := s.Table.Get(ctx, item.AddressKey(t, hash))
	if err != nil {
		return consent.Address{}, access.WrapFailed("read an address", err)
	}
	return Decode(it)
}

// Decode decodes an item; nil is that of an address of which nothing is kept.
func Decode(it item.Item) (consent.Address, error) {
	var a consent.Address
	if it == nil {
		return a, nil
	}
	r := item.Reader{Item: it}
	r.CheckFormat()
	a.Suppressions, a.OptOuts = map[string]consent.Suppression{}, map[string]time.Time{}
	for name, value := range it {
		if topic, ok := strings.CutPrefix(name, optOut); ok {
			a.OptOuts[topic] = r.Time(name)
		}
		if channel, ok := strings.CutPrefix(name, suppression); ok {
			members, ok := value.(*types.AttributeValueMemberM)
			if !ok {
				return a, access.WrapDamaged(fmt.Errorf("dynamo: a suppression is a %T", value))
			}
			m := item.Reader{Item: members.Value, Checked: true}
			a.Suppressions[channel] = consent.Suppression{Reason: m.Text(mReason), At: m.Time(mAt)}
			r.Err = errors.Join(r.Err, m.Err)
		}
	}
	return a, access.WrapDamaged(r.Err)
}

// PutSuppression stores that an address takes no messages of a channel, or takes them
// again, unless something is stored that is as late or later. It returns what is stored
// then.
func (s *Store) PutSuppression(
	ctx context.Context, t ident.Tenant, hash, channel string, next consent.Suppression,
) (consent.Suppression, error) {
	if err := s.note(ctx, t); err != nil {
		return consent.Suppression{}, err
	}
	members := item.Item{mAt: item.Number(next.At.UnixMilli())}
	members.PutText(mReason, next.Reason)
	_, err := s.Table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Table.Name, Key: item.AddressKey(t, hash),
		UpdateExpression:         aws.String("SET #s = :s"),
		ConditionExpression:      aws.String("attribute_not_exists(#s) OR #s.#t < :t"),
		ExpressionAttributeNames: map[string]string{"#s": suppression + channel, "#t": mAt},
		ExpressionAttributeValues: item.Item{
			":s": &types.AttributeValueMemberM{Value: members}, ":t": members[mAt],
		},
	})
	if stored, refused := access.RefusedItem(err); refused { // perhaps by its own success
		a, err := Decode(stored)
		return a.Suppressions[channel], err
	}
	return next, access.WrapFailed("store a suppression", err)
}

// OptOut stores when a customer with this address unsubscribed from topics, unless later
// times are stored.
func (s *Store) OptOut(ctx context.Context, t ident.Tenant, hash string, outs map[string]time.Time) error {
	if len(outs) == 0 {
		return nil
	}
	if err := s.note(ctx, t); err != nil {
		return err
	}
	for topic, at := range outs {
		_, err := s.Table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.Table.Name, Key: item.AddressKey(t, hash),
			UpdateExpression:          aws.String("SET #o = :o"),
			ConditionExpression:       aws.String("attribute_not_exists(#o) OR #o < :o"),
			ExpressionAttributeNames:  map[string]string{"#o": optOut + topic},
			ExpressionAttributeValues: item.Item{":o": item.Number(at.UnixMilli())},
		})
		if err := access.WrapUnlessRefused("store an opt-out", err); err != nil {
			return err
		}
	}
	return nil
}

// note makes the tenant's settings say that it may have addresses, before it has one. That
// is never taken back, so it is written at most once a process.
func (s *Store) note(ctx context.Context, t ident.Tenant) error {
	if _, ok := s.noted.Load(t); ok {
		return nil
	}
	if err := (topics.Store{Table: s.Table}).NoteAddresses(ctx, t); err != nil {
		return err
	}
	s.noted.Store(t, nil)
	return nil
}
