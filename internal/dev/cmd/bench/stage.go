package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
)

// stage is the API on this machine, with a tap before its table.
type stage struct {
	table    *dynamolocal.Server
	tap      *tap
	keys     *httptest.Server
	lambda   *local.Lambda
	gateway  *httptest.Server
	issuer   *local.Issuer
	settings map[string]string
	token    string // an admin's
	client   *http.Client
	spent    []share // where the engine's processor time goes
}

const tenant = "bench"

func openStage(ctx context.Context) (*stage, error) {
	if err := local.Build(ctx, ".", local.Platform(), os.Stderr); err != nil {
		return nil, err
	}
	s := &stage{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) open(ctx context.Context) (err error) {
	if s.table, err = dynamolocal.Start(ctx, dynamolocal.Options{Busy: true}); err != nil {
		return err
	}
	if s.tap, err = openTap(s.table.Endpoint()); err != nil {
		return err
	}
	if err := dynamo.CreateTable(ctx, dynamo.NewClient(s.config(s.table.Endpoint()), dynamo.Local), local.Table); err != nil {
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
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": s.tap.URL, manifest.EnvDynamoDBLocal: "1"},
	})
	if err != nil {
		return err
	}
	s.gateway = httptest.NewServer(&local.Gateway{
		Routes: manifest.Routes(), Authorizer: manifest.Authorizer.Name, AuthorizerTTL: time.Hour,
		Timeout: local.GatewayTimeout, Invoke: s.lambda.Invoke, Now: time.Now,
	})
	s.token, err = s.issuer.Token(tenant, manifest.Admin, time.Now())
	return err
}

func (s *stage) close() {
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

// config is that of a client of the table at an endpoint.
func (s *stage) config(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}
}

// direct returns a client that the tap does not see.
func (s *stage) direct() *dynamodb.Client {
	return dynamo.NewClient(s.config(s.table.Endpoint()), dynamo.Local)
}

// call makes a call that must succeed, and returns its body.
func (s *stage) call(ctx context.Context, method, base, path, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, base+manifest.BasePath+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %d %.500s", method, path, response.StatusCode, text)
	}
	return text, nil
}

// bootstrap returns a function's built file.
func bootstrap(f manifest.Function) string { return filepath.Join("dist", f.Name, "bootstrap") }
