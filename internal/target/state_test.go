package target

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func gate(s State, now time.Time) Gate {
	g, _ := s.Gate(now, 2, time.Time{})
	return g
}

func TestState_OpensForLongerWithEachProbeThatTimesOut(t *testing.T) {
	t.Parallel()

	now, s := noon, State{}
	require.Equal(t, Pass, gate(s, now))
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, MaxWait, MaxWait} {
		opened, ok := s.Opened(now)
		require.True(t, ok)
		require.Equal(t, want, opened.Until.Sub(now))
		_, again := opened.Opened(opened.Until.Add(-time.Millisecond))
		require.False(t, again, "a time-out of an effect that began before changes nothing")

		g, until := opened.Gate(opened.Until.Add(-time.Millisecond), 2, time.Time{})
		require.Equal(t, Wait, g)
		require.Equal(t, opened.Until, until)
		now = opened.Until
		require.Equal(t, Probe, gate(opened, now))

		s = opened.Probing(now.Add(20 * time.Second))
		g, until = s.Gate(now, 2, time.Time{})
		require.Equal(t, Wait, g, "one probe at a time")
		require.Equal(t, now.Add(20*time.Second), until)
		require.Equal(t, Probe, gate(s, until), "the worker with the probe died")
	}
	closed, ok := s.Closed()
	require.True(t, ok)
	require.Equal(t, State{}, closed)
}

// A clock that was far ahead opened the target, or took a probe or a lease.
func TestState_TimesOfAWrongClockArePast(t *testing.T) {
	t.Parallel()

	opened, _ := State{}.Opened(noon.Add(24 * time.Hour))
	require.Equal(t, Probe, gate(opened, noon))
	require.Equal(t, Probe, gate(State{Kind: Open, Until: noon, Probe: noon.Add(time.Hour)}, noon))
	require.Equal(t, Lease, gate(State{Kind: Limited, Leases: []time.Time{noon.Add(time.Hour), noon.Add(2 * time.Hour)}}, noon))
	require.Equal(t, noon, Postponed(noon, noon.Add(time.Hour), noon), "no customer waits because its node was entered later")
}

func TestState_LimitsAreLeasesThatEnd(t *testing.T) {
	t.Parallel()

	end := noon.Add(time.Minute)
	s, ok := State{}.Limited(end)
	require.True(t, ok)
	require.Equal(t, Lease, gate(s, noon))
	s = s.Leased(noon, end.Add(time.Second))
	g, until := s.Gate(noon, 2, time.Time{})
	require.Equal(t, Wait, g)
	require.Equal(t, end, until, "the first of them ends")
	g, _ = s.Gate(noon, 2, end)
	require.Equal(t, Pass, g, "with a lease of its own")
	require.Equal(t, Lease, gate(s, end), "the worker that held it died")
	require.Len(t, s.Leased(end, end.Add(time.Minute)).Leases, 2, "a lease that has ended is dropped")

	left, ok := s.Released(end)
	require.True(t, ok)
	require.Equal(t, Lease, gate(left, noon))
	_, ok = left.Released(end)
	require.False(t, ok)
	opened, ok := s.Opened(noon)
	require.True(t, ok)
	_, ok = opened.Released(end)
	require.False(t, ok, "the leases went when it opened")
}

// Whatever workers do in whatever order, no more of them hold a lease than may, and while
// a target is open only one of them sends.
func TestState_HoldsItsShareInEveryOrder(t *testing.T) {
	t.Parallel()

	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		share := 1 + r.IntN(4)
		now, s := noon, State{}
		leases := map[time.Time]bool{}
		for range 100 {
			now = now.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
			for end := range leases {
				if !end.After(now) {
					delete(leases, end)
				}
			}
			switch g, until := s.Gate(now, share, time.Time{}); g {
			case Pass: // takes nothing
			case Wait:
				require.True(t, until.After(now))
				require.LessOrEqual(t, until.Sub(now), MaxWait)
			case Probe:
				s = s.Probing(now.Add(20 * time.Second))
				require.Equal(t, Wait, gate(s, now))
			case Lease:
				end := now.Add(time.Duration(1000+r.IntN(59_000)) * time.Millisecond)
				s, leases[end] = s.Leased(now, end), true
				require.LessOrEqual(t, len(leases), share)
			}
			switch r.IntN(8) {
			case 0:
				if opened, ok := s.Opened(now); ok {
					s, leases = opened, map[time.Time]bool{}
				}
			case 1:
				if s.Kind == Open {
					s, _ = s.Closed()
				}
			case 2:
				end := now.Add(time.Minute)
				if limited, ok := s.Limited(end); ok {
					s, leases = limited, map[time.Time]bool{end: true}
				}
			case 3:
				for end := range leases {
					s, _ = s.Released(end)
					delete(leases, end)
					break
				}
			}
		}
	}
}

func TestPostponed_GrowsWithTheWait(t *testing.T) {
	t.Parallel()

	require.Equal(t, noon.Add(30*time.Second), Postponed(noon, noon, noon.Add(30*time.Second)))
	require.Equal(t, noon.Add(5*time.Minute), Postponed(noon, noon.Add(-20*time.Minute), noon.Add(30*time.Second)))
	require.Equal(t, noon.Add(15*time.Minute), Postponed(noon, noon.Add(-20*time.Hour), noon))
}

func TestWatch_CountsTimeoutsInARow(t *testing.T) {
	t.Parallel()

	var w Watch
	for range MaxTimeouts - 1 {
		require.False(t, w.TimedOut("c:a", time.Second, noon))
	}
	w.Answered("c:a", time.Second, noon)
	for range MaxTimeouts - 1 {
		require.False(t, w.TimedOut("c:a", time.Second, noon))
	}
	require.False(t, w.TimedOut("c:b", time.Second, noon), "another target")
	require.True(t, w.TimedOut("c:a", time.Second, noon))

	require.False(t, w.TimedOut("c:a", time.Second, noon.Add(time.Hour)), "those are long ago")
}

func TestWatch_KnowsSlowFromQuick(t *testing.T) {
	t.Parallel()

	var w Watch
	answers := func(n int, took time.Duration) {
		for range n {
			w.Answered("c:a", took, noon)
		}
	}
	answers(4, 3*time.Second)
	require.False(t, w.Slow("c:a"), "too few say nothing")
	answers(1, 3*time.Second)
	require.True(t, w.Slow("c:a"))
	require.False(t, w.Quick("c:a"))
	answers(200, 100*time.Millisecond)
	require.False(t, w.Slow("c:a"), "the last answers count")
	require.True(t, w.Quick("c:a"))
	answers(100, -time.Hour)
	require.True(t, w.Quick("c:a"), "the clock was set back")
	w.Forget("c:a")
	require.False(t, w.Quick("c:a"))
	require.False(t, w.Slow("c:b"))
}
