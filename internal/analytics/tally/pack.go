package tally

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"

	"journeys/internal/feedback"
	"journeys/internal/journey"
	"journeys/internal/trail"
)

// Pack returns counts as signed varints: the six totals, the poison, and the
// steps. A step begins with a byte. Its lower half has a bit for each count that is not
// zero: active, failed and dropped, which follow. Its upper half is the only result,
// whose count follows, or 0 for none, or resultList for several: each is a byte, of
// which the highest bit says that it is not the last, and the count. The last bit of the
// lower half says that such a list of the converted ones follows. A step with feedback is
// preceded by feedbackMark, a byte with a bit for each kind that was counted, and the counts.
// Zero bytes at the end are left out.
//
// With an attribute for each count, every write would pay for the names, and one
// update could not name the counts of 256 nodes: an expression has at most 4 KB.
func Pack(t Totals, poison int64, steps []Step) []byte {
	var packed []byte
	for _, n := range []int64{t.Enrolled, t.Completed, t.Expired, t.Cancelled, t.Failed, t.Conversions, poison} {
		packed = binary.AppendVarint(packed, n)
	}
	for _, s := range steps {
		packed = appendFeedback(packed, &s.Feedback)
		mask := len(packed)
		packed = append(packed, 0)
		for bit, n := range []int64{s.Active(), s.Failed, s.Dropped} {
			if n != 0 {
				packed[mask] |= 1 << bit
				packed = binary.AppendVarint(packed, n)
			}
		}
		switch {
		case len(s.Results) == 1 && s.Results[0].Result < resultList:
			packed[mask] |= byte(s.Results[0].Result) << 4
			packed = binary.AppendVarint(packed, s.Results[0].Count)
		case len(s.Results) > 0:
			packed[mask] |= resultList << 4
			packed = appendResults(packed, s.Results)
		}
		if len(s.Converted) > 0 {
			packed[mask] |= convertedList
			packed = appendResults(packed, s.Converted)
		}
	}
	return bytes.TrimRight(packed, "\x00")
}

const (
	resultList    = 14     // in the upper half of a step's first byte; 15 is that of feedbackMark
	feedbackMark  = 0xF0   // other bytes whose upper half is 15 are left to newer versions
	convertedList = 1 << 3 // in the lower half
	moreResults   = 1 << 7 // of a result that is not the last
)

func appendFeedback(packed []byte, f *Feedback) []byte {
	if *f == (Feedback{}) {
		return packed
	}
	packed = append(packed, feedbackMark, 0)
	mask := len(packed) - 1
	for k, n := range f {
		if n != 0 {
			packed[mask] |= 1 << k
			packed = binary.AppendVarint(packed, n)
		}
	}
	return packed
}

func appendResults(packed []byte, r Results) []byte {
	for i, c := range r {
		code := byte(c.Result)
		if i < len(r)-1 {
			code |= moreResults
		}
		packed = binary.AppendVarint(append(packed, code), c.Count)
	}
	return packed
}

var errCounts = errors.New("tally: the packed counts are malformed")

// Unpack decodes packed counts. It returns ErrNewer for counts that only a newer
// version can read.
func Unpack(packed []byte) (t Totals, poison int64, steps []Step, err error) {
	u := unpacker{packed: packed}
	var totals [7]int64 // zeros at the end are left out
	for i := range totals {
		if len(u.packed) > 0 {
			totals[i] = u.count()
		}
	}
	t = Totals{Enrolled: totals[0], Completed: totals[1], Expired: totals[2], Cancelled: totals[3], Failed: totals[4], Conversions: totals[5]}
	for len(u.packed) > 0 {
		steps = append(steps, u.step())
	}
	return t, totals[6], steps, u.err
}

// unpacker reads packed counts. After an error, nothing is left to read.
type unpacker struct {
	packed []byte
	err    error
}

func (u *unpacker) fail(err error) { u.packed, u.err = nil, cmp.Or(u.err, err) }

func (u *unpacker) count() int64 {
	n, size := binary.Varint(u.packed)
	if size <= 0 {
		u.fail(errCounts)
		return 0
	}
	u.packed = u.packed[size:]
	return n
}

// mark reads a byte, 0 beyond the end: zero bytes at the end are left out.
func (u *unpacker) mark() (b byte) {
	if len(u.packed) > 0 {
		b, u.packed = u.packed[0], u.packed[1:]
	}
	return b
}

func (u *unpacker) feedback() (f Feedback) {
	mask := u.mark()
	switch {
	case mask == 0:
		u.fail(errCounts)
	case mask>>feedback.Kinds != 0:
		u.fail(journey.ErrNewer)
	}
	for k := range f {
		if mask&(1<<k) != 0 {
			f[k] = u.count()
		}
	}
	return f
}

func (u *unpacker) step() (s Step) {
	mask := u.mark()
	if mask == feedbackMark {
		s.Feedback = u.feedback()
		mask = u.mark()
	}
	result := trail.Result(mask >> 4)
	if result > resultList {
		u.fail(journey.ErrNewer)
		return s
	}
	var counts [3]int64
	for bit := range counts {
		if mask&(1<<bit) != 0 {
			counts[bit] = u.count()
		}
	}
	switch result {
	case trail.NoResult:
	case resultList:
		s.Results = u.results()
	default:
		s.Results = s.Results.Plus(ResultCount{result, u.count()})
	}
	if mask&convertedList != 0 {
		s.Converted = u.results()
	}
	s.Entered, s.Failed, s.Dropped = counts[0]+counts[1]+counts[2]+s.Completed(), counts[1], counts[2]
	return s
}

func (u *unpacker) results() (r Results) {
	for more := true; more; {
		if len(u.packed) == 0 || u.packed[0]&^moreResults == byte(trail.NoResult) {
			u.fail(errCounts)
			return nil
		}
		code := u.packed[0]
		u.packed = u.packed[1:]
		more = code&moreResults != 0
		r = r.Plus(ResultCount{trail.Result(code &^ moreResults), u.count()})
	}
	return r
}
