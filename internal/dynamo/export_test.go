package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/analytics"
	"journeys/internal/journey"
)

// JourneyItems returns the item of a journey and that of its texts.
func JourneyItems(t journey.Tenant, j journey.Journey) (it, text map[string]types.AttributeValue, err error) {
	it, err = encodeJourney(t, j, writeID{1})
	return it, encodeText(t, j), err
}

// EnrollmentItem returns the item that Insert inserts.
func EnrollmentItem(t journey.Tenant, shards int, e journey.Enrollment) (map[string]types.AttributeValue, error) {
	return encodeEnrollment(t, shards, e)
}

// AllParts returns the open parts of a journey's figures.
func AllParts(ctx context.Context, client *dynamodb.Client, table string, t journey.Tenant, id journey.ID) ([]analytics.Part, error) {
	out, err := client.Query(ctx, &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("PK = :pk AND begins_with(SK, :d)"),
		ExpressionAttributeValues: item{":pk": text(figuresPK(t, id)), ":d": text(partPrefix)},
	})
	if err != nil {
		return nil, err
	}
	var parts []analytics.Part
	for _, it := range out.Items {
		p, err := decodePart(t, it)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}
