package manifest

import (
	"net/http"
	"time"
)

// Console serves the web console's files and its settings. It does not use the
// table.
var Console = Function{
	Name: "console", MemoryMB: 256, Timeout: 10 * time.Second,
	Env: []string{
		EnvIssuer, EnvTenantClaim, EnvRoleClaim,
		EnvConsoleClientID, EnvConsoleScope, EnvConsoleToken, EnvConsoleMetadata,
	},
}

// Unsubscribe serves the links in messages with which customers unsubscribe from
// topics. It is the only function of public routes that uses the table.
var Unsubscribe = invoking(indexed(keyed(
	endpoint("unsubscribe",
		"BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PartiQLInsert", "PartiQLUpdate", "PutItem", "Query", "UpdateItem"))), Advance)

// UnsubscribePath returns the path with a token at which its bearer unsubscribes.
func UnsubscribePath(token string) string { return "/u/" + token }

// The public routes.
var (
	ConsolePage    = public(http.MethodGet, "/", Console, PageThrottle)
	ConsoleAsset   = public(http.MethodGet, "/assets/{file}", Console, AssetThrottle)
	ConsoleConfig  = public(http.MethodGet, "/config.json", Console, PageThrottle)
	ConsolePreview = public(http.MethodGet, "/preview", Console, PageThrottle)

	UnsubscribePage  = public(http.MethodGet, UnsubscribePath("{token}"), Unsubscribe, UnsubscribeThrottle)
	UnsubscribeProbe = public(http.MethodHead, UnsubscribePath("{token}"), Unsubscribe, ProbeThrottle)
	UnsubscribeForm  = public(http.MethodPost, UnsubscribePath("{token}"), Unsubscribe, UnsubscribeThrottle)
)

// PublicRoutes returns the routes without authorizer. They are not part of the
// API: openapi.yaml does not describe them.
func PublicRoutes() []Route { return append(ConsoleRoutes(), UnsubscribeRoutes()...) }

// ConsoleRoutes returns the routes of Console.
func ConsoleRoutes() []Route {
	return []Route{ConsolePage, ConsoleAsset, ConsoleConfig, ConsolePreview}
}

// UnsubscribeRoutes returns the routes of Unsubscribe.
func UnsubscribeRoutes() []Route {
	return []Route{UnsubscribePage, UnsubscribeProbe, UnsubscribeForm}
}

func public(method, path string, f Function, t Throttle) Route {
	return Route{Method: method, Path: path, Public: true, Throttle: t, Function: f}
}
