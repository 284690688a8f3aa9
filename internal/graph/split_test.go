package graph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/strict"
)

// splitOf returns a random_split called id, with that salt and those weights.
func splitOf(t *testing.T, id, salt string, weights ...int) *graph.Node {
	t.Helper()
	var branches []string
	for i, weight := range weights {
		branches = append(branches, fmt.Sprintf(`{"id":"b%d","weight":%d}`, i, weight))
	}
	if salt != "" {
		salt = fmt.Sprintf(`,"salt":%q`, salt)
	}
	var faults strict.Faults
	v, ok := strict.Parse(fmt.Appendf(nil, `{"nodes":[{"id":%q,"type":"random_split","config":{"branches":[%s]%s}}]}`,
		id, strings.Join(branches, ","), salt), &faults)
	require.True(t, ok)
	object, _ := v.Object()
	g, ok := graph.Compile(object)
	require.True(t, ok)
	require.Empty(t, faults.List())
	return g.Node(0)
}

const drawn = 100_000

// patterns are the forms of customer ids that callers have.
var patterns = map[string]func(i int) string{
	"sequential": func(i int) string { return fmt.Sprint(i) },
	"padded":     func(i int) string { return fmt.Sprintf("customer-%010d", i) },
	"e-mail":     func(i int) string { return fmt.Sprintf("first.last%d@example.com", i) },
	"UUID": func(i int) string {
		r := rand.New(rand.NewPCG(uint64(i), 4))
		return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), 0x8000+r.IntN(1<<14), r.Int64N(1<<48))
	},
}

func TestRandomSplit_SharesFollowWeights(t *testing.T) {
	t.Parallel()

	for pattern, id := range patterns {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()

			for salt, weights := range map[string][]int{
				"": {1, 1}, "control": {90, 10}, "control-2": {10_000, 1, 9_999, 0, 1, 1, 1, 10_000}, strings.Repeat("x", 128): {0, 3, 3, 3},
			} {
				requireShares(t, splitOf(t, "n7", salt, weights...), weights, id)
			}
		})
	}
}

// requireShares draws for 100,000 customers, and requires shares as the weights say.
func requireShares(t *testing.T, n *graph.Node, weights []int, id func(int) string) {
	t.Helper()
	counts, total := make([]int, len(weights)), 0
	for i := range drawn {
		counts[n.Draw("jrn_01JD0000000000000000000000", id(i))]++
	}
	for _, weight := range weights {
		total += weight
	}
	for way, weight := range weights {
		require.InDelta(t, float64(weight)/float64(total), float64(counts[way])/drawn, 0.01, "%v of %v", way, weights)
		if weight == 0 {
			require.Zero(t, counts[way], "a branch without weight")
		}
	}
}

// A customer's branch in one split says nothing about the branch in another, unless
// both have one salt.
func TestRandomSplit_IsIndependentUnlessSaltIsShared(t *testing.T) {
	t.Parallel()

	const journey, another = "jrn_01JD0000000000000000000000", "jrn_01JD0000000000000000000001"
	first, second, shared := splitOf(t, "a", "", 1, 1), splitOf(t, "b", "", 1, 1), splitOf(t, "a", "control", 1, 1)
	alsoShared := splitOf(t, "other", "control", 1, 1)
	var nodes, journeys, salted [2][2]int
	for i := range drawn {
		id := fmt.Sprint(i)
		one := first.Draw(journey, id)
		require.Equal(t, one, first.Draw(journey, id))
		nodes[one][second.Draw(journey, id)]++
		journeys[one][first.Draw(another, id)]++
		salted[one][shared.Draw(journey, id)]++
		require.Equal(t, shared.Draw(journey, id), alsoShared.Draw(another, id), "one salt, one branch")
	}
	for _, pairs := range [][2][2]int{nodes, journeys, salted} {
		for _, row := range pairs {
			for _, n := range row {
				require.Less(t, math.Abs(float64(n)-drawn/4), 0.01*drawn, "%v", pairs)
			}
		}
	}
}

// Where the first range grows, the customers inside stay inside.
func TestRandomSplit_BranchesTakeConsecutiveRanges(t *testing.T) {
	t.Parallel()

	small, large := splitOf(t, "a", "s", 10, 90), splitOf(t, "a", "s", 30, 70)
	for i := range 10_000 {
		if id := fmt.Sprint(i); small.Draw("", id) == 0 {
			require.Zero(t, large.Draw("", id))
		}
	}
}

// The parts of the hash do not run into each other.
func TestRandomSplit_HashesPartsApart(t *testing.T) {
	t.Parallel()

	equal := 0
	one, other := splitOf(t, "a", "s", 1, 1), splitOf(t, "a", "s1", 1, 1)
	for i := range 10_000 {
		if one.Draw("", fmt.Sprint("1", i)) == other.Draw("", fmt.Sprint(i)) {
			equal++
		}
	}
	require.InDelta(t, 5_000, equal, 300)
}

// The branch of a customer must never change: these are stored nowhere.
func TestRandomSplit_KeepsItsBranches(t *testing.T) {
	t.Parallel()

	var got []int
	byDefault, salted := splitOf(t, "n1", "", 1, 1, 1, 1, 1, 1, 1, 1), splitOf(t, "n1", "control", 1, 1, 1, 1, 1, 1, 1, 1)
	for _, customer := range []string{"c1", "c2", "c3", "jane@example.com"} {
		got = append(got, byDefault.Draw("jrn_01JD0000000000000000000000", customer), salted.Draw("jrn_01JD0000000000000000000000", customer))
	}
	require.Equal(t, []int{7, 6, 6, 0, 5, 7, 4, 4}, got)
}
