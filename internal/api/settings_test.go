package api_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/dev/apitest"
	"journeys/internal/manifest"
	"journeys/internal/wiring"
)

// newConfigured is newServer with an installation's catalog, and what was noted of its
// channels.
func newConfigured(t *testing.T, c catalog.Catalog, channels map[string]wiring.State) *server {
	s := &server{t: t}
	s.handler = apitest.Handler(apitest.Config{
		Stores: apitest.Stores(&memoryStore{}), Catalog: &c, Wirings: channels,
		Now: func() time.Time { return start }, Log: slog.New(slog.NewJSONHandler(&s.log, nil)),
	})
	return s
}

func TestSettings_ListWhatTheTenantMayUse(t *testing.T) {
	t.Parallel()
	s := newConfigured(t, catalog.Catalog{
		Channels: catalog.List{
			"sms": {Kind: "sns", Address: "phone"}, "email": {Kind: "ses", Address: "email", Tenants: []string{"t1", "t2"}, Feedback: true},
			"push": {Kind: "http", Tenants: []string{"t2"}}, "*": {Kind: "inbox"},
		},
		Decisions: catalog.List{"best": {Kind: "rules", Tenants: []string{"t2"}}, "*": {Kind: "http", Tenants: []string{"t2"}}},
	}, nil)
	answer := s.must(200, call{method: "GET", path: "/settings"})
	require.Equal(t, []any{
		map[string]any{"name": "*", "kind": "inbox"},
		map[string]any{"name": "email", "kind": "ses", "address": "email", "feedback": "waiting"},
		map[string]any{"name": "sms", "kind": "sns", "address": "phone"},
	}, answer["channels"])
	require.Equal(t, []any{}, answer["decisions"])
	require.Equal(t, map[string]any{"tenant": "t1", "role": "editor", "sub": "s1"}, answer["caller"])
	require.NotEmpty(t, answer["version"])
	require.InDelta(t, 256, answer["limits"].(map[string]any)["maxNodes"], 0)

	viewer := apitest.Caller("t2", manifest.Viewer, start)
	answer = s.must(200, call{method: "GET", path: "/settings", caller: &viewer})
	require.Equal(t, []any{
		map[string]any{"name": "*", "kind": "http"}, map[string]any{"name": "best", "kind": "rules"},
	}, answer["decisions"])
	require.Equal(t, map[string]any{"tenant": "t2", "role": "viewer", "sub": "s1"}, answer["caller"])
	s.must(400, call{method: "GET", path: "/settings?q=a"})
}

// names returns the answer of GET /names as paths with kinds.
func (s *server) names() (types map[string][]string, attributes []string) {
	s.t.Helper()
	spelled := func(list any) []string {
		paths := []string{}
		for _, entry := range list.([]any) {
			text := entry.(map[string]any)["path"].(string)
			for _, kind := range entry.(map[string]any)["kinds"].([]any) {
				text += " " + kind.(string)
			}
			paths = append(paths, text)
		}
		return paths
	}
	answer := s.must(200, call{method: "GET", path: "/names"})
	types = map[string][]string{}
	for _, entry := range answer["eventTypes"].([]any) {
		types[entry.(map[string]any)["name"].(string)] = spelled(entry.(map[string]any)["properties"])
	}
	return types, spelled(answer["attributes"])
}

func TestNames_ComeFromEventsAndCustomers(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})
	types, attributes := s.names()
	require.Empty(t, types)
	require.Empty(t, attributes)

	s.must(200, call{method: "PUT", path: "/customers/ada", body: `{"attributes":{"plan":"pro","born":"1815-12-10","none":null}}`})
	s.must(200, call{method: "PATCH", path: "/customers/ada", body: `{"attributes":{"address":{"city":"Delhi","zip":null},"gone":null}}`})
	s.must(200, call{method: "POST", path: "/customers", body: `{"customers":[{"customerId":"ada","attributes":{"visits":1}},` +
		`{"customerId":"bob","attributes":{"vip":true,"ada@example.com":{"x":1}}}]}`})
	s.must(202, call{method: "POST", path: "/events", body: `{"customerId":"ada","eventType":"Bought a car","properties":{"utm.source":"x"},"attributes":{"cars":1}}`})
	s.must(202, call{method: "POST", path: "/events", body: `{"events":[{"customerId":"ada","eventType":"seen","properties":{"at":"2026-11-23T10:00:00Z"}},` +
		`{"customerId":"ada","eventType":"$refused"},{"customerId":"","eventType":"faulty","attributes":{"faulty":1}}]}`})
	types, attributes = s.names()
	require.Equal(t, map[string][]string{"Bought a car": {`["utm.source"] string`}, "seen": {"at date"}}, types)
	require.Equal(t, []string{
		"address object", "address.city string", "born date", "cars number", "none null", "plan string", "vip boolean", "visits number",
	}, attributes)

	other := apitest.Caller("t2", manifest.Editor, start)
	answer := s.must(200, call{method: "GET", path: "/names", caller: &other})
	require.Equal(t, map[string]any{"eventTypes": []any{}, "attributes": []any{}}, answer)
}

// Only what was stored counts: what a call refused may be anything.
func TestNames_OfRefusedCallsAreNotKept(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{forgotten: map[string]time.Time{"gone": start.Add(time.Minute)}})
	s.must(412, call{method: "PUT", path: "/customers/ada", body: `{"attributes":{"a":1}}`, header: []string{"If-Match", `"7"`}})
	s.must(409, call{method: "PUT", path: "/customers/gone", body: `{"attributes":{"b":1}}`})
	s.must(409, call{method: "PATCH", path: "/customers/gone", body: `{"attributes":{"c":1}}`})
	s.must(200, call{method: "POST", path: "/customers", body: `{"customers":[{"customerId":"gone","attributes":{"d":1}}]}`})
	s.must(409, call{method: "POST", path: "/events", body: `{"customerId":"gone","eventType":"e","attributes":{"e":1}}`})
	s.must(400, call{method: "PUT", path: "/customers/ada", body: `{"attributes":{"f":1},"g":1}`})
	types, attributes := s.names()
	require.Empty(t, types)
	require.Empty(t, attributes)
}

func TestSettings_SayWhichChannelsAreHeard(t *testing.T) {
	t.Parallel()
	channels := catalog.List{"crm": {Kind: "http"}}
	for _, name := range []string{"heard", "lost", "new"} {
		channels[name] = catalog.Entry{Kind: "ses", Address: "email", Feedback: true}
	}
	s := newConfigured(t, catalog.Catalog{Channels: channels}, map[string]wiring.State{
		"heard": {First: start.Add(-time.Hour), Last: start, Heard: start.Add(-2 * time.Hour)},
		"lost":  {First: start.AddDate(0, 0, -2), Last: start},
		"crm":   {Heard: start}, // it was of another kind
	})
	said := map[string]any{}
	for _, channel := range s.must(200, call{method: "GET", path: "/settings"})["channels"].([]any) {
		c := channel.(map[string]any)
		said[c["name"].(string)] = c["feedback"]
	}
	require.Equal(t, map[string]any{"crm": nil, "heard": "heard", "lost": "missing", "new": "waiting"}, said)
}
