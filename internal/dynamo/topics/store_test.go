package topics_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

func TestMain(m *testing.M) { dynamotest.Main(m) }

var (
	demo, _  = ident.ParseTenant("demo")
	other, _ = ident.ParseTenant("other")
	start    = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
)

func stores(t *testing.T, options ...func(*dynamodb.Options)) (*dynamo.Store, string) {
	t.Helper()
	table := dynamotest.Table(t)
	return dynamo.New(dynamotest.Client(options...), table, rand.Reader), table
}

func TestTopics_AreStoredOncePerRevision(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, table := stores(t)
	none, err := s.Topics.TenantSettings(ctx, demo)
	require.NoError(t, err)
	require.Zero(t, none)

	first := consent.TenantSettings{
		Topics: consent.Topics{"news": {Name: "News", Channels: []string{"email"}}}, Rev: 1, UpdatedAt: start,
	}
	second := consent.TenantSettings{Topics: consent.Topics{}, Rev: 2, UpdatedAt: start.Add(time.Hour)}
	faults := &dynamotest.Faults{LoseFirst: true}
	lossy := dynamo.New(dynamotest.Client(faults.Install), table, rand.Reader).Topics
	for _, next := range []consent.TenantSettings{first, second} {
		require.NoError(t, lossy.PutTopics(ctx, demo, next), "the response to the first attempt was lost")
		stored, err := s.Topics.TenantSettings(ctx, demo)
		require.NoError(t, err)
		require.Equal(t, next, stored)
	}
	require.Equal(t, 2, faults.Counts().Lost)
	for _, rev := range []int64{1, 2, 4} {
		require.ErrorIs(t, s.Topics.PutTopics(ctx, demo, consent.TenantSettings{Rev: rev, UpdatedAt: start}), journey.ErrLost)
	}
	none, err = s.Topics.TenantSettings(ctx, other)
	require.NoError(t, err)
	require.Zero(t, none)
}

func TestSubscriptions_ChangeOnTheRevisionThatWasRead(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, table := stores(t)
	said := func(rev int64, in bool) consent.Subscriptions {
		return consent.Subscriptions{
			Customer: "a#b", Rev: rev, Statements: map[string]consent.Statement{"news": {In: in, At: start}, "tips": {In: true, At: start}},
		}
	}
	faults := &dynamotest.Faults{LoseFirst: true}
	lossy := dynamo.New(dynamotest.Client(faults.Install), table, rand.Reader).Topics
	require.NoError(t, lossy.PutSubscriptions(ctx, demo, said(100, true), 0))
	require.NoError(t, lossy.PutSubscriptions(ctx, demo, said(101, false), 100))
	require.Equal(t, 2, faults.Counts().Lost)
	for _, rev := range []int64{0, 100, 102} {
		require.ErrorIs(t, s.Topics.PutSubscriptions(ctx, demo, said(200, true), rev), journey.ErrLost)
	}
	require.NoError(t, s.Topics.DeleteSubscriptions(ctx, demo, "a#b", 100), "another revision")
	stored, err := s.Topics.Subscriptions(ctx, demo, "a#b")
	require.NoError(t, err)
	require.Equal(t, said(101, false), stored)

	require.NoError(t, s.Topics.PutTopics(ctx, demo, consent.TenantSettings{Rev: 1, UpdatedAt: start}))
	settings, stored, forgotten, err := s.Topics.ToChange(ctx, demo, "a#b", start)
	require.NoError(t, err)
	require.Equal(t, int64(1), settings.Rev)
	require.Equal(t, said(101, false), stored)
	require.Zero(t, forgotten("a#b"))

	require.NoError(t, s.Customers.Forget(context.WithoutCancel(ctx), demo, "a#b", start, journey.Forgetting{}))
	_, stored, forgotten, err = s.Topics.ToChange(ctx, demo, "a#b", start)
	require.NoError(t, err)
	require.Zero(t, stored, "erased with the customer")
	require.Equal(t, start, forgotten("a#b").UTC())
}
