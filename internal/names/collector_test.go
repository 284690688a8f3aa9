package names

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/ident"
)

var (
	demo, _ = ident.ParseTenant("demo")
	start   = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
)

// fakeStore keeps every record that it had, and counts requests.
type fakeStore struct {
	mu            sync.Mutex
	records       map[ident.Tenant][]Record
	reads, writes int
	refused       int
	err           error
	stale         func(records int) int // how many of the newest records a read misses; nil for none
}

func (s *fakeStore) Names(_ context.Context, t ident.Tenant) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	list := s.records[t]
	if s.stale != nil {
		list = list[:len(list)-s.stale(len(list))]
	}
	if len(list) == 0 || s.err != nil {
		return Record{}, s.err
	}
	return list[len(list)-1], nil
}

func (s *fakeStore) PutNames(_ context.Context, t ident.Tenant, r Record) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	list := s.records[t]
	if s.err != nil {
		return Record{}, s.err
	}
	if int(r.Rev) != len(list)+1 {
		s.refused++
		if len(list) == 0 {
			return Record{}, nil
		}
		return list[len(list)-1], nil
	}
	if s.records == nil {
		s.records = map[ident.Tenant][]Record{}
	}
	s.records[t] = append(list, r)
	return r, nil
}

func (s *fakeStore) requests() int { return s.reads + s.writes }

// process is a Collector with a clock of its own.
type process struct {
	*Collector
	t   testing.TB
	now time.Time
	log bytes.Buffer
}

func newProcess(t testing.TB, s Store) *process {
	p := &process{t: t, now: start}
	p.Collector = NewCollector(s, func() time.Time { return p.now }, slog.New(slog.NewJSONHandler(&p.log, nil)))
	return p
}

func (p *process) collect(attributes string) {
	p.Collect(p.t.Context(), demo, []Sample{{Attributes: []byte(attributes)}})
}

func (p *process) stored() Paths {
	p.t.Helper()
	n, err := p.Read(p.t.Context(), demo)
	require.NoError(p.t, err)
	return n.Attributes
}

func TestCollector_AsksTheStoreOnlyForNewNames(t *testing.T) {
	t.Parallel()
	s := &fakeStore{}
	first := newProcess(t, s)
	first.collect(`{"plan":"pro","visits":7}`)
	require.Equal(t, []int{1, 1}, []int{s.reads, s.writes})
	for range 100 {
		first.collect(`{"visits":8,"plan":"free"}`)
		first.collect(`{"ada@example.com":1}`)
		first.collect(`{}`)
	}
	require.Equal(t, 2, s.requests(), "nothing is new")
	first.collect(`{"visits":9,"city":"Delhi"}`)
	first.collect(`{"city":null}`)
	require.Equal(t, []int{1, 3}, []int{s.reads, s.writes}, "a new name, and a new kind")

	second := newProcess(t, s)
	for range 100 {
		second.collect(`{"plan":"pro","city":"Delhi"}`)
	}
	require.Equal(t, []int{2, 3}, []int{s.reads, s.writes}, "another process reads what is stored")
	require.Equal(t, Paths{"plan": String, "visits": Number, "city": String | Null}, second.stored())
	require.Empty(t, first.log.String()+second.log.String())
}

func TestCollector_BoundsWhatAHostileCallerCosts(t *testing.T) {
	t.Parallel()
	s := &fakeStore{}
	p := newProcess(t, s)
	for i := range 10_000 {
		p.Collect(t.Context(), demo, []Sample{{
			EventType:  fmt.Sprintf("type %d %s", i, []string{"x", "\x01\x01\x01\x01", "ééééé"}[i%3]),
			Properties: fmt.Appendf(nil, `{"p%d":1,"q.%d":"x"}`, i, i),
			Attributes: fmt.Appendf(nil, `{"a%d":{"b.c%d":{"äääääääää":1}}}`, i, i),
		}})
	}
	require.Equal(t, 1, s.reads)
	require.LessOrEqual(t, s.writes, MaxTypes+MaxAttributes)
	text := s.records[demo][len(s.records[demo])-1].Text
	require.Less(t, len(text), 31<<10)
	require.Greater(t, len(text), 12<<10)
	before := s.requests()
	for i := range 1000 {
		p.collect(fmt.Sprintf(`{"more%d":1}`, i))
	}
	require.Equal(t, before, s.requests(), "no room is left")

	p = newProcess(t, s)
	for i := range 1000 {
		p.collect(fmt.Sprintf(`{"more%d":1}`, i))
	}
	require.Equal(t, before+1, s.requests(), "another process reads that once")
}

// The longest names fill the bytes of the item, not its places.
func TestCollector_BoundsTheBytesOfLongNames(t *testing.T) {
	t.Parallel()
	s := &fakeStore{}
	p := newProcess(t, s)
	long := func(i, n int) string {
		return fmt.Sprintf("é%c%c", 'a'+i%26, 'a'+i/26) + string(bytes.Repeat([]byte("é"), n))
	}
	for i := range 600 {
		p.Collect(t.Context(), demo, []Sample{{
			EventType:  long(i, 125),
			Properties: fmt.Appendf(nil, `{"%s":1}`, long(i, 60)),
			Attributes: fmt.Appendf(nil, `{"%s":1}`, long(i, 60)),
		}})
	}
	text := s.records[demo][len(s.records[demo])-1].Text
	require.Less(t, len(text), 31<<10)
	require.Greater(t, len(text), 20<<10)
}

func TestCollector_LogsTheFirstErrorAndWaits(t *testing.T) {
	t.Parallel()
	s := &fakeStore{err: errors.New("the table is busy")}
	p := newProcess(t, s)
	for range 50 {
		p.collect(`{"plan":1}`)
	}
	require.Equal(t, 1, s.requests())
	p.now = p.now.Add(retryAfter)
	p.collect(`{"plan":1}`)
	p.collect(`{"plan":1}`)
	require.Equal(t, 2, s.requests())
	require.Equal(t, 1, bytes.Count(p.log.Bytes(), []byte("\n")), p.log.String())
	require.Contains(t, p.log.String(), "the table is busy")
	require.NotContains(t, p.log.String(), "plan")

	s.err = nil
	p.collect(`{"plan":1}`)
	require.Equal(t, 2, s.requests())
	p.now = p.now.Add(retryAfter)
	p.collect(`{"plan":1}`)
	require.Equal(t, Paths{"plan": Number}, p.stored())
}

func TestCollector_LeavesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	record := Record{[]byte(`{"a":{"plan":"secret"}}`), 1}
	s := &fakeStore{records: map[ident.Tenant][]Record{demo: {record}}}
	p := newProcess(t, s)
	p.collect(`{"city":1}`)
	require.Equal(t, []Record{record}, s.records[demo])
	_, err := p.Read(t.Context(), demo)
	require.ErrorIs(t, err, errUnreadable)
	require.NotContains(t, p.log.String()+err.Error(), "secret")
}

// stuckStore answers when the context ends.
type stuckStore struct{ fakeStore }

func (s *stuckStore) Names(ctx context.Context, _ ident.Tenant) (Record, error) {
	<-ctx.Done()
	return Record{}, ctx.Err()
}

func TestCollector_EndsAfterItsTimeout(t *testing.T) {
	t.Parallel()
	p := newProcess(t, &stuckStore{})
	p.Timeout = time.Millisecond
	p.collect(`{"plan":1}`)
	require.Contains(t, p.log.String(), context.DeadlineExceeded.Error())
}

func TestCollector_RemembersABoundedNumberOfTenants(t *testing.T) {
	t.Parallel()
	s := &fakeStore{}
	p := newProcess(t, s)
	for range 2 {
		for i := range 3 * maxTenants {
			tenant, _ := ident.ParseTenant(fmt.Sprint("t", i))
			p.Collect(t.Context(), tenant, []Sample{{EventType: "seen"}})
		}
	}
	require.Len(t, p.tenants, maxTenants)
	require.Len(t, s.records, 3*maxTenants)
	require.Equal(t, 3*maxTenants, s.writes)
}

// Several processes write at the same time, and read what is out of date.
func TestCollector_LosesNoNameToAnotherProcess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := &fakeStore{stale: func(n int) int { return rapid.IntRange(0, n).Draw(rt, "missed") }}
		processes := []*process{newProcess(t, s), newProcess(t, s), newProcess(t, s)}
		want := Paths{}
		for range rapid.IntRange(1, 20).Draw(rt, "calls") {
			name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "name")
			want[name] = Number
			rapid.SampledFrom(processes).Draw(rt, "process").collect(`{"` + name + `":1}`)
		}
		s.stale = nil
		require.Equal(rt, want, processes[0].stored())
		require.LessOrEqual(rt, s.writes-s.refused, len(want), "each name is written once")
		require.LessOrEqual(rt, s.refused, len(processes)*len(want))
	})
}

func TestCollector_MayBeUsedByManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	s := &fakeStore{}
	p := newProcess(t, s)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() { p.collect(fmt.Sprintf(`{"a%d":1,"same":1}`, i)) })
	}
	group.Wait()
	for i := range 50 {
		p.collect(fmt.Sprintf(`{"a%d":1,"same":1}`, i))
	}
	require.Len(t, p.stored(), 51, "what a call left out while another wrote is stored when it comes again")
	require.Zero(t, s.refused)
}
