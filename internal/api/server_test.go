package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/auth"
	"journeys/internal/consent/key"
	"journeys/internal/dev/apitest"
	"journeys/internal/manifest"
	"journeys/internal/suppression"
)

var testKey, _ = key.Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// server is the API over a store. Its clock is fixed at start.
type server struct {
	t       testing.TB
	handler http.Handler
	log     bytes.Buffer
}

// newServer counts no journey unless the store is an analytics.Table.
func newServer(t testing.TB, store apitest.Store) *server {
	table, ok := store.(analytics.Table)
	if !ok {
		table = countedStore{Store: store}
	}
	s := &server{t: t}
	addresses, _ := store.(suppression.Store)
	s.handler = apitest.Handler(apitest.Config{
		Addresses: addresses, Key: key.Fixed(testKey),
		Stores: apitest.Stores(store), Analytics: table,
		Now: func() time.Time { return start }, Log: slog.New(slog.NewJSONHandler(&s.log, nil)),
	})
	return s
}

// caller returns a caller of the tenant t1.
func caller(role string) auth.Caller { return apitest.Caller("t1", role, start) }

// call is one request. The zero value is a GET of an editor, without a body.
type call struct {
	method, path, body string
	header             []string // names and values in turn; the default content type of a body is JSON
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
	as := caller(manifest.Editor)
	if c.caller != nil {
		as = *c.caller
	}
	return apitest.Serve(s.handler, r, as)
}

// must requires the status of a call, and returns the body of its answer.
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

// create creates a journey and returns its id.
func (s *server) create(body string) string {
	s.t.Helper()
	return s.must(201, call{method: "POST", path: "/journeys", body: body})["id"].(string)
}

// createActive creates an active journey and returns its id.
func (s *server) createActive() string {
	s.t.Helper()
	id := s.create(`{"name":"Welcome","definition":` + wholeGraph + `}`)
	s.must(200, call{method: "PUT", path: "/journeys/" + id, body: `{"status":"active"}`})
	return id
}

// transcript prints an answer with the headers that the API documents.
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
