package dynamo_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"
	"github.com/stretchr/testify/require"

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
