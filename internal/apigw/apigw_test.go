package apigw_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"journeys/internal/apigw"
)

func read(t testing.TB, name string) events.APIGatewayV2HTTPRequest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	var event events.APIGatewayV2HTTPRequest
	require.NoError(t, json.Unmarshal(text, &event))
	return event
}

// invoke passes the event and the answer through the JSON of the Lambda runtime.
func invoke(t testing.TB, event events.APIGatewayV2HTTPRequest, h http.HandlerFunc) events.APIGatewayV2HTTPResponse {
	t.Helper()
	text, err := json.Marshal(event)
	require.NoError(t, err)
	answer, err := lambda.NewHandler(apigw.Handler(h, slog.New(slog.DiscardHandler))).Invoke(t.Context(), text)
	require.NoError(t, err)
	var response events.APIGatewayV2HTTPResponse
	require.NoError(t, json.Unmarshal(answer, &response))
	return response
}

// received returns the request that the handler gets for an event.
func received(t testing.TB, event events.APIGatewayV2HTTPRequest) *http.Request {
	t.Helper()
	var seen *http.Request
	invoke(t, event, func(_ http.ResponseWriter, r *http.Request) { seen = r })
	require.NotNil(t, seen)
	return seen
}

func TestHandler_RefusesOtherEvents(t *testing.T) {
	t.Parallel()

	for _, text := range []string{`{}`, `{"version":"1.0"}`, `{"Records":[]}`, `{"version":"2.0","requestContext":{"http":{"method":"G T"}}}`} {
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
		_, err := lambda.NewHandler(apigw.Handler(h, slog.New(slog.DiscardHandler))).Invoke(t.Context(), []byte(text))
		require.Error(t, err, text)
	}
}

func TestHandler_PanicIsA500AndTheNextCallWorks(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer
	calls := 0
	handler := apigw.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			_, _ = w.Write([]byte("half an ans"))
			panic("table on fire")
		}
		w.WriteHeader(http.StatusAccepted)
	}), slog.New(slog.NewJSONHandler(&log, nil)))

	answer, err := handler(t.Context(), read(t, "get.json"))
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	require.Equal(t, "application/problem+json", answer.Headers["Content-Type"])
	require.JSONEq(t, `{"type":"urn:journeys:problem:internal-error","title":"Internal error",
		"status":500,"code":"internal-error","requestId":"JKJaXmPLvHcESHA="}`, answer.Body)
	require.Contains(t, log.String(), "table on fire")
	require.Contains(t, log.String(), "apigw_test.go", "the log has the stack")

	answer, err = handler(t.Context(), read(t, "get.json"))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
}

func TestHandler_KeepsTheDeadline(t *testing.T) {
	t.Parallel()

	deadline := time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	seen := time.Time{}
	handler := apigw.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen, _ = r.Context().Deadline()
	}), slog.New(slog.DiscardHandler))
	_, err := handler(ctx, read(t, "get.json"))
	require.NoError(t, err)
	require.Equal(t, deadline, seen)
}
