// Package function runs a Lambda function with the settings that the manifest
// lists for it. It is separate from boot so that a function that does not use
// the table does not link its client.
package function

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"journeys/internal/manifest"
)

// defaults holds the settings that are optional.
var defaults = map[string]string{
	manifest.EnvClients:     "{}",
	manifest.EnvTenantClaim: "tenant",
	manifest.EnvRoleClaim:   "role",
	manifest.EnvCatalog:     "{}",
	manifest.EnvPaused:      "false",
	manifest.EnvRestored:    "never",
	manifest.EnvConcurrency: "25",

	manifest.EnvEnrollmentsPerMinute: "0",

	manifest.EnvConsoleScope:    "openid",
	manifest.EnvConsoleToken:    "access",
	manifest.EnvConsoleMetadata: "{}",
}

// Run loads f's settings, passes them to wire, and serves invocations with the
// handler that wire returns. It never returns. If the settings or wire fail, it
// logs the error as a line of JSON on standard error and exits with status 1.
func Run(f manifest.Function, wire func(settings map[string]string) (handler any, err error)) {
	settings, err := LoadSettings(os.Getenv, f.Env)
	var handler any
	if err == nil {
		handler, err = wire(settings)
	}
	if err != nil {
		log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
		log.Error("the function cannot start", "function", f.Name, "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(handler)
}

// LoadSettings returns the named settings. An empty value counts as missing. The
// error lists every missing setting that has no default.
func LoadSettings(getenv func(string) string, names []string) (map[string]string, error) {
	settings := make(map[string]string, len(names))
	var missing []string
	for _, name := range names {
		settings[name] = cmp.Or(getenv(name), defaults[name])
		if settings[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("settings missing: %s", strings.Join(missing, ", "))
	}
	return settings, nil
}
