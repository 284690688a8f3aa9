package figures

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/pack"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Attributes of an open part of a journey's figures. The item stays below 1 KB, the
// unit in which writes are paid, up to about 100 nodes.
const (
	cBorn       = "b"
	cRev        = "r"
	cFolded     = "fo"
	cVersion    = "v"
	cCounts     = "c" // see tally.Pack
	cNewest     = "t"
	cUpdated    = "u"
	cWatermarks = "wm" // see pack.Watermarks
)

// EncodePart returns the item of an open part.
func EncodePart(p analytics.Part) (item.Item, error) {
	it, err := item.PartKey(p.PartKey)
	if err != nil {
		return nil, err
	}
	it.PutTime(cBorn, p.Born)
	it.PutNumber(cRev, p.Rev)
	it.PutNumber(cFolded, p.Folded)
	it.PutNumber(cVersion, int64(p.Version))
	it.PutBinary(cCounts, tally.Pack(p.Totals, p.Poison, p.Steps))
	it.PutTime(cNewest, p.Newest)
	it.PutTime(cUpdated, p.Updated)
	watermarks, err := pack.Watermarks(p.Watermarks)
	if err != nil {
		return nil, err
	}
	it.PutBinary(cWatermarks, watermarks)
	// Every write has the same, so that the index is written only once.
	it[manifest.DuePartitionKey] = item.Text(item.FoldShardPK(item.FoldShard(p.Journey)))
	it.PutTime(manifest.DueSortKey, p.Day.End().Add(analytics.SettleAfter))
	return it, nil
}

// DecodePart returns the part in an item of the tenant's.
func DecodePart(t ident.Tenant, it item.Item) (analytics.Part, error) {
	r := item.Reader{Item: it}
	p := analytics.Part{
		Born: r.Time(cBorn), Rev: r.Number(cRev), Folded: r.Number(cFolded), Version: int(r.Number(cVersion)),
		Newest: r.Time(cNewest), Updated: r.Time(cUpdated),
	}
	if r.Err != nil {
		return p, r.Err
	}
	var err error
	if p.PartKey, err = item.ParsePartKey(t, r.Text(manifest.PartitionKey), r.Text(manifest.SortKey)); err != nil {
		return p, err
	}
	if p.Totals, p.Poison, p.Steps, err = tally.Unpack(r.Binary(cCounts)); err != nil {
		return p, err
	}
	if p.Watermarks, err = pack.ReadWatermarks(r.Binary(cWatermarks)); err != nil {
		return p, err
	}
	return p, r.Err
}

// PutPart implements analytics.Parts. A refused write returns the stored part and
// needs no read. A retry after a lost response is refused too: the stored part then
// has all the counts.
func (s Figures) PutPart(ctx context.Context, p analytics.Part) (analytics.Part, error) {
	it, err := EncodePart(p)
	if err != nil {
		return analytics.Part{}, fmt.Errorf("%w: %w", analytics.ErrInvalid, err)
	}
	put := &dynamodb.PutItemInput{
		TableName: &s.Name, Item: it, ConditionExpression: aws.String("attribute_not_exists(PK)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if p.Rev > 1 {
		put.ConditionExpression = aws.String(samePart)
		put.ExpressionAttributeValues = samePartValues(p.Born, p.Rev-1)
	}
	_, err = s.Client.PutItem(ctx, put)
	if err == nil {
		return p, nil
	}
	if stored, refused := access.RefusedItem(err); refused {
		return storedPart(p.Tenant, stored)
	}
	if refusal, ok := errors.AsType[smithy.APIError](err); ok && refusal.ErrorCode() == "ValidationException" {
		return analytics.Part{}, fmt.Errorf("%w: %w", analytics.ErrInvalid, err)
	}
	return analytics.Part{}, access.WrapFailed("write figures", err)
}

// samePart is the condition that the stored part is the one that was read.
const samePart = cBorn + " = :born AND " + cRev + " = :rev"

func samePartValues(born time.Time, rev int64) item.Item {
	return item.Item{":born": item.Number(born.UnixMilli()), ":rev": item.Number(rev)}
}

// storedPart returns the part that refused a write, and ErrStale. It is the zero Part
// if the part was folded since it was read.
func storedPart(t ident.Tenant, it item.Item) (analytics.Part, error) {
	if len(it) == 0 {
		return analytics.Part{}, analytics.ErrStale
	}
	stored, err := DecodePart(t, it)
	switch {
	case errors.Is(err, journey.ErrNewer):
		return analytics.Part{}, err
	case err != nil:
		return analytics.Part{}, fmt.Errorf("%w: %w", analytics.ErrInvalid, err)
	}
	return stored, analytics.ErrStale
}

// DeletePart implements analytics.RollupTable. Deleting a part that does not exist
// succeeds.
func (s Figures) DeletePart(ctx context.Context, p analytics.Part) error {
	k, err := item.PartKey(p.PartKey)
	if err != nil {
		return err
	}
	_, err = s.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.Name, Key: k, ConditionExpression: aws.String("attribute_not_exists(PK) OR " + samePart),
		ExpressionAttributeValues: samePartValues(p.Born, p.Rev),
	})
	if _, refused := access.RefusedItem(err); refused {
		return analytics.ErrStale
	}
	return access.WrapFailed("delete a part of a journey's figures", err)
}
