package provider

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/trail"
)

func TestSend_ReadsStatuses(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		status     int
		retryAfter string
		wantErr    string
		throttled  time.Duration
	}{
		"200 is sent":                                 {status: 200},
		"202 is sent":                                 {status: 202},
		"204 is sent":                                 {status: 204},
		"302 is not followed":                         {status: 302, wantErr: "the target answered 302"},
		"404 is an error":                             {status: 404, wantErr: "the target answered 404"},
		"409 is an error":                             {status: 409, wantErr: "the target answered 409"},
		"500 is an error":                             {status: 500, wantErr: "the target answered 500"},
		"422 is an error for good":                    {status: 422, wantErr: "refused for good: the target answered 422"},
		"429 says when to come back":                  {status: 429, retryAfter: "90", throttled: 90 * time.Second},
		"503 says when to come back":                  {status: 503, retryAfter: "0"},
		"429 without a time has one of half a minute": {status: 429, throttled: 30 * time.Second},
		"503 without a time has one of half a minute": {status: 503, throttled: 30 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
			})
			result, err := calling(t, address, at(start)).Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
			switch {
			case test.wantErr != "":
				require.EqualError(t, err, `channel "push": `+test.wantErr)
				var refused *engine.RefusedError
				require.Equal(t, test.status == 422, errors.As(err, &refused))
			case test.status >= 300:
				requireThrottled(t, err, test.throttled)
			default:
				require.NoError(t, err)
				require.Equal(t, trail.Sent, result.Result)
			}
		})
	}
}

func TestSend_PostsTheMessage(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		config graph.ActionConfig
		want   string
	}{
		"with an e-mail address": {
			graph.ActionConfig{Channel: "email", TemplateID: "t", Payload: readPayload(t, `{"a":1e400}`)},
			`"channel":"email","templateId":"t","payload":{"a":1e400},"address":"` + private + `"`,
		},
		"with a telephone number": {
			graph.ActionConfig{Channel: "sms"}, `"channel":"sms","templateId":null,"payload":null,"address":"+4312345"`,
		},
		"without an address where none is needed": {
			graph.ActionConfig{Channel: "push"}, `"channel":"push","templateId":null,"payload":null`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, requests := serve(t, status(http.StatusAccepted))
			result, err := calling(t, address, at(start)).Send(t.Context(), newMessage(t, test.config))
			require.NoError(t, err)
			require.Equal(t, trail.Sent, result.Result)
			r := <-requests
			require.Equal(t, `{"idempotencyKey":"key-1","messageId":"`+messageID.String()+`","tenant":"acme","journeyId":"jrn_1","customerId":"`+private+
				`","nodeId":"n1",`+test.want+`,"at":"2026-11-23T10:00:00.000Z"}`, r.body)
			requireSigned(t, r, "key-1", start)
		})
	}
}

func TestSend_WritesNumericPhonesAsDigits(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, status(http.StatusAccepted))
	m := newMessage(t, graph.ActionConfig{Channel: "sms"})
	m.Facts.Attributes = value(t, `{"phone":4.3123456e7}`)
	result, err := calling(t, address, at(start)).Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, trail.Sent, result.Result)
	require.Contains(t, (<-requests).body, `"address":"43123456"`)
}

func TestSend_SkipsCustomersWithoutAddress(t *testing.T) {
	t.Parallel()

	for name, attributes := range map[string]string{
		"no attributes": `null`, "no such attribute": `{"Email":"a"}`, "an empty address": `{"email":""}`,
		"a blank address": `{"email":" "}`, "null": `{"email":null}`, "a number": `{"email":1}`, "a list": `{"email":["a"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, requests := serve(t, status(http.StatusOK))
			m := newMessage(t, graph.ActionConfig{Channel: "email"})
			m.Facts.Attributes = value(t, attributes)
			result, err := calling(t, address, at(start)).Send(t.Context(), m)
			require.NoError(t, err)
			require.Equal(t, trail.SkippedNoAddress, result.Result)
			require.Empty(t, requests)
		})
	}
}

func TestSend_RepeatsTheKey(t *testing.T) {
	t.Parallel()

	codes := []int{500, 429, 200}
	var count atomic.Int32
	address, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(codes[count.Add(1)-1])
	})
	now := start
	p := calling(t, address, func() time.Time { return now })
	for range codes {
		m := newMessage(t, graph.ActionConfig{Channel: "push"})
		m.Uncertain = now != start
		_, _ = p.Send(t.Context(), m)
		requireSigned(t, <-requests, "key-1", now)
		now = now.Add(time.Hour)
	}
	require.Empty(t, requests)
}

// A channel recognizes a key. An earlier attempt with another key is one that it does
// not recognize.
func TestSend_NodeDecidesAboutANewKey(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, answering(answer{200, ""}))
	p := calling(t, address, at(start))
	m := newMessage(t, graph.ActionConfig{Channel: "push"})
	m.Rekeyed = true
	for _, sends := range []struct{ uncertain, resend, want bool }{
		{true, false, false}, {true, true, true}, {false, false, true},
	} {
		m.Uncertain, m.Config.Resend = sends.uncertain, sends.resend
		result, err := p.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, sends.want, result.Result == trail.Sent, sends)
		if sends.want {
			<-requests
		}
	}
	require.Empty(t, requests)
}

func TestSend_ReplacesADeadConnection(t *testing.T) {
	t.Parallel()

	var count atomic.Int32
	address, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1) == 2 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
		}
	})
	p := calling(t, address, at(start))
	for range 2 {
		result, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		require.NoError(t, err)
		require.Equal(t, trail.Sent, result.Result)
	}
	for range 3 {
		requireSigned(t, <-requests, "key-1", start)
	}
}

func TestSend_FollowsNoRedirect(t *testing.T) {
	t.Parallel()

	elsewhere, reached := serve(t, status(http.StatusOK))
	for _, code := range []int{301, 302, 303, 307, 308} {
		address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, code) })
		p := calling(t, address, at(start))
		_, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		require.EqualError(t, err, fmt.Sprintf(`channel "push": the target answered %d`, code))
		_, err = p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
		require.EqualError(t, err, fmt.Sprintf(`decision flow "flow": the target answered %d`, code))
	}
	require.Empty(t, reached)
}

// serveEndlessly serves an answer without an end, and returns the error with which it
// is cut off.
func serveEndlessly(t *testing.T) (address string, cut <-chan error) {
	t.Helper()
	ended := make(chan error, 1)
	address, _ = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for piece := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(piece)
		}
		ended <- err
	})
	return address, ended
}

func TestSend_DoesNotReadLongAnswers(t *testing.T) {
	t.Parallel()

	address, cut := serveEndlessly(t)
	p := calling(t, address, at(start))
	p.sendTimeout = time.Hour // only the length of the answer can end it
	result, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
	require.NoError(t, err)
	require.Equal(t, trail.Sent, result.Result)
	require.Error(t, <-cut)
}

func TestSend_VerifiesCertificates(t *testing.T) {
	t.Parallel()

	server := httptest.NewUnstartedServer(status(http.StatusOK))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the refused certificate
	server.StartTLS()
	t.Cleanup(server.Close)
	s, err := ParseSettings(fmt.Appendf(nil, `{"allowPrivate": ["127.0.0.1"],
		"channels": {"*": {"type": "http", "url": %q, "secret": %q}}}`, server.URL, testSecret))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	m := newMessage(t, graph.ActionConfig{Channel: "push"})
	_, err = New(s, at(start), Network{TLS: &tls.Config{RootCAs: roots}}).Send(t.Context(), m)
	require.NoError(t, err)
	_, err = New(s, at(start), Network{}).Send(t.Context(), m)
	require.EqualError(t, err, `channel "push": tls: failed to verify certificate: `+
		`x509: certificate signed by unknown authority`)
}
