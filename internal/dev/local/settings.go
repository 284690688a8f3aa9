package local

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"journeys/internal/dev/issuer"
	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// Placeholders in the settings of providers, and what replaces them.
const (
	inboxPlaceholder  = "{inbox}"  // the inbox's URL
	decidePlaceholder = "{decide}" // the URL of Options.Decide
)

// InboxOnly is the default of Options.Providers: every channel is the inbox, and
// every decision has an empty answer.
const InboxOnly = `{"channels":{"*":{"type":"inbox","url":"` + inboxPlaceholder + `"}},"allowPrivate":["127.0.0.1"]}`

// Key is the key of every installation on this machine: what data kept in .local/ hides
// behind it is found again, and worth nothing elsewhere.
const Key = "bG9jYWwgZGV2ZWxvcG1lbnQga2V5IG9mIGpvdXJuZXk="

// Settings returns the settings of the functions on this machine, with the URL of
// the issuer's keys and the settings of providers, and with the API's usual address.
func Settings(keysURL, providers string) (map[string]string, error) {
	// Only a process that is struck by faults knows the URL of its decision service.
	parsed, err := provider.ParseSettings([]byte(strings.ReplaceAll(providers, decidePlaceholder, "http://127.0.0.1")))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifest.EnvProviders, err)
	}
	if used := parsed.AWS(); len(used.Parameters)+len(used.Secrets) > 0 {
		return nil, fmt.Errorf("%s: a local run reads no secrets from AWS: set them themselves (whsec_...)", manifest.EnvProviders)
	}
	return map[string]string{
		manifest.EnvTable: Table, manifest.EnvIssuer: issuer.Name, manifest.EnvAudience: issuer.Audience,
		manifest.EnvJWKSURL: keysURL, manifest.EnvTenantClaim: "tenant", manifest.EnvRoleClaim: "role",
		manifest.EnvClients: "{}",
		manifest.EnvAdvance: manifest.Advance.Name, manifest.EnvSweep: manifest.Sweep.Name,
		manifest.EnvProviders: providers, manifest.EnvCatalog: parsed.Catalog().Text(),
		manifest.EnvPaused: "false", manifest.EnvRestored: "never", manifest.EnvConcurrency: strconv.Itoa(lambda.Concurrency()),
		manifest.EnvKey: Key, manifest.EnvPublicURL: "http://127.0.0.1:8080",
		manifest.EnvEnrollmentsPerMinute: "0",
		manifest.EnvConsoleClientID:      "console", manifest.EnvConsoleScope: "openid",
		manifest.EnvConsoleToken: "access", manifest.EnvConsoleMetadata: "{}",
	}, nil
}

// loginMetadata returns JOURNEYS_CONSOLE_METADATA for the login of the server at
// baseURL. Its issuer is no address, so the browser cannot ask it.
func loginMetadata(baseURL string) string {
	text, err := json.Marshal(issuer.Endpoints(baseURL))
	if err != nil {
		panic(err) // a map of text
	}
	return string(text)
}

// withInboxURL replaces the placeholder by the inbox of the server at baseURL.
func withInboxURL(providers, baseURL string) string {
	return strings.ReplaceAll(providers, inboxPlaceholder, baseURL+InboxPath)
}

// throughFaults returns the variables that make a process call everything through
// the faults served at address.
func throughFaults(address, providers string) func(process string) map[string]string {
	return func(process string) map[string]string {
		providers := strings.ReplaceAll(providers, decidePlaceholder, lambda.DecideTarget.URL(address, process))
		return map[string]string{
			"AWS_ENDPOINT_URL_DYNAMODB": lambda.TableTarget.URL(address, process),
			"AWS_ENDPOINT_URL_LAMBDA":   lambda.LambdaTarget.URL(address, process),
			manifest.EnvProviders:       withInboxURL(providers, lambda.InboxTarget.URL(address, process)),
		}
	}
}
