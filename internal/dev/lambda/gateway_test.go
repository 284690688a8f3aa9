package lambda_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/gateway"
	"journeys/internal/manifest"
)

// A gateway before a real process: a call whose process is killed is an internal
// error, and the next one succeeds.
func TestKill_IsAnInternalErrorOfTheGateway(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	l := startLambda(t, nil)
	server := httptest.NewServer(&gateway.Gateway{
		Routes: []manifest.Route{manifest.CreateJourney}, Authorizer: manifest.Authorizer.Name,
		Timeout: 20 * time.Second, Now: time.Now,
		Invoke: func(ctx context.Context, name string, payload []byte) ([]byte, error) {
			if name == manifest.Authorizer.Name {
				return []byte(`{"isAuthorized":true}`), nil
			}
			var event struct{ Body string }
			if err := json.Unmarshal(payload, &event); err != nil {
				return nil, err
			}
			return l.Invoke(ctx, "echo", []byte(event.Body))
		},
	})
	t.Cleanup(server.Close)
	post := func(order string) (int, string) {
		url := server.URL + manifest.BasePath + manifest.CreateJourney.Path
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(order))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}

	go func() {
		<-d.arrived
		l.Kill("echo")
	}()
	status, body := post(`{"url":"` + d.URL + `"}`)
	require.Equal(t, http.StatusInternalServerError, status)
	require.JSONEq(t, `{"message":"Internal Server Error"}`, body)
	status, body = post(`{"statusCode":202,"body":"alive"}`)
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, "alive", body)
}
