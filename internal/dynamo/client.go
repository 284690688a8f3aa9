package dynamo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/manifest"
)

// attemptTimeout bounds one attempt of a request, of which there are at most
// maxAttempts.
const (
	attemptTimeout = 3 * time.Second
	localTimeout   = 20 * time.Second // DynamoDB Local queues on a busy machine; trying again only makes its queue longer
	maxAttempts    = 4
	idleConns      = 128 // at least as many as workers: HTTP/1.1, one request a connection
)

// NewClient returns a client that suits short calls: connections are kept,
// attempts are short, and retries begin after 25 ms. With
// AWS_ENDPOINT_URL_DYNAMODB in cfg's sources it speaks to that endpoint.
func NewClient(cfg aws.Config, options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, append([]func(*dynamodb.Options){tune}, options...)...)
}

func tune(o *dynamodb.Options) {
	limit := attemptTimeout
	if o.BaseEndpoint != nil {
		limit = localTimeout
		// DynamoDB Local sends no checksum, and the client warns of each answer.
		o.DisableValidateResponseChecksum = true
	}
	o.HTTPClient = awshttp.NewBuildableClient().
		WithTimeout(limit).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConns, idleConns
			t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(idleConns)
		})
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return delay(attempt), nil
		})
	})
	o.APIOptions = append(o.APIOptions, addMeter)
}

// CreateTable makes the table that the manifest describes, for tests and for
// one machine, and returns once it can be used. A table that is there stays.
func CreateTable(ctx context.Context, client *dynamodb.Client, table string) error {
	_, err := client.CreateTable(ctx, TableInput(table))
	// A table that is there may be half made by a run that was killed.
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

// TableInput describes the manifest's table.
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

func keySchema(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &hash, KeyType: types.KeyTypeHash},
		{AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}
