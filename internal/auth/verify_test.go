package auth_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/manifest"
)

func at(when time.Time) func() time.Time { return func() time.Time { return when } }

func TestVerify_AcceptsGoodTokens(t *testing.T) {
	t.Parallel()

	kid := func(name string) map[string]any { return map[string]any{"kid": name} }
	soon := start.Add(-29 * time.Second).Unix()
	cases := map[string]string{
		"RS256":                        sign(t, jwt.SigningMethodRS256, rsaKey(), kid("rsa-1"), claims(nil)),
		"RS512":                        sign(t, jwt.SigningMethodRS512, rsaKey(), kid("rsa-1"), claims(nil)),
		"PS256":                        sign(t, jwt.SigningMethodPS256, rsaKey(), kid("rsa-1"), claims(nil)),
		"PS256 with a key for it only": sign(t, jwt.SigningMethodPS256, rsaKey(), kid("rsa-ps-only"), claims(nil)),
		"ES256":                        sign(t, jwt.SigningMethodES256, p256Key(), kid("p256-1"), claims(nil)),
		"ES384":                        sign(t, jwt.SigningMethodES384, p384Key(), kid("p384-1"), claims(nil)),
		"EdDSA":                        sign(t, jwt.SigningMethodEdDSA, edKey(), kid("ed-1"), claims(nil)),
		"the scheme in lower case":     strings.Replace(good(t, nil), "Bearer", "bearer", 1),
		"several audiences":            good(t, map[string]any{"aud": []string{"other", audience}}),
		"expired within the leeway":    good(t, map[string]any{"exp": soon}),
		"not before, just passed":      good(t, map[string]any{"nbf": start.Unix()}),
		"nearly 8 KB":                  good(t, map[string]any{"pad": strings.Repeat("x", 5800)}),
	}
	v := newIssuer(t).verifier(t, at(start))
	for name, header := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			caller, err := v.Verify(t.Context(), header)
			require.NoError(t, err)
			require.Empty(t, caller.Refused)
			require.Equal(t, "acme", caller.Tenant.String())
			require.Equal(t, "user-1", caller.Subject)
			require.Equal(t, "editor", caller.Role)
			require.NoError(t, caller.May([]string{manifest.Admin, manifest.Editor}, start))
		})
	}
}

func TestVerify_RefusesBadTokens(t *testing.T) {
	t.Parallel()

	kid := map[string]any{"kid": "rsa-1"}
	publicDER, err := x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)
	require.NoError(t, err)
	change := func(name string, value any) string { return good(t, map[string]any{name: value}) }
	token := strings.TrimPrefix(good(t, nil), "Bearer ")
	parts := strings.Split(token, ".")
	otherClaims := base64.RawURLEncoding.EncodeToString([]byte(`{"tenant":"other"}`))

	cases := []struct{ name, header, code string }{
		{"no header", "", auth.TokenMissing},
		{"a blank header", "  ", auth.TokenMissing},
		{"a scheme without a token", "Bearer", auth.TokenMalformed},
		{"a token without a scheme", token, auth.TokenMalformed},
		{"another scheme", "Basic " + token, auth.TokenMalformed},
		{"two tokens", "Bearer " + token + " " + token, auth.TokenMalformed},
		{"two headers that the gateway joined", "Bearer " + token + ",Bearer " + token, auth.TokenMalformed},
		{"two tokens joined by a comma", "Bearer " + token + "," + token, auth.TokenMalformed},
		{"not a JWT", "Bearer hello", auth.TokenMalformed},
		{"four segments", "Bearer " + token + ".x", auth.TokenMalformed},
		{"only dots", "Bearer ..", auth.TokenMalformed},
		{"8,000 dots", "Bearer " + strings.Repeat(".", 8000), auth.TokenMalformed},
		{"a megabyte", "Bearer " + strings.Repeat("a", 1<<20), auth.TokenMalformed},
		{"a good token above 8 KB", change("pad", strings.Repeat("x", 6200)), auth.TokenMalformed},
		{"unused bits set after the signature", withUnusedBits(good(t, nil)), auth.TokenMalformed},
		{"padded base64", "Bearer " + parts[0] + "=." + parts[1] + "." + parts[2], auth.TokenMalformed},
		{"a critical extension", sign(t, jwt.SigningMethodRS256, rsaKey(),
			map[string]any{"kid": "rsa-1", "crit": []string{"b64"}, "b64": false}, claims(nil)), auth.TokenMalformed},

		{"alg none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, claims(nil)), auth.TokenSignature},
		{"alg none in another case", "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"NoNe","kid":"rsa-1"}`)) +
			"." + parts[1] + ".", auth.TokenSignature},
		{"no alg", "Bearer e30." + parts[1] + "." + parts[2], auth.TokenSignature},
		{"HS256 signed with the public key", sign(t, jwt.SigningMethodHS256, publicDER, kid, claims(nil)), auth.TokenSignature},
		{"HS256 signed with a secret of the key set", sign(t, jwt.SigningMethodHS256, []byte("secret"), kid, claims(nil)), auth.TokenSignature},
		{"an unknown key id", sign(t, jwt.SigningMethodRS256, rsaKey(), map[string]any{"kid": "other"}, claims(nil)), auth.TokenSignature},
		{"no key id", sign(t, jwt.SigningMethodRS256, rsaKey(), nil, claims(nil)), auth.TokenSignature},
		{"a key id that is a number", sign(t, jwt.SigningMethodRS256, rsaKey(), map[string]any{"kid": 1}, claims(nil)), auth.TokenSignature},
		{"a foreign key under a known id", sign(t, jwt.SigningMethodRS256, foreign(), kid, claims(nil)), auth.TokenSignature},
		{"a foreign EC key under a known id", sign(t, jwt.SigningMethodES256, foreignEC(), map[string]any{"kid": "p256-1"}, claims(nil)), auth.TokenSignature},
		{"a key in the token's header", sign(t, jwt.SigningMethodRS256, foreign(),
			map[string]any{"kid": "own", "jwk": jwkOf(&foreign().PublicKey)}, claims(nil)), auth.TokenSignature},
		{"a key for encryption", sign(t, jwt.SigningMethodRS256, foreign(), map[string]any{"kid": "for-encryption"}, claims(nil)), auth.TokenSignature},
		{"an algorithm that the key is not for", sign(t, jwt.SigningMethodRS256, rsaKey(), map[string]any{"kid": "rsa-ps-only"}, claims(nil)), auth.TokenSignature},
		{"replaced claims", "Bearer " + parts[0] + "." + otherClaims + "." + parts[2], auth.TokenSignature},
		{"no signature", "Bearer " + parts[0] + "." + parts[1] + ".", auth.TokenSignature},

		{"expired", change("exp", start.Add(-31*time.Second).Unix()), auth.TokenExpired},
		{"no exp", change("exp", nil), auth.TokenMalformed},
		{"exp as text", change("exp", "2027-01-01"), auth.TokenMalformed},
		{"not yet valid", change("nbf", start.Add(31*time.Second).Unix()), auth.TokenNotYetValid},
		{"another issuer", change("iss", "https://other.example/"), auth.TokenIssuer},
		{"an issuer that starts with the right one", change("iss", issuerName+"x"), auth.TokenIssuer},
		{"no issuer", change("iss", nil), auth.TokenIssuer},
		{"another audience", change("aud", "other"), auth.TokenAudience},
		{"other audiences", change("aud", []string{"a", "b"}), auth.TokenAudience},
		{"no audience", change("aud", nil), auth.TokenAudience},
		{"no sub", change("sub", nil), auth.TokenMalformed},
		{"an empty sub", change("sub", ""), auth.TokenMalformed},
		{"a sub of 257 bytes", change("sub", strings.Repeat("s", 257)), auth.TokenMalformed},

		{"no tenant", change("tenant", nil), auth.TenantInvalid},
		{"an empty tenant", change("tenant", ""), auth.TenantInvalid},
		{"a tenant with #", change("tenant", "acme#J"), auth.TenantInvalid},
		{"a tenant that ends with a line feed", change("tenant", "acme\n"), auth.TenantInvalid},
		{"a tenant of 65 characters", change("tenant", strings.Repeat("t", 65)), auth.TenantInvalid},
		{"a tenant that is a number", change("tenant", 7), auth.TenantInvalid},
		{"a list of tenants", change("tenant", []string{"acme"}), auth.TenantInvalid},
		{"the tenant claim in another case", good(t, map[string]any{"tenant": nil, "Tenant": "acme"}), auth.TenantInvalid},
		{"no role", change("role", nil), auth.RoleUnknown},
		{"an unknown role", change("role", "root"), auth.RoleUnknown},
		{"a role in another case", change("role", "Admin"), auth.RoleUnknown},
		{"a null tenant and role", good(t, map[string]any{"tenant": json.RawMessage("null"), "role": json.RawMessage("null")}), auth.TenantInvalid},
		{"a list of unknown roles", change("role", []any{"root", "Admin", "admin ", 7, nil, []string{"admin"}, map[string]any{"admin": true}}), auth.RoleUnknown},
		{"an empty list of roles", change("role", []string{}), auth.RoleUnknown},
		{"a list of roles as text", change("role", "viewer,admin"), auth.RoleUnknown},
		{"roles in an object", change("role", map[string]any{"admin": "admin"}), auth.RoleUnknown},
	}
	v := newIssuer(t).verifier(t, at(start))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			caller, err := v.Verify(t.Context(), c.header)
			require.NoError(t, err)
			require.Equal(t, auth.Caller{Refused: c.code}, caller)

			refusal := refusalOf(t, caller, start)
			require.Equal(t, c.code, refusal.Code)
			wanted := http.StatusUnauthorized
			if c.code == auth.TenantInvalid || c.code == auth.RoleUnknown {
				wanted = http.StatusForbidden
			}
			require.Equal(t, wanted, refusal.Status)
		})
	}
}

// withUnusedBits sets one of the four bits of the last character that a signature
// of 64 bytes does not use.
func withUnusedBits(header string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, header[len(header)-1])
	return header[:len(header)-1] + alphabet[last+1:last+2]
}

// FuzzVerify requires that no header panics or authenticates without a valid
// signature.
func FuzzVerify(f *testing.F) {
	i := &issuer{}
	i.publish(merge(jwkOf(&p256Key().PublicKey), map[string]any{"kid": "p256-1"}))
	f.Add("")
	f.Add("Bearer e30.e30.e30")
	f.Add("Bearer eyJhbGciOiJub25lIn0.eyJ0ZW5hbnQiOiJhIn0.")
	f.Add("bearer bnVsbA.bnVsbA.")
	f.Add("Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYtMSJ9.e30.AAAA")
	v, err := auth.NewVerifier(auth.Settings{
		Issuer: issuerName, Audience: audience, JWKSURL: "https://issuer.example/keys", TenantClaim: "tenant", RoleClaim: "role",
	}, &http.Client{Transport: i}, at(start))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, header string) {
		caller, err := v.Verify(t.Context(), header)
		require.NoError(t, err)
		require.NotEmpty(t, caller.Refused)
		require.Empty(t, caller.Tenant)
	})
}
