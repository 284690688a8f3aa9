package targets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/target"
)

// Attributes of a line. Next is in nanoseconds, because a rate may be 10,000 a second.
const (
	rNext     = "n"
	rInterval = "iv"
	rShares   = "s" // all of them, packed: the item is written for every grant, and 1 KB is a unit
)

// Sizes of what is packed. The times of a share are milliseconds after Next, rounded up.
const (
	shareSize   = 4 + 3*4 + 1 // the tenant, Paid, Tail, Back, and how many journeys follow
	journeySize = 4
)

func encodeLine(name string, l target.Line, w access.WriteID) item.Item {
	it := item.RateKey(name)
	it[rNext], it[rInterval] = item.Number(l.Next.UnixNano()), item.Number(int64(l.Interval))
	it[access.WriteIDAttribute] = item.Binary(w[:])
	var packed []byte
	for _, s := range l.Shares {
		packed = binary.BigEndian.AppendUint32(packed, s.Tenant)
		for _, at := range []time.Time{s.Paid, s.Tail, s.Back} {
			packed = binary.BigEndian.AppendUint32(packed, uint32(offset(l.Next, at)))
		}
		packed = append(packed, byte(len(s.Journeys)))
		for _, j := range s.Journeys {
			packed = binary.BigEndian.AppendUint32(packed, j)
		}
	}
	if packed != nil {
		it[rShares] = item.Binary(packed)
	}
	return it
}

// offset returns a time as milliseconds after next, as far as they fit: 24 days.
func offset(next, at time.Time) int32 {
	ms := math.Ceil(float64(at.Sub(next)) / float64(time.Millisecond))
	return int32(min(max(ms, math.MinInt32), math.MaxInt32))
}

func decodeLine(it item.Item) (target.Line, error) {
	r := item.Reader{Item: it}
	l := target.Line{Next: time.Unix(0, r.Number(rNext)).UTC(), Interval: time.Duration(r.Number(rInterval))}
	copy(l.Stamp[:], r.Binary(access.WriteIDAttribute))
	packed := r.Binary(rShares)
	for len(packed) > 0 {
		if len(packed) < shareSize || len(packed) < shareSize+journeySize*int(packed[shareSize-1]) {
			return l, access.WrapDamaged(fmt.Errorf("the line %q has a part of a share", r.Text(manifest.SortKey)))
		}
		number := func() uint32 {
			n := binary.BigEndian.Uint32(packed)
			packed = packed[4:]
			return n
		}
		at := func() time.Time { return l.Next.Add(time.Duration(int32(number())) * time.Millisecond) }
		s := target.Share{Tenant: number(), Paid: at(), Tail: at(), Back: at()}
		s.Journeys = make([]uint32, packed[0])
		packed = packed[1:]
		for i := range s.Journeys {
			s.Journeys[i] = number()
		}
		l.Shares = append(l.Shares, s)
	}
	return l, access.WrapDamaged(r.Err)
}

// PutLine implements engine.Table. Stamp tells which write stored a line. One that is
// damaged is returned as empty, so that the next write replaces it.
func (s Targets) PutLine(ctx context.Context, name string, old, next target.Line) (target.Line, bool, error) {
	w, err := s.Table.NewWriteID()
	if err != nil {
		return old, false, err
	}
	condition, names, values := "attribute_not_exists(PK)", map[string]string(nil), item.Item(nil)
	if old.Stamp != [16]byte{} {
		condition = "#w = :old"
		names, values = map[string]string{"#w": access.WriteIDAttribute}, item.Item{":old": item.Binary(old.Stamp[:])}
	}
	_, err = s.Table.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Table.Name, Item: encodeLine(name, next, w), ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if found, refused := access.RefusedItem(err); refused {
		if len(found) == 0 {
			return target.Line{}, false, nil
		}
		stored, err := decodeLine(found)
		if errors.Is(err, journey.ErrDamaged) {
			return target.Line{Stamp: stored.Stamp}, false, nil
		}
		return stored, stored.Stamp == w, err
	}
	next.Stamp = w
	return next, err == nil, access.WrapFailed("write a line", err)
}

// Lines implements engine.Table.
func (s Targets) Lines(ctx context.Context) (map[string]target.Line, error) {
	lines := map[string]target.Line{}
	var unread engine.Unread
	err := s.Table.Query(ctx, "read the lines of targets", &dynamodb.QueryInput{
		KeyConditionExpression: aws.String("PK = :pk"), ExpressionAttributeValues: item.Item{":pk": item.Text(item.RatePK)},
	}, func(r *item.Reader) error {
		l, err := decodeLine(r.Item)
		if err != nil {
			unread = append(unread, err)
			return nil
		}
		lines[r.Text(manifest.SortKey)] = l
		return nil
	})
	if err == nil {
		err = unread.Err()
	}
	return lines, err
}
