package target

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
)

func ask(now time.Time, interval time.Duration, returning, arriving int) Request {
	return Request{Now: now, Interval: interval, Patience: MaxPatience, Most: 1000, Returning: returning, Arriving: arriving}
}

func TestLine_FreeSlotsGoToArrivals(t *testing.T) {
	t.Parallel()

	l, g := Line{}.Take(ask(noon, time.Second, 0, 3))
	require.Equal(t, Grant{Slots: 3, First: noon, Place: l.Next}, g)
	l, g = l.Take(ask(noon, time.Second, 0, 10))
	require.Equal(t, 8, g.Slots, "no slot is farther away than the patience")
	require.Equal(t, noon.Add(3*time.Second), g.First)
	require.Equal(t, 2, g.Places)
	require.Equal(t, noon.Add(11*time.Second), g.Place)

	l, g = l.Take(ask(noon.Add(2*time.Second), time.Second, 0, 1))
	require.Equal(t, 0, g.Slots, "arrivals go to the end of the line, though a slot is free")
	require.Equal(t, noon.Add(13*time.Second), g.Place)
	l, g = l.Take(ask(noon.Add(2*time.Second), time.Second, 4, 1))
	require.Equal(t, 2, g.Slots, "that is for a customer that returns")
	require.Equal(t, 1, g.Places, "the two others that return ask again soon")

	_, g = l.Take(ask(noon.Add(time.Hour), time.Second, 0, 2))
	require.Equal(t, Grant{Slots: 2, First: noon.Add(time.Hour), Place: noon.Add(time.Hour + 2*time.Second)}, g, "unused slots are lost")
}

func TestLine_GivesNoMoreSlotsThanAreOfUse(t *testing.T) {
	t.Parallel()

	r := ask(noon, time.Second, 0, 5)
	r.Most = 2
	l, g := Line{}.Take(r)
	require.Equal(t, Grant{Slots: 2, First: noon, Places: 3, Place: noon.Add(2 * time.Second)}, g)
	require.Equal(t, noon.Add(2*time.Second), l.Next, "the others' slots are free")
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

func TestLine_KnowsWhoseCustomersStandInIt(t *testing.T) {
	t.Parallel()

	tenant, _ := ident.ParseTenant("acme")
	l := Line{}
	for i := range MaxPaced + 5 {
		r := ask(noon, time.Second, 0, 20)
		r.Journey = Journey{tenant, ident.ID(fmt.Sprint("jrn_", i))}
		l, _ = l.Take(r)
		require.Contains(t, l.Journeys, r.Journey)
		require.LessOrEqual(t, len(l.Journeys), MaxPaced)
	}
	r := ask(noon.Add(time.Hour), time.Second, 1, 0)
	l, _ = l.Take(r)
	require.Empty(t, l.Journeys, "all of them have gone")
}

// A clock that jumped ahead by days blocks the channel for none of the others.
func TestLine_TimesOfAWrongClockArePast(t *testing.T) {
	t.Parallel()

	wrong := noon.AddDate(0, 0, 3)
	l, _ := Line{}.Take(ask(wrong, time.Second, 0, 50))
	_, g := l.Take(ask(noon, time.Second, 0, 1))
	require.Equal(t, 1, g.Slots)
	require.Equal(t, noon, g.First)
}

func TestLine_HasAnEnd(t *testing.T) {
	t.Parallel()

	l, g := Line{}, Grant{}
	for range 30 {
		l, g = l.Take(ask(noon, time.Minute, 0, 98))
		require.LessOrEqual(t, g.Place.Sub(noon), MaxLine)
	}
	require.LessOrEqual(t, l.Tail.Sub(noon), MaxLine)
	_, g = l.Take(ask(noon.Add(MaxLine), time.Minute, 1, 0))
	require.Equal(t, 1, g.Slots)
}

// In every order of requests slots are an interval apart, none is past or beyond the
// patience, each customer is counted once, and those in line are served by the time that
// all before them take.
func TestLine_KeepsTheRateInEveryOrder(t *testing.T) {
	t.Parallel()

	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 7))
		rate := []float64{0.05, 0.5, 1, 14, 333, 10_000}[r.IntN(6)]
		interval := Interval(rate)
		require.GreaterOrEqual(t, float64(interval)*rate, float64(time.Second), "never above the rate")
		require.LessOrEqual(t, float64(interval)*rate, 1.0001*float64(time.Second))
		now, l := noon, Line{}
		var last time.Time
		for range 200 {
			now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
			request := ask(now, interval, r.IntN(99), r.IntN(99))
			request.Patience = Patience(interval, 1+r.IntN(10), 98)
			tail := l.Tail
			var g Grant
			l, g = l.Take(request)
			require.LessOrEqual(t, g.Slots+g.Places, request.Returning+request.Arriving)
			require.GreaterOrEqual(t, g.Slots+g.Places, request.Arriving)
			if g.Slots > 0 {
				require.False(t, g.First.Before(now))
				require.False(t, g.First.Before(last))
				last = g.First.Add(time.Duration(g.Slots) * interval)
				require.LessOrEqual(t, last.Sub(now), request.Patience+interval)
				require.Equal(t, last, l.Next)
			}
			if g.Places > 0 {
				require.False(t, g.Place.Before(l.Next), "no place is before a slot that is taken")
				if tail.Sub(now) > request.Patience && g.Place.Sub(now) < MaxLine {
					require.Equal(t, tail, g.Place, "behind the last")
				}
			}
		}
	}
}

func TestPatience_HoldsAShareOfTheWorkers(t *testing.T) {
	t.Parallel()

	require.Equal(t, MaxPatience, Patience(Interval(14), 6, 98))
	require.Equal(t, MaxPatience, Patience(Interval(0.001), 6, 98))
	require.InDelta(t, 5.88, Patience(Interval(100), 6, 98).Seconds(), 0.01)
	require.Equal(t, time.Second, Patience(Interval(10_000), 6, 98))
}
