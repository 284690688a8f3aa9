package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// calls are the calls that store something about a customer, as the gateway received
// them at some time. Each returns the code of its refusal, "" for none.
func (p *fixture) calls(t *testing.T, enter ident.ID) map[string]func(customer string, received time.Time) string {
	code := func(err error) string {
		var known *journey.Error
		if errors.As(err, &known) {
			return known.Code
		}
		require.NoError(t, err)
		return ""
	}
	change := func(customer string, received time.Time) journey.ProfileChange {
		return journey.ProfileChange{Customer: customer, Attributes: []byte(`{"a":1}`), Received: received}
	}
	return map[string]func(string, time.Time) string{
		"put": func(customer string, received time.Time) string {
			_, err := p.PutCustomer(t.Context(), demo, change(customer, received), nil)
			return code(err)
		},
		"patch": func(customer string, received time.Time) string {
			_, err := p.PatchCustomer(t.Context(), demo, change(customer, received), nil)
			return code(err)
		},
		"merge": func(customer string, received time.Time) string {
			return journey.Code(p.MergeCustomers(t.Context(), demo, []journey.ProfileChange{change(customer, received)})[0].Err)
		},
		"event": func(customer string, received time.Time) string {
			_, err := p.PutEvent(t.Context(), demo, journey.Event{Customer: customer, Type: "opened", ID: "1", Received: received})
			return code(err)
		},
		"enroll": func(customer string, received time.Time) string {
			list := []string{customer, "other of " + t.Name()}
			result, err := p.Enroll(t.Context(), demo, enter, journey.EnrollRequest{Customers: list, Received: received})
			require.NoError(t, err)
			require.NotEqual(t, journey.OutcomeError, result.Outcomes[1].Result, "others enter")
			if result.Outcomes[0].Result == journey.OutcomeSkipped {
				return ""
			}
			return result.Outcomes[0].Code
		},
	}
}

// storedOf returns how many items are under the customer.
func (p *fixture) storedOf(t *testing.T, customer string) (n int) {
	t.Helper()
	for _, it := range allItems(t, p.table) {
		if textOf(it, "PK") == "T#demo#C#"+customer {
			n++
		}
	}
	return n
}

// A call that was received before its customer was forgotten changes nothing, whether
// the person is known again by then or not, for at least 15 minutes and with clocks
// that differ. A call that was received after stores the customer anew.
func TestForget_BarsWhatWasReceivedBefore(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	enter := p.journey(t, openingGraph)
	p.journey(t, openedGraph)
	begun := p.now
	for minute := range 4 { // of periods that begin at different minutes
		for name, call := range p.calls(t, enter) {
			customer := fmt.Sprint("ada ", minute, name)
			p.now = begun.Add(time.Duration(minute) * 8 * time.Minute)
			require.Empty(t, call(customer, p.now.Add(-time.Second)))
			require.NoError(t, p.Forget(t.Context(), demo, customer))
			forgotten := p.now
			before := forgotten.Add(-time.Millisecond)
			for _, later := range []time.Duration{-5 * time.Minute, 0, time.Second, 15 * time.Minute, 20*time.Minute - time.Millisecond} {
				p.now = forgotten.Add(later)
				require.Equal(t, "customer-forgotten", call(customer, before), "%s %s later", name, later)
				require.Zero(t, p.storedOf(t, customer), name)
			}
			p.now = forgotten
			require.Empty(t, call(customer, forgotten), "%s: received at the same time", name)
			anew := p.storedOf(t, customer)
			require.Positive(t, anew, name)
			require.Equal(t, "customer-forgotten", call(customer, before), "%s: known again", name)
			require.Equal(t, anew, p.storedOf(t, customer), name)
			require.Empty(t, call("someone else", before), "%s: of another customer", name)
		}
	}
	for _, it := range allItems(t, p.table) {
		if strings.HasPrefix(textOf(it, "SK"), "F#") {
			require.NotContains(t, printed(it), "ada", "the fence names no one")
			expires := it["ttl"].(*types.AttributeValueMemberN).Value
			require.Less(t, expires, fmt.Sprint(begun.Add(3*time.Hour).Unix()))
		}
	}
}

// stopping is a store that calls afterRead after each read of a
// profile that is to be changed.
type stopping struct {
	journey.CustomerStore
	afterRead func()
}

func (s stopping) ProfileToChange(
	ctx context.Context, t ident.Tenant, customer string, now time.Time,
) (journey.Profile, journey.Forgotten, error) {
	p, forgotten, err := s.CustomerStore.ProfileToChange(ctx, t, customer, now)
	s.afterRead()
	return p, forgotten, err
}

// A profile that is stored while its customer is being forgotten, between the read of a
// call and its write, does not stay.
func TestForget_BarsAProfileThatIsBeingStored(t *testing.T) {
	t.Parallel()

	for _, known := range []string{"no", "yes", "without a revision"} {
		t.Run("known "+known, func(t *testing.T) {
			t.Parallel()

			p := newFixture(t)
			if known != "no" {
				_, err := p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: ada, Attributes: []byte(`{}`)}, nil)
				require.NoError(t, err)
			}
			if known == "without a revision" {
				p.damageItem(t, keyOf("T#demo#C#"+ada, "P"), "r", nil)
			}
			received := p.now
			p.now = p.now.Add(time.Second)
			stores := p.store.Handlers()
			var once sync.Once
			stores.Customers = stopping{CustomerStore: stores.Customers, afterRead: func() {
				once.Do(func() { require.NoError(t, p.Forget(t.Context(), demo, ada)) })
			}}
			late := journey.NewService(stores, func() time.Time { return p.now }, rand.Reader)
			_, err := late.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: ada, Attributes: []byte(`{"a":1}`), Received: received}, nil)
			require.ErrorIs(t, err, journey.ErrForgotten, "known: %s", known)
			require.Zero(t, p.storedOf(t, ada), "known: %s", known)
		})
	}
}

// Forgetting many customers of a tenant and a journey at once keeps each of them in the
// fence, and counts each enrollment once.
func TestForget_FencesCustomersAtOnce(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprint("c", i))
	}
	id := p.journey(t, waitingGraph, names...)
	var running sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		running.Go(func() { errs[i] = p.Forget(t.Context(), demo, fmt.Sprint("c", i%10)) })
	}
	running.Wait()
	require.NoError(t, errors.Join(errs...))
	c, err := p.store.Analytics.Counters(t.Context(), demo, id, analytics.Range{})
	require.NoError(t, err)
	require.EqualValues(t, 10, c.Forgotten)
	for i := range 11 {
		customer, want := fmt.Sprint("c", i), p.now
		if i == 10 {
			want = time.Time{}
		}
		forgotten, err := p.store.Customers.Forgotten(t.Context(), demo, customer, p.now.Add(14*time.Minute))
		require.NoError(t, err)
		require.Equal(t, want, forgotten(customer))
	}
	others, err := p.store.Customers.Forgotten(t.Context(), tenant("other"), "c1", p.now)
	require.NoError(t, err)
	require.Zero(t, others("c1"))
}

// The fence costs an enroll call one request: it is read with the journey before the
// customers are stored, and alone after. A call that stores nothing pays no second read.
func TestEnroll_ReadsTheFenceWithTheJourney(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, openingGraph, "warm")
	require.NoError(t, p.Forget(t.Context(), demo, "a")) // DynamoDB Local reports no unit for a missing item
	ctx, meter := capacity.WithMeter(t.Context())
	_, err := p.Enroll(ctx, demo, id, journey.EnrollRequest{Customers: []string{"a", "b"}, Received: p.now})
	require.NoError(t, err)
	require.Equal(t, 3, meter.Usage().Requests)
	require.Equal(t, 3.0, meter.Usage().ReadUnits)

	ctx, meter = capacity.WithMeter(t.Context())
	_, err = p.Enroll(ctx, demo, id, journey.EnrollRequest{Customers: []string{"a", "b"}, Received: p.now})
	require.NoError(t, err)
	require.Equal(t, 3, meter.Usage().Requests)
}

// What a fence of a newer format says is not known here, so no call may take its
// customers for known ones.
func TestForget_RefusesCallsAtAFenceOfANewerFormat(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	enter := p.journey(t, openingGraph)
	require.NoError(t, p.Forget(t.Context(), demo, "grace"))
	for key := range items(t, p.table) {
		if strings.HasPrefix(key[1], "F#") {
			newer(t, p.table, key[0], key[1])
		}
	}
	received := p.now.Add(-time.Second)
	change := journey.ProfileChange{Customer: "grace", Attributes: []byte(`{"a":1}`), Received: received}
	_, err := p.PutCustomer(t.Context(), demo, change, nil)
	require.ErrorIs(t, err, journey.ErrNewer)
	require.ErrorIs(t, p.MergeCustomers(t.Context(), demo, []journey.ProfileChange{change})[0].Err, journey.ErrNewer)
	_, err = p.PutEvent(t.Context(), demo, journey.Event{Customer: "grace", Type: "opened", Received: received})
	require.ErrorIs(t, err, journey.ErrNewer)
	_, err = p.Enroll(t.Context(), demo, enter, journey.EnrollRequest{Customers: []string{"grace"}, Received: received})
	require.ErrorIs(t, err, journey.ErrNewer)
	require.ErrorIs(t, p.Forget(t.Context(), demo, "grace"), journey.ErrNewer)
	require.Zero(t, p.storedOf(t, "grace"))
}

// A call reads, and Forget rewrites, a small part of a tenant's fence only: where
// thousands are forgotten, one item would cost each call of the tenant 100 RRU, and its
// partition would take no more than a few of them a second.
func TestForget_SpreadsTheFence(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	const n = 64
	for i := range n {
		require.NoError(t, p.Forget(t.Context(), demo, fmt.Sprint("customer-", i)))
	}
	partitions, names, largest := map[string]bool{}, 0, 0
	for key, it := range items(t, p.table) {
		if strings.HasPrefix(key[1], "F#") {
			partitions[key[0]] = true
			names += len(it) - 4 // PK, SK, f, ttl
			largest = max(largest, len(it)-4)
		}
	}
	require.GreaterOrEqual(t, names, n)
	require.LessOrEqual(t, largest, n/4)
	require.Greater(t, len(partitions), 8)
}
