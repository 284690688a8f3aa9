package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/api"
	"journeys/internal/auth"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// server is the whole API over a store, with a clock that stands still and ids
// that are the same in each run.
type server struct {
	t   testing.TB
	mux *http.ServeMux
	log bytes.Buffer
}

// stores is all that a journey.Service uses, for fakes that are one type.
type stores interface {
	journey.JourneyStore
	journey.EnrollmentStore
	journey.CustomerStore
	journey.EventStore
}

func newServer(t testing.TB, store stores) *server {
	now := func() time.Time { return start }
	s := &server{t: t, mux: http.NewServeMux()}
	table, ok := store.(analytics.Table)
	if !ok {
		table = counted{stores: store}
	}
	a := &api.API{
		Journeys:  journey.NewService(journey.Stores{Journeys: store, Enrollments: store, Customers: store, Events: store}, now, rand.NewChaCha8([32]byte{})),
		Analytics: analytics.NewReader(table),
		Log:       slog.New(slog.NewJSONHandler(&s.log, nil)),
		Now:       now,
		Meter: func(ctx context.Context) (context.Context, func() slog.Attr) {
			return ctx, func() slog.Attr { return slog.Int("used", 7) }
		},
	}
	for _, op := range api.Operations() {
		s.mux.Handle(op.Key(), a.Handler(op))
	}
	return s
}

// caller returns somebody of the tenant t1.
func caller(role string) auth.Caller {
	tenant, _ := journey.ParseTenant("t1")
	return auth.Caller{Subject: "s1", Tenant: tenant, Role: role, ExpiresAt: start.Add(time.Hour)}
}

// call is one request. The zero values are an editor's GET without a body.
type call struct {
	method, path, body string
	header             []string // names and values in turn; a body is JSON unless said here
	caller             *auth.Caller
}

func (s *server) do(c call) *httptest.ResponseRecorder {
	var body io.Reader = http.NoBody
	if c.body != "" {
		body = strings.NewReader(c.body)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), c.method, manifest.BasePath, body)
	path, query, _ := strings.Cut(c.path, "?")
	r.URL.Path, r.URL.RawQuery = manifest.BasePath+path, query
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(c.header); i += 2 {
		if i == 0 || c.header[i] != c.header[i-2] {
			r.Header.Del(c.header[i])
		}
		r.Header.Add(c.header[i], c.header[i+1])
	}
	who := caller(manifest.Editor)
	if c.caller != nil {
		who = *c.caller
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), who)))
	return w
}

// must makes a call that has to succeed, and returns its answer's body.
func (s *server) must(status int, c call) map[string]any {
	s.t.Helper()
	w := s.do(c)
	require.Equal(s.t, status, w.Code, w.Body.String())
	var body map[string]any
	if w.Body.Len() > 0 {
		require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &body))
	}
	return body
}

const (
	wholeGraph = `{"nodes":[{"id":"in","type":"entry_trigger","config":{}},` +
		`{"id":"pause","type":"wait","config":{"delayHours":48}},` +
		`{"id":"rich","type":"condition_split","config":{"condition":{"field":"spend","operator":"gt","value":5}}},` +
		`{"id":"offer","type":"nba_decision","config":{"decisionFlowId":"best"}},` +
		`{"id":"mail","type":"channel_action","config":{"channel":"email","templateId":"t"}},` +
		`{"id":"out","type":"exit","config":{"reason":"converted"},"position":{"x":1,"y":2}}],` +
		`"edges":[{"source":"in","target":"pause"},{"source":"pause","target":"rich"},` +
		`{"source":"rich","target":"offer","sourceHandle":"true"},{"source":"rich","target":"out","sourceHandle":"false"},` +
		`{"source":"offer","target":"mail"},{"source":"mail","target":"out"}]}`
	shortGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`
)

// create makes a journey and returns its id.
func (s *server) create(body string) string {
	s.t.Helper()
	return s.must(201, call{method: "POST", path: "/journeys", body: body})["id"].(string)
}

// createActive makes a journey that takes customers.
func (s *server) createActive() string {
	s.t.Helper()
	id := s.create(`{"name":"Welcome","definition":` + wholeGraph + `}`)
	s.must(200, call{method: "PUT", path: "/journeys/" + id, body: `{"status":"active"}`})
	return id
}

// golden compares got with the file, or writes it under -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write the file")
	require.Equal(t, string(want), got)
}

// transcript prints an answer with the headers that we promise.
func transcript(w *httptest.ResponseRecorder) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d\n", w.Code)
	for _, name := range []string{"Content-Type", "ETag", "Location", "Retry-After", "Www-Authenticate"} {
		if value := w.Header().Get(name); value != "" {
			fmt.Fprintf(&text, "%s: %s\n", name, value)
		}
	}
	return text.String() + w.Body.String() + "\n\n"
}

func TestEveryRouteHasItsOperation(t *testing.T) {
	t.Parallel()

	var routes []manifest.Route
	for _, op := range api.Operations() {
		routes = append(routes, op.Route)
	}
	require.Equal(t, manifest.Routes(), routes)
}

// The name of an operation, of the route in it, and of its function are one
// name, so that a slip in any of the three shows.
func TestEveryFunctionServesTheOperationOfItsName(t *testing.T) {
	t.Parallel()

	source, err := os.ReadFile("api.go")
	require.NoError(t, err)
	operations := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) += Operation\{manifest\.(\w+),`).FindAllStringSubmatch(string(source), -1) {
		require.Equal(t, m[1], m[2])
		operations[m[1]] = true
	}
	require.Len(t, operations, len(manifest.Routes()))
	for _, route := range manifest.Routes() {
		id := route.Function.LogicalID()
		require.True(t, operations[id], "no operation %s", id)
		main, err := os.ReadFile("../../functions/" + route.Function.Name + "/main.go")
		require.NoError(t, err)
		run := "boot.Endpoint(api." + id + ")"
		if route.Function.Invokes != "" {
			run = "boot.NudgingEndpoint(api." + id + ", dispatch.Lambda)"
		}
		require.Contains(t, string(main), "func main() { "+run+" }")
		require.Contains(t, string(main), "// Command "+route.Function.Name+" serves "+route.Key()+".\n")
	}
}

func TestOnlyTheRolesOfARouteMayCallIt(t *testing.T) {
	t.Parallel()

	roles := []string{manifest.Admin, manifest.Editor, manifest.Viewer, manifest.Ingest, "owner", ""}
	s := newServer(t, &memory{})
	for _, op := range api.Operations() {
		for _, role := range roles {
			who := caller(role)
			w := s.do(call{method: op.Method, path: strings.ReplaceAll(op.Path, "{id}", missing), caller: &who})
			allowed := strings.Contains(strings.Join(op.Roles, " "), role) && role != ""
			require.Equal(t, !allowed, w.Code == 403, "%s as %q: %d", op.Key(), role, w.Code)
		}
	}
}

func TestEveryAnswerForbidsCachesAndGuessing(t *testing.T) {
	t.Parallel()

	s := newServer(t, &memory{})
	id := s.create(`{"name":"n"}`)
	for _, path := range []string{"/journeys", "/journeys/" + id, "/journeys/nothing", "/journeys?limit=0"} {
		header := s.do(call{method: "GET", path: path}).Header()
		require.Equal(t, "no-store", header.Get("Cache-Control"), path)
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
	}
}

// counted is a store with what is counted of every journey.
type counted struct {
	stores
	counters analytics.Counters
}

func (c counted) Counters(context.Context, journey.Tenant, journey.ID, analytics.Range) (analytics.Counters, error) {
	return c.counters, nil
}

// memory is a store that forgets, for tests of what stands before and after a
// store. It knows nothing of enrollments made before.
type memory struct {
	stores

	mu       sync.Mutex
	journeys []journey.Journey // newest first
	keys     map[string]journey.KeyRecord
	profiles map[string]journey.Profile
	events   map[string]journey.EventRecord
}

func (m *memory) PutProfile(_ context.Context, _ journey.Tenant, p journey.Profile) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.profiles == nil {
		m.profiles = map[string]journey.Profile{}
	}
	m.profiles[p.Customer] = p
	return nil
}

func (m *memory) Profile(_ context.Context, _ journey.Tenant, customer string) (journey.Profile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.profiles[customer]; ok {
		return p, nil
	}
	return journey.Profile{}, journey.ErrNoCustomer
}

func (m *memory) Enrollment(context.Context, journey.Tenant, journey.ID, string) (journey.Enrollment, error) {
	return journey.Enrollment{}, journey.ErrNotEnrolled
}

func (m *memory) ReserveEvent(
	_ context.Context, _ journey.Tenant, r journey.EventRecord, _ time.Time,
) (journey.EventRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		m.events = map[string]journey.EventRecord{}
	}
	if kept, ok := m.events[r.ID]; ok {
		return kept, nil
	}
	m.events[r.ID] = r
	return r, nil
}

func (m *memory) FinishEvent(context.Context, journey.Tenant, journey.EventRecord) error { return nil }

func (m *memory) PutLastEvent(context.Context, journey.Tenant, string, string, time.Time) error {
	return nil
}

func (m *memory) Enrollments(context.Context, journey.Tenant, string) ([]journey.Enrollment, []journey.Damage, error) {
	return nil, nil, nil
}

func (m *memory) StartedBy(context.Context, journey.Tenant, string) ([]journey.ID, error) {
	return nil, nil
}

func (m *memory) ReadPartition(
	context.Context, journey.Partition, int, *journey.DueKey,
) ([]journey.Indexed, *journey.DueKey, error) {
	return nil, nil, nil
}

func (m *memory) DrainFrom(context.Context, journey.Tenant, journey.ID) (int, error) { return -1, nil }

func (m *memory) Forget(context.Context, journey.Tenant, string, time.Time) error { return nil }

func (m *memory) Create(_ context.Context, _ journey.Tenant, j journey.Journey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.journeys = append([]journey.Journey{j}, m.journeys...)
	return nil
}

func (m *memory) Journey(_ context.Context, t journey.Tenant, id journey.ID) (journey.Journey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.journeys {
		if j.ID == id && t.String() == "t1" {
			j.Definition = nil
			return j, nil
		}
	}
	return journey.Journey{}, journey.ErrNotFound
}

func (m *memory) Definition(_ context.Context, _ journey.Tenant, id journey.ID, _ string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.journeys {
		if j.ID == id {
			return j.Definition, nil
		}
	}
	return nil, journey.ErrNotFound
}

func (m *memory) List(_ context.Context, _ journey.Tenant, f journey.Filter) (journey.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var page journey.Page
	for _, j := range m.journeys {
		if f.Status != "" && f.Status != j.Status {
			continue
		}
		if page.Total >= f.Offset && len(page.Journeys) < f.Limit {
			j.Definition = nil
			page.Journeys = append(page.Journeys, j)
		}
		page.Total++
	}
	return page, nil
}

func (m *memory) Update(_ context.Context, _ journey.Tenant, old, next journey.Journey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.journeys {
		if m.journeys[i].ID == old.ID {
			m.journeys[i] = next
		}
	}
	return nil
}

func (m *memory) Delete(_ context.Context, _ journey.Tenant, j journey.Journey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.journeys {
		if m.journeys[i].ID == j.ID {
			m.journeys = append(m.journeys[:i], m.journeys[i+1:]...)
			return nil
		}
	}
	return journey.ErrNotFound
}

func (m *memory) Insert(_ context.Context, _ journey.Tenant, _ int, list []journey.Enrollment) []journey.Outcome {
	outcomes := make([]journey.Outcome, len(list))
	for i, e := range list {
		outcomes[i] = journey.Outcome{Result: journey.OutcomeEnrolled}
		if strings.HasPrefix(e.Customer, "throttled") {
			outcomes[i] = journey.Outcome{Result: journey.OutcomeError, Code: "table-throttled"}
		}
	}
	return outcomes
}

func (m *memory) ReserveKey(
	_ context.Context, _ journey.Tenant, _ journey.ID, r journey.KeyRecord, _ time.Time,
) (journey.KeyRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[string]journey.KeyRecord{}
	}
	if kept, ok := m.keys[r.Key]; ok {
		return kept, nil
	}
	m.keys[r.Key] = r
	return r, nil
}
