package tally

import (
	"cmp"
	"slices"

	"journeys/internal/trail"
)

// Results counts the customers that left a node, by ascending result and without
// zero counts. No method changes a Results, so copies may share it.
type Results []ResultCount

// ResultCount is the number of customers that left a node with a result.
type ResultCount struct {
	Result trail.Result
	Count  int64
}

// One returns the count of one customer that left with the result.
func One(result trail.Result) Results { return Results{{result, 1}} }

// Sum returns the number of customers that left with any result.
func (r Results) Sum() (n int64) {
	for _, c := range r {
		n += c.Count
	}
	return n
}

// Of returns the count of one result.
func (r Results) Of(result trail.Result) int64 {
	for _, c := range r {
		if c.Result == result {
			return c.Count
		}
	}
	return 0
}

// Passed returns the number of customers that went on by the way with that index.
func (r Results) Passed(way int) (n int64) {
	for _, c := range r {
		if c.Result != trail.Exited && c.Result.Way() == way {
			n += c.Count
		}
	}
	return n
}

// Plus returns the sum of r and o, whose counts may be in any order.
func (r Results) Plus(o ...ResultCount) Results {
	if len(o) == 0 {
		return r
	}
	sum := slices.Clone(r)
	for _, c := range o {
		i, found := slices.BinarySearchFunc(sum, c, func(a, b ResultCount) int { return cmp.Compare(a.Result, b.Result) })
		if !found {
			sum = slices.Insert(sum, i, ResultCount{Result: c.Result})
		}
		if sum[i].Count += c.Count; sum[i].Count == 0 {
			sum = slices.Delete(sum, i, i+1)
		}
	}
	if len(sum) == 0 {
		return nil
	}
	return sum
}

// negate returns r with the opposite counts.
func (r Results) negate() Results {
	opposite := slices.Clone(r)
	for i := range opposite {
		opposite[i].Count = -opposite[i].Count
	}
	return opposite
}
