package pack

import (
	varint "encoding/binary"
	"errors"
	"time"

	"journeys/internal/analytics"
)

// Taken returns the parts that a total took last, as varints.
func Taken(list []analytics.Taken) []byte {
	var packed []byte
	for _, taken := range list {
		for _, n := range []int64{
			taken.Day.Time().Unix() / (24 * 60 * 60), int64(taken.Shard), taken.Born.UnixMilli(),
			taken.Rev, taken.Total, taken.At.UnixMilli(),
		} {
			packed = varint.AppendUvarint(packed, uint64(n))
		}
	}
	return packed
}

var errTaken = errors.New("pack: the parts that a total took cannot be read")

// ReadTaken decodes what Taken returned.
func ReadTaken(packed []byte) (list []analytics.Taken, err error) {
	next := func() int64 {
		n, size := varint.Uvarint(packed)
		if size <= 0 {
			packed, err = nil, errTaken
			return 0
		}
		packed = packed[size:]
		return int64(n)
	}
	for len(packed) > 0 {
		day := time.Unix(next()*24*60*60, 0)
		list = append(list, analytics.Taken{
			Day: analytics.DayOf(day), Shard: int(next()), Born: time.UnixMilli(next()).UTC(),
			Rev: next(), Total: next(), At: time.UnixMilli(next()).UTC(),
		})
	}
	return list, err
}
