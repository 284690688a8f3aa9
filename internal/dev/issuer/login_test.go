package issuer_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/dev/issuer"
)

func TestLogin_IssuesTokensThatTheAPIAccepts(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	status, a := b.token(t, exchange(b.code(t, authorization(), choice())))
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "Bearer", a.Type)
	require.Equal(t, 3600, a.ExpiresIn)
	for _, token := range []string{a.Access, a.ID} {
		caller := b.caller(t, token)
		require.Empty(t, caller.Refused)
		require.Equal(t, "acme", caller.Tenant.String())
		require.Equal(t, "editor", caller.Role)
		require.Equal(t, "editor-1", caller.Subject)
		require.Equal(t, "Example Editor", claimsOf(t, token)["name"])
	}
	id := claimsOf(t, a.ID)
	require.Equal(t, "n-1", id["nonce"])
	require.Equal(t, []any{"console", "journeys"}, id["aud"])
	require.Equal(t, "console", id["azp"])
}

func TestLogin_RenewsTokensUntilTheSessionEnds(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	_, first := b.token(t, exchange(b.code(t, authorization(), choice())))

	b.pass(2 * time.Hour)
	require.Equal(t, auth.TokenExpired, b.caller(t, first.Access).Refused)
	status, second := b.token(t, renewal(first.Refresh))
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, b.caller(t, second.Access).Refused)
	require.Equal(t, first.Refresh, second.Refresh)
	before, after := claimsOf(t, first.ID), claimsOf(t, second.ID)
	require.Equal(t, before["auth_time"], after["auth_time"])
	require.Equal(t, before["sub"], after["sub"])
	require.NotContains(t, after, "nonce")

	b.refused(t, renewal(first.Refresh, "client_id", "other"), "invalid_grant")
	b.refused(t, renewal("other"), "invalid_grant")
	b.pass(10*time.Hour - time.Second)
	status, _ = b.token(t, renewal(first.Refresh))
	require.Equal(t, http.StatusOK, status)
	b.pass(time.Second)
	b.refused(t, renewal(first.Refresh), "invalid_grant")
}

func TestLogin_IssuesShortLivedTokensForTests(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	_, a := b.token(t, exchange(b.code(t, authorization("lifetime", "-60"), choice())))
	require.Equal(t, -60, a.ExpiresIn)
	require.Equal(t, auth.TokenExpired, b.caller(t, a.Access).Refused)
	_, a = b.token(t, renewal(a.Refresh))
	require.Empty(t, b.caller(t, a.Access).Refused, "a renewed token has the usual lifetime")

	_, a = b.token(t, exchange(b.code(t, authorization("lifetime", "5"), choice())))
	require.Empty(t, b.caller(t, a.Access).Refused)
	b.pass(5*time.Second + auth.Leeway)
	require.Equal(t, auth.TokenExpired, b.caller(t, a.Access).Refused)
}

func TestLogin_IssuesNoIDTokenWithoutItsScope(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	status, a := b.token(t, exchange(b.code(t, authorization("scope", "email"), choice("name", ""))))
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, a.ID)
	require.NotContains(t, claimsOf(t, a.Access), "name")
}

func TestToken_RefusesFaultyRequests(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for name, c := range map[string]struct {
		change []string
		code   string
	}{
		"another verifier":        {[]string{"code_verifier", verifier + "x"}, "invalid_grant"},
		"the challenge itself":    {[]string{"code_verifier", authorization().Get("code_challenge")}, "invalid_grant"},
		"another redirect":        {[]string{"redirect_uri", callback + "x"}, "invalid_grant"},
		"another client":          {[]string{"client_id", "other"}, "invalid_grant"},
		"another code":            {[]string{"code", "other"}, "invalid_grant"},
		"no verifier":             {[]string{"code_verifier", ""}, "invalid_request"},
		"no code":                 {[]string{"code", ""}, "invalid_request"},
		"no redirect":             {[]string{"redirect_uri", ""}, "invalid_request"},
		"no client":               {[]string{"client_id", ""}, "invalid_request"},
		"no grant type":           {[]string{"grant_type", ""}, "invalid_request"},
		"another grant type":      {[]string{"grant_type", "password"}, "unsupported_grant_type"},
		"a code as refresh token": {[]string{"grant_type", "refresh_token"}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.refused(t, exchange(b.code(t, authorization(), choice()), c.change...), c.code)
		})
	}
	t.Run("a parameter twice", func(t *testing.T) {
		t.Parallel()
		form := exchange(b.code(t, authorization(), choice()))
		form.Add("code", "other")
		b.refused(t, form, "invalid_request")
	})
	t.Run("an expired code", func(t *testing.T) {
		t.Parallel()
		b := newBrowser(t)
		code := b.code(t, authorization(), choice())
		b.pass(time.Minute)
		b.refused(t, exchange(code), "invalid_grant")
	})
}

func TestAuthorize_TellsTheClientWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for name, c := range map[string]struct {
		change []string
		code   string
	}{
		"the implicit flow":       {[]string{"response_type", "token"}, "unsupported_response_type"},
		"a fragment as answer":    {[]string{"response_mode", "fragment"}, "invalid_request"},
		"no challenge":            {[]string{"code_challenge", ""}, "invalid_request"},
		"a plain challenge":       {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"no challenge method":     {[]string{"code_challenge_method", ""}, "invalid_request"},
		"a lifetime in words":     {[]string{"lifetime", "short"}, "invalid_request"},
		"a lifetime of a day":     {[]string{"lifetime", "86400"}, "invalid_request"},
		"a nonce that is a novel": {[]string{"nonce", strings.Repeat("n", 257)}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{"GET", "POST"} {
				response, _ := b.send(t, method, "authorize?"+authorization(c.change...).Encode(), choice())
				got := parameters(t, response)
				require.Equal(t, c.code, got.Get("error"))
				require.NotEmpty(t, got.Get("error_description"))
				require.Equal(t, "a b&c", got.Get("state"))
				require.Empty(t, got.Get("code"))
			}
		})
	}
	t.Run("the user cancels", func(t *testing.T) {
		t.Parallel()
		response, _ := b.send(t, "POST", "authorize?"+authorization().Encode(), choice("cancel", "yes"))
		require.Equal(t, "access_denied", parameters(t, response).Get("error"))
	})
	t.Run("silent sign-in", func(t *testing.T) {
		t.Parallel()
		response, _ := b.send(t, "GET", "authorize?"+authorization("prompt", "none").Encode(), nil)
		require.Equal(t, "login_required", parameters(t, response).Get("error"))
	})
}

func TestAuthorize_RedirectsOnlyToThisMachine(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for _, target := range []string{
		"", "https://127.0.0.1/", "http://127.0.0.1.example.com/", "http://example.com/", "http://localhost.example.com/",
		"http://localhost@example.com/", "http://user@localhost/", "//localhost/", "/", "javascript:alert(1)", "http://localhost/#a", "http://localhost/#",
		"http://[::1]/", "http://local\x00host/",
	} {
		for _, method := range []string{"GET", "POST"} {
			response, _ := b.send(t, method, "authorize?"+authorization("redirect_uri", target).Encode(), choice())
			require.Equal(t, http.StatusBadRequest, response.StatusCode, target)
			require.Empty(t, response.Header.Get("Location"))
		}
		if target != "" {
			response, _ := b.send(t, "GET", "end_session?post_logout_redirect_uri="+url.QueryEscape(target), nil)
			require.Equal(t, http.StatusBadRequest, response.StatusCode, target)
			require.Empty(t, response.Header.Get("Location"))
		}
	}
	for _, target := range []string{"http://127.0.0.1:8080/", "http://localhost:5173/x?a=1", "http://localhost"} {
		response, _ := b.send(t, "POST", "authorize?"+authorization("redirect_uri", target).Encode(), choice())
		require.Equal(t, http.StatusSeeOther, response.StatusCode, target)
		require.True(t, strings.HasPrefix(response.Header.Get("Location"), target), response.Header.Get("Location"))
	}
	response, _ := b.send(t, "GET", "authorize?"+authorization("client_id", "").Encode(), nil)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
}

func TestPage_NamesEachFault(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	response, body := b.send(t, "POST", "authorize?"+authorization().Encode(),
		choice("role", "king", "tenant", `a#"b`, "sub", "", "name", "<b>"))
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	for _, want := range []string{"Choose a role.", "The tenant must have", "The subject must have", `value="&lt;b&gt;"`, `value="a#&#34;b"`} {
		require.Contains(t, body, want)
	}
}

func TestPage_RunsNoScript(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	response, body := b.send(t, "GET", "authorize?"+authorization("client_id", "<script>").Encode(), nil)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "+
		"form-action 'self' http://127.0.0.1:5173", response.Header.Get("Content-Security-Policy"))
	require.NotContains(t, strings.ToLower(body), "<script")
	require.NotContains(t, body, "style=")
	require.Contains(t, body, `value="admin" required checked`)
	require.Contains(t, body, `name="tenant" value="demo"`)
	response, _ = b.send(t, "GET", "login.css", nil)
	require.Equal(t, "text/css; charset=utf-8", response.Header.Get("Content-Type"))
}

func TestLogin_LetsOnlyPagesOfThisMachineReadAnswers(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for origin, want := range map[string]string{
		"http://127.0.0.1:5173": "http://127.0.0.1:5173", "http://localhost:3000": "http://localhost:3000",
		"http://localhost.example.com": "", "https://localhost": "", "null": "", "": "",
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", b.origin+issuer.LoginPath+"token", nil)
		require.NoError(t, err)
		r.Header.Set("Origin", origin)
		response, err := b.client.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.Header.Get("Access-Control-Allow-Origin"), origin)
	}
}

func TestEndSession_EndsTheRefreshToken(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	_, ended := b.token(t, exchange(b.code(t, authorization(), choice())))
	_, other := b.token(t, exchange(b.code(t, authorization(), choice())))

	response, _ := b.send(t, "GET", "end_session?"+url.Values{
		"id_token_hint": {ended.ID}, "post_logout_redirect_uri": {callback}, "state": {"s"},
	}.Encode(), nil)
	require.Equal(t, url.Values{"state": {"s"}}, parameters(t, response))
	b.refused(t, renewal(ended.Refresh), "invalid_grant")
	status, _ := b.token(t, renewal(other.Refresh))
	require.Equal(t, http.StatusOK, status)

	response, body := b.send(t, "GET", "end_session?id_token_hint=forged", nil)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Contains(t, body, "Signed out")
}

func TestDiscovery_DescribesTheLogin(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	response, body := b.send(t, "GET", ".well-known/openid-configuration", nil)
	require.Equal(t, http.StatusOK, response.StatusCode)
	var metadata map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &metadata))
	require.Equal(t, issuer.Name, metadata["issuer"])
	require.Equal(t, []any{"S256"}, metadata["code_challenge_methods_supported"])
	for name, address := range issuer.Endpoints(b.origin) {
		require.Equal(t, address, metadata[name])
		path := strings.TrimPrefix(address, b.origin+issuer.LoginPath)
		response, _ := b.send(t, "GET", path, nil)
		require.NotEqual(t, http.StatusNotFound, response.StatusCode, name)
	}
	response, _ = b.send(t, "GET", "other", nil)
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}
