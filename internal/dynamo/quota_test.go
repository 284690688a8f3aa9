package dynamo_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// newLimited returns a fixture whose tenants may enroll 1,000 customers a minute, and an
// active journey.
func newLimited(t *testing.T, options ...func(*dynamodb.Options)) (*fixture, ident.ID) {
	t.Helper()
	p := newFixture(t)
	id := p.journey(t, waitingGraph)
	p.limit(storeOn(p.table, options...).Quota(1000))
	return p, id
}

func (p *fixture) limit(quota journey.Quota) {
	stores := p.store.Handlers()
	stores.Quota = quota
	p.Service = journey.NewService(stores, func() time.Time { return p.now }, rand.Reader)
}

// many returns a call for n customers with that prefix.
func many(prefix string, n int) journey.EnrollRequest {
	r := journey.EnrollRequest{}
	for i := range n {
		r.Customers = append(r.Customers, fmt.Sprint(prefix, i))
	}
	return r
}

func requireLimited(t *testing.T, err error, after time.Duration) {
	t.Helper()
	var refused *journey.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, journey.Limited, refused.Kind)
	require.Equal(t, "enrollment-rate", refused.Code)
	require.Equal(t, after, refused.RetryAfter)
}

func TestQuota_BoundsTheCustomersOfAMinute(t *testing.T) {
	t.Parallel()

	p, id := newLimited(t)
	minute := p.now.Truncate(time.Minute)
	p.now = minute.Add(29*time.Second + time.Millisecond)
	result, err := p.Enroll(t.Context(), demo, id, many("a", 600))
	require.NoError(t, err)
	require.Equal(t, 600, result.Enrolled)
	_, err = p.Enroll(t.Context(), demo, id, many("b", 401))
	requireLimited(t, err, 31*time.Second)
	_, err = p.store.Enrollments.Enrollment(t.Context(), demo, id, "b0")
	require.ErrorIs(t, err, journey.ErrNotEnrolled)
	result, err = p.Enroll(t.Context(), demo, id, many("a", 400))
	require.NoError(t, err)
	require.Equal(t, 400, result.Skipped, "customers who are inside count too")
	_, err = p.Enroll(t.Context(), demo, id, many("c", 1))
	requireLimited(t, err, 31*time.Second)

	require.NoError(t, storeOn(p.table).Quota(1000).Take(t.Context(), other, 1000, p.now), "another tenant")
	p.now = minute.Add(time.Minute)
	_, err = p.Enroll(t.Context(), demo, id, many("b", 1000))
	require.NoError(t, err)
	p.now = minute.Add(time.Minute - time.Millisecond)
	_, err = p.Enroll(t.Context(), demo, id, many("c", 1))
	requireLimited(t, err, time.Second)
	p.now = minute.Add(3 * time.Minute)
	_, err = p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: append(many("d", 999).Customers, "d0")})
	require.NoError(t, err, "a customer who is twice in a call counts once")
	_, err = p.Enroll(t.Context(), demo, id, many("e", 1))
	require.NoError(t, err)
}

// A call that takes nothing from the journey, or is a repeat, takes nothing from the quota.
func TestQuota_RepeatsCountOnce(t *testing.T) {
	t.Parallel()

	p, id := newLimited(t)
	first, second := many("a", 600), many("b", 401)
	first.Key, second.Key = "first", "second"
	for range 3 {
		result, err := p.Enroll(t.Context(), demo, id, first)
		require.NoError(t, err)
		require.Equal(t, 600, result.Enrolled)
	}
	for range 2 {
		_, err := p.Enroll(t.Context(), demo, id, second)
		require.ErrorContains(t, err, "enrollment-rate", "a call that is refused does not use up its key")
	}
	reused := many("c", 1)
	reused.Key = "first"
	_, err := p.Enroll(t.Context(), demo, id, reused)
	require.ErrorContains(t, err, "idempotency-key-reused")
	paused := journey.Paused
	_, err = p.Update(t.Context(), demo, id, journey.Change{Status: &paused}, nil)
	require.NoError(t, err)
	_, err = p.Enroll(t.Context(), demo, id, many("c", 1))
	require.ErrorContains(t, err, "journey-not-active")
	active := journey.Active
	_, err = p.Update(t.Context(), demo, id, journey.Change{Status: &active}, nil)
	require.NoError(t, err)
	_, err = p.Enroll(t.Context(), demo, id, many("c", 400))
	require.NoError(t, err)

	p.now = p.now.Add(time.Minute)
	result, err := p.Enroll(t.Context(), demo, id, second)
	require.NoError(t, err)
	require.Equal(t, 401, result.Enrolled)
}

// Eight processes count at the same time, on both sides of a minute's end. The first
// response to every request is lost, so the SDK repeats each.
func TestQuota_IsExactWithLostAnswers(t *testing.T) {
	t.Parallel()

	table := dynamotest.Table(t)
	faults := &dynamotest.Faults{LoseFirst: true}
	minutes := []time.Time{start.Truncate(time.Minute), start.Truncate(time.Minute).Add(time.Minute)}
	var taken [2]atomic.Int64
	var group sync.WaitGroup
	for process := range 8 {
		quota := storeOn(table, faults.Install).Quota(1000)
		for call := range 40 {
			if call%4 == 0 {
				group.Wait() // up to four calls of a process at a time
			}
			group.Go(func() {
				i := (process + call) % 2
				if err := quota.Take(t.Context(), demo, 7, minutes[i].Add(30*time.Second)); err == nil {
					taken[i].Add(7)
				} else if !limited(err) {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	for i, minute := range minutes {
		it := lookup(t, table, "T#demo#Q", fmt.Sprint(minute.Unix()/60))
		require.Equal(t, fmt.Sprint(taken[i].Load()), it["n"].(*types.AttributeValueMemberN).Value)
		require.EqualValues(t, 994, taken[i].Load(), "142 calls of 7")
	}
	require.Positive(t, faults.Counts().Lost)
}

func limited(err error) bool {
	refused, ok := err.(*journey.Error) //nolint:errorlint // it is not wrapped
	return ok && refused.Kind == journey.Limited
}

func TestQuota_CostsOneWriteOfOneUnit(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	quota := s.Quota(1000)
	for range 20 {
		ctx, m := capacity.WithMeter(t.Context())
		require.NoError(t, quota.Take(ctx, demo, 10, start))
		require.Equal(t, 1, m.Usage().Requests)
		require.Equal(t, 1.0, m.Usage().WriteUnits)
	}
}
