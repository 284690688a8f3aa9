package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// store stands in for Parameter Store.
type store struct{ values map[string]string }

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var put struct {
		Name, Value, Type string
		Overwrite         bool
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if json.NewDecoder(r.Body).Decode(&put) != nil || put.Type != "SecureString" || s.values[put.Name] != "" && !put.Overwrite {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"ParameterAlreadyExists"}`))
		return
	}
	s.values[put.Name] = put.Value
	_, _ = w.Write([]byte(`{"Version":1}`))
}

func TestKey_IsMadeOnceAndNeverReplaced(t *testing.T) {
	s := &store{map[string]string{}}
	server := httptest.NewServer(s)
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")

	var out bytes.Buffer
	require.NoError(t, makeKey(t.Context(), "", &out))
	require.Equal(t, "key: ssm:/journeys/key made\n", out.String())
	made := s.values["/journeys/key"]
	value, err := base64.StdEncoding.DecodeString(made)
	require.NoError(t, err)
	require.Len(t, value, 32)

	out.Reset()
	require.NoError(t, makeKey(t.Context(), "ssm:/journeys/key", &out))
	require.Equal(t, "key: ssm:/journeys/key is there\n", out.String())
	require.Equal(t, made, s.values["/journeys/key"])
	require.NotContains(t, out.String(), made)

	require.NoError(t, makeKey(t.Context(), "secretsmanager:journeys/key", &out))
	require.Len(t, s.values, 1, "a secret of Secrets Manager is made by its owner")
	require.ErrorContains(t, makeKey(t.Context(), made, &out), "JOURNEYS_KEY must be")
}
