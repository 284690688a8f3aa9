package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/issuer"
	"journeys/internal/dev/openapi"
	"journeys/internal/manifest"
)

// client calls the API with one token.
type client struct {
	t     *testing.T
	token string // "" sends none
}

// calls counts the answers that tests got.
var calls atomic.Int64

// newTenant returns a tenant of the test alone.
func newTenant() string { return "e2e-" + rand.Text() }

// as returns a client with a role in a tenant.
func as(t *testing.T, role, tenant string) client {
	return client{t, sign(t, claims(role, tenant))}
}

// claims are those of a good token.
func claims(role, tenant string) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": issuer.Name, "aud": issuer.Audience, "sub": "e2e",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"tenant": tenant, "role": role,
	}
}

// with returns the claims with one changed; nil takes it away.
func with(claims map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(claims)
	if changed[name] = value; value == nil {
		delete(changed, name)
	}
	return changed
}

func sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	token, err := target.issuer.Sign(claims)
	require.NoError(t, err)
	return token
}

// answer is what a call brought.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any // nil unless the text is a JSON object
}

// call makes one call. The path stands behind the base path; header holds
// names and values in turn; a body is JSON unless the header says otherwise.
func (c client) call(method, path, body string, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, header...)
	require.NoError(c.t, err)
	return a
}

// try is call for tests in which the answer may not come.
func (c client) try(method, path, body string, header ...string) (answer, error) {
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, target.url+manifest.BasePath+path, content)
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	watched := http.Client{}
	if target.machine != nil { // other gateways have answers of their own
		watched.Transport = document().Transport(nil, c.t)
	}
	return read(watched.Do(r))
}

// document is openapi.yaml, which every answer is held to.
var document = sync.OnceValue(openapi.Load)

func read(response *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	calls.Add(1)
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	if json.Unmarshal(text, &a.body) != nil {
		a.body = nil
	}
	return a, nil
}

// must makes a call that has to be answered with status.
func (c client) must(status int, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.call(method, path, body, header...)
	require.Equal(c.t, status, a.status, "%s %s: %s", method, path, a.text)
	return a
}

// refused makes a call that has to be answered with a problem document of that
// status and code.
func (c client) refused(status int, code, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.must(status, method, path, body, header...)
	require.Equal(c.t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(c.t, code, a.body["code"], a.text)
	require.InDelta(c.t, status, a.body["status"], 0)
	require.Equal(c.t, "urn:journeys:problem:"+code, a.body["type"])
	require.NotEmpty(c.t, a.body["requestId"])
	return a
}

// pointers returns where the faults of a problem document are.
func (a answer) pointers() []string {
	var places []string
	faults, _ := a.body["errors"].([]any)
	for _, f := range faults {
		places = append(places, f.(map[string]any)["pointer"].(string))
	}
	return places
}

func (a answer) id() string { return a.body["id"].(string) }

// create makes a journey and returns its path.
func (c client) create(name, definition string) string {
	c.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"definition":%s}`, name, definition)
	return "/journeys/" + c.must(http.StatusCreated, "POST", "/journeys", body).id()
}

// createActive makes a journey that takes customers and returns its path.
func (c client) createActive(definition string) string {
	c.t.Helper()
	path := c.create("Welcome", definition)
	c.must(http.StatusOK, "PUT", path, `{"status":"active"}`)
	return path
}

// ids returns a JSON array of n different customer ids.
func ids(prefix string, n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, `,"%s-%d"`, prefix, i)
	}
	return "[" + list.String()[1:] + "]"
}

// counts checks what an enroll call counted.
func (a answer) counts(t *testing.T, enrolled, skipped int) {
	t.Helper()
	want := map[string]any{"enrolled": enrolled, "skipped": skipped, "errors": 0, "total": enrolled + skipped}
	for name, n := range want {
		require.InDelta(t, n, a.body[name], 0, "%s in %s", name, a.text)
	}
}

// The graphs that tests save.
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
