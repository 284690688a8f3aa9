package dynamo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of an event record, which also has kExpires. A last event has
// eventReceived too.
const (
	iRequest      = "q"
	eventReceived = "u"
	iDone         = "dn"
)

// lastEventLife is how long a last event is kept: longer than the longest wait.
const lastEventLife = 367 * 24 * time.Hour

// eventChanges returns the changes of the journey's event entries for the change
// from old to next. Only an active journey has them.
func (s *table) eventChanges(t journey.Tenant, old, next journey.Journey) []types.TransactWriteItem {
	before, after := startingEvents(old), startingEvents(next)
	var changes []types.TransactWriteItem
	for _, event := range after {
		if !slices.Contains(before, event) {
			changes = append(changes, s.placement(eventKey(t, event, next.ID)))
		}
	}
	for _, event := range before {
		if !slices.Contains(after, event) {
			changes = append(changes, s.removal(eventKey(t, event, next.ID)))
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
func (s Events) StartedBy(ctx context.Context, t journey.Tenant, eventType string) ([]journey.ID, error) {
	var ids []journey.ID
	var newer error
	err := s.query(ctx, "read the journeys that an event starts", &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item{":pk": text(eventPK(t, eventType))},
	}, func(r *reader) error {
		id := journeyID(r.text(manifest.SortKey))
		if err := checkNewer(r.item); err != nil {
			newer = err // the others go on first
		} else {
			ids = append(ids, id)
		}
		return r.err
	})
	return ids, cmp.Or(err, newer)
}

// ReserveEvent implements journey.EventStore. Like ReserveKey, it needs no write
// id.
func (s Events) ReserveEvent(
	ctx context.Context, t journey.Tenant, r journey.EventRecord, now time.Time,
) (journey.EventRecord, error) {
	it := eventRecordKey(t, r.Customer, r.ID)
	it[iRequest] = binary(r.Request[:])
	it.putTime(eventReceived, r.ReceivedAt)
	stored, err := s.reserve(ctx, it, r.ExpiresAt, now)
	if err != nil || stored == nil {
		return r, wrapFailed("reserve an event's id", err)
	}
	old := reader{item: stored}
	kept := journey.EventRecord{
		Customer: r.Customer, ID: r.ID, ReceivedAt: old.time(eventReceived),
		Done: old.flag(iDone), ExpiresAt: old.time(kExpires),
	}
	copy(kept.Request[:], old.binary(iRequest))
	return kept, old.err
}

// FinishEvent implements journey.EventStore.
func (s Events) FinishEvent(ctx context.Context, t journey.Tenant, r journey.EventRecord) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: eventRecordKey(t, r.Customer, r.ID),
		UpdateExpression: aws.String("SET #dn = :dn"), ConditionExpression: aws.String("#u = :u"),
		ExpressionAttributeNames:  map[string]string{"#dn": iDone, "#u": eventReceived},
		ExpressionAttributeValues: item{":dn": flag(true), ":u": number(r.ReceivedAt.UnixMilli())},
	})
	if _, refused := refusedItem(err); refused {
		return journey.ErrLost
	}
	return wrapFailed("finish an event", err)
}

// UndoEvent implements journey.EventStore.
func (s Events) UndoEvent(ctx context.Context, t journey.Tenant, r journey.EventRecord, eventType string) error {
	keys := []item{lastEventKey(t, r.Customer, eventType)}
	if r.ID != "" {
		keys = append(keys, eventRecordKey(t, r.Customer, r.ID))
	}
	for _, k := range keys {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.name, Key: k, ConditionExpression: aws.String("#u = :u"),
			ExpressionAttributeNames:  map[string]string{"#u": eventReceived},
			ExpressionAttributeValues: item{":u": number(r.ReceivedAt.UnixMilli())},
		})
		if err := wrapUnlessRefused("undo an event", err); err != nil {
			return err
		}
	}
	return nil
}

// PutLastEvent implements journey.EventStore.
func (s Events) PutLastEvent(
	ctx context.Context, t journey.Tenant, customer, eventType string, received time.Time,
) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: lastEventKey(t, customer, eventType),
		UpdateExpression:         aws.String("SET #u = :u, #ttl = :ttl"),
		ConditionExpression:      aws.String("attribute_not_exists(#u) OR #u < :u"),
		ExpressionAttributeNames: map[string]string{"#u": eventReceived, "#ttl": manifest.TTL},
		ExpressionAttributeValues: item{
			":u": number(received.UnixMilli()), ":ttl": number(received.Add(lastEventLife).Unix()),
		},
	})
	return wrapUnlessRefused("store a last event", err)
}

// LastEvents implements engine.Table.
func (s Engine) LastEvents(ctx context.Context, t journey.Tenant, awaited map[string]string) (map[string]engine.LastEvent, error) {
	var keys []map[string]types.AttributeValue
	for customer, event := range awaited {
		keys = append(keys, lastEventKey(t, customer, event))
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, wrapFailed("read events", err)
	}
	events := make(map[string]engine.LastEvent, len(items))
	for _, it := range items {
		r := reader{item: it}
		received := r.time(eventReceived)
		events[customerOf(t, r.text(manifest.PartitionKey))] = engine.LastEvent{At: received, Err: wrapDamaged(r.err)}
	}
	return events, nil
}

// Wake implements journey.EventStore. The enrollment stays in its partition of the
// due index, so that the journey's shards need not be read. Its delta stays that of
// an earlier revision, so that it is not counted again.
func (s Events) Wake(ctx context.Context, t journey.Tenant, e journey.Enrollment) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	update := &dynamodb.UpdateItemInput{
		TableName: &s.name, Key: enrollmentKey(t, e.Journey, e.Customer),
		UpdateExpression:    aws.String("SET #r = :r, #t = :t, #ds = :ds, #w = :w"),
		ConditionExpression: aws.String("#r = :before AND #q = :q"),
		ExpressionAttributeNames: map[string]string{
			"#r": eRev, "#q": eRequest, "#t": eWritten, "#ds": manifest.DueSortKey, "#w": eWriteID,
		},
		ExpressionAttributeValues: item{
			":r": number(e.Rev), ":before": number(e.Rev - 1), ":ds": number(e.Due.UnixMilli()),
			":t": number(e.WrittenAt.UnixMilli()), ":w": binary(w[:]), ":q": binary(e.RequestID[:]),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if !e.WokenAt.IsZero() {
		*update.UpdateExpression += ", #wk = :wk"
		update.ExpressionAttributeNames["#wk"] = eWoken
		update.ExpressionAttributeValues[":wk"] = number(e.WokenAt.UnixMilli())
	}
	_, err = s.client.UpdateItem(ctx, update)
	if it, refused := refusedItem(err); refused || isConflict(err) {
		stored := reader{item: it}
		if w.wrote(it) && stored.number(eRev) == e.Rev {
			return nil
		}
		return journey.ErrLost
	}
	return wrapFailed("wake an enrollment", err)
}
