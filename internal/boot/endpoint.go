// Package boot makes a running function of settings and the parts that it
// needs. It is where the clock and randomness come in. It must not know what callers send or
// get, nor items and keys of the table.
package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/analytics"
	"journeys/internal/api"
	"journeys/internal/apigw"
	"journeys/internal/boot/settings"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Endpoint runs the function that serves op and invokes no other.
func Endpoint(op api.Operation) { endpoint(op, nil) }

// NudgingEndpoint runs the function that serves op and starts advance on those
// whom it makes due.
func NudgingEndpoint(op api.Operation, newInvoke NewInvoke) { endpoint(op, newInvoke) }

func endpoint(op api.Operation, newInvoke NewInvoke) {
	settings.Start(op.Function, func(set map[string]string) (any, error) {
		store := dynamo.New(connect(context.Background()), set[manifest.EnvTable], rand.Reader)
		log := lambdacontext.NewLogger()
		service := journey.NewService(store.Handlers(), time.Now, rand.Reader)
		if newInvoke != nil {
			service.Nudge = newDispatcher(set, newInvoke).nudge(log)
		}
		a := &api.API{
			Journeys:     service,
			Analytics:    analytics.NewReader(store.Analytics),
			Log:          log,
			Now:          time.Now,
			Meter:        meter,
			Installation: set[manifest.EnvTable],
		}
		return apigw.Handler(a.Handler(op), log), nil
	})
}

// meter counts what a request uses of the table.
func meter(ctx context.Context) (context.Context, func() slog.Attr) {
	ctx, m := dynamo.WithMeter(ctx)
	return ctx, func() slog.Attr {
		used := m.Usage()
		attrs := []any{
			"requests", used.Requests, "retries", used.Requests - used.Calls,
			"readUnits", used.ReadUnits, "writeUnits", used.WriteUnits, "indexUnits", used.IndexUnits,
		}
		if used.LastError != "" {
			attrs = append(attrs, "lastError", used.LastError)
		}
		return slog.Group("table", attrs...)
	}
}

// connect returns the table's client with its first connection open. While it
// starts, a function has a whole CPU, and has a fraction of one after: the
// handshake is much cheaper here than in the first request.
func connect(ctx context.Context) *dynamodb.Client {
	client := newClient()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// Without a connection the first request makes one, and says what fails.
	_ = greet(ctx, client.Options())
	return client
}

// newClient returns the table's client, with settings for DynamoDB Local where the
// environment asks for them.
func newClient() *dynamodb.Client {
	if os.Getenv(manifest.EnvDynamoDBLocal) != "" {
		return dynamo.NewClient(awsConfig(), dynamo.Local)
	}
	return dynamo.NewClient(awsConfig())
}

// awsConfig reads what Lambda sets for a function: region, keys, and endpoints
// of other services than AWS's own. The SDK's config package also knows profiles,
// single sign-on and roles to assume, which no function has: even its reading of
// the environment alone links their clients, which are initialized at each start.
func awsConfig() aws.Config {
	cfg := aws.Config{
		Region: os.Getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"),
		),
		ConfigSources: []any{endpoints{}},
	}
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
		cfg.BaseEndpoint = &url
	}
	return cfg
}

// endpoints are those that the environment has for single services. Clients find
// it by its method.
type endpoints struct{}

// GetServiceBaseEndpoint returns AWS_ENDPOINT_URL_<service>.
func (endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (url string, found bool, err error) {
	url = os.Getenv("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
	return url, url != "", nil
}

// greet asks the endpoint how it is, which needs no permission.
func greet(ctx context.Context, o dynamodb.Options) error {
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
	_, err = io.Copy(io.Discard, response.Body) // a body that was read leaves the connection open
	return errors.Join(err, response.Body.Close())
}
