package dynamo

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/memory"
	"journeys/internal/engine"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// Attributes of an event record, which also has access.ExpiresAttribute.
const (
	iRequest      = "q"
	eventReceived = "u"
	iMerged       = "mg"
	iDone         = "dn"
)

// Attributes of the item of an event type: kept paths, and the number of journey entries.
const (
	vReads   = "p" // set of JSON arrays of names
	vEntries = "n"
)

// Bounds of vReads. A longer path is shortened, which keeps more. Beyond the number of
// paths everything is kept: a single empty path stands for that.
const (
	maxReads    = 256 // paths, before those of one journey are added, and of one journey
	maxReadPath = 128 // bytes
	readAll     = "[]"
)

// eventChanges returns the changes of the journey's event entries for the change
// from old to next, each after that of the number of entries. A number over
// journey.MaxStarted refuses the transaction, unless old was active before it was archived.
func (s *table) eventChanges(t ident.Tenant, old, next journey.Journey) []types.TransactWriteItem {
	before, after := startingEvents(old), startingEvents(next)
	var changes []types.TransactWriteItem
	for _, event := range after {
		if !slices.Contains(before, event) {
			count := s.countEntries(t, event, 1)
			if old.Status != journey.Archived || !old.GraphPassed {
				count.ConditionExpression = aws.String("attribute_not_exists(#n) OR #n < :max")
				count.ExpressionAttributeValues[":max"] = item.Number(journey.MaxStarted)
			}
			changes = append(changes, types.TransactWriteItem{Update: count}, s.placement(item.EventKey(t, event, next.ID)))
		}
	}
	for _, event := range before {
		if !slices.Contains(after, event) {
			changes = append(changes, types.TransactWriteItem{Update: s.countEntries(t, event, -1)}, s.removal(item.EventKey(t, event, next.ID)))
		}
	}
	return changes
}

func (s *table) countEntries(t ident.Tenant, eventType string, change int64) *types.Update {
	return &types.Update{
		TableName: &s.Name, Key: item.KeepKey(t, eventType), UpdateExpression: aws.String("ADD #n :change"),
		ExpressionAttributeNames:  map[string]string{"#n": vEntries},
		ExpressionAttributeValues: item.Item{":change": item.Number(change)},
	}
}

// tooManyEntries reports whether the number of entries of an event type refused a
// transaction.
func tooManyEntries(writes []types.TransactWriteItem, refused []types.CancellationReason) bool {
	for i, reason := range refused {
		if u := writes[i].Update; u != nil && u.ExpressionAttributeNames["#n"] == vEntries && access.ConditionFailed(reason) {
			return true
		}
	}
	return false
}

// startingEvents returns the events that start j, perhaps after a pause.
func startingEvents(j journey.Journey) []string {
	if j.Status != journey.Active && j.Status != journey.Paused {
		return nil
	}
	return j.Events
}

// StartedBy implements journey.EventStore.
func (s Events) StartedBy(ctx context.Context, t ident.Tenant, eventType string) (starts journey.Starts, err error) {
	var newer error
	err = s.Query(ctx, "read the journeys that an event starts", &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item.Item{":pk": item.Text(item.EventPK(t, eventType))},
	}, func(r *item.Reader) error {
		switch sk := r.Text(manifest.SortKey); {
		case item.CheckNewer(r.Item) != nil:
			newer = item.CheckNewer(r.Item) // the others go on first
		case sk == item.KeepSK:
			starts.Reads = decodeReads(r.Item)
		default:
			starts.Journeys = append(starts.Journeys, item.JourneyID(sk))
		}
		return r.Err
	})
	return starts, cmp.Or(err, newer)
}

// KeepProperties implements journey.EventStore.
func (s Events) KeepProperties(ctx context.Context, t ident.Tenant, reads map[string][][]string) error {
	for eventType, paths := range reads {
		err := s.addReads(ctx, t, eventType, encodeReads(paths), "attribute_not_exists(#p) OR size(#p) < :max")
		if _, refused := access.RefusedItem(err); refused {
			err = s.addReads(ctx, t, eventType, []string{readAll}, "size(#p) >= :max")
		}
		if err != nil {
			return access.WrapFailed("mark an event's properties", err)
		}
	}
	return nil
}

func (s *table) addReads(ctx context.Context, t ident.Tenant, eventType string, paths []string, condition string) error {
	_, err := s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Name, Key: item.KeepKey(t, eventType), UpdateExpression: aws.String("ADD #p :p"),
		ConditionExpression: &condition, ExpressionAttributeNames: map[string]string{"#p": vReads},
		ExpressionAttributeValues: item.Item{":p": &types.AttributeValueMemberSS{Value: paths}, ":max": item.Number(maxReads)},
	})
	return err
}

// encodeReads returns distinct paths as JSON arrays.
func encodeReads(paths [][]string) []string {
	var list []string
	for _, path := range paths {
		text, err := json.Marshal(path)
		for len(path) > 0 && (len(text) > maxReadPath || err != nil) {
			path = path[:len(path)-1]
			text, err = json.Marshal(path)
		}
		if len(path) == 0 {
			return []string{readAll}
		}
		list = append(list, string(text))
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) > maxReads {
		return []string{readAll}
	}
	return list
}

// decodeReads returns the paths that encodeReads encoded. One that cannot be read keeps
// all properties.
func decodeReads(it item.Item) [][]string {
	set, ok := it[vReads].(*types.AttributeValueMemberSS)
	if !ok {
		return nil
	}
	reads := make([][]string, len(set.Value))
	for i, text := range set.Value {
		if json.Unmarshal([]byte(text), &reads[i]) != nil {
			reads[i] = nil
		}
	}
	return reads
}

// ReserveEvent implements journey.EventStore. Like ReserveKey, it needs no write
// id.
func (s Events) ReserveEvent(
	ctx context.Context, t ident.Tenant, r journey.EventRecord, now time.Time,
) (journey.EventRecord, error) {
	it := item.EventRecordKey(t, r.Customer, r.ID)
	it[iRequest] = item.Binary(r.Request[:])
	it.PutTime(eventReceived, r.ReceivedAt)
	stored, err := s.Reserve(ctx, it, r.ExpiresAt, now)
	if err != nil || stored == nil {
		return r, access.WrapFailed("reserve an event's id", err)
	}
	old := item.Reader{Item: stored}
	kept := journey.EventRecord{
		Customer: r.Customer, ID: r.ID, ReceivedAt: old.Time(eventReceived),
		Merged: old.Flag(iMerged), Done: old.Flag(iDone), ExpiresAt: old.Time(access.ExpiresAttribute),
	}
	copy(kept.Request[:], old.Binary(iRequest))
	return kept, old.Err
}

// MergeEvent implements journey.EventStore.
func (s Events) MergeEvent(ctx context.Context, t ident.Tenant, r journey.EventRecord, p *journey.Profile, rev int64) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	writes := []types.TransactWriteItem{{Update: &types.Update{
		TableName: &s.Name, Key: item.EventRecordKey(t, r.Customer, r.ID),
		UpdateExpression: aws.String("SET #m = :m"), ConditionExpression: aws.String("#u = :u AND attribute_not_exists(#m)"),
		ExpressionAttributeNames:  map[string]string{"#m": iMerged, "#u": eventReceived},
		ExpressionAttributeValues: item.Item{":m": item.Flag(true), ":u": item.Number(r.ReceivedAt.UnixMilli())},
	}}}
	if p != nil {
		writes = append(writes, types.TransactWriteItem{Put: s.profilePut(t, *p, rev, w)})
	}
	refused, err := s.Transact(ctx, w, writes)
	if err != nil || refused == nil {
		return access.WrapFailed("merge an event's attributes", err)
	}
	stored := item.Reader{Item: refused[0].Item}
	if stored.Time(eventReceived).Equal(r.ReceivedAt) && stored.Flag(iMerged) {
		return nil // by an earlier attempt, or by this one before a lost response
	}
	return journey.ErrLost
}

// FinishEvent implements journey.EventStore.
func (s Events) FinishEvent(ctx context.Context, t ident.Tenant, r journey.EventRecord) error {
	_, err := s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Name, Key: item.EventRecordKey(t, r.Customer, r.ID),
		UpdateExpression: aws.String("SET #dn = :dn"), ConditionExpression: aws.String("#u = :u"),
		ExpressionAttributeNames:  map[string]string{"#dn": iDone, "#u": eventReceived},
		ExpressionAttributeValues: item.Item{":dn": item.Flag(true), ":u": item.Number(r.ReceivedAt.UnixMilli())},
	})
	if _, refused := access.RefusedItem(err); refused {
		return journey.ErrLost
	}
	return access.WrapFailed("finish an event", err)
}

// UndoEvent implements journey.EventStore.
func (s Events) UndoEvent(ctx context.Context, t ident.Tenant, r journey.EventRecord, eventType string) error {
	if err := s.memory().Remove(ctx, item.LastEventKey(t, r.Customer, eventType), r.Stamp); err != nil || r.ID == "" {
		return access.WrapFailed("undo an event", err)
	}
	_, err := s.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.Name, Key: item.EventRecordKey(t, r.Customer, r.ID), ConditionExpression: aws.String("#u = :u"),
		ExpressionAttributeNames:  map[string]string{"#u": eventReceived},
		ExpressionAttributeValues: item.Item{":u": item.Number(r.ReceivedAt.UnixMilli())},
	})
	return access.WrapUnlessRefused("undo an event", err)
}

func (s *table) memory() memory.Memory { return memory.Memory{Client: s.Client, Table: s.Name} }

// Remember implements journey.EventStore.
func (s Events) Remember(ctx context.Context, t ident.Tenant, customer, eventType string, event progress.Received) error {
	return access.WrapFailed("remember an event", s.memory().Add(ctx, item.LastEventKey(t, customer, eventType), event))
}

// LastEvents implements engine.Table.
func (s Engine) LastEvents(ctx context.Context, t ident.Tenant, wanted map[string][]string) (map[string]engine.LastEvents, error) {
	var keys []map[string]types.AttributeValue
	asked := map[string][]string{} // the types of feedback by the text of the item's key
	for customer, eventTypes := range wanted {
		for _, eventType := range eventTypes {
			step, _, ok := feedback.ParseQualified(eventType)
			if !ok {
				keys = append(keys, item.LastEventKey(t, customer, eventType))
				continue
			}
			step.Customer = customer
			k := item.HeardKey(t, step)
			if asked[keyText(k)] == nil {
				keys = append(keys, k)
			}
			asked[keyText(k)] = append(asked[keyText(k)], eventType)
		}
	}
	known := make(map[string]engine.LastEvents, len(wanted))
	for chunk := range slices.Chunk(keys, batchKeys) {
		items, err := s.BatchGet(ctx, chunk)
		if err != nil {
			return nil, access.WrapFailed("read events", err)
		}
		for _, it := range items {
			var events map[string][]progress.Received
			var err error
			customer := item.CustomerOf(t, item.PartitionOf(it))
			if types := asked[keyText(it)]; types != nil {
				events, err = heardEvents(t, it, types)
			} else {
				events, err = decodeEvents(it)
			}
			if known[customer].ByType == nil {
				known[customer] = engine.LastEvents{ByType: map[string][]progress.Received{}}
			}
			maps.Copy(known[customer].ByType, events)
			if err != nil && !errors.Is(known[customer].Err, journey.ErrNewer) {
				known[customer] = engine.LastEvents{ByType: known[customer].ByType, Err: err}
			}
		}
	}
	return known, nil
}

// Remembered implements journey.EventStore.
func (s Events) Remembered(
	ctx context.Context, t ident.Tenant, customer string, eventTypes []string,
) (map[string][]progress.Received, error) {
	known, err := Engine{table: s.table}.LastEvents(ctx, t, map[string][]string{customer: eventTypes})
	return known[customer].ByType, cmp.Or(err, known[customer].Err)
}

// decodeEvents returns the last journey.RememberedEvents in an item, by their type.
func decodeEvents(it item.Item) (map[string][]progress.Received, error) {
	r := item.Reader{Item: it}
	eventType := strings.TrimPrefix(r.Text(manifest.SortKey), item.LastEventPrefix)
	if r.CheckFormat(); r.Err != nil {
		return nil, access.WrapDamaged(r.Err)
	}
	events, err := memory.Events(it)
	return map[string][]progress.Received{eventType: events[max(0, len(events)-progress.RememberedEvents):]}, access.WrapDamaged(err)
}

// Wake implements journey.EventStore. The enrollment stays in its partition of the
// due index, so that the journey's shards need not be read. Its delta stays that of
// an earlier revision, so that it is not counted again.
func (s Events) Wake(ctx context.Context, t ident.Tenant, e progress.Enrollment) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	_, err = s.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Name, Key: item.EnrollmentKey(t, e.Journey, e.Customer),
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
	if it, refused := access.RefusedItem(err); refused || access.IsConflict(err) {
		stored := item.Reader{Item: it}
		if w.Wrote(it) && stored.Number(eRev) == e.Rev {
			return nil
		}
		return journey.ErrLost
	}
	return access.WrapFailed("wake an enrollment", err)
}
