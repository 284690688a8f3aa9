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

const (
	attemptTimeout = 3 * time.Second  // of one attempt, of at most maxAttempts
	localTimeout   = 20 * time.Second // DynamoDB Local queues requests on a busy machine; a retry only makes its queue longer
	maxAttempts    = 4
	idleConns      = 128 // at least as many as workers: HTTP/1.1 takes one request at a time
)

// NewClient returns a client for short calls: it keeps connections open, gives an
// attempt 3 s, starts to retry after 25 ms, and validates response checksums.
// The endpoint is cfg's, such as AWS_ENDPOINT_URL_DYNAMODB, or AWS's own.
func NewClient(cfg aws.Config, options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, append([]func(*dynamodb.Options){tune}, options...)...)
}

// Local is an option of NewClient for DynamoDB Local: it gives an attempt 20 s, and
// does not validate response checksums, which DynamoDB Local does not send.
func Local(o *dynamodb.Options) {
	o.HTTPClient = newHTTPClient(localTimeout)
	o.DisableValidateResponseChecksum = true
}

func tune(o *dynamodb.Options) {
	o.HTTPClient = newHTTPClient(attemptTimeout)
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return backOff(attempt), nil
		})
	})
	o.APIOptions = append(o.APIOptions, addMeter)
}

func newHTTPClient(timeout time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(timeout).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConns, idleConns
			t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(idleConns)
		})
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
