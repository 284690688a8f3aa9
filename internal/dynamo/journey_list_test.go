package dynamo_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/auth"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// This is the floor of docs/performance.md. The texts have their greatest length.
func TestList_Offset9800Of10000TakesFourRequestsAndTwoForTheTexts(t *testing.T) {
	t.Parallel()

	requests := &transport{}
	table := dynamotest.PlainTable(t)
	s := storeOn(table, requests.install)
	fillWithJourneys(t, table, 10_000)

	for _, f := range []journey.Filter{
		{}, {Status: journey.Draft}, {Sort: journey.SortOldest}, {Sort: journey.SortNameBackward, Query: "NNN"},
		{Sort: journey.SortUpdated, Status: journey.Draft},
	} {
		f.Limit, f.Offset = 200, 9_800
		requests.requests.Store(0)
		page, err := s.Journeys.List(t.Context(), demo, f)
		require.NoError(t, err)
		require.Equal(t, 10_000, page.Total)
		require.Len(t, page.Journeys, 200)
		first, last := id(199), id(0)
		if !f.Sort.Descending() {
			first, last = id(9_800), id(9_999)
		}
		require.Equal(t, first, page.Journeys[0].ID, f)
		require.Equal(t, last, page.Journeys[199].ID, f)
		require.Equal(t, strings.Repeat("é", journey.MaxDescription), page.Journeys[199].Description)
		require.Len(t, page.Journeys[0].EntryCondition, graph.MaxEntryCondition)
		require.Len(t, page.Journeys[0].CreatedBy.Subject, auth.MaxSubject)
		t.Logf("%+v: %d requests", f, requests.requests.Load())
		require.LessOrEqual(t, requests.requests.Load(), int64(6))
	}
	requirePages(t, s)
}

// requirePages reads a list by cursors in each order, with the requests of each page.
func requirePages(t *testing.T, s *dynamo.Store) {
	t.Helper()
	service := journey.NewService(journey.Stores{Journeys: s.Journeys}, time.Now, rand.Reader)
	for _, sort := range []journey.Sort{journey.SortOldest, journey.SortName} {
		f := journey.Filter{Sort: sort, Limit: 100}
		seen, next := map[ident.ID]bool{}, ""
		for page := range 2 {
			ctx, meter := capacity.WithMeter(t.Context())
			list, cursor, err := service.ListFrom(ctx, demo, f, next)
			require.NoError(t, err)
			require.Len(t, list, 100)
			for _, j := range list {
				seen[j.ID] = true
			}
			require.Len(t, seen, 100*(page+1))
			used := meter.Usage()
			t.Logf("page %d in the order %s: %d requests, %g read units", page, sort, used.Requests, used.ReadUnits)
			if f.OfIDs() {
				require.LessOrEqual(t, used.Requests, 1)
				require.LessOrEqual(t, used.ReadUnits, 8.0)
			} else {
				require.LessOrEqual(t, used.Requests, 3)
				require.LessOrEqual(t, used.ReadUnits, 640.0)
			}
			next = cursor
		}
	}
}

// A damaged journey fails the page that it is on, in every order, and no other.
func TestList_DamagedJourneyFailsItsPage(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	for n, name := range []string{"alpha", "bravo", "charlie"} {
		j := draft(n)
		j.Name = name
		require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	}
	_, err := dynamotest.Client().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, UpdateExpression: aws.String("SET v = :bad"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":bad": &types.AttributeValueMemberS{Value: "one"}},
		Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "T#demo#J"}, "SK": &types.AttributeValueMemberS{Value: string(id(1))[4:]},
		},
	})
	require.NoError(t, err)
	for _, order := range []journey.Sort{journey.SortOldest, journey.SortName} {
		for offset := range 3 {
			page, err := s.Journeys.List(t.Context(), demo, journey.Filter{Sort: order, Limit: 1, Offset: offset})
			if offset == 1 {
				require.ErrorIs(t, err, journey.ErrDamaged, order)
				continue
			}
			require.NoError(t, err, order)
			require.Equal(t, []any{3, id(offset)}, []any{page.Total, page.Journeys[0].ID}, order)
		}
	}
}

// A page of 100 journeys takes one query for each and one for the list, and none for drafts.
func TestAnalyticsList_100JourneysTakeAQueryEach(t *testing.T) {
	t.Parallel()

	const journeys, drafts = 100, 20
	s, table := store(t)
	var writes []types.WriteRequest
	for n := range journeys {
		j := draft(n)
		if n >= drafts {
			j.Status = journey.Active
			_, err := s.Analytics.PutPart(t.Context(), analytics.Part{
				PartKey: analytics.PartKey{Tenant: demo, Journey: j.ID, Day: analytics.DayOf(start), Graph: j.GraphHash},
				Born:    start, Rev: 1, Version: 1, Newest: start.Add(time.Duration(n) * time.Second), Updated: start,
				Totals: tally.Totals{Enrolled: int64(n)}, Steps: []tally.Step{{Entered: int64(n)}},
			})
			require.NoError(t, err)
		}
		it, _, err := dynamo.JourneyItems(demo, j)
		require.NoError(t, err)
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	write(t, table, writes)

	service := journey.NewService(journey.Stores{Journeys: s.Journeys}, time.Now, rand.Reader)
	ctx, meter := capacity.WithMeter(t.Context())
	list, next, err := service.ListFrom(ctx, demo, journey.Filter{Limit: 100, Sort: journey.SortOldest}, "")
	require.NoError(t, err)
	require.Empty(t, next)
	summaries, err := analytics.NewReader(s.Analytics).Summaries(ctx, demo, list)
	require.NoError(t, err)
	require.Len(t, summaries, journeys)
	for n, summary := range summaries {
		require.NoError(t, summary.Err)
		if n < drafts {
			require.Zero(t, summary)
			continue
		}
		require.Equal(t, tally.Totals{Enrolled: int64(n)}, summary.Enrollments)
		require.Equal(t, start.Add(time.Duration(n)*time.Second), summary.AsOf)
	}
	used := meter.Usage()
	t.Logf("%d requests, %g read units", used.Requests, used.ReadUnits)
	require.Equal(t, 1+journeys-drafts, used.Requests)
	require.LessOrEqual(t, used.ReadUnits, 8.0+journeys-drafts)
}

func fillWithJourneys(t *testing.T, table string, n int) {
	t.Helper()
	writes := make([]types.WriteRequest, n)
	for i := range writes {
		j := draft(i)
		j.Name = strings.Repeat("n", 40)
		j.Description = strings.Repeat("é", journey.MaxDescription)
		j.EntryCondition = bytes.Repeat([]byte("e"), graph.MaxEntryCondition)
		j.CreatedBy = journey.Author{Subject: strings.Repeat("s", auth.MaxSubject), Name: strings.Repeat("漢", auth.MaxName)}
		it, text, err := dynamo.JourneyItems(demo, j)
		require.NoError(t, err)
		writes[i].PutRequest = &types.PutRequest{Item: it}
		if i < 200 || i >= n-200 { // no other text is read
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: text}})
		}
	}
	write(t, table, writes)
}

// write puts items into the table.
func write(t *testing.T, table string, writes []types.WriteRequest) {
	t.Helper()
	n := len(writes)
	client := dynamotest.Client()
	var writers sync.WaitGroup
	errs := make([]error, 4)
	for w := range errs {
		writers.Go(func() {
			for batch := range slices.Chunk(writes[w*n/4:(w+1)*n/4], 25) {
				out, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
					RequestItems: map[string][]types.WriteRequest{table: batch},
				})
				if err == nil && len(out.UnprocessedItems) > 0 {
					err = fmt.Errorf("%d items were not written", len(out.UnprocessedItems[table]))
				}
				if err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	writers.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}
