package figures

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/pack"
	"journeys/internal/manifest"
)

// Attributes of the audit. Its state may be larger than an item: it is stored in
// pieces, written before the audit's own item, which names them.
const (
	uPieces = "n"
	uText   = "x"

	pieceSize = 350 << 10
	pieceLife = 60 * 24 * time.Hour // after the end of the audited day; longer than an audit takes
)

// Audit implements analytics.AuditTable.
func (s Figures) Audit(ctx context.Context) (analytics.Audit, error) {
	head, err := s.Get(ctx, item.AuditKey())
	if err != nil || head == nil {
		return analytics.Audit{}, access.WrapFailed("read the audit", err)
	}
	r := item.Reader{Item: head}
	rev, pieces, written := r.Number(cRev), int(r.Number(uPieces)), r.Binary(access.WriteIDAttribute)
	if r.Err != nil {
		return analytics.Audit{}, r.Err
	}
	var joined []byte
	for i := range pieces {
		piece, err := s.Get(ctx, item.AuditPieceKey(written, i))
		if err != nil {
			return analytics.Audit{}, access.WrapFailed("read the audit", err)
		}
		if piece == nil {
			now, err := s.Get(ctx, item.AuditKey())
			if r := (item.Reader{Item: now}); err != nil || r.Number(cRev) == rev { // expired: start over
				return analytics.Audit{Rev: rev}, access.WrapFailed("read the audit", err)
			}
			return s.Audit(ctx) // a concurrent run replaced it
		}
		p := item.Reader{Item: piece}
		if joined = append(joined, p.Binary(uText)...); p.Err != nil {
			return analytics.Audit{}, p.Err
		}
	}
	a, err := pack.ReadAudit(joined)
	a.Rev = rev
	return a, err
}

// PutAudit implements analytics.AuditTable.
func (s Figures) PutAudit(ctx context.Context, a analytics.Audit) error {
	w, err := s.NewWriteID()
	if err != nil {
		return err
	}
	pieces, err := s.putPieces(ctx, w, a)
	if err != nil {
		return err
	}
	head := item.AuditKey()
	head.PutNumber(cRev, a.Rev)
	head.PutNumber(uPieces, int64(pieces))
	head.PutBinary(access.WriteIDAttribute, w[:])
	out, err := s.Client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.Name, Item: head, ReturnValues: types.ReturnValueAllOld,
		ConditionExpression:                 aws.String("attribute_not_exists(PK) OR #r = :r"),
		ExpressionAttributeNames:            map[string]string{"#r": cRev},
		ExpressionAttributeValues:           item.Item{":r": item.Number(a.Rev - 1)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if stored, refused := access.RefusedItem(err); refused {
		if w.Wrote(stored) {
			return nil
		}
		return analytics.ErrStale
	}
	if err != nil {
		return access.WrapFailed("store the audit", err)
	}
	return s.deletePieces(ctx, out.Attributes)
}

// putPieces stores the pieces of an audit and returns their number.
func (s Figures) putPieces(ctx context.Context, w access.WriteID, a analytics.Audit) (pieces int, err error) {
	joined, err := pack.Audit(a)
	if err != nil {
		return 0, err
	}
	for piece := range slices.Chunk(joined, pieceSize) {
		it := item.AuditPieceKey(w[:], pieces)
		it.PutBinary(uText, piece)
		it.PutNumber(manifest.TTL, a.Day.End().Add(pieceLife).Unix())
		if _, err := s.Client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Name, Item: it}); err != nil {
			return 0, access.WrapFailed("store the audit", err)
		}
		pieces++
	}
	return pieces, nil
}

// deletePieces deletes the pieces that an earlier audit item named. Pieces that
// survive an interruption expire.
func (s Figures) deletePieces(ctx context.Context, head item.Item) error {
	if head == nil {
		return nil
	}
	r := item.Reader{Item: head}
	for i := range int(r.Number(uPieces)) {
		_, err := s.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.Name, Key: item.AuditPieceKey(r.Binary(access.WriteIDAttribute), i),
		})
		if err != nil {
			return access.WrapFailed("delete the pieces of an earlier audit", err)
		}
	}
	return r.Err
}
