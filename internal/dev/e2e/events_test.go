package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/lambda"
	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

// functionAnswer is a function's answer to its event.
type functionAnswer struct {
	StatusCode   int
	Headers      map[string]string
	Body         string
	IsAuthorized bool
}

// invoker invokes a function.
type invoker func(ctx context.Context, function string, payload []byte) ([]byte, error)

// invoke invokes a function with its event in events/.
func (i invoker) invoke(t *testing.T, f manifest.Function) functionAnswer {
	t.Helper()
	event, err := os.ReadFile(filepath.Join("../../../events", f.Name+".json"))
	require.NoError(t, err)
	text, err := i(t.Context(), f.Name, event)
	require.NoError(t, err)
	var a functionAnswer
	require.NoError(t, json.Unmarshal(text, &a), "%s", text)
	return a
}

// The journey in the events does not exist.
func TestLocal_FunctionsAnswerTheirEvents(t *testing.T) {
	invoke := invoker(target.machine.Lambda.Invoke)
	require.True(t, invoke.invoke(t, manifest.Authorizer).IsAuthorized, "bad tokens pass too: the handler refuses them")
	for _, route := range manifest.Routes() {
		want := 404
		switch route.Function.Name {
		case manifest.ListJourneys.Function.Name, manifest.ListAnalytics.Function.Name, manifest.PutCustomer.Function.Name, manifest.PatchCustomer.Function.Name,
			manifest.PutCustomers.Function.Name, manifest.GetCustomer.Function.Name,
			manifest.GetSettings.Function.Name, manifest.GetNames.Function.Name, manifest.ListCustomerEnrollments.Function.Name,
			manifest.GetTenantSettings.Function.Name, manifest.PutTenantSettings.Function.Name,
			manifest.GetSubscriptions.Function.Name, manifest.PutSubscriptions.Function.Name, manifest.PutSuppression.Function.Name:
			want = 200
		case manifest.DeleteCustomer.Function.Name, manifest.DeleteSuppression.Function.Name:
			want = 204
		case manifest.CreateJourney.Function.Name:
			want = 201
		case manifest.PutEvent.Function.Name:
			want = 202
		}
		a := invoke.invoke(t, route.Function)
		require.Equal(t, want, a.StatusCode, "%s: %s", route.Key(), a.Body)
	}
}

// Without a table every function answers 503 and does not say why. A call with many
// customers says so for each of them.
func TestLocal_FunctionsAnswer503WithoutATable(t *testing.T) {
	settings := map[string]string{}
	for _, f := range manifest.Functions() {
		for _, name := range f.Env {
			settings[name] = "http://127.0.0.1:1"
		}
	}
	settings[manifest.EnvTable], settings[manifest.EnvKey] = local.Table, local.Key
	settings[manifest.EnvCatalog] = `{"channels":{"email":{"type":"inbox","address":"email"}}}`
	settings[manifest.EnvProviders] = `{"channels":{"*":{"type":"inbox","url":"http://127.0.0.1:1"}},"allowPrivate":["127.0.0.1"]}`
	settings[manifest.EnvEnrollmentsPerMinute] = "0"
	functions, err := lambda.Start(manifest.Functions(), lambda.Options{
		Dist: "../../../dist", Settings: settings,
		Environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"},
	})
	require.NoError(t, err)
	defer functions.Stop()
	for _, route := range manifest.Routes() {
		begun := time.Now()
		a := invoker(functions.Invoke).invoke(t, route.Function)
		require.NotContains(t, a.Body, "127.0.0.1", "the cause is logged only")
		if route.Function.Name == manifest.PutCustomers.Function.Name {
			require.Equal(t, 200, a.StatusCode)
			require.Contains(t, a.Body, `"outcome":"error","code":"table-unavailable"`)
			continue
		}
		if len(route.Function.Actions) == 0 { // needs no table
			require.Equal(t, 200, a.StatusCode, "%s: %s", route.Key(), a.Body)
			continue
		}
		require.Equal(t, 503, a.StatusCode, "%s: %s", route.Key(), a.Body)
		require.Equal(t, "application/problem+json", a.Headers["Content-Type"])
		require.Equal(t, "1", a.Headers["Retry-After"])
		t.Logf("%s after %v: %s", route.Key(), time.Since(begun).Round(time.Millisecond), a.Body)
	}
}
