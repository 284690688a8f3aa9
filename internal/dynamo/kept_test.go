package dynamo_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// keeping returns a JSON object of n bytes.
func keeping(mark string, n int) []byte {
	return []byte(`{"` + mark + `":"` + strings.Repeat("x", n-len(mark)-7) + `"}`)
}

// keptItems returns the kept items of the table by customer.
func keptItems(t *testing.T, table string) map[string]attributes {
	t.Helper()
	kept := map[string]attributes{}
	for _, it := range allItems(t, table) {
		if strings.HasPrefix(textOf(it, "SK"), "K#") {
			customer := strings.TrimPrefix(textOf(it, "PK"), "T#demo#C#")
			require.NotContains(t, kept, customer, "a second kept item")
			kept[customer] = it
		}
	}
	return kept
}

// requireKept requires that every way of reading an enrollment reads what e keeps.
func requireKept(t *testing.T, s *dynamo.Store, e progress.Enrollment) progress.Enrollment {
	t.Helper()
	read, err := s.Enrollments.Enrollment(t.Context(), demo, e.Journey, e.Customer)
	require.NoError(t, err)
	loaded, err := s.Engine.Load(t.Context(), demo, e.Journey, []string{e.Customer})
	require.NoError(t, err)
	all, unread, err := s.Customers.Enrollments(t.Context(), demo, e.Customer)
	require.NoError(t, err)
	require.Empty(t, unread)
	for _, got := range append(append([]progress.Enrollment{read}, loaded.Enrollments...), all...) {
		require.Equal(t, e.Rev, got.Rev)
		require.Equal(t, [3]string{string(e.Event), string(e.Decisions), string(e.Steps)}, [3]string{string(got.Event), string(got.Decisions), string(got.Steps)})
	}
	require.Len(t, append(loaded.Enrollments, all...), 2)
	return read
}

func advance(t *testing.T, s *dynamo.Store, e progress.Enrollment) progress.Enrollment {
	t.Helper()
	require.Equal(t, []error{nil}, s.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{e}))
	return requireKept(t, s, e)
}

// Up to 512 bytes, what a run keeps is in its enrollment. Beyond, it is an item of its
// own, which is written only when it changes, and expires after the run.
func TestKept_MovesOutOfLongEnrollments(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	e := inside(1, "ada")[0]
	e.Event = keeping("event", 100)
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 4, []progress.Enrollment{e}))
	e = requireKept(t, s, e)

	e = e.NextWrite(start)
	e.Decisions, e.Steps = keeping("decision", 200), keeping("step", 212)
	e = advance(t, s, e)
	require.Empty(t, keptItems(t, table), "512 bytes fit")

	e = e.NextWrite(start)
	e.Steps = keeping("step", 213)
	e = advance(t, s, e)
	kept := keptItems(t, table)["ada"]
	require.Equal(t, strconv.FormatInt(e.ExpiresAt.AddDate(0, 0, 90).Unix(), 10), kept["ttl"].(*types.AttributeValueMemberN).Value)
	require.NotContains(t, printed(lookup(t, table, "T#demo#C#ada", "E#"+string(e.Journey)[4:])), fmt.Sprintf("%x", "xxxx"))

	ctx, m := capacity.WithMeter(t.Context())
	e = e.NextWrite(start)
	require.Equal(t, []error{nil}, s.Engine.Advance(ctx, demo, 4, []progress.Enrollment{e}))
	require.Equal(t, 0.0, m.Usage().WriteUnits, "no transaction, whose units would be reported")
	e = requireKept(t, s, e)

	e = e.NextWrite(start)
	e.Decisions = keeping("decision", 16_000)
	e.Status, e.Due, e.LeftAt = progress.Completed, time.Time{}, start
	advance(t, s, e)
}

// Two workers begin at the same revision. No run reads what the loser kept.
func TestKept_IsTheWinners(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	e := inside(1, "ada")[0]
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 4, []progress.Enrollment{e}))
	winner, loser := e.NextWrite(start), e.NextWrite(start)
	winner.Steps, loser.Steps = keeping("winner", 900), keeping("loser", 900)
	winner = advance(t, s, winner)
	for range 2 {
		require.Equal(t, []error{journey.ErrLost}, s.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{loser}))
		requireKept(t, s, winner)
		require.Len(t, keptItems(t, table), 1)
	}

	// An exit that was requested meanwhile is carried out with what is kept.
	winner.PendingExit = progress.ExitRequest{Reason: "removed"}
	require.NoError(t, s.Enrollments.RequestExit(t.Context(), demo, winner))
	next := winner.NextWrite(start)
	next.Steps = keeping("next", 2000)
	next.PendingExit = progress.ExitRequest{}
	require.ErrorContains(t, s.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{next})[0], "exit")
	requireKept(t, s, winner)
	next = next.Cancel("removed")
	next.PendingExit = winner.PendingExit
	advance(t, s, next)
}

// Lost responses and repeats of a call change nothing.
func TestKept_SurvivesFaults(t *testing.T) {
	t.Parallel()

	f := &dynamotest.Faults{Seed: 7, Lose: 0.2, Throttle: 0.1, Statements: 0.1, Unread: 0.2, Conflict: 0.1, ForgetTokens: true}
	table := dynamotest.Table(t)
	s, sound := storeOn(table, f.Install), storeOn(table)
	list := inside(1, customers(0, 20)...)
	for i := range list {
		list[i].Event = keeping("event", 600)
	}
	require.Equal(t, repeat(enrolled, 20), s.Enrollments.Insert(t.Context(), demo, 4, list))
	for i := range list {
		list[i] = list[i].NextWrite(start)
		list[i].Decisions = keeping("decision", 700+i)
	}
	unwritten := 0
	for i, err := range s.Engine.Advance(t.Context(), demo, 4, list) {
		if err != nil {
			unwritten++
			continue
		}
		requireKept(t, sound, list[i])
	}
	require.Less(t, unwritten, 20)
}

// 250 customers with long properties take 20 requests. What a second call would keep of
// them is removed again, and a repeat of the first call changes nothing.
func TestKept_EnrollsInBatches(t *testing.T) {
	t.Parallel()

	requests := &transport{}
	table := dynamotest.PlainTable(t)
	s := storeOn(table, requests.install)
	list := inside(1, customers(0, 250)...)
	for i := range list {
		list[i].Event = keeping("event", 600)
	}
	require.Equal(t, repeat(enrolled, 250), s.Enrollments.Insert(t.Context(), demo, 4, list))
	require.Equal(t, int64(20), requests.requests.Load())

	moved := list[0].NextWrite(start)
	moved.Decisions = keeping("decision", 1000)
	moved = advance(t, s, moved)
	require.Equal(t, repeat(enrolled, 30), s.Enrollments.Insert(t.Context(), demo, 4, list[:30]), "the same request")
	requireKept(t, s, moved)

	second := inside(2, customers(0, 30)...)
	for i := range second {
		second[i].Event = keeping("other", 600)
	}
	require.Equal(t, repeat(skipped, 30), s.Enrollments.Insert(t.Context(), demo, 4, second))
	requireKept(t, s, moved)
	requireKept(t, s, list[29])
	for _, it := range allItemsOf(t, table, "customer-0", "customer-29") {
		require.Len(t, it, 2)
	}
}

// allItemsOf returns the items of each customer.
func allItemsOf(t *testing.T, table string, customers ...string) (all [][]attributes) {
	t.Helper()
	for _, customer := range customers {
		out, err := dynamotest.Client().Query(t.Context(), &dynamodb.QueryInput{
			TableName: &table, KeyConditions: map[string]types.Condition{"PK": {
				ComparisonOperator: types.ComparisonOperatorEq,
				AttributeValueList: []types.AttributeValue{&types.AttributeValueMemberS{Value: "T#demo#C#" + customer}},
			}},
		})
		require.NoError(t, err)
		var list []attributes
		list = append(list, out.Items...)
		all = append(all, list)
	}
	return all
}

// A process that dies between the two writes of an enroll call leaves an item that a
// repeat uses, and that no other run reads.
func TestKept_ProcessDiesBetweenTheWrites(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	e := inside(1, "ada")[0]
	e.Event = keeping("event", 600)
	insert := func(e progress.Enrollment) {
		t.Helper()
		require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 4, []progress.Enrollment{e}))
		requireKept(t, s, e)
	}
	die := func() {
		t.Helper()
		_, err := dynamotest.Client().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: keyOf("T#demo#C#ada", "E#"+string(e.Journey)[4:])})
		require.NoError(t, err)
	}
	insert(e)
	die()
	insert(e)
	die()
	other := inside(2, "ada")[0]
	insert(other)
	die()
	other.Event = keeping("other", 700)
	insert(other)
}

// Nothing of what a run kept remains of a forgotten customer, also if the enroll call was
// received before and writes after.
func TestKept_ForgetRemovesIt(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, `{"nodes":[{"id":"in","type":"entry_trigger","config":{"eventType":"bought"}},{"id":"w","type":"wait","config":{"delayHours":500}},
		{"id":"a","type":"channel_action","config":{"channel":"push","payload":{"t":"{{event.secret}}"}}},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"w"},{"source":"w","target":"a"},{"source":"a","target":"out"}]}`)
	_, err := p.PutEvent(t.Context(), demo, journey.Event{Customer: "ada", Type: "bought", Properties: keeping("secret", 900)})
	require.NoError(t, err)
	require.Contains(t, keptItems(t, p.table), "ada")
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Len(t, e.Event, 900)

	require.NoError(t, p.Forget(t.Context(), demo, "ada"))
	require.Empty(t, allItemsOf(t, p.table, "ada")[0])

	late := e.NextWrite(p.now)
	late.Steps = keeping("step", 900)
	require.Equal(t, []error{journey.ErrLost}, p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{late}))
	list := []progress.Enrollment{e}
	list[0].Rev = 1
	outcomes := p.store.Enrollments.Insert(t.Context(), demo, 4, list)
	require.Equal(t, repeat(enrolled, 1), outcomes)
	p.store.Enrollments.UndoForgotten(t.Context(), demo, list, outcomes, p.now.Add(-time.Second), p.now)
	require.Equal(t, journey.OutcomeError, outcomes[0].Result)
	require.Empty(t, allItemsOf(t, p.table, "ada")[0])
	for _, it := range allItems(t, p.table) {
		require.NotContains(t, printed(it), fmt.Sprintf("%x", "xxxxxxxx"), "%s", textOf(it, "SK"))
	}
}

// A kept item of a newer format makes its enrollment one that this version cannot read.
func TestKept_LeavesNewerItemsAlone(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	e := inside(1, "ada")[0]
	e.Event = keeping("event", 600)
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 4, []progress.Enrollment{e}))
	_, undo := newer(t, table, "T#demo#C#ada", "K#")
	_, err := s.Enrollments.Enrollment(t.Context(), demo, e.Journey, "ada")
	require.ErrorIs(t, err, journey.ErrNewer)
	loaded, err := s.Engine.Load(t.Context(), demo, e.Journey, []string{"ada"})
	require.ErrorIs(t, err, journey.ErrNewer)
	require.Empty(t, loaded.Enrollments)
	next := e.NextWrite(start)
	next.Steps = keeping("step", 600)
	require.ErrorIs(t, s.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{next})[0], journey.ErrNewer)
	undo()
	requireKept(t, s, e)
}

// A read that sees an enrollment, but not yet the kept item that the same transaction
// wrote, reads the item again.
func TestKept_IsReadWithItsEnrollment(t *testing.T) {
	t.Parallel()

	table := dynamotest.Table(t)
	s := storeOn(table)
	e := inside(1, "ada")[0]
	require.Equal(t, repeat(enrolled, 1), s.Enrollments.Insert(t.Context(), demo, 4, []progress.Enrollment{e}))
	e = e.NextWrite(start)
	e.Steps = keeping("step", 600)
	e = advance(t, s, e)
	requireKept(t, storeOn(table, hidingKept), e)

	// After its time to live, nothing is kept, and the enrollment goes on.
	kept := keptItems(t, table)["ada"]
	_, err := dynamotest.Client().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: keyOf(textOf(kept, "PK"), textOf(kept, "SK"))})
	require.NoError(t, err)
	gone := e
	gone.Steps = nil
	gone = requireKept(t, s, gone).NextWrite(start)
	advance(t, s, gone)
}

// hidingKept makes each read of several items miss the kept ones.
func hidingKept(o *dynamodb.Options) {
	var mu sync.Mutex
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Hide", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleInitialize(ctx, in)
			if result, ok := out.Result.(*dynamodb.BatchGetItemOutput); ok {
				mu.Lock()
				defer mu.Unlock()
				for table, items := range result.Responses {
					var rest []map[string]types.AttributeValue
					for _, it := range items {
						if !strings.HasPrefix(textOf(it, "SK"), "K#") {
							rest = append(rest, it)
						}
					}
					result.Responses[table] = rest
				}
			}
			return out, metadata, err
		}), middleware.Before)
	})
}
