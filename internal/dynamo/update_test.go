package dynamo_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

const updatingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"u","type":"update_customer","config":{"add":{"n":1}}},` +
	`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"u"},{"source":"u","target":"out"}]}`

// updating returns a customer's enrollment at the node "u" as the write that leaves it,
// and the stored profile, zero for none.
func (p *fixture) updating(t *testing.T, id ident.ID, customer string) (next progress.Enrollment, stored journey.Profile) {
	t.Helper()
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
	require.NoError(t, err)
	profiles, err := p.store.Engine.Profiles(t.Context(), demo, []string{customer})
	require.NoError(t, err)
	j, err := p.store.Journeys.FullJourney(t.Context(), demo, id)
	require.NoError(t, err)
	graph := graphOf(t, p, j)
	e, effect := graph.Step(e.NextWrite(p.now), progress.Input{Now: p.now, Answer: progress.Answer{Result: trail.Updated}})
	require.Equal(t, progress.NoEffect, effect)
	return e, profiles[customer].Stored
}

func graphOf(t *testing.T, p *fixture, j journey.Journey) *progress.Graph {
	t.Helper()
	raw, err := p.store.Journeys.Definition(t.Context(), demo, j.ID, j.GraphHash)
	require.NoError(t, err)
	d, err := (&journey.Definitions{}).Get(demo, j.ID, j.GraphHash, func() ([]byte, error) { return raw, nil })
	require.NoError(t, err)
	return d.Graph
}

func (p *fixture) advanceWith(ctx context.Context, s *dynamo.Store, e progress.Enrollment, old journey.Profile, attributes string) error {
	return s.Engine.AdvanceWithProfile(ctx, demo, 4, e, old.Next("ada", []byte(attributes), p.now), old.Rev)
}

// Answers are lost and transactions conflict. The profile changes with the enrollment,
// once, and as after a patch: with another revision and time.
func TestAdvanceWithProfile_WritesBothOrNone(t *testing.T) {
	t.Parallel()

	for name, faults := range map[string]*dynamotest.Faults{
		"no faults":                      {},
		"lost answers":                   {LoseFirst: true},
		"lost answers, tokens forgotten": {LoseFirst: true, ForgetTokens: true},
		"conflicts and throttling":       {Seed: 3, Conflict: 0.3, Throttle: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := newFixture(t)
			s := storeOn(p.table, faults.Install)
			id := p.journey(t, updatingGraph, "ada")
			e, none := p.updating(t, id, "ada")
			require.Zero(t, none)
			first, err := p.PatchCustomer(t.Context(), demo, profileOf("ada", `{"n":1}`), nil)
			require.NoError(t, err)
			require.ErrorIs(t, p.advanceWith(t.Context(), s, e, none, `{"n":0}`), engine.ErrProfileChanged, "there is a profile by now")
			e, old := p.updating(t, id, "ada")
			require.Equal(t, first, old)
			p.now = p.now.Add(time.Minute)
			next, err := p.PatchCustomer(t.Context(), demo, profileOf("ada", `{"n":2}`), nil)
			require.NoError(t, err)
			require.ErrorIs(t, p.advanceWith(t.Context(), s, e, old, `{"n":2}`), engine.ErrProfileChanged)
			at, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
			require.NoError(t, err)
			require.Equal(t, e.Rev-1, at.Rev, "the enrollment has not moved")

			p.now = p.now.Add(time.Minute)
			e, old = p.updating(t, id, "ada")
			require.Equal(t, next, old)
			require.NoError(t, p.advanceWith(t.Context(), s, e, old, `{"n":3}`))
			require.ErrorIs(t, p.advanceWith(t.Context(), s, e, old, `{"n":3}`), journey.ErrLost, "another worker's write")
			stored, err := p.Customer(t.Context(), demo, "ada")
			require.NoError(t, err)
			require.Equal(t, journey.Profile{Customer: "ada", Attributes: []byte(`{"n":3}`), Rev: old.Rev + 1, UpdatedAt: p.now}, stored)
			at, err = p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
			require.NoError(t, err)
			require.Equal(t, progress.Completed, at.Status)
			require.Equal(t, e.Rev, at.Rev)
			_, err = p.PutCustomer(t.Context(), demo, profileOf("ada", `{}`), &journey.Precondition{Revs: []int64{old.Rev}})
			require.ErrorIs(t, err, journey.ErrStaleCustomer, "a caller's ETag is stale")
		})
	}
}

func TestAdvanceWithProfile_CreatesProfiles(t *testing.T) {
	t.Parallel()

	p := newFixture(t, (&dynamotest.Faults{LoseFirst: true, ForgetTokens: true}).Install)
	id := p.journey(t, updatingGraph, "ada")
	e, none := p.updating(t, id, "ada")
	require.NoError(t, p.advanceWith(t.Context(), p.store, e, none, `{"n":1}`))
	stored, err := p.Customer(t.Context(), demo, "ada")
	require.NoError(t, err)
	require.Equal(t, journey.Profile{Customer: "ada", Attributes: []byte(`{"n":1}`), Rev: p.now.UnixMilli(), UpdatedAt: p.now}, stored)
}

// While a message is claimed, a removal waits for its record.
func TestAdvanceWithProfile_ObeysPendingExits(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, updatingGraph, "ada")
	p.claim(t, id, "ada")
	e, none := p.updating(t, id, "ada")
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	var pending *journey.ExitPendingError
	require.ErrorAs(t, p.advanceWith(t.Context(), p.store, e, none, `{"n":1}`), &pending)
	require.Equal(t, "removed", pending.Exit.Reason)
	_, err := p.Customer(t.Context(), demo, "ada")
	require.ErrorIs(t, err, journey.ErrNoCustomer)
}

// A worker that is late does not bring a forgotten customer back.
func TestAdvanceWithProfile_LeavesForgottenCustomersForgotten(t *testing.T) {
	t.Parallel()

	for _, hadProfile := range []bool{false, true} {
		t.Run(fmt.Sprint("with a profile: ", hadProfile), func(t *testing.T) {
			t.Parallel()

			p := newFixture(t)
			id := p.journey(t, updatingGraph, "adele")
			if hadProfile {
				_, err := p.PutCustomer(t.Context(), demo, profileOf("adele", `{"n":1}`), nil)
				require.NoError(t, err)
			}
			e, old := p.updating(t, id, "adele")
			require.NoError(t, p.Forget(t.Context(), demo, "adele"))
			require.ErrorIs(t, p.advanceWith(t.Context(), p.store, e, old, `{"n":2}`), journey.ErrLost)
			requireNotStored(t, p.table, "adele")
		})
	}
}

// Neither an enrollment nor a profile of a newer format is changed.
func TestAdvanceWithProfile_LeavesNewerItemsAlone(t *testing.T) {
	t.Parallel()

	for _, sk := range []string{"P", "E#"} {
		t.Run(sk, func(t *testing.T) {
			t.Parallel()

			p := newFixture(t)
			id := p.journey(t, updatingGraph, "ada")
			_, err := p.PutCustomer(t.Context(), demo, profileOf("ada", `{"n":1}`), nil)
			require.NoError(t, err)
			e, old := p.updating(t, id, "ada")
			_, undo := newer(t, p.table, "T#demo#C#ada", sk)
			before := items(t, p.table)
			require.ErrorIs(t, p.advanceWith(t.Context(), p.store, e, old, `{"n":2}`), journey.ErrNewer)
			require.Equal(t, before, items(t, p.table))
			undo()
		})
	}
}

// A caller's write that meets such a transaction under way is repeated.
func TestPutProfile_RepeatsAfterAConflict(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	var refused atomic.Int64
	service := p.on(func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Conflict", func(
				ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
			) (middleware.FinalizeOutput, middleware.Metadata, error) {
				if middleware.GetOperationName(ctx) == "PutItem" && refused.Add(1) <= 2 {
					return middleware.FinalizeOutput{}, middleware.Metadata{}, &types.TransactionConflictException{}
				}
				return next.HandleFinalize(ctx, in)
			}), middleware.After)
		})
	})
	_, err := service.PatchCustomer(t.Context(), demo, profileOf("ada", `{"n":1}`), nil)
	require.NoError(t, err)
	require.EqualValues(t, 3, refused.Load())
}
