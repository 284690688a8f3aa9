package dynamo

import (
	"bytes"
	"cmp"
	"context"
	varint "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of an open part of a journey's figures. The key tells the day, the
// shard and the graph. The whole item stays below 1 KB, the unit that a write is
// paid by, while its nodes are fewer than some 200.
const (
	cBorn       = "b"
	cRev        = "r"
	cFolded     = "fo"
	cVersion    = "v"
	cCounts     = "f" // see packCounts
	cNewest     = "t"
	cUpdated    = "u"
	cWatermarks = "wm" // see packMarks
)

var errPart = errors.New("dynamo: no part of a journey's figures")

func encodePart(p analytics.Part) (item, error) {
	it, err := partKey(p.PartKey)
	if err != nil {
		return nil, err
	}
	it.putTime(cBorn, p.Born)
	it.putNumber(cRev, p.Rev)
	it.putNumber(cFolded, p.Folded)
	it.putNumber(cVersion, int64(p.Version))
	it.putBinary(cCounts, packCounts(p.Totals, p.Poison, p.Steps))
	it.putTime(cNewest, p.Newest)
	it.putTime(cUpdated, p.Updated)
	marks, err := packMarks(p.Watermarks)
	if err != nil {
		return nil, err
	}
	it.putBinary(cWatermarks, marks)
	// The same with every write, so that the index is written once.
	it[manifest.DuePartitionKey] = text(foldPartition(p.Journey))
	it.putTime(manifest.DueSortKey, p.Day.End().Add(analytics.SettleAfter))
	return it, nil
}

// decodePart returns the part in an item of the tenant's.
func decodePart(t journey.Tenant, it item) (analytics.Part, error) {
	r := reader{item: it}
	p := analytics.Part{
		Born: r.time(cBorn), Rev: r.number(cRev), Folded: r.number(cFolded), Version: int(r.number(cVersion)),
		Newest: r.time(cNewest), Updated: r.time(cUpdated),
	}
	var err error
	if p.PartKey, err = parsePartKey(t, r.text(manifest.PartitionKey), r.text(manifest.SortKey)); err != nil {
		return p, err
	}
	if p.Totals, p.Poison, p.Steps, err = unpackCounts(r.binary(cCounts)); err != nil {
		return p, err
	}
	if p.Watermarks, err = unpackMarks(r.binary(cWatermarks)); err != nil {
		return p, err
	}
	return p, r.err
}

// The form of a stream shard's id: when it began, and 32 bits.
const (
	shardForm = "shardId-%020d-%08x"
	shardSize = 12 // bytes that it is packed in
)

// packMarks returns for each watermark the shard, as a zero byte and 12 more if
// its id has the usual form and else as its length and text, and the sequence
// number, as its length and two digits a byte.
func packMarks(marks map[string]string) ([]byte, error) {
	var packed []byte
	for _, shard := range slices.Sorted(maps.Keys(marks)) {
		if began, bits, ok := usualShard(shard); ok {
			packed = varint.BigEndian.AppendUint32(varint.BigEndian.AppendUint64(append(packed, 0), began), bits)
		} else {
			packed = append(varint.AppendUvarint(packed, uint64(len(shard))), shard...)
		}
		number, err := hex.DecodeString(strings.Repeat("0", len(marks[shard])%2) + marks[shard])
		if err != nil || shard == "" || notDecimal(marks[shard]) {
			return nil, fmt.Errorf("dynamo: no sequence number of a shard: %q: %.60q", shard, marks[shard])
		}
		packed = append(varint.AppendUvarint(packed, uint64(len(number))), number...)
	}
	return packed, nil
}

func notDecimal(digits string) bool { return strings.ContainsAny(digits, "abcdefABCDEF") }

// usualShard takes apart the id of a stream shard that has the usual form.
func usualShard(shard string) (began uint64, bits uint32, ok bool) {
	first, last, _ := strings.Cut(strings.TrimPrefix(shard, "shardId-"), "-")
	began, errBegan := strconv.ParseUint(first, 10, 64)
	low, errBits := strconv.ParseUint(last, 16, 32)
	return began, uint32(low), errors.Join(errBegan, errBits) == nil && fmt.Sprintf(shardForm, began, low) == shard
}

var errMarks = errors.New("dynamo: watermarks that cannot be read")

func unpackMarks(packed []byte) (map[string]string, error) {
	marks := map[string]string{}
	var err error
	next := func(usual uint64) []byte {
		length, size := varint.Uvarint(packed)
		if length == 0 {
			length = usual
		}
		if size <= 0 || length > uint64(len(packed)-size) {
			packed, err = nil, errMarks
			return nil
		}
		part := packed[size:][:length]
		packed = packed[size:][length:]
		return part
	}
	for len(packed) > 0 {
		usual := packed[0] == 0
		shard := next(shardSize)
		number := hex.EncodeToString(next(0))
		if err != nil || notDecimal(number) {
			return nil, errMarks
		}
		name := string(shard)
		if usual {
			name = fmt.Sprintf(shardForm, varint.BigEndian.Uint64(shard), varint.BigEndian.Uint32(shard[8:]))
		}
		marks[name] = cmp.Or(strings.TrimLeft(number, "0"), "0")
	}
	return marks, nil
}

func figuresPK(t journey.Tenant, id journey.ID) string { return of(t) + "#K#" + short(id) }

// partKey returns the key of a part. A graph's hash stands in it as base64url,
// 43 letters.
func partKey(k analytics.PartKey) (item, error) {
	graph, err := graphText(k.Graph)
	if err != nil {
		return nil, err
	}
	return key(figuresPK(k.Tenant, k.Journey), fmt.Sprintf("D#%s#%d#%s", k.Day, k.Shard, graph)), nil
}

func parsePartKey(t journey.Tenant, pk, sk string) (analytics.PartKey, error) {
	id, ok := strings.CutPrefix(pk, of(t)+"#K#")
	parts := strings.Split(sk, "#")
	if !ok || len(parts) != 4 || parts[0] != "D" {
		return analytics.PartKey{}, errPart
	}
	shard, errShard := strconv.Atoi(parts[2])
	graph, errGraph := graphHash(parts[3])
	return analytics.PartKey{
		Tenant: t, Journey: long(id), Day: analytics.Day(parts[1]), Shard: shard,
		Graph: graph,
	}, errors.Join(errShard, errGraph)
}

// packCounts returns counts as signed varints: the five totals and the poison,
// and for each step one byte that tells which of its counts are not zero, and
// those. How many are at a node stands in place of how many went on, since it is
// zero more often. Zeros at the end are left out. An attribute for each count
// would cost its name with every write, and one update could not name those of
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

// PutPart implements analytics.Parts. A refusal tells what is stored, and costs
// no read. The answer of a write that was lost becomes such a refusal, by
// itself: the stored part has then counted everything.
func (s Analytics) PutPart(ctx context.Context, p analytics.Part) (analytics.Part, error) {
	it, err := encodePart(p)
	if err != nil {
		return analytics.Part{}, fmt.Errorf("%w: %w", analytics.ErrInvalid, err)
	}
	put := &dynamodb.PutItemInput{
		TableName: &s.name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if p.Rev > 1 {
		put.ConditionExpression = aws.String(samePart)
		put.ExpressionAttributeValues = partValues(p.Born, p.Rev-1)
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

// samePart is the condition that a part is the one that was read.
const samePart = cBorn + " = :born AND " + cRev + " = :rev"

// partValues are those of samePart.
func partValues(born time.Time, rev int64) item {
	return item{":born": number(born.UnixMilli()), ":rev": number(rev)}
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
