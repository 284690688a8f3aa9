// Package memory keeps the last events that a customer caused, those of a type in one item
// of the table. Each is an attribute, so that several writers add events without reading
// the item, and the same event is never there twice.
package memory

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/format"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// Attributes of an item.
const (
	eventPrefix = "e" // begins the name of an attribute that holds an event
	last        = "l" // name of the attribute that was added last
)

// life is how long an item is kept after an event was added: longer than the longest run,
// even if that event is a repeat of an old one.
const life = 367*24*time.Hour + journey.EventLife

// most is how many events an item holds until the oldest are removed. Each removal is one
// write more, so it removes several.
const most = progress.RememberedEvents + 4

// Memory is the part of a table that remembers events.
type Memory struct {
	Client format.Client
	Table  string
}

// Add adds an event to the item with that key. An event that is there already stays.
func (m Memory) Add(ctx context.Context, key map[string]types.AttributeValue, event progress.Received) error {
	name := eventName(event.Stamp)
	out, err := m.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &m.Table, Key: key, UpdateExpression: aws.String("SET #e = :e, #l = :l, #ttl = :ttl"),
		ExpressionAttributeNames: map[string]string{"#e": name, "#l": last, "#ttl": manifest.TTL},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":e": Binary(event.Properties), ":l": &types.AttributeValueMemberS{Value: name},
			":ttl": &types.AttributeValueMemberN{Value: strconv.FormatInt(event.At.Add(life).Unix(), 10)},
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	if err != nil {
		return err
	}
	m.removeOldest(ctx, key, out.Attributes)
	return nil
}

// removeOldest removes the oldest of too many events. A failure is no error: the next
// event tries again.
func (m Memory) removeOldest(ctx context.Context, key, stored map[string]types.AttributeValue) {
	events, err := Events(stored)
	if err != nil || len(events) <= most {
		return
	}
	names, removed := map[string]string{}, []string{}
	for i, event := range events[:len(events)-progress.RememberedEvents] {
		removed = append(removed, fmt.Sprint("#e", i))
		names[removed[i]] = eventName(event.Stamp)
	}
	_, _ = m.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &m.Table, Key: key, UpdateExpression: aws.String("REMOVE " + strings.Join(removed, ", ")),
		ConditionExpression: aws.String("attribute_exists(PK)"), ExpressionAttributeNames: names,
	})
}

// Remove removes an event, and the item if it was the only one.
func (m Memory) Remove(ctx context.Context, key map[string]types.AttributeValue, stamp progress.Stamp) error {
	var stored map[string]types.AttributeValue
	out, err := m.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &m.Table, Key: key, UpdateExpression: aws.String("REMOVE #e"), ConditionExpression: aws.String("attribute_exists(#e)"),
		ExpressionAttributeNames: map[string]string{"#e": eventName(stamp)}, ReturnValues: types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	refused, isRefused := errors.AsType[*types.ConditionalCheckFailedException](err)
	switch {
	case isRefused: // perhaps by an earlier attempt, which did not get further
		stored = refused.Item
	case err != nil:
		return err
	default:
		stored = out.Attributes
	}
	return m.forgetLast(ctx, key, stored, stamp)
}

// forgetLast deletes the item if it holds no event, and otherwise the name of the removed
// event, unless one was added meanwhile.
func (m Memory) forgetLast(ctx context.Context, key, stored map[string]types.AttributeValue, removed progress.Stamp) error {
	events, err := Events(stored)
	if err != nil || stored[last] == nil {
		return err
	}
	names := map[string]string{"#l": last}
	values := map[string]types.AttributeValue{":l": stored[last]}
	switch name, ok := stored[last].(*types.AttributeValueMemberS); {
	case len(events) == 0:
		_, err = m.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &m.Table, Key: key, ConditionExpression: aws.String("#l = :l"),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
	case ok && name.Value == eventName(removed):
		values[":n"] = &types.AttributeValueMemberS{Value: eventName(events[len(events)-1].Stamp)}
		_, err = m.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &m.Table, Key: key, UpdateExpression: aws.String("SET #l = :n"), ConditionExpression: aws.String("#l = :l"),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
	}
	if _, isRefused := errors.AsType[*types.ConditionalCheckFailedException](err); isRefused {
		return nil
	}
	return err
}

// eventName returns the name of the attribute that holds an event: eventPrefix and its
// Stamp in base64url.
func eventName(s progress.Stamp) string {
	return eventPrefix + base64.RawURLEncoding.EncodeToString(Stamp(s))
}

// Stamp returns a stamp as six bytes of milliseconds since 1970 and six of its id; nil for
// the zero one.
func Stamp(s progress.Stamp) []byte {
	if s == (progress.Stamp{}) {
		return nil
	}
	var ms, id [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(s.At.UnixMilli()))
	binary.BigEndian.PutUint64(id[:], s.ID)
	return append(ms[2:], id[2:]...)
}

// ReadStamp returns the stamp that Stamp packed; the zero one for anything else.
func ReadStamp(packed []byte) progress.Stamp {
	if len(packed) != 12 {
		return progress.Stamp{}
	}
	ms := binary.BigEndian.Uint64(append(make([]byte, 2), packed[:6]...))
	id := binary.BigEndian.Uint64(append(make([]byte, 2), packed[6:]...))
	return progress.Stamp{At: time.UnixMilli(int64(ms)).UTC(), ID: id}
}

// Binary returns b as a value, which may be empty.
func Binary(b []byte) types.AttributeValue {
	return &types.AttributeValueMemberB{Value: append([]byte{}, b...)}
}

// Events returns the events in an item, in order.
func Events(it map[string]types.AttributeValue) ([]progress.Received, error) {
	var list []progress.Received
	for name, value := range it {
		text, ok := strings.CutPrefix(name, eventPrefix)
		if !ok {
			continue
		}
		packed, err := base64.RawURLEncoding.DecodeString(text)
		stamp := ReadStamp(packed)
		properties, isBinary := value.(*types.AttributeValueMemberB)
		if err != nil || stamp == (progress.Stamp{}) || !isBinary {
			return nil, fmt.Errorf("memory: attribute %s is no remembered event", name)
		}
		event := progress.Received{Stamp: stamp}
		if len(properties.Value) > 0 {
			event.Properties = properties.Value
		}
		list = append(list, event)
	}
	slices.SortFunc(list, func(a, b progress.Received) int { return a.Compare(b.Stamp) })
	return list, nil
}
