package secret

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Endpoint returns the URL of a store.
func Endpoint(cfg aws.Config, store string) string {
	return NewReader(cfg, nil).endpoint(context.Background(), store)
}
