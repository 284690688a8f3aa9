package dynamo_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// An audit finds a conversion that was not counted and one that never happened.
func TestRollup_RepairsWrongConversions(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 12)
	w.enroll(3)
	w.now = w.now.Add(32 * time.Hour) // past the first wait
	advance := func(e progress.Enrollment) progress.Enrollment {
		require.NoError(t, w.store.Engine.Advance(t.Context(), w.tenant, 4, []progress.Enrollment{e})[0])
		return e
	}
	for _, customer := range []string{"c1", "c2"} {
		e, _ := w.graphs[w.j.GraphHash].Step(w.inside[customer].NextWrite(w.now), progress.Input{Now: w.now})
		w.wrote([]progress.Enrollment{advance(e)})
		converted := advance(e.NextWrite(w.now).Convert(w.now))
		require.Equal(t, 2, converted.ConvertedSteps)
		if customer == "c1" {
			w.happened(w.record(converted)) // but it is not counted
			converted = advance(converted.NextWrite(w.now).Cancel("removed"))
		}
		w.wrote([]progress.Enrollment{converted})
	}
	never := w.inside["c3"].NextWrite(w.now).Convert(w.now)
	for range 2 {
		require.NoError(t, w.counter.Count(t.Context(), "shardId-0", []analytics.Record{w.record(never)}))
	}
	w.later(3)
	w.run()
	require.Equal(t, []string{
		" conversions 3 2", "in converted.entered 3 2", "pause converted.waited 1 2",
	}, w.drift())
	w.requireTrue(analytics.Range{})
}

// An audit recounts the earlier runs of customers who entered again, with their
// conversions, and reports one that its graph does not allow.
func TestRollup_RecountsEarlierRuns(t *testing.T) {
	t.Parallel()

	w := newWorld(t, 13)
	w.enroll(3)
	w.now = w.now.Add(32 * time.Hour)
	for _, customer := range []string{"c1", "c2", "c3"} {
		e := w.inside[customer].NextWrite(w.now).Convert(w.now).Cancel("removed")
		require.NoError(t, w.store.Engine.Advance(t.Context(), w.tenant, 4, []progress.Enrollment{e})[0])
		w.wrote([]progress.Enrollment{e})
		w.enterAgain(customer)
	}
	w.later(2)
	w.run()
	require.Len(t, w.lines("audit"), 1)
	require.Empty(t, w.lines("drift"))
	require.Empty(t, w.lines("enrollment inconsistent"))
	require.EqualValues(t, 6, w.truth.Totals().Enrolled)
	require.EqualValues(t, 3, w.truth.Totals().Conversions)
	w.requireTrue(all)

	w.changeEarlierRun("c1", "REMOVE cv, cn")
	w.later(1)
	w.run()
	require.Equal(t, []string{" conversions 3 2", "in converted.entered 3 2"}, w.drift())

	w.changeEarlierRun("c2", "REMOVE lf")
	w.later(1)
	w.run()
	wrong := w.lines("enrollment inconsistent")
	require.Len(t, wrong, 1)
	require.Equal(t, string(w.j.ID), wrong[0]["journey"])
	require.Equal(t, 1.0, wrong[0]["run"])
	require.Equal(t, "status cancelled, due: false, left: false", wrong[0]["error"])
	require.NotContains(t, w.log.String(), "c2")
}

// earlierRun is the key of a customer's first run after the customer entered again.
func (w *world) earlierRun(customer string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: "T#t1#C#" + customer},
		"SK": &types.AttributeValueMemberS{Value: "R#" + string(w.j.ID)[4:] + "#1"},
	}
}

// enterAgain moves a customer's run aside, without delta and due time, and starts run 2.
func (w *world) enterAgain(customer string) {
	key := w.earlierRun(customer)
	key["SK"] = &types.AttributeValueMemberS{Value: "E#" + string(w.j.ID)[4:]}
	out, err := dynamotest.Client().DeleteItem(w.t.Context(), &dynamodb.DeleteItemInput{
		TableName: &w.table, Key: key, ReturnValues: types.ReturnValueAllOld,
	})
	require.NoError(w.t, err)
	earlier := out.Attributes
	maps.Copy(earlier, w.earlierRun(customer))
	delete(earlier, "d")
	delete(earlier, "dv")
	_, err = dynamotest.Client().PutItem(w.t.Context(), &dynamodb.PutItemInput{TableName: &w.table, Item: earlier})
	require.NoError(w.t, err)

	e, _ := w.graphs[w.j.GraphHash].Start(progress.Enrollment{
		Journey: w.j.ID, Customer: customer, GraphHash: w.j.GraphHash, Version: w.j.Version,
		RequestID: ident.RequestID{2}, EnrolledAt: w.now, ExpiresAt: w.now.Add(100 * time.Hour),
	})
	e.Run = 2
	require.Equal(w.t, journey.OutcomeEnrolled, w.store.Enrollments.Insert(w.t.Context(), w.tenant, 4, []progress.Enrollment{e})[0].Result)
	w.wrote([]progress.Enrollment{e})
}

func (w *world) changeEarlierRun(customer, update string) {
	_, err := dynamotest.Client().UpdateItem(w.t.Context(), &dynamodb.UpdateItemInput{
		TableName: &w.table, Key: w.earlierRun(customer), UpdateExpression: &update,
	})
	require.NoError(w.t, err)
}

// drift returns the logged drift: node, figure, counted and recounted.
func (w *world) drift() (found []string) {
	for _, line := range w.lines("drift") {
		node, _ := line["node"].(string)
		found = append(found, fmt.Sprint(node, " ", line["figure"], " ", line["counted"], " ", line["recounted"]))
	}
	return found
}
