package provider

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"journeys/internal/trail"

	"github.com/stretchr/testify/require"
)

func TestAWS_RefusedMessagesWereNotSent(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, requests := serve(t, answering(s.refused))
		_, err := onAWS(t, s, address).Send(t.Context(), newMessage(t, s.config(t)))
		require.EqualError(t, err, fmt.Sprintf("channel %q: %s", s.config(t).Channel, s.wantErr))
		requireUncertain(t, false, err)
		require.Len(t, requests, 1, "the SDK tries once")
	})
}

func TestAWS_ReportsThrottling(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		for _, a := range s.throttled {
			address, requests := serve(t, answering(a))
			_, err := onAWS(t, s, address).Send(t.Context(), newMessage(t, s.config(t)))
			requireThrottled(t, err, defaultRetryAfter)
			require.Len(t, requests, 1)
		}
		address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			answering(answer{429, s.throttled[0].body})(w, r)
		})
		_, err := onAWS(t, s, address).Send(t.Context(), newMessage(t, s.config(t)))
		requireThrottled(t, err, 7*time.Second)
	})
}

func TestAWS_IsUncertainWithoutAnAnswer(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		for name, handler := range map[string]http.HandlerFunc{
			"the connection ends":             hangUp(t),
			"a fault of the service":          answering(answer{500, jsonError(private)}),
			"a fault of something in between": answering(answer{502, "<html>" + private}),
			"a success that cannot be read":   answering(answer{200, `<` + private}),
			"a success that is cut short": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				fmt.Fprint(w, s.sent[:5])
			},
		} {
			address, requests := serve(t, handler)
			result, err := onAWS(t, s, address).Send(t.Context(), newMessage(t, s.config(t)))
			require.Error(t, err, name)
			requireUncertain(t, true, err)
			require.NotContains(t, err.Error(), private)
			require.Equal(t, trail.NoResult, result.Result, name)
			require.Len(t, requests, 1, "%s: it must not be sent again", name)
		}
	})
}

// net/http does not send the request again on a new connection, as it does where
// there is an idempotency key.
func TestAWS_DoesNotResendOnADeadConnection(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		var count atomic.Int32
		address, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1) == 2 {
				hangUp(t)(w, r)
				return
			}
			answering(answer{200, s.sent})(w, r)
		})
		p := onAWS(t, s, address)
		_, err := p.Send(t.Context(), newMessage(t, s.config(t)))
		require.NoError(t, err)
		_, err = p.Send(t.Context(), newMessage(t, s.config(t)))
		requireUncertain(t, true, err)
		require.Len(t, requests, 2)
	})
}

func TestAWS_IsUncertainAfterATimeout(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, gone := hang(t, "")
		p := onAWS(t, s, address)
		p.sendTimeout = 200 * time.Millisecond
		_, err := p.Send(t.Context(), newMessage(t, s.config(t)))
		require.EqualError(t, err, fmt.Sprintf("channel %q: perhaps sent: the target did not answer in time", s.config(t).Channel))
		requireUncertain(t, true, err)
		<-gone
	})
}

func TestAWS_UnconnectedMessagesWereNotSent(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		_, err = onAWS(t, s, "http://"+listener.Addr().String()).Send(t.Context(), newMessage(t, s.config(t)))
		require.ErrorContains(t, err, "connection refused")
		requireUncertain(t, false, err)

		server := httptest.NewUnstartedServer(answering(answer{200, s.sent}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the refused certificate
		server.StartTLS()
		t.Cleanup(server.Close)
		_, err = onAWS(t, s, server.URL).Send(t.Context(), newMessage(t, s.config(t)))
		require.ErrorContains(t, err, "certificate")
		requireUncertain(t, false, err)

		settings, err := ParseSettings([]byte(`{"channels": {"*": ` + s.settings + `}}`))
		require.NoError(t, err)
		_, err = New(settings, at(start), Network{}).Send(t.Context(), newMessage(t, s.config(t)))
		require.ErrorIs(t, err, errNotSent)
		requireUncertain(t, false, err)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = onAWS(t, s, server.URL).Send(ctx, newMessage(t, s.config(t)))
		require.Error(t, err)
		requireUncertain(t, false, err)
	})
}
