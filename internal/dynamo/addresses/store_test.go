package addresses_test

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/engine"
	"journeys/internal/ident"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

var (
	demo, _  = ident.ParseTenant("demo")
	other, _ = ident.ParseTenant("other")
	start    = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func store(t *testing.T, options ...func(*dynamotest.Faults)) *dynamo.Store {
	faults := &dynamotest.Faults{}
	for _, set := range options {
		set(faults)
	}
	return dynamo.New(dynamotest.Client(faults.Install), dynamotest.Table(t), rand.Reader)
}

// Whatever comes late or twice, the latest word about a channel and a topic stays, and the
// answer to a write may be lost.
func TestAddresses_KeepTheLatestWordInAnyOrder(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := store(t, func(f *dynamotest.Faults) { f.LoseFirst = true })
	words := []consent.Suppression{
		{Reason: consent.ReasonBounce, At: at(1)}, {Reason: consent.ReasonComplaint, At: at(2)}, {At: at(3)}, {Reason: consent.ReasonManual, At: at(4)},
	}
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for _, last := range []int{1, 2, 3, 4} {
		hash := string(rune('a' + last))
		for _, i := range append(r.Perm(last), r.Perm(last)...) {
			_, err := s.Addresses.PutSuppression(ctx, demo, hash, "email", words[i])
			require.NoError(t, err)
			require.NoError(t, s.Addresses.OptOut(ctx, demo, hash, map[string]time.Time{"news": words[i].At, "offers": at(0)}))
		}
		stored, err := s.Addresses.Address(ctx, demo, hash)
		require.NoError(t, err)
		require.Equal(t, consent.Address{
			Suppressions: map[string]consent.Suppression{"email": words[last-1]},
			OptOuts:      map[string]time.Time{"news": at(last), "offers": at(0)},
		}, stored)
		require.Equal(t, words[last-1].Reason != "", stored.Suppressed("email"))
		stored, err = s.Addresses.Address(ctx, other, hash)
		require.NoError(t, err)
		require.Zero(t, stored)
	}
}

// A worker reads addresses only if the tenant's settings say that there are some.
func TestAddresses_AreNotedBeforeTheFirstIsWritten(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := store(t)
	topics := consent.TenantSettings{Topics: consent.Topics{"news": {Name: "News", Channels: []string{"email"}}}, Rev: 1, UpdatedAt: start}
	require.NoError(t, s.Topics.PutTopics(ctx, demo, topics))
	noted := func(tenant ident.Tenant) bool {
		settings, err := s.Topics.TenantSettings(ctx, tenant)
		require.NoError(t, err)
		return settings.Addresses
	}
	require.False(t, noted(demo))
	require.NoError(t, s.Addresses.OptOut(ctx, demo, "h", nil))
	require.False(t, noted(demo))
	require.NoError(t, s.Addresses.OptOut(ctx, demo, "h", map[string]time.Time{"news": start}))
	require.True(t, noted(demo))
	_, err := s.Addresses.PutSuppression(ctx, other, "h", "email", consent.Suppression{Reason: consent.ReasonManual, At: start})
	require.NoError(t, err)
	require.True(t, noted(other))

	topics.Rev = 2
	require.NoError(t, s.Topics.PutTopics(ctx, demo, topics), "noting it is no revision")
	require.True(t, noted(demo))
}

// The consent of a whole pack is one or two requests, with the tenant's settings.
func TestConsents_AreReadInFewRequests(t *testing.T) {
	t.Parallel()
	s := store(t)
	require.NoError(t, s.Topics.PutTopics(t.Context(), demo, consent.TenantSettings{
		Topics: consent.Topics{"news": {Channels: []string{"email"}}}, Rev: 1, UpdatedAt: start,
	}))
	require.NoError(t, s.Topics.PutSubscriptions(t.Context(), demo, consent.Subscriptions{
		Customer: "ada", Statements: map[string]consent.Statement{"news": {In: true, At: start}}, Rev: 1,
	}, 0))
	require.NoError(t, s.Addresses.OptOut(t.Context(), demo, "h", map[string]time.Time{"news": start}))
	for addresses, want := range map[bool]struct{ requests, units float64 }{false: {1, 98}, true: {2, 195}} {
		ctx, meter := capacity.WithMeter(t.Context())
		var keys []engine.ConsentKey
		for i := range engine.PackSize {
			key := engine.ConsentKey{Customer: "c" + string(rune('A'+i))}
			if i == 0 {
				key.Customer = "ada"
			}
			if addresses {
				key.Address = "h" + key.Customer
			}
			keys = append(keys, key)
		}
		if addresses {
			keys[0].Address = "h"
		}
		read, err := s.Engine.Consents(ctx, demo, keys)
		require.NoError(t, err)
		require.Len(t, read.ByKey, engine.PackSize)
		require.True(t, read.ByKey[keys[0]].Said.Statements["news"].In)
		require.Equal(t, addresses, !read.ByKey[keys[0]].Address.OptOuts["news"].IsZero())
		require.True(t, read.Tenant.Addresses)
		require.EqualValues(t, want.requests, meter.Usage().Requests)
		require.LessOrEqual(t, meter.Usage().ReadUnits, want.units)
	}
}
