package issuer

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"journeys/internal/auth"
	"journeys/internal/ident"
	"journeys/internal/manifest"
)

// maxText is the maximum length in bytes of each parameter that ends in a token.
const maxText = 256

// request is a valid authorization request.
type request struct {
	client      string
	redirectURI *url.URL
	state       string
	nonce       string
	scope       string
	challenge   string        // base64url of the SHA-256 of the verifier
	lifetime    time.Duration // of the first tokens
}

// requestFault is why an authorization request is refused. It goes to the client by a
// redirect, unless the request does not name a client that may be redirected to.
type requestFault struct {
	request           request
	code, description string
}

func (r request) fail(code, description string) *requestFault {
	return &requestFault{r, code, description}
}

func (f *requestFault) answer(w http.ResponseWriter, r *http.Request) {
	if f.request.redirectURI == nil {
		showMessage(w, http.StatusBadRequest, "This sign-in cannot start", f.description+".")
		return
	}
	redirect(w, r, f.request.redirectURI,
		url.Values{"error": {f.code}, "error_description": {f.description}}, f.request.state)
}

// challengeForm matches a code challenge of the method S256.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func readRequest(query url.Values) (r request, fault *requestFault) {
	if name := repeated(query); name != "" {
		return r, r.fail("invalid_request", name+" is given twice")
	}
	address, err := parseRedirect(query.Get("redirect_uri"))
	if err != nil {
		return r, r.fail("invalid_request", "redirect_uri "+err.Error())
	}
	if r.client = query.Get("client_id"); r.client == "" || len(r.client) > maxText {
		return r, r.fail("invalid_request", fmt.Sprintf("client_id must have 1 to %d bytes", maxText))
	}
	r.redirectURI, r.state = address, query.Get("state")
	r.nonce, r.scope, r.challenge = query.Get("nonce"), query.Get("scope"), query.Get("code_challenge")
	switch {
	case query.Get("response_type") != "code":
		return r, r.fail("unsupported_response_type", "response_type must be code")
	case cmp.Or(query.Get("response_mode"), "query") != "query":
		return r, r.fail("invalid_request", "response_mode must be query")
	case query.Get("code_challenge_method") != "S256":
		return r, r.fail("invalid_request", "code_challenge_method must be S256")
	case !challengeForm.MatchString(r.challenge):
		return r, r.fail("invalid_request", "code_challenge must have 43 characters of A-Z, a-z, 0-9, - and _")
	case len(r.nonce) > maxText || len(r.scope) > maxText:
		return r, r.fail("invalid_request", fmt.Sprintf("nonce and scope must have at most %d bytes", maxText))
	}
	if r.lifetime, err = parseLifetime(query.Get("lifetime")); err != nil {
		return r, r.fail("invalid_request", err.Error())
	}
	return r, nil
}

// repeated returns the name of a parameter that is given more than once, which
// RFC 6749 forbids; "" for none.
func repeated(values url.Values) string {
	for name, list := range values {
		if len(list) > 1 {
			return name
		}
	}
	return ""
}

// parseRedirect accepts only addresses of this machine, so that no other site ever gets
// a code.
func parseRedirect(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "http" || !slices.Contains([]string{"127.0.0.1", "localhost"}, address.Hostname()) ||
		address.User != nil || strings.Contains(text, "#") {
		return nil, errors.New("must be an address at http://127.0.0.1 or http://localhost, without fragment")
	}
	return address, nil
}

// parseLifetime parses the parameter lifetime, which the login has for tests: seconds,
// from -60 for a token that is expired from the start, beyond the API's leeway.
func parseLifetime(text string) (time.Duration, error) {
	if text == "" {
		return tokenLifetime, nil
	}
	const least, most = -60, int(lifetime / time.Second)
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < least || seconds > most {
		return 0, fmt.Errorf("lifetime must be a number of seconds from %d to %d", least, most)
	}
	return time.Duration(seconds) * time.Second, nil
}

// person is what the user of the page chose.
type person struct{ Role, Tenant, Name, Subject string }

// developer is the preset choice. Its subject is that of Token.
var developer = person{Role: manifest.Admin, Tenant: "demo", Name: "Developer", Subject: subject}

// readPerson returns the choice in the form as it came, and its faults.
func readPerson(form url.Values) (person, []string) {
	p := person{form.Get("role"), form.Get("tenant"), form.Get("name"), form.Get("sub")}
	var faults []string
	if !slices.ContainsFunc(roles, func(r role) bool { return r.Name == p.Role }) {
		faults = append(faults, "Choose a role.")
	}
	if _, ok := ident.ParseTenant(p.Tenant); !ok {
		faults = append(faults, "The tenant must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -.")
	}
	if len(p.Name) > maxText {
		faults = append(faults, fmt.Sprintf("The name must have at most %d bytes.", maxText))
	}
	if p.Subject == "" || len(p.Subject) > auth.MaxSubject {
		faults = append(faults, fmt.Sprintf("The subject must have 1 to %d bytes.", auth.MaxSubject))
	}
	return p, faults
}

// maxForm is the maximum length of a form in bytes.
const maxForm = 64 << 10

// readForm returns the body of a request as a form, without the query.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, errors.New("the body must be a form")
	}
	if name := repeated(r.PostForm); name != "" {
		return nil, errors.New(name + " is given twice")
	}
	return r.PostForm, nil
}
