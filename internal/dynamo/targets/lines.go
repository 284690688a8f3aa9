package targets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/target"
)

// Attributes of a line. Its times are in nanoseconds, because a rate may be 10,000 a second.
const (
	rNext     = "n"
	rTail     = "t"
	rInterval = "iv"
	rJourneys = "j" // by the sort key of their LIVE entries: milliseconds
)

func encodeLine(name string, l target.Line, w access.WriteID) item.Item {
	it := item.RateKey(name)
	it[rNext], it[rTail] = item.Number(l.Next.UnixNano()), item.Number(l.Tail.UnixNano())
	it[rInterval] = item.Number(int64(l.Interval))
	it[access.WriteIDAttribute] = item.Binary(w[:])
	if len(l.Journeys) > 0 {
		journeys := item.Item{}
		for j, until := range l.Journeys {
			journeys[item.LiveSK(j.Tenant, j.Journey)] = item.Number(until.UnixMilli())
		}
		it[rJourneys] = &types.AttributeValueMemberM{Value: journeys}
	}
	return it
}

func decodeLine(it item.Item) (target.Line, error) {
	r := item.Reader{Item: it}
	l := target.Line{
		Next: time.Unix(0, r.Number(rNext)).UTC(), Tail: time.Unix(0, r.Number(rTail)).UTC(),
		Interval: time.Duration(r.Number(rInterval)),
	}
	copy(l.Stamp[:], r.Binary(access.WriteIDAttribute))
	if journeys, ok := it[rJourneys].(*types.AttributeValueMemberM); ok {
		members := item.Reader{Item: journeys.Value, Checked: true}
		l.Journeys = map[target.Journey]time.Time{}
		for sk := range journeys.Value {
			tenant, id, ok := item.ParseLiveSK(sk)
			if !ok {
				return l, access.WrapDamaged(fmt.Errorf("the line %q has a journey without a tenant", r.Text(manifest.SortKey)))
			}
			l.Journeys[target.Journey{Tenant: tenant, Journey: id}] = members.Time(sk)
		}
		r.Err = errors.Join(r.Err, members.Err)
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
