package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
)

const (
	issuerName = "https://issuer.example/"
	audience   = "journeys"
)

// start is the initial time of the tests' clocks.
var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// The key pairs of the tests. The first four belong to the issuer.
var (
	rsaKey    = sync.OnceValue(newRSA)
	p256Key   = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P256()) })
	p384Key   = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P384()) })
	edKey     = sync.OnceValue(newEd)
	foreign   = sync.OnceValue(newRSA)
	foreignEC = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P256()) })
)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newEd() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// issuer publishes keys and counts how often they are fetched.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	fetches int
	answer  http.HandlerFunc
}

// newIssuer starts an issuer that publishes one key of each supported kind and
// some that a verifier must skip.
func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.publish(
		map[string]any{"kty": "oct", "kid": "rsa-1", "k": "c2VjcmV0"},
		map[string]any{"kty": "XYZ", "kid": "p256-1"},
		map[string]any{"kty": 7},
		merge(jwkOf(&foreign().PublicKey), map[string]any{"kid": "for-encryption", "use": "enc"}),
		merge(jwkOf(&rsaKey().PublicKey), map[string]any{"kid": "rsa-1", "use": "sig"}),
		merge(jwkOf(&rsaKey().PublicKey), map[string]any{"kid": "rsa-ps-only", "alg": "PS256"}),
		merge(jwkOf(&p256Key().PublicKey), map[string]any{"kid": "p256-1"}),
		merge(jwkOf(&p384Key().PublicKey), map[string]any{"kid": "p384-1"}),
		merge(jwkOf(edKey().Public()), map[string]any{"kid": "ed-1", "alg": "EdDSA"}),
	)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.fetches++
		answer := i.answer
		i.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

func (i *issuer) answerBy(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

func (i *issuer) publish(keys ...map[string]any) {
	i.answerBy(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	})
}

// verifier returns a verifier that trusts i.
func (i *issuer) verifier(t *testing.T, clock func() time.Time) *auth.Verifier {
	t.Helper()
	v, err := auth.NewVerifier(auth.Settings{
		Issuer: issuerName, Audience: audience, JWKSURL: i.URL, TenantClaim: "tenant", RoleClaim: "role",
	}, &http.Client{}, clock)
	require.NoError(t, err)
	return v
}

func jwkOf(key crypto.PublicKey) map[string]any {
	text := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		return map[string]any{
			"kty": "EC", "crv": key.Params().Name, "x": text(point[1 : 1+half]), "y": text(point[1+half:]),
		}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": text(key)}
	}
	panic("no such key")
}

// merge returns base with changes. A nil value removes the name.
func merge(base, changes map[string]any) map[string]any {
	merged := maps.Clone(base)
	for name, value := range changes {
		merged[name] = value
		if value == nil {
			delete(merged, name)
		}
	}
	return merged
}

// claims returns the claims of a good token with changes.
func claims(changes map[string]any) map[string]any {
	return merge(map[string]any{
		"iss": issuerName, "aud": audience, "sub": "user-1", "exp": start.Add(time.Hour).Unix(),
		"tenant": "acme", "role": "editor",
	}, changes)
}

// sign returns the Authorization header for a signed token.
func sign(t testing.TB, method jwt.SigningMethod, key any, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	token.Header = merge(token.Header, header)
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return "Bearer " + signed
}

// good returns the Authorization header for a good token with changed claims.
func good(t testing.TB, changes map[string]any) string {
	t.Helper()
	return sign(t, jwt.SigningMethodES256, p256Key(), map[string]any{"kid": "p256-1"}, claims(changes))
}
