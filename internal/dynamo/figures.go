package dynamo

import (
	"bytes"
	"context"
	varint "encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

var _ analytics.RollupTable = Analytics{}

// Counters implements analytics.Table. It reads backward: the counter writes an
// earlier day first, so a reader that sees a later day also sees the earlier ones.
func (s Analytics) Counters(ctx context.Context, t journey.Tenant, id journey.ID, days analytics.Range) (analytics.Counters, error) {
	month := ""
	if days.From != "" {
		month = days.From.Month()
	}
	first, last := figuresRange(month)
	c := analytics.Counters{Totals: map[string]*analytics.Total{}}
	err := s.query(ctx, "read a journey's figures", &dynamodb.QueryInput{
		ScanIndexForward:          aws.Bool(false),
		KeyConditionExpression:    aws.String("PK = :pk AND SK BETWEEN :from AND :to"),
		ExpressionAttributeValues: item{":pk": text(figuresPK(t, id)), ":from": text(first), ":to": text(last)},
	}, func(r *reader) error {
		err := addFigures(&c, t, r.item)
		if err == nil || errors.Is(err, journey.ErrNewer) {
			return err
		}
		return fmt.Errorf("%w: %w", analytics.ErrUnreadable, err)
	})
	return c, err
}

// addFigures adds one item of a journey's figures.
func addFigures(c *analytics.Counters, t journey.Tenant, it item) error {
	r := reader{item: it}
	sk := r.text(manifest.SortKey)
	switch {
	case strings.HasPrefix(sk, partPrefix):
		p, err := decodePart(t, it)
		c.Parts = append(c.Parts, p)
		return err
	case sk == forgottenSK:
		c.Forgotten = r.time(fForgotten)
		return r.err
	case sk == headSK:
		c.Head = decodeHead(it)
		return checkNewer(it)
	}
	period, hash, err := parseFiguresSK(sk)
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(sk, closedPrefix):
		var closed analytics.Closed
		closed, err = decodeClosed(period, hash, it)
		c.Closed = append(c.Closed, closed)
	case strings.HasPrefix(sk, repairPrefix):
		var repair analytics.Repair
		repair, err = decodeRepair(period, hash, it)
		c.Repairs = append(c.Repairs, repair)
	case strings.HasPrefix(sk, totalPrefix):
		c.Totals[hash], err = decodeTotal(it)
	}
	return err
}

// DueToFold implements analytics.RollupTable.
func (s Analytics) DueToFold(ctx context.Context, now time.Time, yield func(analytics.JourneyKey)) error {
	for shard := range foldShards {
		seen := map[analytics.JourneyKey]bool{} // a journey is in one shard only
		err := s.queryPages(ctx, "read the figures due to fold", &dynamodb.QueryInput{
			IndexName:              aws.String(manifest.DueIndex),
			KeyConditionExpression: aws.String("dp = :dp AND ds <= :ds"),
			ExpressionAttributeValues: item{
				":dp": text(foldShardPK(shard)), ":ds": number(now.UnixMilli()),
			},
		}, func(items []map[string]types.AttributeValue) error {
			for _, it := range items {
				k, ok := parseFiguresPK(partition(it))
				if !ok {
					return errFiguresKey
				}
				if !seen[k] {
					seen[k] = true
					yield(k)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (it item) putCounts(g analytics.Graph, poison int64) {
	it.putNumber(cVersion, int64(g.Version))
	it.putBinary(cCounts, packCounts(g.Totals, poison, g.Steps))
}

func (r *reader) counts() (g analytics.Graph, poison int64) {
	var err error
	g.Version = int(r.number(cVersion))
	if g.Totals, poison, g.Steps, err = unpackCounts(r.binary(cCounts)); r.err == nil {
		r.err = err
	}
	return g, poison
}

// packCounts returns counts as signed varints: the five totals, the poison, and for
// each step a byte with a bit for each count that is not zero, followed by those
// counts. The number at a node replaces the number that moved on, since it is zero
// more often. Zero bytes at the end are left out. With an attribute for each count,
// every write would pay for the names, and one update could not name the counts of
// 256 nodes: an expression has at most 4 KB.
func packCounts(t analytics.Totals, poison int64, steps []analytics.Step) []byte {
	var packed []byte
	for _, n := range []int64{t.Enrolled, t.Completed, t.Expired, t.Cancelled, t.Failed, poison} {
		packed = varint.AppendVarint(packed, n)
	}
	for _, s := range steps {
		mask := len(packed)
		packed = append(packed, 0)
		for bit, n := range []int64{s.Entered, s.Active(), s.Failed, s.Dropped, s.True, s.False} {
			if n != 0 {
				packed[mask] |= 1 << bit
				packed = varint.AppendVarint(packed, n)
			}
		}
	}
	return bytes.TrimRight(packed, "\x00")
}

var errCounts = errors.New("dynamo: counts that cannot be read")

func unpackCounts(packed []byte) (t analytics.Totals, poison int64, steps []analytics.Step, err error) {
	next := func() int64 {
		if len(packed) == 0 {
			return 0
		}
		n, size := varint.Varint(packed)
		if size <= 0 {
			packed, err = nil, errCounts
			return 0
		}
		packed = packed[size:]
		return n
	}
	t = analytics.Totals{Enrolled: next(), Completed: next(), Expired: next(), Cancelled: next(), Failed: next()}
	poison = next()
	for len(packed) > 0 {
		mask := packed[0]
		packed = packed[1:]
		var counts [6]int64
		for bit := range counts {
			if mask&(1<<bit) == 0 {
				continue
			}
			if len(packed) == 0 { // only zeros are left out
				return t, poison, nil, errCounts
			}
			counts[bit] = next()
		}
		s := analytics.Step{Entered: counts[0], Failed: counts[2], Dropped: counts[3], True: counts[4], False: counts[5]}
		s.Completed = s.Active() - counts[1]
		steps = append(steps, s)
	}
	return t, poison, steps, err
}
