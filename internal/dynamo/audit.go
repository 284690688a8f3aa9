package dynamo

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/heard"
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
		FilterExpression:         aws.String("begins_with(SK, :e) OR begins_with(SK, :b) OR begins_with(SK, :r) OR begins_with(SK, :d) OR begins_with(SK, :t)"),
		ExpressionAttributeNames: map[string]string{},
		ExpressionAttributeValues: item.Item{
			":e": item.Text(item.EnrollmentPrefix), ":b": item.Text(item.HeardPrefix), ":r": item.Text(item.EarlierPrefix), ":d": item.Text(item.PartPrefix), ":t": item.Text(item.TotalPrefix),
		},
	}
	projection := "PK, SK, dp, ds"
	names := append([]string{
		format.Attribute, eStatus, eEnrolled, eSince, eLeft, eFailed, eConverted, ePassed, ePath, eRetries,
	}, heard.Attributes()...) // an enrollment has those of its graph, its revision and its node too
	for _, name := range names {
		scan.ExpressionAttributeNames["#"+name] = name
		projection += ", #" + name
	}
	scan.ProjectionExpression = &projection
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

// addScanned adds an enrollment, an earlier run, feedback or the journey of some figures,
// and ignores other items.
func addScanned(page *analytics.Scanned, it item.Item) {
	r := item.Reader{Item: it}
	pk, sk := r.Text(manifest.PartitionKey), r.Text(manifest.SortKey)
	if k, ok := item.ParseFiguresPK(pk); ok {
		page.Counted = append(page.Counted, k)
		return
	}
	if tenant, id, ok := item.ParseHeardKey(pk, sk); ok {
		h, err := heard.Decode(tenant, it)
		page.Feedback = append(page.Feedback, analytics.ScannedFeedback{
			JourneyKey: analytics.JourneyKey{Tenant: tenant, Journey: id}, Heard: h, Err: err,
		})
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
