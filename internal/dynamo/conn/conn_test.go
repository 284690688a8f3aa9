package conn_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/conn"
)

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
		"local":      {[]func(*dynamodb.Options){conn.Local}, 20 * time.Second, false},
	} {
		o := conn.New(cfg, row.options...).Options()
		require.Equal(t, *cfg.BaseEndpoint, *o.BaseEndpoint, name)
		require.Equal(t, row.timeout, o.HTTPClient.(*awshttp.BuildableClient).GetTimeout(), name)
		require.Equal(t, row.checksum, !o.DisableValidateResponseChecksum, name)
		require.Equal(t, 4, o.Retryer.MaxAttempts(), name)
	}
}
