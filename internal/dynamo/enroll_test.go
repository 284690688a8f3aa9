package dynamo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

var (
	enrolled = journey.Outcome{Result: journey.OutcomeEnrolled}
	skipped  = journey.Outcome{Result: journey.OutcomeSkipped, Code: journey.CodeInside, Run: 1, EnteredAt: start}
)

// customers returns n customer ids, starting with number first.
func customers(first, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("customer-", first+i)
	}
	return list
}

// inside returns active enrollments of customers in journey 1.
func inside(request byte, customers ...string) []progress.Enrollment {
	j := draft(1)
	list := make([]progress.Enrollment, len(customers))
	for i, customer := range customers {
		list[i] = progress.Enrollment{
			Journey: j.ID, Customer: customer, Status: progress.Inside, GraphHash: j.GraphHash, Version: 1,
			Epoch: 2, Run: 1, Rev: 1, RequestID: ident.RequestID{request}, EnrolledAt: start,
			ExpiresAt: start.AddDate(0, 0, 30), Node: 1, Since: start, Due: start.Add(time.Hour),
			Path: trail.Path{0, 0, byte(trail.Entered)}, Delta: trail.Delta{trail.DeltaForm, 1, 0, 65, byte(trail.Entered), 1, 1},
		}
	}
	return list
}

func repeat(o journey.Outcome, n int) []journey.Outcome {
	list := make([]journey.Outcome, n)
	for i := range list {
		list[i] = o
	}
	return list
}

func TestEnroll_EnrollsACustomerOnce(t *testing.T) {
	t.Parallel()

	s := storeOn(dynamotest.Table(t))
	first := inside(1, customers(0, 30)...)
	require.Equal(t, repeat(enrolled, 30), s.Enrollments.Insert(t.Context(), demo, 4, first))
	require.Equal(t, repeat(enrolled, 30), s.Enrollments.Insert(t.Context(), demo, 4, first), "the same request again")

	mixed := inside(2, customers(20, 40)...)
	want := append(repeat(skipped, 10), repeat(enrolled, 30)...)
	require.Equal(t, want, s.Enrollments.Insert(t.Context(), demo, 4, mixed))

	require.Equal(t, repeat(enrolled, 60), s.Enrollments.Insert(t.Context(), other, 4, inside(2, customers(0, 60)...)))
	elsewhere := inside(2, customers(0, 60)...)
	for i := range elsewhere {
		elsewhere[i].Journey = id(2)
	}
	require.Equal(t, repeat(enrolled, 60), s.Enrollments.Insert(t.Context(), demo, 4, elsewhere))
	require.Empty(t, s.Enrollments.Insert(t.Context(), demo, 4, nil))
}

func TestEnroll_WritesOneItemUnderTheCustomer(t *testing.T) {
	t.Parallel()

	table := dynamotest.Table(t)
	customer := "#C#" + strings.Repeat("😀", 125)
	ended := inside(1, "deleted")
	ended[0].Status, ended[0].Due = progress.Completed, time.Time{}
	s := storeOn(table)
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 1, inside(1, customer)))
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 1, ended))

	sk := string(id(1)[4:])
	it := lookup(t, table, "T#demo#C#"+customer, "E#"+sk)
	require.Equal(t, "T#demo#D#"+sk+"#2#0", it["dp"].(*types.AttributeValueMemberS).Value)
	due := fmt.Sprint(start.Add(time.Hour).UnixMilli())
	require.Equal(t, due, it["ds"].(*types.AttributeValueMemberN).Value)
	require.Equal(t, []byte{trail.DeltaForm, 1, 0, 65, byte(trail.Entered), 1, 1}, it["d"].(*types.AttributeValueMemberB).Value)
	require.Equal(t, "1", it["dv"].(*types.AttributeValueMemberN).Value)

	it = lookup(t, table, "T#demo#C#gone", "E#"+sk)
	require.NotContains(t, it, "dp")
	require.NotContains(t, it, "ds")
}

func TestEnroll_SpreadsCustomersOverTheShards(t *testing.T) {
	t.Parallel()

	table := dynamotest.Table(t)
	list := inside(1, customers(0, 200)...)
	require.Equal(t, repeat(enrolled, 200), storeOn(table).Enrollments.Insert(t.Context(), demo, 4, list))
	out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	require.NoError(t, err)
	shards := map[string]int{}
	for _, it := range out.Items {
		shards[it["dp"].(*types.AttributeValueMemberS).Value]++
	}
	require.Len(t, shards, 4)
	for shard, n := range shards {
		require.Greater(t, n, 25, shard)
	}
}

func TestEnrolled_TellsOwnFromOthers(t *testing.T) {
	t.Parallel()

	faults := &dynamotest.Faults{Seed: 1, Unread: 0.3, Lose: 0.1}
	s, _ := store(t, faults.Install)
	require.Equal(t, repeat(enrolled, 110), s.Enrollments.Insert(t.Context(), demo, 4, inside(1, customers(0, 110)...)))
	require.Equal(t, repeat(enrolled, 110), s.Enrollments.Insert(t.Context(), demo, 4, inside(2, customers(110, 110)...)))

	absent := journey.Outcome{Result: journey.OutcomeError, Code: "entry-closed"}
	want := append(append(repeat(enrolled, 110), repeat(skipped, 110)...), repeat(absent, 30)...)
	got := s.Enrollments.Enrolled(t.Context(), demo, id(1), customers(0, 250), ident.RequestID{1}, absent.Code)
	require.Equal(t, want, got)
	require.Equal(t, repeat(absent, 250), s.Enrollments.Enrolled(t.Context(), other, id(1), customers(0, 250), ident.RequestID{1}, absent.Code))
	require.Positive(t, faults.Counts().Unread)
}

func TestEnroll_RetriesTransientFaults(t *testing.T) {
	t.Parallel()

	faults := &dynamotest.Faults{Seed: 1, Statements: 0.3, Unread: 0.3, Throttle: 0.3, Lose: 0.2}
	s := storeOn(dynamotest.Table(t), faults.Install)
	require.Equal(t, repeat(enrolled, 100), s.Enrollments.Insert(t.Context(), demo, 4, inside(1, customers(0, 100)...)))
	require.Equal(t, repeat(skipped, 100), s.Enrollments.Insert(t.Context(), demo, 4, inside(2, customers(0, 100)...)))
	require.Positive(t, faults.Counts().Throttled)
	require.Positive(t, faults.Counts().Lost)
	require.Positive(t, faults.Counts().Statements)
	require.Positive(t, faults.Counts().Unread)
}

func TestEnroll_EndsBeforeTheDeadline(t *testing.T) {
	t.Parallel()

	requests := &transport{}
	faults := &dynamotest.Faults{Throttle: 1}
	s := storeOn("journeys", requests.install, faults.Install)
	ctx, cancel := context.WithTimeout(t.Context(), 6500*time.Millisecond)
	defer cancel()
	throttled := journey.Outcome{Result: journey.OutcomeError, Code: "table-throttled"}
	require.Equal(t, repeat(throttled, 10), s.Enrollments.Insert(ctx, demo, 4, inside(1, customers(0, 10)...)))
	require.NoError(t, ctx.Err())

	before := faults.Counts().Throttled
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	late := journey.Outcome{Result: journey.OutcomeError, Code: "deadline"}
	require.Equal(t, repeat(late, 100), s.Enrollments.Insert(ctx, demo, 4, inside(1, customers(0, 100)...)))
	require.Equal(t, before, faults.Counts().Throttled)
}

func TestEnroll_RefusedItemFailsAlone(t *testing.T) {
	t.Parallel()

	s := storeOn(dynamotest.Table(t))
	list := inside(1, "ada", "too big", "grace")
	list[1].Event = make([]byte, 500_000)
	refused := journey.Outcome{Result: journey.OutcomeError, Code: "table-refused"}
	require.Equal(t, []journey.Outcome{enrolled, refused, enrolled}, s.Enrollments.Insert(t.Context(), demo, 4, list))
}

// These are the floors of docs/performance.md.
func TestEnroll_1000CustomersTakeFortyWrites(t *testing.T) {
	t.Parallel()

	requests := &transport{}
	s := storeOn(dynamotest.PlainTable(t), requests.install)
	all := customers(0, 1000)
	ctx, m := capacity.WithMeter(t.Context())
	require.Equal(t, repeat(enrolled, 1000), s.Enrollments.Insert(ctx, demo, 4, inside(1, all...)))
	require.Equal(t, int64(40), requests.requests.Load())
	require.Equal(t, 40, m.Usage().Requests)

	requests.requests.Store(0)
	require.Equal(t, repeat(skipped, 1000), s.Enrollments.Insert(t.Context(), demo, 4, inside(2, all...)))
	require.Equal(t, int64(50), requests.requests.Load())
}

// DynamoDB Local reports no units for PartiQL, so this test puts the items that the
// statements insert.
func TestEnroll_ItemCostsOneUnitAndOneOfTheIndex(t *testing.T) {
	t.Parallel()

	table, client := dynamotest.Table(t), dynamotest.Client()
	ctx, m := capacity.WithMeter(t.Context())
	longest := strings.Repeat("😀", 128)
	for _, e := range inside(1, "a", longest) {
		it, err := dynamo.EnrollmentItem(demo, 4, e)
		require.NoError(t, err)
		_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: it})
		require.NoError(t, err)
	}
	require.Equal(t, 2.0, m.Usage().WriteUnits)
	require.Equal(t, 2.0, m.Usage().IndexUnits)
}
