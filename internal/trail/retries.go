package trail

import (
	"encoding/binary"
	"time"
)

// Retries lists when an enrollment failed and was resumed, so that figures can be
// recounted as of any day. An entry is the index of the node (one byte), and both
// times in milliseconds since EnrolledAt (unsigned varints). The last entry is
// always there; earlier ones only if they span two days, at most one per day.
type Retries []byte

// Retried is an entry of Retries.
type Retried struct {
	Node                int
	FailedAt, RetriedAt time.Time
}

// Decode returns the entries of an enrollment that began at enrolledAt. It stops
// at the first entry that is malformed.
func (r Retries) Decode(enrolledAt time.Time) []Retried {
	var list []Retried
	for len(r) > 2 {
		failed, n := binary.Uvarint(r[1:])
		if n <= 0 {
			break
		}
		retried, m := binary.Uvarint(r[1+n:])
		if m <= 0 {
			break
		}
		list = append(list, Retried{
			Node: int(r[0]), FailedAt: enrolledAt.Add(time.Duration(failed) * time.Millisecond),
			RetriedAt: enrolledAt.Add(time.Duration(retried) * time.Millisecond),
		})
		r = r[1+n+m:]
	}
	return list
}

// Add appends an entry. It drops the previous one if that is within one day: its
// marks cancel out in the figures.
func (r Retries) Add(enrolledAt time.Time, at Retried) Retries {
	list := r.Decode(enrolledAt)
	if n := len(list); n > 0 && list[n-1].withinOneDay() {
		list = list[:n-1]
	}
	var all Retries
	for _, entry := range append(list, at) {
		all = append(all, byte(entry.Node))
		all = binary.AppendUvarint(all, uint64(max(entry.FailedAt.Sub(enrolledAt).Milliseconds(), 0)))
		all = binary.AppendUvarint(all, uint64(max(entry.RetriedAt.Sub(enrolledAt).Milliseconds(), 0)))
	}
	return all
}

func (r Retried) withinOneDay() bool { return UTCDay(r.FailedAt).Equal(UTCDay(r.RetriedAt)) }

// ByDay returns the entries with each time rounded down to its own UTC day.
func (r Retries) ByDay(enrolledAt time.Time) (rounded Retries) {
	for _, at := range r.Decode(enrolledAt) {
		rounded = rounded.Add(UTCDay(enrolledAt), Retried{at.Node, UTCDay(at.FailedAt), UTCDay(at.RetriedAt)})
	}
	return rounded
}

// UTCDay returns the start of the UTC day of at.
func UTCDay(at time.Time) time.Time { return at.Truncate(24 * time.Hour) }
