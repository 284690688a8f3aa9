package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/figures"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// KeyRows returns the rows of a table in the comment of keys.go.
var KeyRows = keyRows

// JourneyItems returns the item of a journey and that of its texts.
func JourneyItems(t ident.Tenant, j journey.Journey) (it, text map[string]types.AttributeValue, err error) {
	stored, err := encodeJourney(t, j, access.WriteID{1})
	if err == nil {
		format.Add(stored)
	}
	text = encodeText(t, j)
	format.Add(text)
	return stored, text, err
}

// EnrollmentItem returns the item that Insert inserts.
func EnrollmentItem(t ident.Tenant, shards int, e progress.Enrollment) (map[string]types.AttributeValue, error) {
	it, err := encodeEnrollment(t, shards, e)
	if err == nil {
		format.Add(it)
	}
	return it, err
}

// AllParts returns the open parts of a journey's figures.
func AllParts(ctx context.Context, client *dynamodb.Client, table string, t ident.Tenant, id ident.ID) ([]analytics.Part, error) {
	out, err := client.Query(ctx, &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("PK = :pk AND begins_with(SK, :d)"),
		ExpressionAttributeValues: item.Item{":pk": item.Text(item.FiguresPK(t, id)), ":d": item.Text(item.PartPrefix)},
	})
	if err != nil {
		return nil, err
	}
	var parts []analytics.Part
	for _, it := range out.Items {
		p, err := figures.DecodePart(t, it)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}
