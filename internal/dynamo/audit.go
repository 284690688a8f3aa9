package dynamo

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/format"
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
func (s Analytics) Audit(ctx context.Context) (analytics.Audit, error) {
	head, err := s.get(ctx, item.AuditKey())
	if err != nil || head == nil {
		return analytics.Audit{}, wrapFailed("read the audit", err)
	}
	r := item.Reader{Item: head}
	rev, pieces, written := r.Number(cRev), int(r.Number(uPieces)), r.Binary(aWriteID)
	if r.Err != nil {
		return analytics.Audit{}, r.Err
	}
	var joined []byte
	for i := range pieces {
		piece, err := s.get(ctx, item.AuditPieceKey(written, i))
		if err != nil {
			return analytics.Audit{}, wrapFailed("read the audit", err)
		}
		if piece == nil {
			now, err := s.get(ctx, item.AuditKey())
			if r := (item.Reader{Item: now}); err != nil || r.Number(cRev) == rev { // expired: start over
				return analytics.Audit{Rev: rev}, wrapFailed("read the audit", err)
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
func (s Analytics) PutAudit(ctx context.Context, a analytics.Audit) error {
	w, err := s.newWriteID()
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
	head.PutBinary(aWriteID, w[:])
	out, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.name, Item: head, ReturnValues: types.ReturnValueAllOld,
		ConditionExpression:                 aws.String("attribute_not_exists(PK) OR #r = :r"),
		ExpressionAttributeNames:            map[string]string{"#r": cRev},
		ExpressionAttributeValues:           item.Item{":r": item.Number(a.Rev - 1)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if stored, refused := refusedItem(err); refused {
		if w.wrote(stored) {
			return nil
		}
		return analytics.ErrStale
	}
	if err != nil {
		return wrapFailed("store the audit", err)
	}
	return s.deletePieces(ctx, out.Attributes)
}

// putPieces stores the pieces of an audit and returns their number.
func (s *table) putPieces(ctx context.Context, w writeID, a analytics.Audit) (pieces int, err error) {
	joined, err := pack.Audit(a)
	if err != nil {
		return 0, err
	}
	for piece := range slices.Chunk(joined, pieceSize) {
		it := item.AuditPieceKey(w[:], pieces)
		it.PutBinary(uText, piece)
		it.PutNumber(manifest.TTL, a.Day.End().Add(pieceLife).Unix())
		if _, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.name, Item: it}); err != nil {
			return 0, wrapFailed("store the audit", err)
		}
		pieces++
	}
	return pieces, nil
}

// deletePieces deletes the pieces that an earlier audit item named. Pieces that
// survive an interruption expire.
func (s *table) deletePieces(ctx context.Context, head item.Item) error {
	if head == nil {
		return nil
	}
	r := item.Reader{Item: head}
	for i := range int(r.Number(uPieces)) {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.name, Key: item.AuditPieceKey(r.Binary(aWriteID), i),
		})
		if err != nil {
			return wrapFailed("delete the pieces of an earlier audit", err)
		}
	}
	return r.Err
}

// Scan implements analytics.AuditTable. Nothing else reads the whole table.
func (s Analytics) Scan(
	ctx context.Context, segment, of int, cursor []byte, consistent bool,
) (analytics.Scanned, []byte, error) {
	scan := &dynamodb.ScanInput{
		TableName: &s.name, ConsistentRead: &consistent,
		Segment: aws.Int32(int32(segment)), TotalSegments: aws.Int32(int32(of)),
		FilterExpression:         aws.String("begins_with(SK, :e) OR begins_with(SK, :r) OR begins_with(SK, :d) OR begins_with(SK, :t)"),
		ProjectionExpression:     aws.String("PK, SK, dp, ds, #f, #gh, #v, #run, #st, #r, #t, #c, #nd, #si, #lf, #fl, #cv, #cn, #p, #rt"),
		ExpressionAttributeNames: map[string]string{},
		ExpressionAttributeValues: item.Item{
			":e": item.Text(item.EnrollmentPrefix), ":r": item.Text(item.EarlierPrefix), ":d": item.Text(item.PartPrefix), ":t": item.Text(item.TotalPrefix),
		},
	}
	for _, name := range []string{
		format.Attribute, eGraph, eVersion, eRun, eStatus, eRev, eWritten, eEnrolled, eNode, eSince, eLeft, eFailed, eConverted, ePassed, ePath, eRetries,
	} {
		scan.ExpressionAttributeNames["#"+name] = name
	}
	if pk, sk, ok := bytes.Cut(cursor, []byte{0}); ok {
		scan.ExclusiveStartKey = item.Key(string(pk), string(sk))
	}
	out, err := s.client.Scan(ctx, scan)
	if err != nil {
		return analytics.Scanned{}, nil, wrapFailed("read the table", err)
	}
	var page analytics.Scanned
	for _, it := range out.Items {
		addScanned(&page, it)
	}
	if len(out.LastEvaluatedKey) == 0 {
		return page, nil, nil
	}
	last := item.Reader{Item: out.LastEvaluatedKey}
	next := last.Text(manifest.PartitionKey) + "\x00" + last.Text(manifest.SortKey)
	return page, []byte(next), last.Err
}

// addScanned adds an enrollment, an earlier run or the journey of some figures, and
// ignores other items.
func addScanned(page *analytics.Scanned, it item.Item) {
	r := item.Reader{Item: it}
	pk, sk := r.Text(manifest.PartitionKey), r.Text(manifest.SortKey)
	if k, ok := item.ParseFiguresPK(pk); ok {
		page.Counted = append(page.Counted, k)
		return
	}
	tenant, id, ok := item.ParseRunKey(pk, sk)
	if !ok {
		return
	}
	e := analytics.ScannedEnrollment{JourneyKey: analytics.JourneyKey{Tenant: tenant, Journey: id}}
	e.Enrollment, e.Err = decodeEnrollment(tenant, it)
	e.Enrollment.Journey = id // an earlier run has another sort key
	page.Enrollments = append(page.Enrollments, e)
}
