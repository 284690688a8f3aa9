package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"journeys/internal/dev/issuer"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/client"
	"journeys/internal/dev/openapi"
	"journeys/internal/manifest"
)

// caller calls the API with one token.
type caller struct {
	t     *testing.T
	token string // "" sends none
}

// calls counts the answered calls of all tests.
var calls atomic.Int64

// newTenant returns the name of a new tenant.
func newTenant() string { return "e2e-" + rand.Text() }

// as returns a caller with a role in a tenant.
func as(t *testing.T, role, tenant string) caller {
	return caller{t, sign(t, claims(role, tenant))}
}

// claims returns the claims of a valid token.
func claims(role, tenant string) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": issuer.Name, "aud": issuer.Audience, "sub": "e2e",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"tenant": tenant, "role": role,
	}
}

// with returns the claims with one of them changed, or removed if value is nil.
func with(claims map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(claims)
	if changed[name] = value; value == nil {
		delete(changed, name)
	}
	return changed
}

// sign returns a token with these claims that the API trusts.
func sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	token, err := target.issuer.Sign(claims)
	require.NoError(t, err)
	return token
}

// answer is the API's answer to a call.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any // nil unless the text is a JSON object
}

// call makes a call to a path below the base path. A body is JSON unless header,
// which holds names and values in turn, sets another Content-Type.
func (c caller) call(method, path, body string, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, header...)
	require.NoError(c.t, err)
	return a
}

// try is call for tests in which calls may stay without an answer.
func (c caller) try(method, path, body string, header ...string) (answer, error) {
	api := client.Client{Base: target.url + manifest.BasePath, Token: client.Fixed(c.token)}
	if target.machine != nil { // other gateways have answers of their own
		api.HTTP = &http.Client{Transport: document().Transport(nil, c.t)}
	}
	return newAnswer(api.Call(c.t.Context(), method, path, []byte(body), header...))
}

// document is openapi.yaml, against which every answer is checked.
var document = sync.OnceValue(openapi.Load)

// newAnswer counts and decodes the answer to a call.
func newAnswer(from client.Answer, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	calls.Add(1)
	a := answer{status: from.Status, header: from.Header, text: string(from.Body)}
	if json.Unmarshal(from.Body, &a.body) != nil {
		a.body = nil
	}
	return a, nil
}

// must makes a call that must be answered with status.
func (c caller) must(status int, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.call(method, path, body, header...)
	require.Equal(c.t, status, a.status, "%s %s: %s", method, path, a.text)
	return a
}

// refused makes a call that must be answered with a problem document of that
// status and code.
func (c caller) refused(status int, code, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.must(status, method, path, body, header...)
	require.Equal(c.t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(c.t, code, a.body["code"], a.text)
	require.InDelta(c.t, status, a.body["status"], 0)
	require.Equal(c.t, "urn:journeys:problem:"+code, a.body["type"])
	require.NotEmpty(c.t, a.body["requestId"])
	return a
}

// pointers returns the JSON Pointers of a problem document's faults.
func (a answer) pointers() []string {
	var pointers []string
	faults, _ := a.body["errors"].([]any)
	for _, f := range faults {
		pointers = append(pointers, f.(map[string]any)["pointer"].(string))
	}
	return pointers
}

// id returns the id in an answer.
func (a answer) id() string { return a.body["id"].(string) }

// create creates a journey and returns its path.
func (c caller) create(name, definition string) string {
	c.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"definition":%s}`, name, definition)
	return "/journeys/" + c.must(http.StatusCreated, "POST", "/journeys", body).id()
}

// createActive creates an active journey and returns its path.
func (c caller) createActive(definition string) string {
	c.t.Helper()
	path := c.create("Welcome", definition)
	c.must(http.StatusOK, "PUT", path, `{"status":"active"}`)
	return path
}

// ids returns a JSON array of n customer ids.
func ids(prefix string, n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, `,"%s-%d"`, prefix, i)
	}
	return "[" + list.String()[1:] + "]"
}

// counts checks the counts in the answer to an enroll call.
func (a answer) counts(t *testing.T, enrolled, skipped int) {
	t.Helper()
	want := map[string]any{"enrolled": enrolled, "skipped": skipped, "errors": 0, "total": enrolled + skipped}
	for name, n := range want {
		require.InDelta(t, n, a.body[name], 0, "%s in %s", name, a.text)
	}
}

// The graphs of the tests' journeys.
const (
	wholeGraph = `{"nodes":[` +
		`{"id":"in","type":"entry_trigger","config":{},"position":{"x":0,"y":0}},` +
		`{"id":"pause","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},` +
		`{"id":"rich","type":"condition_split","config":{"condition":{"field":"spend","operator":"gt","value":5}}},` +
		`{"id":"offer","type":"nba_decision","config":{"decisionFlowId":"best"}},` +
		`{"id":"mail","type":"channel_action","config":{"channel":"email","templateId":"t"}},` +
		`{"id":"out","type":"exit","config":{"reason":"converted"}}],"edges":[` +
		`{"id":"e1","source":"in","target":"pause","sourceHandle":null},{"source":"pause","target":"rich"},` +
		`{"source":"rich","target":"offer","sourceHandle":"true"},{"source":"rich","target":"out","sourceHandle":"false"},` +
		`{"source":"offer","target":"mail"},{"source":"mail","target":"out"}]}`
	shortGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"out","type":"exit"}],` +
		`"edges":[{"source":"in","target":"out"}]}`
	emptyGraph = `{"nodes":[],"edges":[]}`
)
