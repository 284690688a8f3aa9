package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// setFormat makes an item one of another format.
func (i *installation) setFormat(t *testing.T, pk, sk, number string) {
	t.Helper()
	i.damage(t, pk, sk, "f", &types.AttributeValueMemberN{Value: number})
}

// lookup returns an item.
func (i *installation) lookup(t *testing.T, pk, sk string) map[string]types.AttributeValue {
	t.Helper()
	out, err := i.client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &i.table, ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk},
		},
	})
	require.NoError(t, err)
	require.NotEmpty(t, out.Item)
	return out.Item
}

// Items of a newer format stop only their own customers, who are left as they are.
func TestNewer_ItemsStopOnlyTheirOwnCustomers(t *testing.T) {
	t.Parallel()

	i := install(t)
	id, graph, old, customers := i.enrollInTwoGraphs(t)
	enrollment := "E#" + string(id)[4:]
	i.setFormat(t, "T#acme#J#"+string(id)[4:], "G#"+graph, "2")
	i.setFormat(t, "T#acme#C#customer-7", enrollment, "2")
	i.setFormat(t, "T#acme#C#customer-8", "P", "2")
	left := append(old, "customer-7", "customer-8")
	before := map[string]map[string]types.AttributeValue{}
	for _, c := range left {
		before[c] = i.lookup(t, "T#acme#C#"+c, enrollment)
	}

	log := i.logging()
	i.now = i.now.Add(48 * time.Hour)
	i.run(t, t.Context())
	require.Equal(t, map[string]int{"completed new": 33}, i.whereAll(t, id, except(customers[5:], "customer-7", "customer-8"), status))
	require.Len(t, i.inbox, 33)
	for _, c := range left {
		require.Equal(t, before[c], i.lookup(t, "T#acme#C#"+c, enrollment), c)
	}
	lines := takeErrors(log)
	require.Len(t, lines, 3, lines)
	for _, line := range lines {
		require.Contains(t, line, "newer-format")
		require.NotRegexp(t, "customer-|plan", line)
	}
	require.Equal(t, 1, strings.Count(strings.Join(lines, ""), `"count":5`), "customers of the newer graph: %s", lines)
}

// A customer who is long overdue goes alone, and each attempt is counted ahead. An item
// of a newer format must not use the attempts up.
func TestNewer_ItemsCountNoAttempts(t *testing.T) {
	t.Parallel()

	i := install(t)
	sends := i.activate(t, longWait)
	waits := i.activate(t, `{"nodes":[{"id":"in","type":"entry_trigger"},
		{"id":"w","type":"wait","config":{"delayHours":1,"waitForEvent":"opened"}},
		{"id":"out","type":"exit","config":{"reason":"done"}}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`)
	i.enroll(t, sends, t.Context(), 1)
	i.enroll(t, waits, t.Context(), 1)
	require.NoError(t, i.store.Customers.PutProfile(t.Context(), i.tenant, journey.Profile{
		Customer: "customer-0", Attributes: []byte(`{}`), UpdatedAt: i.now,
	}, 0))
	i.now = i.now.Add(time.Minute)
	require.NoError(t, i.store.Events.Remember(t.Context(), i.tenant, "customer-0", "opened", progress.Received{Stamp: progress.Stamp{At: i.now}}))
	i.setFormat(t, "T#acme#C#customer-0", "P", "2")
	i.setFormat(t, "T#acme#C#customer-0", "V#opened", "2")
	log := i.logging()
	for range engine.MaxCrashes + 5 {
		i.now = i.now.Add(time.Hour)
		i.run(t, t.Context())
	}
	for _, id := range []ident.ID{sends, waits} {
		e := i.where(t, id, "customer-0")
		require.Equal(t, progress.Inside, e.Status, e.ExitReason)
		require.Zero(t, e.Attempts)
		require.Len(t, e.Path, 2, "the customer has not moved")
	}
	require.Empty(t, i.inbox)
	require.Contains(t, log.String(), `"solo":true`)
	lines := takeErrors(log)
	require.Len(t, lines, 2*(engine.MaxCrashes+5), "each tick says so")

	i.setFormat(t, "T#acme#C#customer-0", "P", "1")
	i.setFormat(t, "T#acme#C#customer-0", "V#opened", "1")
	i.run(t, t.Context())
	require.Len(t, i.inbox, 1)
	require.Equal(t, "completed done", status(i.where(t, waits, "customer-0").Enrollment))
}

// Tick passes over a LIVE entry of a newer format, and a pack of that journey, which
// may be on its way, does nothing.
func TestNewer_LiveEntryStopsNoOtherJourney(t *testing.T) {
	t.Parallel()

	i := install(t)
	left, sound := i.activate(t, longWait), i.activate(t, longWait)
	i.enroll(t, left, t.Context(), 2)
	i.enroll(t, sound, t.Context(), 2)
	i.setFormat(t, "LIVE", "acme#"+string(left)[4:], "2")
	log := i.logging()
	i.now = i.now.Add(time.Hour)
	i.run(t, t.Context())
	require.Len(t, i.inbox, 2)
	lines := takeErrors(log)
	require.Len(t, lines, 1)
	require.Contains(t, lines[0], `"msg":"journeys passed over","count":1`)
	require.Contains(t, lines[0], string(left)[4:])

	before := i.lookup(t, "T#acme#C#customer-0", "E#"+string(left)[4:])
	require.NoError(t, i.Advance(t.Context(), engine.Pack{Tenant: i.tenant, Journey: left, Customers: []string{"customer-0"}}))
	require.Equal(t, before, i.lookup(t, "T#acme#C#customer-0", "E#"+string(left)[4:]))
	require.Len(t, takeErrors(log), 1)
	i.setFormat(t, "LIVE", "acme#"+string(left)[4:], "1")
	i.run(t, t.Context())
	require.Len(t, i.inbox, 4)
}
