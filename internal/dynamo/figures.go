package dynamo

import (
	"bytes"
	"context"
	"encoding/base64"
	varint "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
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

// Attributes of what is folded, beside those of parts.
const (
	cThrough   = "th" // days
	cRepaired  = "rp"
	cTaken     = "tk" // see packTaken
	cEnrolled  = "en" // of a closed day, which are added to: with the day's two digits behind
	cCompleted = "co"
	cExpired   = "ex"
	cCancelled = "ca"
	cFailed    = "fa"
)

// dayFigures is what a closed month has of each of its days.
var dayFigures = []struct {
	name string
	of   func(*analytics.Totals) *int64
}{
	{cEnrolled, func(t *analytics.Totals) *int64 { return &t.Enrolled }},
	{cCompleted, func(t *analytics.Totals) *int64 { return &t.Completed }},
	{cExpired, func(t *analytics.Totals) *int64 { return &t.Expired }},
	{cCancelled, func(t *analytics.Totals) *int64 { return &t.Cancelled }},
	{cFailed, func(t *analytics.Totals) *int64 { return &t.Failed }},
}

func graphText(hash string) (string, error) {
	b, err := hex.DecodeString(hash)
	if err != nil {
		return "", fmt.Errorf("dynamo: graph hash: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func graphHash(text string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return hex.EncodeToString(b), err
}

// Counters implements analytics.Table. Closed months, parts, head, repairs and
// totals stand in that order, so that one query reads all from the first closed
// month on, or from the first part. It begins at the end: the counter writes an
// earlier day first, so that whoever has seen the later one sees the earlier too.
func (s Analytics) Counters(ctx context.Context, t journey.Tenant, id journey.ID, days analytics.Range) (analytics.Counters, error) {
	from := "D#"
	if days.From != "" {
		from = "C#" + days.From.Month()
	}
	query := &dynamodb.QueryInput{
		TableName: &s.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:    aws.String("PK = :pk AND SK BETWEEN :from AND :to"),
		ExpressionAttributeValues: item{":pk": text(figuresPK(t, id)), ":from": text(from), ":to": text("T~")},
	}
	c := analytics.Counters{Totals: map[string]*analytics.Total{}}
	for {
		out, err := s.client.Query(ctx, query)
		if err != nil {
			return c, failed("read a journey's figures", err)
		}
		for _, it := range out.Items {
			if err := addCounters(&c, t, it); err != nil {
				return c, fmt.Errorf("%w: %w", analytics.ErrUnreadable, err)
			}
		}
		if query.ExclusiveStartKey = out.LastEvaluatedKey; len(query.ExclusiveStartKey) == 0 {
			return c, nil
		}
	}
}

func addCounters(c *analytics.Counters, t journey.Tenant, it item) error {
	r := reader{item: it}
	names := strings.Split(r.text(manifest.SortKey), "#")
	switch names[0] {
	case "D":
		p, err := decodePart(t, it)
		c.Parts = append(c.Parts, p)
		return err
	case headSK:
		c.Head = decodeHead(it)
		return nil
	}
	hash, err := graphHash(names[len(names)-1])
	if err != nil {
		return fmt.Errorf("dynamo: figures of no graph: %w", err)
	}
	counts := func() (g analytics.Graph, poison int64) {
		g.Version = int(r.number(cVersion))
		if g.Totals, poison, g.Steps, err = unpackCounts(r.binary(cCounts)); r.err == nil {
			r.err = err
		}
		return g, poison
	}
	switch names[0] {
	case "C":
		c.Closed = append(c.Closed, analytics.Closed{
			Month: names[1], Graph: hash, Rev: r.number(cRev), Days: closedDays(&r, names[1]),
		})
	case "R":
		g, _ := counts()
		c.Repairs = append(c.Repairs, analytics.Repair{
			Graph: hash, Day: analytics.Day(names[1]), Counts: g, Made: r.time(cUpdated),
		})
	case "T":
		g, poison := counts()
		c.Totals[hash] = &analytics.Total{
			Rev: r.number(cRev), Graph: g, Poison: poison, Newest: r.time(cNewest),
			Through: analytics.Day(r.text(cThrough)), Repaired: analytics.Day(r.text(cRepaired)),
			Written: r.time(cUpdated), Labels: unpackLabels(r.binary(cLabels)),
		}
		c.Totals[hash].Taken, err = unpackTaken(r.binary(cTaken))
		return errors.Join(r.err, err)
	}
	return r.err
}

// packTaken returns the parts that a total took last as varints.
func packTaken(list []analytics.Taken) []byte {
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

var errTaken = errors.New("dynamo: what a total took cannot be read")

func unpackTaken(packed []byte) (list []analytics.Taken, err error) {
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

// closedDays returns what a closed month has of its days.
func closedDays(r *reader, month string) []analytics.DayTotals {
	var days []analytics.DayTotals
	for number := 1; number <= 31; number++ {
		d := analytics.DayTotals{Day: analytics.Day(fmt.Sprintf("%s-%02d", month, number))}
		for _, f := range dayFigures {
			*f.of(&d.Totals) = r.number(f.name + dayNumber(d.Day))
		}
		if d.Totals != (analytics.Totals{}) {
			days = append(days, d)
		}
	}
	return days
}

// dayNumber returns the two digits of the day in its month.
func dayNumber(day analytics.Day) string { return string(day[len(day)-2:]) }

// DueToFold implements analytics.RollupTable.
func (s Analytics) DueToFold(ctx context.Context, now time.Time, yield func(analytics.JourneyKey)) error {
	for k := range foldShards {
		seen := map[analytics.JourneyKey]bool{} // a journey is in one shard
		query := &dynamodb.QueryInput{
			TableName: &s.name, IndexName: aws.String(manifest.DueIndex),
			KeyConditionExpression: aws.String("dp = :dp AND ds <= :ds"),
			ExpressionAttributeValues: item{
				":dp": text(foldPK + strconv.Itoa(k)), ":ds": number(now.UnixMilli()),
			},
		}
		for {
			out, err := s.client.Query(ctx, query)
			if err != nil {
				return failed("read what can be folded", err)
			}
			for _, it := range out.Items {
				r := reader{item: it}
				key, ok := figuresOf(r.text(manifest.PartitionKey))
				if !ok {
					return errPart
				}
				if !seen[key] {
					seen[key] = true
					yield(key)
				}
			}
			if query.ExclusiveStartKey = out.LastEvaluatedKey; len(query.ExclusiveStartKey) == 0 {
				break
			}
		}
	}
	return nil
}

// figuresOf returns whose figures stand under a partition key.
func figuresOf(pk string) (analytics.JourneyKey, bool) {
	name, id, ok := strings.Cut(strings.TrimPrefix(pk, "T#"), "#K#")
	tenant, valid := journey.ParseTenant(name)
	return analytics.JourneyKey{Tenant: tenant, Journey: long(id)}, ok && valid
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
	actions := []types.TransactWriteItem{{Put: s.putTotal(k, graph, &f.Total)}}
	for _, p := range f.Parts {
		it, err := encodePart(p.Emptied(f.Total.Rev))
		if err != nil {
			return err
		}
		actions = append(actions, types.TransactWriteItem{Put: &types.Put{
			TableName: &s.name, Item: it, ConditionExpression: aws.String(samePart),
			ExpressionAttributeValues: partValues(p.Born, p.Rev),
		}})
	}
	if f.Day != "" {
		actions = append(actions, types.TransactWriteItem{Update: s.addToDay(k, graph, &f)})
	}
	refused, err := s.transact(ctx, w, actions)
	if err == nil && refused != nil {
		return analytics.ErrStale
	}
	return failed("fold a journey's figures", err)
}

func totalKey(t journey.Tenant, id journey.ID, graph string) item {
	return key(figuresPK(t, id), "T#"+graph)
}

func (s *table) putTotal(k analytics.JourneyKey, graph string, t *analytics.Total) *types.Put {
	it := totalKey(k.Tenant, k.Journey, graph)
	it.putNumber(cRev, t.Rev)
	it.putNumber(cVersion, int64(t.Graph.Version))
	it.putBinary(cCounts, packCounts(t.Graph.Totals, t.Poison, t.Graph.Steps))
	it.putTime(cNewest, t.Newest)
	it.putTime(cUpdated, t.Written)
	it.putText(cThrough, string(t.Through))
	it.putText(cRepaired, string(t.Repaired))
	it.putBinary(cTaken, packTaken(t.Taken))
	it.putBinary(cLabels, packLabels(t.Labels))
	put := &types.Put{TableName: &s.name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)")}
	if t.Rev > 1 {
		put.ConditionExpression = aws.String("#r = :r")
		put.ExpressionAttributeNames = map[string]string{"#r": cRev}
		put.ExpressionAttributeValues = item{":r": number(t.Rev - 1)}
	}
	return put
}

// addToDay adds what was folded to its day.
func (s *table) addToDay(k analytics.JourneyKey, graph string, f *analytics.Fold) *types.Update {
	names, values := map[string]string{"#r": cRev}, item{":r": number(f.Total.Rev)}
	var add []string
	for _, figure := range dayFigures {
		if n := *figure.of(&f.Totals); n != 0 {
			add = append(add, "#"+figure.name+" :"+figure.name)
			names["#"+figure.name], values[":"+figure.name] = figure.name+dayNumber(f.Day), number(n)
		}
	}
	update := "SET #r = :r"
	if len(add) > 0 {
		update += " ADD " + strings.Join(add, ", ")
	}
	return &types.Update{
		TableName: &s.name, Key: key(figuresPK(k.Tenant, k.Journey), "C#"+f.Day.Month()+"#"+graph),
		UpdateExpression: &update, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}
}

// DeletePart implements analytics.RollupTable. A part that is gone already is
// deleted.
func (s Analytics) DeletePart(ctx context.Context, p analytics.Part) error {
	it, err := partKey(p.PartKey)
	if err != nil {
		return err
	}
	_, err = s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.name, Key: it, ConditionExpression: aws.String("attribute_not_exists(PK) OR " + samePart),
		ExpressionAttributeValues: partValues(p.Born, p.Rev),
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return analytics.ErrStale
	}
	return failed("delete a part of a journey's figures", err)
}

func repairKey(k analytics.JourneyKey, r analytics.Repair) (item, error) {
	graph, err := graphText(r.Graph)
	return key(figuresPK(k.Tenant, k.Journey), "R#"+string(r.Day)+"#"+graph), err
}

// DeleteRepair implements analytics.RollupTable.
func (s Analytics) DeleteRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	it, err := repairKey(k, r)
	if err != nil {
		return err
	}
	_, err = s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.name, Key: it})
	return failed("delete a repair", err)
}

// PutRepair implements analytics.AuditTable.
func (s Analytics) PutRepair(ctx context.Context, k analytics.JourneyKey, r analytics.Repair) error {
	it, err := repairKey(k, r)
	if err != nil {
		return err
	}
	it.putNumber(cVersion, int64(r.Counts.Version))
	it.putBinary(cCounts, packCounts(r.Counts.Totals, 0, r.Counts.Steps))
	it.putTime(cUpdated, r.Made)
	it[manifest.DuePartitionKey] = text(foldPartition(k.Journey))
	it.putTime(manifest.DueSortKey, r.Made)
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return nil // this audit made it before
	}
	return failed("store a repair", err)
}

// Scan implements analytics.AuditTable. Nothing else reads the whole table.
func (s Analytics) Scan(ctx context.Context, segment, of int, cursor []byte) (analytics.Scanned, []byte, error) {
	scan := &dynamodb.ScanInput{
		TableName: &s.name, ConsistentRead: aws.Bool(true),
		Segment: aws.Int32(int32(segment)), TotalSegments: aws.Int32(int32(of)),
		FilterExpression:         aws.String("begins_with(SK, :e) OR begins_with(SK, :d) OR begins_with(SK, :t)"),
		ProjectionExpression:     aws.String("PK, SK, dp, ds, #gh, #v, #st, #r, #t, #c, #nd, #si, #p, #rt, #fg"),
		ExpressionAttributeNames: map[string]string{},
		ExpressionAttributeValues: item{
			":e": text("E#"), ":d": text("D#"), ":t": text("T#"),
		},
	}
	for _, name := range []string{eGraph, eVersion, eStatus, eRev, eWritten, eEnrolled, eNode, eSince, ePath, eRetries, eForgotten} {
		scan.ExpressionAttributeNames["#"+name] = name
	}
	if pk, sk, ok := bytes.Cut(cursor, []byte{0}); ok {
		scan.ExclusiveStartKey = key(string(pk), string(sk))
	}
	out, err := s.client.Scan(ctx, scan)
	if err != nil {
		return analytics.Scanned{}, nil, failed("read the table", err)
	}
	var page analytics.Scanned
	for _, it := range out.Items {
		addScanned(&page, it)
	}
	if len(out.LastEvaluatedKey) == 0 {
		return page, nil, nil
	}
	last := reader{item: out.LastEvaluatedKey}
	next := last.text(manifest.PartitionKey) + "\x00" + last.text(manifest.SortKey)
	return page, []byte(next), last.err
}

func addScanned(page *analytics.Scanned, it item) {
	r := reader{item: it}
	pk, sk := r.text(manifest.PartitionKey), r.text(manifest.SortKey)
	if k, ok := figuresOf(pk); ok {
		page.Counted = append(page.Counted, k)
		return
	}
	id, ok := strings.CutPrefix(sk, "E#")
	name, kind, _ := strings.Cut(strings.TrimPrefix(pk, "T#"), "#")
	tenant, valid := journey.ParseTenant(name)
	if !ok || !valid || !strings.HasPrefix(kind, "C#") && !strings.HasPrefix(kind, "A#") {
		return // of another kind
	}
	e := analytics.ScannedEnrollment{JourneyKey: analytics.JourneyKey{Tenant: tenant, Journey: long(id)}}
	e.Enrollment, e.Err = decodeEnrollment(tenant, it)
	e.Forgotten = r.time(eForgotten)
	page.Enrollments = append(page.Enrollments, e)
}
