package boot

import (
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/analytics"
	"journeys/internal/boot/function"
	"journeys/internal/manifest"
)

// Rollup runs the function that folds and audits the figures. It never returns.
func Rollup() {
	function.Run(manifest.Rollup, func(settings map[string]string) (any, error) {
		r := &analytics.Rollup{
			Table: openStore(settings).Analytics,
			Now:   time.Now, Log: lambdacontext.NewLogger(), Installation: settings[manifest.EnvTable],
		}
		return r.Run, nil
	})
}
