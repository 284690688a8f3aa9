package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// build builds the function and returns its file.
func build(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bootstrap")
	out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", file, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return file
}

// invoke runs the function, sends it the events by Lambda's Runtime API and returns
// its answers. That of a failed call has an "errorMessage".
func invoke(t *testing.T, file string, environment []string, events ...string) []map[string]any {
	t.Helper()
	answers := make(chan map[string]any, len(events))
	done := make(chan struct{})
	next := make(chan string, len(events))
	for _, event := range events {
		next <- event
	}
	runtime := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			select {
			case event := <-next:
				w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
				w.Header().Set("Lambda-Runtime-Deadline-Ms", "4102444800000")
				_, _ = io.WriteString(w, event)
			case <-done:
			}
			return
		}
		var answer map[string]any
		_ = json.NewDecoder(r.Body).Decode(&answer)
		w.WriteHeader(http.StatusAccepted)
		answers <- answer
	}))
	command := exec.CommandContext(t.Context(), file)
	command.Env = append(environment, "AWS_LAMBDA_RUNTIME_API="+runtime.Listener.Addr().String())
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		close(done)
		runtime.Close()
	})
	var got []map[string]any
	for range events {
		select {
		case answer := <-answers:
			got = append(got, answer)
		case <-time.After(20 * time.Second):
			t.Fatal("the function did not answer")
		}
	}
	return got
}

// The tests run the deployed file as Lambda does.
func TestAuthorizer_RunsAsInLambda(t *testing.T) {
	t.Parallel()

	file := build(t)
	t.Run("exits without settings and names them", func(t *testing.T) { namesMissingSettings(t, file) })
	t.Run("exits with a faulty setting", func(t *testing.T) { namesFaultySettings(t, file) })
	t.Run("answers the gateway", func(t *testing.T) { answersTheGateway(t, file) })
}

func namesMissingSettings(t *testing.T, file string) {
	line := failedStart(t, file, "JOURNEYS_AUDIENCE=journeys")
	require.Equal(t, "settings missing: JOURNEYS_ISSUER, JOURNEYS_JWKS_URL", line["error"])
	require.Equal(t, "authorizer", line["function"])
}

func namesFaultySettings(t *testing.T, file string) {
	line := failedStart(t, file, "JOURNEYS_AUDIENCE=journeys", "JOURNEYS_ISSUER=local", "JOURNEYS_JWKS_URL=https://issuer.example",
		`JOURNEYS_CLIENTS={"machine":{"tenant":"acme"}}`)
	require.Equal(t, "JOURNEYS_CLIENTS: /machine/role is required", line["error"])
}

// failedStart returns the line that the function logs when it cannot start.
func failedStart(t *testing.T, file string, environment ...string) map[string]any {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.Command(file)
	command.Env = environment
	command.Stderr = &stderr
	var exit *exec.ExitError
	require.ErrorAs(t, command.Run(), &exit)
	require.Equal(t, 1, exit.ExitCode())
	var line map[string]any
	require.NoError(t, json.Unmarshal(stderr.Bytes(), &line), stderr.String())
	return line
}

func answersTheGateway(t *testing.T, file string) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	x := base64.RawURLEncoding.EncodeToString(public)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"`+x+`"}]}`)
	}))
	t.Cleanup(issuer.Close)
	sign := func(claims jwt.MapClaims) string {
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
		token.Header["kid"] = "1"
		text, err := token.SignedString(private)
		require.NoError(t, err)
		return text
	}
	signed := sign(jwt.MapClaims{
		"iss": "local", "aud": "journeys", "sub": "user-1", "exp": 4102444800, "tenant": "acme", "role": "viewer",
	})
	machine := sign(jwt.MapClaims{"iss": "local", "token_use": "access", "client_id": "c", "sub": "c", "exp": 4102444800})

	settings := func(keys string) []string {
		return []string{"JOURNEYS_ISSUER=local", "JOURNEYS_AUDIENCE=journeys", "JOURNEYS_JWKS_URL=" + keys,
			`JOURNEYS_CLIENTS={"c":{"tenant":"globex","role":"ingest"}}`}
	}
	event := func(source, header string) string {
		return `{"version":"2.0","type":"REQUEST","identitySource":` + source + `,"headers":{"Authorization":"` + header + `"}}`
	}
	good := event(`["Bearer `+signed+`"]`, "Bearer other")
	accepted := map[string]any{"isAuthorized": true, "context": map[string]any{
		"sub": "user-1", "tenant": "acme", "role": "viewer", "exp": "4102444800",
	}}
	acceptedMachine := map[string]any{"isAuthorized": true, "context": map[string]any{
		"sub": "c", "tenant": "globex", "role": "ingest", "exp": "4102444800",
	}}
	refused := func(code string) map[string]any {
		return map[string]any{"isAuthorized": true, "context": map[string]any{"refused": code}}
	}
	require.Equal(t,
		[]map[string]any{accepted, accepted, acceptedMachine, refused("token-malformed"), refused("token-missing")},
		invoke(t, file, settings(issuer.URL), good, event("null", "Bearer "+signed), event("null", "Bearer "+machine),
			event(`["Bearer other"]`, "Bearer "+signed), event("[]", "")))

	failed := invoke(t, file, settings("http://127.0.0.1:1/keys"), good)
	require.Contains(t, failed[0]["errorMessage"], "keys cannot be fetched")
	require.NotContains(t, failed[0], "isAuthorized")
}
