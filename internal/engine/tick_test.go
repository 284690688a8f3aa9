package engine_test

import (
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
	require.Equal(t, map[ident.ID][]int{"jrn_0": {98, 22}, "jrn_1": {1}}, sizes)
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

func TestTick_GrowsShardsOfAJourneyMoreThanAPageBehind(t *testing.T) {
	t.Parallel()

	f := newFake(2)
	f.overdue(0, 0, engine.PageSize+1, time.Minute)
	f.overdue(1, 0, engine.PageSize, time.Minute)
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Equal(t, []ident.ID{"jrn_0"}, f.grown)

	f.lives[0].Shards, f.grown = engine.MaxShards, nil
	require.NoError(t, f.engine().Tick(t.Context()))
	require.Empty(t, f.grown, "MaxShards is the limit")
}

func TestTick_DispatchesLongOverdueCustomersAlone(t *testing.T) {
	t.Parallel()

	solo := func(f *fake) (n int) {
		require.NoError(t, f.engine().Tick(t.Context()))
		for _, p := range f.packs {
			if p.Solo {
				require.Len(t, p.Customers, 1)
				n++
			}
		}
		return n
	}
	f := newFake(1)
	f.overdue(0, 0, 3, engine.SoloAfter)
	f.overdue(0, 0, 4, engine.SoloAfter-time.Second)
	require.Equal(t, 3, solo(f))

	resumed := newFake(1)
	resumed.lives[0].Since = noon
	resumed.overdue(0, 0, 50, time.Hour)
	require.Zero(t, solo(resumed), "after a pause all are overdue, and none is suspect")

	behind := newFake(1)
	behind.overdue(0, 0, engine.PageSize+1, time.Hour)
	require.Zero(t, solo(behind), "in a backlog all are overdue, and none is suspect")
}

// While the installation was paused, customers became long overdue, and none is suspect:
// most of them go into packs. What one shard, or a few journeys, must give up to packs
// the next ticks dispatch alone.
func TestTick_BoundsThePacksOfOne(t *testing.T) {
	t.Parallel()

	packs := func(f *fake) (solo map[ident.ID]int, all map[string]bool) {
		solo, all = map[ident.ID]int{}, map[string]bool{}
		require.NoError(t, f.engine().Tick(t.Context()))
		for _, p := range f.packs {
			if p.Solo {
				solo[p.Journey]++
			}
			for _, customer := range p.Customers {
				require.False(t, all[customer], customer)
				all[customer] = true
			}
		}
		return solo, all
	}
	f := newFake(2)
	f.overdue(0, 0, engine.PageSize-1, time.Hour)
	f.overdue(1, 0, 3, time.Hour)
	solo, all := packs(f)
	require.Equal(t, map[ident.ID]int{"jrn_0": engine.MaxShardSolo, "jrn_1": 3}, solo)
	require.Len(t, all, engine.PageSize+2)

	many := newFake(2 * engine.MaxSolo / engine.MaxShardSolo)
	for i := range many.lives {
		many.overdue(i, 0, engine.MaxShardSolo, time.Hour)
	}
	solo, all = packs(many)
	require.Len(t, solo, engine.MaxSolo/engine.MaxShardSolo)
	require.Len(t, all, 2*engine.MaxSolo)
}

// Customers that an earlier tick has dispatched go into smaller packs.
func TestTick_DispatchesReturnedCustomersInSmallPacks(t *testing.T) {
	t.Parallel()

	sizes := func(f *fake) (list []int) {
		require.NoError(t, f.engine().Tick(t.Context()))
		for _, p := range f.packs {
			require.False(t, p.Solo)
			list = append(list, len(p.Customers))
		}
		return list
	}
	f := newFake(1)
	f.overdue(0, 0, 100, engine.SmallAfter-time.Second)
	f.overdue(0, 1, 40, engine.SmallAfter)
	require.Equal(t, []int{98, 32, 8, 2}, sizes(f))

	resumed := newFake(1)
	resumed.lives[0].Since = noon
	resumed.overdue(0, 0, 99, time.Hour)
	require.Equal(t, []int{98, 1}, sizes(resumed), "after a pause all are overdue")

	behind := newFake(1)
	behind.overdue(0, 0, engine.PageSize+1, time.Hour)
	require.Equal(t, engine.PackSize, sizes(behind)[0], "in a backlog all are overdue")
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
