package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
)

// RoundTrip implements http.RoundTripper without a server.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.answer(w, r)
	return w.Result(), nil
}

// clock is a clock that the test moves.
type clock struct{ now time.Time }

func (c *clock) read() time.Time         { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// forged returns the header for a token with an unknown key id.
func forged(t *testing.T, n int) string {
	t.Helper()
	return sign(t, jwt.SigningMethodES256, foreignEC(), map[string]any{"kid": fmt.Sprint("forged-", n)}, claims(nil))
}

// long returns the header for a good token that is valid for three days.
func long(t *testing.T) string {
	t.Helper()
	return good(t, map[string]any{"exp": start.Add(72 * time.Hour).Unix()})
}

func requireAccepted(t *testing.T, v *auth.Verifier, header string) {
	t.Helper()
	caller, err := v.Verify(t.Context(), header)
	require.NoError(t, err)
	require.Equal(t, "acme", caller.Tenant.String(), "refused: %s", caller.Refused)
}

func requireRefused(t *testing.T, v *auth.Verifier, header string) {
	t.Helper()
	caller, err := v.Verify(t.Context(), header)
	require.NoError(t, err)
	require.Equal(t, auth.TokenSignature, caller.Refused)
}

func TestKeys_FetchedOnce(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	v := i.verifier(t, at(start))
	require.Zero(t, i.count(), "before the first token")
	for range 20 {
		requireAccepted(t, v, long(t))
	}
	require.Equal(t, 1, i.count())
}

func TestKeys_ForgedTokensCauseOneFetchPerPause(t *testing.T) {
	t.Parallel()

	for _, warm := range []bool{false, true} {
		t.Run(fmt.Sprint("warm: ", warm), func(t *testing.T) {
			t.Parallel()

			i := newIssuer(t)
			c := &clock{start}
			v := i.verifier(t, c.read)
			before := 0
			if warm {
				requireAccepted(t, v, long(t))
				before = i.count()
			}
			for n := range 50 {
				requireRefused(t, v, forged(t, n))
			}
			require.Equal(t, before+1, i.count())
			requireAccepted(t, v, long(t))

			c.advance(31 * time.Second)
			for n := range 50 {
				requireRefused(t, v, forged(t, n))
			}
			require.Equal(t, before+2, i.count(), "one more after the pause")
		})
	}
}

func TestKeys_BadSignatureOfAKnownKeyCausesNoFetch(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	v := i.verifier(t, at(start))
	requireAccepted(t, v, long(t))
	bad := sign(t, jwt.SigningMethodES256, foreignEC(), map[string]any{"kid": "p256-1"}, claims(nil))
	for range 50 {
		requireRefused(t, v, bad)
	}
	require.Equal(t, 1, i.count())
}

func TestKeys_ForbiddenAlgorithmCausesNoFetch(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	v := i.verifier(t, at(start))
	requireRefused(t, v, sign(t, jwt.SigningMethodHS256, []byte("secret"), map[string]any{"kid": "rsa-1"}, claims(nil)))
	requireRefused(t, v, sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, claims(nil)))
	require.Zero(t, i.count())
}

func TestKeys_RotatedKeyWorksAtOnce(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	c := &clock{start}
	v := i.verifier(t, c.read)
	requireAccepted(t, v, long(t))
	i.publish(
		merge(jwkOf(&p256Key().PublicKey), map[string]any{"kid": "p256-1"}),
		merge(jwkOf(&foreignEC().PublicKey), map[string]any{"kid": "p256-2"}),
	)
	c.advance(time.Second)
	requireAccepted(t, v, sign(t, jwt.SigningMethodES256, foreignEC(), map[string]any{"kid": "p256-2"}, claims(nil)))
	requireAccepted(t, v, long(t))
}

func TestKeys_RotatedKeyWorksWithin30SecondsOfAFlood(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	c := &clock{start}
	v := i.verifier(t, c.read)
	requireRefused(t, v, forged(t, 1))
	i.publish(merge(jwkOf(&foreignEC().PublicKey), map[string]any{"kid": "p256-2"}))
	rotated := sign(t, jwt.SigningMethodES256, foreignEC(), map[string]any{"kid": "p256-2"}, claims(nil))
	requireRefused(t, v, rotated)
	c.advance(30 * time.Second)
	requireAccepted(t, v, rotated)
}

func TestKeys_WithdrawnKeyStopsWithin15Minutes(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	c := &clock{start}
	v := i.verifier(t, c.read)
	requireAccepted(t, v, long(t))
	i.publish(merge(jwkOf(&foreignEC().PublicKey), map[string]any{"kid": "p256-2"}))
	c.advance(15*time.Minute - time.Second)
	requireAccepted(t, v, long(t))
	c.advance(time.Second)
	requireRefused(t, v, long(t))
}

func TestKeys_KnownKeysSurviveAnIssuerThatIsDown(t *testing.T) {
	t.Parallel()

	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	i := newIssuer(t)
	c := &clock{start}
	v := i.verifier(t, c.read)
	requireAccepted(t, v, long(t))

	i.answerBy(down)
	c.advance(23*time.Hour + 59*time.Minute)
	for range 50 {
		requireAccepted(t, v, long(t))
	}
	require.Equal(t, 2, i.count(), "50 calls with old keys cause one attempt")

	_, err := v.Verify(t.Context(), forged(t, 1))
	require.ErrorContains(t, err, "keys cannot be fetched", "a forged token cannot be told from a new key")

	c.advance(time.Minute)
	_, err = v.Verify(t.Context(), long(t))
	require.ErrorContains(t, err, "502 Bad Gateway", "keys of a day ago are not used")
}

func TestKeys_RecoverWithTheIssuer(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	published := i.answer
	c := &clock{start}
	v := i.verifier(t, c.read)
	i.answerBy(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	for range 50 {
		_, err := v.Verify(t.Context(), long(t))
		require.Error(t, err)
	}
	require.Equal(t, 1, i.count())

	i.answerBy(published)
	c.advance(5 * time.Second)
	requireAccepted(t, v, long(t))
}

func TestKeys_KnownKeysSurviveASlowIssuer(t *testing.T) {
	t.Parallel()

	i := newIssuer(t)
	c := &clock{start}
	v := i.verifier(t, c.read)
	requireAccepted(t, v, long(t))
	gaveUp := make(chan struct{})
	i.answerBy(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gaveUp)
	})
	c.advance(time.Hour)
	requireAccepted(t, v, long(t))
	<-gaveUp
	requireAccepted(t, v, long(t))
	require.Equal(t, 2, i.count())
}

func TestKeys_RefuseBadAnswersOfTheIssuer(t *testing.T) {
	t.Parallel()

	write := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
	}
	weak := `{"keys":[{"kty":"RSA","kid":"p256-1","n":"AQAB","e":"AQAB"},
		{"kty":"EC","crv":"P-256","kid":"p256-1","x":"AA","y":"AA"},
		{"kty":"OKP","crv":"Ed25519","kid":"p256-1","x":"AA"}]}`
	cases := []struct {
		name   string
		answer http.HandlerFunc
		text   string
	}{
		{"not JSON", write("<html>"), "invalid character"},
		{"no keys", write(`{"keys":[]}`), "no usable key"},
		{"weak keys and points off their curve", write(weak), "no usable key"},
		{"more than a megabyte", write(`{"keys":[` + strings.Repeat(" ", 1<<20) + `]}`), "more than 1048576 bytes"},
		{"a redirect", http.RedirectHandler("/", http.StatusFound).ServeHTTP, "302 Found"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			i := newIssuer(t)
			i.answerBy(c.answer)
			_, err := i.verifier(t, at(start)).Verify(t.Context(), good(t, nil))
			require.ErrorContains(t, err, c.text)
			require.Equal(t, 1, i.count())
		})
	}
}

func TestNewVerifier_RequiresASafeAddress(t *testing.T) {
	t.Parallel()

	cases := map[string]bool{
		"https://issuer.example/keys":           true,
		"http://127.0.0.1:8080/keys":            true,
		"http://[::1]:8080/keys":                true,
		"http://localhost/keys":                 true,
		"http://host.docker.internal:8080/keys": true,
		"http://issuer.example/keys":            false,
		"http://localhost.issuer.example/keys":  false,
		"file:///etc/keys":                      false,
		"issuer.example/keys":                   false,
		"https:///keys":                         false,
		"https://[":                             false,
	}
	for address, ok := range cases {
		_, err := auth.NewVerifier(auth.Settings{JWKSURL: address}, &http.Client{}, at(start))
		require.Equal(t, ok, err == nil, "%s: %v", address, err)
	}
}
