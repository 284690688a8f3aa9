package dynamo_test

import (
	"flag"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
)

var seeds = flag.Int("seeds", 20, "how many seeds the chaos test runs")

// tally counts outcomes.
type tally struct{ enrolled, skipped, errors int }

func count(outcomes []journey.Outcome) (n tally) {
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

// TestChaosOfEightClients enrolls the same 1,000 customers by eight clients at
// once, while answers are lost, requests and parts of them throttled and keys
// left unread at random. Every second seed writes the second way. It needs no
// index and no stream: they do not decide who is enrolled.
func TestChaosOfEightClients(t *testing.T) {
	table := dynamotest.PlainTable(t)
	total := dynamotest.FaultCounts{}
	for seed := range uint64(*seeds) {
		faults := &dynamotest.Faults{Seed: seed, Lose: 0.1, Throttle: 0.05, Statements: 0.01, Unread: 0.01}
		chaos(t, storeOn(table, faults.Install), storeOn(table), int(seed))
		done := faults.Counts()
		require.Positive(t, done.Lost, "seed %d lost no answer", seed)
		total.Lost += done.Lost
		total.Throttled += done.Throttled
		total.Statements += done.Statements
		total.Unread += done.Unread
	}
	t.Logf("%d seeds, 8 clients, 1,000 customers: every sum exact; answers lost: %d, requests throttled: %d, "+
		"statements throttled: %d, keys unread: %d", *seeds, total.Lost, total.Throttled, total.Statements, total.Unread)
}

// chaos runs one seed on a journey of its own, through s, and reads what came
// of it through calm.
func chaos(t *testing.T, s, calm *dynamo.Store, seed int) {
	t.Helper()
	const clients = 8
	all := customers(0, 1000)
	answers := make([]tally, clients)
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() {
			list := inside(byte(i+1), all...)
			for n := range list {
				list[n].Journey = id(seed)
			}
			answers[i] = count(s.Enrollments.Insert(t.Context(), demo, 4, list))
		})
	}
	running.Wait()

	sum := 0
	for i, answer := range answers {
		where := fmt.Sprintf("seed %d, client %d: %+v", seed, i, answer)
		require.Equal(t, len(all), answer.enrolled+answer.skipped+answer.errors, where)
		require.Zero(t, answer.errors, where)
		sum += answer.enrolled
		stored := count(calm.Enrollments.Enrolled(t.Context(), demo, id(seed), all, journey.RequestID{byte(i + 1)}))
		require.Equal(t, answer, stored, where)
	}
	require.Equal(t, len(all), sum, "seed %d", seed)
}
