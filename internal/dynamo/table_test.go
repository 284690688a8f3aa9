package dynamo_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

var (
	demo  = tenant("demo")
	other = tenant("other")
	start = time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC)
)

func tenant(name string) ident.Tenant {
	t, _ := ident.ParseTenant(name)
	return t
}

// store returns a store on its own table.
func store(t testing.TB, options ...func(*dynamodb.Options)) (s *dynamo.Store, table string) {
	table = dynamotest.Table(t)
	return storeOn(table, options...), table
}

func storeOn(table string, options ...func(*dynamodb.Options)) *dynamo.Store {
	return dynamo.New(dynamotest.Client(options...), table, rand.Reader)
}

// lookup returns an item; nil if there is none.
func lookup(t testing.TB, table, pk, sk string) map[string]types.AttributeValue {
	t.Helper()
	out, err := dynamotest.Client().GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk},
		},
	})
	require.NoError(t, err)
	return out.Item
}

// keys returns all keys of the table.
func keys(t testing.TB, table string) map[string]bool {
	t.Helper()
	out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	require.NoError(t, err)
	found := map[string]bool{}
	for _, it := range out.Items {
		found[it["PK"].(*types.AttributeValueMemberS).Value+" "+it["SK"].(*types.AttributeValueMemberS).Value] = true
	}
	return found
}

// transport counts HTTP requests.
type transport struct {
	http.Client
	requests atomic.Int64
}

func (c *transport) install(o *dynamodb.Options) { o.HTTPClient = c }

func (c *transport) Do(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.Client.Do(r)
}

// The first response to every request is lost, also when the table has forgotten the
// transaction's token.
func TestStore_LostResponsesAreNoConflicts(t *testing.T) {
	t.Parallel()

	for _, forget := range []bool{false, true} {
		t.Run(fmt.Sprint("tokens forgotten: ", forget), func(t *testing.T) {
			t.Parallel()

			faults := &dynamotest.Faults{LoseFirst: true, ForgetTokens: forget}
			s, table := store(t, faults.Install)
			j := draft(1)
			require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
			edited := define(next(j, journey.Draft), `{"nodes":[1]}`)
			require.NoError(t, s.Journeys.Update(t.Context(), demo, j, edited))
			active := next(edited, journey.Active)
			require.NoError(t, s.Journeys.Update(t.Context(), demo, edited, active))
			require.ErrorIs(t, s.Journeys.Update(t.Context(), demo, edited, active), journey.ErrStale)
			stored, err := s.Journeys.FullJourney(t.Context(), demo, j.ID)
			require.NoError(t, err)
			require.NotNil(t, stored.Tenant)
			stored.Tenant = nil
			require.Equal(t, listed(active), stored)

			require.NoError(t, s.Journeys.Delete(t.Context(), demo, active))
			require.ErrorIs(t, s.Journeys.Delete(t.Context(), demo, active), journey.ErrNotFound)
			require.Equal(t, "0", lookup(t, table, "T#demo", "N")["cnt"].(*types.AttributeValueMemberN).Value)

			r := journey.KeyRecord{Key: "k", RequestID: ident.RequestID{1}, ExpiresAt: start.Add(journey.KeyLife)}
			kept, err := s.Enrollments.ReserveKey(t.Context(), demo, j.ID, r, start)
			require.NoError(t, err)
			require.Equal(t, r, kept)
			require.Greater(t, faults.Counts().Lost, 8)
		})
	}
}

func TestStore_RetriesTransientFaults(t *testing.T) {
	t.Parallel()

	faults := &dynamotest.Faults{Seed: 1, Throttle: 0.2, Conflict: 0.4, Delay: 0.3, MaxDelay: 5 * time.Millisecond}
	s, _ := store(t, faults.Install)
	for n := range 10 {
		j := draft(n)
		require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
		active := next(j, journey.Active)
		require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
		require.NoError(t, s.Journeys.Delete(t.Context(), demo, active))
	}
	counts := faults.Counts()
	require.Positive(t, counts.Throttled)
	require.Positive(t, counts.Conflicts)
	require.Positive(t, counts.Delayed)
}

func TestStore_LastingFaultsAreUnavailable(t *testing.T) {
	t.Parallel()

	down := func(o *dynamodb.Options) { o.BaseEndpoint = aws.String("http://127.0.0.1:1") }
	rows := []struct {
		name   string
		option func(*dynamodb.Options)
		code   string
	}{
		{"throttled", (&dynamotest.Faults{Throttle: 1}).Install, "table-throttled"},
		{"all responses are lost", (&dynamotest.Faults{Lose: 1}).Install, "table-unavailable"},
		{"the table cannot be reached", down, "table-unavailable"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			s := storeOn("journeys", row.option)
			_, readErr := s.Journeys.Journey(t.Context(), demo, id(1))
			_, definitionErr := s.Journeys.Definition(t.Context(), demo, id(1), "00")
			_, listErr := s.Journeys.List(t.Context(), demo, journey.Filter{Limit: 1})
			_, reserveErr := s.Enrollments.ReserveKey(t.Context(), demo, id(1), journey.KeyRecord{Key: "k"}, start)
			_, _, keyErr := s.Enrollments.KeyRecord(t.Context(), demo, id(1), "k", start)
			for _, err := range []error{
				readErr, definitionErr, listErr, reserveErr, keyErr,
				s.Journeys.Create(t.Context(), demo, draft(1)),
				s.Journeys.Update(t.Context(), demo, draft(1), next(draft(1), journey.Draft)),
				s.Journeys.Update(t.Context(), demo, draft(1), next(draft(1), journey.Active)),
				s.Journeys.Delete(t.Context(), demo, draft(1)),
			} {
				var unavailable *journey.Error
				require.ErrorAs(t, err, &unavailable)
				require.Equal(t, journey.Unavailable, unavailable.Kind)
				require.Equal(t, row.code, unavailable.Code)
			}
		})
	}
}

func TestStore_LastingConflictIsUnavailable(t *testing.T) {
	t.Parallel()

	s, _ := store(t, (&dynamotest.Faults{Conflict: 1}).Install)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var unavailable *journey.Error
	require.ErrorAs(t, s.Journeys.Create(ctx, demo, draft(1)), &unavailable)
	require.Equal(t, "table-throttled", unavailable.Code)
}

func TestStore_InternalErrorIsNotShownToCallers(t *testing.T) {
	t.Parallel()

	s := storeOn("no-such-table")
	_, err := s.Journeys.Journey(t.Context(), demo, id(1))
	var shown *journey.Error
	require.Error(t, err)
	require.NotErrorAs(t, err, &shown)
}

func TestCreateTable_KeepsAnExistingTable(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, draft(1)))
	require.NoError(t, dynamolocal.CreateTable(t.Context(), dynamotest.Client(), table))
	_, err := s.Journeys.Journey(t.Context(), demo, id(1))
	require.NoError(t, err)
}
