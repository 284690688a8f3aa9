package engine_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// journal is what customers received, over all tables. It outlives a restore.
type journal struct {
	mu   sync.Mutex
	keys map[string]bool // that channels with keys have seen
	got  map[string]int  // messages by customer and node
}

// tableWorld is a table with customers, their attributes and events. Channel "c0"
// takes keys, "c1" does not.
type tableWorld struct {
	*slowWorld
	journal    *journal
	random     *rand.Rand
	attributes map[string]string
	events     map[string]map[string]time.Time // by customer and type
	throttled  float64                         // share of messages that are put off by up to half an hour
	skipped    map[string]bool                 // messages, by customer and node
}

// AdvanceWithProfile has no other writers of profiles.
func (w *tableWorld) AdvanceWithProfile(
	ctx context.Context, t ident.Tenant, shards int, e progress.Enrollment, p journey.Profile, _ int64,
) error {
	err := w.Advance(ctx, t, shards, []progress.Enrollment{e})[0]
	if err == nil {
		w.mu.Lock()
		w.attributes[e.Customer] = string(p.Attributes)
		w.mu.Unlock()
	}
	return err
}

func (w *tableWorld) Profiles(context.Context, ident.Tenant, []string) (map[string]engine.Profile, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	profiles := map[string]engine.Profile{}
	for customer, text := range w.attributes {
		attributes, err := condition.ParseValue([]byte(text))
		profiles[customer] = engine.Profile{Attributes: attributes, Err: err}
	}
	return profiles, nil
}

func (w *tableWorld) LastEvents(_ context.Context, _ ident.Tenant, wanted map[string][]string) (map[string]engine.LastEvents, error) {
	last := map[string]engine.LastEvents{}
	for customer := range wanted {
		events := map[string][]progress.Received{}
		for eventType, at := range w.events[customer] {
			events[eventType] = []progress.Received{{Stamp: progress.Stamp{At: at}}}
		}
		last[customer] = engine.LastEvents{ByType: events}
	}
	return last, nil
}

func (w *tableWorld) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return condition.ParseValue(fmt.Appendf(nil, `{"score":%d}`, w.random.IntN(10)))
}

func (w *tableWorld) Send(_ context.Context, m engine.Message) (progress.Answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.random.Float64() < w.throttled {
		return progress.Answer{}, &engine.ThrottledError{After: time.Duration(w.random.IntN(30)) * time.Minute}
	}
	keyed, message := m.Config.Channel == "c0", m.Customer+" "+m.NodeID
	if m.Uncertain && (!keyed || m.Rekeyed) {
		w.skipped[message] = true
		return progress.Answer{Result: trail.SkippedUncertain}, nil
	}
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	if !keyed || !w.journal.keys[m.Key] {
		w.journal.got[message]++
	}
	w.journal.keys[m.Key] = true
	return progress.Answer{Result: trail.Sent}, nil
}

func newTableWorld(t *testing.T, random *rand.Rand, d journey.Definition) *tableWorld {
	w := &tableWorld{
		slowWorld: newSlowWorld(t, "s", map[byte]string{'s': `{"channel":"c0"}`}, 0), random: random,
		journal:    &journal{keys: map[string]bool{}, got: map[string]int{}},
		attributes: map[string]string{}, events: map[string]map[string]time.Time{}, skipped: map[string]bool{},
	}
	w.graph = d
	return w
}

// enroll enrolls a customer now, with new attributes.
func (w *tableWorld) enroll(customer string) {
	e := progress.Enrollment{
		Journey: "jrn_0", Customer: customer, GraphHash: w.graph.Hash, Version: 1,
		EnrolledAt: time.Now().UTC(), ExpiresAt: time.Now().UTC().AddDate(1, 0, 0),
	}
	for i := range e.RequestID {
		e.RequestID[i] = byte(w.random.IntN(256))
	}
	w.attributes[customer] = fmt.Sprintf(`{"a0":%d,"a1":%d,"a2":%d}`, w.random.IntN(10), w.random.IntN(10), w.random.IntN(10))
	w.items[customer], _ = w.graph.Graph.Start(e)
}

// snapshot returns a copy of the table with the same journal. It has other
// attributes, as if the last changes were lost.
func (w *tableWorld) snapshot(t *testing.T) *tableWorld {
	restored := newTableWorld(t, w.random, w.graph)
	restored.journal = w.journal
	for customer, e := range w.items {
		restored.enroll(customer)
		e.Path = slices.Clone(e.Path)
		restored.items[customer] = e
	}
	for customer, events := range w.events {
		restored.events[customer] = maps.Clone(events)
	}
	return restored
}

// minutes lets the world run for some minutes, with random events.
func (w *tableWorld) minutes(t *testing.T, e *engine.Engine, n int) {
	e.Table, e.Dispatcher, e.Provider = w, w, w
	for range n {
		require.NoError(t, e.Tick(t.Context()))
		for _, customer := range slices.Sorted(maps.Keys(w.items)) {
			if w.random.IntN(60) == 0 {
				if w.events[customer] == nil {
					w.events[customer] = map[string]time.Time{}
				}
				w.events[customer][fmt.Sprintf("e%d", w.random.IntN(3))] = time.Now()
				require.NoError(t, w.Dispatch(t.Context(), engine.Pack{Tenant: w.live.Tenant, Journey: "jrn_0", Customers: []string{customer}}))
			}
		}
		for len(w.begun) > 0 {
			require.NoError(t, e.Advance(t.Context(), <-w.begun))
		}
		time.Sleep(time.Minute)
	}
}

// enrollAll enrolls the customers from number first on, one in each of n minutes.
func (w *tableWorld) enrollAll(t *testing.T, e *engine.Engine, first, n int) {
	for i := range n {
		w.enroll(fmt.Sprint("c", first+i))
		w.minutes(t, e, 1)
	}
}

// twoWays leads to one message by a short and a long way, and then by a long wait to
// another.
const twoWays = `{"nodes":[{"id":"in","type":"entry_trigger"},
	{"id":"w","type":"wait","config":{"delayHours":7}},
	{"id":"s","type":"condition_split","config":{"condition":{"field":"a0","operator":"gte","value":5}}},
	{"id":"l","type":"wait","config":{"delayHours":48}},
	{"id":"m","type":"channel_action","config":{"channel":"c1"}},
	{"id":"v","type":"wait","config":{"delayHours":48}},
	{"id":"n","type":"channel_action","config":{"channel":"c1"}},{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"w"},{"source":"w","target":"s"},{"source":"s","target":"m","sourceHandle":"true"},
	{"source":"s","target":"l","sourceHandle":"false"},{"source":"l","target":"m"},{"source":"m","target":"v"},
	{"source":"v","target":"n"},{"source":"n","target":"out"}]}`

var delayHours = regexp.MustCompile(`"delayHours":(\d+)`)

// in5Minutes lets an hour of the waits take five minutes.
func in5Minutes(graph string) string {
	return delayHours.ReplaceAllStringFunc(graph, func(delay string) string {
		hours, _ := strconv.Atoi(delayHours.FindStringSubmatch(delay)[1])
		return fmt.Sprintf(`"delay":{"value":%d,"unit":"minutes"}`, 5*hours)
	})
}

// restoreOnce lets customers run, restores the table to an hour before the original
// stopped, and lets the copy run to the end. The copy is late, and has other
// attributes, decisions and events. fenced tells the engine of the restore.
func restoreOnce(t *testing.T, seed uint64, graph string, fenced bool) (restored *tableWorld, before map[string]int) {
	const known, lost = 120, 60 // customers that enrolled before and after the snapshot
	random := rand.New(rand.NewPCG(seed, 1))
	original := newTableWorld(t, random, journeytest.Definition(t, graph))
	e := original.engine()
	original.enrollAll(t, e, 0, known)
	restored = original.snapshot(t)
	to := time.Now()
	original.enrollAll(t, e, known, lost)
	stopped := time.Now()
	before = maps.Clone(original.journal.got)

	e = restored.engine()
	e.Paused = true
	restored.enrollAll(t, e, known, lost)
	restored.minutes(t, e, 30)
	require.Equal(t, before, restored.journal.got, "a paused installation sends nothing")
	e.Paused = false
	if fenced {
		e.Restore = engine.Restore{To: to, Stopped: stopped, Resumed: time.Now()}
	}
	restored.throttled = 0.5
	for turn := 0; !restored.allLeft(); turn++ {
		require.Less(t, turn, 100)
		restored.minutes(t, e, 60)
	}
	for _, e := range restored.items {
		require.Equal(t, progress.Completed, e.Status, e.ExitReason)
	}
	return restored, before
}

// After a restore no message is sent again that the original sent, whether its
// channel takes keys or not, and however the copy's customers move. A message that
// the original cannot have sent is sent.
func TestRestore_SendsNothingAgain(t *testing.T) {
	t.Parallel()

	graphs := map[uint64]string{0: in5Minutes(twoWays)}
	for seed := range uint64(12) {
		graphs[seed+1] = in5Minutes(journeytest.Graph(rand.New(rand.NewPCG(seed, 2)), 12))
	}
	var twice, sent, skipped, unsent int
	for seed, graph := range graphs {
		synctest.Test(t, func(t *testing.T) {
			restored, before := restoreOnce(t, seed, graph, true)
			for message, n := range restored.journal.got {
				require.Equal(t, 1, n, "seed %d: %s", seed, message)
				sent += n - before[message]
			}
			for message := range restored.skipped {
				skipped++
				if before[message] == 0 {
					unsent++
				}
			}
			if seed == 0 {
				for customer := range restored.items {
					require.Equal(t, 1, restored.journal.got[customer+" n"], "%s: the long wait outlasts the lost hour", customer)
				}
			}
		})
		if seed > 3 {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			restored, _ := restoreOnce(t, seed, graph, false)
			for _, n := range restored.journal.got {
				twice += n - 1
			}
		})
	}
	t.Logf("%d messages of the copies sent, %d skipped, of which %d were never sent; without the setting %d are sent twice in 4 of the worlds",
		sent, skipped, unsent, twice)
	require.Positive(t, twice)
	require.Less(t, unsent, sent)
}

func TestParseRestore_WantsThreeTimesInOrder(t *testing.T) {
	t.Parallel()

	got, err := engine.ParseRestore("never")
	require.NoError(t, err)
	require.Zero(t, got)
	got, err = engine.ParseRestore("2026-11-28T10:00:00Z/2026-11-28T12:30:00+01:00/2026-11-28T11:30:00Z")
	require.NoError(t, err)
	require.Equal(t, 90*time.Minute, got.Stopped.Sub(got.To))
	require.Zero(t, got.Resumed.Sub(got.Stopped))
	for _, text := range []string{"", "2026-11-28T10:00:00Z", "2026-11-28T10:00:00Z/2026-11-28T09:00:00Z/2026-11-28T11:00:00Z",
		"2026-11-28/2026-11-28/2026-11-28", "2026-11-28T10:00:00Z/2026-11-28T11:00:00Z/2026-11-28T12:00:00Z/2026-11-28T13:00:00Z"} {
		_, err := engine.ParseRestore(text)
		require.ErrorContains(t, err, "want \"never\", or three times", text)
	}
}
