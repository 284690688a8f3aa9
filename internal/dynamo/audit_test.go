package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// An audit finds a write that was never counted and a count of a write that never
// happened, reports both without naming customers, and repairs them once.
func TestRollup_RepairsWrongCountersOnce(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 6)
	w.enroll(5)
	w.loseOne()
	never := progress.Enrollment{GraphHash: w.j.GraphHash, Version: 1, WrittenAt: w.now,
		Delta: trail.Delta{
			trail.DeltaForm, byte(trail.MarkEnrolled),
			0, byte(trail.NodeEntered | trail.NodeLeft), byte(trail.Entered), 5, byte(trail.NodeEntered),
		}}
	otherwise := never
	otherwise.Delta = slices.Clone(never.Delta)
	otherwise.Delta[4] = byte(trail.Waited)
	require.NoError(t, w.counter.Count(t.Context(), "shardId-0", []analytics.Record{w.record(never), w.record(otherwise)}))
	w.later(1)
	w.step()
	w.run()
	require.Empty(t, w.lines("drift"), "the day is not closed")
	for range 4 {
		w.later(1)
		w.step()
		w.run()
	}
	type figure struct {
		node, name         string
		counted, recounted float64
	}
	var found []figure
	for _, line := range w.lines("drift") {
		require.Equal(t, "t1", line["tenant"])
		require.Equal(t, string(w.j.ID), line["journey"])
		require.Equal(t, "2026-10-10", line["through"])
		node, _ := line["node"].(string)
		found = append(found, figure{node, line["figure"].(string), line["counted"].(float64), line["recounted"].(float64)})
	}
	require.Equal(t, []figure{
		{"", "enrolled", 7, 6}, {"in", "entered", 7, 6}, {"in", "results.waited", 1, 0}, {"pause", "entered", 5, 6}, {"out", "entered", 2, 0},
	}, found)
	require.Len(t, w.lines("figures repaired"), 1, "once")
	require.NotContains(t, w.log.String(), "uncounted", "the log names no customer")
	require.Equal(t, []any{0.0, 5.0, 0.0, 0.0, 0.0}, drifts(w.lines("audit")))
	w.requireTrue(analytics.Range{})
	require.Zero(t, w.items()["R"])
}

// An inconsistent enrollment is reported on its own. It is no drift.
func TestRollup_ReportsWrongItems(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 7)
	w.enroll(4)
	for i, change := range []string{"SET nd = :two", "REMOVE dp", "SET st = :two", "SET p = :bytes"} {
		update := &dynamodb.UpdateItemInput{
			TableName: &w.table, UpdateExpression: &change,
			Key: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: fmt.Sprintf("T#t1#C#c%d", i+1)},
				"SK": &types.AttributeValueMemberS{Value: "E#" + string(w.j.ID)[4:]},
			},
		}
		switch i {
		case 0, 2:
			update.ExpressionAttributeValues = map[string]types.AttributeValue{":two": &types.AttributeValueMemberN{Value: "2"}}
		case 3:
			update.ExpressionAttributeValues = map[string]types.AttributeValue{":bytes": &types.AttributeValueMemberB{Value: []byte{1, 0, 2}}}
		}
		_, err := dynamotest.Client().UpdateItem(t.Context(), update)
		require.NoError(t, err)
	}
	w.later(2)
	w.run()
	wrong := w.lines("enrollment inconsistent")
	require.Len(t, wrong, 4)
	var says []any
	for _, line := range wrong {
		require.Equal(t, string(w.j.ID), line["journey"])
		says = append(says, line["error"])
	}
	require.ElementsMatch(t, []any{
		"at node 2, but its path leads to 1", `dynamo: no shard in ""`,
		"status completed, due: true, left: false", "path at node 1 after step 0, but the graph leads to 0",
	}, says)
	require.Empty(t, w.lines("drift"))
	audit := w.lines("audit")[0]
	require.Equal(t, 4.0, audit["WrongItems"])
	require.Equal(t, 0.0, audit["Drift"])
	require.Zero(t, w.items()["R"])
}

// hurried is a context whose deadline passes after a number of pages.
type hurried struct {
	context.Context
	pages *int
}

func (h hurried) Deadline() (time.Time, bool) {
	if *h.pages <= 0 {
		return time.Now(), true
	}
	return time.Now().Add(time.Hour), true
}

// paged counts the pages that are read.
type paged struct {
	analytics.RollupTable
	pages *int
	read  *int
}

func (p paged) Scan(ctx context.Context, segment, of int, cursor []byte, consistent bool) (analytics.Scanned, []byte, error) {
	*p.pages--
	*p.read++
	return p.RollupTable.Scan(ctx, segment, of, cursor, consistent)
}

// An audit that runs out of time continues in the next run until it is done. A run
// that has no time to read does no harm.
func TestRollup_AuditContinuesAfterATimeout(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 8)
	w.enroll(40)
	w.loseOne()
	w.later(2)
	runs, read := 0, 0
	for len(w.lines("audit")) == 0 {
		pages := 2
		r := w.rollupOf(paged{RollupTable: w.store.Analytics, pages: &pages, read: &read})
		r.Segments = 9
		require.NoError(t, r.Run(hurried{t.Context(), &pages}))
		runs++
		require.Less(t, runs, 50)
	}
	t.Log("runs:", runs, "pages:", read)
	require.Equal(t, 18, read, "each segment once in each of two passes")
	require.Greater(t, runs, 8)
	out, err := dynamotest.Client().Query(t.Context(), &dynamodb.QueryInput{
		TableName: aws.String(w.table), KeyConditionExpression: aws.String("PK = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": &types.AttributeValueMemberS{Value: "AUDIT"}},
	})
	require.NoError(t, err)
	require.Len(t, out.Items, 2, "the audit and its piece: earlier pieces are deleted")
	require.Len(t, w.lines("figures repaired"), 1)
	w.requireTrue(analytics.Range{})
}

// forgetting forgets a customer in the middle of each pass of an audit.
type forgetting struct {
	analytics.RollupTable
	w     *world
	pages *int
	names *[]string
}

func (f forgetting) Scan(ctx context.Context, segment, of int, cursor []byte, consistent bool) (analytics.Scanned, []byte, error) {
	page, next, err := f.RollupTable.Scan(ctx, segment, of, cursor, consistent)
	if *f.pages++; err == nil && *f.pages%of == of/2 {
		name := (*f.names)[0]
		*f.names = (*f.names)[1:]
		err = f.w.store.Customers.Forget(ctx, f.w.tenant, name, f.w.now, journey.Forgetting{})
	}
	return page, next, err
}

// A customer forgotten during an audit may be read twice or not at all, another one
// in each pass. That is not drift, and nothing is repaired.
func TestRollup_ForgettingDuringAnAuditIsNoDrift(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 3)
	w.enroll(60)
	w.later(2)
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("c%d", i+1))
	}
	for range 12 {
		pages := 0
		r := w.rollupOf(forgetting{w.store.Analytics, w, &pages, &names})
		r.Segments = 16
		require.NoError(t, r.Run(t.Context()))
		c, err := w.store.Analytics.Counters(t.Context(), w.tenant, w.j.ID, analytics.Range{})
		require.NoError(t, err)
		figures := c.Figures()
		require.EqualValues(t, 60, figures.Totals().Enrolled)
		w.later(1)
	}
	require.Len(t, w.lines("audit"), 12)
	require.NotEmpty(t, w.lines("difference ignored: a customer was forgotten during the audit"))
	require.Empty(t, w.lines("figures repaired"))
}

// forgettingIn forgets customers in one pass of an audit, one after each page.
type forgettingIn struct {
	forgetting
	second bool
}

func (f forgettingIn) Scan(ctx context.Context, segment, of int, cursor []byte, consistent bool) (analytics.Scanned, []byte, error) {
	if consistent == f.second {
		*f.pages = of/2 - 1 // of the next page
		return f.forgetting.Scan(ctx, segment, of, cursor, consistent)
	}
	return f.RollupTable.Scan(ctx, segment, of, cursor, consistent)
}

// Drift is reported although customers of the journey are forgotten every day, before
// an audit and during its first pass. A customer forgotten during the second pass
// hides it, for that day alone.
func TestRollup_DriftIsReportedBesideForgetting(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 4)
	w.enroll(60)
	for range 20 { // more than what 16 forgotten customers can hide in a pass
		w.loseOne()
	}
	w.later(2)
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("c%d", i+1))
	}
	w.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	pages := 0
	for _, second := range []bool{true, false} {
		require.NoError(t, w.store.Customers.Forget(t.Context(), w.tenant, names[0], w.now, journey.Forgetting{}))
		names = names[1:]
		r := w.rollupOf(forgettingIn{forgetting{w.store.Analytics, w, &pages, &names}, second})
		r.Segments = 16
		require.NoError(t, r.Run(t.Context()))
		if second {
			require.Empty(t, w.lines("drift"))
			require.Len(t, w.lines("difference ignored: a customer was forgotten during the audit"), 1)
			w.later(1)
		}
	}
	require.Len(t, w.lines("audit"), 2)
	require.NotEmpty(t, w.lines("drift"))
	require.Len(t, w.lines("figures repaired"), 1)
	w.requireTrue(analytics.Range{})
}

// Unreadable figures of one tenant are reported; those of another are still audited.
func TestRollup_DamagedFiguresStopNoOtherAudit(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 10)
	w.enroll(5)
	w.loseOne()
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(w.table), Item: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "T#t2#K#01M84P7AHKC8GKKJV32JQXMK51"},
			"SK": &types.AttributeValueMemberS{Value: "D#2026-10-10#0#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
			"f":  &types.AttributeValueMemberN{Value: "1"},
			"c":  &types.AttributeValueMemberS{Value: "damaged"},
		},
	})
	require.NoError(t, err)
	w.later(2)
	w.run()
	require.Len(t, w.lines("a journey's figures cannot be read"), 2, "in each pass")
	require.Len(t, w.lines("audit"), 1)
	require.EqualValues(t, 1, w.lines("audit")[0]["WrongItems"])
	require.Len(t, w.lines("figures repaired"), 1)
	w.requireTrue(analytics.Range{})
}

// late can be scanned, but times out reading figures.
type late struct {
	analytics.RollupTable
	pages *int
}

func (l late) Scan(ctx context.Context, segment, of int, cursor []byte, consistent bool) (analytics.Scanned, []byte, error) {
	*l.pages++
	return l.RollupTable.Scan(ctx, segment, of, cursor, consistent)
}

func (l late) Counters(context.Context, ident.Tenant, ident.ID, analytics.Range) (analytics.Counters, error) {
	return analytics.Counters{}, context.DeadlineExceeded
}

// The state of an audit is stored before the figures are compared.
func TestRollup_AuditKeepsWhatItRead(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 11)
	w.enroll(5)
	w.later(2)
	pages := 0
	for range 3 {
		require.Error(t, w.rollupOf(late{w.store.Analytics, &pages}).Run(t.Context()))
	}
	require.Equal(t, 3, pages, "each segment once in three runs")
	w.run()
	require.Len(t, w.lines("audit"), 1)
}
