package dynamo_test

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/journey"
)

func profileOf(customer, attributes string) journey.ProfileChange {
	return journey.ProfileChange{Customer: customer, Attributes: []byte(attributes)}
}

// Six systems change fields of their own at once. The first response to every request
// is lost, so that the SDK sends each twice.
func TestProfiles_ConcurrentPatchesLoseNoField(t *testing.T) {
	t.Parallel()

	const writers, rounds = 6, 4
	p := newFixture(t)
	pause := func(ctx context.Context, limit time.Duration) bool {
		time.Sleep(rand.N(limit))
		return ctx.Err() == nil
	}
	var running sync.WaitGroup
	errs := make([]error, writers)
	for writer := range writers {
		running.Go(func() {
			system := storeOn(p.table, (&dynamotest.Faults{LoseFirst: true}).Install)
			service := journey.NewService(system.Handlers(), func() time.Time { return p.now }, crand.Reader)
			service.Pause = pause
			for round := range rounds {
				patch := fmt.Sprintf(`{"last":%d,"of":{"w%d":%d}}`, writer, writer, round)
				_, err := service.PatchCustomer(t.Context(), demo, profileOf("ada", patch), nil)
				errs[writer] = errors.Join(errs[writer], err)
			}
		})
	}
	running.Wait()
	require.NoError(t, errors.Join(errs...))
	stored, err := p.Customer(t.Context(), demo, "ada")
	require.NoError(t, err)
	var attributes struct{ Of map[string]int }
	require.NoError(t, json.Unmarshal(stored.Attributes, &attributes))
	require.Len(t, attributes.Of, writers)
	for name, round := range attributes.Of {
		require.Equal(t, rounds-1, round, name)
	}
}

// A write whose first response is lost is sent again by the SDK, and meets its own
// item: that is no stale revision.
func TestProfiles_RecognizeTheirOwnWrite(t *testing.T) {
	t.Parallel()

	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true}).Install)
	stored, err := p.PutCustomer(t.Context(), demo, profileOf("ada", `{"n":0}`), nil)
	require.NoError(t, err)
	for n := range 3 {
		match := &journey.Precondition{Revs: []int64{stored.Rev}}
		next, err := p.PutCustomer(t.Context(), demo, profileOf("ada", fmt.Sprintf(`{"n":%d}`, n+1)), match)
		require.NoError(t, err)
		require.Equal(t, stored.Rev+1, next.Rev)
		_, err = p.PatchCustomer(t.Context(), demo, profileOf("ada", `{"n":9}`), match)
		require.ErrorIs(t, err, journey.ErrStaleCustomer)
		read, err := p.Customer(t.Context(), demo, "ada")
		require.NoError(t, err)
		require.Equal(t, next, read)
		stored = next
	}
}

// Of two writers that read the same revision, one is refused.
func TestProfiles_OneOfTwoWritersWithIfMatchWins(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	stored, err := p.PutCustomer(t.Context(), demo, profileOf("ada", `{"n":0}`), nil)
	require.NoError(t, err)
	match := &journey.Precondition{Revs: []int64{stored.Rev}}
	var running sync.WaitGroup
	errs := make([]error, 2)
	for writer := range errs {
		running.Go(func() {
			_, errs[writer] = p.PutCustomer(t.Context(), demo, profileOf("ada", fmt.Sprintf(`{"by":%d}`, writer)), match)
		})
	}
	running.Wait()
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	require.NoError(t, errs[winner])
	require.ErrorIs(t, errs[1-winner], journey.ErrStaleCustomer)
	read, err := p.Customer(t.Context(), demo, "ada")
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"by":%d}`, winner), string(read.Attributes))
}

func TestProfiles_LateDuplicateChangesNothing(t *testing.T) {
	t.Parallel()

	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true}).Install)
	older, newer := profileOf("ada", `{"n":1}`), profileOf("ada", `{"n":2}`)
	older.AsOf, newer.AsOf = start, start.Add(time.Millisecond)
	_, err := p.PutCustomer(t.Context(), demo, older, nil)
	require.NoError(t, err)
	want, err := p.PutCustomer(t.Context(), demo, newer, nil)
	require.NoError(t, err)
	for _, write := range []func() (journey.Profile, error){
		func() (journey.Profile, error) { return p.PutCustomer(t.Context(), demo, older, nil) },
		func() (journey.Profile, error) { return p.PatchCustomer(t.Context(), demo, older, nil) },
		func() (journey.Profile, error) { return p.Customer(t.Context(), demo, "ada") },
	} {
		got, err := write()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	outcomes := p.MergeCustomers(t.Context(), demo, []journey.ProfileChange{older, profileOf("ada", `{"m":1}`), newer})
	require.Equal(t, []journey.ProfileOutcome{{Older: true}, {}, {}}, outcomes)
}

// Profiles that other programs stored have no revision.
func TestProfiles_WithoutARevisionCanBeWritten(t *testing.T) {
	t.Parallel()

	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true}).Install)
	it := keyOf("T#demo#C#ada", "P")
	it["a"] = &types.AttributeValueMemberB{Value: []byte(`{"n":1}`)}
	it["u"], it["f"] = &types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberN{Value: "1"}
	_, err := dynamotest.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &p.table, Item: it})
	require.NoError(t, err)
	read, err := p.Customer(t.Context(), demo, "ada")
	require.NoError(t, err)
	require.Zero(t, read.Rev)
	next, err := p.PatchCustomer(t.Context(), demo, profileOf("ada", `{"m":2}`), &journey.Precondition{Revs: []int64{0}})
	require.NoError(t, err)
	require.JSONEq(t, `{"n":1,"m":2}`, string(next.Attributes))
	require.EqualValues(t, 1, next.Rev)
	_, err = p.PatchCustomer(t.Context(), demo, profileOf("ada", `{"m":3}`), &journey.Precondition{Revs: []int64{0}})
	require.ErrorIs(t, err, journey.ErrStaleCustomer)
}

func TestProfiles_ReplacingRepairsDamage(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	_, err := p.PutCustomer(t.Context(), demo, profileOf("ada", `{"n":1}`), nil)
	require.NoError(t, err)
	for _, row := range []struct {
		attribute string
		value     types.AttributeValue
	}{
		{"a", garbage}, {"a", &types.AttributeValueMemberB{Value: []byte(`{"secret":`)}},
		{"r", garbage}, {"u", garbage}, {"ao", garbage},
	} {
		p.damageItem(t, keyOf("T#demo#C#ada", "P"), row.attribute, row.value)
		_, err = p.PatchCustomer(t.Context(), demo, profileOf("ada", `{"m":1}`), nil)
		require.ErrorIs(t, err, journey.ErrDamaged)
		require.NotContains(t, err.Error(), "secret")
		next, err := p.PutCustomer(t.Context(), demo, profileOf("ada", `{"n":2}`), nil)
		require.NoError(t, err, row.attribute)
		read, err := p.Customer(t.Context(), demo, "ada")
		require.NoError(t, err)
		require.Equal(t, next, read)
	}
}
