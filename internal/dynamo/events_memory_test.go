package dynamo_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
	"journeys/internal/progress"
)

// Concurrent writers add events in any order, some of them twice. The last ones are
// remembered, each once.
func TestEvents_RememberTheLastOfAType(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	const n = 30
	add := func(i int) {
		event := progress.Received{Stamp: progress.Stamp{At: start.Add(time.Duration(i/2) * time.Millisecond), ID: uint64(i)}, Properties: fmt.Appendf(nil, `{"n":%d}`, i)}
		require.NoError(t, s.Events.Remember(t.Context(), demo, "ada", "opened", event))
	}
	var running sync.WaitGroup
	for i := range n {
		for range 1 + i%2 {
			running.Go(func() { add((i * 7) % n) })
		}
	}
	running.Wait()
	known, err := s.Engine.LastEvents(t.Context(), demo, map[string][]string{"ada": {"opened", "never"}, "bob": {"opened"}})
	require.NoError(t, err)
	events := known["ada"].ByType["opened"]
	require.Len(t, events, progress.RememberedEvents)
	for i, event := range events {
		require.Equal(t, fmt.Sprintf(`{"n":%d}`, n-progress.RememberedEvents+i), string(event.Properties))
		require.Equal(t, uint64(n-progress.RememberedEvents+i), event.ID)
	}
	require.Empty(t, known["ada"].ByType["never"])
	require.LessOrEqual(t, len(lookup(t, table, "T#demo#C#ada", "V#opened")), 2*progress.RememberedEvents, "older ones are removed")
}

// An event that is undone leaves the others; the only one leaves nothing.
func TestEvents_UndoRemovesOneEvent(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	at := func(id uint64) progress.Stamp { return progress.Stamp{At: start, ID: id} }
	for id := range uint64(2) {
		require.NoError(t, s.Events.Remember(t.Context(), demo, "ada", "opened", progress.Received{Stamp: at(id)}))
	}
	undo := func(id uint64) {
		t.Helper()
		require.NoError(t, s.Events.UndoEvent(t.Context(), demo, journey.EventRecord{Customer: "ada", ReceivedAt: start, Stamp: at(id)}, "opened"))
	}
	for range 2 { // a repeat changes nothing
		undo(1)
		known, err := s.Engine.LastEvents(t.Context(), demo, map[string][]string{"ada": {"opened"}})
		require.NoError(t, err)
		require.Equal(t, []progress.Received{{Stamp: at(0)}}, known["ada"].ByType["opened"])
	}
	require.NoError(t, s.Events.Remember(t.Context(), demo, "ada", "opened", progress.Received{Stamp: at(0)}))
	undo(0)
	undo(0)
	require.Nil(t, lookup(t, table, "T#demo#C#ada", "V#opened"))
}

// The properties of an event are remembered once a journey was activated that reads them.
func TestEvents_KeepPropertiesThatAreRead(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	put := func(id, properties string) {
		t.Helper()
		_, err := p.PutEvent(t.Context(), demo, journey.Event{Customer: "ada", Type: "bought", ID: id, Properties: []byte(properties)})
		require.NoError(t, err)
	}
	put("e1", `{"cart":7}`)
	p.journey(t, `{"nodes":[{"id":"in","type":"entry_trigger"},`+
		`{"id":"w","type":"wait","config":{"delayHours":5,"waitForEvent":{"any":[{"id":"x","eventType":"bought","match":{"event":"cart","entry":"cart"}}]}}},`+
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`)
	p.now = p.now.Add(time.Minute)
	put("e2", `{"cart":7,"note":"`+strings.Repeat("x", progress.MaxRemembered)+`"}`)
	p.now = p.now.Add(time.Minute)
	put("e3", `{"cart":"`+strings.Repeat("x", progress.MaxRemembered)+`"}`)
	known, err := p.store.Engine.LastEvents(t.Context(), demo, map[string][]string{"ada": {"bought"}})
	require.NoError(t, err)
	events := known["ada"].ByType["bought"]
	require.Len(t, events, 3)
	require.Nil(t, events[0].Properties)
	require.JSONEq(t, `{"cart":7}`, string(events[1].Properties), "only what is read")
	require.Equal(t, "null", string(events[2].Properties), "too much")
	starts, err := p.store.Events.StartedBy(t.Context(), demo, "bought")
	require.NoError(t, err)
	require.Equal(t, journey.Starts{Reads: [][]string{{"cart"}}}, starts)
}

// The paths that journeys read of a type are bounded: beyond that everything is kept.
func TestEvents_KeepABoundedNumberOfPaths(t *testing.T) {
	t.Parallel()

	s, _ := store(t)
	keep := func(eventType string, first, n int) [][]string {
		t.Helper()
		var paths [][]string
		for i := range n {
			paths = append(paths, []string{"cart", fmt.Sprint("p", first+i)})
		}
		require.NoError(t, s.Events.KeepProperties(t.Context(), demo, map[string][][]string{eventType: paths}))
		starts, err := s.Events.StartedBy(t.Context(), demo, eventType)
		require.NoError(t, err)
		return starts.Reads
	}
	require.Equal(t, [][]string{{}}, keep("many", 0, 257))
	require.Len(t, keep("more", 0, 200), 200)
	require.Len(t, keep("more", 0, 200), 200, "the same")
	require.Len(t, keep("more", 200, 56), 256)
	require.Contains(t, keep("more", 300, 1), []string{})

	long := map[string][][]string{"long": {{"cart", strings.Repeat("x", 200)}, {"a"}}}
	require.NoError(t, s.Events.KeepProperties(t.Context(), demo, long))
	starts, err := s.Events.StartedBy(t.Context(), demo, "long")
	require.NoError(t, err)
	require.ElementsMatch(t, [][]string{{"cart"}, {"a"}}, starts.Reads)
}
