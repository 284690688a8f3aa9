// Package authorizer makes the function that authenticates callers. It must not
// know the table: without its client the function starts almost twice as fast.
package authorizer

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"journeys/internal/auth"
	"journeys/internal/boot/settings"
	"journeys/internal/manifest"
)

// Run runs the function that authenticates the callers of every route.
func Run() { settings.Start(manifest.Authorizer, wire) }

func wire(settings map[string]string) (any, error) {
	verifier, err := auth.NewVerifier(auth.Settings{
		Issuer:      settings[manifest.EnvIssuer],
		Audience:    settings[manifest.EnvAudience],
		JWKSURL:     settings[manifest.EnvJWKSURL],
		TenantClaim: settings[manifest.EnvTenantClaim],
		RoleClaim:   settings[manifest.EnvRoleClaim],
	}, &http.Client{}, time.Now)
	if err != nil {
		return nil, err
	}
	return gatekeeper{verifier}.answer, nil
}

type gatekeeper struct{ verifier *auth.Verifier }

// answer says yes to a bad token too: the gateway turns a no into 403, but
// clients get themselves a new token on 401. So the refusal travels to the
// handler, which finds no tenant and answers 401. An error becomes the
// gateway's 500, which is not cached; it is for our own faults only.
func (g gatekeeper) answer(
	ctx context.Context, request events.APIGatewayV2CustomAuthorizerV2Request,
) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
	caller, err := g.verifier.Verify(ctx, authorization(request))
	if err != nil {
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, err
	}
	return events.APIGatewayV2CustomAuthorizerSimpleResponse{
		IsAuthorized: true, Context: caller.Authorizer(),
	}, nil
}

// authorization prefers the identity source: the gateway caches the answer
// under it, so nothing else may decide. The header's name is in lower case
// from the gateway, as the caller wrote it from SAM.
func authorization(request events.APIGatewayV2CustomAuthorizerV2Request) string {
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
