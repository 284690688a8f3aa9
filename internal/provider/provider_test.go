package provider

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

const (
	testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	private    = "ada@private.test" // what no error may say
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// request is what a target was sent.
type request struct {
	header http.Header
	body   string
}

// serve runs a target that answers by handler, and returns its address and
// what it is sent.
func serve(t *testing.T, handler http.HandlerFunc) (address string, requests chan request) {
	t.Helper()
	requests = make(chan request, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- request{r.Header.Clone(), string(body)}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// calling returns a provider whose default flow and channel are at address.
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

func tenant() journey.Tenant {
	t, _ := journey.ParseTenant("acme")
	return t
}

func question1(t *testing.T, config journey.DecisionConfig) engine.DecisionRequest {
	t.Helper()
	return engine.DecisionRequest{
		Key: "key-1", Tenant: tenant(), Journey: "jrn_1", Customer: private, NodeID: "n1", Config: config,
		Attributes: value(t, `{"email":"`+private+`","phone":"+4312345","n":12345678901234567890}`),
	}
}

func message1(t *testing.T, config journey.ActionConfig) engine.Message {
	t.Helper()
	return engine.Message{
		Key: "key-1", Tenant: tenant(), Journey: "jrn_1", Customer: private, NodeID: "n1", Config: config,
		Facts: condition.Facts{Attributes: value(t, `{"email":"`+private+`","phone":"+4312345"}`)},
	}
}

// payload compiles a payload.
func payload(t *testing.T, text string) *journey.Payload {
	t.Helper()
	var faults strict.Faults
	v, _ := strict.Parse([]byte(text), &faults)
	p := journey.ReadPayload(v)
	require.Empty(t, faults.List())
	return p
}

// requireSigned checks a signature as a receiver would.
func requireSigned(t *testing.T, r request, key string, at time.Time) {
	t.Helper()
	require.Equal(t, key, r.header.Get("Idempotency-Key"))
	require.Equal(t, key, r.header.Get("Webhook-Id"))
	require.Equal(t, fmt.Sprint(at.Unix()), r.header.Get("Webhook-Timestamp"))
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testSecret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%d.%s", key, at.Unix(), r.body)
	require.Equal(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), r.header.Get("Webhook-Signature"))
}

func TestDecisionIsAskedOverHTTP(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, ` {"offer": {"id": "a"}, "score": 1e400} `)
	})
	p := calling(t, address+"/decide?v=1", at(start))
	answer, err := p.Decide(t.Context(), question1(t,
		journey.DecisionConfig{FlowID: "flow", ChannelID: "email", MaxOffers: 3}))
	require.NoError(t, err)
	require.Equal(t, `{"offer":{"id":"a"},"score":1e400}`, text(answer))
	r := <-requests
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.Equal(t, `{"tenant":"acme","journeyId":"jrn_1","customerId":"`+private+`","nodeId":"n1",`+
		`"decisionFlowId":"flow","channelId":"email","maxOffers":3,`+
		`"attributes":{"email":"`+private+`","phone":"+4312345","n":12345678901234567890}}`, r.body)
	requireSigned(t, r, "key-1", start)

	nobody := question1(t, journey.DecisionConfig{FlowID: "flow", MaxOffers: 1})
	nobody.Attributes = condition.Value{}
	_, err = p.Decide(t.Context(), nobody)
	require.NoError(t, err)
	require.Contains(t, (<-requests).body, `"channelId":null,"maxOffers":1,"attributes":{}}`)
}

func TestDecisionAnswers(t *testing.T) {
	t.Parallel()

	long := `{"a":"` + strings.Repeat("x", MaxAnswer-8) + `"}`
	tests := map[string]struct {
		status     int
		retryAfter string
		body       string
		want       string // "" for an empty answer
		wantErr    string
		throttled  time.Duration
	}{
		"an object":                          {status: 200, body: `{"a":{"b":[1]}}`, want: `{"a":{"b":[1]}}`},
		"an object as long as may be":        {status: 200, body: long, want: long},
		"an empty object is empty":           {status: 200, body: " { } "},
		"no content is empty":                {status: 204},
		"an object that is too long":         {status: 200, body: long + " ", wantErr: "the answer is longer than 65536 bytes"},
		"an array":                           {status: 200, body: `["` + private + `"]`, wantErr: "the answer is not a JSON object"},
		"null":                               {status: 200, body: `null`, wantErr: "the answer is not a JSON object"},
		"nothing at all":                     {status: 200, wantErr: "the answer is not JSON: the body is empty; it must be one JSON value"},
		"a page of HTML":                     {status: 200, body: `<p>` + private, wantErr: "the answer is not JSON: malformed JSON at byte 0"},
		"an object that ends too early":      {status: 200, body: `{"a":`, wantErr: "the answer is not JSON: the JSON text ends too early"},
		"two objects":                        {status: 200, body: `{"a":1}{}`, wantErr: "the answer is not JSON: something follows the JSON value at byte 7"},
		"a name that stands twice":           {status: 200, body: `{"` + private + `":1,"` + private + `":2}`, wantErr: "the answer is not JSON: this name stands twice in its object"},
		"a name that stands twice below":     {status: 200, body: `{"a":[{"b":1,"b":1}]}`, wantErr: "the answer is not JSON: this name stands twice in its object"},
		"invalid UTF-8":                      {status: 200, body: "{\"a\":\"\xff\"}", wantErr: "the answer is not JSON: invalid UTF-8 at byte 6"},
		"a lone surrogate":                   {status: 200, body: `{"a":"\ud800"}`, wantErr: "the answer is not JSON: a lone surrogate at byte 6"},
		"created":                            {status: 201, body: `{"a":1}`, wantErr: "the target answered 201"},
		"a bad request":                      {status: 400, body: private, wantErr: "the target answered 400"},
		"a fault":                            {status: 500, body: private, wantErr: "the target answered 500"},
		"too many, for seconds":              {status: 429, retryAfter: "7", throttled: 7 * time.Second},
		"down, until a date":                 {status: 503, retryAfter: "Mon, 23 Nov 2026 10:02:00 GMT", throttled: 2 * time.Minute},
		"down, until a date that is over":    {status: 503, retryAfter: "Mon, 23 Nov 2026 09:00:00 GMT"},
		"too many, for a day":                {status: 429, retryAfter: "86400", throttled: time.Hour},
		"too many, for ever":                 {status: 429, retryAfter: "99999999999999999999", throttled: time.Hour},
		"too many, nobody knows how long":    {status: 429, wantErr: "the target answered 429"},
		"down, nobody knows how long":        {status: 503, retryAfter: private, wantErr: "the target answered 503"},
		"a fault that says when to retry":    {status: 500, retryAfter: "7", wantErr: "the target answered 500"},
		"too many, for a negative time":      {status: 429, retryAfter: "-7", wantErr: "the target answered 429"},
		"moved, which is not followed":       {status: 307, wantErr: "the target answered 307"},
		"not modified, with nothing to keep": {status: 304, wantErr: "the target answered 304"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			answer, err := calling(t, address, at(start)).Decide(t.Context(),
				question1(t, journey.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
			switch {
			case test.wantErr != "":
				require.EqualError(t, err, `decision flow "flow": `+test.wantErr)
			case test.retryAfter != "":
				requireThrottled(t, err, test.throttled)
			case test.want == "":
				require.NoError(t, err)
				require.True(t, answer.Missing())
			default:
				require.NoError(t, err)
				require.Equal(t, test.want, text(answer))
			}
		})
	}
}

func requireThrottled(t *testing.T, err error, after time.Duration) {
	t.Helper()
	var throttled *engine.ThrottledError
	require.ErrorAs(t, err, &throttled)
	require.Equal(t, after, throttled.After)
}

func TestSendAnswers(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		status     int
		retryAfter string
		wantErr    string
		throttled  time.Duration
	}{
		"200 is sent":                {status: 200},
		"202 is sent":                {status: 202},
		"204 is sent":                {status: 204},
		"302 is not followed":        {status: 302, wantErr: "the target answered 302"},
		"404 is an error":            {status: 404, wantErr: "the target answered 404"},
		"409 is an error":            {status: 409, wantErr: "the target answered 409"},
		"500 is an error":            {status: 500, wantErr: "the target answered 500"},
		"429 says when to come back": {status: 429, retryAfter: "90", throttled: 90 * time.Second},
		"503 says when to come back": {status: 503, retryAfter: "0"},
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
			result, err := calling(t, address, at(start)).Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
			switch {
			case test.wantErr != "":
				require.EqualError(t, err, `channel "push": `+test.wantErr)
			case test.status >= 300:
				requireThrottled(t, err, test.throttled)
			default:
				require.NoError(t, err)
				require.Equal(t, journey.Sent, result)
			}
		})
	}
}

func TestMessageIsPosted(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		config journey.ActionConfig
		want   string
	}{
		"with an e-mail address": {
			journey.ActionConfig{Channel: "email", TemplateID: "t", Payload: payload(t, `{"a":1e400}`)},
			`"channel":"email","templateId":"t","payload":{"a":1e400},"address":"` + private + `"`,
		},
		"with a telephone number": {
			journey.ActionConfig{Channel: "sms"}, `"channel":"sms","templateId":null,"payload":null,"address":"+4312345"`,
		},
		"without an address where none is needed": {
			journey.ActionConfig{Channel: "push"}, `"channel":"push","templateId":null,"payload":null`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, requests := serve(t, status(http.StatusAccepted))
			result, err := calling(t, address, at(start)).Send(t.Context(), message1(t, test.config))
			require.NoError(t, err)
			require.Equal(t, journey.Sent, result)
			r := <-requests
			require.Equal(t, `{"idempotencyKey":"key-1","tenant":"acme","journeyId":"jrn_1","customerId":"`+private+
				`","nodeId":"n1",`+test.want+`,"at":"2026-11-23T10:00:00.000Z"}`, r.body)
			requireSigned(t, r, "key-1", start)
		})
	}
}

func TestCustomerWithoutAddressIsSkipped(t *testing.T) {
	t.Parallel()

	for name, attributes := range map[string]string{
		"no attributes": `null`, "no such attribute": `{"Email":"a"}`, "an empty address": `{"email":""}`,
		"a blank address": `{"email":" "}`, "null": `{"email":null}`, "a number": `{"email":1}`, "a list": `{"email":["a"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, requests := serve(t, status(http.StatusOK))
			m := message1(t, journey.ActionConfig{Channel: "email"})
			m.Facts.Attributes = value(t, attributes)
			result, err := calling(t, address, at(start)).Send(t.Context(), m)
			require.NoError(t, err)
			require.Equal(t, journey.SkippedNoAddress, result)
			require.Empty(t, requests)
		})
	}
}

func TestEveryAttemptHasTheSameKey(t *testing.T) {
	t.Parallel()

	codes := []int{500, 429, 200}
	var count atomic.Int32
	address, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(codes[count.Add(1)-1])
	})
	now := start
	p := calling(t, address, func() time.Time { return now })
	for range codes {
		m := message1(t, journey.ActionConfig{Channel: "push"})
		m.Uncertain = now != start
		_, _ = p.Send(t.Context(), m)
		requireSigned(t, <-requests, "key-1", now)
		now = now.Add(time.Hour)
	}
	require.Empty(t, requests)
}

func TestKeptConnectionThatDiedIsReplaced(t *testing.T) {
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
		result, err := p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
		require.NoError(t, err)
		require.Equal(t, journey.Sent, result)
	}
	for range 3 {
		requireSigned(t, <-requests, "key-1", start)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()

	elsewhere, reached := serve(t, status(http.StatusOK))
	for _, code := range []int{301, 302, 303, 307, 308} {
		address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, code) })
		p := calling(t, address, at(start))
		_, err := p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
		require.EqualError(t, err, fmt.Sprintf(`channel "push": the target answered %d`, code))
		_, err = p.Decide(t.Context(), question1(t, journey.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
		require.EqualError(t, err, fmt.Sprintf(`decision flow "flow": the target answered %d`, code))
	}
	require.Empty(t, reached)
}

// hang answers with what is written first, and no end. It returns when the
// client has gone, and says so.
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

func TestSlowTargets(t *testing.T) {
	t.Parallel()

	const soon = 50 * time.Millisecond
	decision := journey.DecisionConfig{FlowID: "flow", MaxOffers: 1, Timeout: soon}
	for name, first := range map[string]string{"a decision without an answer": "", "a decision whose answer does not end": `{"a":`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, gone := hang(t, first)
			_, err := calling(t, address, at(start)).Decide(t.Context(), question1(t, decision))
			require.EqualError(t, err, `decision flow "flow": the target did not answer in time`)
			<-gone
		})
	}
	t.Run("a message without an answer", func(t *testing.T) {
		t.Parallel()

		address, gone := hang(t, "")
		p := calling(t, address, at(start))
		p.sendTimeout = soon
		_, err := p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
		require.EqualError(t, err, `channel "push": the target did not answer in time`)
		<-gone
	})
	t.Run("a message that was taken, with an answer that does not end", func(t *testing.T) {
		t.Parallel()

		address, gone := hang(t, "ok")
		p := calling(t, address, at(start))
		p.sendTimeout = soon
		result, err := p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
		require.NoError(t, err)
		require.Equal(t, journey.Sent, result)
		<-gone
	})
	t.Run("an invocation that ends", func(t *testing.T) {
		t.Parallel()

		ctx, cancel := context.WithCancel(t.Context())
		address, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		_, err := calling(t, address, at(start)).Send(ctx, message1(t, journey.ActionConfig{Channel: "push"}))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestTimeouts(t *testing.T) {
	t.Parallel()

	require.Equal(t, 10*time.Second, calling(t, "https://192.0.1.1", at(start)).Timeout())
	for asked, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 3 * time.Second: 3 * time.Second, time.Minute: journey.MaxDecisionTimeout,
	} {
		require.Equal(t, want, journey.DecisionConfig{Timeout: asked}.TimeLimit())
	}
}

func TestLongAnswerToAMessageIsNotRead(t *testing.T) {
	t.Parallel()

	cut := make(chan error, 1)
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for piece := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(piece)
		}
		cut <- err
	})
	p := calling(t, address, at(start))
	p.sendTimeout = time.Hour // the answer's length alone ends it
	result, err := p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
	require.NoError(t, err)
	require.Equal(t, journey.Sent, result)
	require.Error(t, <-cut)
}

func TestRateOfAChannel(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, status(http.StatusOK))
	now := start
	p := with(t, func() time.Time { return now }, fmt.Sprintf(`{"channels": {
		"push": {"type": "http", "url": %q, "secret": %q, "ratePerSecond": 2},
		"email": {"type": "http", "url": %q, "secret": %q, "ratePerSecond": 0.5}
	}, "allowPrivate": true}`, address, testSecret, address, testSecret))
	send := func(channel string) error {
		_, err := p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: channel}))
		return err
	}
	require.NoError(t, send("push"))
	require.NoError(t, send("push"))
	requireThrottled(t, send("push"), 500*time.Millisecond)
	requireThrottled(t, send("push"), time.Second)
	requireThrottled(t, send("push"), 1500*time.Millisecond)
	require.Len(t, requests, 2)
	require.NoError(t, send("email"), "another channel has a rate of its own")
	requireThrottled(t, send("email"), 2*time.Second)

	now = now.Add(500 * time.Millisecond)
	require.NoError(t, send("push"))
	requireThrottled(t, send("push"), 1500*time.Millisecond)
	now = now.Add(time.Hour)
	require.NoError(t, send("push"))
	require.NoError(t, send("push"))
	requireThrottled(t, send("push"), 500*time.Millisecond)

	nobody := message1(t, journey.ActionConfig{Channel: "email"})
	nobody.Facts.Attributes = condition.Value{}
	result, err := p.Send(t.Context(), nobody)
	require.NoError(t, err)
	require.Equal(t, journey.SkippedNoAddress, result)
	require.NoError(t, send("email"), "who is skipped takes nobody's place")
}

func TestRefusedSendsAreBackWithinAnHour(t *testing.T) {
	t.Parallel()

	b := newBucket(0.001)
	require.Zero(t, b.take(start))
	require.Equal(t, 1000*time.Second, b.take(start))
	for range 10 {
		b.take(start)
	}
	require.Equal(t, time.Hour, b.take(start))
	later := start.Add(2000 * time.Second)
	require.Zero(t, b.take(later), "a token came in between")
	require.Equal(t, 2600*time.Second, b.take(later), "behind who was refused before")
}

func TestNamesWithoutSettings(t *testing.T) {
	t.Parallel()

	p := with(t, at(start), `{}`)
	answer, err := p.Decide(t.Context(), question1(t, journey.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
	require.NoError(t, err)
	require.True(t, answer.Missing())
	_, err = p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
	require.EqualError(t, err, `channel "push": the settings name no such channel`)

	p = with(t, at(start), `{"decisions": {
		"empty": {"type": "rules", "offers": []},
		"*": {"type": "rules", "offers": [{"id": "a", "priority": 1}]}
	}}`)
	for flow, want := range map[string]string{
		"empty": "null", "other": `{"offers":[{"id":"a"}],"offer":{"id":"a"},"score":1}`,
	} {
		answer, err := p.Decide(t.Context(), question1(t, journey.DecisionConfig{FlowID: flow, MaxOffers: 1}))
		require.NoError(t, err)
		require.Equal(t, want, text(answer), flow)
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()

	server := httptest.NewUnstartedServer(status(http.StatusOK))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it says that it was not trusted
	server.StartTLS()
	t.Cleanup(server.Close)
	s, err := ParseSettings(fmt.Appendf(nil, `{"allowPrivate": ["127.0.0.1"],
		"channels": {"*": {"type": "http", "url": %q, "secret": %q}}}`, server.URL, testSecret))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	m := message1(t, journey.ActionConfig{Channel: "push"})
	_, err = New(s, at(start), Network{TLS: &tls.Config{RootCAs: roots}}).Send(t.Context(), m)
	require.NoError(t, err)
	_, err = New(s, at(start), Network{}).Send(t.Context(), m)
	require.EqualError(t, err, `channel "push": tls: failed to verify certificate: `+
		`x509: certificate signed by unknown authority`)
}

// raw listens and answers each connection with text.
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

func TestErrorsSayNothingOfCustomersAndSecrets(t *testing.T) {
	t.Parallel()

	const inPath = "/hooks/T0PS3CRET?token=T0PS3CRET"
	closed := raw(t, "")
	tests := map[string]struct{ answer, wantErr string }{
		"no answer":             {"", "the connection broke, or the answer is not HTTP"},
		"not HTTP":              {private + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"a malformed status":    {"HTTP/1.1 " + private + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"a malformed header":    {"HTTP/1.1 200 OK\r\n" + private + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"an endless header":     {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*maxHeader) + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"a body cut short":      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "the connection broke, or the answer is not HTTP"},
		"a status with a story": {"HTTP/1.1 400 " + private + "\r\n\r\n" + private, "the target answered 400"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := calling(t, "http://"+raw(t, test.answer)+inPath, at(start))
			_, err := p.Decide(t.Context(), question1(t, journey.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
			require.EqualError(t, err, `decision flow "flow": `+test.wantErr)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()

		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		p := calling(t, "http://"+listener.Addr().String()+inPath, at(start))
		_, err = p.Send(t.Context(), message1(t, journey.ActionConfig{Channel: "push"}))
		require.EqualError(t, err, `channel "push": dial tcp `+listener.Addr().String()+`: connect: connection refused`)
	})
	t.Run("the settings, printed", func(t *testing.T) {
		t.Parallel()

		p := calling(t, "http://"+closed+inPath, at(start))
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, p.settings), "T0PS3CRET")
			require.NotContains(t, fmt.Sprintf(format, p.settings), "MfKQ9r8G")
			require.NotContains(t, fmt.Sprintf(format, p.settings), fmt.Sprintf("%d", p.settings.channels["*"].target.key()))
		}
	})
}

func TestSignatureIsTheDocumentedOne(t *testing.T) {
	t.Parallel()

	key, err := parseSecret(testSecret)
	require.NoError(t, err)
	header := http.Header{}
	key.sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", header.Get("Webhook-Signature"))
	source, err := os.ReadFile("sign.go")
	require.NoError(t, err)
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		require.Regexp(t, `//	`+name+` +`+strings.ReplaceAll(header.Get(name), "+", `\+`)+"\n", string(source))
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"a":{"a":[]}} `, `{"a":1,"a":2}`, "{\"\xff\":1}", `[`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		answer, err := readAnswer(strings.NewReader(body))
		if err == nil && !answer.Missing() && !answer.IsObject() {
			t.Fatalf("%q is taken as an answer", body)
		}
		if err != nil && errors.Is(err, errBroken) {
			t.Fatalf("%q broke the connection", body)
		}
	})
}
