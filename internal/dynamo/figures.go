package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
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
		c.Forgotten = r.number(aCount)
		return r.err
	case sk == headSK:
		c.Head = decodeHead(it)
		return checkNewer(it)
	}
	period, hash, err := parseFiguresSK(sk)
	if err != nil {
		return cmp.Or(checkNewer(it), err) // a newer version may have figures of other kinds
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
	it.putBinary(cCounts, tally.Pack(g.Totals, poison, g.Steps))
}

func (r *reader) counts() (g analytics.Graph, poison int64) {
	var err error
	g.Version = int(r.number(cVersion))
	if g.Totals, poison, g.Steps, err = tally.Unpack(r.binary(cCounts)); r.err == nil {
		r.err = err
	}
	return g, poison
}
