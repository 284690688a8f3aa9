// Package dynamotest provides DynamoDB Local for tests, and clients whose requests
// fail at random.
package dynamotest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dynamo/conn"
	"journeys/internal/dynamo/format"
)

var server *dynamolocal.Server

// Main runs a package's tests with one DynamoDB Local in memory. TestMain calls it; it
// does not return.
func Main(m *testing.M) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	if server, err = dynamolocal.Start(ctx, dynamolocal.Options{Busy: true, Keys: true}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// Config returns the settings of a client of the server. Each table has a database of
// its own; see byTable.
func Config() aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(server.Endpoint()),
		APIOptions:   []func(*middleware.Stack) error{byTable},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "local"}, nil
		}),
	}
}

// shared is the HTTP client of all clients: one pool of connections for many clients
// at once, with a minute for each response.
var shared = awshttp.NewBuildableClient().
	WithTimeout(time.Minute).
	WithTransportOptions(func(t *http.Transport) { t.MaxIdleConns, t.MaxIdleConnsPerHost = 1024, 1024 })

// Client returns a client of the server.
func Client(options ...func(*dynamodb.Options)) *dynamodb.Client {
	pooled := func(o *dynamodb.Options) { o.HTTPClient = shared }
	return conn.New(Config(), append([]func(*dynamodb.Options){conn.Local, pooled}, options...)...)
}

// Table creates the manifest's table and returns its name. When the test ends, each
// item must have a format, and the table is deleted.
func Table(t testing.TB) string {
	t.Helper()
	name, client := tableName(t), Client()
	require.NoError(t, dynamolocal.CreateTable(t.Context(), client, name))
	deleteAtEnd(t, client, name)
	t.Cleanup(func() { requireFormats(t, client, name) })
	return name
}

// requireFormats requires that each item which the test leaves has a format.
func requireFormats(t testing.TB, client *dynamodb.Client, table string) {
	t.Helper()
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{
		TableName: &table, FilterExpression: aws.String("attribute_not_exists(" + format.Attribute + ")"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		require.NoError(t, err)
		require.Empty(t, page.Items, "items without a format")
	}
}

// PlainTable creates a table without index and stream, to which DynamoDB Local writes
// twice as fast. It is deleted when the test ends.
func PlainTable(t testing.TB) string {
	t.Helper()
	name, client := tableName(t), Client()
	input := dynamolocal.TableInput(name)
	input.GlobalSecondaryIndexes, input.StreamSpecification = nil, nil
	input.AttributeDefinitions = input.AttributeDefinitions[:2]
	_, err := client.CreateTable(t.Context(), input)
	require.NoError(t, err)
	deleteAtEnd(t, client, name)
	return name
}

func deleteAtEnd(t testing.TB, client *dynamodb.Client, name string) {
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
		require.NoError(t, err)
	})
}

// tableName returns a table name for the test.
func tableName(t testing.TB) string {
	name := "t" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, t.Name())
	return name[:min(len(name), 255)]
}
