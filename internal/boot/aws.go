package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dynamo"
	"journeys/internal/dynamo/conn"
	"journeys/internal/manifest"
)

// openStore returns the store over the function's table.
func openStore(settings map[string]string) *dynamo.Store {
	return dynamo.New(newTableClient(context.Background()), settings[manifest.EnvTable], rand.Reader)
}

// newTableClient returns the table's client with one connection already open.
// Lambda gives a function a full CPU while it starts and a fraction of one
// afterwards, so the TLS handshake is much cheaper here than in the first
// request.
func newTableClient(ctx context.Context) *dynamodb.Client {
	var options []func(*dynamodb.Options)
	if isDynamoDBLocal() {
		options = append(options, conn.Local)
	}
	client := conn.New(awsConfig(), options...)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// An error here is left to the first request, which will report it.
	_ = openConnection(ctx, client.Options())
	return client
}

func isDynamoDBLocal() bool { return os.Getenv(manifest.EnvDynamoDBLocal) != "" }

// openConnection sends a GET to the endpoint, which answers it without
// permissions, and leaves the connection in the client's pool.
func openConnection(ctx context.Context, o dynamodb.Options) error {
	endpoint, err := o.EndpointResolverV2.ResolveEndpoint(ctx, dynamodb.EndpointParameters{
		Region: &o.Region, Endpoint: o.BaseEndpoint, UseDualStack: aws.Bool(false), UseFIPS: aws.Bool(false),
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.URI.String(), nil)
	if err != nil {
		return err
	}
	response, err := o.HTTPClient.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body) // an unread body would close the connection
	return errors.Join(err, response.Body.Close())
}

// awsConfig reads what Lambda sets for every function: the region, the
// credentials, and any custom endpoints. It replaces the SDK's config package,
// which links the clients of single sign-on and STS and initializes them at each
// start.
func awsConfig() aws.Config {
	cfg := aws.Config{
		Region: os.Getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"),
		),
		ConfigSources: []any{serviceEndpoints{}},
	}
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
		cfg.BaseEndpoint = &url
	}
	return cfg
}

// serviceEndpoints resolves the endpoints of single services from the
// environment. The SDK's clients look for its method.
type serviceEndpoints struct{}

// GetServiceBaseEndpoint returns AWS_ENDPOINT_URL_<service>.
func (serviceEndpoints) GetServiceBaseEndpoint(_ context.Context, service string) (url string, found bool, err error) {
	url = os.Getenv("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
	return url, url != "", nil
}
