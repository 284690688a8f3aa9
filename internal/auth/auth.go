// Package auth turns a token into a caller, and says what a caller may do. It
// knows tokens, the keys that sign them, and the roles of the manifest. It must
// not know the gateway, routes or tables.
//
// Authentication and its refusal happen in two places. API Gateway's HTTP APIs
// have no way for a Lambda authorizer to answer 401: it can only say yes, no
// (403) or fail (500), but clients get themselves a new token on 401. So for a
// bad token the authorizer says yes with a context that holds the refusal and
// nothing else, no tenant and no role. The handler refuses whoever has no tenant
// anyway, and answers with the refusal's status.
package auth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Leeway is how far our clock and the issuer's may be apart.
const Leeway = 30 * time.Second

// MaxSubject is the greatest length of a token's sub, in bytes.
const MaxSubject = 256

// Caller is who calls. The zero Caller is nobody and may do nothing.
type Caller struct {
	Subject   string         // the token's sub, 1 to MaxSubject bytes
	Tenant    journey.Tenant // the zero Tenant unless authenticated
	Role      string         // one of the manifest's
	ExpiresAt time.Time      // UTC, to the second
	Refused   string         // code of a Refusal; "" when authenticated, and for nobody
}

type contextKey struct{}

// NewContext returns ctx with the caller.
func NewContext(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the caller that NewContext stored, nobody without one.
func FromContext(ctx context.Context) Caller {
	c, _ := ctx.Value(contextKey{}).(Caller)
	return c
}

// Names in the authorizer's context. The values are strings, which every
// gateway hands on unchanged.
const (
	contextSubject = "sub"
	contextTenant  = "tenant"
	contextRole    = "role"
	contextExpires = "exp" // seconds since 1970
	contextRefused = "refused"
)

// Authorizer returns the context with which the authorizer answers the
// gateway: for a refused caller the refusal alone.
func (c Caller) Authorizer() map[string]any {
	if c.Refused != "" {
		return map[string]any{contextRefused: c.Refused}
	}
	return map[string]any{
		contextSubject: c.Subject,
		contextTenant:  c.Tenant.String(),
		contextRole:    c.Role,
		contextExpires: strconv.FormatInt(c.ExpiresAt.Unix(), 10),
	}
}

// FromAuthorizer returns the caller of a context that Authorizer made, as the
// gateway hands it to the handlers. Any other context is nobody.
func FromAuthorizer(values map[string]any) Caller {
	text := func(name string) string {
		s, _ := values[name].(string)
		return s
	}
	if code := text(contextRefused); code != "" {
		return Caller{Refused: code}
	}
	tenant, ok := journey.ParseTenant(text(contextTenant))
	expires, err := strconv.ParseInt(text(contextExpires), 10, 64)
	if !ok || err != nil || !validSubject(text(contextSubject)) || !validRole(text(contextRole)) {
		return Caller{}
	}
	return Caller{
		Subject: text(contextSubject), Tenant: tenant, Role: text(contextRole),
		ExpiresAt: time.Unix(expires, 0).UTC(),
	}
}

func validSubject(sub string) bool { return sub != "" && len(sub) <= MaxSubject }

func validRole(role string) bool {
	return slices.Contains([]string{manifest.Admin, manifest.Editor, manifest.Viewer, manifest.Ingest}, role)
}

// May returns nil when the caller is authenticated and has one of roles at
// now, and otherwise a *Refusal. It checks the expiry again, because the
// gateway's cached answers outlive tokens.
func (c Caller) May(roles []string, now time.Time) error {
	switch {
	case c.Refused != "":
		return refusal(c.Refused)
	case c.Tenant == journey.Tenant{}:
		return refusal(TokenMissing)
	case !now.Before(c.ExpiresAt.Add(Leeway)):
		return refusal(TokenExpired)
	case !slices.Contains(roles, c.Role):
		return refusal(RoleNotAllowed)
	}
	return nil
}

// The codes of refusals.
const (
	TokenMissing     = "token-missing"       // no token at all
	TokenMalformed   = "token-malformed"     // not one bearer token in the form of a JWT; too long; no exp or sub
	TokenSignature   = "token-signature"     // no key of the issuer made it, or by an algorithm that is not allowed
	TokenExpired     = "token-expired"       // exp is past
	TokenNotYetValid = "token-not-yet-valid" // nbf is to come
	TokenIssuer      = "token-issuer"        // iss is another or missing
	TokenAudience    = "token-audience"      // aud is another or missing
	TenantInvalid    = "tenant-invalid"      // no tenant claim, or one in another form; 403
	RoleUnknown      = "role-unknown"        // no role claim, or none of our roles; 403
	RoleNotAllowed   = "role-not-allowed"    // the role may not make this call; 403
)

var details = map[string]string{
	TokenMissing:     "Send a token: Authorization: Bearer <JWT>.",
	TokenMalformed:   "The Authorization header must hold one bearer token: a JWT of at most 8 KB, with sub and exp.",
	TokenSignature:   "The token was not signed by a key of the issuer.",
	TokenExpired:     "The token has expired. Get a new one.",
	TokenNotYetValid: "The token is not valid yet.",
	TokenIssuer:      "The token is from another issuer.",
	TokenAudience:    "The token is for another audience.",
	TenantInvalid:    "The token's tenant claim must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -.",
	RoleUnknown:      "The token's role claim must be admin, editor, viewer or ingest.",
	RoleNotAllowed:   "The token's role may not make this call.",
}

// Refusal is an error: why a caller may not do what they ask. Every field is
// safe to show to the caller.
type Refusal struct {
	Status int    // 401: get a new token; 403: a new one would not help
	Code   string // one of the codes above
	Detail string // a sentence for a person
}

// refusal returns the Refusal of a code. A code that is not ours refuses too:
// it comes from an authorizer of another version.
func refusal(code string) *Refusal {
	detail, ok := details[code]
	if !ok {
		return refusal(TokenMalformed)
	}
	status := http.StatusUnauthorized
	switch code {
	case TenantInvalid, RoleUnknown, RoleNotAllowed:
		status = http.StatusForbidden
	}
	return &Refusal{status, code, detail}
}

// Error returns the code and the detail.
func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

// Challenge returns the value of the WWW-Authenticate header that belongs to
// the refusal (RFC 6750), "" when none does.
func (r *Refusal) Challenge() string {
	switch {
	case r.Status != http.StatusUnauthorized:
		return ""
	case r.Code == TokenMissing:
		return "Bearer"
	}
	return fmt.Sprintf(`Bearer error="invalid_token", error_description="%s"`, r.Detail)
}
