// Package settings reads what a function needs from its environment, of which it
// is the only reader, and starts it. It is apart from boot so that a function
// that does not touch the table carries nothing of its client.
package settings

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"

	"journeys/internal/manifest"
)

// defaults holds the settings that need not be set.
var defaults = map[string]string{
	manifest.EnvTenantClaim: "tenant",
	manifest.EnvRoleClaim:   "role",
}

// Load reads the settings called names by getenv, an empty one as missing. Its
// error names every setting that is missing and has no default.
func Load(getenv func(string) string, names []string) (map[string]string, error) {
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

// Start runs f on Lambda with the handler that wire makes of f's settings. It
// does not return: what cannot start says why, as a line of JSON on standard
// error, and ends with status 1.
func Start(f manifest.Function, wire func(settings map[string]string) (handler any, err error)) {
	settings, err := Load(os.Getenv, f.Env)
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
