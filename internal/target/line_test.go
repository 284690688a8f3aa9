package target

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ask(now time.Time, interval time.Duration, returning, arriving int) Request {
	return Request{Now: now, Interval: interval, Patience: MaxPatience, Most: 1000, Tenant: 1, Journey: 1, Returning: returning, Arriving: arriving}
}

func TestLine_FreeSlotsGoToArrivals(t *testing.T) {
	t.Parallel()

	l, g := Line{}.Take(ask(noon, time.Second, 0, 3))
	require.Equal(t, Grant{Slots: 3, First: noon, Place: l.Next, Step: time.Second}, g)
	require.Empty(t, l.Shares, "the item stays small")
	l, g = l.Take(ask(noon, time.Second, 0, 10))
	require.Equal(t, 8, g.Slots, "no slot is farther away than the patience")
	require.Equal(t, noon.Add(3*time.Second), g.First)
	require.Equal(t, noon.Add(11*time.Second), g.Place)

	l, g = l.Take(ask(noon.Add(2*time.Second), time.Second, 0, 1))
	require.Equal(t, 0, g.Slots, "arrivals go to the end of the line, though a slot is free")
	require.Equal(t, noon.Add(13*time.Second), g.Place)
	l, g = l.Take(ask(noon.Add(2*time.Second), time.Second, 4, 1))
	require.Equal(t, 2, g.Slots, "that is for a customer that returns")
	require.Equal(t, 2, g.Backs)
	require.Equal(t, noon.Add(13*time.Second), g.Back, "no sooner than there is a slot")

	_, g = l.Take(ask(noon.Add(time.Hour), time.Second, 0, 2))
	require.Equal(t, Grant{Slots: 2, First: noon.Add(time.Hour), Place: noon.Add(time.Hour + 2*time.Second), Step: time.Second}, g, "unused slots are lost")
}

func TestLine_GivesNoMoreSlotsThanAreOfUse(t *testing.T) {
	t.Parallel()

	r := ask(noon, time.Second, 0, 5)
	r.Most = 2
	l, g := Line{}.Take(r)
	require.Equal(t, Grant{Slots: 2, First: noon, Place: noon.Add(2 * time.Second), Step: time.Second}, g)
	require.Equal(t, noon.Add(2*time.Second), l.Next, "the others' slots are free")
}

// Customers that are asked for before their places come keep them if there is no slot.
func TestLine_EarlyCustomersKeepTheirPlaces(t *testing.T) {
	t.Parallel()

	l, _ := Line{}.Take(ask(noon, time.Second, 0, 50))
	r := ask(noon.Add(3*time.Second), time.Second, 9, 0)
	r.Early = 5
	l, g := l.Take(r)
	require.Equal(t, 3, g.Slots)
	require.Equal(t, 1, g.Backs, "of the four that are not early")
	r.Returning, r.Early = 5, 5
	_, g = l.Take(r)
	require.Zero(t, g.Slots+g.Backs)
}

// All customers in line may have gone, as when their journey was archived.
func TestLine_EndsWhenItsSlotsStayFree(t *testing.T) {
	t.Parallel()

	l, _ := Line{}.Take(ask(noon, time.Second, 0, 10_000))
	used := noon.Add(10 * time.Second)
	_, g := l.Take(ask(used.Add(goneAfter), time.Second, 0, 1))
	require.Zero(t, g.Slots, "a tick may be late")
	l, g = l.Take(ask(used.Add(goneAfter+2*time.Second), time.Second, 0, 30))
	require.Equal(t, 11, g.Slots)
	require.Equal(t, l.Next, g.Place)
}

// A tenant that comes to a channel on which another has a long line waits for as long as its
// own customers take with half of the slots.
func TestLine_TenantsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()

	l, _ := Line{}.Take(ask(noon, time.Second, 0, 10_000))
	r := ask(noon.Add(5*time.Second), time.Second, 0, 20)
	r.Tenant = 2
	l, g := l.Take(r)
	require.Equal(t, 5, g.Slots, "those that are free")
	require.Equal(t, 2*time.Second, g.Step)
	require.LessOrEqual(t, g.Place.Sub(noon), 20*time.Second)
	r = ask(noon.Add(10*time.Second), time.Second, 90, 0)
	_, g = l.Take(r)
	require.LessOrEqual(t, g.Slots, 6)
}

func TestLine_KnowsWhoseCustomersStandInIt(t *testing.T) {
	t.Parallel()

	l := Line{}
	other := ask(noon, time.Second, 0, 20)
	other.Tenant, other.Journey = 2, 7
	l, _ = l.Take(other)
	for i := range uint32(MaxPaced + 50) {
		r := ask(noon, time.Second, 0, 20)
		r.Journey = 100 + i
		l, _ = l.Take(r)
		journeys, all := map[uint32]bool{}, 0
		for _, s := range l.Shares {
			for _, j := range s.Journeys {
				journeys[j] = true
				all++
			}
		}
		require.Contains(t, journeys, r.Journey)
		require.Contains(t, journeys, uint32(7), "a tenant with many journeys does not drive out those of others")
		require.LessOrEqual(t, all, MaxPaced)
	}
	l, _ = l.Take(ask(noon.Add(25*time.Hour), time.Second, 1, 0))
	require.Empty(t, l.Shares, "all of them have gone")
}

// Tenants beyond MaxShares have one share together, and that of none is lost.
func TestLine_KnowsABoundedNumberOfTenants(t *testing.T) {
	t.Parallel()

	l := Line{}
	for i := range uint32(3 * MaxShares) {
		r := ask(noon, time.Second, 0, 20)
		r.Tenant, r.Journey = 1+i, 1+i
		l, _ = l.Take(r)
		require.LessOrEqual(t, len(l.Shares), MaxShares+1)
		require.True(t, slices.ContainsFunc(l.Shares, func(s Share) bool { return slices.Contains(s.Journeys, r.Journey) }))
	}
}

// A clock that jumped ahead by days blocks the channel for none of the others.
func TestLine_TimesOfAWrongClockArePast(t *testing.T) {
	t.Parallel()

	wrong := noon.AddDate(0, 0, 3)
	for _, tenant := range []uint32{1, 2} {
		l, _ := Line{}.Take(ask(wrong, time.Second, 0, 50))
		r := ask(noon, time.Second, 0, 1)
		r.Tenant = tenant
		_, g := l.Take(r)
		require.Equal(t, 1, g.Slots)
		require.Equal(t, noon, g.First)
	}
}

func TestLine_HasAnEnd(t *testing.T) {
	t.Parallel()

	l, g := Line{}, Grant{}
	for range 30 {
		l, g = l.Take(ask(noon, time.Minute, 0, 98))
		require.LessOrEqual(t, g.Place.Sub(noon), MaxLine)
	}
	require.LessOrEqual(t, l.Shares[0].Tail.Sub(noon), MaxLine)
	_, g = l.Take(ask(noon.Add(MaxLine), time.Minute, 1, 0))
	require.Equal(t, 1, g.Slots)
}

// In every order of requests of several tenants slots are an interval apart, none is past
// or beyond the patience, and each customer is counted once.
func TestLine_KeepsTheRateInEveryOrder(t *testing.T) {
	t.Parallel()

	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 7))
		rate := []float64{0.05, 0.5, 1, 14, 333, 10_000}[r.IntN(6)]
		interval := Interval(rate)
		require.GreaterOrEqual(t, float64(interval)*rate, float64(time.Second), "never above the rate")
		require.LessOrEqual(t, float64(interval)*rate, 1.0001*float64(time.Second))
		now, l := noon, Line{}
		tenants := 1 + r.IntN(40)
		var last time.Time
		for range 200 {
			now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
			request := ask(now, interval, r.IntN(99), r.IntN(99))
			request.Tenant, request.Journey = 1+r.Uint32N(uint32(tenants)), r.Uint32N(200)
			request.Early = r.IntN(request.Returning + 1)
			request.Patience = Patience(interval, 1+r.IntN(10), 98)
			var g Grant
			l, g = l.Take(request)
			require.LessOrEqual(t, g.Slots, request.Returning+request.Arriving)
			require.LessOrEqual(t, g.Backs, max(0, request.Returning-g.Slots))
			require.LessOrEqual(t, len(l.Shares), MaxShares+1)
			require.LessOrEqual(t, l.Next.Sub(now), MaxPatience+interval)
			if g.Slots > 0 {
				require.False(t, g.First.Before(now))
				require.False(t, g.First.Before(last))
				last = g.First.Add(time.Duration(g.Slots) * interval)
				require.LessOrEqual(t, last.Sub(now), request.Patience+interval)
				require.Equal(t, last, l.Next)
			}
			require.False(t, g.Place.Before(l.Next) && g.Place.Sub(now) < request.Patience, "no place is before a slot that is taken")
			require.LessOrEqual(t, g.Place.Sub(now), MaxLine)
			if g.Backs > 0 {
				require.GreaterOrEqual(t, g.Back.Sub(now), comeBack)
				require.LessOrEqual(t, g.Back.Sub(now), MaxLine)
			}
		}
	}
}

// Tenants with different numbers of customers ask in any order, each for one pack at a
// time. Those that always have customers get the same number of slots, those that come
// seldom are served within the time that their customers take, and no slot is wasted.
func TestLine_SharesAreEven(t *testing.T) {
	t.Parallel()

	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		rate := []float64{0.5, 14, 100, 1000}[r.IntN(4)]
		interval := Interval(rate)
		patience := Patience(interval, 6, 32)
		greedy := 2 + r.IntN(5)
		got := make([]int, greedy)
		minutes := max(10, int(400/rate))
		slots, now, l := 0, noon, Line{}
		end := noon.Add(time.Duration(minutes) * time.Minute)
		for now.Before(end) {
			for _, i := range r.Perm(greedy) { // a reading of the lines, each half patience
				for range 1 + r.IntN(2) {
					request := ask(now, interval, 1+int(patience/interval), r.IntN(50))
					request.Tenant, request.Patience = uint32(i+1), patience
					request.Early = r.IntN(request.Returning)
					var g Grant
					l, g = l.Take(request)
					if now.Sub(noon) > time.Minute {
						got[i] += min(g.Slots, request.Returning)
						slots += g.Slots
					}
				}
			}
			now = now.Add(patience / 2)
		}
		for i := range got {
			require.InEpsilon(t, slots/greedy, got[i], 0.2, "seed %d, rate %v: %v", seed, rate, got)
		}
		require.InEpsilon(t, rate*60*float64(minutes-1), slots, 0.05, "seed %d, rate %v", seed, rate)
	}
}

func TestPatience_HoldsAShareOfTheWorkers(t *testing.T) {
	t.Parallel()

	require.Equal(t, MaxPatience, Patience(Interval(14), 6, 98))
	require.Equal(t, MaxPatience, Patience(Interval(0.001), 6, 98))
	require.InDelta(t, 5.88, Patience(Interval(100), 6, 98).Seconds(), 0.01)
	require.Equal(t, time.Second, Patience(Interval(10_000), 6, 98))
}
