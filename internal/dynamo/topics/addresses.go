package topics

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/item"
	"journeys/internal/ident"
)

// NoteAddresses makes the tenant's settings say that items about addresses may exist. It
// is no revision of the topics.
func (s Store) NoteAddresses(ctx context.Context, t ident.Tenant) error {
	_, err := s.Table.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Table.Name, Key: item.TenantSettingsKey(t),
		UpdateExpression:          aws.String("SET #ad = :yes"),
		ConditionExpression:       aws.String("attribute_not_exists(#ad)"),
		ExpressionAttributeNames:  map[string]string{"#ad": aAddresses},
		ExpressionAttributeValues: item.Item{":yes": item.Flag(true)},
	})
	return access.WrapUnlessRefused("note that a tenant has addresses", err)
}
