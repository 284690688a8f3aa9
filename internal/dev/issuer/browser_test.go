package issuer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/dev/issuer"
)

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	callback = "http://127.0.0.1:5173/"
)

// browser is a client of a login, with a clock that tests set.
type browser struct {
	origin string
	client *http.Client

	mu  sync.Mutex
	now time.Time
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	i, err := issuer.Open(t.TempDir())
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(nil)
	b := &browser{
		origin: "http://" + server.Listener.Addr().String(), now: time.Now(),
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	server.Config.Handler = issuer.NewLogin(i, b.origin, b.clock)
	server.Start()
	t.Cleanup(server.Close)
	return b
}

func (b *browser) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *browser) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// send sends a request, whose body is a form if there is one.
func (b *browser) send(t *testing.T, method, path string, form url.Values) (*http.Response, string) {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, b.origin+issuer.LoginPath+path, body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := b.client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(text)
}

// with returns values with changes: names and values in turn. An empty value removes
// the name.
func with(values url.Values, changes ...string) url.Values {
	changed := maps.Clone(values)
	for i := 0; i < len(changes); i += 2 {
		changed.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			changed.Del(changes[i])
		}
	}
	return changed
}

func authorization(changes ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return with(url.Values{
		"response_type": {"code"}, "client_id": {"console"}, "redirect_uri": {callback}, "scope": {"openid"},
		"state": {"a b&c"}, "nonce": {"n-1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}, changes...)
}

func choice(changes ...string) url.Values {
	return with(url.Values{"role": {"editor"}, "tenant": {"acme"}, "name": {"Example Editor"}, "sub": {"editor-1"}}, changes...)
}

// parameters returns the query of a redirect to the client.
func parameters(t *testing.T, response *http.Response) url.Values {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, response.StatusCode)
	require.True(t, strings.HasPrefix(response.Header.Get("Location"), callback), response.Header.Get("Location"))
	target, err := url.Parse(response.Header.Get("Location"))
	require.NoError(t, err)
	return target.Query()
}

// code signs in and returns the code.
func (b *browser) code(t *testing.T, query, form url.Values) string {
	t.Helper()
	response, body := b.send(t, "POST", "authorize?"+query.Encode(), form)
	require.Equal(t, http.StatusSeeOther, response.StatusCode, body)
	got := parameters(t, response)
	require.Equal(t, query.Get("state"), got.Get("state"))
	require.NotEmpty(t, got.Get("code"))
	return got.Get("code")
}

func exchange(code string, changes ...string) url.Values {
	return with(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"console"}, "redirect_uri": {callback},
		"code": {code}, "code_verifier": {verifier},
	}, changes...)
}

func renewal(token string, changes ...string) url.Values {
	return with(url.Values{"grant_type": {"refresh_token"}, "client_id": {"console"}, "refresh_token": {token}}, changes...)
}

type answer struct {
	Access      string `json:"access_token"`
	ID          string `json:"id_token"`
	Refresh     string `json:"refresh_token"`
	Type        string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (b *browser) token(t *testing.T, form url.Values) (int, answer) {
	t.Helper()
	response, body := b.send(t, "POST", "token", form)
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	var a answer
	require.NoError(t, json.Unmarshal([]byte(body), &a), body)
	return response.StatusCode, a
}

// refused asserts that a token request is refused as RFC 6749 says.
func (b *browser) refused(t *testing.T, form url.Values, code string) {
	t.Helper()
	status, a := b.token(t, form)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, code, a.Error, a.Description)
	require.Empty(t, a.Access)
	require.Empty(t, a.Refresh)
}

func claimsOf(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(token, claims)
	require.NoError(t, err)
	return claims
}

// caller returns what the API's verifier takes from a token.
func (b *browser) caller(t *testing.T, token string) auth.Caller {
	t.Helper()
	v, err := auth.NewVerifier(auth.Settings{
		Issuer: issuer.Name, Audience: issuer.Audience, JWKSURL: issuer.Endpoints(b.origin)["jwks_uri"],
		TenantClaim: "tenant", RoleClaim: "role",
	}, http.DefaultClient, b.clock)
	require.NoError(t, err)
	caller, err := v.Verify(t.Context(), "Bearer "+token)
	require.NoError(t, err)
	return caller
}
