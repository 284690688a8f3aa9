package dynamolocal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/manifest"
)

// Region is the AWS region that a local run uses.
const Region = "us-east-1"

// Client returns a client of the server with the SDK's default settings.
func (s *Server) Client() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: Region, BaseEndpoint: aws.String(s.endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
}

// CreateTable creates the manifest's table and returns once it is active. It
// keeps an existing table, and completes one that a killed run left unfinished.
func CreateTable(ctx context.Context, client *dynamodb.Client, table string) error {
	_, err := client.CreateTable(ctx, TableInput(table))
	if _, ok := errors.AsType[*types.ResourceInUseException](err); err != nil && !ok {
		return fmt.Errorf("create the table: %w", err)
	}
	exists := dynamodb.NewTableExistsWaiter(client)
	if err := exists.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &table}, time.Minute); err != nil {
		return fmt.Errorf("wait for the table: %w", err)
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(manifest.TTL), Enabled: aws.Bool(true),
		},
	})
	if err != nil && !strings.Contains(err.Error(), "already enabled") {
		return fmt.Errorf("set the table's time to live: %w", err)
	}
	return nil
}

// TableInput returns the request that creates the manifest's table.
func TableInput(table string) *dynamodb.CreateTableInput {
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	return &dynamodb.CreateTableInput{
		TableName:   &table,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(manifest.PartitionKey, types.ScalarAttributeTypeS),
			attribute(manifest.SortKey, types.ScalarAttributeTypeS),
			attribute(manifest.DuePartitionKey, types.ScalarAttributeTypeS),
			attribute(manifest.DueSortKey, types.ScalarAttributeTypeN),
		},
		KeySchema: keySchema(manifest.PartitionKey, manifest.SortKey),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(manifest.DueIndex),
			KeySchema:  keySchema(manifest.DuePartitionKey, manifest.DueSortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(manifest.IndexProjection)},
		}},
		StreamSpecification: &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(manifest.StreamView),
		},
	}
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &partition, KeyType: types.KeyTypeHash},
		{AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}
