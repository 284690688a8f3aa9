package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

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
//	becomes archived   off and draining
//	is deleted         off and draining, with its own reason
//
// The last two change nothing if the journey's epoch is empty. lFrom and lShards survive
// every change. Only tick raises them: lFrom when the lower epochs are empty, lShards when
// one shard is too slow.
const (
	lShards = "k"  // of the journey's part of the due index
	lOn     = "on" // active: due customers move on; otherwise only leaving customers are visited
	lEpoch  = "ep" // customers enrolled in a lower epoch must leave
	lFrom   = "fr" // lowest epoch that may still have customers
	lEnded  = "en" // list: when the epochs from lFrom on ended
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
		return s.putLive(t, next, true)
	case next.Epoch > old.Epoch:
		end := s.endEpoch(t, next, reasonArchived)
		end.Update.ConditionExpression = aws.String("attribute_not_exists(#fr) OR #fr >= :least")
		end.Update.ExpressionAttributeValues[":least"] = item.Number(int64(next.Epoch - journey.MaxDrains))
		return end
	case old.Status != journey.Active:
		return nil
	case next.Epoch > 0:
		return s.putLive(t, next, false)
	}
	return &types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Name, Key: item.LiveKey(t, next.ID)}}
}

// putLive writes the entry. An existing one keeps its lFrom and its number of shards.
func (s *table) putLive(t ident.Tenant, j journey.Journey, on bool) *types.TransactWriteItem {
	return &types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Name, Key: item.LiveKey(t, j.ID),
		UpdateExpression:         aws.String("SET #on = :on, #ep = :ep, #u = :u, #k = if_not_exists(#k, :k), #fr = if_not_exists(#fr, :fr)"),
		ExpressionAttributeNames: map[string]string{"#on": lOn, "#ep": lEpoch, "#u": lSince, "#k": lShards, "#fr": lFrom},
		ExpressionAttributeValues: item.Item{
			":on": item.Flag(on), ":ep": item.Number(int64(j.Epoch)), ":u": item.Number(j.UpdatedAt.UnixMilli()),
			":k": item.Number(int64(j.Shards)), ":fr": item.Number(int64(j.Epoch)),
		},
	}}
}

// endEpoch writes the entry of j, whose customers of the epoch before its own must leave.
func (s *table) endEpoch(t ident.Tenant, j journey.Journey, reason string) *types.TransactWriteItem {
	end := s.putLive(t, j, false)
	u := end.Update
	u.UpdateExpression = aws.String(*u.UpdateExpression + ", #dr = :dr, #en = list_append(if_not_exists(#en, :none), :ended)")
	u.ExpressionAttributeNames["#dr"], u.ExpressionAttributeNames["#en"] = lReason, lEnded
	u.ExpressionAttributeValues[":dr"] = item.Text(reason)
	u.ExpressionAttributeValues[":fr"] = item.Number(int64(j.Epoch - 1))
	u.ExpressionAttributeValues[":none"] = &types.AttributeValueMemberL{}
	u.ExpressionAttributeValues[":ended"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{u.ExpressionAttributeValues[":u"]}}
	return end
}

// tooManyDrains reports whether the drains of the journey refused a transaction.
func tooManyDrains(writes []types.TransactWriteItem, refused []types.CancellationReason) bool {
	for i, reason := range refused {
		if u := writes[i].Update; u != nil && u.ExpressionAttributeNames["#en"] == lEnded && access.ConditionFailed(reason) {
			return true
		}
	}
	return false
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
		Epoch: int(r.Number(lEpoch)), DrainFrom: int(r.Number(lFrom)), Ended: r.Times(lEnded), Reason: r.Text(lReason), Since: r.Time(lSince),
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
func (s Engine) GrowShards(ctx context.Context, l engine.Live, shards int) error {
	return s.growShards(ctx, l.Tenant, l.Journey, l.Shards, shards)
}

// DoubleShards implements journey.EnrollmentStore.
func (s Enrollments) DoubleShards(ctx context.Context, t ident.Tenant, id ident.ID, shards int) error {
	return s.growShards(ctx, t, id, shards, 2*shards)
}

func (s *table) growShards(ctx context.Context, t ident.Tenant, id ident.ID, from, to int) error {
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
				":k": item.Number(int64(from)), ":more": item.Number(int64(to)),
			},
		}}
	}
	_, err = s.Transact(ctx, w, []types.TransactWriteItem{
		grow(item.JourneyKey(t, id), aShards), grow(item.LiveKey(t, id), lShards),
	})
	return access.WrapFailed("grow a journey's shards", err)
}

// Drained implements engine.Table.
func (s Engine) Drained(ctx context.Context, l engine.Live, from int) error {
	// Only the caller moves lFrom, so that what was read of the epochs below from holds.
	condition := "#fr = :fr"
	names, values := map[string]string{"#fr": lFrom}, item.Item{":fr": item.Number(int64(l.DrainFrom))}
	var err error
	if !l.On && from == l.Epoch {
		names["#ep"], names["#on"] = lEpoch, lOn
		values[":ep"], values[":on"] = item.Number(int64(l.Epoch)), item.Flag(false)
		_, err = s.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.Name, Key: item.LiveKey(l.Tenant, l.Journey), ConditionExpression: aws.String(condition + " AND #ep = :ep AND #on = :on"),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
		return access.WrapUnlessRefused("end a drain", err)
	}
	set := "SET #fr = :from"
	values[":from"] = item.Number(int64(from))
	var ended []string
	for i := range min(from-l.DrainFrom, len(l.Ended)) {
		ended = append(ended, fmt.Sprintf("#en[%d]", i))
	}
	if ended != nil {
		names["#en"] = lEnded
		set += " REMOVE " + strings.Join(ended, ", ")
	}
	_, err = s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Name, Key: item.LiveKey(l.Tenant, l.Journey), UpdateExpression: &set, ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	return access.WrapUnlessRefused("end drains", err)
}
