// Package auth turns a token into a caller and decides what a caller may do. It
// knows tokens, the keys that sign them and the manifest's roles, but not the
// gateway, routes or tables.
//
// The authorizer authenticates, and the endpoint's handler refuses. A Lambda
// authorizer of an HTTP API cannot answer 401: it can allow, deny (403) or fail
// (500), but clients fetch a new token only on 401. So the authorizer allows a bad
// token with a context that contains nothing but the refusal. The handler refuses
// every caller without a tenant, with the status of the refusal.
package auth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"journeys/internal/ident"
)

// Leeway is the accepted difference between the clocks of the issuer and the
// service.
const Leeway = 30 * time.Second

// Maximum lengths of what a token says about its user.
const (
	MaxSubject = 256 // bytes of the sub; a token with a longer one is refused
	MaxName    = 128 // characters of the name, which is cut there
)

// Caller is the authenticated sender of a request. The zero Caller is not
// authenticated and may do nothing.
type Caller struct {
	Subject   string       // the token's sub, 1 to MaxSubject bytes
	Name      string       // the token's name, at most MaxName characters, none of them a control character; "" for none
	Tenant    ident.Tenant // the zero Tenant unless authenticated
	Role      string       // one of the manifest's
	ExpiresAt time.Time    // UTC, to the second
	Refused   string       // code of a Refusal; "" if authenticated, and in the zero Caller
}

type contextKey struct{}

// NewContext returns a context that carries the caller.
func NewContext(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the caller that NewContext stored, the zero Caller if there
// is none.
func FromContext(ctx context.Context) Caller {
	c, _ := ctx.Value(contextKey{}).(Caller)
	return c
}

// Names in the authorizer's context. All values are strings, since every gateway
// passes strings on unchanged.
const (
	contextSubject = "sub"
	contextName    = "name" // absent if there is none
	contextTenant  = "tenant"
	contextRole    = "role"
	contextExpires = "exp" // seconds since 1970
	contextRefused = "refused"
)

// Authorizer returns the caller as the authorizer's context. For a refused caller
// it contains only the refusal.
func (c Caller) Authorizer() map[string]any {
	if c.Refused != "" {
		return map[string]any{contextRefused: c.Refused}
	}
	values := map[string]any{
		contextSubject: c.Subject,
		contextTenant:  c.Tenant.String(),
		contextRole:    c.Role,
		contextExpires: strconv.FormatInt(c.ExpiresAt.Unix(), 10),
	}
	if c.Name != "" {
		values[contextName] = c.Name
	}
	return values
}

// FromAuthorizer returns the caller of a context that Authorizer returned and the
// gateway passed on. Any other context yields the zero Caller.
func FromAuthorizer(values map[string]any) Caller {
	text := func(name string) string {
		s, _ := values[name].(string)
		return s
	}
	if code := text(contextRefused); code != "" {
		return Caller{Refused: code}
	}
	tenant, ok := ident.ParseTenant(text(contextTenant))
	expires, err := strconv.ParseInt(text(contextExpires), 10, 64)
	if !ok || err != nil || !validSubject(text(contextSubject)) || !validRole(text(contextRole)) {
		return Caller{}
	}
	return Caller{
		Subject: text(contextSubject), Name: nameOf(text(contextName)), Tenant: tenant, Role: text(contextRole),
		ExpiresAt: time.Unix(expires, 0).UTC(),
	}
}

// nameOf returns the name that is shown of a user: the text without the spaces around it,
// cut at MaxName characters. It is "" if the text is not UTF-8 or has control characters.
func nameOf(text string) string {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return ""
	}
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > MaxName {
		text = strings.TrimSpace(string(runes[:MaxName]))
	}
	return text
}

func validSubject(sub string) bool { return sub != "" && len(sub) <= MaxSubject }

// May returns nil if the caller is authenticated at now and has one of roles, and
// otherwise a *Refusal. It checks the expiry again, since the gateway's cache may
// outlive the token.
func (c Caller) May(roles []string, now time.Time) error {
	switch {
	case c.Refused != "":
		return newRefusal(c.Refused)
	case c.Tenant == ident.Tenant{}:
		return newRefusal(TokenMissing)
	case !now.Before(c.ExpiresAt.Add(Leeway)):
		return newRefusal(TokenExpired)
	case !slices.Contains(roles, c.Role):
		return newRefusal(RoleNotAllowed)
	}
	return nil
}

// The codes of refusals. The status is 401 where no other is noted.
const (
	TokenMissing     = "token-missing"       // no token
	TokenMalformed   = "token-malformed"     // not a single bearer JWT, too long, or without exp or sub
	TokenSignature   = "token-signature"     // not signed by a key of the issuer with an allowed algorithm
	TokenExpired     = "token-expired"       // exp is in the past
	TokenNotYetValid = "token-not-yet-valid" // nbf is in the future
	TokenIssuer      = "token-issuer"        // iss is missing or another
	TokenAudience    = "token-audience"      // aud is another, or missing without a client_id that the settings accept
	TenantInvalid    = "tenant-invalid"      // the tenant claim is missing or malformed; 403
	RoleUnknown      = "role-unknown"        // the role claim is missing or has no role of the manifest; 403
	RoleNotAllowed   = "role-not-allowed"    // the role may not call this route; 403
)

var details = map[string]string{
	TokenMissing:     "Send a token: Authorization: Bearer <JWT>.",
	TokenMalformed:   "The Authorization header must hold one bearer token: a JWT of at most 8 KB, with sub and exp.",
	TokenSignature:   "The token was not signed by a key of the issuer.",
	TokenExpired:     "The token has expired. Get a new one.",
	TokenNotYetValid: "The token is not valid yet.",
	TokenIssuer:      "The token is from another issuer.",
	TokenAudience:    "The token is for another audience: neither its aud nor the client_id of an access token without aud is accepted here.",
	TenantInvalid:    "The token's tenant claim must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -.",
	RoleUnknown:      "The token's role claim must be admin, editor, viewer or ingest, or a list with one of them.",
	RoleNotAllowed:   "The token's role may not make this call.",
}

// Refusal is the error for a caller that may not make a call. Every field is safe
// to show to the caller.
type Refusal struct {
	Status int    // 401 if a new token would help, else 403
	Code   string // one of the codes above
	Detail string // one sentence for people
}

// newRefusal returns the Refusal with that code. An unknown code, from an
// authorizer of another version, becomes TokenMalformed.
func newRefusal(code string) *Refusal {
	detail, ok := details[code]
	if !ok {
		return newRefusal(TokenMalformed)
	}
	status := http.StatusUnauthorized
	switch code {
	case TenantInvalid, RoleUnknown, RoleNotAllowed:
		status = http.StatusForbidden
	}
	return &Refusal{status, code, detail}
}

// Error implements error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

// Challenge returns the value of the WWW-Authenticate header (RFC 6750), "" for a
// refusal without one.
func (r *Refusal) Challenge() string {
	switch {
	case r.Status != http.StatusUnauthorized:
		return ""
	case r.Code == TokenMissing:
		return "Bearer"
	}
	return fmt.Sprintf(`Bearer error="invalid_token", error_description="%s"`, r.Detail)
}
