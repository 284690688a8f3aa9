package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"
	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo"
	"journeys/internal/journey"
)

// By default the SDK logs a warning for every error response of DynamoDB Local.
func TestClient_LogsNoWarnings(t *testing.T) {
	t.Parallel()

	logged := make(chan string, 100)
	s, _ := store(t, func(o *dynamodb.Options) {
		o.Logger = logging.LoggerFunc(func(_ logging.Classification, format string, values ...any) {
			logged <- fmt.Sprintf(format, values...)
		})
	})
	require.ErrorIs(t, s.Journeys.Delete(t.Context(), demo, draft(1)), journey.ErrNotFound)
	require.ErrorIs(t, s.Journeys.Update(t.Context(), demo, draft(1), next(draft(1), journey.Draft)), journey.ErrNotFound)
	require.Empty(t, logged)
}

// A custom endpoint, such as a VPC endpoint, is no DynamoDB Local.
func TestClient_CustomEndpointHasProductionSettings(t *testing.T) {
	t.Parallel()

	cfg := aws.Config{Region: "eu-central-1", BaseEndpoint: aws.String("https://vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com")}
	for name, row := range map[string]struct {
		options  []func(*dynamodb.Options)
		timeout  time.Duration
		checksum bool
	}{
		"by default": {nil, 3 * time.Second, true},
		"local":      {[]func(*dynamodb.Options){dynamo.Local}, 20 * time.Second, false},
	} {
		o := dynamo.NewClient(cfg, row.options...).Options()
		require.Equal(t, *cfg.BaseEndpoint, *o.BaseEndpoint, name)
		require.Equal(t, row.timeout, o.HTTPClient.(*awshttp.BuildableClient).GetTimeout(), name)
		require.Equal(t, row.checksum, !o.DisableValidateResponseChecksum, name)
		require.Equal(t, 4, o.Retryer.MaxAttempts(), name)
	}
}
