package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenFault is an answer of the token endpoint (RFC 6749, section 5.2).
type tokenFault struct{ Code, Description string }

// Error implements error.
func (f *tokenFault) Error() string { return f.Code + ": " + f.Description }

func invalidGrant(description string) *tokenFault {
	return &tokenFault{"invalid_grant", description}
}

// token exchanges a code or a refresh token for tokens.
func (l *Login) token(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		writeTokenFault(w, &tokenFault{"invalid_request", err.Error()})
		return
	}
	var g grant
	var fault *tokenFault
	lifetime := tokenLifetime
	switch form.Get("grant_type") {
	case "authorization_code":
		g, fault = l.exchange(form)
		lifetime = g.lifetime
	case "refresh_token":
		g, fault = l.renew(form)
	case "":
		fault = &tokenFault{"invalid_request", "grant_type is missing"}
	default:
		fault = &tokenFault{"unsupported_grant_type", "grant_type must be authorization_code or refresh_token"}
	}
	if fault != nil {
		writeTokenFault(w, fault)
		return
	}
	body, err := l.tokens(g, lifetime)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func writeTokenFault(w http.ResponseWriter, f *tokenFault) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": f.Code, "error_description": f.Description})
}

// exchange returns the sign-in of a code, which works once: the first request that
// presents it uses it up, even if that request is faulty. A second request ends the
// session of the first, because one of the two may have stolen the code.
func (l *Login) exchange(form url.Values) (grant, *tokenFault) {
	for _, name := range []string{"code", "client_id", "redirect_uri", "code_verifier"} {
		if form.Get(name) == "" {
			return grant{}, &tokenFault{"invalid_request", name + " is missing"}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.codes[form.Get("code")]
	if g == nil || g.expired(l.now(), codeLifetime) {
		return grant{}, invalidGrant("the code is unknown or expired")
	}
	if g.used {
		delete(l.sessions, g.refresh)
		return grant{}, invalidGrant("the code was used before")
	}
	g.used = true
	switch {
	case form.Get("client_id") != g.client:
		return grant{}, invalidGrant("the code was issued to another client")
	case form.Get("redirect_uri") != g.redirectURI.String():
		return grant{}, invalidGrant("the code was issued for another redirect_uri")
	case !matches(form.Get("code_verifier"), g.challenge):
		return grant{}, invalidGrant("code_verifier does not match code_challenge")
	}
	g.refresh = rand.Text()
	l.sessions[g.refresh] = g
	return *g, nil
}

// matches reports whether the challenge is the verifier's by the method S256.
func matches(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(challenge)) == 1
}

// renew returns the sign-in of a refresh token, which stays valid.
func (l *Login) renew(form url.Values) (grant, *tokenFault) {
	for _, name := range []string{"refresh_token", "client_id"} {
		if form.Get(name) == "" {
			return grant{}, &tokenFault{"invalid_request", name + " is missing"}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.sessions[form.Get("refresh_token")]
	switch {
	case g == nil || g.expired(l.now(), refreshLifetime):
		return grant{}, invalidGrant("the refresh token is unknown, expired or ended")
	case form.Get("client_id") != g.client:
		return grant{}, invalidGrant("the refresh token was issued to another client")
	}
	renewed := *g
	renewed.nonce = "" // it belongs to the authorization request
	return renewed, nil
}

// tokens returns the body of a successful answer.
func (l *Login) tokens(g grant, lifetime time.Duration) (map[string]any, error) {
	now := l.now()
	claims := func(more map[string]any) map[string]any {
		all := map[string]any{
			"iss": Name, "sub": g.Subject, "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
			"tenant": g.Tenant, "role": g.Role,
		}
		if g.Name != "" {
			all["name"] = g.Name
		}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	access, err := l.issuer.Sign(claims(map[string]any{"aud": Audience, "client_id": g.client, "scope": g.scope}))
	if err != nil {
		return nil, err
	}
	body := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(lifetime / time.Second),
		"scope": g.scope, "refresh_token": g.refresh,
	}
	if !slices.Contains(strings.Fields(g.scope), "openid") {
		return body, nil
	}
	// OpenID wants the client in aud. The API's audience stands beside it, so that
	// the API accepts the id token too.
	identity := map[string]any{
		"aud": []string{g.client, Audience}, "azp": g.client, "auth_time": g.at.Unix(), "sid": g.id,
	}
	if g.nonce != "" {
		identity["nonce"] = g.nonce
	}
	body["id_token"], err = l.issuer.Sign(claims(identity))
	return body, err
}

// session returns the session of an id token that this issuer signed, expired or not;
// "" for any other text.
func (i *Issuer) session(idToken string) string {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(idToken, claims, func(*jwt.Token) (any, error) { return &i.key.PublicKey, nil })
	if err != nil {
		return ""
	}
	id, _ := claims["sid"].(string)
	return id
}
