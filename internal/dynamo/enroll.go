package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"journeys/internal/dynamo/backoff"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// Sizes of requests, and how many of them run at a time. A few connections are
// enough for batches; a function's first call pays a handshake for each.
const (
	batchStatements = 25
	batchKeys       = 100
	maxBatches      = 16
	insertMargin    = 2 * conn.AttemptTimeout // for the last response, and for UndoForgotten
)

// row is one enrollment of a call of Insert or Enrolled.
type row struct {
	item    item.Item
	kept    item.Item // key of what its run keeps apart; nil for nothing
	request ident.RequestID
	exists  bool            // inserted before; a read must find out by which request
	outcome journey.Outcome // Result is 0 until the row is settled; Code is then the last attempt's
}

func (r *row) settled() bool { return r.outcome.Result != 0 }

func (r *row) settle(result journey.OutcomeResult, code string) {
	r.outcome = journey.Outcome{Result: result, Code: code}
}

// resolve sets the outcome from the stored item: enrolled if this request wrote
// it, otherwise skipped. An item of any format has the request's id.
func (r *row) resolve(stored item.Item) {
	found := item.Reader{Item: stored, Checked: true}
	if string(found.Binary(eRequest)) == string(r.request[:]) {
		r.settle(journey.OutcomeEnrolled, "")
		return
	}
	r.settle(journey.OutcomeSkipped, journey.SkippedCode(progress.EnrollmentStatus(found.Number(eStatus))))
	r.outcome.Run, r.outcome.EnteredAt = int(found.Number(eRun)), found.Time(eEnrolled)
}

// fail notes why an attempt failed. A permanent failure settles the row.
func (r *row) fail(code string) {
	if r.outcome.Code = code; code == conn.Refused {
		r.settle(journey.OutcomeError, code)
	}
}

// Insert implements journey.EnrollmentStore. It sends 25 statements a request, those of
// kept items first, and then reads the enrollments that existed before.
func (s Enrollments) Insert(ctx context.Context, t ident.Tenant, shards int, list []progress.Enrollment) []journey.Outcome {
	rows := make([]*row, len(list))
	for i, e := range list {
		it, err := encodeEnrollment(t, shards, e)
		rows[i] = &row{item: it, request: e.RequestID}
		if err != nil {
			rows[i].settle(journey.OutcomeError, conn.Refused)
		}
	}
	s.insertKept(ctx, t, rows, list)
	inBatches(ctx, rows, batchStatements, s.insertBatch)
	s.resolveExisting(ctx, rows, codeChanged)
	s.removeSkipped(ctx, rows)
	return outcomes(rows)
}

// Enrolled implements journey.EnrollmentStore.
func (s Enrollments) Enrolled(
	ctx context.Context, t ident.Tenant, id ident.ID, customers []string, request ident.RequestID, missing string,
) []journey.Outcome {
	rows := make([]*row, len(customers))
	for i, customer := range customers {
		rows[i] = &row{item: item.EnrollmentKey(t, id, customer), request: request, exists: true}
	}
	s.resolveExisting(ctx, rows, missing)
	return outcomes(rows)
}

// resolveExisting reads the rows that exist. missing is the code of those that it
// does not find.
func (s *table) resolveExisting(ctx context.Context, rows []*row, missing string) {
	var existing []*row
	for _, r := range rows {
		if r.exists {
			r.exists = false
			existing = append(existing, r)
		}
	}
	inBatches(ctx, existing, batchKeys, func(ctx context.Context, batch []*row) {
		s.readBatch(ctx, batch, missing)
	})
}

func outcomes(rows []*row) []journey.Outcome {
	list := make([]journey.Outcome, len(rows))
	for i, r := range rows {
		if list[i] = r.outcome; !r.settled() {
			list[i].Result = journey.OutcomeError
		}
	}
	return list
}

// inBatches calls send with the open rows, size at a time, until every row is
// settled or exists. It starts no request in the last insertMargin of ctx.
func inBatches(ctx context.Context, rows []*row, size int, send func(context.Context, []*row)) {
	start := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		start, cancel = context.WithDeadline(ctx, deadline.Add(-insertMargin))
		defer cancel()
	}
	var batches errgroup.Group
	batches.SetLimit(maxBatches)
	for batch := range slices.Chunk(openRows(rows), size) {
		batches.Go(func() error {
			retryBatch(ctx, start, batch, send)
			return nil
		})
	}
	_ = batches.Wait() // every row has its own outcome
}

// retryBatch calls send until no row of the batch is open or start ends.
func retryBatch(ctx, start context.Context, batch []*row, send func(context.Context, []*row)) {
	for attempt := 0; start.Err() == nil; attempt++ {
		send(ctx, batch)
		if batch = openRows(batch); len(batch) == 0 || !backoff.Pause(start, attempt) {
			break
		}
	}
	for _, r := range openRows(batch) {
		if r.outcome.Code == "" {
			r.outcome.Code = codeDeadline
		}
	}
}

func openRows(rows []*row) []*row {
	var open []*row
	for _, r := range rows {
		if !r.settled() && !r.exists {
			open = append(open, r)
		}
	}
	return open
}

func failAll(batch []*row, err error) {
	for _, r := range batch {
		r.fail(conn.Code(err))
	}
}

// insertBatch inserts each row or marks it as existing. Statements succeed or fail
// independently.
func (s *table) insertBatch(ctx context.Context, batch []*row) {
	statements := make([]types.BatchStatementRequest, len(batch))
	for i, r := range batch {
		statements[i] = s.insertStatement(r.item)
	}
	out, err := s.Client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: statements})
	if err != nil {
		failAll(batch, err)
		return
	}
	for i, response := range out.Responses {
		switch {
		case response.Error == nil:
			batch[i].settle(journey.OutcomeEnrolled, "")
		case response.Error.Code == types.BatchStatementErrorCodeEnumDuplicateItem:
			batch[i].exists = true
		default:
			batch[i].fail(conn.ServiceCode(string(response.Error.Code)))
		}
	}
}

// insertStatement returns the INSERT of an item.
func (s *table) insertStatement(it item.Item) types.BatchStatementRequest {
	format.Add(it)
	var statement strings.Builder
	statement.WriteString(`INSERT INTO "` + s.Name + `" VALUE {`)
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

// readBatch resolves each row that is stored. missing is the code of the others.
func (s *table) readBatch(ctx context.Context, batch []*row, missing string) {
	keys := make([]map[string]types.AttributeValue, len(batch))
	rows := make(map[string]*row, len(batch))
	for i, r := range batch {
		rows[item.PartitionOf(r.item)] = r
		keys[i] = item.KeyOf(r.item)
	}
	out, err := s.Client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{s.Name: {
			Keys: keys, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("PK, #rid, #st, #run, #c"),
			ExpressionAttributeNames: map[string]string{"#rid": eRequest, "#st": eStatus, "#run": eRun, "#c": eEnrolled},
		}},
	})
	if err != nil {
		failAll(batch, err)
		return
	}
	for _, stored := range out.Responses[s.Name] {
		rows[item.PartitionOf(stored)].resolve(stored)
		delete(rows, item.PartitionOf(stored))
	}
	for _, unprocessed := range out.UnprocessedKeys[s.Name].Keys {
		rows[item.PartitionOf(unprocessed)].fail(conn.Throttled)
		delete(rows, item.PartitionOf(unprocessed))
	}
	for _, r := range rows {
		r.settle(journey.OutcomeError, missing)
	}
}
