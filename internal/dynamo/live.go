package dynamo

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
)

// Attributes of a LIVE entry, which tells tick what to visit.
//
// An entry is there while the journey is active, and from an archiving or
// deletion until tick has seen everybody leave. It is written in the
// transaction of the status:
//
//	becomes active     on, with the epoch of who enrolls from now
//	leaves active      removed; but kept, off, if the journey was ever archived,
//	                   since somebody may still have to leave: tick removes it
//	becomes archived   off, draining; none for a draft, which nobody ever entered
//	is deleted         off, draining with a reason of its own; none for a draft
//
// lFrom and lShards survive every change: only tick raises them, once nobody
// is left in the epochs below, and when a shard is too slow.
const (
	lShards = "k"  // of the journey's part of the due index
	lOn     = "on" // who is due goes on; false: only who must leave is visited
	lEpoch  = "ep" // who was enrolled in a lower one must leave
	lFrom   = "fr" // lowest epoch that somebody may still be in
	lReason = "dr" // why they leave
	lSince  = "u"  // time of the last change
)

// Why customers leave a journey that ended before them.
const (
	reasonArchived = "journey_archived"
	reasonDeleted  = "journey_deleted"
)

// liveChange returns what the change from old to next does to the LIVE entry;
// nil for nothing.
func (s *table) liveChange(t journey.Tenant, old, next journey.Journey) *types.TransactWriteItem {
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
	return &types.TransactWriteItem{Delete: &types.Delete{TableName: &s.name, Key: liveKey(t, next.ID)}}
}

// putLive writes the entry. from is the lowest epoch that somebody may be in,
// as far as the journey tells; an entry that is there knows better.
func (s *table) putLive(t journey.Tenant, j journey.Journey, on bool, from int, reason string) *types.TransactWriteItem {
	set := "SET #on = :on, #ep = :ep, #u = :u, #k = if_not_exists(#k, :k), #fr = if_not_exists(#fr, :fr)"
	names := map[string]string{"#on": lOn, "#ep": lEpoch, "#u": lSince, "#k": lShards, "#fr": lFrom}
	values := item{
		":on": flag(on), ":ep": number(int64(j.Epoch)), ":u": number(j.UpdatedAt.UnixMilli()),
		":k": number(int64(j.Shards)), ":fr": number(int64(from)),
	}
	if reason != "" {
		set += ", #dr = :dr"
		names["#dr"], values[":dr"] = lReason, text(reason)
	}
	return &types.TransactWriteItem{Update: &types.Update{
		TableName: &s.name, Key: liveKey(t, j.ID), UpdateExpression: aws.String(set),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}}
}

// eventChanges returns what the change from old to next does to the entries
// that say which journeys an event starts: those of an active journey.
func (s *table) eventChanges(t journey.Tenant, old, next journey.Journey) []types.TransactWriteItem {
	before, after := starting(old), starting(next)
	var changes []types.TransactWriteItem
	for _, event := range after {
		if !slices.Contains(before, event) {
			changes = append(changes, types.TransactWriteItem{Put: &types.Put{
				TableName: &s.name, Item: eventKey(t, event, next.ID),
			}})
		}
	}
	for _, event := range before {
		if !slices.Contains(after, event) {
			changes = append(changes, types.TransactWriteItem{Delete: &types.Delete{
				TableName: &s.name, Key: eventKey(t, event, next.ID),
			}})
		}
	}
	return changes
}

// starting returns the events that start j as it is.
func starting(j journey.Journey) []string {
	if j.Status != journey.Active {
		return nil
	}
	return j.Events
}
