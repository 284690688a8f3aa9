package dynamo_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/dev/apitest"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/engine"
	"journeys/internal/manifest"
)

// reachable is the API with channels that send to addresses, at a tenant with topics.
type reachable struct {
	*fixture
	t       *testing.T
	key     key.Key
	handler http.Handler
	read    float64 // units that the last call read
}

func newReachable(t *testing.T) *reachable {
	k, err := key.Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	require.NoError(t, err)
	p := &reachable{fixture: newFixture(t), t: t, key: k}
	p.now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	p.handler = apitest.Handler(apitest.Config{
		Stores: p.store.Handlers(), Addresses: p.store.Addresses, Key: key.Fixed(k), Now: func() time.Time { return p.now },
		Catalog: &catalog.Catalog{Channels: catalog.List{
			"letters": {Kind: "ses", Address: "email"}, "texts": {Kind: "sns", Address: "phone"}, "push": {Kind: "http"},
		}},
	})
	p.call(200, "PUT", "/tenant-settings", `{"topics":{"news":{"name":"N","channels":["letters"],"default":"in"},`+
		`"tips":{"name":"T","channels":["push","texts"],"default":"in"},"chat":{"name":"C","channels":["push"],"default":"in"}}}`)
	return p
}

// call calls the API, requires a status and returns the body.
func (p *reachable) call(status int, method, path, body string) string {
	p.t.Helper()
	ctx, meter := capacity.WithMeter(p.t.Context())
	r := httptest.NewRequestWithContext(ctx, method, manifest.BasePath+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := apitest.Serve(p.handler, r, apitest.Caller(demo.String(), manifest.Admin, p.now))
	require.Equal(p.t, status, w.Code, "%s %s: %s", method, path, w.Body)
	p.read = meter.Usage().ReadUnits
	return w.Body.String()
}

func (p *reachable) requireState(method, body, topics, since string) {
	p.t.Helper()
	want := fmt.Sprintf(`{"customerId":"bob","topics":{%s},"since":{%s}}`, topics, since)
	require.JSONEq(p.t, want, p.call(200, method, "/customers/bob/subscriptions", body))
}

// judge returns what a worker says of a message about news to bob at an address.
func (p *reachable) judge(hash string) consent.Verdict {
	p.t.Helper()
	k := engine.ConsentKey{Customer: "bob", Address: hash}
	read, err := p.store.Engine.Consents(p.t.Context(), demo, []engine.ConsentKey{k})
	require.NoError(p.t, err)
	message := consent.Message{Topic: "news", Channel: "letters", Via: "letters"}
	return read.Tenant.Topics.Judge(message, read.ByKey[k].Said, read.ByKey[k].Address)
}

// What the calls answer is what holds for the customer's messages: an opt-out that outlived
// an earlier customer with the same address counts, until this customer subscribes again.
func TestSubscriptions_CountOptOutsOfAddresses(t *testing.T) {
	t.Parallel()
	p := newReachable(t)
	p.call(200, "PUT", "/customers/ada", `{"attributes":{"email":"Ada@example.com","phone":"+49 170 1234567"}}`)
	p.call(200, "PUT", "/customers/ada/subscriptions", `{"topics":{"news":false,"tips":false,"chat":false}}`)
	p.now = p.now.Add(time.Hour)
	p.requireState("GET", "", `"news":true,"tips":true,"chat":true`, ``)
	p.call(204, "DELETE", "/customers/ada", "")
	p.requireState("GET", "", `"news":true,"tips":true,"chat":true`, ``)

	p.call(200, "PUT", "/customers/bob", `{"attributes":{"email":"ada@EXAMPLE.com"}}`)
	optedOut := `"news":"2026-11-23T10:00:00.000Z"`
	p.requireState("GET", "", `"news":false,"tips":true,"chat":true`, optedOut)
	p.call(200, "PUT", "/customers/bob", `{"attributes":{"email":"ada@EXAMPLE.com","phone":491701234567}}`)
	both := optedOut + `,"tips":"2026-11-23T10:00:00.000Z"`
	p.requireState("GET", "", `"news":false,"tips":false,"chat":true`, both)

	restated := `"news":"2026-11-23T11:00:00.000Z","tips":"2026-11-23T10:00:00.000Z"`
	p.requireState("PUT", `{"topics":{"news":true}}`, `"news":true,"tips":false,"chat":true`, restated)
	p.now = p.now.Add(time.Hour)
	p.requireState("PUT", `{"topics":{"news":true}}`, `"news":true,"tips":false,"chat":true`, restated)
	p.requireState("GET", "", `"news":true,"tips":false,"chat":true`, restated)

	hash := p.key.Address(demo, "email", "ada@example.com")
	require.Equal(t, consent.Allowed, p.judge(hash))
	require.NoError(t, p.store.Addresses.OptOut(t.Context(), demo, hash, map[string]time.Time{"news": p.now.Add(time.Minute)}))
	require.Equal(t, consent.Unsubscribed, p.judge(hash))
	p.requireState("GET", "", `"news":false,"tips":false,"chat":true`, `"news":"2026-11-23T12:01:00.000Z","tips":"2026-11-23T10:00:00.000Z"`)
	p.requireState("PUT", `{"topics":{"news":true}}`, `"news":true,"tips":false,"chat":true`,
		`"news":"2026-11-23T12:01:00.001Z","tips":"2026-11-23T10:00:00.000Z"`)
	require.Equal(t, consent.Allowed, p.judge(hash))
}

// A tenant of which no address is kept pays for no reading of one.
func TestSubscriptions_ReadAddressesOnlyIfThereAreSome(t *testing.T) {
	t.Parallel()
	p := newReachable(t)
	p.call(200, "PUT", "/customers/bob", `{"attributes":{"email":"bob@example.com"}}`)
	p.call(200, "GET", "/customers/bob/subscriptions", "")
	few := p.read
	p.call(200, "PUT", "/suppressions/letters/eve@example.com", "")
	p.call(200, "GET", "/customers/bob/subscriptions", "")
	require.InDelta(t, few+2, p.read, 0, "the profile and an address")
}
