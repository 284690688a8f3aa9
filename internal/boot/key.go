package boot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"journeys/internal/consent/key"
	"journeys/internal/manifest"
	"journeys/internal/provider/secret"
)

// openKey returns the source of the installation's key, which is read at its first use.
// Its error does not quote the setting, which may be the key itself.
func openKey(settings map[string]string) (*key.Source, error) {
	text := settings[manifest.EnvKey]
	if place, ok := secret.ParsePlace(text); ok {
		reader := secret.NewReader(awsConfig(), time.Now)
		return key.NewSource(func(ctx context.Context) (string, error) {
			value, err := reader.Read(ctx, place)
			if err != nil {
				return "", fmt.Errorf("%s: %w", place, err)
			}
			return value, nil
		}, time.Now), nil
	}
	k, err := key.Parse(text)
	if err != nil {
		return nil, errKey
	}
	return key.Fixed(k), nil
}

var errKey = errors.New(manifest.EnvKey + ` must be where the key is kept, "ssm:" and the name of a parameter or ` +
	`"secretsmanager:" and the name or the ARN of a secret, or locally the key itself: 32 bytes in base64`)
