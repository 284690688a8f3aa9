package dynamo

import (
	"context"
	"encoding/base64"
	varint "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of an open part of a journey's figures. The key tells the day, the
// shard, the graph and the chunk; the whole item stays below 1 KB, the unit
// that a write is paid by, while the counts of its 64 nodes and the stream
// shards that share it are few.
const (
	cRev        = "r"
	cFolded     = "fo"
	cVersion    = "v"
	cCounts     = "f" // see packCounts
	cNewest     = "t"
	cUpdated    = "u"
	cWatermarks = "wm" // map: id of stream shard -> sequence number
)

var errPart = errors.New("dynamo: no part of a journey's figures")

func encodePart(p analytics.Part) (item, error) {
	it, err := partKey(p.PartKey)
	if err != nil {
		return nil, err
	}
	it.putNumber(cRev, p.Rev)
	it.putNumber(cFolded, p.Folded)
	it.putNumber(cVersion, int64(p.Version))
	it.putBinary(cCounts, packCounts(p.Totals, p.Poison, p.Steps))
	it.putTime(cNewest, p.Newest)
	it.putTime(cUpdated, p.Updated)
	marks := make(map[string]types.AttributeValue, len(p.Watermarks))
	for shard, number := range p.Watermarks {
		marks[shard] = text(number)
	}
	it[cWatermarks] = &types.AttributeValueMemberM{Value: marks}
	// The same with every write, so that the index is written once.
	it[manifest.DuePartitionKey] = text(foldPartition(p.Journey))
	it.putTime(manifest.DueSortKey, p.Day.End().Add(analytics.SettleAfter))
	return it, nil
}

// decodePart returns the part in an item of the tenant's.
func decodePart(t journey.Tenant, it item) (analytics.Part, error) {
	r := reader{item: it}
	p := analytics.Part{
		Rev: r.number(cRev), Folded: r.number(cFolded), Version: int(r.number(cVersion)),
		Newest: r.time(cNewest), Updated: r.time(cUpdated),
	}
	var err error
	if p.PartKey, err = parsePartKey(t, r.text(manifest.PartitionKey), r.text(manifest.SortKey)); err != nil {
		return p, err
	}
	if p.Totals, p.Poison, p.Steps, err = unpackCounts(r.binary(cCounts)); err != nil {
		return p, err
	}
	marks, ok := it[cWatermarks].(*types.AttributeValueMemberM)
	if !ok {
		r.fail(cWatermarks, it[cWatermarks])
		return p, r.err
	}
	p.Watermarks = make(map[string]string, len(marks.Value))
	for shard := range marks.Value {
		m := reader{item: marks.Value}
		if p.Watermarks[shard] = m.text(shard); m.err != nil {
			return p, m.err
		}
	}
	return p, r.err
}

func figuresPK(t journey.Tenant, id journey.ID) string { return of(t) + "#K#" + short(id) }

// partKey returns the key of a part. A graph's hash stands in it as base64url,
// 43 letters.
func partKey(k analytics.PartKey) (item, error) {
	hash, err := hex.DecodeString(k.Graph)
	if err != nil {
		return nil, fmt.Errorf("dynamo: graph hash: %w", err)
	}
	graph := base64.RawURLEncoding.EncodeToString(hash)
	return key(figuresPK(k.Tenant, k.Journey), fmt.Sprintf("D#%s#%d#%s#%d", k.Day, k.Shard, graph, k.Chunk)), nil
}

func parsePartKey(t journey.Tenant, pk, sk string) (analytics.PartKey, error) {
	id, ok := strings.CutPrefix(pk, of(t)+"#K#")
	parts := strings.Split(sk, "#")
	if !ok || len(parts) != 5 || parts[0] != "D" {
		return analytics.PartKey{}, errPart
	}
	shard, errShard := strconv.Atoi(parts[2])
	hash, errHash := base64.RawURLEncoding.DecodeString(parts[3])
	chunk, errChunk := strconv.Atoi(parts[4])
	return analytics.PartKey{
		Tenant: t, Journey: long(id), Day: analytics.Day(parts[1]), Shard: shard,
		Graph: hex.EncodeToString(hash), Chunk: chunk,
	}, errors.Join(errShard, errHash, errChunk)
}

// packCounts returns counts as signed varints: the five totals, the poison, and
// six of each step; zeros at the end are left out. An attribute for each would
// cost its name with every write, and one update could not name those of 64
// nodes: an expression has at most 4 KB.
func packCounts(t analytics.Totals, poison int64, steps []analytics.Step) []byte {
	var packed []byte
	length := 0
	put := func(counts ...int64) {
		for _, n := range counts {
			if packed = varint.AppendVarint(packed, n); n != 0 {
				length = len(packed)
			}
		}
	}
	put(t.Enrolled, t.Completed, t.Expired, t.Cancelled, t.Failed, poison)
	for _, s := range steps {
		put(s.Entered, s.Completed, s.Failed, s.Dropped, s.True, s.False)
	}
	return packed[:length]
}

func unpackCounts(packed []byte) (t analytics.Totals, poison int64, steps []analytics.Step, err error) {
	next := func() int64 {
		if len(packed) == 0 {
			return 0
		}
		n, size := varint.Varint(packed)
		if size <= 0 {
			packed, err = nil, errors.New("dynamo: counts that cannot be read")
			return 0
		}
		packed = packed[size:]
		return n
	}
	t = analytics.Totals{Enrolled: next(), Completed: next(), Expired: next(), Cancelled: next(), Failed: next()}
	poison = next()
	for len(packed) > 0 {
		steps = append(steps, analytics.Step{
			Entered: next(), Completed: next(), Failed: next(), Dropped: next(), True: next(), False: next(),
		})
	}
	return t, poison, steps, err
}

// PutPart implements analytics.Parts. A refusal tells what is stored, and costs
// no read. The answer of a write that was lost becomes such a refusal, by
// itself: the stored part has then counted everything.
func (s *Store) PutPart(ctx context.Context, p analytics.Part) (analytics.Part, error) {
	it, err := encodePart(p)
	if err != nil {
		return analytics.Part{}, fmt.Errorf("%w: %w", analytics.ErrInvalid, err)
	}
	put := &dynamodb.PutItemInput{
		TableName: &s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if p.Rev > 1 {
		put.ConditionExpression = aws.String(cRev + " = :rev")
		put.ExpressionAttributeValues = item{":rev": number(p.Rev - 1)}
	}
	_, err = s.client.PutItem(ctx, put)
	if err == nil {
		return p, nil
	}
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return standing(p, refused.Item)
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok && answer.ErrorCode() == "ValidationException" {
		return analytics.Part{}, fmt.Errorf("%w: %w", analytics.ErrInvalid, err)
	}
	return analytics.Part{}, failed("write figures", err)
}

// standing returns what stands where p was to be put; nothing when it was
// folded since it was read.
func standing(p analytics.Part, stands item) (analytics.Part, error) {
	if len(stands) == 0 {
		return analytics.Part{}, analytics.ErrStale
	}
	stored, err := decodePart(p.Tenant, stands)
	if err != nil {
		return analytics.Part{}, fmt.Errorf("%w: %w", analytics.ErrInvalid, err)
	}
	return stored, analytics.ErrStale
}
