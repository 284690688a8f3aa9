package figures

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
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
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
func (s Figures) Fold(ctx context.Context, k analytics.JourneyKey, f analytics.Fold) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	graph, err := item.GraphText(f.Graph)
	if err != nil {
		return err
	}
	writes := []types.TransactWriteItem{{Put: s.putTotal(k, graph, &f.Total)}}
	for _, p := range f.Parts {
		it, err := EncodePart(p.Emptied(f.Total.Rev))
		if err != nil {
			return err
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName: &s.Name, Item: it, ConditionExpression: aws.String(samePart),
			ExpressionAttributeValues: samePartValues(p.Born, p.Rev),
		}})
	}
	if f.Day != "" {
		writes = append(writes, types.TransactWriteItem{Update: s.addToDay(k, graph, &f)})
	}
	refused, err := s.Transact(ctx, w, writes)
	if err == nil && refused != nil {
		return analytics.ErrStale
	}
	return access.WrapFailed("fold a journey's figures", err)
}

func (s Figures) putTotal(k analytics.JourneyKey, graph string, t *analytics.Total) *types.Put {
	put := &types.Put{
		TableName: &s.Name, Item: encodeTotal(k, graph, t), ConditionExpression: aws.String("attribute_not_exists(PK)"),
	}
	if t.Rev > 1 {
		put.ConditionExpression = aws.String("#r = :r")
		put.ExpressionAttributeNames = map[string]string{"#r": cRev}
		put.ExpressionAttributeValues = item.Item{":r": item.Number(t.Rev - 1)}
	}
	return put
}

func encodeTotal(k analytics.JourneyKey, graph string, t *analytics.Total) item.Item {
	it := item.TotalKey(k, graph)
	it.PutNumber(cRev, t.Rev)
	putCounts(it, t.Graph, t.Poison)
	it.PutTime(cNewest, t.Newest)
	it.PutTime(cUpdated, t.Written)
	it.PutText(cThrough, string(t.Through))
	it.PutText(cRepaired, string(t.Repaired))
	it.PutBinary(cTaken, pack.Taken(t.Taken))
	it.PutBinary(cLabels, pack.Labels(t.Labels))
	return it
}

func decodeTotal(it item.Item) (*analytics.Total, error) {
	r := item.Reader{Item: it}
	total := &analytics.Total{
		Rev: r.Number(cRev), Newest: r.Time(cNewest), Written: r.Time(cUpdated),
		Through: analytics.Day(r.Text(cThrough)), Repaired: analytics.Day(r.Text(cRepaired)),
		Labels: pack.ReadLabels(r.Binary(cLabels)),
	}
	total.Graph, total.Poison = counts(&r)
	var err error
	total.Taken, err = pack.ReadTaken(r.Binary(cTaken))
	return total, errors.Join(r.Err, err)
}

// addToDay adds the folded totals to their day in its closed month.
func (s Figures) addToDay(k analytics.JourneyKey, graph string, f *analytics.Fold) *types.Update {
	names, values := map[string]string{"#r": cRev}, item.Item{":r": item.Number(f.Total.Rev)}
	var add []string
	for _, figure := range dayFigures {
		if n := *figure.field(&f.Totals); n != 0 {
			add = append(add, "#"+figure.name+" :"+figure.name)
			names["#"+figure.name], values[":"+figure.name] = figure.name+dayDigits(f.Day), item.Number(n)
		}
	}
	update := "SET #r = :r"
	if len(add) > 0 {
		update += " ADD " + strings.Join(add, ", ")
	}
	return &types.Update{
		TableName: &s.Name, Key: item.ClosedKey(k, f.Day.Month(), graph),
		UpdateExpression: &update, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}
}

func decodeClosed(month, hash string, it item.Item) (analytics.Closed, error) {
	r := item.Reader{Item: it}
	closed := analytics.Closed{Month: month, Graph: hash, Rev: r.Number(cRev)}
	for number := 1; number <= 31; number++ {
		d := analytics.DayTotals{Day: analytics.Day(fmt.Sprintf("%s-%02d", month, number))}
		for _, figure := range dayFigures {
			*figure.field(&d.Totals) = r.Number(figure.name + dayDigits(d.Day))
		}
		if d.Totals != (tally.Totals{}) {
			closed.Days = append(closed.Days, d)
		}
	}
	return closed, r.Err
}

// dayDigits returns the two digits of the day in its month.
func dayDigits(day analytics.Day) string { return string(day[len(day)-2:]) }

// PutRepair implements analytics.AuditTable.
func (s Figures) PutRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	it, err := EncodeRepair(k, r)
	if err != nil {
		return err
	}
	_, err = s.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
	})
	return access.WrapUnlessRefused("store a repair", err)
}

// DeleteRepair implements analytics.RollupTable.
func (s Figures) DeleteRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	graph, err := item.GraphText(r.Graph)
	if err != nil {
		return err
	}
	_, err = s.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.Name, Key: item.RepairKey(k, r.Day, graph)})
	return access.WrapFailed("delete a repair", err)
}

// EncodeRepair returns the item of a repair.
func EncodeRepair(k analytics.JourneyKey, r analytics.Repair) (item.Item, error) {
	graph, err := item.GraphText(r.Graph)
	if err != nil {
		return nil, err
	}
	it := item.RepairKey(k, r.Day, graph)
	putCounts(it, r.Counts, 0)
	it.PutTime(cUpdated, r.Made)
	it[manifest.DuePartitionKey] = item.Text(item.FoldShardPK(item.FoldShard(k.Journey)))
	it.PutTime(manifest.DueSortKey, r.Made)
	return it, nil
}

func decodeRepair(day, hash string, it item.Item) (analytics.Repair, error) {
	r := item.Reader{Item: it}
	repair := analytics.Repair{Graph: hash, Day: analytics.Day(day), Made: r.Time(cUpdated)}
	repair.Counts, _ = counts(&r)
	return repair, r.Err
}
