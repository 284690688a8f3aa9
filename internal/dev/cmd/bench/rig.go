package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/dev/build"
	"journeys/internal/dev/client"
	"journeys/internal/dev/cmd/bench/tap"
	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/gateway"
	"journeys/internal/dev/issuer"
	"journeys/internal/dev/lambda"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo/conn"
	"journeys/internal/manifest"
)

// rig is the API on this machine, with a tap in front of its table.
type rig struct {
	table    *dynamolocal.Server
	tap      *tap.Tap
	keys     *httptest.Server
	lambda   *lambda.Service
	gateway  *httptest.Server
	issuer   *issuer.Issuer
	settings map[string]string
	api      *client.Client // calls the gateway as an admin
	spent    []share        // the engine's processor time
	starts   []startFigures // of every function
}

const tenant = "bench"

func openRig(ctx context.Context) (*rig, error) {
	if err := build.Functions(ctx, ".", build.Platform(), os.Stderr); err != nil {
		return nil, err
	}
	r := &rig{}
	if err := r.open(ctx); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *rig) open(ctx context.Context) (err error) {
	if r.table, err = dynamolocal.Start(ctx, dynamolocal.Options{Busy: true}); err != nil {
		return err
	}
	if r.tap, err = tap.Open(r.table.Endpoint()); err != nil {
		return err
	}
	if err := dynamolocal.CreateTable(ctx, conn.New(r.config(r.table.Endpoint()), conn.Local), local.Table); err != nil {
		return err
	}
	if r.issuer, err = issuer.Open(".local"); err != nil {
		return err
	}
	r.keys = httptest.NewServer(r.issuer)
	if r.settings, err = local.Settings(r.keys.URL, "{}"); err != nil {
		return err
	}
	r.lambda, err = lambda.Start(manifest.Functions(), lambda.Options{
		Dist: "dist", Settings: r.settings,
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": r.tap.URL},
	})
	if err != nil {
		return err
	}
	r.gateway = httptest.NewServer(&gateway.Gateway{
		Routes: manifest.Routes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: time.Hour,
		Timeout: gateway.Timeout, Invoke: r.lambda.Invoke, Now: time.Now,
	})
	token, err := r.issuer.Token(tenant, manifest.Admin, time.Now())
	r.api = newAPI(r.gateway.URL, token)
	return err
}

func (r *rig) close() {
	for _, server := range []*httptest.Server{r.gateway, r.keys} {
		if server != nil {
			server.Close()
		}
	}
	if r.lambda != nil {
		r.lambda.Stop()
	}
	if r.tap != nil {
		r.tap.Close()
	}
	if r.table != nil {
		r.table.Stop()
	}
}

// newAPI returns a client that keeps a connection for each of the callers.
func newAPI(url, token string) *client.Client {
	return &client.Client{
		Base: url + manifest.BasePath, Token: client.Fixed(token),
		HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}},
	}
}

// config returns the settings of a DynamoDB client for an endpoint.
func (r *rig) config(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}
}

// direct returns a DynamoDB client that bypasses the tap.
func (r *rig) direct() *dynamodb.Client {
	return conn.New(r.config(r.table.Endpoint()), conn.Local)
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

// store stores items, past the tap.
func (r *rig) store(ctx context.Context, items []map[string]types.AttributeValue) error {
	table := r.direct()
	for some := range slices.Chunk(items, 25) {
		writes := make([]types.WriteRequest, len(some))
		for i, item := range some {
			writes[i].PutRequest = &types.PutRequest{Item: item}
		}
		out, err := table.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{local.Table: writes},
		})
		if err != nil || len(out.UnprocessedItems) > 0 {
			return fmt.Errorf("store items: %d unprocessed: %w", len(out.UnprocessedItems), err)
		}
	}
	return nil
}

// bootstrap returns the path of a function's built file.
func bootstrap(f manifest.Function) string { return filepath.Join("dist", f.Name, "bootstrap") }
