package auth_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/ident"
)

type object = map[string]any

// verifierOf returns a verifier that trusts a new issuer, with changed settings.
func verifierOf(t *testing.T, change func(*auth.Settings)) *auth.Verifier {
	t.Helper()
	s := auth.Settings{
		Issuer: issuerName, Audience: audience, JWKSURL: newIssuer(t).URL, TenantClaim: "tenant", RoleClaim: "role",
	}
	change(&s)
	v, err := auth.NewVerifier(s, &http.Client{}, at(start))
	require.NoError(t, err)
	return v
}

// verdict returns "tenant role" of the caller, or the code of its refusal.
func verdict(t *testing.T, v *auth.Verifier, changes object) string {
	t.Helper()
	caller, err := v.Verify(t.Context(), good(t, changes))
	require.NoError(t, err)
	if caller.Refused != "" {
		require.Equal(t, auth.Caller{Refused: caller.Refused}, caller)
		return caller.Refused
	}
	return caller.Tenant.String() + " " + caller.Role
}

func TestVerify_ReadsTheConfiguredClaims(t *testing.T) {
	t.Parallel()

	const uri = "https://journeys.example/tenant"
	realm := func(roles ...any) object { return object{"roles": roles} }
	for name, c := range map[string]struct {
		tenantClaim, roleClaim string
		claims                 object
		want                   string
	}{
		"names with dots":                    {uri, "custom:role", object{uri: "globex", "custom:role": "admin"}, "globex admin"},
		"nested":                             {"app.org.id", "realm_access.roles", object{"app": object{"org": object{"id": "globex"}}, "realm_access": realm("viewer")}, "globex viewer"},
		"below a name with dots":             {uri + ".id", "resource_access.my.client.roles", object{uri: object{"id": "globex"}, "resource_access": object{"my.client": realm("editor")}}, "globex editor"},
		"the exact name before a nested one": {"a.b", "role", object{"a.b": "globex", "a": object{"b": "other"}}, "globex editor"},
		"a null exact name":                  {"a.b", "role", object{"a.b": json.RawMessage("null"), "a": object{"b": "globex"}}, "globex editor"},
		"an invalid exact name":              {"a.b", "role", object{"a.b": "a#b", "a": object{"b": "globex"}}, auth.TenantInvalid},
		"the second of two paths":            {"a.b.c", "role", object{"a": object{"b": "no object"}, "a.b": object{"c": "globex"}}, "globex editor"},
		"no object on the path":              {"tenant.id", "role", nil, auth.TenantInvalid},
		"a list on the path":                 {"tenant.0", "role", object{"tenant": []string{"globex"}}, auth.TenantInvalid},
		"an object at the end of the path":   {"app.org", "role", object{"app": object{"org": object{"id": "globex"}}}, auth.TenantInvalid},
		"a path in another case":             {"App.id", "role", object{"app": object{"id": "globex"}}, auth.TenantInvalid},
		"only dots":                          {"...", "role", object{"": object{"": object{"": object{"": "globex"}}}}, "globex editor"},

		"the highest of the roles":   {"tenant", "role", object{"role": []string{"ingest", "viewer", "admin", "editor"}}, "acme admin"},
		"editor before viewer":       {"tenant", "role", object{"role": []string{"viewer", "editor"}}, "acme editor"},
		"viewer before ingest":       {"tenant", "role", object{"role": []string{"ingest", "viewer"}}, "acme viewer"},
		"one known role of many":     {"tenant", "role", object{"role": []any{"offline_access", 7, nil, "ingest", []string{"admin"}}}, "acme ingest"},
		"nested roles, none of them": {"tenant", "realm_access.roles", object{"realm_access": realm("offline_access")}, auth.RoleUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := verifierOf(t, func(s *auth.Settings) { s.TenantClaim, s.RoleClaim = c.tenantClaim, c.roleClaim })
			require.Equal(t, c.want, verdict(t, v, c.claims))
		})
	}
}

// union returns a with the members of b, nil ones too.
func union(a, b object) object {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// clients lists one client that is a machine of the tenant globex.
func clients(t *testing.T) auth.Clients {
	t.Helper()
	list, err := auth.ParseClients([]byte(`{"machine": {"tenant": "globex", "role": "ingest"}}`))
	require.NoError(t, err)
	return list
}

// The access tokens of Amazon Cognito name their client instead of an audience.
func TestVerify_AcceptsAccessTokensByTheirClient(t *testing.T) {
	t.Parallel()

	v := verifierOf(t, func(s *auth.Settings) { s.Clients = clients(t) })
	token := func(client any, changes object) object {
		return union(object{"aud": nil, "token_use": "access", "client_id": client}, changes)
	}
	with := func(client any, name string, value any) object { return token(client, object{name: value}) }
	bare := object{"tenant": nil, "role": nil}
	for name, c := range map[string]struct {
		claims object
		want   string
	}{
		"the client is the audience":              {token(audience, nil), "acme editor"},
		"the client is listed":                    {token("machine", bare), "globex ingest"},
		"a listed client with both claims":        {token("machine", nil), "acme editor"},
		"another client":                          {token("other", nil), auth.TokenAudience},
		"a client in another case":                {token("Machine", bare), auth.TokenAudience},
		"no client":                               {token(nil, nil), auth.TokenAudience},
		"a list of clients":                       {token([]string{audience}, nil), auth.TokenAudience},
		"an ID token":                             {with(audience, "token_use", "id"), auth.TokenAudience},
		"no token_use":                            {with("machine", "token_use", nil), auth.TokenAudience},
		"a list of uses":                          {with("machine", "token_use", []string{"access"}), auth.TokenAudience},
		"another audience beside the client":      {with(audience, "aud", "other"), auth.TokenAudience},
		"an empty audience beside the client":     {with(audience, "aud", ""), auth.TokenAudience},
		"an empty list of audiences":              {with("machine", "aud", []string{}), auth.TokenAudience},
		"an audience of no known type":            {with("machine", "aud", 7), auth.TokenAudience},
		"another issuer":                          {with("machine", "iss", "https://other.example/"), auth.TokenIssuer},
		"no sub":                                  {with("machine", "sub", nil), auth.TokenMalformed},
		"the audience without the claims":         {token(audience, bare), auth.TenantInvalid},
		"listed, with a tenant only":              {with("machine", "role", nil), auth.RoleUnknown},
		"listed, with a role only":                {with("machine", "tenant", nil), auth.TenantInvalid},
		"listed, with an invalid tenant only":     {token("machine", object{"tenant": "a#b", "role": nil}), auth.TenantInvalid},
		"listed, with unknown roles only":         {token("machine", object{"tenant": nil, "role": []string{"root"}}), auth.TenantInvalid},
		"listed, with a tenant and unknown roles": {with("machine", "role", []string{}), auth.RoleUnknown},
		"listed, with another tenant's claim":     {with("machine", "tenant", "initech"), "initech editor"},
		"listed, of a person":                     {union(token("machine", bare), object{"username": "eve"}), auth.TenantInvalid},
		"a listed client with the audience":       {union(token("machine", bare), object{"aud": audience}), "globex ingest"},
		"an unlisted client with the audience":    {union(token("other", bare), object{"aud": audience}), auth.TenantInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, verdict(t, v, c.claims))
		})
	}
}

func TestVerify_KnowsNoClientWithoutTheSetting(t *testing.T) {
	t.Parallel()

	v := verifierOf(t, func(*auth.Settings) {})
	claims := object{"aud": nil, "token_use": "access", "client_id": "machine"}
	require.Equal(t, auth.TokenAudience, verdict(t, v, claims))
}

func TestParseClients_ReadsTenantsAndRoles(t *testing.T) {
	t.Parallel()

	acme, _ := ident.ParseTenant("acme")
	list, err := auth.ParseClients([]byte(` {"a.b/c": {"role": "admin", "tenant": "acme"}} `))
	require.NoError(t, err)
	require.Equal(t, auth.Clients{"a.b/c": {Tenant: acme, Role: "admin"}}, list)
	list, err = auth.ParseClients([]byte(`{}`))
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestParseClients_ReportsEveryFault(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct{ text, want string }{
		"not JSON":         {`machine=acme`, "JOURNEYS_CLIENTS: malformed JSON at byte 0"},
		"empty":            {``, "JOURNEYS_CLIENTS: the body is empty; it must be one JSON value"},
		"a list":           {`[]`, "JOURNEYS_CLIENTS: must be an object"},
		"a client twice":   {`{"a": {}, "a": {}}`, "JOURNEYS_CLIENTS: /a duplicate name in the object"},
		"a client as text": {`{"a": "acme"}`, "JOURNEYS_CLIENTS: /a must be an object"},
		"a client without a name": {
			`{"": {"tenant": "acme", "role": "admin"}}`, "JOURNEYS_CLIENTS: / must be named by a client id of 1 to 256 characters",
		},
		"too large": {`{"a": "` + strings.Repeat("x", 3072) + `"}`, "JOURNEYS_CLIENTS: must have at most 3072 bytes, has 3081"},
		"several faults": {
			`{"a": {"tenant": "a#b", "role": "root"}, "b": {"tenant": null, "Role": "admin"}}`,
			"JOURNEYS_CLIENTS: /a/tenant must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -; " +
				"/a/role must be one of admin, editor, viewer, ingest; /b/tenant must be a string; /b/role is required; " +
				"/b/Role unknown field; allowed here: tenant, role",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := auth.ParseClients([]byte(c.text))
			require.EqualError(t, err, c.want)
			require.Nil(t, list)
		})
	}
}

func TestVerify_ReadsTheName(t *testing.T) {
	t.Parallel()

	v := verifierOf(t, func(*auth.Settings) {})
	for _, c := range []struct {
		claim any
		want  string
	}{
		{"Ada Lovelace", "Ada Lovelace"},
		{"  Ada\u00a0", "Ada"},
		{strings.Repeat("漢", auth.MaxName), strings.Repeat("漢", auth.MaxName)},
		{strings.Repeat("漢", auth.MaxName+1), strings.Repeat("漢", auth.MaxName)},
		{strings.Repeat("a", auth.MaxName-1) + " b", strings.Repeat("a", auth.MaxName-1)},
		{"Ada\tLovelace", ""},
		{"Ada\u0085", ""},
		{" ", ""},
		{nil, ""},
		{7, ""},
		{object{"first": "Ada"}, ""},
		{[]string{"Ada"}, ""},
	} {
		caller, err := v.Verify(t.Context(), good(t, object{"name": c.claim}))
		require.NoError(t, err)
		require.Empty(t, caller.Refused, "%q", c.claim)
		require.Equal(t, c.want, caller.Name, "%q", c.claim)
		require.Equal(t, caller, auth.FromAuthorizer(caller.Authorizer()), "%q", c.claim)
	}
}
