package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/client"
)

// newEcho serves an API that answers with the request it got.
func newEcho(t *testing.T) *client.Client {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/missing" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"code":"journey-not-found"}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"call": r.Method + " " + r.URL.Path, "token": r.Header.Get("Authorization"),
			"type": r.Header.Get("Content-Type"), "key": r.Header.Get("Idempotency-Key"), "body": string(body),
		})
	}))
	t.Cleanup(api.Close)
	return &client.Client{Base: api.URL + "/api", Token: client.Fixed("secret"), HTTP: api.Client()}
}

func TestClient_SendsTokenAndJSON(t *testing.T) {
	t.Parallel()
	c := newEcho(t)
	for name, row := range map[string]struct {
		in         any
		body, kind string
	}{
		"no body":      {nil, "", ""},
		"a value":      {map[string]int{"a": 1}, `{"a":1}`, "application/json"},
		"raw messages": {json.RawMessage(`{ "a": "<" }`), `{ "a": "<" }`, "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got map[string]string
			require.NoError(t, c.Do(t.Context(), "PUT", "/x", row.in, &got))
			want := map[string]string{
				"call": "PUT /api/x", "token": "Bearer secret", "type": row.kind, "key": "", "body": row.body,
			}
			require.Equal(t, want, got)

			var text []byte
			require.NoError(t, c.Do(t.Context(), "PUT", "/x", row.in, &text))
			encoded, err := json.Marshal(want)
			require.NoError(t, err)
			require.Equal(t, string(encoded)+"\n", string(text))
		})
	}
}

func TestClient_HeadersComeLast(t *testing.T) {
	t.Parallel()
	c := newEcho(t)
	c.Token = nil
	a, err := c.Call(t.Context(), "POST", "/x", []byte("a"), "Content-Type", "text/plain", "Idempotency-Key", "k")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status)
	require.JSONEq(t, `{"call":"POST /api/x","token":"","type":"text/plain","key":"k","body":"a"}`, string(a.Body))
}

func TestClient_ErrorsShowStatusAndProblem(t *testing.T) {
	t.Parallel()
	c := newEcho(t)
	err := c.Do(t.Context(), "GET", "/missing", nil, nil)
	require.EqualError(t, err, `GET /missing: status 404: {"code":"journey-not-found"}`)
	var status *client.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, http.StatusNotFound, status.Status)

	a, err := c.Call(t.Context(), "GET", "/missing", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, a.Status)

	c.Token = func() (string, error) { return "", errors.New("no key") }
	require.EqualError(t, c.Do(t.Context(), "GET", "/x", nil, nil), "get a token: no key")
}
