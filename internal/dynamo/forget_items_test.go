package dynamo_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// allItems returns every item of the table.
func allItems(t *testing.T, table string) []map[string]types.AttributeValue {
	t.Helper()
	out, err := dynamotest.Client().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	require.NoError(t, err)
	require.Empty(t, out.LastEvaluatedKey)
	return out.Items
}

func textOf(it map[string]types.AttributeValue, name string) string {
	s, _ := it[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

// printed returns the attributes of an item but its partition key, in order.
func printed(it map[string]types.AttributeValue) string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(it)) {
		if name == "PK" {
			continue
		}
		switch v := it[name].(type) {
		case *types.AttributeValueMemberS:
			fmt.Fprintf(&all, "%s=%s ", name, v.Value)
		case *types.AttributeValueMemberN:
			fmt.Fprintf(&all, "%s=%s ", name, v.Value)
		case *types.AttributeValueMemberB:
			fmt.Fprintf(&all, "%s=%x ", name, v.Value)
		default:
			fmt.Fprintf(&all, "%s=%#v ", name, v)
		}
	}
	return all.String()
}

// requireNoExactTime requires that no number and no offset of a path is a time of day.
func requireNoExactTime(t *testing.T, it map[string]types.AttributeValue) {
	t.Helper()
	const day = 24 * 60 * 60 * 1000
	for name, value := range it {
		if n, ok := value.(*types.AttributeValueMemberN); ok {
			at, err := strconv.ParseInt(n.Value, 10, 64)
			require.NoError(t, err)
			require.True(t, at < day || at%day == 0, "%s is %d", name, at)
		}
	}
	path, _ := it["p"].(*types.AttributeValueMemberB)
	for rest := path; rest != nil && len(rest.Value) > 2; {
		offset, n := binary.Uvarint(rest.Value[1:])
		require.Zero(t, offset%day, "path %x", path.Value)
		rest = &types.AttributeValueMemberB{Value: rest.Value[n+2:]}
	}
}

// Two customers take the same ways through the same journeys, each at times of their
// own, and are forgotten on one day. Of each journey, two items remain that are equal
// but for random keys without a common part: nothing tells which items of different
// journeys belong to one person.
func TestForget_LeavesNothingThatLinksTwoJourneys(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	names := []string{"Ada Lovelace", "Grace Hopper"}
	waiting, left, failed, damaged := p.journey(t, waitingGraph), p.journey(t, leavingGraph), p.journey(t, sendingGraph), p.journey(t, waitingGraph)
	damagedLeft, noFormat := p.journey(t, leavingGraph), p.journey(t, waitingGraph)
	started := []ident.ID{p.journey(t, openedGraph), p.journey(t, openedGraph)}
	p.now = time.Date(2026, 11, 24, 1, 2, 3, 456_000_000, time.UTC)
	for i, name := range names {
		for _, id := range []ident.ID{waiting, left, failed, damaged, damagedLeft, noFormat} {
			_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{name}})
			require.NoError(t, err)
		}
		_, err := p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: name, Attributes: []byte(`{"email":"` + name + `"}`)}, nil)
		require.NoError(t, err)
		_, err = p.PutEvent(t.Context(), demo, journey.Event{Customer: name, Type: "opened", ID: fmt.Sprint("order", i)})
		require.NoError(t, err)
		p.now = p.now.Add(7*time.Hour + 8*time.Second + 9*time.Millisecond)
		p.fail(t, failed, name)
		p.damage(t, damaged, name, "v", garbage)
		p.damage(t, damagedLeft, name, "v", garbage)
		p.damage(t, noFormat, name, "f", nil)
	}
	p.now = time.Date(2026, 11, 27, 5, 6, 7, 89_000_000, time.UTC)
	for _, name := range names {
		require.NoError(t, p.Retry(t.Context(), demo, failed, name))
		p.now = p.now.Add(3*time.Hour + 11*time.Millisecond)
		require.NoError(t, p.Forget(t.Context(), demo, name))
	}

	remain, keys := map[string][]string{}, map[string]bool{}
	for _, it := range allItems(t, p.table) {
		pk, sk := textOf(it, "PK"), textOf(it, "SK")
		require.NotContains(t, pk, "#C#", "an item under a customer: %s", sk)
		if strings.HasPrefix(sk, "E#") {
			random, ok := strings.CutPrefix(pk, "T#demo#A#")
			require.True(t, ok, pk)
			require.Len(t, random, 32)
			require.False(t, keys[random[:8]] || keys[random[24:]], "a part of a key comes twice")
			keys[random[:8]], keys[random[24:]] = true, true
			remain[sk] = append(remain[sk], printed(it))
			requireNoExactTime(t, it)
		}
		if sk == "F" {
			requireNoExactTime(t, it)
		}
	}
	require.Len(t, remain, 6+len(started))
	for journeyKey, items := range remain {
		require.Len(t, items, 2, journeyKey)
		require.Equal(t, items[0], items[1], journeyKey)
	}
	for _, name := range append(names, "order0", "order1") {
		requireNotStored(t, p.table, name)
	}
	require.Contains(t, p.audit(t), `"Drift":0,"WrongItems":6`)
}
