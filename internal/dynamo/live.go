package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of a LIVE entry, tick's work list.
//
// A journey has an entry while it is active, and from an archive or deletion until
// tick has drained it. The entry changes in the transaction that changes the
// status:
//
//	becomes active     on, with the epoch of new enrollments
//	leaves active      deleted; if the journey was ever archived, it stays, off,
//	                   since customers may still have to leave: tick deletes it
//	becomes archived   off and draining; a draft has none, since it never had customers
//	is deleted         off and draining, with its own reason; a draft has none
//
// lFrom and lShards survive every change. Only tick raises them: lFrom when the
// lower epochs are empty, lShards when one shard is too slow.
const (
	lShards = "k"  // of the journey's part of the due index
	lOn     = "on" // active: due customers move on; otherwise only leaving customers are visited
	lEpoch  = "ep" // customers enrolled in a lower epoch must leave
	lFrom   = "fr" // lowest epoch that may still have customers
	lReason = "dr" // exit reason of customers that must leave
	lSince  = "u"  // time of the last change
)

// Exit reasons of customers whose journey ended.
const (
	reasonArchived = "journey_archived"
	reasonDeleted  = "journey_deleted"
)

// liveChange returns the change of the LIVE entry for the change from old to next;
// nil for none.
func (s *table) liveChange(t ident.Tenant, old, next journey.Journey) *types.TransactWriteItem {
	switch {
	case old.Status == next.Status:
		return nil
	case next.Status == journey.Active:
		return s.putLive(t, next, true, next.Epoch, "")
	case next.Status == journey.Archived && old.Status != journey.Draft:
		return s.putLive(t, next, false, old.Epoch, reasonArchived)
	case old.Status != journey.Active:
		return nil
	case next.Epoch > 0:
		return s.putLive(t, next, false, next.Epoch, "")
	}
	return &types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Name, Key: item.LiveKey(t, next.ID)}}
}

// putLive writes the entry. from is the lowest epoch that may have customers. An
// existing entry keeps its own from and its number of shards.
func (s *table) putLive(t ident.Tenant, j journey.Journey, on bool, from int, reason string) *types.TransactWriteItem {
	set := "SET #on = :on, #ep = :ep, #u = :u, #k = if_not_exists(#k, :k), #fr = if_not_exists(#fr, :fr)"
	names := map[string]string{"#on": lOn, "#ep": lEpoch, "#u": lSince, "#k": lShards, "#fr": lFrom}
	values := item.Item{
		":on": item.Flag(on), ":ep": item.Number(int64(j.Epoch)), ":u": item.Number(j.UpdatedAt.UnixMilli()),
		":k": item.Number(int64(j.Shards)), ":fr": item.Number(int64(from)),
	}
	if reason != "" {
		set += ", #dr = :dr"
		names["#dr"], values[":dr"] = lReason, item.Text(reason)
	}
	return &types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Name, Key: item.LiveKey(t, j.ID), UpdateExpression: aws.String(set),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}}
}

// Lives implements engine.Table.
func (s Engine) Lives(ctx context.Context, from, to engine.LiveKey) ([]engine.Live, error) {
	query := &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item.Item{":pk": item.Text(item.LivePK)},
	}
	if from != to || from != (engine.LiveKey{}) {
		query.KeyConditionExpression = aws.String("PK = :pk AND SK BETWEEN :from AND :to")
		query.ExpressionAttributeValues[":from"] = item.LiveKey(from.Tenant, from.Journey)[manifest.SortKey]
		query.ExpressionAttributeValues[":to"] = item.LiveKey(to.Tenant, to.Journey)[manifest.SortKey]
	}
	var lives []engine.Live
	var unread engine.Unread
	err := s.Query(ctx, "read the LIVE entries", query, func(r *item.Reader) error {
		live, err := decodeLive(r.Item)
		if err != nil {
			unread = append(unread, err)
			return nil
		}
		lives = append(lives, live)
		return nil
	})
	return lives, cmp.Or(err, unread.Err())
}

func decodeLive(it item.Item) (engine.Live, error) {
	r := item.Reader{Item: it}
	sk := r.Text(manifest.SortKey)
	tenant, id, ok := item.ParseLiveSK(sk)
	if !ok && r.Err == nil {
		r.Err = errors.New("dynamo: an entry without a tenant")
	}
	live := engine.Live{
		Tenant: tenant, Journey: id, On: r.Flag(lOn), Shards: int(r.Number(lShards)),
		Epoch: int(r.Number(lEpoch)), DrainFrom: int(r.Number(lFrom)), Reason: r.Text(lReason), Since: r.Time(lSince),
	}
	if r.Err != nil {
		return live, access.WrapDamaged(fmt.Errorf("the LIVE entry %s: %w", sk, r.Err))
	}
	return live, nil
}

// DrainFrom implements journey.EnrollmentStore.
func (s Enrollments) DrainFrom(ctx context.Context, t ident.Tenant, id ident.ID) (int, error) {
	it, err := s.Get(ctx, item.LiveKey(t, id))
	if err != nil {
		return 0, access.WrapFailed("read a LIVE entry", err)
	}
	if it == nil {
		return -1, nil
	}
	live, err := decodeLive(it)
	return live.DrainFrom, err
}

// GrowShards implements engine.Table.
func (s Engine) GrowShards(ctx context.Context, l engine.Live) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	grow := func(key item.Item, name string) types.TransactWriteItem {
		return types.TransactWriteItem{Update: &types.Update{
			TableName: &s.Name, Key: key, UpdateExpression: aws.String("SET #k = :more"),
			ConditionExpression:      aws.String("#k = :k"),
			ExpressionAttributeNames: map[string]string{"#k": name},
			ExpressionAttributeValues: item.Item{
				":k": item.Number(int64(l.Shards)), ":more": item.Number(2 * int64(l.Shards)),
			},
		}}
	}
	_, err = s.Transact(ctx, w, []types.TransactWriteItem{
		grow(item.JourneyKey(l.Tenant, l.Journey), aShards), grow(item.LiveKey(l.Tenant, l.Journey), lShards),
	})
	return access.WrapFailed("grow a journey's shards", err)
}

// Drained implements engine.Table.
func (s Engine) Drained(ctx context.Context, l engine.Live) error {
	unchanged := aws.String("#ep = :ep AND #u = :u AND #on = :on")
	names := map[string]string{"#ep": lEpoch, "#u": lSince, "#on": lOn}
	values := item.Item{":ep": item.Number(int64(l.Epoch)), ":u": item.Number(l.Since.UnixMilli()), ":on": item.Flag(l.On)}
	var err error
	if l.On {
		names["#fr"] = lFrom
		_, err = s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.Name, Key: item.LiveKey(l.Tenant, l.Journey), UpdateExpression: aws.String("SET #fr = :ep"),
			ConditionExpression: unchanged, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
	} else {
		_, err = s.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.Name, Key: item.LiveKey(l.Tenant, l.Journey),
			ConditionExpression: unchanged, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
	}
	return access.WrapUnlessRefused("end a drain", err)
}
