package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
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

// keyedGateway is a gateway with the real authorizer and one route, and with an
// issuer whose published keys the test changes.
type keyedGateway struct {
	*httptest.Server
	keys    *httptest.Server
	fetches atomic.Int64
	set     atomic.Value // the published keys
}

// startKeyedGateway starts a gateway with changed settings, on the table of the target.
func startKeyedGateway(t *testing.T, route manifest.Route, changes map[string]string) *keyedGateway {
	d := &keyedGateway{}
	d.keys = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.fetches.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": d.set.Load()})
	}))
	t.Cleanup(d.keys.Close)
	settings, err := local.Settings(d.keys.URL, "{}")
	require.NoError(t, err)
	maps.Copy(settings, changes)
	lambda, err := lambda.Start([]manifest.Function{manifest.Authorizer, route.Function}, lambda.Options{
		Dist: filepath.Join("..", "..", "..", "dist"), Settings: settings,
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": target.machine.DynamoDB.Endpoint(), manifest.EnvDynamoDBLocal: "1"},
	})
	require.NoError(t, err)
	t.Cleanup(lambda.Stop)
	// Without a time to live, the authorizer is invoked for each call.
	d.Server = httptest.NewServer(&gateway.Gateway{
		Routes: []manifest.Route{route}, Authorizer: manifest.Authorizer.Name,
		Timeout: gateway.Timeout, Invoke: lambda.Invoke, Now: time.Now,
	})
	t.Cleanup(d.Close)
	return d
}

// status returns the status of a call with a token.
func (d *keyedGateway) status(t *testing.T, token string) int {
	t.Helper()
	return d.call(t, token, "GET", "/journeys", nil).status
}

func (d *keyedGateway) call(t *testing.T, token, method, path string, body []byte) answer {
	t.Helper()
	api := client.Client{Base: d.URL + manifest.BasePath, Token: client.Fixed(token), HTTP: d.Client()}
	a, err := newAnswer(api.Call(t.Context(), method, path, body))
	require.NoError(t, err)
	return a
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
	d := startKeyedGateway(t, manifest.ListJourneys, nil)
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

// Machines without the two claims get the tenant and the role of their client. Other
// callers of the same issuer have nested claims and lists of roles.
func TestLocal_TokensOfSeveralFormsAreAccepted(t *testing.T) {
	t.Parallel()

	keys, err := issuer.Open(t.TempDir())
	require.NoError(t, err)
	d := startKeyedGateway(t, manifest.ListJourneys, map[string]string{
		manifest.EnvTenantClaim: "https://example.com/tenant", manifest.EnvRoleClaim: "realm_access.roles",
		manifest.EnvClients: `{"machine":{"tenant":"acme","role":"editor"},"feeder":{"tenant":"acme","role":"ingest"}}`,
	})
	d.set.Store(keySet(t, keys))
	status := func(changes map[string]any) int {
		all := claims("", "")
		delete(all, "tenant")
		delete(all, "role")
		maps.Copy(all, changes)
		maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
		token, err := keys.Sign(all)
		require.NoError(t, err)
		return d.status(t, token)
	}
	machine := func(client string) map[string]any {
		return map[string]any{"aud": nil, "token_use": "access", "client_id": client, "sub": client}
	}
	require.Equal(t, 200, status(machine("machine")))
	require.Equal(t, 403, status(machine("feeder")), "ingest may not list journeys")
	require.Equal(t, 401, status(machine("stranger")))
	require.Equal(t, 403, status(with(machine("machine"), "https://example.com/tenant", "globex")), "a tenant without a role")
	person := map[string]any{
		"https://example.com/tenant": "globex", "realm_access": map[string]any{"roles": []string{"offline_access", "viewer", "editor"}},
	}
	require.Equal(t, 200, status(person))
	require.Equal(t, 403, status(with(person, "realm_access", map[string]any{"roles": []string{"viewer"}})))
}
