package lambda

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// sequence returns which of 300 opportunities a fault takes.
func sequence(f *Faults, fault Fault) []bool {
	var strikes []bool
	for range 300 {
		strikes = append(strikes, f.strikes(fault))
	}
	return strikes
}

func TestFaults_SeedDecidesEachFaultOnItsOwn(t *testing.T) {
	t.Parallel()
	first, second, other := NewFaults(7), NewFaults(7), NewFaults(8)
	for _, f := range []*Faults{first, second, other} {
		require.NotContains(t, sequence(f, LostAnswer), true, "before the start")
		f.Start()
	}
	sequence(second, KilledAfter) // shifts no other fault
	for f := range odds {
		if f == KilledAfter {
			continue
		}
		same := sequence(first, f)
		require.Contains(t, same, true, f)
		require.Equal(t, same, sequence(second, f), f)
		require.NotEqual(t, same, sequence(other, f), f)
	}
	first.Stop()
	first.Start()
	require.NotContains(t, sequence(first, LostAnswer), true, "after the stop")
}

// The strikes of seed 7, so that a change of the code changes no seed.
func TestFaults_KeepTheSequenceOfASeed(t *testing.T) {
	t.Parallel()
	f := NewFaults(7)
	f.Start()
	for fault, want := range map[Fault]struct {
		first []int // opportunities that it takes
		all   int   // of 300
		next  int   // the number below 1,000 after these
	}{
		LostAnswer:    {[]int{2, 30, 72, 105}, 8, 753},
		Bisected:      {[]int{0, 5, 9, 12}, 160, 660},
		GivenUp:       {[]int{19, 23, 25, 32}, 46, 883},
		Replayed:      {[]int{7, 10, 13, 16}, 71, 231},
		Frozen:        {[]int{27, 153, 162, 204}, 11, 558},
		Late:          {[]int{0, 8, 18, 19}, 61, 546},
		Never:         {[]int{0, 10, 29, 34}, 76, 688},
		Twice:         {[]int{0, 4, 5, 6}, 84, 864},
		KilledAfter:   {[]int{52, 97, 110, 253}, 4, 98},
		KilledBefore:  {[]int{11, 83, 201, 209}, 5, 878},
		Throttled:     {[]int{6, 7, 8, 9}, 15, 385},
		PartThrottled: {[]int{34, 35, 36, 41}, 58, 812},
		Slow:          {[]int{10, 11, 12, 13}, 70, 347},
		Hung:          {[]int{189, 195, 217, 251}, 5, 251},
		Hurried:       {[]int{7, 9, 12, 14}, 80, 529},
	} {
		var taken []int
		for i, struck := range sequence(f, fault) {
			if struck {
				taken = append(taken, i)
			}
		}
		require.Equal(t, want.first, taken[:4], fault)
		require.Len(t, taken, want.all, fault)
		require.Equal(t, want.next, upTo(f, fault, 1000), fault)
	}
}

func TestFaults_HaveOddsAndATarget(t *testing.T) {
	t.Parallel()
	placed := map[Fault]bool{}
	for target, faults := range faultsAt {
		require.Contains(t, throttledBy, target)
		for _, f := range faults {
			require.Contains(t, odds, f)
			placed[f] = true
		}
	}
	for _, f := range []Fault{Bisected, Replayed, GivenUp, Hurried} {
		require.Contains(t, odds, f)
		placed[f] = true
	}
	require.Len(t, placed, len(odds))
	numbers := map[uint64]bool{}
	for _, o := range odds {
		numbers[o.number] = true
	}
	require.Len(t, numbers, len(odds), "faults share a random source")
}
