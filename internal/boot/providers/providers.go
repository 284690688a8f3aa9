// Package providers builds what advance calls at decision and channel nodes. It
// is separate from boot so that only advance links the clients of channels.
package providers

import (
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"journeys/internal/engine"
	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// New implements boot.NewProvider.
func New(settings map[string]string, cfg aws.Config) (engine.Provider, error) {
	parsed, err := provider.ParseSettings([]byte(settings[manifest.EnvProviders]))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifest.EnvProviders, err)
	}
	return provider.New(parsed, time.Now, provider.Network{
		AWS: cfg, Log: lambdacontext.NewLogger(), Installation: settings[manifest.EnvTable],
	}), nil
}
