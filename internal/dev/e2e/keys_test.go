package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"journeys/internal/dev/gateway"
	"journeys/internal/dev/issuer"
	"journeys/internal/dev/lambda"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/client"
	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

// keyedGateway is a gateway with the real authorizer and one function, and with an
// issuer whose published keys the test changes.
type keyedGateway struct {
	*httptest.Server
	keys    *httptest.Server
	fetches atomic.Int64
	set     atomic.Value // the published keys
}

func startKeyedGateway(t *testing.T) *keyedGateway {
	d := &keyedGateway{}
	d.keys = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.fetches.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": d.set.Load()})
	}))
	t.Cleanup(d.keys.Close)
	lambda, err := lambda.Start([]manifest.Function{manifest.Authorizer, manifest.ListJourneys.Function}, lambda.Options{
		Dist: filepath.Join("..", "..", "..", "dist"),
		Settings: map[string]string{
			manifest.EnvTable: local.Table, manifest.EnvIssuer: issuer.Name, manifest.EnvAudience: issuer.Audience,
			manifest.EnvJWKSURL: d.keys.URL, manifest.EnvTenantClaim: "tenant", manifest.EnvRoleClaim: "role",
		},
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": target.machine.DynamoDB.Endpoint(), manifest.EnvDynamoDBLocal: "1"},
	})
	require.NoError(t, err)
	t.Cleanup(lambda.Stop)
	// Without a time to live, the authorizer is invoked for each call.
	d.Server = httptest.NewServer(&gateway.Gateway{
		Routes: []manifest.Route{manifest.ListJourneys}, Authorizer: manifest.Authorizer.Name,
		Timeout: gateway.Timeout, Invoke: lambda.Invoke, Now: time.Now,
	})
	t.Cleanup(d.Close)
	return d
}

// status returns the status of a call with a token.
func (d *keyedGateway) status(t *testing.T, token string) int {
	t.Helper()
	api := client.Client{Base: d.URL + manifest.BasePath, Token: client.Fixed(token), HTTP: d.Client()}
	a, err := newAnswer(api.Call(t.Context(), "GET", "/journeys", nil))
	require.NoError(t, err)
	return a.status
}

// Keys are fetched once for each new key. Known keys work during a flood of forged
// tokens and while the issuer is down. The tests of internal/auth cover what needs
// another clock or a slow issuer.
func TestLocal_KnownKeysSurviveForgedTokensAndAnOutage(t *testing.T) {
	t.Parallel()

	first, err := issuer.Open(t.TempDir())
	require.NoError(t, err)
	second, err := issuer.Open(t.TempDir())
	require.NoError(t, err)
	token := func(issuer *issuer.Issuer) string {
		text, err := issuer.Sign(with(claims(manifest.Editor, newTenant()), "jti", rand.Text()))
		require.NoError(t, err)
		return text
	}
	d := startKeyedGateway(t)
	d.set.Store(keySet(t, first))
	for range 3 {
		require.Equal(t, 200, d.status(t, token(first)))
	}
	require.EqualValues(t, 1, d.fetches.Load(), "for a known key")

	d.set.Store(keySet(t, first, second))
	require.Equal(t, 200, d.status(t, token(second)), "a rotated key works at once")
	require.EqualValues(t, 2, d.fetches.Load())

	own, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for i := range 50 {
		forged := forge(t, jwt.SigningMethodRS256, own, fmt.Sprint("forged-", i), claims(manifest.Admin, newTenant()))
		require.Equal(t, 401, d.status(t, forged))
	}
	require.EqualValues(t, 3, d.fetches.Load(), "50 unknown keys cause one fetch")

	d.keys.Close()
	require.Equal(t, 200, d.status(t, token(first)))
	require.Equal(t, 200, d.status(t, token(second)))
}
