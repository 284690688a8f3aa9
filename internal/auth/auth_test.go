package auth_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/auth"
	"journeys/internal/ident"
	"journeys/internal/manifest"
)

var everyRole = []string{manifest.Admin, manifest.Editor, manifest.Viewer, manifest.Ingest}

func refusalOf(t *testing.T, c auth.Caller, now time.Time) *auth.Refusal {
	t.Helper()
	var refusal *auth.Refusal
	require.True(t, errors.As(c.May(everyRole, now), &refusal))
	return refusal
}

func editor(t testing.TB) auth.Caller {
	t.Helper()
	tenant, ok := ident.ParseTenant("acme")
	require.True(t, ok)
	return auth.Caller{Subject: "user-1", Tenant: tenant, Role: manifest.Editor, ExpiresAt: start.Add(time.Minute)}
}

func TestMay_RefusesByIdentityExpiryAndRole(t *testing.T) {
	t.Parallel()

	refused := auth.Caller{Refused: auth.TokenAudience}
	cases := []struct {
		name      string
		caller    auth.Caller
		roles     []string
		now       time.Time
		code      string // "" if allowed
		challenge string
	}{
		{"a listed role", editor(t), []string{"admin", "editor"}, start, "", ""},
		{"another role", editor(t), []string{"admin"}, start, auth.RoleNotAllowed, ""},
		{"no listed roles", editor(t), nil, start, auth.RoleNotAllowed, ""},
		{"within the leeway of the expiry", editor(t), everyRole, start.Add(89 * time.Second), "", ""},
		{"a cached answer that outlived its token", editor(t), everyRole, start.Add(90 * time.Second), auth.TokenExpired,
			`Bearer error="invalid_token", error_description="The token has expired. Get a new one."`},
		{"the zero caller", auth.Caller{}, everyRole, start, auth.TokenMissing, "Bearer"},
		{"a role without a tenant", auth.Caller{Role: "admin", ExpiresAt: start.Add(time.Hour)}, everyRole, start, auth.TokenMissing, "Bearer"},
		{"refused by the authorizer", refused, everyRole, start, auth.TokenAudience,
			`Bearer error="invalid_token", error_description="The token is for another audience: neither its aud nor the client_id of an access token without aud is accepted here."`},
		{"refused with an unknown code", auth.Caller{Refused: `x"y`}, everyRole, start, auth.TokenMalformed,
			`Bearer error="invalid_token", error_description="The Authorization header must hold one bearer token: a JWT of at most 8 KB, with sub and exp."`},
		{"refused for its tenant", auth.Caller{Refused: auth.TenantInvalid}, everyRole, start, auth.TenantInvalid, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			err := c.caller.May(c.roles, c.now)
			if c.code == "" {
				require.NoError(t, err)
				return
			}
			var refusal *auth.Refusal
			require.True(t, errors.As(err, &refusal))
			require.Equal(t, c.code, refusal.Code)
			require.Equal(t, c.challenge, refusal.Challenge())
			require.Contains(t, refusal.Error(), refusal.Detail)
		})
	}
}

func TestFromContext_ReturnsTheStoredCaller(t *testing.T) {
	t.Parallel()

	require.Equal(t, auth.Caller{}, auth.FromContext(t.Context()))
	require.Equal(t, editor(t), auth.FromContext(auth.NewContext(t.Context(), editor(t))))
}

func TestAuthorizer_SendsOnlyTheRefusal(t *testing.T) {
	t.Parallel()

	caller := editor(t)
	caller.Refused = auth.TokenExpired
	require.Equal(t, map[string]any{"refused": auth.TokenExpired}, caller.Authorizer())
	require.Equal(t, auth.Caller{Refused: auth.TokenExpired}, auth.FromAuthorizer(caller.Authorizer()))
}

func TestFromAuthorizer_IgnoresIncompleteContexts(t *testing.T) {
	t.Parallel()

	whole := editor(t).Authorizer()
	require.Equal(t, editor(t), auth.FromAuthorizer(whole))
	cases := map[string]map[string]any{
		"none":                  nil,
		"empty":                 {},
		"no tenant":             merge(whole, map[string]any{"tenant": nil}),
		"a tenant with #":       merge(whole, map[string]any{"tenant": "acme#J"}),
		"a tenant as a list":    merge(whole, map[string]any{"tenant": []any{"acme"}}),
		"no subject":            merge(whole, map[string]any{"sub": nil}),
		"no role":               merge(whole, map[string]any{"role": nil}),
		"an unknown role":       merge(whole, map[string]any{"role": "root"}),
		"no expiry":             merge(whole, map[string]any{"exp": nil}),
		"a malformed expiry":    merge(whole, map[string]any{"exp": "tomorrow"}),
		"an expiry as a number": merge(whole, map[string]any{"exp": 1.8e9}),
	}
	for name, values := range cases {
		require.Equal(t, auth.Caller{}, auth.FromAuthorizer(values), name)
	}
}

// An authorizer's answer may come from the gateway's cache, and from an older version.
func TestFromAuthorizer_DropsInvalidNames(t *testing.T) {
	t.Parallel()

	for _, value := range []any{nil, "", 7, []any{"Ada"}, "Ada\n", "\xff"} {
		values := merge(editor(t).Authorizer(), map[string]any{"name": value})
		require.Equal(t, editor(t), auth.FromAuthorizer(values), "%q", value)
	}
}

// The context passes through the JSON of both functions.
func TestFromAuthorizer_InvertsAuthorizer(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		tenant, ok := ident.ParseTenant(rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "tenant"))
		require.True(t, ok)
		caller := auth.Caller{
			Subject:   rapid.StringN(1, 64, 256).Draw(t, "subject"),
			Tenant:    tenant,
			Role:      rapid.SampledFrom(everyRole).Draw(t, "role"),
			ExpiresAt: time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "expires"), 0).UTC(),
			Name:      rapid.StringMatching(`(\pL( ?\pL){0,63})?`).Draw(t, "name"),
		}
		text, err := json.Marshal(caller.Authorizer())
		require.NoError(t, err)
		var values map[string]any
		require.NoError(t, json.Unmarshal(text, &values))
		require.Equal(t, caller, auth.FromAuthorizer(values))
	})
}
