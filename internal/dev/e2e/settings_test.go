package e2e

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

func TestSettings_SayWhatTheInstallationOffers(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	for _, role := range []string{manifest.Admin, manifest.Editor, manifest.Viewer} {
		a := as(t, role, tenant).must(200, "GET", "/settings", "")
		require.Equal(t, map[string]any{"tenant": tenant, "role": role, "sub": "e2e"}, a.body["caller"])
		require.Regexp(t, `^([0-9a-f]{12}(\+dirty)?|src-[0-9a-f]{12})$`, a.body["version"])
		require.IsType(t, []any{}, a.body["channels"])
		require.InDelta(t, 365, a.body["limits"].(map[string]any)["maxDurationDays"], 0)
		if target.machine != nil {
			channel := a.body["channels"].([]any)[0].(map[string]any)
			require.Contains(t, []any{"waiting", "heard"}, channel["feedback"], "other tests play feedback")
			delete(channel, "feedback")
			require.Equal(t, map[string]any{"name": "*", "kind": "inbox"}, channel)
		}
	}
}

func TestNames_AreThoseThatCallersSent(t *testing.T) {
	t.Parallel()

	tenant := newTenant()
	source, c := as(t, manifest.Ingest, tenant), as(t, manifest.Editor, tenant)
	named := func(path, kind string) any { return map[string]any{"path": path, "kinds": []any{kind}} }
	want := map[string]any{
		"eventTypes": []any{map[string]any{"name": "purchase", "properties": []any{named(`["utm.source"]`, "string")}}},
		"attributes": []any{named("address", "object"), named("address.city", "string"), named("born", "date"), named("plan", "string"), named("visits", "number")},
	}
	var a answer
	// A busy table may keep a function from storing names for some seconds.
	for end := time.Now().Add(time.Minute); !reflect.DeepEqual(want, a.body) && time.Now().Before(end); {
		source.must(200, "PUT", "/customers/ada", `{"attributes":{"plan":"secret-1","born":"1815-12-10","ada@example.com":{"x":1}}}`)
		source.must(200, "PATCH", "/customers/ada", `{"attributes":{"address":{"city":"secret-2"}}}`)
		source.must(200, "POST", "/customers", `{"customers":[{"customerId":"ada","attributes":{"visits":7}}]}`)
		source.must(202, "POST", "/events", `{"customerId":"ada","eventType":"purchase","properties":{"utm.source":"secret-3"}}`)
		a = c.must(200, "GET", "/names", "")
		require.NotContains(t, a.text, "secret")
	}
	require.Equal(t, want, a.body)
	require.Empty(t, as(t, manifest.Editor, newTenant()).must(200, "GET", "/names", "").body["attributes"])
}
