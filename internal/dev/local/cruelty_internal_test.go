package local

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// sequence returns what a kind of fault does at 300 chances.
func sequence(c *Cruelty, f Fault) []bool {
	var strikes []bool
	for range 300 {
		strikes = append(strikes, c.strikes(f))
	}
	return strikes
}

func TestASeedDecidesEachKindOfFaultByItself(t *testing.T) {
	t.Parallel()
	first, second, other := NewCruelty(7), NewCruelty(7), NewCruelty(8)
	for _, c := range []*Cruelty{first, second, other} {
		require.NotContains(t, sequence(c, LostAnswer), true, "before it begins")
		c.Begin()
	}
	sequence(second, KilledAfter) // shifts no other kind
	for f := range odds {
		if f == KilledAfter {
			continue
		}
		same := sequence(first, f)
		require.Contains(t, same, true, f)
		require.Equal(t, same, sequence(second, f), f)
		require.NotEqual(t, same, sequence(other, f), f)
	}
	first.Calm()
	first.Begin()
	require.NotContains(t, sequence(first, LostAnswer), true, "once it is calm")
}

func TestEveryFaultHasItsOddsAndItsPlace(t *testing.T) {
	t.Parallel()
	placed := map[Fault]bool{}
	for target, faults := range faultsAt {
		require.Contains(t, refusals, target)
		for _, f := range faults {
			require.Contains(t, odds, f)
			placed[f] = true
		}
	}
	for _, f := range faultsOfBatches {
		require.Contains(t, odds, f)
		placed[f] = true
	}
	require.Len(t, placed, len(odds))
}
