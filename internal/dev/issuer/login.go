package issuer

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// LoginPath is the prefix of the login's paths, on the same server as the API.
const LoginPath = "/_local/login/"

// Lifetimes of the login.
const (
	codeLifetime    = time.Minute    // of an authorization code
	tokenLifetime   = time.Hour      // of access and id tokens, unless the request asks for another
	refreshLifetime = 12 * time.Hour // of a refresh token, from the sign-in
)

// Login is an OpenID provider for browsers on this machine: authorization code with
// PKCE (RFC 6749, RFC 7636) and refresh tokens, for any public client. It knows no
// passwords: the page lets its user choose role, tenant, name and subject. What it
// issued is forgotten when the process ends.
type Login struct {
	issuer *Issuer
	origin string
	now    func() time.Time
	mux    *http.ServeMux

	mu       sync.Mutex
	codes    map[string]*grant // used ones too, until they expire
	sessions map[string]*grant // by refresh token
}

// grant is a sign-in that a client may exchange for tokens.
type grant struct {
	request
	person

	at      time.Time // of the sign-in
	id      string    // claim sid
	refresh string    // refresh token; "" before the code was exchanged
	used    bool      // its code was presented
}

// NewLogin returns the login that is served at LoginPath of origin, such as
// http://127.0.0.1:8080.
func NewLogin(i *Issuer, origin string, now func() time.Time) *Login {
	l := &Login{
		issuer: i, origin: origin, now: now, mux: http.NewServeMux(),
		codes: map[string]*grant{}, sessions: map[string]*grant{},
	}
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET " + LoginPath + ".well-known/openid-configuration": l.discovery,
		"GET " + LoginPath + "jwks.json":                        i.ServeHTTP,
		"GET " + LoginPath + "login.css":                        serveStyle,
		"GET " + LoginPath + "authorize":                        l.showForm,
		"POST " + LoginPath + "authorize":                       l.signIn,
		"POST " + LoginPath + "token":                           l.token,
		"GET " + LoginPath + "end_session":                      l.endSession,
	} {
		l.mux.HandleFunc(pattern, handler)
	}
	return l
}

// ServeHTTP serves everything below LoginPath, to pages of this machine's origins only.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// Pages of another port, such as a front end under development, may read answers.
	if origin, err := parseRedirect(r.Header.Get("Origin")); err == nil {
		w.Header().Set("Access-Control-Allow-Origin", origin.String())
		w.Header().Set("Vary", "Origin")
	}
	l.mux.ServeHTTP(w, r)
}

// Endpoints returns the addresses of the login at origin, by their names in OpenID
// metadata.
func Endpoints(origin string) map[string]string {
	at := origin + LoginPath
	return map[string]string{
		"authorization_endpoint": at + "authorize", "token_endpoint": at + "token",
		"jwks_uri": at + "jwks.json", "end_session_endpoint": at + "end_session",
	}
}

func (l *Login) discovery(w http.ResponseWriter, _ *http.Request) {
	metadata := map[string]any{
		"issuer":                                Name,
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid"},
		"claims_supported":                      []string{"sub", "tenant", "role", "name"},
	}
	for name, address := range Endpoints(l.origin) {
		metadata[name] = address
	}
	writeJSON(w, http.StatusOK, metadata)
}

// showForm answers an authorization request with the form that signIn reads.
func (l *Login) showForm(w http.ResponseWriter, r *http.Request) {
	request, fault := readRequest(r.URL.Query())
	switch {
	case fault != nil:
		fault.answer(w, r)
	case r.URL.Query().Get("prompt") == "none":
		// There is no session to continue silently.
		request.fail("login_required", "the user must choose").answer(w, r)
	default:
		showPage(w, http.StatusOK, request, page{person: developer})
	}
}

// signIn redirects to the client with a code for the person in the form.
func (l *Login) signIn(w http.ResponseWriter, r *http.Request) {
	request, fault := readRequest(r.URL.Query())
	if fault != nil {
		fault.answer(w, r)
		return
	}
	form, err := readForm(w, r)
	if err != nil {
		showPage(w, http.StatusBadRequest, request, page{person: developer, Faults: []string{err.Error()}})
		return
	}
	if form.Has("cancel") {
		request.fail("access_denied", "the user canceled").answer(w, r)
		return
	}
	person, faults := readPerson(form)
	if len(faults) > 0 {
		showPage(w, http.StatusBadRequest, request, page{person: person, Faults: faults})
		return
	}
	code := l.newCode(request, person)
	redirect(w, r, request.redirectURI, url.Values{"code": {code}}, request.state)
}

// newCode stores a sign-in and returns its authorization code.
func (l *Login) newCode(r request, p person) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetExpired()
	code := rand.Text()
	l.codes[code] = &grant{request: r, person: p, at: l.now(), id: rand.Text()}
	return code
}

func (l *Login) forgetExpired() {
	for code, g := range l.codes {
		if g.expired(l.now(), codeLifetime) {
			delete(l.codes, code)
		}
	}
	for token, g := range l.sessions {
		if g.expired(l.now(), refreshLifetime) {
			delete(l.sessions, token)
		}
	}
}

func (g *grant) expired(now time.Time, lifetime time.Duration) bool {
	return !now.Before(g.at.Add(lifetime))
}

// endSession ends the session of id_token_hint, if there is one, and redirects to
// post_logout_redirect_uri.
func (l *Login) endSession(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	l.end(l.issuer.session(query.Get("id_token_hint")))
	target := query.Get("post_logout_redirect_uri")
	if target == "" {
		showMessage(w, http.StatusOK, "Signed out", "You can close this page.")
		return
	}
	address, err := parseRedirect(target)
	if err != nil {
		showMessage(w, http.StatusBadRequest, "Signed out", "post_logout_redirect_uri "+err.Error()+".")
		return
	}
	redirect(w, r, address, nil, query.Get("state"))
}

// end makes the refresh token of a session invalid.
func (l *Login) end(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for token, g := range l.sessions {
		if g.id == session {
			delete(l.sessions, token)
		}
	}
}

// redirect redirects the browser to a client. State is left out if it is empty.
func redirect(w http.ResponseWriter, r *http.Request, target *url.URL, parameters url.Values, state string) {
	to := *target
	query := to.Query()
	for name, values := range parameters {
		query[name] = values
	}
	if state != "" {
		query.Set("state", state)
	}
	to.RawQuery = query.Encode()
	// 303 turns the POST of the form into a GET.
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
