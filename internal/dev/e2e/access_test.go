package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/issuer"
	"journeys/internal/manifest"
)

func TestToken_InvalidIsRefused(t *testing.T) {
	t.Parallel()

	good := claims(manifest.Editor, newTenant())
	signed := sign(t, good)
	parts := strings.Split(signed, ".")
	past := time.Now().Add(-time.Hour).Unix()
	for name, row := range map[string]struct {
		token string
		code  string
	}{
		"forged":               {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), "token-signature"},
		"without signature":    {"eyJhbGciOiJub25lIn0." + parts[1] + ".", ""},
		"not a token":          {"abc", "token-malformed"},
		"expired":              {sign(t, with(good, "exp", past)), "token-expired"},
		"without expiry":       {sign(t, with(good, "exp", nil)), ""},
		"not yet valid":        {sign(t, with(good, "nbf", time.Now().Add(time.Hour).Unix())), "token-not-yet-valid"},
		"of another issuer":    {sign(t, with(good, "iss", "https://other.invalid")), "token-issuer"},
		"for another API":      {sign(t, with(good, "aud", "other")), "token-audience"},
		"without an issuer":    {sign(t, with(good, "iss", nil)), "token-issuer"},
		"without an audience":  {sign(t, with(good, "aud", nil)), "token-audience"},
		"of another client":    {sign(t, with(cognito(good), "client_id", "other")), "token-audience"},
		"an ID token":          {sign(t, with(cognito(good), "token_use", "id")), "token-audience"},
		"with a changed claim": {parts[0] + "." + strings.ToUpper(parts[1]) + "." + parts[2], ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			a := caller{t, row.token}.must(401, "GET", "/journeys", "")
			require.NotEmpty(t, a.header.Get("WWW-Authenticate"), a.text)
			if row.code != "" {
				require.Equal(t, row.code, a.body["code"])
			}
		})
	}
	caller{t, ""}.must(401, "GET", "/journeys", "")
	caller{t, signed}.must(200, "GET", "/journeys", "")
	caller{t, sign(t, cognito(good))}.must(200, "GET", "/journeys", "")
	caller{t, sign(t, with(good, "role", []string{"others", manifest.Viewer, manifest.Editor}))}.must(200, "GET", "/journeys", "")
}

// cognito returns the claims in the form of Amazon Cognito's access tokens.
func cognito(claims map[string]any) map[string]any {
	return with(with(with(claims, "aud", nil), "token_use", "access"), "client_id", issuer.Audience)
}

func TestToken_WithoutValidTenantOrRoleIsForbidden(t *testing.T) {
	t.Parallel()

	good := claims(manifest.Admin, newTenant())
	for name, token := range map[string]string{
		"tenant-invalid": sign(t, with(good, "tenant", "a#b")),
		"role-unknown":   sign(t, with(good, "role", "owner")),
	} {
		caller{t, token}.refused(403, name, "GET", "/journeys", "")
	}
	caller{t, sign(t, with(good, "tenant", nil))}.refused(403, "tenant-invalid", "GET", "/journeys", "")
	caller{t, sign(t, with(good, "role", nil))}.refused(403, "role-unknown", "GET", "/journeys", "")
	// Headers do not change the caller.
	caller{t, sign(t, with(good, "role", manifest.Viewer))}.refused(403, "role-not-allowed", "GET", "/journeys", "",
		"X-Role", "admin", "X-Tenant", "t", "X-Amzn-Apigateway-Api-Context", `{"authorizer":{"lambda":{"role":"admin"}}}`)
}

func TestRoles_MayCallWhatTheManifestSays(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	missing := "jrn_01JD0000000000000000000000"
	for _, route := range manifest.Routes() {
		for _, role := range []string{manifest.Admin, manifest.Editor, manifest.Viewer, manifest.Ingest} {
			a := as(t, role, tenant).call(route.Method, strings.ReplaceAll(route.Path, "{id}", missing), "")
			allowed := strings.Contains(strings.Join(route.Roles, " "), role)
			require.Equal(t, !allowed, a.status == http.StatusForbidden, "%s as %s: %d %s", route.Key(), role, a.status, a.text)
			require.Less(t, a.status, 500)
		}
	}
}

// Another tenant's journey and a missing one get the same answer.
func TestTenants_CannotSeeEachOthersJourneys(t *testing.T) {
	t.Parallel()

	owner, stranger := as(t, manifest.Admin, newTenant()), as(t, manifest.Admin, newTenant())
	path := owner.createActive(shortGraph)
	missing := "/journeys/jrn_01JD0000000000000000000000"
	for _, row := range []struct{ method, path, body string }{
		{"GET", "", ""},
		{"PUT", "", `{"name":"mine"}`},
		{"DELETE", "", ""},
		{"POST", "/enroll", `{"customerId":"a"}`},
		{"POST", "/test", `{}`},
		{"GET", "/versions", ""},
		{"GET", "/versions/1", ""},
		{"GET", "/history", ""},
	} {
		theirs := stranger.refused(404, "journey-not-found", row.method, path+row.path, row.body)
		none := stranger.refused(404, "journey-not-found", row.method, missing+row.path, row.body)
		require.Equal(t, none.body["detail"], theirs.body["detail"])
	}
	require.InDelta(t, 0, total(stranger, ""), 0)
	require.Equal(t, "Welcome", owner.must(200, "GET", path, "").body["name"])
}

// Gateways and routers tend to mistreat these paths.
func TestStrangePaths_AreNotFound(t *testing.T) {
	t.Parallel()

	c := as(t, manifest.Admin, newTenant())
	for _, path := range []string{
		"/journeys/x", "/journeys/%00", "/journeys/a%3Fadmin=true", "/journeys/50%25", "/journeys/..%2f..",
		"/journeys/%23", "/journeys/jrn_01jd0000000000000000000000", "/nothing",
	} {
		a := c.call("GET", path, "")
		require.Contains(t, []int{400, 403, 404}, a.status, "%s: %s", path, a.text)
	}
}
