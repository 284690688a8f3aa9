package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/trail"
)

func TestProvider_StopsWaitingForSlowTargets(t *testing.T) {
	t.Parallel()

	const soon = 50 * time.Millisecond
	decision := graph.DecisionConfig{FlowID: "flow", MaxOffers: 1, Timeout: soon}
	for name, first := range map[string]string{"a decision without an answer": "", "a decision whose answer does not end": `{"a":`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, gone := hang(t, first)
			_, err := calling(t, address, at(start)).Decide(t.Context(), newQuestion(t, decision))
			require.EqualError(t, err, `decision flow "flow": the target did not answer in time`)
			<-gone
		})
	}
	t.Run("a message without an answer", func(t *testing.T) {
		t.Parallel()

		address, gone := hang(t, "")
		p := calling(t, address, at(start))
		p.sendTimeout = soon
		_, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		require.EqualError(t, err, `channel "push": the target did not answer in time`)
		<-gone
	})
	t.Run("a message that was taken, with an answer that does not end", func(t *testing.T) {
		t.Parallel()

		address, gone := hang(t, "ok")
		p := calling(t, address, at(start))
		p.sendTimeout = soon
		result, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		require.NoError(t, err)
		require.Equal(t, trail.Sent, result.Result)
		<-gone
	})
	t.Run("an invocation that ends", func(t *testing.T) {
		t.Parallel()

		ctx, cancel := context.WithCancel(t.Context())
		address, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		_, err := calling(t, address, at(start)).Send(ctx, newMessage(t, graph.ActionConfig{Channel: "push"}))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestProvider_BoundsTimeouts(t *testing.T) {
	t.Parallel()

	require.Equal(t, 10*time.Second, calling(t, "https://192.0.1.1", at(start)).Timeout())
	for asked, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 3 * time.Second: 3 * time.Second, time.Minute: graph.MaxDecisionTimeout,
	} {
		require.Equal(t, want, graph.DecisionConfig{Timeout: asked}.TimeLimit())
	}
}

func TestProvider_HandlesUnknownNames(t *testing.T) {
	t.Parallel()

	p := with(t, at(start), `{}`)
	answer, err := p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
	require.NoError(t, err)
	require.True(t, answer.Missing())
	_, err = p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
	require.EqualError(t, err, `channel "push": the settings have no such channel`)

	p = with(t, at(start), `{"decisions": {
		"empty": {"type": "rules", "offers": []},
		"*": {"type": "rules", "offers": [{"id": "a", "priority": 1}]}
	}}`)
	for flow, want := range map[string]string{
		"empty": "null", "other": `{"offers":[{"id":"a"}],"offer":{"id":"a"},"score":1}`,
	} {
		answer, err := p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: flow, MaxOffers: 1}))
		require.NoError(t, err)
		require.Equal(t, want, text(answer), flow)
	}
}

func TestErrors_ContainNoPersonalDataOrSecrets(t *testing.T) {
	t.Parallel()

	const inPath = "/hooks/T0PS3CRET?token=T0PS3CRET"
	closed := raw(t, "")
	tests := map[string]struct{ answer, wantErr string }{
		"no answer":          {"", "the connection broke, or the answer is not HTTP"},
		"not HTTP":           {private + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"a malformed status": {"HTTP/1.1 " + private + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"a malformed header": {"HTTP/1.1 200 OK\r\n" + private + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"an endless header":  {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*maxHeader) + "\r\n\r\n", "the connection broke, or the answer is not HTTP"},
		"a body cut short":   {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "the connection broke, or the answer is not HTTP"},
		"a status with text": {"HTTP/1.1 400 " + private + "\r\n\r\n" + private, "the target answered 400"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := calling(t, "http://"+raw(t, test.answer)+inPath, at(start))
			_, err := p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
			require.EqualError(t, err, `decision flow "flow": `+test.wantErr)
		})
	}
	t.Run("no listener", func(t *testing.T) {
		t.Parallel()

		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		p := calling(t, "http://"+listener.Addr().String()+inPath, at(start))
		_, err = p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		require.EqualError(t, err, `channel "push": dial tcp `+listener.Addr().String()+`: connect: connection refused`)
	})
	t.Run("the settings, printed", func(t *testing.T) {
		t.Parallel()

		p := calling(t, "http://"+closed+inPath, at(start))
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testSecret, "whsec_"))
		require.NoError(t, err)
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, p.settings), "T0PS3CRET")
			require.NotContains(t, fmt.Sprintf(format, p.settings), "MfKQ9r8G")
			for _, printed := range []any{p.settings, *p.settings.channels["*"].target} {
				require.NotContains(t, fmt.Sprintf(format, printed), strings.Trim(fmt.Sprintf("%d", key), "[]"))
			}
		}
	})
}
