package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// sweeps is a fake whose requests take time and may fail, and that keeps what the sweeps
// asked for.
type sweeps struct {
	*fake
	reading, dispatching time.Duration // each page, each pack
	refuse               error         // of second shards, the customer 0-0-0 and the first segment
	log                  bytes.Buffer

	mu       sync.Mutex
	read     []journey.Partition // the first page of each
	segments []engine.Segment
}

// newSweeps returns sweeps of journeys of the tenants, in order. Each has two shards.
func newSweeps(tenants ...string) *sweeps {
	s := &sweeps{fake: newFake(len(tenants))}
	for i, tenant := range tenants {
		s.lives[i].Tenant, s.lives[i].Journey = tenantNamed(tenant), ident.ID(fmt.Sprintf("jrn_%04d", i))
	}
	return s
}

func (s *sweeps) engine() *engine.Engine {
	e := s.fake.engine()
	e.Table, e.Dispatcher, e.Log = s, s, slog.New(slog.NewJSONHandler(&s.log, nil))
	return e
}

func (s *sweeps) Lives(_ context.Context, from, to engine.LiveKey) ([]engine.Live, error) {
	if from == (engine.LiveKey{}) {
		return s.lives, nil
	}
	begin := slices.IndexFunc(s.lives, func(l engine.Live) bool { return l.Key() == from })
	end := slices.IndexFunc(s.lives, func(l engine.Live) bool { return l.Key() == to })
	return s.lives[begin : end+1], nil
}

func (s *sweeps) Due(ctx context.Context, p journey.Partition, before time.Time, after *journey.DueKey, limit int) ([]journey.DueKey, *journey.DueKey, error) {
	time.Sleep(s.reading)
	s.mu.Lock()
	defer s.mu.Unlock()
	if after == nil {
		s.read = append(s.read, p)
	}
	if s.refuse != nil && p.Shard == 1 {
		return nil, nil, s.refuse
	}
	return s.fake.Due(ctx, p, before, after, limit)
}

func (s *sweeps) Dispatch(ctx context.Context, p engine.Pack) error {
	time.Sleep(s.dispatching)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil && p.Customers[0] == "0-0-0" {
		return s.refuse
	}
	return s.fake.Dispatch(ctx, p)
}

func (s *sweeps) DispatchSweep(_ context.Context, segment engine.Segment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.segments = append(s.segments, segment)
	if len(s.segments) == 1 {
		return s.refuse
	}
	return nil
}

// logged is what the last log line of an invocation says.
type logged struct {
	Msg                                               string
	CustomersDue, ShardsUnread, CustomersLeft, Errors int
	CustomersStuck                                    int
	OldestDue                                         float64
	AWS                                               struct {
		CloudWatchMetrics []struct{ Metrics []struct{ Name string } }
	} `json:"_aws"`
}

func (s *sweeps) lastLine(t *testing.T) (l logged) {
	t.Helper()
	lines := bytes.Split(bytes.TrimSpace(s.log.Bytes()), []byte("\n"))
	require.NoError(t, json.Unmarshal(lines[len(lines)-1], &l))
	return l
}

// packsOf returns how many packs each tenant had.
func (s *sweeps) packsOf() map[string]int {
	packs := map[string]int{}
	for _, p := range s.packs {
		packs[p.Tenant.String()]++
	}
	return packs
}

// shardsOf returns the number of shards that a sweep of an entry reads.
func shardsOf(l engine.Live) int { return l.Shards * (l.Epoch - l.DrainFrom + 1) }

func TestTick_CutsALongWorkListIntoSegments(t *testing.T) {
	t.Parallel()

	s := newSweeps(slices.Concat(slices.Repeat([]string{"a"}, 100), []string{"b", "b"}, slices.Repeat([]string{"c"}, 60))...)
	for i := range s.lives {
		if s.lives[i].Shards = journey.MaxShards; s.lives[i].Tenant == tenantNamed("b") {
			s.lives[i].Shards = 4
		}
	}
	s.lives[150].Epoch = 40 // more shards than a segment
	require.NoError(t, s.engine().Tick(t.Context()))
	require.Empty(t, s.packs)
	require.Equal(t, 0, s.lastLine(t).ShardsUnread)

	packs, solo, swept := 0, 0, map[engine.LiveKey]int{}
	for _, segment := range s.segments {
		lives, _ := s.Lives(t.Context(), segment.From, segment.To)
		shards := 0
		for _, l := range lives {
			swept[l.Key()]++
			shards += shardsOf(l)
			if l.Tenant == tenantNamed("b") {
				require.GreaterOrEqual(t, segment.Packs, 25*engine.PacksPerWorker/3, "a small tenant has its share")
			}
		}
		if len(lives) > 1 {
			require.LessOrEqual(t, shards, engine.SegmentShards)
		}
		packs, solo = packs+segment.Packs, solo+segment.Solo
	}
	require.Len(t, swept, len(s.lives))
	for key, n := range swept {
		require.Equal(t, 1, n, key)
	}
	require.GreaterOrEqual(t, packs, 25*engine.PacksPerWorker)
	require.LessOrEqual(t, packs, 2*25*engine.PacksPerWorker)
	require.LessOrEqual(t, solo, engine.MaxSolo)

	for _, segment := range s.segments {
		require.NoError(t, s.engine().Sweep(t.Context(), segment))
		require.Equal(t, "sweep", s.lastLine(t).Msg)
	}
	total := 0
	for _, l := range s.lives {
		total += shardsOf(l)
	}
	require.Len(t, s.read, total)
	once := map[journey.Partition]bool{}
	for _, p := range s.read {
		once[p] = true
	}
	require.Len(t, once, total, "no shard is read twice")
}

func TestTick_DispatchesTheFirstSegmentOfEachTenantFirst(t *testing.T) {
	t.Parallel()

	var tenants []string
	for _, tenant := range []string{"a", "b", "c"} {
		tenants = append(tenants, slices.Repeat([]string{tenant}, 3*32-1)...)
	}
	s := newSweeps(tenants...)
	for i := range s.lives {
		s.lives[i].Shards = 250 // 32 entries are a segment
	}
	s.refuse = errors.New("throttled")
	first := map[ident.Tenant]bool{}
	for minute := range 8 {
		s.segments, s.now = nil, noon.Add(time.Duration(minute)*time.Minute)
		require.NoError(t, s.engine().Tick(t.Context()))
		require.Len(t, s.segments, 9)
		seen := map[ident.Tenant]bool{}
		for _, segment := range s.segments[:3] {
			seen[segment.From.Tenant] = true
		}
		require.Len(t, seen, 3)
		first[s.segments[0].From.Tenant] = true
		require.InDelta(t, engine.SegmentShards, s.lastLine(t).ShardsUnread, 7*250, "a segment that is not dispatched is not read")
	}
	require.Len(t, first, 3, "each tenant is the first in some minute")
}

// A tenant that needs less than its part gets all it needs, and the others share the rest.
func TestTick_SharesPacksBetweenTenants(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ need, want []int }{
		{[]int{200}, []int{140}},
		{[]int{200, 100}, []int{70, 70}},
		{[]int{200, 60, 5}, []int{75, 60, 5}},
		{[]int{40, 200, 1, 50, 0}, []int{40, 49, 1, 50, 0}},
		{[]int{40, 10, 50}, []int{40, 10, 50}},
	} {
		var tenants []string
		want := map[string]int{}
		for i := range row.need {
			tenants = append(tenants, fmt.Sprintf("t%d", i))
			if row.want[i] > 0 {
				want[tenants[i]] = row.want[i]
			}
		}
		s := newSweeps(tenants...)
		for i, packs := range row.need {
			s.overdue(i, i%2, packs*engine.PackSize, time.Minute)
		}
		e := s.engine()
		e.Workers = 1
		require.NoError(t, e.Tick(t.Context()))
		got := s.packsOf()
		for tenant, n := range want {
			require.InDelta(t, n, got[tenant], 1, "%v: %v", row.need, got)
		}
		require.Len(t, got, len(want))
	}
}

// What a tenant may not dispatch any more is not read either, is counted, and comes first
// in some later minute.
func TestTick_StopsReadingForATenantWithoutPacks(t *testing.T) {
	t.Parallel()

	s := newSweeps(slices.Repeat([]string{"a"}, 20)...)
	for i := range s.lives {
		for shard := range 2 {
			s.overdue(i, shard, 10*engine.PackSize, time.Minute)
		}
	}
	e := s.engine()
	e.Workers = 1
	served := map[ident.ID]bool{}
	for minute := range 8 {
		s.packs, s.read, s.now = nil, nil, noon.Add(time.Duration(minute)*time.Minute)
		for i := range s.lives {
			s.lives[i].Since = s.now // so that packs are full
		}
		require.NoError(t, e.Tick(t.Context()))
		line := s.lastLine(t)
		require.Len(t, s.packs, engine.PacksPerWorker)
		require.Equal(t, 40-len(s.read), line.ShardsUnread)
		require.LessOrEqual(t, len(s.read), engine.PacksPerWorker/10+1)
		require.Equal(t, line.CustomersDue-engine.PacksPerWorker*engine.PackSize, line.CustomersLeft)
		for _, p := range s.packs {
			served[p.Journey] = true
		}
	}
	require.Len(t, served, 20)
}

func TestTick_BeginsElsewhereEachMinute(t *testing.T) {
	t.Parallel()

	const shards, ticks = 200, 8
	s := newSweeps(slices.Repeat([]string{"a"}, shards/2)...)
	early, before := map[journey.Partition]bool{}, -1
	places := map[journey.Partition]int{}
	for minute := range ticks {
		s.read, s.now = nil, noon.Add(time.Duration(minute)*time.Minute)
		require.NoError(t, s.engine().Tick(t.Context()))
		require.Len(t, s.read, shards)
		if minute == 0 {
			for i, p := range s.read {
				places[p] = i
			}
		}
		begin := places[s.read[0]]
		if before >= 0 {
			apart := math.Abs(float64(begin - before))
			require.Greater(t, min(apart, shards-apart), shards/3.0, "minute %d", minute)
		}
		before = begin
		for _, p := range s.read[:shards/4] {
			early[p] = true
		}
	}
	require.Len(t, early, shards, "each shard is in the first quarter within %d ticks", ticks)

	var tenants []string
	for i := range 10 {
		tenants = append(tenants, fmt.Sprintf("t%d", i))
	}
	s = newSweeps(tenants...)
	first := map[ident.Tenant]bool{}
	for minute := range 20 {
		s.read, s.now = nil, noon.Add(time.Duration(minute)*time.Minute)
		require.NoError(t, s.engine().Tick(t.Context()))
		first[s.read[0].Tenant] = true
	}
	require.Len(t, first, 10, "each tenant comes first within twice as many minutes")
}

// Before time is up, reading ends, what was read is dispatched, and what was not reached
// is counted.
func TestTick_EndsInTime(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name                 string
		reading, dispatching time.Duration
		customers            int // of the first shard of each of 100 journeys
		unread, left         int // at least
	}{
		{"slow readings", 1100 * time.Millisecond, 10 * time.Millisecond, 1, 30, 0},
		{"slow dispatches", 10 * time.Millisecond, 200 * time.Millisecond, engine.PackSize, 0, 0},
		{"slower dispatches", 10 * time.Millisecond, 2 * time.Second, 2 * engine.PackSize, 50, 0},
		{"both slow", 2 * time.Second, 2 * time.Second, 1, 100, 5},
		{"all in time", 50 * time.Millisecond, 50 * time.Millisecond, 1, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSweeps(slices.Repeat([]string{"a", "b"}, 50)...)
			s.reading, s.dispatching = row.reading, row.dispatching
			for i := range s.lives {
				s.overdue(i, 0, row.customers, time.Minute)
			}
			e := s.engine()
			e.Parallel = 4
			ctx, cancel := context.WithTimeout(t.Context(), 55*time.Second)
			defer cancel()
			require.NoError(t, e.Tick(ctx))
			require.NoError(t, ctx.Err(), row.name)
			line := s.lastLine(t)
			dispatched := 0
			for _, p := range s.packs {
				dispatched += len(p.Customers)
			}
			require.Equal(t, 200-len(s.read), line.ShardsUnread, row.name)
			require.Equal(t, line.CustomersDue-dispatched, line.CustomersLeft, row.name)
			if row.unread+row.left == 0 {
				require.Zero(t, line.ShardsUnread+line.CustomersLeft, row.name)
			}
			require.True(t, line.ShardsUnread >= row.unread && line.CustomersLeft >= row.left, "%s: %+v", row.name, line)
			require.NotEmpty(t, s.packs, row.name)
		})
	}
}

func TestTick_CountsWhatFailed(t *testing.T) {
	t.Parallel()

	s := newSweeps(slices.Repeat([]string{"a"}, 40)...)
	s.overdue(0, 0, 30, time.Minute)
	s.overdue(1, 0, 7, time.Minute)
	s.refuse = errors.New("throttled")
	require.NoError(t, s.engine().Tick(t.Context()))
	line := s.lastLine(t)
	require.Equal(t, []int{37, 40, 30, 41}, []int{line.CustomersDue, line.ShardsUnread, line.CustomersLeft, line.Errors})
	require.Equal(t, 20+1, bytes.Count(s.log.Bytes(), []byte("\n")), "a bounded number of errors is logged")
}

func TestTick_TellsHowLateTheOldestCustomerIs(t *testing.T) {
	t.Parallel()

	s := newSweeps("a", "a", "b")
	s.overdue(0, 1, 3, 125*time.Second)
	s.overdue(1, 0, 1, time.Hour)
	s.lives[1].Since = noon.Add(-time.Minute) // it was paused until then
	s.lives[2].Epoch, s.lives[2].Since = 1, noon.Add(-time.Hour)
	old := journey.Partition{Tenant: s.lives[2].Tenant, Journey: s.lives[2].Journey}
	s.due[old] = []journey.DueKey{{Customer: "leaves", At: noon.Add(-time.Hour)}}
	require.NoError(t, s.engine().Tick(t.Context()))
	line := s.lastLine(t)
	require.InDelta(t, 125, line.OldestDue, 0)
	require.Equal(t, 5, line.CustomersDue)

	var sent []string // metrics, others are only in the line
	for _, m := range line.AWS.CloudWatchMetrics[0].Metrics {
		sent = append(sent, m.Name)
	}
	require.Equal(t, []string{"CustomersDue", "OldestDue"}, sent)
}

// Customers whose items cannot be read stay due for ever, but not the alarm on lateness.
func TestTick_CountsStuckCustomersByThemselves(t *testing.T) {
	t.Parallel()

	s := newSweeps("a", "b")
	s.overdue(0, 0, 2, engine.StuckAfter)
	s.overdue(0, 1, 1, 90*24*time.Hour)
	require.NoError(t, s.engine().Tick(t.Context()))
	line := s.lastLine(t)
	require.Equal(t, []int{3, 3}, []int{line.CustomersStuck, line.CustomersDue})
	require.Zero(t, line.OldestDue)
	require.Len(t, s.packs, 3, "they are still tried, each alone")

	s.overdue(1, 0, 1, engine.StuckAfter-time.Second)
	require.NoError(t, s.engine().Tick(t.Context()))
	line = s.lastLine(t)
	require.Equal(t, 3, line.CustomersStuck)
	require.InDelta(t, (engine.StuckAfter - time.Second).Seconds(), line.OldestDue, 0)
}
