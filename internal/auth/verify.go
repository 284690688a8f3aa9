package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"journeys/internal/ident"

	"github.com/golang-jwt/jwt/v5"
)

// MaxToken is the maximum length of a token in bytes. Longer ones are refused
// unparsed.
const MaxToken = 8 * 1024

// algorithms excludes HMAC, with which the issuer's public key would serve as the
// secret, so that anyone could sign.
var algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// Settings describes the accepted tokens. All fields but Clients are required.
//
// The name of a claim is looked up as it is, and then as the path of a nested claim,
// with a dot between two names.
type Settings struct {
	Issuer      string  // the tokens' iss
	Audience    string  // among the tokens' aud, or the client_id of an access token without aud
	JWKSURL     string  // of the issuer's keys; https, except on the local machine
	TenantClaim string  // name of the tenant claim
	RoleClaim   string  // name of the role claim, which is a role or a list that has one
	Clients     Clients // nil for none
}

// Verifier authenticates callers by their tokens. It may be used by several
// goroutines.
type Verifier struct {
	settings Settings
	keys     *keys
	parser   *jwt.Parser
}

// NewVerifier returns a Verifier that fetches the issuer's keys through client
// when it first needs them. It returns an error for an unsafe JWKSURL.
func NewVerifier(s Settings, client *http.Client, now func() time.Time) (*Verifier, error) {
	// Round(0) strips the monotonic reading, which stops while Lambda
	// freezes the process: keys would never expire.
	wall := func() time.Time { return now().Round(0) }
	keys, err := newKeys(s.JWKSURL, client, wall)
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods(algorithms), jwt.WithStrictDecoding(),
		jwt.WithIssuer(s.Issuer), jwt.WithLeeway(Leeway), jwt.WithTimeFunc(wall),
	)
	return &Verifier{s, keys, parser}, nil
}

// Verify returns the caller that an Authorization header identifies. With a bad
// token, the caller has only Refused. An error means that the token cannot be
// judged: its key is unknown and the issuer's keys cannot be fetched.
func (v *Verifier) Verify(ctx context.Context, header string) (Caller, error) {
	if strings.TrimSpace(header) == "" {
		return Caller{Refused: TokenMissing}, nil
	}
	words := strings.Fields(header)
	if len(words) != 2 || !strings.EqualFold(words[0], "Bearer") || len(words[1]) > MaxToken {
		return Caller{Refused: TokenMalformed}, nil
	}
	claims := jwt.MapClaims{}
	token, err := v.parser.ParseWithClaims(words[1], claims, v.keyFunc(ctx))
	if errors.Is(err, errFetch) {
		return Caller{}, fmt.Errorf("verify a token: %w", err)
	}
	if code := tokenFault(token, err); code != "" {
		return Caller{Refused: code}, nil
	}
	return v.caller(claims), nil
}

func (v *Verifier) keyFunc(ctx context.Context) jwt.Keyfunc {
	return func(token *jwt.Token) (any, error) {
		kid, _ := token.Header["kid"].(string)
		return v.keys.get(ctx, keyID{kid, token.Method.Alg()})
	}
}

// tokenFault returns the code of a token's fault, "" for none. It does not judge
// the claims of a token with a bad signature.
func tokenFault(token *jwt.Token, err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return TokenMalformed
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return TokenSignature
	case errors.Is(err, jwt.ErrTokenExpired):
		return TokenExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return TokenNotYetValid
	}
	if err == nil {
		// RFC 7515 requires refusing critical extensions that are not
		// understood. None is supported.
		if _, critical := token.Header["crit"]; critical {
			return TokenMalformed
		}
		return ""
	}
	return claimFault(token.Claims, err)
}

// claimFault returns TokenIssuer for a missing or another issuer, else TokenMalformed.
func claimFault(claims jwt.Claims, err error) string {
	issuer, _ := claims.GetIssuer()
	if issuer == "" || errors.Is(err, jwt.ErrTokenInvalidIssuer) {
		return TokenIssuer
	}
	return TokenMalformed
}

// caller reads the claims of a token whose signature, issuer and times are valid.
func (v *Verifier) caller(claims jwt.MapClaims) Caller {
	if !v.isAudience(claims) {
		return Caller{Refused: TokenAudience}
	}
	expires, err := claims.GetExpirationTime()
	subject := textClaim(claims, "sub")
	if err != nil || expires == nil || !validSubject(subject) {
		return Caller{Refused: TokenMalformed}
	}
	tenant, role := v.rights(claims)
	switch {
	case tenant == ident.Tenant{}:
		return Caller{Refused: TenantInvalid}
	case role == "":
		return Caller{Refused: RoleUnknown}
	}
	return Caller{
		Subject: subject, Name: nameOf(textClaim(claims, "name")), Tenant: tenant, Role: role,
		ExpiresAt: expires.UTC().Truncate(time.Second),
	}
}

// isAudience reports whether the token is for this service. The access tokens of Amazon
// Cognito have no aud; their client_id says for which client of the issuer they are.
func (v *Verifier) isAudience(claims jwt.MapClaims) bool {
	if _, ok := claims["aud"]; ok {
		audience, err := claims.GetAudience()
		return err == nil && slices.Contains(audience, v.settings.Audience)
	}
	client := textClaim(claims, "client_id")
	_, listed := v.settings.Clients[client]
	return client != "" && textClaim(claims, "token_use") == "access" && (listed || client == v.settings.Audience)
}

// rights returns the tenant and the role of a token, each zero if it is missing or
// invalid. They are the token's claims if it has at least one of the two, and otherwise
// those of its client. They are never mixed: a role that the settings give for one
// tenant would else hold for the tenant of a claim.
func (v *Verifier) rights(claims jwt.MapClaims) (ident.Tenant, string) {
	tenantClaim, hasTenant := findClaim(claims, v.settings.TenantClaim)
	roleClaim, hasRole := findClaim(claims, v.settings.RoleClaim)
	if !hasTenant && !hasRole && !isPerson(claims) {
		client := v.settings.Clients[textClaim(claims, "client_id")]
		return client.Tenant, client.Role
	}
	name, _ := tenantClaim.(string)
	tenant, _ := ident.ParseTenant(name)
	return tenant, highestRole(roleClaim)
}

// isPerson reports whether the token is a user's. The access tokens of Amazon Cognito
// name the user beside the client through which the user signed in.
func isPerson(claims jwt.MapClaims) bool {
	_, ok := claims["username"]
	return ok
}

func textClaim(claims jwt.MapClaims, name string) string {
	text, _ := claims[name].(string)
	return text
}
