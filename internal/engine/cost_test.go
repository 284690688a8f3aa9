package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/progress"
	"journeys/internal/target"
)

// Whatever tenants need, and whatever their packs are known to take: what ticks dispatch
// fits into the time of the workers, on an average of minutes, a tenant that needs less than an equal part gets all of
// it, no time is left while a tenant could use it, and within some minutes each gets a pack.
func TestTick_SharesTheTimeOfWorkers(t *testing.T) {
	t.Parallel()

	const workers, minutes = 3, 20
	capacity := workers * time.Minute * 101 / 100 // packs of the assumed cost are rounded
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := 1 + random.IntN(8)
		var tenants []string
		for i := range n {
			tenants = append(tenants, fmt.Sprintf("t%d", i))
		}
		s := newSweeps(tenants...)
		full, need := map[string]time.Duration{}, map[string]time.Duration{}
		for i, tenant := range tenants {
			wave := 100 * time.Millisecond
			if random.IntN(2) == 0 {
				wave = time.Duration(1+random.IntN(13_000)) * time.Millisecond
				require.NoError(t, s.PutCost(t.Context(), tenantNamed(tenant), wave, noon))
			}
			full[tenant] = 30*time.Millisecond + 4*wave
			packs := random.IntN(200)
			need[tenant] = time.Duration(packs) * full[tenant]
			s.overdue(i, 0, packs*engine.PackSize, time.Second)
		}
		e := s.engine()
		e.Workers, e.Jitter = workers, random.Float64
		got, all := map[string]int{}, time.Duration(0)
		for minute := range minutes {
			s.packs, s.now = nil, noon.Add(time.Duration(minute)*time.Minute)
			for i := range s.lives {
				s.lives[i].Since = s.now // full packs
			}
			require.NoError(t, e.Tick(t.Context()))
			sum, unused, least := time.Duration(0), capacity, time.Hour
			for tenant, packs := range s.packsOf() {
				got[tenant] += packs
				sum += time.Duration(packs) * full[tenant]
			}
			require.LessOrEqual(t, sum, capacity+56*time.Second, "seed %d: at most one pack more", seed)
			unused -= sum
			all += sum
			for tenant, took := range need {
				used := time.Duration(s.packsOf()[tenant]) * full[tenant]
				if took > used {
					least = min(least, full[tenant])
				}
				if took <= workers*time.Minute/time.Duration(n) {
					require.Equal(t, took, used, "seed %d: %s needs little", seed, tenant)
				}
			}
			if least < time.Hour {
				require.Less(t, unused, 57*time.Second, "seed %d", seed)
			}
		}
		require.LessOrEqual(t, all, minutes*capacity*106/100, "seed %d", seed)
		for tenant, took := range need {
			require.True(t, took == 0 || got[tenant] > 0, "seed %d: %s got nothing", seed, tenant)
		}
	}
}

// takes is a fake whose messages take a time.
type takes struct {
	*fake
	time time.Duration
}

func (s takes) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	s.now = s.now.Add(s.time)
	return s.fake.Send(ctx, m)
}

// A worker that has seen that a tenant's packs take long leaves those that have waited too
// long: sooner those that tick thought to take little, and never those of other tenants.
func TestAdvance_LeavesCostlyPacksThatWaited(t *testing.T) {
	t.Parallel()

	const second = time.Second
	for _, row := range []struct {
		known, wave, waited time.Duration // waited < 0: the pack has no time
		served              bool
	}{
		{2 * second, 0, 10 * second, true},
		{2 * second, 0, 20 * second, false},
		{2 * second, second / 10, 20 * second, false},
		{2 * second, 2 * second, 20 * second, true},
		{2 * second, 2 * second, 70 * second, false},
		{2 * second, 0, -1, true},
		{second / 10, 0, 70 * second, true},
		{0, 0, 70 * second, true},
	} {
		f := newFake(1)
		f.enter(t, "channel_action", `{"channel":"push"}`)
		e := f.engine()
		e.Watch = &target.Watch{}
		if row.known > 0 {
			e.Watch.Worked(f.lives[0].Tenant.String(), row.known, f.now)
		}
		e.Watch.Worked("other", 10*second, f.now)
		pack := f.pack("c")
		pack.Wave = row.wave
		if row.waited >= 0 {
			pack.At = f.now.Add(-row.waited)
		}
		require.NoError(t, e.Advance(t.Context(), pack))
		require.Equal(t, row.served, f.items["c"].Status != progress.Inside, "%+v", row)
	}
}

// Tick is told what packs cost if it thought otherwise, and what is cheap costs no write.
func TestAdvance_TellsWhatPacksCost(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ took, wave, told time.Duration }{
		{100 * time.Millisecond, 100 * time.Millisecond, 0},
		{180 * time.Millisecond, 100 * time.Millisecond, 0},
		{2030 * time.Millisecond, 100 * time.Millisecond, 2 * time.Second},
		{2030 * time.Millisecond, 2 * time.Second, 0},
		{830 * time.Millisecond, 2 * time.Second, 800 * time.Millisecond},
		{10 * time.Millisecond, 2 * time.Second, 100 * time.Millisecond},
		{2030 * time.Millisecond, 0, 0},
		{50 * time.Second, 100 * time.Millisecond, 14 * time.Second},
	} {
		f := newFake(1)
		f.enter(t, "channel_action", `{"channel":"push"}`)
		e := f.engine()
		e.Watch = &target.Watch{}
		e.Provider = takes{f, row.took}
		pack := f.pack("c")
		pack.Wave = row.wave
		require.NoError(t, e.Advance(t.Context(), pack))
		costs, err := f.Costs(t.Context())
		require.NoError(t, err)
		require.Equal(t, row.told, costs[f.lives[0].Tenant], "%+v", row)
	}
}
