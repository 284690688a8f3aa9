// Package console runs the function that serves the web console. It does not use
// the table, so the function does not link its client.
package console

import (
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/apigw"
	"journeys/internal/boot/function"
	web "journeys/internal/console"
	"journeys/internal/manifest"
	"journeys/internal/version"
)

// Run runs the function of the public routes. It never returns.
func Run() { function.Run(manifest.Console, newHandler) }

func newHandler(settings map[string]string) (any, error) {
	files := os.DirFS(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "web"))
	// SAM CLI cannot return compressed bodies (aws-sam-cli issue 3004).
	plain := os.Getenv("AWS_SAM_LOCAL") != ""
	h, err := web.New(files, settingsFrom(settings), plain)
	if err != nil {
		return nil, err
	}
	return apigw.Handler(h, lambdacontext.NewLogger()), nil
}

func settingsFrom(settings map[string]string) web.Settings {
	return web.Settings{
		Issuer:      settings[manifest.EnvIssuer],
		ClientID:    settings[manifest.EnvConsoleClientID],
		Scope:       settings[manifest.EnvConsoleScope],
		Token:       settings[manifest.EnvConsoleToken],
		TenantClaim: settings[manifest.EnvTenantClaim],
		RoleClaim:   settings[manifest.EnvRoleClaim],
		Metadata:    []byte(settings[manifest.EnvConsoleMetadata]),
		Version:     version.Text(),
	}
}
