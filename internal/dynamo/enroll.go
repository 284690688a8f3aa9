package dynamo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Writes is a way to insert enrollments. Both ways give the same outcomes.
type Writes uint8

// The ways.
const (
	BatchInserts Writes = iota // 25 statements a request, and reads to tell own from others' among the known
	SinglePuts                 // one conditional put a request
)

// Sizes of requests, and how many are under way at a time. Few connections
// suffice for batches; a function's first call pays for each with a handshake.
const (
	batchInserts  = 25
	batchReads    = 100
	batchWorkers  = 16
	singleWorkers = 64
)

// row is one enrollment on its way into the table.
type row struct {
	item    item
	request journey.RequestID
	known   bool            // somebody inserted it before; a read tells who
	outcome journey.Outcome // Result is 0 until decided; Code is why it is not yet
}

func (r *row) decide(result journey.OutcomeResult, code string) {
	r.outcome = journey.Outcome{Result: result, Code: code}
}

// meet decides by the item that stands where the row belongs.
func (r *row) meet(stored item) {
	stands := reader{item: stored}
	if string(stands.binary(eRequest)) == string(r.request[:]) {
		r.decide(journey.OutcomeEnrolled, "")
		return
	}
	r.decide(journey.OutcomeSkipped, "")
}

// failed notes the code of an error; one that stays refused decides.
func (r *row) failed(code string) {
	if r.outcome.Code = code; code == codeRefused {
		r.decide(journey.OutcomeError, code)
	}
}

// Insert implements journey.EnrollmentStore.
func (s Enrollments) Insert(ctx context.Context, t journey.Tenant, shards int, list []journey.Enrollment) []journey.Outcome {
	rows := make([]*row, len(list))
	for i, e := range list {
		it, err := encodeEnrollment(t, shards, e)
		rows[i] = &row{item: it, request: e.RequestID}
		if err != nil {
			rows[i].decide(journey.OutcomeError, codeRefused)
		}
	}
	if s.writes == SinglePuts {
		drive(ctx, rows, 1, singleWorkers, s.putOne)
		return outcomes(rows)
	}
	drive(ctx, rows, batchInserts, batchWorkers, s.insertBatch)
	s.look(ctx, rows, codeChanged)
	return outcomes(rows)
}

// Enrolled implements journey.EnrollmentStore.
func (s Enrollments) Enrolled(
	ctx context.Context, t journey.Tenant, id journey.ID, customers []string, request journey.RequestID,
) []journey.Outcome {
	rows := make([]*row, len(customers))
	for i, customer := range customers {
		rows[i] = &row{item: enrollmentKey(t, id, customer), request: request, known: true}
	}
	s.look(ctx, rows, codeNotActive)
	return outcomes(rows)
}

// look reads who enrolled the known rows; absent is the code of those that are
// not there.
func (s *table) look(ctx context.Context, rows []*row, absent string) {
	var known []*row
	for _, r := range rows {
		if r.known {
			r.known = false
			known = append(known, r)
		}
	}
	drive(ctx, known, batchReads, batchWorkers, func(ctx context.Context, batch []*row) {
		s.readBatch(ctx, batch, absent)
	})
}

func outcomes(rows []*row) []journey.Outcome {
	list := make([]journey.Outcome, len(rows))
	for i, r := range rows {
		if list[i] = r.outcome; list[i].Result == 0 {
			list[i].Result = journey.OutcomeError
		}
	}
	return list
}

// drive calls attempt on rows, size at a time, with at most workers calls
// under way, and again on what is undecided. It begins nothing in the last
// attemptTimeout of ctx, so that what was begun can still be answered.
func drive(ctx context.Context, rows []*row, size, workers int, attempt func(context.Context, []*row)) {
	begin := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		begin, cancel = context.WithDeadline(ctx, deadline.Add(-attemptTimeout))
		defer cancel()
	}
	batches := make(chan []*row, len(rows)/size+1)
	for batch := range slices.Chunk(undecided(rows), size) {
		batches <- batch
	}
	close(batches)
	var running sync.WaitGroup
	for range min(workers, len(batches)) {
		running.Go(func() {
			for batch := range batches {
				insist(ctx, begin, batch, attempt)
			}
		})
	}
	running.Wait()
}

// insist calls attempt on a batch until every row is decided or begin ends.
func insist(ctx, begin context.Context, batch []*row, attempt func(context.Context, []*row)) {
	for n := 0; begin.Err() == nil; n++ {
		attempt(ctx, batch)
		if batch = undecided(batch); len(batch) == 0 || !pause(begin, n) {
			break
		}
	}
	for _, r := range undecided(batch) {
		if r.outcome.Code == "" {
			r.outcome.Code = codeDeadline
		}
	}
}

func undecided(rows []*row) []*row {
	var list []*row
	for _, r := range rows {
		if r.outcome.Result == 0 && !r.known {
			list = append(list, r)
		}
	}
	return list
}

// insertBatch inserts each row or learns that it is known. A statement
// succeeds or fails alone.
func (s *table) insertBatch(ctx context.Context, batch []*row) {
	statements := make([]types.BatchStatementRequest, len(batch))
	for i, r := range batch {
		statements[i] = s.insertStatement(r.item)
	}
	out, err := s.client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: statements})
	if err != nil {
		for _, r := range batch {
			r.failed(codeOf(err))
		}
		return
	}
	for i, response := range out.Responses {
		switch {
		case response.Error == nil:
			batch[i].decide(journey.OutcomeEnrolled, "")
		case response.Error.Code == types.BatchStatementErrorCodeEnumDuplicateItem:
			batch[i].known = true
		default:
			batch[i].failed(codeOfAnswer(string(response.Error.Code)))
		}
	}
}

// insertStatement returns the INSERT of an item, with its values as
// parameters.
func (s *table) insertStatement(it item) types.BatchStatementRequest {
	var statement strings.Builder
	statement.WriteString(`INSERT INTO "` + s.name + `" VALUE {`)
	parameters := make([]types.AttributeValue, 0, len(it))
	for _, name := range slices.Sorted(maps.Keys(it)) {
		if len(parameters) > 0 {
			statement.WriteByte(',')
		}
		statement.WriteString("'" + name + "':?")
		parameters = append(parameters, it[name])
	}
	statement.WriteByte('}')
	return types.BatchStatementRequest{Statement: aws.String(statement.String()), Parameters: parameters}
}

// putOne inserts the one row of a batch, or meets the item that is there.
func (s *table) putOne(ctx context.Context, batch []*row) {
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: batch[0].item, ConditionExpression: aws.String("attribute_not_exists(PK)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		batch[0].decide(journey.OutcomeEnrolled, "")
		return
	}
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		batch[0].meet(refused.Item)
		return
	}
	batch[0].failed(codeOf(err))
}

// readBatch reads which request enrolled each row.
func (s *table) readBatch(ctx context.Context, batch []*row, absent string) {
	keys := make([]map[string]types.AttributeValue, len(batch))
	rows := make(map[string]*row, len(batch))
	for i, r := range batch {
		stands := reader{item: r.item}
		rows[stands.text(manifest.PartitionKey)] = r
		keys[i] = item{
			manifest.PartitionKey: r.item[manifest.PartitionKey], manifest.SortKey: r.item[manifest.SortKey],
		}
	}
	out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{s.name: {
			Keys: keys, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("PK, " + eRequest),
		}},
	})
	if err != nil {
		for _, r := range batch {
			r.failed(codeOf(err))
		}
		return
	}
	for _, stored := range out.Responses[s.name] {
		found := reader{item: stored}
		rows[found.text(manifest.PartitionKey)].meet(stored)
		delete(rows, found.text(manifest.PartitionKey))
	}
	for _, left := range out.UnprocessedKeys[s.name].Keys {
		later := reader{item: left}
		rows[later.text(manifest.PartitionKey)].failed(codeThrottled)
		delete(rows, later.text(manifest.PartitionKey))
	}
	for _, r := range rows {
		r.decide(journey.OutcomeError, absent)
	}
}
