package dynamo_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
)

// messageID returns a message id for tests.
func messageID(n byte) message.ID { return message.ID{15: n} }

func TestMessages_AreFoundUntilTheyExpire(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	other, _ := ident.ParseTenant("other")
	records := make([]message.Record, 60)
	for i := range records {
		records[i] = message.Record{
			ID: messageID(byte(i)), Channel: "*", Named: "push", Customer: "ada", Journey: id(1), GraphHash: strings.Repeat("0a", 16),
			Version: 2, Run: 3, Node: 0, ExpiresAt: message.Expiry("", start),
		}
	}
	records[7].Topic, records[7].Address = "news", strings.Repeat("ab", 32)
	require.NoError(t, s.Engine.PutMessages(t.Context(), demo, records))
	require.NoError(t, s.Engine.PutMessages(t.Context(), demo, records), "a repeat")
	require.NoError(t, s.Engine.PutMessages(t.Context(), demo, nil))
	for _, want := range records {
		got, err := s.Messages.Message(t.Context(), demo, want.ID, start)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = s.Messages.Message(t.Context(), other, want.ID, start)
		require.ErrorIs(t, err, journey.ErrNoMessage)
		_, err = s.Messages.Message(t.Context(), demo, want.ID, want.ExpiresAt)
		require.ErrorIs(t, err, journey.ErrNoMessage)
	}
	_, err := s.Messages.Message(t.Context(), demo, messageID(99), start)
	require.ErrorIs(t, err, journey.ErrNoMessage)
}

// Messages to a customer who is forgotten stay without the customer, so that their recipient
// can still unsubscribe, and an address that bounces is suppressed.
func TestForget_StripsMessages(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	journeyID := p.journey(t, sendingGraph, "adele", "bob")
	var put []message.Record // at each node of a way, as if it had sent
	for _, customer := range []string{"adele", "bob"} {
		e := p.claim(t, journeyID, customer)
		visited := e.Path.Visits(e.EnrolledAt)[0].Node
		for topic, node := range map[string]int{"": e.Node, "news": visited} {
			put = append(put, message.Record{
				ID:      message.NewID(demo, journeyID, customer, e.Run, node, e.RequestID),
				Channel: "email", Named: "email", Topic: topic, Customer: customer, Journey: journeyID, GraphHash: e.GraphHash, Version: 1, Run: 1, Node: node,
				ExpiresAt: message.Expiry(topic, p.now),
			})
		}
	}
	require.NoError(t, p.store.Engine.PutMessages(t.Context(), demo, put))
	p.now = p.now.Add(time.Hour) // the leases have ended
	require.NoError(t, p.Forget(t.Context(), demo, "adele"))
	read := func(r message.Record) (message.Record, error) {
		return p.store.Messages.Message(t.Context(), demo, r.ID, p.now)
	}
	for _, r := range put {
		got, err := read(r)
		require.NoError(t, err)
		want := r
		if r.Customer != "bob" {
			want = message.Record{ID: r.ID, Channel: "email", Named: "email", Topic: r.Topic, ExpiresAt: r.ExpiresAt}
		}
		require.Equal(t, want, got)
	}
	require.False(t, slices.ContainsFunc(allItems(t, p.table), func(it map[string]types.AttributeValue) bool {
		return strings.Contains(textOf(it, "PK")+printed(it), "adele")
	}))
}

// The records of all messages of an enrollment are only found if it can be read. Otherwise
// Forget says so, and forgets the rest.
func TestForget_TellsOfMessagesThatItCannotFind(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	journeyID := p.journey(t, sendingGraph, "ada", "bob", "cleo", "dora")
	for customer, damage := range map[string]map[string]types.AttributeValue{
		"ada":  {"p": &types.AttributeValueMemberB{Value: []byte{1, 255, 255}}},
		"bob":  {"rid": nil},
		"cleo": {"rid": &types.AttributeValueMemberS{Value: "x"}},
		"dora": nil,
	} {
		for attribute, value := range damage {
			p.damageItem(t, item.EnrollmentKey(demo, journeyID, customer), attribute, value)
		}
		var told []journey.Damage
		p.Unstripped = func(_ context.Context, tenant ident.Tenant, d journey.Damage) {
			require.Equal(t, demo, tenant)
			told = append(told, d)
		}
		require.NoError(t, p.Forget(t.Context(), demo, customer))
		if damage == nil {
			require.Empty(t, told)
			continue
		}
		require.Len(t, told, 1, customer)
		require.Equal(t, journeyID, told[0].Journey)
		require.ErrorIs(t, told[0].Cause, journey.ErrDamaged)
		require.NotContains(t, told[0].Cause.Error(), customer)
	}
}
