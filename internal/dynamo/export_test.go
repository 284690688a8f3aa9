package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
)

// JourneyItem lets tests store many journeys at once.
func JourneyItem(t journey.Tenant, j journey.Journey) (map[string]types.AttributeValue, error) {
	return encodeJourney(t, j, writeID{1})
}
