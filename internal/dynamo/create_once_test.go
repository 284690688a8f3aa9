package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/journey"
)

// once creates a journey with a key.
func (p *fixture) once(ctx context.Context, key, body string) (journey.Journey, error) {
	return p.CreateOnce(ctx, demo, journey.Change{Name: new("n"), Description: new("d")}, key, []byte(body))
}

func (p *fixture) total(t *testing.T) int {
	t.Helper()
	page, err := p.List(t.Context(), demo, journey.Filter{Limit: 200})
	require.NoError(t, err)
	count := lookup(t, p.table, "T#demo", "N")["cnt"].(*types.AttributeValueMemberN).Value
	require.Len(t, page.Journeys, page.Total)
	require.Equal(t, count, string(rune('0'+page.Total)))
	return page.Total
}

func TestCreateOnce_RepeatReturnsTheJourneyAsItIsNow(t *testing.T) {
	t.Parallel()

	for name, faults := range map[string]*dynamotest.Faults{
		"no faults": {}, "lost responses": {LoseFirst: true, ForgetTokens: true}, "conflicts": {Conflict: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			testRepeats(t, newFixture(t, faults.Install))
		})
	}
}

func testRepeats(t *testing.T, p *fixture) {
	t.Helper()
	first, err := p.once(t.Context(), "k", `{"name":"n","description":"d"}`)
	require.NoError(t, err)
	repeated, err := p.once(t.Context(), "k", `{ "description" : "d", "name": "\u006e" }`)
	require.NoError(t, err)
	require.Equal(t, first.ID, repeated.ID)
	_, err = p.Update(t.Context(), demo, first.ID, journey.Change{Name: new("renamed")}, nil)
	require.NoError(t, err)
	repeated, err = p.once(t.Context(), "k", `{"name":"n","description":"d"}`)
	require.NoError(t, err)
	require.Equal(t, "renamed", repeated.Name)
	require.EqualValues(t, 2, repeated.Rev)
	require.NotEmpty(t, repeated.Definition)

	var refused *journey.Error
	_, err = p.once(t.Context(), "k", `{"name":"m","description":"d"}`)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, journey.Mismatch, refused.Kind)
	require.Equal(t, "idempotency-key-reused", refused.Code)
	require.Equal(t, 1, p.total(t))
	second, err := p.once(t.Context(), "k2", `{"name":"n","description":"d"}`)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
	_, err = p.CreateOnce(t.Context(), other, journey.Change{Name: new("n")}, "k", []byte(`{"name":"n"}`))
	require.NoError(t, err, "a key belongs to one tenant")

	require.NoError(t, p.Delete(t.Context(), demo, first.ID, nil))
	_, err = p.once(t.Context(), "k", `{"name":"n","description":"d"}`)
	require.ErrorIs(t, err, journey.ErrNotFound)
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Detail, "was deleted")
	require.Equal(t, 1, p.total(t))
}

func TestCreateOnce_ExpiredKeyIsFree(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	first, err := p.once(t.Context(), "k", `{"name":"n"}`)
	require.NoError(t, err)
	p.now = p.now.Add(journey.KeyLife)
	repeated, err := p.once(t.Context(), "k", `{"name":"n"}`)
	require.NoError(t, err)
	require.Equal(t, first.ID, repeated.ID)
	p.now = p.now.Add(time.Millisecond) // the table has not deleted the record yet
	second, err := p.once(t.Context(), "k", `{"name":"other"}`)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, 2, p.total(t))
	_, err = p.once(t.Context(), "k", `{"name":"n"}`)
	require.Error(t, err)
}

// A repeat is answered even if the first call took the last place, and a refused call
// does not use up its key.
func TestCreateOnce_CountsTheFirstCallOnly(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	_, err := p.once(t.Context(), "before", `{"name":"n"}`)
	require.NoError(t, err)
	setCount(t, p.table, journey.MaxJourneys-1)
	last, err := p.once(t.Context(), "last", `{"name":"n"}`)
	require.NoError(t, err)
	repeated, err := p.once(t.Context(), "last", `{"name":"n"}`)
	require.NoError(t, err)
	require.Equal(t, last.ID, repeated.ID)
	_, err = p.once(t.Context(), "refused", `{"name":"n"}`)
	require.ErrorIs(t, err, journey.ErrTooMany)
	require.NoError(t, p.Delete(t.Context(), demo, last.ID, nil))
	_, err = p.once(t.Context(), "refused", `{"name":"n"}`)
	require.NoError(t, err)
}

func TestCreateOnce_ConcurrentCallsMakeOneJourney(t *testing.T) {
	t.Parallel()

	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true}).Install)
	const callers = 8
	var running sync.WaitGroup
	made, errs := make([]journey.Journey, callers), make([]error, callers)
	for i := range callers {
		running.Go(func() { made[i], errs[i] = p.once(t.Context(), "k", `{"name":"n"}`) })
	}
	running.Wait()
	require.Equal(t, make([]error, callers), errs)
	made = slices.CompactFunc(made, func(a, b journey.Journey) bool { return a.ID == b.ID })
	require.Len(t, made, 1)
	require.Equal(t, 1, p.total(t))
}

// The process dies before or after the write. The repeat finds out.
func TestCreateOnce_RepeatAfterACrashMakesOneJourney(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	for i, after := range []bool{false, true} {
		key := fmt.Sprint("k", i)
		_, err := p.on(dyingAfter(0, after)).CreateOnce(t.Context(), demo, journey.Change{Name: new("n")}, key, []byte(`{"name":"n"}`))
		require.Error(t, err)
		_, err = p.once(t.Context(), key, `{"name":"n"}`)
		require.NoError(t, err)
		require.Equal(t, i+1, p.total(t))
	}
}
