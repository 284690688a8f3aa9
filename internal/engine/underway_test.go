package engine_test

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

const longWait = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"hour","type":"wait","config":{"delayHours":1}},
	{"id":"hello","type":"channel_action","config":{"channel":"push"}},
	{"id":"long","type":"wait","config":{"delayHours":500}},
	{"id":"out","type":"exit","config":{"reason":"REASON"}}],
	"edges":[{"source":"in","target":"hour"},{"source":"hour","target":"hello"},
	{"source":"hello","target":"long"},{"source":"long","target":"out"}]}`

// wire counts the requests to the table by operation, including retries.
type wire struct {
	next  dynamodb.HTTPClient
	mu    sync.Mutex
	calls map[string]int
}

func (w *wire) install(o *dynamodb.Options) { w.next, o.HTTPClient = o.HTTPClient, w }

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	w.calls[operation]++
	w.mu.Unlock()
	return w.next.Do(r)
}

// count returns the number of requests that f causes, by operation and in all.
func (w *wire) count(f func()) (calls map[string]int, all int) {
	w.mu.Lock()
	w.calls = map[string]int{}
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.calls {
		all += n
	}
	return w.calls, all
}

// runAll runs a tick and its packs, eight at a time.
func (i *installation) runAll(t *testing.T) {
	t.Helper()
	require.NoError(t, i.Tick(t.Context()))
	packs := make(chan engine.Pack, len(i.queue))
	for _, pack := range i.queue {
		packs <- pack
	}
	close(packs)
	i.queue = nil
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for pack := range packs {
				if err := i.Advance(t.Context(), pack); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
}

// whereAll counts the customers by name(enrollment).
func (i *installation) whereAll(t *testing.T, id ident.ID, customers []string, name func(progress.Enrollment) string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for part := range slices.Chunk(customers, engine.PackSize) {
		loaded, err := i.store.Engine.Load(t.Context(), i.tenant, id, part)
		require.NoError(t, err)
		for _, e := range loaded.Enrollments {
			counts[name(e)]++
		}
	}
	return counts
}

func status(e progress.Enrollment) string {
	return strings.TrimSpace(e.Status.String() + " " + e.ExitReason)
}

func node(e progress.Enrollment) string { return fmt.Sprint(status(e), " ", e.Node) }

// manyFlag is the number of customers in a journey that changes. `make chaos` runs
// 10,000, which takes DynamoDB Local minutes.
var manyFlag = flag.Int("many", 300, "customers of the tests of journeys under way; `make chaos` has 10,000")

// While a journey is paused, its due customers are neither written nor sent
// anything. When it is resumed, they go on.
func TestUnderWay_PauseAndResume(t *testing.T) {
	t.Parallel()

	many := *manyFlag
	w := &wire{calls: map[string]int{}}
	i := install(t, w.install)
	id := i.activate(t, longWait)
	customers := i.enroll(t, id, t.Context(), many)
	_, paused := w.count(func() { i.change(t, t.Context(), id, journey.Paused) })
	require.LessOrEqual(t, paused, 5)
	i.now = i.now.Add(2 * time.Hour)
	calls, _ := w.count(func() {
		for range 3 {
			i.runAll(t)
			i.now = i.now.Add(time.Minute)
		}
	})
	require.Equal(t, map[string]int{"Query": 3}, calls, "each tick reads only the LIVE entries")
	require.Empty(t, i.inbox)

	_, resumed := w.count(func() { i.change(t, t.Context(), id, journey.Active) })
	require.LessOrEqual(t, resumed, 5)
	i.runAll(t)
	require.Equal(t, map[string]int{"active 3": many}, i.whereAll(t, id, customers, node))
	require.Len(t, i.inbox, many)
	t.Logf("%d requests to pause, %d to resume; 3 queries and no write or message in 3 ticks of the pause; %d customers went on", paused, resumed, many)
}

// A journey that was archived once is visited even while it is paused, as customers
// may still have to leave it. Packs that arrive then move no other customer.
func TestUnderWay_PauseStopsPacksOfAJourneyArchivedBefore(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, longWait)
	for _, status := range []journey.Status{journey.Archived, journey.Paused, journey.Active} {
		i.change(t, t.Context(), id, status)
	}
	early := i.enroll(t, id, t.Context(), 20)
	i.now = i.now.Add(time.Hour)
	i.run(t, t.Context())
	require.Len(t, i.inbox, len(early))
	i.now = i.now.Add(499 * time.Hour)
	late := []string{"late-1", "late-2"}
	_, err := i.service.Enroll(t.Context(), i.tenant, id, journey.EnrollRequest{Customers: late})
	require.NoError(t, err)
	i.now = i.now.Add(time.Hour)
	require.NoError(t, i.Tick(t.Context()))
	require.NotEmpty(t, i.queue)
	packs := append(slices.Clone(i.queue), engine.Pack{Tenant: i.tenant, Journey: id, Customers: early[:1], Solo: true})

	i.change(t, t.Context(), id, journey.Paused)
	loaded, err := i.store.Engine.Load(t.Context(), i.tenant, id, nil)
	require.NoError(t, err)
	require.NotNil(t, loaded.Live)
	revision := func(e progress.Enrollment) string { return fmt.Sprint(node(e), " ", e.Rev) }
	all := slices.Concat(early, late)
	before := i.whereAll(t, id, all, revision)
	i.queue = packs
	i.run(t, t.Context())
	require.Equal(t, before, i.whereAll(t, id, all, revision), "no enrollment is written")
	require.Len(t, i.inbox, len(early), "no message is sent during a pause")

	i.change(t, t.Context(), id, journey.Active)
	i.run(t, t.Context())
	require.Equal(t, map[string]int{"completed REASON": len(early)}, i.whereAll(t, id, early, status))
	require.Len(t, i.inbox, len(early)+len(late))
}

// When a journey is archived or deleted, all its customers leave within ten ticks,
// also those in a wait of 500 hours.
func TestUnderWay_ArchiveAndDelete(t *testing.T) {
	t.Parallel()

	const ticks = 10
	many := *manyFlag
	w := &wire{calls: map[string]int{}}
	i := install(t, w.install)
	for _, reason := range []string{"journey_archived", "journey_deleted"} {
		id := i.activate(t, longWait)
		customers := i.enroll(t, id, t.Context(), many/2)
		hours := journeytest.Definition(t, strings.Replace(longWait, `"delayHours":1}`, `"delayHours":500}`, 1))
		_, err := i.service.Update(t.Context(), i.tenant, id, journey.Change{Definition: &hours}, nil)
		require.NoError(t, err)
		for n := len(customers); n < many; n = len(customers) {
			for range min(journey.MaxBatch, many-n) {
				customers = append(customers, fmt.Sprint("more-", len(customers)))
			}
			result, err := i.service.Enroll(t.Context(), i.tenant, id, journey.EnrollRequest{Customers: customers[n:]})
			require.NoError(t, err)
			require.Equal(t, len(customers)-n, result.Enrolled)
		}
		_, calls := w.count(func() {
			if reason == "journey_archived" {
				i.change(t, t.Context(), id, journey.Archived)
			} else {
				require.NoError(t, i.service.Delete(t.Context(), i.tenant, id, nil))
			}
		})
		require.LessOrEqual(t, calls, 5)
		out, turns := map[string]int{}, 0
		for ; turns < ticks && out["cancelled "+reason] < many; turns++ {
			i.runAll(t)
			i.now = i.now.Add(time.Minute)
			out = i.whereAll(t, id, customers, status)
		}
		require.Equal(t, map[string]int{"cancelled " + reason: many}, out)
		t.Logf("%s: %d requests; %d customers left after %d ticks", reason, calls, many, turns)
	}
	require.Empty(t, i.inbox, "customers that leave get no more messages")
}

func TestUnderWay_EditAppliesToLaterEnrollments(t *testing.T) {
	t.Parallel()

	many := *manyFlag
	w := &wire{calls: map[string]int{}}
	i := install(t, w.install)
	id := i.activate(t, strings.ReplaceAll(longWait, "REASON", "old"))
	customers := i.enroll(t, id, t.Context(), many)
	edited := journeytest.Definition(t, strings.ReplaceAll(longWait, "REASON", "new"))
	_, calls := w.count(func() {
		j, err := i.service.Update(t.Context(), i.tenant, id, journey.Change{Definition: &edited}, nil)
		require.NoError(t, err)
		require.Equal(t, 2, j.Version)
	})
	require.LessOrEqual(t, calls, 5)
	later := make([]string, min(many/2, journey.MaxBatch))
	for c := range later {
		later[c] = fmt.Sprint("later-", c)
	}
	result, err := i.service.Enroll(t.Context(), i.tenant, id, journey.EnrollRequest{Customers: later})
	require.NoError(t, err)
	require.Equal(t, len(later), result.Enrolled)
	for _, hours := range []time.Duration{1, 500} {
		i.now = i.now.Add(hours * time.Hour)
		i.runAll(t)
	}
	version := func(e progress.Enrollment) string { return fmt.Sprint(status(e), " ", e.Version) }
	require.Equal(t, map[string]int{"completed old 1": many}, i.whereAll(t, id, customers, version))
	require.Equal(t, map[string]int{"completed new 2": len(later)}, i.whereAll(t, id, later, version))
}

func TestUnderWay_MaxDurationExpires(t *testing.T) {
	t.Parallel()

	i := install(t)
	// Each wait is shorter than both limits, as an active journey needs it.
	id := i.activate(t, strings.Replace(longWait, `"delayHours":1}`, `"delayHours":100}`, 1))
	days, long := 21, 365
	for limit, ended := range map[*int]string{&days: "expired", &long: "completed REASON"} {
		_, err := i.service.Update(t.Context(), i.tenant, id, journey.Change{MaxDurationDays: limit}, nil)
		require.NoError(t, err)
		customers := []string{fmt.Sprint("a", *limit), fmt.Sprint("b", *limit)}
		_, err = i.service.Enroll(t.Context(), i.tenant, id, journey.EnrollRequest{Customers: customers})
		require.NoError(t, err)
		entered := i.now
		i.now = entered.Add(100 * time.Hour)
		i.runAll(t)
		i.now = entered.AddDate(0, 0, days).Add(-time.Millisecond)
		i.runAll(t)
		require.Equal(t, map[string]int{"active 3": 2}, i.whereAll(t, id, customers, node))
		i.now = entered.AddDate(0, 0, days)
		i.runAll(t)
		require.Equal(t, ended == "expired", i.whereAll(t, id, customers, status)["expired"] == 2)
		i.now = entered.AddDate(0, 0, 30)
		i.runAll(t)
		require.Equal(t, map[string]int{ended: 2}, i.whereAll(t, id, customers, status))
	}
}
