package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

var _ engine.Table = Engine{}

// Attributes of a customer's profile and last events.
const (
	pAttributes = "a" // JSON object
	pUpdated    = "u"
	vReceived   = "u" // when the event was received
)

// Lives implements engine.Table.
func (s Engine) Lives(ctx context.Context) ([]engine.Live, error) {
	var lives []engine.Live
	var unread engine.Unread
	err := s.query(ctx, "read what is live", &dynamodb.QueryInput{
		KeyConditionExpression:    aws.String("PK = :pk"),
		ExpressionAttributeValues: item{":pk": text(livePK)},
	}, func(r *reader) error {
		live, err := decodeLive(r.item)
		if err != nil {
			unread = append(unread, err)
			return nil
		}
		lives = append(lives, live)
		return nil
	})
	return lives, cmp.Or(err, unread.Err())
}

func decodeLive(it item) (engine.Live, error) {
	r := reader{item: it}
	name, id, _ := strings.Cut(r.text(manifest.SortKey), "#")
	tenant, ok := journey.ParseTenant(name)
	if !ok && r.err == nil {
		r.err = errors.New("dynamo: an entry of nobody")
	}
	live := engine.Live{
		Tenant: tenant, Journey: long(id), On: r.flag(lOn), Shards: int(r.number(lShards)),
		Epoch: int(r.number(lEpoch)), DrainFrom: int(r.number(lFrom)), Reason: r.text(lReason), Since: r.time(lSince),
	}
	if r.err != nil {
		return live, damaged(fmt.Errorf("the LIVE entry %s#%s: %w", name, id, r.err))
	}
	return live, nil
}

// Due implements engine.Table.
func (s Engine) Due(ctx context.Context, p journey.Partition, before time.Time, after *journey.DueKey) ([]journey.DueKey, *journey.DueKey, error) {
	query := &dynamodb.QueryInput{
		TableName: &s.name, IndexName: aws.String(manifest.DueIndex), Limit: aws.Int32(engine.PageSize),
		KeyConditionExpression: aws.String("dp = :dp AND ds <= :ds"),
		ExpressionAttributeValues: item{
			":dp": text(duePartition(p)),
			":ds": number(before.UnixMilli()),
		},
	}
	if after != nil {
		start := enrollmentKey(p.Tenant, p.Journey, after.Customer)
		start[manifest.DuePartitionKey] = query.ExpressionAttributeValues[":dp"]
		start[manifest.DueSortKey] = number(after.At.UnixMilli())
		query.ExclusiveStartKey = start
	}
	out, err := s.client.Query(ctx, query)
	if err != nil {
		return nil, nil, failed("read who is due", err)
	}
	page := make([]journey.DueKey, len(out.Items))
	for i, it := range out.Items {
		r := reader{item: it}
		customer := strings.TrimPrefix(r.text(manifest.PartitionKey), customerPK(p.Tenant))
		page[i] = journey.DueKey{Customer: customer, At: r.time(manifest.DueSortKey)}
		if r.err != nil {
			return nil, nil, r.err
		}
	}
	if len(out.LastEvaluatedKey) == 0 || len(page) == 0 {
		return page, nil, nil
	}
	return page, &page[len(page)-1], nil
}

// GrowShards implements engine.Table.
func (s Engine) GrowShards(ctx context.Context, l engine.Live) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	grow := func(key item, name string) types.TransactWriteItem {
		return types.TransactWriteItem{Update: &types.Update{
			TableName: &s.name, Key: key, UpdateExpression: aws.String("SET #k = :more"),
			ConditionExpression:      aws.String("#k = :k"),
			ExpressionAttributeNames: map[string]string{"#k": name},
			ExpressionAttributeValues: item{
				":k": number(int64(l.Shards)), ":more": number(2 * int64(l.Shards)),
			},
		}}
	}
	_, err = s.transact(ctx, w, []types.TransactWriteItem{
		grow(journeyKey(l.Tenant, l.Journey), aShards), grow(liveKey(l.Tenant, l.Journey), lShards),
	})
	return failed("grow a journey's shards", err)
}

// Drained implements engine.Table.
func (s Engine) Drained(ctx context.Context, l engine.Live) error {
	unchanged := aws.String("#ep = :ep AND #u = :u AND #on = :on")
	names := map[string]string{"#ep": lEpoch, "#u": lSince, "#on": lOn}
	values := item{":ep": number(int64(l.Epoch)), ":u": number(l.Since.UnixMilli()), ":on": flag(l.On)}
	var err error
	if l.On {
		names["#fr"] = lFrom
		_, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.name, Key: liveKey(l.Tenant, l.Journey), UpdateExpression: aws.String("SET #fr = :ep"),
			ConditionExpression: unchanged, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
	} else {
		_, err = s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.name, Key: liveKey(l.Tenant, l.Journey),
			ConditionExpression: unchanged, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
	}
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return nil
	}
	return failed("end a drain", err)
}

// Load implements engine.Table.
func (s Engine) Load(ctx context.Context, t journey.Tenant, id journey.ID, customers []string) (*engine.Live, []journey.Enrollment, error) {
	keys := []map[string]types.AttributeValue{liveKey(t, id)}
	for _, customer := range customers {
		keys = append(keys, enrollmentKey(t, id, customer))
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, nil, failed("read enrollments", err)
	}
	var live *engine.Live
	var list []journey.Enrollment
	var unread engine.Unread
	for _, it := range items {
		r := reader{item: it}
		if r.text(manifest.PartitionKey) == livePK {
			l, err := decodeLive(it)
			if err != nil {
				unread = append(unread, err)
				continue
			}
			live = &l
			continue
		}
		e, err := decodeEnrollment(t, it)
		if err != nil {
			unread = append(unread, damaged(err))
			continue
		}
		list = append(list, e)
	}
	return live, list, unread.Err()
}

// Profiles implements engine.Table.
func (s Engine) Profiles(ctx context.Context, t journey.Tenant, customers []string) (map[string]engine.Profile, error) {
	keys := make([]map[string]types.AttributeValue, len(customers))
	for i, customer := range customers {
		keys[i] = profileKey(t, customer)
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, failed("read profiles", err)
	}
	profiles := make(map[string]engine.Profile, len(items))
	for _, it := range items {
		r := reader{item: it}
		customer := strings.TrimPrefix(r.text(manifest.PartitionKey), customerPK(t))
		attributes, err := condition.ParseValue(r.binary(pAttributes))
		if err = cmp.Or(r.err, err); err != nil {
			profiles[customer] = engine.Profile{Err: fmt.Errorf("%w: a profile cannot be read", journey.ErrDamaged)}
			continue
		}
		profiles[customer] = engine.Profile{Attributes: attributes}
	}
	return profiles, nil
}

// LastEvents implements engine.Table.
func (s Engine) LastEvents(ctx context.Context, t journey.Tenant, awaited map[string]string) (map[string]time.Time, error) {
	var keys []map[string]types.AttributeValue
	for customer, event := range awaited {
		keys = append(keys, lastEventKey(t, customer, event))
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, failed("read events", err)
	}
	events := make(map[string]time.Time, len(items))
	var unread engine.Unread
	for _, it := range items {
		r := reader{item: it}
		received := r.time(vReceived)
		if r.err != nil {
			unread = append(unread, damaged(r.err))
			continue
		}
		events[strings.TrimPrefix(r.text(manifest.PartitionKey), customerPK(t))] = received
	}
	return events, unread.Err()
}

// batchGet reads at most 100 keys, strongly consistent, in any order. What the
// table leaves out it asks for again while ctx lasts.
func (s *table) batchGet(ctx context.Context, keys []map[string]types.AttributeValue) ([]item, error) {
	var items []item
	for attempt := 0; len(keys) > 0; attempt++ {
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{s.name: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		})
		if err != nil {
			return nil, err
		}
		for _, it := range out.Responses[s.name] {
			items = append(items, it)
		}
		if keys = out.UnprocessedKeys[s.name].Keys; len(keys) > 0 && !pause(ctx, attempt) {
			return nil, ctx.Err()
		}
	}
	return items, nil
}

// advance is one enrollment on its way into the table.
type advance struct {
	statement types.BatchStatementRequest
	rev       int64
	done      bool
	err       error
}

// advanceAttempts is how often a write that the table throttles is tried.
const advanceAttempts = 4

// Advance implements engine.Table. Statements go 25 a request; each succeeds
// or fails alone.
func (s *table) Advance(ctx context.Context, t journey.Tenant, shards int, list []journey.Enrollment) []error {
	errs := make([]error, len(list))
	w, err := s.newWriteID()
	rows := make([]*advance, len(list))
	for i, e := range list {
		rows[i] = &advance{rev: e.Rev, err: err, done: err != nil}
		if err == nil {
			rows[i].statement, rows[i].err = s.updateStatement(t, shards, e, w)
			rows[i].done = rows[i].err != nil
		}
	}
	for attempt := range advanceAttempts {
		open := slices.DeleteFunc(slices.Clone(rows), func(a *advance) bool { return a.done })
		if len(open) == 0 || attempt > 0 && !pause(ctx, attempt) {
			break
		}
		var running sync.WaitGroup
		for batch := range slices.Chunk(open, batchInserts) {
			running.Go(func() { s.advanceBatch(ctx, batch, w) })
		}
		running.Wait()
	}
	for i, row := range rows {
		errs[i] = row.err
	}
	return errs
}

func (s *table) advanceBatch(ctx context.Context, batch []*advance, w writeID) {
	statements := make([]types.BatchStatementRequest, len(batch))
	for i, a := range batch {
		statements[i] = a.statement
	}
	out, err := s.client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: statements})
	for i, a := range batch {
		if err != nil {
			a.err, a.done = failed("write enrollments", err), codeOf(err) == codeRefused
			continue
		}
		a.answered(out.Responses[i].Error, w)
	}
}

// answered takes the answer to a statement. A refusal of what stands there
// already is the success of an earlier attempt whose answer was lost.
func (a *advance) answered(refusal *types.BatchStatementError, w writeID) {
	a.done, a.err = true, nil
	switch {
	case refusal == nil:
	case refusal.Code == types.BatchStatementErrorCodeEnumConditionalCheckFailed:
		stored := reader{item: refusal.Item}
		if !w.wrote(refusal.Item) || stored.number(eRev) != a.rev {
			a.err = journey.ErrLost
		}
	default:
		code := codeOfAnswer(string(refusal.Code))
		a.done = code == codeRefused
		a.err = fmt.Errorf("dynamo: write an enrollment: %s: %s", refusal.Code, aws.ToString(refusal.Message))
		if !a.done {
			a.err = unavailable(code, a.err)
		}
	}
}

// advancing is what changes of an enrollment after it was made.
var advancing = []string{
	eStatus, eRev, eWritten, eNode, eSince, eReason, ePath, eRetries, eDelta, eDeltaRev, eDecisions, eAttempts, eLease, eWoken,
	manifest.DuePartitionKey, manifest.DueSortKey, eWriteID,
}

// updateStatement writes what may change of e, if the stored revision is the
// one before.
func (s *table) updateStatement(t journey.Tenant, shards int, e journey.Enrollment, w writeID) (types.BatchStatementRequest, error) {
	it, err := encodeEnrollment(t, shards, e)
	if err != nil {
		return types.BatchStatementRequest{}, err
	}
	it.putBinary(eWriteID, w[:])
	var statement strings.Builder
	statement.WriteString(`UPDATE "` + s.name + `"`)
	var parameters []types.AttributeValue
	for _, name := range advancing {
		if value, ok := it[name]; ok {
			statement.WriteString(` SET "` + name + `"=?`)
			parameters = append(parameters, value)
		} else {
			statement.WriteString(` REMOVE "` + name + `"`)
		}
	}
	statement.WriteString(` WHERE PK=? AND SK=? AND "` + eRev + `"=?`)
	parameters = append(parameters, it[manifest.PartitionKey], it[manifest.SortKey], number(e.Rev-1))
	return types.BatchStatementRequest{
		Statement: aws.String(statement.String()), Parameters: parameters,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, nil
}
