package boot

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/capacity"
	"journeys/internal/dynamo/conn"
	"journeys/internal/manifest"
)

func TestNewTableClient_OpensTheFirstConnection(t *testing.T) {
	connections := serveTable(t)
	client := newTableClient(t.Context())
	require.EqualValues(t, 1, connections.Load(), "at the start")

	ctx, meter := capacity.WithMeter(t.Context())
	_, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String("t"), Key: map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "a"}},
	})
	require.NoError(t, err)
	require.Equal(t, 1, meter.Usage().Requests)
	require.EqualValues(t, 1, connections.Load(), "after the first request")
}

// The function starts anyway, and its first request reports the error.
func TestNewTableClient_StartsWithoutATable(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	setAWS(t, "http://"+listener.Addr().String())
	require.NotNil(t, newTableClient(t.Context()))
}

// An emulator of AWS sets one endpoint for all services.
func TestAWSConfig_ReadsTheEnvironmentOfLambda(t *testing.T) {
	setAWS(t, "")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9001")
	t.Setenv("AWS_SESSION_TOKEN", "token")
	cfg := awsConfig()
	require.Equal(t, "eu-central-1", cfg.Region)
	keys, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	require.Equal(t, "local/local/token", keys.AccessKeyID+"/"+keys.SecretAccessKey+"/"+keys.SessionToken)
	require.Equal(t, "http://127.0.0.1:4566", *conn.New(cfg).Options().BaseEndpoint)
	require.Equal(t, "http://127.0.0.1:9001", *lambda.NewFromConfig(cfg).Options().BaseEndpoint)
}

func TestNewTableClient_HasLocalSettingsOnlyIfTheEnvironmentAsks(t *testing.T) {
	serveTable(t)
	require.False(t, newTableClient(t.Context()).Options().DisableValidateResponseChecksum)
	t.Setenv(manifest.EnvDynamoDBLocal, "1")
	require.True(t, newTableClient(t.Context()).Options().DisableValidateResponseChecksum)
}

// serveTable serves an empty table and counts its connections.
func serveTable(t *testing.T) *atomic.Int64 {
	t.Helper()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			_, _ = w.Write([]byte(`{}`))
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	setAWS(t, server.URL)
	return &connections
}

func setAWS(t *testing.T, endpoint string) {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
}
