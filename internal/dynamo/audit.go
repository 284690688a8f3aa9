package dynamo

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/manifest"
)

// Scan implements analytics.AuditTable. Nothing else reads the whole table.
func (s Analytics) Scan(
	ctx context.Context, segment, of int, cursor []byte, consistent bool,
) (analytics.Scanned, []byte, error) {
	scan := &dynamodb.ScanInput{
		TableName: &s.table.Name, ConsistentRead: &consistent,
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
	out, err := s.table.Client.Scan(ctx, scan)
	if err != nil {
		return analytics.Scanned{}, nil, access.WrapFailed("read the table", err)
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
