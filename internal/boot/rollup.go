package boot

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/analytics"
	"journeys/internal/boot/function"
	"journeys/internal/manifest"
	"journeys/internal/wiring"
)

// Rollup runs the function that folds and audits the figures, and checks that feedback
// arrives. It never returns.
func Rollup() {
	function.Run(manifest.Rollup, func(settings map[string]string) (any, error) {
		store, log, installation := openStore(settings), lambdacontext.NewLogger(), settings[manifest.EnvTable]
		check := wiring.Check{States: store.Wirings.States, Now: time.Now, Log: log, Installation: installation}
		r := &analytics.Rollup{Table: store.Analytics, Now: time.Now, Log: log, Installation: installation}
		return func(ctx context.Context) error {
			check.Run(ctx)
			return r.Run(ctx)
		}, nil
	})
}
