package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/manifest"
)

// consoleConfig is what a browser learns from config.json.
type consoleConfig struct {
	ClientID string            `json:"clientId"`
	Scope    string            `json:"scope"`
	Metadata map[string]string `json:"metadata"`
}

// signedIn are the tokens that a browser gets.
type signedIn struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
}

// sendForm sends a form, if there is one, and returns the answer without following its
// redirect.
func sendForm(t *testing.T, method, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func readConfig(t *testing.T) (c consoleConfig) {
	t.Helper()
	response, body := sendForm(t, "GET", target.url+manifest.ConsoleConfig.Path, nil)
	require.Equal(t, http.StatusOK, response.StatusCode, body)
	require.NoError(t, json.Unmarshal([]byte(body), &c))
	return c
}

// signIn signs in as the console does: by the page, back to the console with a code, and
// by the code to tokens.
func (c consoleConfig) signIn(t *testing.T, choice url.Values, lifetime string) (tokens signedIn) {
	t.Helper()
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	page := c.Metadata["authorization_endpoint"] + "?" + url.Values{
		"response_type": {"code"}, "client_id": {c.ClientID}, "scope": {c.Scope}, "redirect_uri": {target.url + "/"},
		"state": {"s-1"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"lifetime": {lifetime},
	}.Encode()
	response, body := sendForm(t, "GET", page, nil)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Contains(t, body, "<form method=\"post\"")
	response, _ = sendForm(t, "POST", page, choice)
	require.Equal(t, http.StatusSeeOther, response.StatusCode)
	back, err := url.Parse(response.Header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "s-1", back.Query().Get("state"))
	response, body = sendForm(t, "GET", back.String(), nil)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Contains(t, body, "<html")
	return c.token(t, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {c.ClientID}, "redirect_uri": {target.url + "/"},
		"code": {back.Query().Get("code")}, "code_verifier": {verifier},
	})
}

func (c consoleConfig) token(t *testing.T, form url.Values) (tokens signedIn) {
	t.Helper()
	response, body := sendForm(t, "POST", c.Metadata["token_endpoint"], form)
	require.Equal(t, http.StatusOK, response.StatusCode, body)
	require.NoError(t, json.Unmarshal([]byte(body), &tokens))
	return tokens
}

func choose(role, tenant string) url.Values {
	return url.Values{"role": {role}, "tenant": {tenant}, "name": {"Example"}, "sub": {"example"}}
}

func TestLocal_SignedInUserCallsTheAPI(t *testing.T) {
	t.Parallel()
	config, tenant := readConfig(t), newTenant()
	for _, address := range config.Metadata {
		require.True(t, strings.HasPrefix(address, target.url+"/"), "%s needs no other origin", address)
	}
	tokens := config.signIn(t, choose(manifest.Editor, tenant), "")
	path := as(t, manifest.Editor, tenant).create("Of the tenant", wholeGraph)
	for _, token := range []string{tokens.Access, tokens.ID} {
		caller{t, token}.must(http.StatusOK, "GET", path, "")
		caller{t, token}.refused(http.StatusForbidden, auth.RoleNotAllowed, "DELETE", path, "")
	}
	other := config.signIn(t, choose(manifest.Admin, newTenant()), "")
	caller{t, other.Access}.must(http.StatusNotFound, "GET", path, "")
}

func TestLocal_ExpiredTokenIsRenewed(t *testing.T) {
	t.Parallel()
	config, tenant := readConfig(t), newTenant()
	tokens := config.signIn(t, choose(manifest.Admin, tenant), "-60")
	caller{t, tokens.Access}.refused(http.StatusUnauthorized, auth.TokenExpired, "GET", "/journeys", "")
	renewed := config.token(t, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {config.ClientID}, "refresh_token": {tokens.Refresh},
	})
	caller{t, renewed.Access}.must(http.StatusOK, "GET", "/journeys", "")
}
