package journey

import (
	"encoding/binary"
	"time"
)

// Retries is when an enrollment failed and was taken up again on a later day,
// so that its figures can be told as of any day: for each the index of the node
// (one byte), and both times in milliseconds since EnrolledAt (unsigned
// varints). There is at most one for each day.
type Retries []byte

// Retried is one entry of Retries.
type Retried struct {
	Node                int
	FailedAt, RetriedAt time.Time
}

// Decode returns the entries. It stops at bytes that it cannot read.
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

// add adds an entry, unless all of it was on one day.
func (r Retries) add(enrolledAt time.Time, at Retried) Retries {
	const day = 24 * 60 * 60
	if at.FailedAt.Unix()/day == at.RetriedAt.Unix()/day {
		return r
	}
	r = append(r[:len(r):len(r)], byte(at.Node))
	r = binary.AppendUvarint(r, uint64(max(at.FailedAt.Sub(enrolledAt).Milliseconds(), 0)))
	return binary.AppendUvarint(r, uint64(max(at.RetriedAt.Sub(enrolledAt).Milliseconds(), 0)))
}
