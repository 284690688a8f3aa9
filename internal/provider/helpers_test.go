package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/payload"
	"journeys/internal/strict"
)

const (
	testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	private    = "ada@private.test" // must not be in any error
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// request is a request to a target.
type request struct {
	path   string
	header http.Header
	body   string
}

// serve runs a target that answers by handler. It returns the target's address and
// the requests to it.
func serve(t *testing.T, handler http.HandlerFunc) (address string, requests chan request) {
	t.Helper()
	requests = make(chan request, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- request{r.URL.EscapedPath(), r.Header.Clone(), string(body)}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// calling returns a provider whose default flow and channel have this address.
func calling(t *testing.T, address string, now func() time.Time) *Provider {
	t.Helper()
	target := fmt.Sprintf(`{"type": "http", "url": %q, "secret": %q}`, address, testSecret)
	return with(t, now, fmt.Sprintf(`{"decisions": {"*": %s}, "channels": {"*": %s}, "allowPrivate": ["127.0.0.1"]}`,
		target, target))
}

func with(t *testing.T, now func() time.Time, settings string) *Provider {
	t.Helper()
	s, err := ParseSettings([]byte(settings))
	require.NoError(t, err)
	return New(s, now, Network{})
}

func value(t *testing.T, text string) condition.Value {
	t.Helper()
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}

func text(v condition.Value) string { return string(v.AppendJSON(nil)) }

func tenant() ident.Tenant {
	t, _ := ident.ParseTenant("acme")
	return t
}

func newQuestion(t *testing.T, config graph.DecisionConfig) engine.DecisionRequest {
	t.Helper()
	return engine.DecisionRequest{
		Key: "key-1", Tenant: tenant(), Journey: "jrn_1", Customer: private, NodeID: "n1", Config: config,
		Attributes: value(t, `{"email":"`+private+`","phone":"+4312345","n":12345678901234567890}`),
	}
}

func newMessage(t *testing.T, config graph.ActionConfig) engine.Message {
	t.Helper()
	return engine.Message{
		ID:  messageID,
		Key: "key-1", Tenant: tenant(), Journey: "jrn_1", Customer: private, NodeID: "n1", Config: config,
		Facts: condition.Facts{Attributes: value(t, `{"email":"`+private+`","phone":"+4312345"}`)},
	}
}

// requireSigned checks a signature as a receiver does.
func requireSigned(t *testing.T, r request, key string, at time.Time) {
	t.Helper()
	require.Equal(t, key, r.header.Get("Idempotency-Key"))
	require.Equal(t, key, r.header.Get("Webhook-Id"))
	require.Equal(t, fmt.Sprint(at.Unix()), r.header.Get("Webhook-Timestamp"))
	require.Equal(t, signature(t, testSecret, r.header, r.body), r.header.Get("Webhook-Signature"))
}

// signature returns the signature that a secret gives a request.
func signature(t *testing.T, secret string, header http.Header, body string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// payload compiles a payload.
func readPayload(t *testing.T, text string) *payload.Payload {
	t.Helper()
	var faults strict.Faults
	v, _ := strict.Parse([]byte(text), &faults)
	p := payload.Read(v)
	require.Empty(t, faults.List())
	return p
}

func requireThrottled(t *testing.T, err error, after time.Duration) {
	t.Helper()
	var throttled *engine.ThrottledError
	require.ErrorAs(t, err, &throttled)
	require.Equal(t, after, throttled.After)
}

// hang serves the text of first and then blocks until the client disconnects,
// which it reports on gone.
func hang(t *testing.T, first string) (address string, gone chan bool) {
	t.Helper()
	gone = make(chan bool, 1)
	address, _ = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if first != "" {
			fmt.Fprint(w, first)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		gone <- true
	})
	return address, gone
}

// raw answers each connection with text.
func raw(t *testing.T, text string) (address string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}
