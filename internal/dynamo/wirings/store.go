// Package wirings stores what is noted of channels whose providers report what became of
// their messages: an item for each.
package wirings

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/manifest"
	"journeys/internal/wiring"
)

// Attributes of an item.
const (
	aFirst = "s"
	aLast  = "l"
	aHeard = "h"
)

// Store reads and writes the items. Its writes may be repeated, and come in any order:
// they differ by minutes at most then, where only days matter.
type Store struct{ Table access.Table }

// Sent notes that a message was sent through the channel.
func (s Store) Sent(ctx context.Context, channel string, now time.Time) error {
	return s.update(ctx, channel, now, "SET #first = if_not_exists(#first, :now), #last = :now, #ttl = :ttl",
		map[string]string{"#first": aFirst, "#last": aLast})
}

// Heard notes that an event came about a message of the channel.
func (s Store) Heard(ctx context.Context, channel string, now time.Time) error {
	return s.update(ctx, channel, now, "SET #heard = :now, #ttl = :ttl REMOVE #first, #last",
		map[string]string{"#first": aFirst, "#last": aLast, "#heard": aHeard})
}

func (s Store) update(ctx context.Context, channel string, now time.Time, update string, names map[string]string) error {
	names["#ttl"] = manifest.TTL
	_, err := s.Table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Table.Name, Key: item.WiringKey(channel), UpdateExpression: &update, ExpressionAttributeNames: names,
		ExpressionAttributeValues: item.Item{":now": item.Number(now.UnixMilli()), ":ttl": item.Number(now.Add(wiring.Keep).Unix())},
	})
	return access.WrapFailed("note a channel", err)
}

// States returns what is noted of all channels. It passes over items that it cannot read;
// its error is an ErrDamaged or ErrNewer then.
func (s Store) States(ctx context.Context, now time.Time) (map[string]wiring.State, error) {
	states := map[string]wiring.State{}
	var faults []error
	err := s.Table.Query(ctx, "read the notes of channels", &dynamodb.QueryInput{
		KeyConditionExpression: aws.String("PK = :pk"), ExpressionAttributeValues: item.Item{":pk": item.Text(item.WiringPK)},
	}, func(r *item.Reader) error {
		channel := r.Text(manifest.SortKey)
		state := wiring.State{First: r.Time(aFirst), Last: r.Time(aLast), Heard: r.Time(aHeard)}
		expires := r.Number(manifest.TTL)
		switch {
		case r.Err != nil:
			faults = append(faults, access.WrapDamaged(fmt.Errorf("the channel %q: %w", channel, r.Err)))
		case now.Unix() < expires:
			states[channel] = state
		}
		return nil
	})
	return states, errors.Join(append(faults, err)...)
}
