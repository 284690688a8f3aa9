package dynamo_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/logging"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

var (
	demo  = tenant("demo")
	other = tenant("other")
	start = time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC)
)

func tenant(name string) journey.Tenant {
	t, _ := journey.ParseTenant(name)
	return t
}

// store returns a store on a table of its own.
func store(t testing.TB, options ...func(*dynamodb.Options)) (s *dynamo.Store, table string) {
	table = dynamotest.Table(t)
	return storeOn(table, options...), table
}

func storeOn(table string, options ...func(*dynamodb.Options)) *dynamo.Store {
	return dynamo.New(dynamotest.Client(options...), table, rand.Reader)
}

func draft(n int) journey.Journey {
	j := journey.Journey{
		ID: id(n), Name: "Welcome", Description: "to all", Status: journey.Draft,
		EntryCondition: []byte(`{"event":"account_created"}`), MaxDurationDays: 30, Version: 1,
		NodeCount: 2, Events: []string{"account_created", "came#back"}, Shards: journey.FirstShards, Rev: 1,
		CreatedAt: start, UpdatedAt: start,
	}
	return define(j, `{"nodes":[],"edges":[]}`)
}

func id(n int) journey.ID { return journey.ID(fmt.Sprintf("jrn_01%024d", n)) }

func define(j journey.Journey, definition string) journey.Journey {
	sum := sha256.Sum256([]byte(definition))
	j.Definition, j.GraphHash = []byte(definition), hex.EncodeToString(sum[:])
	return j
}

// next is j after a change.
func next(j journey.Journey, status journey.Status) journey.Journey {
	if status == journey.Archived && j.Status != status {
		j.Epoch++
	}
	j.Status = status
	j.Rev++
	j.UpdatedAt = j.UpdatedAt.Add(time.Second)
	return j
}

func listed(j journey.Journey) journey.Journey {
	j.Definition = nil
	return j
}

// lookup returns the item under a key; nil when there is none.
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

// keys lists the keys of the whole table.
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

// transport counts the requests that leave.
type transport struct {
	http.Client
	requests atomic.Int64
}

func (c *transport) install(o *dynamodb.Options) { o.HTTPClient = c }

func (c *transport) Do(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.Client.Do(r)
}

func TestJourneyIsGivenBackAsItWasStored(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))

	stored, err := s.Journeys.Journey(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.Equal(t, listed(j), stored)
	definition, err := s.Journeys.Definition(t.Context(), demo, j.ID, j.GraphHash)
	require.NoError(t, err)
	require.Equal(t, j.Definition, definition)

	plain := define(next(j, journey.Draft), `{"nodes":[1]}`)
	plain.Description, plain.EntryCondition, plain.Events, plain.NodeCount = "", nil, nil, 0
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, plain))
	stored, err = s.Journeys.Journey(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.Equal(t, listed(plain), stored)
	for _, version := range []journey.Journey{j, plain} {
		definition, err = s.Journeys.Definition(t.Context(), demo, j.ID, version.GraphHash)
		require.NoError(t, err)
		require.Equal(t, version.Definition, definition)
	}
}

func TestAnotherTenantsJourneyIsNotFound(t *testing.T) {
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

	stored, err := s.Journeys.Journey(t.Context(), demo, j.ID)
	require.NoError(t, err)
	require.Equal(t, listed(j), stored)
}

func TestJourneysAreLimitedPerTenant(t *testing.T) {
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
			"cnt": &types.AttributeValueMemberN{Value: fmt.Sprint(n)},
		},
	})
	require.NoError(t, err)
}

func TestOfSixteenWritersOnOneRevisionOneWins(t *testing.T) {
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

func TestStaleDeleteLeavesTheJourney(t *testing.T) {
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

// TestGrownShardsSurviveAnUpdate: tick grows them while somebody edits.
func TestGrownShardsSurviveAnUpdate(t *testing.T) {
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

// TestLostAnswersAreNoRefusals loses the first answer to every request, also
// when the table has forgotten the transaction's token.
func TestLostAnswersAreNoRefusals(t *testing.T) {
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
			stored, err := s.Journeys.Journey(t.Context(), demo, j.ID)
			require.NoError(t, err)
			require.Equal(t, listed(active), stored)

			require.NoError(t, s.Journeys.Delete(t.Context(), demo, active))
			require.ErrorIs(t, s.Journeys.Delete(t.Context(), demo, active), journey.ErrNotFound)
			require.Equal(t, "0", lookup(t, table, "T#demo", "N")["cnt"].(*types.AttributeValueMemberN).Value)

			r := journey.KeyRecord{Key: "k", RequestID: journey.RequestID{1}, ExpiresAt: start.Add(journey.KeyLife)}
			kept, err := s.Enrollments.ReserveKey(t.Context(), demo, j.ID, r, start)
			require.NoError(t, err)
			require.Equal(t, r, kept)
			require.Greater(t, faults.Counts().Lost, 10)
		})
	}
}

func TestPassingFaultsAreRetried(t *testing.T) {
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

func TestFaultsThatStayAreUnavailable(t *testing.T) {
	t.Parallel()

	down := func(o *dynamodb.Options) { o.BaseEndpoint = aws.String("http://127.0.0.1:1") }
	rows := []struct {
		name   string
		option func(*dynamodb.Options)
		code   string
	}{
		{"throttled", (&dynamotest.Faults{Throttle: 1}).Install, "table-throttled"},
		{"no answer ever comes", (&dynamotest.Faults{Lose: 1}).Install, "table-unavailable"},
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

func TestConflictThatStaysIsUnavailable(t *testing.T) {
	t.Parallel()

	s, _ := store(t, (&dynamotest.Faults{Conflict: 1}).Install)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var unavailable *journey.Error
	require.ErrorAs(t, s.Journeys.Create(ctx, demo, draft(1)), &unavailable)
	require.Equal(t, "table-throttled", unavailable.Code)
}

func TestFaultOfOursIsNotShownToCallers(t *testing.T) {
	t.Parallel()

	s := storeOn("no-such-table")
	_, err := s.Journeys.Journey(t.Context(), demo, id(1))
	var shown *journey.Error
	require.Error(t, err)
	require.NotErrorAs(t, err, &shown)
}

func TestKeyIsKeptUntilItExpires(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	first := journey.KeyRecord{
		Key: "order#1", Request: [32]byte{1}, RequestID: journey.RequestID{1}, ExpiresAt: start.Add(journey.KeyLife),
	}
	second := journey.KeyRecord{
		Key: "order#1", Request: [32]byte{2}, RequestID: journey.RequestID{2}, ExpiresAt: first.ExpiresAt.Add(journey.KeyLife),
	}
	_, known, err := s.Enrollments.KeyRecord(t.Context(), demo, id(1), first.Key, start)
	require.NoError(t, err)
	require.False(t, known)

	for _, r := range []journey.KeyRecord{first, second} {
		kept, err := s.Enrollments.ReserveKey(t.Context(), demo, id(1), r, start)
		require.NoError(t, err)
		require.Equal(t, first, kept)
	}
	kept, known, err := s.Enrollments.KeyRecord(t.Context(), demo, id(1), first.Key, first.ExpiresAt)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, first, kept)
	for _, elsewhere := range []struct {
		tenant journey.Tenant
		id     journey.ID
	}{{other, id(1)}, {demo, id(2)}} {
		_, known, err = s.Enrollments.KeyRecord(t.Context(), elsewhere.tenant, elsewhere.id, first.Key, start)
		require.NoError(t, err)
		require.False(t, known)
	}

	late := first.ExpiresAt.Add(time.Millisecond)
	_, known, err = s.Enrollments.KeyRecord(t.Context(), demo, id(1), first.Key, late)
	require.NoError(t, err)
	require.False(t, known)
	kept, err = s.Enrollments.ReserveKey(t.Context(), demo, id(1), second, late)
	require.NoError(t, err)
	require.Equal(t, second, kept)
	hash := sha256.Sum256([]byte("order#1")) // the caller's key may name a customer
	ttl := lookup(t, table, "T#demo#I#"+string(id(1)[4:])+"#"+hex.EncodeToString(hash[:]), "I")["ttl"]
	require.Equal(t, fmt.Sprint(second.ExpiresAt.Unix()+1), ttl.(*types.AttributeValueMemberN).Value)
}

func TestTableThatIsThereStays(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, draft(1)))
	require.NoError(t, dynamo.CreateTable(t.Context(), dynamotest.Client(), table))
	_, err := s.Journeys.Journey(t.Context(), demo, id(1))
	require.NoError(t, err)
}

func TestMeterCountsRetriesAndUnits(t *testing.T) {
	t.Parallel()

	s, _ := store(t, (&dynamotest.Faults{LoseFirst: true}).Install)
	ctx, m := dynamo.WithMeter(t.Context())
	j := draft(1)
	require.NoError(t, s.Journeys.Create(ctx, demo, j))
	used := m.Usage()
	require.Equal(t, 2, used.Calls)
	require.Equal(t, 4, used.Requests)
	require.Contains(t, used.LastError, "lost by the test")
	require.GreaterOrEqual(t, used.WriteUnits, 1.0)

	ctx, m = dynamo.WithMeter(t.Context())
	_, err := s.Journeys.Journey(ctx, demo, j.ID)
	require.NoError(t, err)
	require.Equal(t, 1.0, m.Usage().ReadUnits)
	require.Zero(t, m.Usage().WriteUnits)

	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	require.NoError(t, s.Journeys.Update(t.Context(), demo, active, next(active, journey.Archived)))
	lives, err := s.Engine.Lives(t.Context())
	require.NoError(t, err)
	ctx, m = dynamo.WithMeter(t.Context())
	require.NoError(t, s.Engine.Drained(ctx, lives[0]), "which deletes the entry")
	require.Equal(t, 1.0, m.Usage().WriteUnits)
}

// TestClientIsSilent: without care it warns of every answer that is an error.
func TestClientIsSilent(t *testing.T) {
	t.Parallel()

	logged := make(chan string, 100)
	s, _ := store(t, func(o *dynamodb.Options) {
		o.Logger = logging.LoggerFunc(func(_ logging.Classification, format string, values ...any) {
			logged <- fmt.Sprintf(format, values...)
		})
	})
	require.ErrorIs(t, s.Journeys.Delete(t.Context(), demo, draft(1)), journey.ErrNotFound)
	require.ErrorIs(t, s.Journeys.Update(t.Context(), demo, draft(1), next(draft(1), journey.Draft)), journey.ErrNotFound)
	require.Empty(t, logged)
}
