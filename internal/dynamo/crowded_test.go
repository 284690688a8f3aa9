package dynamo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// crowd fills a shard of the due index with more than one page.
func (p *fixture) crowd(t *testing.T, id ident.ID, shard int) {
	t.Helper()
	long := strings.Repeat("x", 1900)
	var requests []types.WriteRequest
	for i := range 600 {
		it := keyOf(fmt.Sprintf("T#demo#C#%s-%d-%d", long, shard, i), "E#"+string(id)[4:])
		it["dp"] = &types.AttributeValueMemberS{Value: fmt.Sprintf("T#demo#D#%s#0#%d", string(id)[4:], shard)}
		it["f"] = &types.AttributeValueMemberN{Value: "1"}
		it["ds"] = &types.AttributeValueMemberN{Value: "9000000000000"}
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	for part := range slices.Chunk(requests, 25) {
		out, err := dynamotest.Client().BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{p.table: part},
		})
		require.NoError(t, err)
		require.Empty(t, out.UnprocessedItems)
	}
}

func (p *fixture) shards(t *testing.T, id ident.ID) int {
	t.Helper()
	lives, err := p.store.Engine.Lives(t.Context(), engine.LiveKey{}, engine.LiveKey{})
	require.NoError(t, err)
	stored, err := p.store.Journeys.Journey(t.Context(), demo, id)
	require.NoError(t, err)
	require.Equal(t, stored.Shards, lives[0].Shards)
	return stored.Shards
}

// A journey that customers crowd into gets more shards while they enroll, long before they
// are due. Those that stand in the first shards double them only once.
func TestEnroll_DoublesCrowdedShards(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph)
	for shard := journey.FirstShards / 2; shard < journey.FirstShards; shard++ { // those that are looked at
		p.crowd(t, id, shard)
	}
	enroll := func(names ...string) {
		t.Helper()
		_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: names})
		require.NoError(t, err)
	}

	enroll("a")
	require.Equal(t, journey.FirstShards, p.shards(t, id), "nothing looked at a shard")
	var asked []int
	p.Sample = func(n int) bool { asked = append(asked, n); return len(asked) > 1 }
	enroll("a", "b", "c")
	require.Equal(t, journey.FirstShards, p.shards(t, id), "not in the sample")
	enroll("d", "e", "f")
	require.Equal(t, []int{2, 3}, asked)
	require.Equal(t, 2*journey.FirstShards, p.shards(t, id))
	for i := range 20 {
		enroll(fmt.Sprint("more", i))
	}
	require.Equal(t, 2*journey.FirstShards, p.shards(t, id), "the new shards are not crowded")
	enroll("a", "b")
	require.Len(t, asked, 22, "a call without new customers does not look")

	for shard := range journey.FirstShards {
		p.crowd(t, id, journey.FirstShards+shard)
	}
	enroll("last")
	require.Equal(t, 4*journey.FirstShards, p.shards(t, id))
}
