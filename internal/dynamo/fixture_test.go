package dynamo_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

const (
	waitingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":500}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`
	leavingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`
	sendingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push"}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"a"},{"source":"a","target":"out"}]}`
)

// fixture is a journey.Service on a table.
type fixture struct {
	*journey.Service
	store *dynamo.Store
	table string
	now   time.Time
}

func newFixture(t *testing.T, options ...func(*dynamodb.Options)) *fixture {
	p := &fixture{now: start}
	p.store, p.table = store(t, options...)
	p.Service = journey.NewService(p.store.Handlers(), func() time.Time { return p.now }, rand.Reader)
	return p
}

func (p *fixture) journey(t *testing.T, definition string, customers ...string) ident.ID {
	t.Helper()
	var faults strict.Faults
	v, _ := strict.Parse([]byte(definition), &faults)
	d, ok := journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	name, active := "n", journey.Active
	j, err := p.Create(t.Context(), demo, journey.Change{Name: &name, Definition: &d})
	require.NoError(t, err)
	_, err = p.Update(t.Context(), demo, j.ID, journey.Change{Status: &active}, nil)
	require.NoError(t, err)
	if len(customers) > 0 {
		result, err := p.Enroll(t.Context(), demo, j.ID, journey.EnrollRequest{Customers: customers})
		require.NoError(t, err)
		require.Equal(t, len(customers), result.Enrolled)
	}
	return j.ID
}

func (p *fixture) fail(t *testing.T, id ident.ID, customers ...string) {
	t.Helper()
	for _, customer := range customers {
		e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
		require.NoError(t, err)
		for _, err := range p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{e.NextWrite(p.now).Fail("send_failed")}) {
			require.NoError(t, err)
		}
	}
}

// restarted returns the service of a new process, which has no definitions in memory.
func (p *fixture) restarted() *journey.Service {
	return journey.NewService(p.store.Handlers(), func() time.Time { return p.now }, rand.Reader)
}

// on returns a service whose client has options.
func (p *fixture) on(options ...func(*dynamodb.Options)) *journey.Service {
	return journey.NewService(storeOn(p.table, options...).Handlers(), func() time.Time { return p.now }, rand.Reader)
}

// garbage is an invalid value of every numeric or binary attribute. noNode is not the
// index of a node in any graph.
var (
	garbage = &types.AttributeValueMemberS{Value: "garbage"}
	noNode  = &types.AttributeValueMemberN{Value: "99"}
)

// damage replaces an attribute of an enrollment, or removes it if value is nil. It
// changes no figures.
func (p *fixture) damage(t *testing.T, id ident.ID, customer, attribute string, value types.AttributeValue) {
	t.Helper()
	p.damageItem(t, keyOf("T#demo#C#"+customer, "E#"+string(id)[4:]), attribute, value)
}

func (p *fixture) damageItem(t *testing.T, key map[string]types.AttributeValue, attribute string, value types.AttributeValue) {
	t.Helper()
	update := &dynamodb.UpdateItemInput{
		TableName: &p.table, Key: key,
		UpdateExpression: aws.String("REMOVE #a, d"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames: map[string]string{"#a": attribute},
	}
	if value != nil {
		update.UpdateExpression = aws.String("SET #a = :v REMOVE d")
		update.ExpressionAttributeValues = map[string]types.AttributeValue{":v": value}
	}
	_, err := dynamotest.Client().UpdateItem(t.Context(), update)
	require.NoError(t, err)
}

// damageDefinition makes a journey's definition unreadable.
func (p *fixture) damageDefinition(t *testing.T, id ident.ID) {
	t.Helper()
	it := p.definitionKey(t, id)
	it["f"] = &types.AttributeValueMemberN{Value: "1"}
	it["df"] = &types.AttributeValueMemberB{Value: []byte(`{"nodes":`)}
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &p.table, Item: it})
	require.NoError(t, err)
}

// plantText gives a journey an entry condition that no caller could store.
func (p *fixture) plantText(t *testing.T, id ident.ID, entry string) {
	t.Helper()
	rev := &types.AttributeValueMemberN{Value: "1"}
	p.damageItem(t, keyOf("T#demo#J", string(id)[4:]), "tr", rev)
	it := keyOf("T#demo#J#"+string(id)[4:], "T")
	it["f"] = &types.AttributeValueMemberN{Value: "1"}
	it["ec"], it["r"] = &types.AttributeValueMemberB{Value: []byte(entry)}, rev
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &p.table, Item: it})
	require.NoError(t, err)
}

// loseDefinition removes a journey's definition.
func (p *fixture) loseDefinition(t *testing.T, id ident.ID) {
	t.Helper()
	_, err := dynamotest.Client().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &p.table, Key: p.definitionKey(t, id),
	})
	require.NoError(t, err)
}

func (p *fixture) definitionKey(t *testing.T, id ident.ID) map[string]types.AttributeValue {
	t.Helper()
	j, err := p.store.Journeys.Journey(t.Context(), demo, id)
	require.NoError(t, err)
	return keyOf("T#demo#J#"+string(id)[4:], "G#"+j.GraphHash)
}

func keyOf(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk},
	}
}

// requireDamage requires that each cause is an ErrDamaged that may be logged.
func requireDamage(t *testing.T, list []journey.Damage) {
	t.Helper()
	for _, d := range list {
		require.ErrorIs(t, d.Cause, journey.ErrDamaged)
		require.True(t, d.Journey.Valid())
		require.NotRegexp(t, `customer-|Ada`, d.Cause.Error(), "it names the customer")
	}
}

// figures adds up the deltas in the table's stream.
func (p *fixture) figures(t *testing.T, id ident.ID) tally.Totals {
	t.Helper()
	var f analytics.Figures
	_, records := readStream(t, p.table)
	for _, r := range records {
		require.NoError(t, r.Err)
		if r.Journey == id && len(r.Write.Delta) > 0 {
			require.NoError(t, f.Apply(r.Write))
		}
	}
	require.Empty(t, f.Faults())
	return f.Totals()
}

// audit counts the stream, audits it once its days are closed, and returns the logs.
func (p *fixture) audit(t *testing.T) string {
	t.Helper()
	var log bytes.Buffer
	p.now = p.now.Add(72 * time.Hour)
	now, logger := func() time.Time { return p.now }, slog.New(slog.NewJSONHandler(&log, nil))
	counter := &analytics.Counter{Parts: p.store.Analytics, Now: now, Log: logger, Parallel: 1}
	shard, records := readStream(t, p.table)
	require.NoError(t, counter.Count(t.Context(), shard, records))
	rollup := &analytics.Rollup{Table: p.store.Analytics, Now: now, Log: logger, Segments: 1, Workers: 1}
	require.NoError(t, rollup.Run(t.Context()))
	return log.String()
}

// dyingAfter is an option of a client whose process dies before or after a call.
func dyingAfter(calls int, after bool) func(*dynamodb.Options) {
	var made atomic.Int64
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			die := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				out middleware.InitializeOutput, metadata middleware.Metadata, err error,
			) {
				n := int(made.Add(1)) - 1
				if n > calls || n == calls && !after {
					return out, metadata, errProcessDead
				}
				out, metadata, err = next.HandleInitialize(ctx, in)
				if n == calls {
					return middleware.InitializeOutput{}, metadata, errProcessDead
				}
				return out, metadata, err
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Dying", die), middleware.Before)
		})
	}
}

// atDeath is an option beside dyingAfter: it calls end when the process has died.
func atDeath(end func()) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			watch := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				out middleware.InitializeOutput, metadata middleware.Metadata, err error,
			) {
				out, metadata, err = next.HandleInitialize(ctx, in)
				if errors.Is(err, errProcessDead) {
					end()
				}
				return out, metadata, err
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AtDeath", watch), middleware.Before)
		})
	}
}

var errProcessDead = errors.New("the process is dead")
