// Package effects makes what advance decides and sends with. It is apart from
// boot so that no other function carries the clients of channels.
package effects

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"journeys/internal/engine"
	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// New is the boot.NewProvider of advance.
func New(settings map[string]string, cfg aws.Config) (engine.Provider, error) {
	providers, err := provider.ParseSettings([]byte(settings[manifest.EnvProviders]))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifest.EnvProviders, err)
	}
	return provider.New(providers, time.Now, provider.Network{AWS: cfg}), nil
}
