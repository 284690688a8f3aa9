// Package authorizer runs the function that authenticates callers. It does not
// use the table: without the table's client the function starts almost twice as
// fast.
package authorizer

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"journeys/internal/auth"
	"journeys/internal/boot/function"
	"journeys/internal/manifest"
)

// Run runs the authorizer of every route. It never returns.
func Run() { function.Run(manifest.Authorizer, newHandler) }

func newHandler(settings map[string]string) (any, error) {
	clients, err := auth.ParseClients([]byte(settings[manifest.EnvClients]))
	if err != nil {
		return nil, err
	}
	verifier, err := auth.NewVerifier(auth.Settings{
		Issuer:      settings[manifest.EnvIssuer],
		Audience:    settings[manifest.EnvAudience],
		JWKSURL:     settings[manifest.EnvJWKSURL],
		TenantClaim: settings[manifest.EnvTenantClaim],
		RoleClaim:   settings[manifest.EnvRoleClaim],
		Clients:     clients,
	}, &http.Client{}, time.Now)
	if err != nil {
		return nil, err
	}
	return handler{verifier}.authorize, nil
}

type handler struct{ verifier *auth.Verifier }

// authorize allows bad tokens too, with the refusal in the context instead of a
// tenant: the gateway turns a denial into 403, but clients fetch a new token only
// on 401, which the endpoint's handler sends. An error becomes the gateway's 500,
// which it does not cache, and signals an internal error.
func (h handler) authorize(
	ctx context.Context, request events.APIGatewayV2CustomAuthorizerV2Request,
) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	caller, err := h.verifier.Verify(ctx, authorizationHeader(request))
	if err != nil {
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, err
	}
	return events.APIGatewayV2CustomAuthorizerSimpleResponse{
		IsAuthorized: true, Context: caller.Authorizer(),
	}, nil
}

// authorizationHeader prefers the identity source, under which the gateway
// caches the answer. SAM sends headers only, with the name as the caller spelled
// it; the gateway sends it in lower case.
func authorizationHeader(request events.APIGatewayV2CustomAuthorizerV2Request) string {
	if len(request.IdentitySource) > 0 {
		return request.IdentitySource[0]
	}
	for name, value := range request.Headers {
		if strings.EqualFold(name, "Authorization") {
			return value
		}
	}
	return ""
}
