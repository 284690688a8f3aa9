package apigw_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"journeys/internal/apigw"
	"journeys/internal/auth"
	"journeys/internal/manifest"
)

// Each example event in events/ reaches its route, with the path values and an
// allowed caller.
func TestEvents_ReachTheirRoutes(t *testing.T) {
	t.Parallel()
	for _, route := range manifest.Routes() {
		t.Run(route.Function.Name, func(t *testing.T) {
			t.Parallel()
			var event events.APIGatewayV2HTTPRequest
			readEvent(t, route.Function, &event)
			reached := ""
			mux := http.NewServeMux()
			for _, other := range manifest.Routes() {
				mux.HandleFunc(other.Key(), func(_ http.ResponseWriter, r *http.Request) {
					reached = r.Pattern
					require.Equal(t, event.PathParameters["id"], r.PathValue("id"))
					require.Equal(t, event.RawQueryString, r.URL.RawQuery)
					require.NoError(t, auth.FromContext(r.Context()).May(other.Roles, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)))
					body, err := io.ReadAll(r.Body)
					require.NoError(t, err)
					require.Equal(t, event.Body, string(body))
				})
			}
			answer, err := apigw.Handler(mux, slog.New(slog.DiscardHandler))(t.Context(), event)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answer.StatusCode, answer.Body)
			require.Equal(t, route.Key(), reached)
		})
	}
}

func TestEvents_AuthorizerHasAnIdentitySource(t *testing.T) {
	t.Parallel()
	var event events.APIGatewayV2CustomAuthorizerV2Request
	readEvent(t, manifest.Authorizer, &event)
	require.Equal(t, "2.0", event.Version)
	require.Equal(t, "REQUEST", event.Type)
	require.Equal(t, []string{event.Headers["authorization"]}, event.IdentitySource)
}

func readEvent(t *testing.T, f manifest.Function, event any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../events", f.Name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, event))
}
