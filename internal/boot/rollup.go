package boot

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/analytics"
	"journeys/internal/boot/settings"
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
)

// Rollup runs the function that folds and audits the figures.
func Rollup() {
	settings.Start(manifest.Rollup, func(set map[string]string) (any, error) {
		r := &analytics.Rollup{
			Table: dynamo.New(connect(context.Background()), set[manifest.EnvTable], rand.Reader).Analytics,
			Now:   time.Now, Log: lambdacontext.NewLogger(), Installation: set[manifest.EnvTable],
		}
		return r.Run, nil
	})
}
