package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dev/client"
	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
)

// rig is the API on this machine, with a tap in front of its table.
type rig struct {
	table    *dynamolocal.Server
	tap      *tap
	keys     *httptest.Server
	lambda   *local.Lambda
	gateway  *httptest.Server
	issuer   *local.Issuer
	settings map[string]string
	api      *client.Client // calls the gateway as an admin
	spent    []share        // the engine's processor time
}

const tenant = "bench"

func openRig(ctx context.Context) (*rig, error) {
	if err := local.Build(ctx, ".", local.Platform(), os.Stderr); err != nil {
		return nil, err
	}
	s := &rig{}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *rig) open(ctx context.Context) (err error) {
	if s.table, err = dynamolocal.Start(ctx, dynamolocal.Options{Busy: true}); err != nil {
		return err
	}
	if s.tap, err = openTap(s.table.Endpoint()); err != nil {
		return err
	}
	if err := dynamo.CreateTable(ctx, dynamo.NewClient(s.config(s.table.Endpoint())), local.Table); err != nil {
		return err
	}
	if s.issuer, err = local.OpenIssuer(".local"); err != nil {
		return err
	}
	s.keys = httptest.NewServer(s.issuer)
	s.settings = map[string]string{
		manifest.EnvTable: local.Table, manifest.EnvIssuer: local.IssuerName, manifest.EnvAudience: local.Audience,
		manifest.EnvJWKSURL: s.keys.URL, manifest.EnvTenantClaim: "tenant", manifest.EnvRoleClaim: "role",
		manifest.EnvAdvance: manifest.Advance.Name, manifest.EnvProviders: "{}",
	}
	s.lambda, err = local.StartLambda(manifest.Functions(), local.LambdaOptions{
		Dist: "dist", Settings: s.settings,
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": s.tap.URL},
	})
	if err != nil {
		return err
	}
	s.gateway = httptest.NewServer(&local.Gateway{
		Routes: manifest.Routes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: time.Hour,
		Timeout: local.GatewayTimeout, Invoke: s.lambda.Invoke, Now: time.Now,
	})
	token, err := s.issuer.Token(tenant, manifest.Admin, time.Now())
	s.api = newAPI(s.gateway.URL, token)
	return err
}

func (s *rig) close() {
	for _, server := range []*httptest.Server{s.gateway, s.keys} {
		if server != nil {
			server.Close()
		}
	}
	if s.lambda != nil {
		s.lambda.Stop()
	}
	if s.tap != nil {
		s.tap.Close()
	}
	if s.table != nil {
		s.table.Stop()
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
func (s *rig) config(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}
}

// direct returns a DynamoDB client that bypasses the tap.
func (s *rig) direct() *dynamodb.Client { return dynamo.NewClient(s.config(s.table.Endpoint())) }

// bootstrap returns the path of a function's built file.
func bootstrap(f manifest.Function) string { return filepath.Join("dist", f.Name, "bootstrap") }
