// Package figures stores the figures of journeys: open parts, closed months, totals,
// repairs, the head that a report needs of the journey, and the state of the audit.
package figures

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
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Figures implements what analytics needs of the table for figures.
type Figures struct{ access.Table }

// ForgottenAttribute is the count of forgotten enrollments in its item.
const ForgottenAttribute = "cnt"

// Counters implements analytics.Table. It reads backward: the counter writes an
// earlier day first, so a reader that sees a later day also sees the earlier ones.
func (s Figures) Counters(ctx context.Context, t ident.Tenant, id ident.ID, days analytics.Range) (analytics.Counters, error) {
	month := ""
	if days.From != "" {
		month = days.From.Month()
	}
	first, last := item.FiguresRange(month)
	c := analytics.Counters{Totals: map[string]*analytics.Total{}}
	err := s.Query(ctx, "read a journey's figures", &dynamodb.QueryInput{
		ScanIndexForward:          aws.Bool(false),
		KeyConditionExpression:    aws.String("PK = :pk AND SK BETWEEN :from AND :to"),
		ExpressionAttributeValues: item.Item{":pk": item.Text(item.FiguresPK(t, id)), ":from": item.Text(first), ":to": item.Text(last)},
	}, func(r *item.Reader) error {
		err := addFigures(&c, t, r.Item)
		if err == nil || errors.Is(err, journey.ErrNewer) {
			return err
		}
		return fmt.Errorf("%w: %w", analytics.ErrUnreadable, err)
	})
	return c, err
}

// addFigures adds one item of a journey's figures.
func addFigures(c *analytics.Counters, t ident.Tenant, it item.Item) error {
	r := item.Reader{Item: it}
	sk := r.Text(manifest.SortKey)
	switch {
	case strings.HasPrefix(sk, item.PartPrefix):
		p, err := DecodePart(t, it)
		c.Parts = append(c.Parts, p)
		return err
	case sk == item.ForgottenSK:
		c.Forgotten = r.Number(ForgottenAttribute)
		return r.Err
	case sk == item.HeadSK:
		c.Head = DecodeHead(it)
		return item.CheckNewer(it)
	}
	period, hash, err := item.ParseFiguresSK(sk)
	if err != nil {
		return cmp.Or(item.CheckNewer(it), err) // a newer version may have figures of other kinds
	}
	switch {
	case strings.HasPrefix(sk, item.ClosedPrefix):
		var closed analytics.Closed
		closed, err = decodeClosed(period, hash, it)
		c.Closed = append(c.Closed, closed)
	case strings.HasPrefix(sk, item.RepairPrefix):
		var repair analytics.Repair
		repair, err = decodeRepair(period, hash, it)
		c.Repairs = append(c.Repairs, repair)
	case strings.HasPrefix(sk, item.TotalPrefix):
		c.Totals[hash], err = decodeTotal(it)
	}
	return err
}

// DueToFold implements analytics.RollupTable.
func (s Figures) DueToFold(ctx context.Context, now time.Time, yield func(analytics.JourneyKey)) error {
	for shard := range item.FoldShards {
		seen := map[analytics.JourneyKey]bool{} // a journey is in one shard only
		err := s.QueryPages(ctx, "read the figures due to fold", &dynamodb.QueryInput{
			IndexName:              aws.String(manifest.DueIndex),
			KeyConditionExpression: aws.String("dp = :dp AND ds <= :ds"),
			ExpressionAttributeValues: item.Item{
				":dp": item.Text(item.FoldShardPK(shard)), ":ds": item.Number(now.UnixMilli()),
			},
		}, func(items []map[string]types.AttributeValue) error {
			for _, it := range items {
				k, ok := item.ParseFiguresPK(item.PartitionOf(it))
				if !ok {
					return item.ErrFiguresKey
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

func putCounts(it item.Item, g analytics.Graph, poison int64) {
	it.PutNumber(cVersion, int64(g.Version))
	it.PutBinary(cCounts, tally.Pack(g.Totals, poison, g.Steps))
}

func counts(r *item.Reader) (g analytics.Graph, poison int64) {
	var err error
	g.Version = int(r.Number(cVersion))
	if g.Totals, poison, g.Steps, err = tally.Unpack(r.Binary(cCounts)); r.Err == nil {
		r.Err = err
	}
	return g, poison
}
