// Package boot makes a running function of settings and the parts that it
// needs. It is where the clock and randomness come in. It must not know what callers send or
// get, nor items and keys of the table.
package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
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
		client, err := connect(context.Background())
		if err != nil {
			return nil, err
		}
		store := dynamo.New(client, set[manifest.EnvTable], rand.Reader, dynamo.BatchInserts)
		log := lambdacontext.NewLogger()
		service := journey.NewService(store, time.Now, rand.Reader)
		if newInvoke != nil {
			d, err := newDispatcher(set, newInvoke)
			if err != nil {
				return nil, err
			}
			service.Nudge = d.nudge(log)
		}
		a := &api.API{
			Journeys:     service,
			Analytics:    analytics.NewReader(store),
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
func connect(ctx context.Context) (*dynamodb.Client, error) {
	cfg, err := awsConfig()
	if err != nil {
		return nil, err
	}
	client := dynamo.NewClient(cfg)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// Without a connection the first request makes one, and says what fails.
	_ = greet(ctx, client.Options())
	return client, nil
}

// awsConfig reads what Lambda sets for a function: region, keys, and endpoints
// of other services than AWS's own. config.LoadDefaultConfig also knows profiles,
// single sign-on and roles to assume, which no function has: their clients are
// 1.6 MB of each file.
func awsConfig() (aws.Config, error) {
	env, err := config.NewEnvConfig()
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS settings: %w", err)
	}
	cfg := aws.Config{
		Region:        env.Region,
		Credentials:   credentials.StaticCredentialsProvider{Value: env.Credentials},
		ConfigSources: []any{env},
	}
	if env.BaseEndpoint != "" {
		cfg.BaseEndpoint = &env.BaseEndpoint
	}
	return cfg, nil
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
