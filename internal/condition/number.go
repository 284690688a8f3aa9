package condition

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// number is a JSON number in the first class that represents it exactly. Equal
// numbers are equal structs, however they are written.
type number struct {
	class class
	bits  uint64
}

type class uint8

const (
	classInt   class = iota // an int64
	classUint               // a uint64 beyond int64
	classFloat              // any other float64
)

// parseNumber parses a JSON number. A number outside the range of float64 becomes
// an infinity.
func parseNumber(text string) number {
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return number{classInt, uint64(n)}
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return number{classUint, n}
		}
	}
	f, _ := strconv.ParseFloat(text, 64)
	switch {
	case f != math.Trunc(f) || f < math.MinInt64 || f >= 1<<64:
		return number{classFloat, math.Float64bits(f)}
	case f < 1<<63:
		return number{classInt, uint64(int64(f))}
	}
	return number{classUint, uint64(f)}
}

// compare returns -1, 0 or 1. It is exact.
func (a number) compare(b number) int {
	switch {
	case a.class == b.class && a.class == classInt:
		return cmp.Compare(int64(a.bits), int64(b.bits))
	case a.class == b.class && a.class == classUint:
		return cmp.Compare(a.bits, b.bits)
	case a.class == b.class:
		return cmp.Compare(a.float(), b.float())
	case b.class == classFloat:
		return a.compareFloat(b.float())
	case a.class == classFloat:
		return -b.compareFloat(a.float())
	}
	return cmp.Compare(a.class, b.class)
}

// compareFloat compares an integer of up to 64 bits with a float64 that is not one.
// Rounding a to a float64 preserves the order. They become equal only at 2^64,
// which is greater than every integer that rounds to it.
func (a number) compareFloat(f float64) int {
	if a.float() <= f {
		return -1
	}
	return 1
}

func (a number) float() float64 {
	switch a.class {
	case classInt:
		return float64(int64(a.bits))
	case classUint:
		return float64(a.bits)
	default:
		return math.Float64frombits(a.bits)
	}
}

func (a number) infinite() bool { return math.IsInf(a.float(), 0) }
