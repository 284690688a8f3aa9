package dynamo_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// newerRecord is the stream record of a write of a newer version.
func newerRecord(number string, id ident.ID) analytics.Record {
	var r events.DynamoDBEventRecord
	r.EventName, r.Change.SequenceNumber = "MODIFY", number
	r.Change.Keys = map[string]events.DynamoDBAttributeValue{
		"PK": events.NewStringAttribute("T#demo#C#" + ada), "SK": events.NewStringAttribute("E#" + string(id)[4:]),
	}
	r.Change.NewImage = map[string]events.DynamoDBAttributeValue{
		"PK": r.Change.Keys["PK"], "SK": r.Change.Keys["SK"],
		"f": events.NewNumberAttribute("2"), "d": events.NewStringAttribute("a delta in another form"),
	}
	return dynamo.Record(r)
}

// A record of a newer format fails its batch: it is neither counted nor poison, and
// no watermark passes it.
func TestNewer_RecordFailsItsBatch(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph, customers(0, 5)...)
	shard, records := readStream(t, p.table)
	counter, log := counting(p.store)
	batch := append(records[:2:2], newerRecord(records[2].Number, id))
	batch = append(batch, records[3:]...)
	require.ErrorIs(t, counter.Count(t.Context(), shard, batch), journey.ErrNewer)
	require.Empty(t, counted(t, p.table, demo, id).Totals())
	lines := errorLines(log)
	require.Len(t, lines, 1)
	require.Contains(t, lines[0], "batch not counted: newer format")
	require.Contains(t, lines[0], string(id)[4:])
	require.NotContains(t, lines[0], ada)

	require.NoError(t, counter.Count(t.Context(), shard, records), "the newer version counts it")
	require.EqualValues(t, 5, counted(t, p.table, demo, id).Totals().Enrolled)
	require.Contains(t, log.String(), `"Poison":0`)
}

// A stored part of a newer format fails the batch. Parts of other journeys that the
// batch has written are not counted again.
func TestNewer_PartFailsTheBatch(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	first, second := p.journey(t, waitingGraph, customers(0, 3)...), p.journey(t, waitingGraph, customers(3, 4)...)
	shard, records := readStream(t, p.table)
	counter, _ := counting(p.store)
	require.NoError(t, counter.Count(t.Context(), shard, records[:1]))
	key, undo := newer(t, p.table, "T#demo#K#"+string(first)[4:], "D#")
	before := stored(t, p.table, key)
	for range 2 {
		counter, log := counting(p.store) // a new process
		require.ErrorIs(t, counter.Count(t.Context(), shard, records), journey.ErrNewer)
		require.Len(t, errorLines(log), 1)
	}
	require.Equal(t, before, stored(t, p.table, key))
	require.EqualValues(t, 4, counted(t, p.table, demo, second).Totals().Enrolled)
	undo()
	require.NoError(t, counter.Count(t.Context(), shard, records))
	require.EqualValues(t, 3, counted(t, p.table, demo, first).Totals().Enrolled)
	require.EqualValues(t, 4, counted(t, p.table, demo, second).Totals().Enrolled)
}

// rolled is an installation of several journeys whose figures are due to fold.
type rolled struct {
	*fixture
	log      bytes.Buffer
	journeys []ident.ID
}

func newRolled(t *testing.T, n int) *rolled {
	r := &rolled{fixture: newFixture(t)}
	for i := range n {
		r.journeys = append(r.journeys, r.journey(t, waitingGraph, fmt.Sprint("a", i), fmt.Sprint("b", i)))
	}
	counter, _ := counting(r.store)
	shard, records := readStream(t, r.table)
	require.NoError(t, counter.Count(t.Context(), shard, records))
	r.now = r.now.Add(48 * time.Hour)
	return r
}

func (r *rolled) run(t *testing.T) {
	t.Helper()
	rollup := &analytics.Rollup{
		Table: r.store.Analytics, Now: func() time.Time { return r.now }, Log: slog.New(slog.NewJSONHandler(&r.log, nil)),
		Segments: 1, Workers: 1,
	}
	require.NoError(t, rollup.Run(t.Context()))
}

// items returns the items of a journey's figures.
func (r *rolled) items(t *testing.T, id ident.ID) map[[2]string]attributes {
	t.Helper()
	found := map[[2]string]attributes{}
	for key, it := range items(t, r.table) {
		if key[0] == "T#demo#K#"+string(id)[4:] {
			found[key] = it
		}
	}
	return found
}

// Figures of a newer format are not folded. Those of all other journeys are.
func TestNewer_FiguresAreNotFolded(t *testing.T) {
	t.Parallel()

	r := newRolled(t, 6)
	graph := func(id ident.ID) string {
		j, err := r.store.Journeys.Journey(t.Context(), demo, id)
		require.NoError(t, err)
		return j.GraphHash
	}
	for _, id := range r.journeys[3:5] { // what a newer version folds first
		k := analytics.JourneyKey{Tenant: demo, Journey: id}
		require.NoError(t, r.store.Analytics.PutRepair(t.Context(), k, analytics.Repair{Graph: graph(id), Day: "2026-11-22", Made: r.now}))
	}
	r.put(t, "T#demo#K#"+string(r.journeys[2])[4:], "T#"+r.graphText(t, r.journeys[2]))
	r.put(t, "T#demo#K#"+string(r.journeys[4])[4:], "C#2026-11#"+r.graphText(t, r.journeys[4]))
	var undo []func()
	for i, sk := range []string{"D#", "J", "T#", "R#", "C#"} {
		_, u := newer(t, r.table, "T#demo#K#"+string(r.journeys[i])[4:], sk)
		undo = append(undo, u)
	}
	var before []map[[2]string]attributes
	for _, id := range r.journeys[:5] {
		before = append(before, r.items(t, id))
	}
	r.run(t)
	for i, id := range r.journeys[:5] {
		require.Equal(t, before[i], r.items(t, id), i)
		require.Contains(t, r.log.String(), `"msg":"figures not folded","tenant":"demo","journey":"`+string(id)+`"`)
	}
	require.Contains(t, r.log.String(), `"newer":5`)
	require.Contains(t, r.log.String(), `"RollupRuns":1`)
	report, err := analytics.NewReader(r.store.Analytics).Report(t.Context(), demo, r.journeys[5], analytics.Range{})
	require.NoError(t, err)
	require.EqualValues(t, 2, report.Enrollments.Enrolled)
	require.Contains(t, fmt.Sprint(r.items(t, r.journeys[5])), "T#"+r.graphText(t, r.journeys[5]), "it was folded")

	r.log.Reset()
	for i := range 2 {
		undo[i]()
	}
	r.run(t)
	require.Contains(t, r.log.String(), `"newer":3`)
	require.Contains(t, fmt.Sprint(r.items(t, r.journeys[0])), "T#"+r.graphText(t, r.journeys[0]))
}

// graphText returns the name of a journey's graph as keys of figures have it.
func (r *rolled) graphText(t *testing.T, id ident.ID) string {
	t.Helper()
	part := r.part(t, id)
	return part[strings.LastIndex(part, "#")+1:]
}

// put stores an item that has only a key and a format.
func (r *rolled) put(t *testing.T, pk, sk string) {
	t.Helper()
	it := keyOf(pk, sk)
	it["f"] = &types.AttributeValueMemberN{Value: "1"}
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &r.table, Item: it})
	require.NoError(t, err)
}

// Journeys with enrollments, graphs or figures of a newer format are not audited, and
// not reported as wrong. All others are audited.
func TestNewer_JourneysAreNotAudited(t *testing.T) {
	t.Parallel()

	r := newRolled(t, 4)
	lose := func(id ident.ID) { // loses what was counted of a customer
		_, err := dynamotest.Client().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
			TableName: &r.table, Key: keyOf(string("T#demo#K#"+id[4:]), r.part(t, id)),
		})
		require.NoError(t, err)
	}
	lose(r.journeys[1])
	lose(r.journeys[3])
	_, _ = newer(t, r.table, "T#demo#C#a0", "E#"+string(r.journeys[0])[4:])
	_, _ = newer(t, r.table, "T#demo#J#"+string(r.journeys[1])[4:], "G#")
	_, _ = newer(t, r.table, "T#demo#K#"+string(r.journeys[2])[4:], "D#")
	r.run(t)
	log := r.log.String()
	require.Contains(t, log, `"WrongItems":0,"NewerItems":4`, "two enrollments follow the graph")
	require.NotContains(t, log, "enrollment inconsistent")
	require.NotContains(t, log, "cannot be read")
	for i, n := range []int{1, 2, 1} {
		require.Contains(t, log, fmt.Sprintf(`"journey":"%s","items":%d`, r.journeys[i], n))
		require.NotContains(t, log, `"drift","tenant":"demo","journey":"`+string(r.journeys[i]))
	}
	require.Contains(t, log, `"drift","tenant":"demo","journey":"`+string(r.journeys[3]))
}

// part returns the sort key of the only part of a journey.
func (r *rolled) part(t *testing.T, id ident.ID) string {
	t.Helper()
	for key := range r.items(t, id) {
		if strings.HasPrefix(key[1], "D#") {
			return key[1]
		}
	}
	require.Fail(t, "no part")
	return ""
}

// An audit that a newer version has begun is left to it.
func TestNewer_AuditIsLeftAlone(t *testing.T) {
	t.Parallel()

	r := newRolled(t, 1)
	r.run(t)
	_, undo := newer(t, r.table, "AUDIT", "A")
	before := stored(t, r.table, keyOf("AUDIT", "A"))
	r.log.Reset()
	r.now = r.now.Add(24 * time.Hour)
	r.run(t)
	require.Equal(t, before, stored(t, r.table, keyOf("AUDIT", "A")))
	require.Contains(t, r.log.String(), "nothing folded: the audit is of a newer format")
	require.NotContains(t, r.log.String(), `"RollupRuns"`)
	require.NotContains(t, r.log.String(), `"Audits"`)
	undo()
	r.run(t)
	require.Contains(t, r.log.String(), `"Audits":1`)
}
