package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/dev/apitest"
	"journeys/internal/manifest"
)

const topics = `{"topics":{"news":{"name":"News","channels":["push","email"],"default":"out"},"tips":{"name":"Tips","channels":["email"],"default":"in"}}}`

// asAdmin returns a call of an admin of the tenant t1.
func asAdmin(method, path, body string, header []string) call {
	admin := apitest.Caller("t1", manifest.Admin, start)
	return call{method: method, path: path, body: body, header: header, caller: &admin}
}

func text(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	require.NoError(t, err)
	return string(b)
}

func TestTenantSettings_ReplaceTheTopics(t *testing.T) {
	t.Parallel()
	s := newConfigured(t, catalog.Catalog{Channels: catalog.List{"email": {Kind: "ses"}, "push": {Kind: "http"}}}, nil)
	first := s.must(200, asAdmin("GET", "/tenant-settings", "", nil))
	page := first["unsubscribePage"]
	require.Regexp(t, `^/u/[A-Za-z0-9_-]+$`, page)
	require.Equal(t, map[string]any{"topics": map[string]any{}, "unsubscribePage": page}, first)
	tagged := func(header, tag string) []string { return []string{header, tag} }

	stored := s.must(200, asAdmin("PUT", "/tenant-settings", topics, tagged("If-Match", `"0"`)))
	require.Equal(t, `{"news":{"channels":["email","push"],"default":"out","name":"News"},"tips":{"channels":["email"],"default":"in","name":"Tips"}}`, text(t, stored["topics"]))
	require.NotEmpty(t, stored["updatedAt"])
	require.Equal(t, stored, s.must(200, asAdmin("PUT", "/tenant-settings", text(t, stored), tagged("If-Match", `"1"`))), "the same again")
	read := s.must(200, asAdmin("GET", "/tenant-settings", "", nil))
	require.Equal(t, page, read["unsubscribePage"])
	require.Equal(t, stored, s.must(200, asAdmin("PUT", "/tenant-settings", text(t, read), tagged("If-Match", `"1"`))), "an answer sent back")
	delete(read, "unsubscribePage")
	require.Equal(t, stored, read)
	s.must(304, asAdmin("GET", "/tenant-settings", "", tagged("If-None-Match", `"1"`)))
	stale := s.must(412, asAdmin("PUT", "/tenant-settings", `{"topics":{}}`, tagged("If-Match", `"0"`)))
	require.Equal(t, "stale-settings", stale["code"])

	viewer := apitest.Caller("t1", manifest.Viewer, start)
	shown := s.must(200, call{method: "GET", path: "/settings", caller: &viewer})
	require.Equal(t, stored["topics"], shown["topics"])
	foreign := apitest.Caller("t2", manifest.Admin, start)
	require.Empty(t, s.must(200, call{method: "GET", path: "/settings", caller: &foreign})["topics"])
	s.must(403, call{method: "GET", path: "/tenant-settings"})

	s.must(200, asAdmin("PUT", "/tenant-settings", `{"topics":{}}`, tagged("If-Match", `"1"`)))
}

// A deployment that takes a channel away does not stand in the way of other changes.
func TestTenantSettings_KeepAChannelThatIsGone(t *testing.T) {
	t.Parallel()
	channels := catalog.List{"email": {Kind: "ses"}, "push": {Kind: "http"}}
	s := newConfigured(t, catalog.Catalog{Channels: channels}, nil)
	s.must(200, asAdmin("PUT", "/tenant-settings", topics, nil))
	delete(channels, "push")
	read := text(t, s.must(200, asAdmin("GET", "/tenant-settings", "", nil)))
	changed := strings.Replace(read, `"News"`, `"Novelties"`, 1)
	require.Contains(t, text(t, s.must(200, asAdmin("PUT", "/tenant-settings", changed, nil))["topics"]), `{"channels":["email","push"],"default":"out","name":"Novelties"}`)

	elsewhere := `{"topics":{"tips":{"name":"Tips","channels":["email","push"],"default":"in"}}}`
	refused := s.must(400, asAdmin("PUT", "/tenant-settings", elsewhere, nil))
	require.Contains(t, text(t, refused["errors"]), `"/topics/tips/channels/1"`)
}

func TestTenantSettings_RefuseWithEveryFault(t *testing.T) {
	t.Parallel()
	s := newConfigured(t, catalog.Catalog{Channels: catalog.List{"email": {Kind: "ses"}, "sms": {Kind: "sns", Tenants: []string{"t2"}}}}, nil)
	many := make([]string, 51)
	for i := range many {
		many[i] = `"t` + strings.Repeat("x", i) + `":{"name":"n","channels":["email"],"default":"in"}`
	}
	for body, want := range map[string]string{
		`{}`: `[{"detail":"is required","pointer":"/topics"}]`,
		`{"topics":{"a b":{},"c":{"name":"","channels":[],"default":"maybe","x":1},"d":{"name":"D","channels":["sms","email","email"],"default":"in"}}}`: `[` +
			`{"detail":"the name must be a topic's id: 1 to 64 of A-Z, a-z, 0-9, _ and -","pointer":"/topics/a b"},{"detail":"is required","pointer":"/topics/a b/name"},` +
			`{"detail":"is required","pointer":"/topics/a b/default"},{"detail":"is required","pointer":"/topics/a b/channels"},` +
			`{"detail":"must not be empty","pointer":"/topics/c/name"},{"detail":"must be one of in, out","pointer":"/topics/c/default"},` +
			`{"detail":"must have 1 to 20 channels, has 0","pointer":"/topics/c/channels"},` +
			`{"detail":"unknown field; allowed here: name, channels, default","pointer":"/topics/c/x"},` +
			`{"detail":"is not a channel that this tenant may use; GET /settings lists them","pointer":"/topics/d/channels/0"},` +
			`{"detail":"is listed before","pointer":"/topics/d/channels/2"}]`,
		`{"topics":{"a":{"name":"  ","channels":["email"],"default":"in"},"b":{"name":"x\ny","channels":["email"],"default":"in"}}}`: `[` +
			`{"detail":"must not be blank or have control characters","pointer":"/topics/a/name"},` +
			`{"detail":"must not be blank or have control characters","pointer":"/topics/b/name"}]`,
		`{"topics":{` + strings.Join(many, ",") + `}}`: `[{"detail":"must have at most 50 topics, has 51","pointer":"/topics"}]`,
	} {
		require.JSONEq(t, want, text(t, s.must(400, asAdmin("PUT", "/tenant-settings", body, nil))["errors"]))
	}
}

func TestSubscriptions_AreWhatCustomersSaidLast(t *testing.T) {
	t.Parallel()
	s := newConfigured(t, catalog.Catalog{Channels: catalog.List{"email": {Kind: "ses"}, "push": {Kind: "http"}}}, nil)
	s.must(200, asAdmin("PUT", "/tenant-settings", topics, nil))
	path := "/customers/ada/subscriptions"
	get := func() string { return text(t, s.must(200, call{method: "GET", path: path})) }
	require.JSONEq(t, `{"customerId":"ada","topics":{"news":false,"tips":true},"since":{}}`, get())

	ingest := apitest.Caller("t1", manifest.Ingest, start)
	said := s.must(200, call{method: "PUT", path: path, body: `{"topics":{"news":true}}`, caller: &ingest})
	require.JSONEq(t, `{"customerId":"ada","topics":{"news":true,"tips":true},"since":{"news":"2026-11-23T10:00:00.000Z"}}`, text(t, said))
	require.JSONEq(t, text(t, said), get())
	s.must(200, call{method: "PUT", path: path, body: `{"topics":{"tips":true}}`})
	require.JSONEq(t, `{"customerId":"ada","topics":{"news":true,"tips":true},"since":{"news":"2026-11-23T10:00:00.000Z","tips":"2026-11-23T10:00:00.000Z"}}`, get())

	s.must(200, asAdmin("PUT", "/tenant-settings", `{"topics":{}}`, nil))
	require.JSONEq(t, `{"customerId":"ada","topics":{},"since":{}}`, get())
	s.must(200, asAdmin("PUT", "/tenant-settings", topics, nil))
	require.Contains(t, get(), `"news":true`, "what was said about a topic holds again when it comes back")
	s.must(200, call{method: "PUT", path: path, body: `{"topics":{"tips":false}}`})
	chat := `{"topics":{"chat":{"name":"C","channels":["push"],"default":"in"}}}`
	s.must(200, asAdmin("PUT", "/tenant-settings", chat, nil))
	s.must(200, call{method: "PUT", path: path, body: `{"topics":{"chat":true}}`})
	s.must(200, asAdmin("PUT", "/tenant-settings", topics, nil))
	require.JSONEq(t, `{"customerId":"ada","topics":{"news":false,"tips":false},"since":{"tips":"2026-11-23T10:00:00.000Z"}}`, get(),
		"of former topics, a change keeps the opt-outs")
	s.must(200, call{method: "PUT", path: path, body: `{"topics":{"news":true}}`})

	refused := s.must(400, call{method: "PUT", path: path, body: `{"topics":{"news":false,"old":true,"a/b":false}}`})
	require.JSONEq(t, `[{"pointer":"/topics/a~1b","detail":"the name must be a topic's id: 1 to 64 of A-Z, a-z, 0-9, _ and -"},`+
		`{"pointer":"/topics/old","detail":"is not a topic of this tenant; GET /settings lists them"}]`, text(t, refused["errors"]))
	refused = s.must(400, call{method: "PUT", path: path, body: `{"topics":{"nope":true,"news":"yes"}}`})
	require.JSONEq(t, `[{"pointer":"/topics/news","detail":"must be true or false"},`+
		`{"pointer":"/topics/nope","detail":"is not a topic of this tenant; GET /settings lists them"}]`, text(t, refused["errors"]))
	refused = s.must(400, call{method: "PUT", path: path, body: `{"topics":{"news":false,"old":true}}`})
	require.JSONEq(t, `[{"pointer":"/topics/old","detail":"is not a topic of this tenant; GET /settings lists them"}]`, text(t, refused["errors"]))
	require.Contains(t, get(), `"news":true`, "a refused call changes nothing")
	viewer := apitest.Caller("t1", manifest.Viewer, start)
	s.must(403, call{method: "GET", path: path, caller: &viewer})
}

func TestTopics_OfMessagesAreChecked(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})
	s.must(200, asAdmin("PUT", "/tenant-settings", topics, nil))
	define := func(config string) string {
		return `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"m","type":"channel_action","config":` + config + `},{"id":"out","type":"exit"}],` +
			`"edges":[{"source":"in","target":"m"},{"source":"m","target":"out"}]}`
	}
	create := func(want int, config string) map[string]any {
		return s.must(want, call{method: "POST", path: "/journeys", body: `{"name":"n","definition":` + define(config) + `}`})
	}
	for config, want := range map[string]string{
		`{"channel":"email","topic":"news"}`:       `[]`,
		`{"channel":"email","transactional":true}`: `[]`,
		`{"channel":"email","transactional":null}`: `[{"pointer":"/definition/nodes/1/config","detail":"has no topic and is not transactional; the message goes to customers whatever they unsubscribed from"}]`,
		`{"channel":"push","topic":"tips"}`:        `[{"pointer":"/definition/nodes/1/config/topic","detail":"names \"tips\", a topic that is not for the channel \"push\"; nobody gets the message"}]`,
		`{"channel":"email","topic":"old"}`:        `[{"pointer":"/definition/nodes/1/config/topic","detail":"names \"old\", a topic that the tenant does not have; nobody gets the message"}]`,
		`{"topic":"news"}`:                         `[]`,
	} {
		made := create(201, config)
		require.JSONEq(t, want, text(t, made["warnings"]), config)
		path := "/journeys/" + made["id"].(string)
		changed := s.must(200, call{method: "PUT", path: path, body: `{"name":"m"}`})
		require.JSONEq(t, want, text(t, changed["warnings"]), config)
		tested := s.must(200, call{method: "POST", path: path + "/test", body: `{}`})
		require.JSONEq(t, want, text(t, tested["warnings"]), config)
		draft := s.must(201, call{method: "PUT", path: path + "/draft", body: `{}`})
		require.JSONEq(t, want, text(t, draft["warnings"]), config)
	}
	refused := create(400, `{"channel":"email","topic":"news","transactional":true}`)
	require.JSONEq(t, `[{"pointer":"/definition/nodes/1/config/transactional","detail":"must not be true for a message with a topic"}]`, text(t, refused["errors"]))
	refused = create(400, `{"channel":"email","topic":"n ews","transactional":1}`)
	require.JSONEq(t, `[{"pointer":"/definition/nodes/1/config/topic","detail":"must have only A-Z, a-z, 0-9, _ and -"},`+
		`{"pointer":"/definition/nodes/1/config/transactional","detail":"must be true or false"}]`, text(t, refused["errors"]))
	linked := create(201, `{"channel":"email","transactional":true,"payload":{"a":"{{unsubscribe.url}}"}}`)
	stopped := s.must(400, call{method: "PUT", path: "/journeys/" + linked["id"].(string), body: `{"status":"active"}`})
	require.JSONEq(t, `[{"pointer":"/definition/nodes/1/config/payload/a","detail":"topic is required for {{unsubscribe.url}}"}]`, text(t, stopped["errors"]))
	made := create(201, `{"channel":"email","topic":"news"}`)
	path := "/journeys/" + made["id"].(string)
	again := s.must(200, call{method: "PUT", path: path, body: `{"definition":` + define(`{"channel":"email","topic":"tips"}`) + `}`})
	require.InDelta(t, 2, again["version"], 0, "another topic is another version")
}

func TestTopics_AreKnownToTests(t *testing.T) {
	t.Parallel()
	s := newServer(t, &memoryStore{})
	s.must(200, asAdmin("PUT", "/tenant-settings", topics, nil))
	made := s.must(201, call{method: "POST", path: "/journeys", body: `{"name":"n","definition":{` +
		`"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":48,"waitForEvent":"$unsubscribed"}},` +
		`{"id":"m","type":"channel_action","config":{"channel":"email","topic":"news"}},{"id":"out","type":"exit"}],` +
		`"edges":[{"source":"in","target":"w"},{"source":"w","target":"m"},{"source":"m","target":"out"}]}}`})
	path := "/journeys/" + made["id"].(string) + "/test"
	results := func(request string) (list []string) {
		t.Helper()
		for _, step := range s.must(200, call{method: "POST", path: path, body: request})["trace"].([]any) {
			list = append(list, step.(map[string]any)["result"].(string))
		}
		return list
	}
	ada := `"customerAttributes":{"email":"ada@example.com"}`
	require.Equal(t, []string{"entered", "waited", "sent", "exited"}, results(`{`+ada+`}`))
	require.Equal(t, []string{"entered", "waited", "sent", "exited"}, results(`{`+ada+`,"subscriptions":{"news":true,"tips":false}}`))
	require.Equal(t, []string{"entered", "waited", "skipped_unsubscribed", "exited"}, results(`{`+ada+`,"subscriptions":{"news":false}}`))
	event := `"events":[{"type":"$unsubscribed","afterHours":1,"properties":{"topic":"`
	require.Equal(t, []string{"entered", "woken", "skipped_unsubscribed", "exited"}, results(`{`+ada+`,`+event+`news"}}]}`))
	require.Equal(t, []string{"entered", "woken", "sent", "exited"}, results(`{`+ada+`,`+event+`tips"}}]}`))
	require.Equal(t, []string{"entered", "waited", "skipped_suppressed", "exited"}, results(`{`+ada+`,"suppressed":["email"]}`))
	unaddressed := s.must(400, call{method: "POST", path: path, body: `{"suppressed":["email","push"]}`})
	require.JSONEq(t, `[{"pointer":"/suppressed/1","detail":"is not a channel whose messages go to an address of the customer"}]`, text(t, unaddressed["errors"]))
	all := s.must(400, call{method: "POST", path: path, body: `{"subscriptions":{"old":false},"suppressed":["",1],"feedback":[7,{"step":"nope","is":"read","afterHours":-1},{}]}`})
	var pointers []string
	for _, fault := range all["errors"].([]any) {
		pointers = append(pointers, fault.(map[string]any)["pointer"].(string))
	}
	require.Equal(t, []string{
		"/feedback/0", "/feedback/1/is", "/feedback/1/afterHours", "/feedback/2/step", "/feedback/2/is", "/feedback/2/afterHours",
		"/suppressed/0", "/suppressed/1", "/subscriptions/old", "/feedback/1/step",
	}, pointers)
	refused := s.must(400, call{method: "POST", path: path, body: `{"subscriptions":{"old":false}}`})
	require.JSONEq(t, `[{"pointer":"/subscriptions/old","detail":"is not a topic of this tenant"}]`, text(t, refused["errors"]))
}
