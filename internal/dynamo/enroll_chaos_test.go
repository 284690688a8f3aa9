package dynamo_test

import (
	"flag"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// defaultSeeds is the number of seeds of `make test`.
const defaultSeeds = 1

var seeds = flag.Int("seeds", defaultSeeds, "number of seeds of the chaos test; `make seeds` runs 8")

// outcomeCounts counts outcomes.
type outcomeCounts struct{ enrolled, skipped, errors int }

func count(outcomes []journey.Outcome) (n outcomeCounts) {
	for _, o := range outcomes {
		switch o.Result {
		case journey.OutcomeEnrolled:
			n.enrolled++
		case journey.OutcomeSkipped:
			n.skipped++
		default:
			n.errors++
		}
	}
	return n
}

// Eight clients enroll the same 1,000 customers at once, while responses are lost,
// requests and statements throttled and keys left unprocessed at random. The table has
// no index and no stream: they do not affect who is enrolled.
func TestEnroll_ChaosOfEightClientsIsExact(t *testing.T) {
	t.Parallel()

	table := dynamotest.PlainTable(t)
	total := dynamotest.FaultCounts{}
	count := uint64(*seeds)
	for seed := range count {
		faults := &dynamotest.Faults{Seed: seed, Lose: 0.1, Throttle: 0.05, Statements: 0.01, Unread: 0.01}
		chaos(t, storeOn(table, faults.Install), storeOn(table), int(seed))
		done := faults.Counts()
		require.Positive(t, done.Lost, "seed %d lost no response", seed)
		total.Lost += done.Lost
		total.Throttled += done.Throttled
		total.Statements += done.Statements
		total.Unread += done.Unread
	}
	t.Logf("%d seeds, 8 clients, 1,000 customers: every sum exact; responses lost: %d, requests throttled: %d, "+
		"statements throttled: %d, keys unread: %d", count, total.Lost, total.Throttled, total.Statements, total.Unread)
}

// chaos runs one seed on its own journey through s, and reads the result through calm.
func chaos(t *testing.T, s, calm *dynamo.Store, seed int) {
	t.Helper()
	const clients = 8
	all := customers(0, 1000)
	results := make([]outcomeCounts, clients)
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() {
			list := inside(byte(i+1), all...)
			for n := range list {
				list[n].Journey = id(seed)
			}
			results[i] = count(s.Enrollments.Insert(t.Context(), demo, 4, list))
		})
	}
	running.Wait()

	sum := 0
	for i, result := range results {
		where := fmt.Sprintf("seed %d, client %d: %+v", seed, i, result)
		require.Equal(t, len(all), result.enrolled+result.skipped+result.errors, where)
		require.Zero(t, result.errors, where)
		sum += result.enrolled
		stored := count(calm.Enrollments.Enrolled(t.Context(), demo, id(seed), all, ident.RequestID{byte(i + 1)}, "journey-not-active"))
		require.Equal(t, result, stored, where)
	}
	require.Equal(t, len(all), sum, "seed %d", seed)
}
