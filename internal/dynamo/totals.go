package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/dynamo/pack"
	"journeys/internal/manifest"
)

// Attributes of totals and repairs, beside those of parts.
const (
	cThrough  = "th" // a day
	cRepaired = "rp" // a day
	cTaken    = "tk" // see pack.Taken
)

// Attributes of a closed month: numbers for each day, with the day's two digits as a
// suffix.
const (
	cEnrolled  = "en"
	cCompleted = "co"
	cExpired   = "ex"
	cCancelled = "ca"
	cFailed    = "fa"
	cConverted = "cv"
)

// dayFigures are the figures of each day in a closed month.
var dayFigures = []struct {
	name  string
	field func(*tally.Totals) *int64
}{
	{cEnrolled, func(t *tally.Totals) *int64 { return &t.Enrolled }},
	{cCompleted, func(t *tally.Totals) *int64 { return &t.Completed }},
	{cExpired, func(t *tally.Totals) *int64 { return &t.Expired }},
	{cCancelled, func(t *tally.Totals) *int64 { return &t.Cancelled }},
	{cFailed, func(t *tally.Totals) *int64 { return &t.Failed }},
	{cConverted, func(t *tally.Totals) *int64 { return &t.Conversions }},
}

// Fold implements analytics.RollupTable.
func (s Analytics) Fold(ctx context.Context, k analytics.JourneyKey, f analytics.Fold) error {
	w, err := s.newWriteID()
	if err != nil {
		return err
	}
	graph, err := graphText(f.Graph)
	if err != nil {
		return err
	}
	writes := []types.TransactWriteItem{{Put: s.putTotal(k, graph, &f.Total)}}
	for _, p := range f.Parts {
		it, err := encodePart(p.Emptied(f.Total.Rev))
		if err != nil {
			return err
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName: &s.name, Item: it, ConditionExpression: aws.String(samePart),
			ExpressionAttributeValues: samePartValues(p.Born, p.Rev),
		}})
	}
	if f.Day != "" {
		writes = append(writes, types.TransactWriteItem{Update: s.addToDay(k, graph, &f)})
	}
	refused, err := s.transact(ctx, w, writes)
	if err == nil && refused != nil {
		return analytics.ErrStale
	}
	return wrapFailed("fold a journey's figures", err)
}

func (s *table) putTotal(k analytics.JourneyKey, graph string, t *analytics.Total) *types.Put {
	put := &types.Put{
		TableName: &s.name, Item: encodeTotal(k, graph, t), ConditionExpression: aws.String("attribute_not_exists(PK)"),
	}
	if t.Rev > 1 {
		put.ConditionExpression = aws.String("#r = :r")
		put.ExpressionAttributeNames = map[string]string{"#r": cRev}
		put.ExpressionAttributeValues = item{":r": number(t.Rev - 1)}
	}
	return put
}

func encodeTotal(k analytics.JourneyKey, graph string, t *analytics.Total) item {
	it := totalKey(k, graph)
	it.putNumber(cRev, t.Rev)
	it.putCounts(t.Graph, t.Poison)
	it.putTime(cNewest, t.Newest)
	it.putTime(cUpdated, t.Written)
	it.putText(cThrough, string(t.Through))
	it.putText(cRepaired, string(t.Repaired))
	it.putBinary(cTaken, pack.Taken(t.Taken))
	it.putBinary(cLabels, pack.Labels(t.Labels))
	return it
}

func decodeTotal(it item) (*analytics.Total, error) {
	r := reader{item: it}
	total := &analytics.Total{
		Rev: r.number(cRev), Newest: r.time(cNewest), Written: r.time(cUpdated),
		Through: analytics.Day(r.text(cThrough)), Repaired: analytics.Day(r.text(cRepaired)),
		Labels: pack.ReadLabels(r.binary(cLabels)),
	}
	total.Graph, total.Poison = r.counts()
	var err error
	total.Taken, err = pack.ReadTaken(r.binary(cTaken))
	return total, errors.Join(r.err, err)
}

// addToDay adds the folded totals to their day in its closed month.
func (s *table) addToDay(k analytics.JourneyKey, graph string, f *analytics.Fold) *types.Update {
	names, values := map[string]string{"#r": cRev}, item{":r": number(f.Total.Rev)}
	var add []string
	for _, figure := range dayFigures {
		if n := *figure.field(&f.Totals); n != 0 {
			add = append(add, "#"+figure.name+" :"+figure.name)
			names["#"+figure.name], values[":"+figure.name] = figure.name+dayDigits(f.Day), number(n)
		}
	}
	update := "SET #r = :r"
	if len(add) > 0 {
		update += " ADD " + strings.Join(add, ", ")
	}
	return &types.Update{
		TableName: &s.name, Key: closedKey(k, f.Day.Month(), graph),
		UpdateExpression: &update, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}
}

func decodeClosed(month, hash string, it item) (analytics.Closed, error) {
	r := reader{item: it}
	closed := analytics.Closed{Month: month, Graph: hash, Rev: r.number(cRev)}
	for number := 1; number <= 31; number++ {
		d := analytics.DayTotals{Day: analytics.Day(fmt.Sprintf("%s-%02d", month, number))}
		for _, figure := range dayFigures {
			*figure.field(&d.Totals) = r.number(figure.name + dayDigits(d.Day))
		}
		if d.Totals != (tally.Totals{}) {
			closed.Days = append(closed.Days, d)
		}
	}
	return closed, r.err
}

// dayDigits returns the two digits of the day in its month.
func dayDigits(day analytics.Day) string { return string(day[len(day)-2:]) }

// PutRepair implements analytics.AuditTable.
func (s Analytics) PutRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	it, err := encodeRepair(k, r)
	if err != nil {
		return err
	}
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
	})
	return wrapUnlessRefused("store a repair", err)
}

// DeleteRepair implements analytics.RollupTable.
func (s Analytics) DeleteRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	graph, err := graphText(r.Graph)
	if err != nil {
		return err
	}
	_, err = s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.name, Key: repairKey(k, r.Day, graph)})
	return wrapFailed("delete a repair", err)
}

func encodeRepair(k analytics.JourneyKey, r analytics.Repair) (item, error) {
	graph, err := graphText(r.Graph)
	if err != nil {
		return nil, err
	}
	it := repairKey(k, r.Day, graph)
	it.putCounts(r.Counts, 0)
	it.putTime(cUpdated, r.Made)
	it[manifest.DuePartitionKey] = text(foldShardPK(foldShard(k.Journey)))
	it.putTime(manifest.DueSortKey, r.Made)
	return it, nil
}

func decodeRepair(day, hash string, it item) (analytics.Repair, error) {
	r := reader{item: it}
	repair := analytics.Repair{Graph: hash, Day: analytics.Day(day), Made: r.time(cUpdated)}
	repair.Counts, _ = r.counts()
	return repair, r.err
}
