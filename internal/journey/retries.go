package journey

import (
	"encoding/binary"
	"time"
)

// Retries is when an enrollment failed and was taken up again, so that its
// figures can be told as of any day: for each the index of the node (one byte),
// and both times in milliseconds since EnrolledAt (unsigned varints). It
// ends with the last time. Before that stand only those that were taken up on
// another day than they failed, at most one for each day.
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

// add adds an entry. One before it that is all of one day adds up to nothing in
// the figures, and gives way.
func (r Retries) add(enrolledAt time.Time, at Retried) Retries {
	list := r.Decode(enrolledAt)
	if n := len(list); n > 0 && list[n-1].onOneDay() {
		list = list[:n-1]
	}
	var all Retries
	for _, one := range append(list, at) {
		all = append(all, byte(one.Node))
		all = binary.AppendUvarint(all, uint64(max(one.FailedAt.Sub(enrolledAt).Milliseconds(), 0)))
		all = binary.AppendUvarint(all, uint64(max(one.RetriedAt.Sub(enrolledAt).Milliseconds(), 0)))
	}
	return all
}

func (r Retried) onOneDay() bool {
	const day = 24 * 60 * 60
	return r.FailedAt.Unix()/day == r.RetriedAt.Unix()/day
}

// retriedAt returns when e was last taken up after a failure, zero for never.
// For who was cancelled that may be when they were: taking them out takes them
// up too.
func (e Enrollment) retriedAt() time.Time {
	list := e.Retries.Decode(e.EnrolledAt)
	if len(list) == 0 {
		return time.Time{}
	}
	return list[len(list)-1].RetriedAt
}

// wentOn reports whether nothing but the journey itself has ended e, or will.
func (e Enrollment) wentOn() bool {
	return e.Status == Inside || e.Status == Completed || e.Status == Expired
}
