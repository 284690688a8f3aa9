package dynamo

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/memory"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of an event record, which also has kExpires.
const (
	iRequest      = "q"
	eventReceived = "u"
	iDone         = "dn"
)

// eventChanges returns the changes of the journey's event entries for the change
// from old to next. Only an active journey has them.
func (s *table) eventChanges(t journey.Tenant, old, next journey.Journey) []types.TransactWriteItem {
	before, after := startingEvents(old), startingEvents(next)
	var changes []types.TransactWriteItem
	for _, event := range after {
		if !slices.Contains(before, event) {
			changes = append(changes, s.placement(item.EventKey(t, event, next.ID)))
		}
	}
	for _, event := range before {
		if !slices.Contains(after, event) {
			changes = append(changes, s.removal(item.EventKey(t, event, next.ID)))
		}
	}
	return changes
}

// startingEvents returns the events that start j in its present status.
func startingEvents(j journey.Journey) []string {
	if j.Status != journey.Active {
		return nil
	}
	return j.Events
}

// StartedBy implements journey.EventStore.
func (s Events) StartedBy(ctx context.Context, t journey.Tenant, eventType string) (starts journey.Starts, err error) {
	var newer error
	err = s.query(ctx, "read the journeys that an event starts", &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item.Item{":pk": item.Text(item.EventPK(t, eventType))},
	}, func(r *item.Reader) error {
		switch sk := r.Text(manifest.SortKey); {
		case sk == item.KeepSK:
			starts.KeepProperties = true
		case item.CheckNewer(r.Item) != nil:
			newer = item.CheckNewer(r.Item) // the others go on first
		default:
			starts.Journeys = append(starts.Journeys, item.JourneyID(sk))
		}
		return r.Err
	})
	return starts, cmp.Or(err, newer)
}

// KeepProperties implements journey.EventStore.
func (s Events) KeepProperties(ctx context.Context, t journey.Tenant, eventTypes []string) error {
	for _, eventType := range eventTypes {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: item.KeepKey(t, eventType)})
		if err != nil {
			return wrapFailed("mark an event's properties", err)
		}
	}
	return nil
}

// ReserveEvent implements journey.EventStore. Like ReserveKey, it needs no write
// id.
func (s Events) ReserveEvent(
	ctx context.Context, t journey.Tenant, r journey.EventRecord, now time.Time,
) (journey.EventRecord, error) {
	it := item.EventRecordKey(t, r.Customer, r.ID)
	it[iRequest] = item.Binary(r.Request[:])
	it.PutTime(eventReceived, r.ReceivedAt)
	stored, err := s.reserve(ctx, it, r.ExpiresAt, now)
	if err != nil || stored == nil {
		return r, wrapFailed("reserve an event's id", err)
	}
	old := item.Reader{Item: stored}
	kept := journey.EventRecord{
		Customer: r.Customer, ID: r.ID, ReceivedAt: old.Time(eventReceived),
		Done: old.Flag(iDone), ExpiresAt: old.Time(kExpires),
	}
	copy(kept.Request[:], old.Binary(iRequest))
	return kept, old.Err
}

// FinishEvent implements journey.EventStore.
func (s Events) FinishEvent(ctx context.Context, t journey.Tenant, r journey.EventRecord) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: item.EventRecordKey(t, r.Customer, r.ID),
		UpdateExpression: aws.String("SET #dn = :dn"), ConditionExpression: aws.String("#u = :u"),
		ExpressionAttributeNames:  map[string]string{"#dn": iDone, "#u": eventReceived},
		ExpressionAttributeValues: item.Item{":dn": item.Flag(true), ":u": item.Number(r.ReceivedAt.UnixMilli())},
	})
	if _, refused := refusedItem(err); refused {
		return journey.ErrLost
	}
	return wrapFailed("finish an event", err)
}

// UndoEvent implements journey.EventStore.
func (s Events) UndoEvent(ctx context.Context, t journey.Tenant, r journey.EventRecord, eventType string) error {
	if err := s.memory().Remove(ctx, item.LastEventKey(t, r.Customer, eventType), r.Stamp); err != nil || r.ID == "" {
		return wrapFailed("undo an event", err)
	}
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.name, Key: item.EventRecordKey(t, r.Customer, r.ID), ConditionExpression: aws.String("#u = :u"),
		ExpressionAttributeNames:  map[string]string{"#u": eventReceived},
		ExpressionAttributeValues: item.Item{":u": item.Number(r.ReceivedAt.UnixMilli())},
	})
	return wrapUnlessRefused("undo an event", err)
}

func (s *table) memory() memory.Memory { return memory.Memory{Client: s.client, Table: s.name} }

// Remember implements journey.EventStore.
func (s Events) Remember(ctx context.Context, t journey.Tenant, customer, eventType string, event journey.Received) error {
	return wrapFailed("remember an event", s.memory().Add(ctx, item.LastEventKey(t, customer, eventType), event))
}

// LastEvents implements engine.Table.
func (s Engine) LastEvents(ctx context.Context, t journey.Tenant, wanted map[string][]string) (map[string]engine.LastEvents, error) {
	var keys []map[string]types.AttributeValue
	for customer, eventTypes := range wanted {
		for _, eventType := range eventTypes {
			keys = append(keys, item.LastEventKey(t, customer, eventType))
		}
	}
	known := make(map[string]engine.LastEvents, len(wanted))
	for chunk := range slices.Chunk(keys, batchKeys) {
		items, err := s.batchGet(ctx, chunk)
		if err != nil {
			return nil, wrapFailed("read events", err)
		}
		for _, it := range items {
			customer, eventType, events, err := decodeEvents(t, it)
			if known[customer].ByType == nil {
				known[customer] = engine.LastEvents{ByType: map[string][]journey.Received{}}
			}
			known[customer].ByType[eventType] = events
			if err != nil && !errors.Is(known[customer].Err, journey.ErrNewer) {
				known[customer] = engine.LastEvents{ByType: known[customer].ByType, Err: err}
			}
		}
	}
	return known, nil
}

// Remembered implements journey.EventStore.
func (s Events) Remembered(
	ctx context.Context, t journey.Tenant, customer string, eventTypes []string,
) (map[string][]journey.Received, error) {
	known, err := Engine(s).LastEvents(ctx, t, map[string][]string{customer: eventTypes})
	return known[customer].ByType, cmp.Or(err, known[customer].Err)
}

// decodeEvents returns the last journey.RememberedEvents in an item.
func decodeEvents(t journey.Tenant, it item.Item) (customer, eventType string, events []journey.Received, err error) {
	r := item.Reader{Item: it}
	customer = item.CustomerOf(t, r.Text(manifest.PartitionKey))
	eventType = strings.TrimPrefix(r.Text(manifest.SortKey), item.LastEventPrefix)
	if r.CheckFormat(); r.Err != nil {
		return customer, eventType, nil, wrapDamaged(r.Err)
	}
	events, err = memory.Events(it)
	return customer, eventType, events[max(0, len(events)-journey.RememberedEvents):], wrapDamaged(err)
}

// Wake implements journey.EventStore. The enrollment stays in its partition of the
// due index, so that the journey's shards need not be read. Its delta stays that of
// an earlier revision, so that it is not counted again.
func (s Events) Wake(ctx context.Context, t journey.Tenant, e journey.Enrollment) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: item.EnrollmentKey(t, e.Journey, e.Customer),
		UpdateExpression:    aws.String("SET #r = :r, #t = :t, #ds = :ds, #wk = :wk, #w = :w"),
		ConditionExpression: aws.String("#r = :before AND #q = :q"),
		ExpressionAttributeNames: map[string]string{
			"#r": eRev, "#q": eRequest, "#t": eWritten, "#ds": manifest.DueSortKey, "#wk": eWoken, "#w": eWriteID,
		},
		ExpressionAttributeValues: item.Item{
			":r": item.Number(e.Rev), ":before": item.Number(e.Rev - 1), ":ds": item.Number(e.Due.UnixMilli()),
			":t":  item.Number(e.WrittenAt.UnixMilli()),
			":wk": memory.Binary(memory.Stamp(e.Woken)), ":w": item.Binary(w[:]), ":q": item.Binary(e.RequestID[:]),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if it, refused := refusedItem(err); refused || isConflict(err) {
		stored := item.Reader{Item: it}
		if w.wrote(it) && stored.Number(eRev) == e.Rev {
			return nil
		}
		return journey.ErrLost
	}
	return wrapFailed("wake an enrollment", err)
}
