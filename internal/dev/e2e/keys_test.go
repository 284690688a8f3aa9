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

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

// door is a gateway of the test's own before the real authorizer and function,
// with an issuer whose keys the test publishes and takes away.
type door struct {
	*httptest.Server
	keys    *httptest.Server
	fetches atomic.Int64
	set     atomic.Value // of the keys that are published
}

func openDoor(t *testing.T) *door {
	d := &door{}
	d.keys = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.fetches.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": d.set.Load()})
	}))
	t.Cleanup(d.keys.Close)
	lambda, err := local.StartLambda([]manifest.Function{manifest.Authorizer, manifest.ListJourneys.Function}, local.LambdaOptions{
		Dist: filepath.Join("..", "..", "dist"),
		Settings: map[string]string{
			manifest.EnvTable: local.Table, manifest.EnvIssuer: local.IssuerName, manifest.EnvAudience: local.Audience,
			manifest.EnvJWKSURL: d.keys.URL, manifest.EnvTenantClaim: "tenant", manifest.EnvRoleClaim: "role",
		},
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": target.machine.DynamoDB.Endpoint(), manifest.EnvDynamoDBLocal: "1"},
	})
	require.NoError(t, err)
	t.Cleanup(lambda.Stop)
	// Without a time to live, the authorizer is asked each time.
	d.Server = httptest.NewServer(&local.Gateway{
		Routes: []manifest.Route{manifest.ListJourneys}, Authorizer: manifest.Authorizer.Name,
		Timeout: local.GatewayTimeout, Invoke: lambda.Invoke, Now: time.Now,
	})
	t.Cleanup(d.Close)
	return d
}

// knock returns the status that a token gets.
func (d *door) knock(t *testing.T, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", d.URL+manifest.BasePath+"/journeys", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	a, err := read(d.Client().Do(r))
	require.NoError(t, err)
	return a.status
}

// The keys' server is needed when a key is new, and then once: whatever forged
// tokens come, and when it is down, known keys go on working. What needs
// another clock, or a server that is slow, is shown in internal/auth:
// TestForgedTokensCauseAtMostOneFetch, TestSlowIssuerDoesNotStopKnownKeys,
// TestIssuerDownDoesNotStopKnownKeys, TestRotatedKeyWorksWithinHalfAMinuteOfAFlood
// and TestWithdrawnKeyStopsWithinAQuarterOfAnHour.
func TestLocalForgedTokensAndAServerThatIsDownDoNotStopKnownKeys(t *testing.T) {
	t.Parallel()

	first, err := local.OpenIssuer(t.TempDir())
	require.NoError(t, err)
	second, err := local.OpenIssuer(t.TempDir())
	require.NoError(t, err)
	token := func(issuer *local.Issuer) string {
		text, err := issuer.Sign(with(claims(manifest.Editor, newTenant()), "jti", rand.Text()))
		require.NoError(t, err)
		return text
	}
	d := openDoor(t)
	d.set.Store(keySet(t, first))
	for range 3 {
		require.Equal(t, 200, d.knock(t, token(first)))
	}
	require.EqualValues(t, 1, d.fetches.Load(), "for a key that is known")

	d.set.Store(keySet(t, first, second))
	require.Equal(t, 200, d.knock(t, token(second)), "a rotated key works at once")
	require.EqualValues(t, 2, d.fetches.Load())

	own, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for i := range 50 {
		forged := forge(t, jwt.SigningMethodRS256, own, fmt.Sprint("forged-", i), claims(manifest.Admin, newTenant()))
		require.Equal(t, 401, d.knock(t, forged))
	}
	require.EqualValues(t, 3, d.fetches.Load(), "50 unknown keys are looked up once")

	d.keys.Close()
	require.Equal(t, 200, d.knock(t, token(first)))
	require.Equal(t, 200, d.knock(t, token(second)))
}
