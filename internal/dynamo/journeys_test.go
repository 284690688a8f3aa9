package dynamo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

func draft(n int) journey.Journey {
	j := journey.Journey{
		ID: id(n), Name: "Welcome", Description: "to all", Status: journey.Draft,
		EntryCondition: []byte(`{"event":"account_created"}`), MaxDurationDays: 30,
		NodeCount: 2, Events: []string{"account_created", "came#back"}, Shards: journey.FirstShards, EpochEmpty: true, Rev: 1, TextRev: 1,
		CreatedAt: start, UpdatedAt: start,
		CreatedBy: journey.Author{Subject: "7f8c", Name: "Ada"}, UpdatedBy: journey.Author{Subject: "client-1"},
	}
	return define(j, `{"nodes":[],"edges":[]}`)
}

func id(n int) ident.ID { return ident.ID(fmt.Sprintf("jrn_01%024d", n)) }

// define returns j with a new graph, whose name is the same in each run, and the version
// after its own.
func define(j journey.Journey, definition string) journey.Journey {
	j.Version++
	sum := sha256.Sum256(fmt.Append(nil, j.ID, j.Rev, definition))
	j.Definition, j.GraphHash, j.AppearanceRev = []byte(definition), hex.EncodeToString(sum[:16]), 0
	return j
}

// next returns j after a change.
func next(j journey.Journey, status journey.Status) journey.Journey {
	if status == journey.Archived && !j.EpochEmpty {
		j.Epoch, j.EpochEmpty = j.Epoch+1, true
	}
	j.EpochEmpty = j.EpochEmpty && status != journey.Active
	j.Status = status
	j.Rev++
	j.UpdatedAt = j.UpdatedAt.Add(time.Second)
	return j
}

// listed returns j as a list shows it.
func listed(j journey.Journey) journey.Journey {
	j.Definition = nil
	return j
}

// short returns j without its texts and authors.
func short(j journey.Journey) journey.Journey {
	j.Definition, j.Description, j.EntryCondition = nil, "", nil
	j.CreatedBy, j.UpdatedBy = journey.Author{}, journey.Author{}
	return j
}

func TestJourney_IsReturnedAsStored(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))

	stored, err := s.Journeys.FullJourney(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.NotNil(t, stored.Tenant)
	stored.Tenant = nil
	require.Equal(t, listed(j), stored)
	stored, err = s.Journeys.Journey(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.Equal(t, short(j), stored)
	definition, err := s.Journeys.Definition(t.Context(), demo, j.ID, j.GraphHash)
	require.NoError(t, err)
	require.Equal(t, j.Definition, definition)

	plain := define(next(j, journey.Draft), `{"nodes":[1]}`)
	plain.Description, plain.EntryCondition, plain.TextRev, plain.Events, plain.NodeCount = "", nil, 0, nil, 0
	plain.CreatedBy, plain.UpdatedBy = journey.Author{}, journey.Author{}
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, plain))
	stored, err = s.Journeys.FullJourney(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.NotNil(t, stored.Tenant)
	stored.Tenant = nil
	require.Equal(t, listed(plain), stored)
	definition, err = s.Journeys.Definition(t.Context(), demo, j.ID, plain.GraphHash)
	require.NoError(t, err)
	require.Equal(t, plain.Definition, definition)
}

func TestJourney_OfAnotherTenantIsNotFound(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))

	_, err := s.Journeys.Journey(t.Context(), other, j.ID)
	require.ErrorIs(t, err, journey.ErrNotFound)
	_, err = s.Journeys.Definition(t.Context(), other, j.ID, j.GraphHash)
	require.ErrorContains(t, err, "is missing")
	require.ErrorIs(t, s.Journeys.Update(t.Context(), other, j, next(j, journey.Draft)), journey.ErrNotFound)
	require.ErrorIs(t, s.Journeys.Update(t.Context(), other, j, next(j, journey.Active)), journey.ErrNotFound)
	require.ErrorIs(t, s.Journeys.Delete(t.Context(), other, j), journey.ErrNotFound)
	page, err := s.Journeys.List(t.Context(), other, journey.Filter{Limit: 50})
	require.NoError(t, err)
	require.Equal(t, journey.Page{}, page)

	stored, err := s.Journeys.FullJourney(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.NotNil(t, stored.Tenant)
	stored.Tenant = nil
	require.Equal(t, listed(j), stored)
}

func TestCreate_LimitsJourneysPerTenant(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, draft(1)))
	setCount(t, table, journey.MaxJourneys)

	require.ErrorIs(t, s.Journeys.Create(t.Context(), demo, draft(2)), journey.ErrTooMany)
	_, err := s.Journeys.Journey(t.Context(), demo, id(2))
	require.ErrorIs(t, err, journey.ErrNotFound)
	require.NoError(t, s.Journeys.Create(t.Context(), other, draft(2)))

	require.NoError(t, s.Journeys.Delete(t.Context(), demo, draft(1)))
	require.NoError(t, s.Journeys.Create(t.Context(), demo, draft(2)))
	require.ErrorIs(t, s.Journeys.Create(t.Context(), demo, draft(3)), journey.ErrTooMany)
}

func setCount(t *testing.T, table string, n int) {
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: &table, Item: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "T#demo"}, "SK": &types.AttributeValueMemberS{Value: "N"},
			"f":   &types.AttributeValueMemberN{Value: "1"},
			"cnt": &types.AttributeValueMemberN{Value: fmt.Sprint(n)},
		},
	})
	require.NoError(t, err)
}

func TestUpdate_OneOfSixteenWritersWins(t *testing.T) {
	t.Parallel()

	for _, status := range []journey.Status{journey.Draft, journey.Active} {
		t.Run("to "+string(status), func(t *testing.T) {
			t.Parallel()

			s, _ := store(t)
			j := draft(1)
			require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
			var won atomic.Int64
			var writers sync.WaitGroup
			errs := make([]error, 16)
			for i := range errs {
				writers.Go(func() {
					mine := next(j, status)
					mine.Name = fmt.Sprint("writer ", i)
					if errs[i] = s.Journeys.Update(t.Context(), demo, j, mine); errs[i] == nil {
						won.Store(int64(i))
					}
				})
			}
			writers.Wait()

			stale := 0
			for _, err := range errs {
				if err != nil {
					require.ErrorIs(t, err, journey.ErrStale)
					stale++
				}
			}
			require.Equal(t, 15, stale)
			stored, err := s.Journeys.Journey(t.Context(), demo, j.ID)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("writer ", won.Load()), stored.Name)
		})
	}
}

func TestDelete_StaleRevisionChangesNothing(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	before := keys(t, table)

	require.ErrorIs(t, s.Journeys.Delete(t.Context(), demo, j), journey.ErrStale)
	require.Equal(t, before, keys(t, table))
}

// tick may grow the shards during an edit.
func TestUpdate_KeepsGrownShards(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	_, err := dynamotest.Client().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table, UpdateExpression: aws.String("SET sh = :sh"),
		Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "T#demo#J"}, "SK": &types.AttributeValueMemberS{Value: string(j.ID[4:])},
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{":sh": &types.AttributeValueMemberN{Value: "8"}},
	})
	require.NoError(t, err)

	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, next(j, journey.Draft)))
	stored, err := s.Journeys.Journey(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.Equal(t, 8, stored.Shards)
}

func TestList_IsNewestFirstAndFiltered(t *testing.T) {
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
		{"oldest first", journey.Filter{Limit: 3, Offset: 1, Sort: journey.SortOldest}, []int{1, 2, 3}, 7},
		{"last changed", journey.Filter{Limit: 4, Sort: journey.SortLatestUpdated}, []int{5, 3, 1, 6}, 7},
		{"first changed", journey.Filter{Limit: 2, Offset: 3, Sort: journey.SortUpdated}, []int{6, 1}, 7},
		{"active ones by change", journey.Filter{Limit: 50, Offset: 1, Status: journey.Active, Sort: journey.SortUpdated}, []int{3, 5}, 3},
		{"equal names", journey.Filter{Limit: 3, Offset: 4, Sort: journey.SortName}, []int{4, 5, 6}, 7},
		{"equal names backward", journey.Filter{Limit: 3, Offset: 5, Sort: journey.SortNameBackward}, []int{1, 0}, 7},
		{"a name", journey.Filter{Limit: 2, Offset: 1, Query: "ELCO", Status: journey.Draft}, []int{4, 2}, 4},
		{"no name", journey.Filter{Limit: 2, Query: "x"}, nil, 0},
		{"by name, beyond the end", journey.Filter{Limit: 2, Offset: 7, Sort: journey.SortName}, nil, 7},
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
