package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

func TestTick_PacksOneJourneyAcrossItsShards(t *testing.T) {
	t.Parallel()

	f := newFake(2)
	f.overdue(0, 0, 60, time.Minute)
	f.overdue(0, 1, 60, time.Minute)
	f.overdue(1, 0, 1, time.Minute)
	require.NoError(t, f.engine().Tick(t.Context()))

	sizes := map[ident.ID][]int{}
	for _, p := range f.packs {
		require.False(t, p.Solo)
		sizes[p.Journey] = append(sizes[p.Journey], len(p.Customers))
	}
	require.Equal(t, map[ident.ID][]int{"jrn_0": {97, 23}, "jrn_1": {1}}, sizes)
	require.Empty(t, f.grown)
}

func TestTick_ReadsAPageOfEachJourneyInTurn(t *testing.T) {
	t.Parallel()

	f := newFake(2)
	f.overdue(0, 0, 5*engine.PageSize, time.Minute)
	f.overdue(1, 0, engine.PackSize, time.Minute)
	require.NoError(t, f.engine().Tick(t.Context()))
	for i, p := range f.packs {
		if p.Journey == "jrn_1" {
			require.LessOrEqual(t, i, engine.PageSize/engine.PackSize+1, "a small journey waits for one page of a large one, not for all of it")
			return
		}
	}
	t.Fatal("the small journey was not dispatched")
}

func TestTick_GrowsShardsOnceForABacklog(t *testing.T) {
	t.Parallel()

	f := newFake(2)
	f.overdue(0, 0, 7*engine.DuePerShard+1, time.Minute)
	f.overdue(1, 0, 2*engine.DuePerShard, time.Minute)
	f.overdue(1, 1, 1, time.Hour)
	for range 3 { // while the backlog lasts
		require.NoError(t, f.engine().Tick(t.Context()))
	}
	require.Equal(t, []string{"jrn_0 8", "jrn_1 4"}, f.grown)
	require.Equal(t, 1, engine.ShardsFor(0))
	require.Equal(t, journey.MaxShards, engine.ShardsFor(1<<40))
}

// sizes returns the sizes of the packs of one tick, those of one customer that may kill
// a worker as -1.
func (f *fake) sizes(t *testing.T) (list []int) {
	t.Helper()
	f.packs = nil
	require.NoError(t, f.engine().Tick(t.Context()))
	for _, p := range f.packs {
		n := len(p.Customers)
		if p.Solo {
			require.Equal(t, 1, n)
			n = -1
		}
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b int) int { return b - a })
	return list
}

// Customers that an earlier tick has dispatched go into smaller packs, and into ever
// smaller ones.
func TestTick_HalvesPacksWhileTheyFail(t *testing.T) {
	t.Parallel()

	for late, want := range map[time.Duration][]int{
		engine.SmallAfter - time.Second: {97, 3},
		engine.SmallAfter:               {32, 32, 32, 4},
		3*time.Minute - time.Second:     {32, 32, 32, 4},
		3 * time.Minute:                 {16, 16, 16, 16, 16, 16, 4},
	} {
		f := newFake(1)
		f.overdue(0, 0, 100, late)
		require.Equal(t, want, f.sizes(t), late)
	}
	for late, size := range map[time.Duration]int{5 * time.Minute: 8, 7 * time.Minute: 4, time.Hour: 4} {
		f := newFake(1)
		f.overdue(0, 0, engine.MaxSolo+2*size, late)
		want := slices.Concat([]int{size, size}, slices.Repeat([]int{-1}, engine.MaxSolo))
		require.Equal(t, want, f.sizes(t), late)
	}
}

// A backlog is no failure: in a shard that is more than a page behind, and beyond a
// quarter of the packs, all packs are full.
func TestTick_ServesABacklogInFullPacks(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.overdue(0, 0, engine.PageSize+1, 3*time.Minute)
	require.Equal(t, []int{97, 97, 97, 97, 97, 97, 97, 97, 97, 97, 31}, f.sizes(t))

	paused := newFake(1)
	paused.lives[0].Since = noon
	paused.overdue(0, 0, 97, time.Hour)
	require.Equal(t, []int{97}, paused.sizes(t), "after a pause all are overdue")

	many := newFake(100)
	for i := range many.lives {
		many.overdue(i, 0, 980, 3*time.Minute)
	}
	small := 0
	for _, n := range many.sizes(t) {
		if n < engine.PackSize {
			small++
		}
	}
	require.InDelta(t, 25*engine.PacksPerWorker/4, small, 100)
}

// The longest overdue customers of each tenant go alone, wherever they are.
func TestTick_DispatchesTheLongestOverdueCustomersAlone(t *testing.T) {
	t.Parallel()

	f := newFake(4)
	f.lives[3].Tenant = tenantNamed("small")
	for i := range 3 {
		f.overdue(i, 0, 100, time.Hour+time.Duration(i)*time.Minute)
	}
	f.overdue(3, 1, 3, engine.SoloAfter)
	f.overdue(3, 0, 4, engine.SoloAfter-time.Second)
	require.NoError(t, f.engine().Tick(t.Context()))
	solo, all := map[ident.ID]int{}, map[string]bool{}
	for _, p := range f.packs {
		if p.Solo {
			solo[p.Journey]++
		}
		for _, customer := range p.Customers {
			require.False(t, all[customer], customer)
			all[customer] = true
		}
	}
	require.Equal(t, map[ident.ID]int{"jrn_2": engine.MaxSolo / 2, "jrn_3": 3}, solo)
	require.Len(t, all, 307)
}

func TestTick_EndsADrainOnceItsShardsStayEmpty(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	l := &f.lives[0]
	l.On, l.Epoch, l.Since = false, 1, noon.Add(-engine.DrainGrace+time.Second)
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Empty(t, f.drained, "an enroll call that began before may still write")

	l.Since = noon.Add(-engine.DrainGrace)
	old := journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: 0, Shard: 1}
	f.due[old] = []journey.DueKey{{Customer: "late", At: noon.Add(500 * time.Hour)}}
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Empty(t, f.drained)
	require.Equal(t, []string{"late"}, f.packs[0].Customers, "leaving waits for no due time")

	delete(f.due, old)
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Equal(t, map[ident.ID]int{"jrn_0": 1}, f.drained)
}

// A journey that is archived again and again costs a tick no more than the epochs that
// may still have customers.
func TestTick_EndsTheDrainOfEachEpochByItself(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	l := &f.lives[0]
	l.Epoch, l.DrainFrom, l.Since = 6, 2, noon
	for _, ago := range []time.Duration{4 * engine.DrainGrace, engine.DrainGrace, engine.DrainGrace - time.Second, 0} {
		l.Ended = append(l.Ended, noon.Add(-ago))
	}
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Equal(t, map[ident.ID]int{"jrn_0": 4}, f.drained, "the third may still be written to")

	clear(f.drained)
	f.now = noon.Add(time.Hour)
	third := journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: 4, Shard: 1}
	f.due[third] = []journey.DueKey{{Customer: "c", At: noon}}
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Equal(t, map[ident.ID]int{"jrn_0": 4}, f.drained, "the third has a customer")

	clear(f.drained)
	delete(f.due, third)
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Equal(t, map[ident.ID]int{"jrn_0": 6}, f.drained)
}

func TestTick_RemovesTheEntryOfAPausedJourney(t *testing.T) {
	t.Parallel()

	f := newFake(2)
	f.lives[0].On, f.lives[0].Epoch, f.lives[0].DrainFrom = false, 3, 3
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Equal(t, map[ident.ID]int{"jrn_0": 3}, f.drained)
}
