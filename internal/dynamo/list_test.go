package dynamo_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
)

func TestListIsNewestFirstAndFiltered(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	for n := range 7 {
		j := draft(n)
		require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
		if n%2 == 1 {
			require.NoError(t, s.Journeys.Update(t.Context(), demo, j, next(j, journey.Active)))
		}
	}
	require.NoError(t, s.Journeys.Create(t.Context(), other, draft(99)))

	rows := []struct {
		name   string
		filter journey.Filter
		want   []int
		total  int
	}{
		{"all", journey.Filter{Limit: 50}, []int{6, 5, 4, 3, 2, 1, 0}, 7},
		{"the first page", journey.Filter{Limit: 3}, []int{6, 5, 4}, 7},
		{"a page in the middle", journey.Filter{Limit: 3, Offset: 2}, []int{4, 3, 2}, 7},
		{"the last page", journey.Filter{Limit: 3, Offset: 6}, []int{0}, 7},
		{"beyond the end", journey.Filter{Limit: 3, Offset: 7}, nil, 7},
		{"active ones", journey.Filter{Limit: 50, Status: journey.Active}, []int{5, 3, 1}, 3},
		{"a page of active ones", journey.Filter{Limit: 1, Offset: 1, Status: journey.Active}, []int{3}, 3},
		{"paused ones", journey.Filter{Limit: 50, Status: journey.Paused}, nil, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			page, err := s.Journeys.List(t.Context(), demo, row.filter)
			require.NoError(t, err)
			var got []int
			for _, j := range page.Journeys {
				n := 0
				_, err := fmt.Sscanf(string(j.ID), "jrn_01%024d", &n)
				require.NoError(t, err)
				got = append(got, n)
			}
			require.Equal(t, row.want, got)
			require.Equal(t, row.total, page.Total)
		})
	}
}

// TestPageAtOffset9800Of10000TakesFourRequests holds the floor of the design.
func TestPageAtOffset9800Of10000TakesFourRequests(t *testing.T) {
	t.Parallel()

	requests := &transport{}
	table := dynamotest.PlainTable(t)
	s := storeOn(table, requests.install)
	fillWithJourneys(t, table, 10_000)

	for _, status := range []journey.Status{"", journey.Draft} {
		requests.requests.Store(0)
		page, err := s.Journeys.List(t.Context(), demo, journey.Filter{Limit: 200, Offset: 9_800, Status: status})
		require.NoError(t, err)
		require.Equal(t, 10_000, page.Total)
		require.Len(t, page.Journeys, 200)
		require.Equal(t, id(199), page.Journeys[0].ID)
		require.Equal(t, id(0), page.Journeys[199].ID)
		require.LessOrEqual(t, requests.requests.Load(), int64(4))
		t.Logf("status %q: %d requests", status, requests.requests.Load())
	}
}

func fillWithJourneys(t *testing.T, table string, n int) {
	t.Helper()
	writes := make([]types.WriteRequest, n)
	for i := range writes {
		j := draft(i)
		j.Name = strings.Repeat("n", 40)
		j.Description = strings.Repeat("d", 60)
		it, err := dynamo.JourneyItem(demo, j)
		require.NoError(t, err)
		writes[i].PutRequest = &types.PutRequest{Item: it}
	}
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
