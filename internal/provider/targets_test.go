package provider

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/ident"
)

func TestTargets_AreWhatTheInstallationKnows(t *testing.T) {
	t.Parallel()

	p := with(t, at(start), `{"channels": {
		"push": {"type": "inbox", "url": "http://a.test", "tenants": ["acme"]},
		"email": {"type": "ses", "from": "a@b.test", "ratePerSecond": 0.5},
		"*": {"type": "inbox", "url": "http://a.test", "tenants": ["acme", "umbrella"]}
	}, "decisions": {
		"rules": {"type": "rules", "offers": []},
		"asked": {"type": "lambda", "function": "f", "tenants": ["acme"]}
	}, "allowPrivate": true}`)
	tenant := func(name string) ident.Tenant {
		parsed, ok := ident.ParseTenant(name)
		require.True(t, ok)
		return parsed
	}
	acme, umbrella, other := tenant("acme"), tenant("umbrella"), tenant("other")
	require.Equal(t, engine.Target{Name: "c:push", Channel: "push", Feedback: true}, p.ChannelTarget(acme, "push"))
	require.Equal(t, engine.Target{Name: "c:*", Channel: "*", Feedback: true}, p.ChannelTarget(umbrella, "push"), "not the channel of another tenant")
	require.Equal(t, engine.Target{}, p.ChannelTarget(other, "push"), "no channel")
	require.Equal(t, engine.Target{Name: "c:email", Channel: "email", Rate: 0.5, Address: "email"}, p.ChannelTarget(other, "email"))
	require.Equal(t, engine.Target{Name: "d:asked"}, p.DecisionTarget(acme, "asked"))
	require.Equal(t, engine.Target{}, p.DecisionTarget(umbrella, "asked"))
	require.Equal(t, engine.Target{}, p.DecisionTarget(acme, "rules"), "nothing is called")
}

func TestTargets_TimeoutsAreKnownToTheEngine(t *testing.T) {
	t.Parallel()

	address, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p := calling(t, address, at(start))
	p.sendTimeout = 100 * time.Millisecond
	_, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
	require.ErrorIs(t, err, engine.ErrTimedOut)
}

// What fails before a target is called says nothing about the target.
func TestTargets_AreNotCalledForABadMessage(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, status(http.StatusOK))
	p := with(t, at(start), `{"channels": {"email": {"type": "ses", "from": "a@b.test"}}}`)
	m := newMessage(t, graph.ActionConfig{Channel: "email", Payload: readPayload(t, `{"subject": "no text"}`)})
	_, err := p.Send(t.Context(), m)
	require.ErrorIs(t, err, engine.ErrNotCalled)
	require.ErrorIs(t, err, errNoContent)
	_, err = calling(t, address, at(start)).Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "unknown"}))
	require.NoError(t, err, "the default")
	_, err = p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "unknown"}))
	require.EqualError(t, err, `channel "unknown": the settings have no such channel`)
	require.ErrorIs(t, err, engine.ErrNotCalled)
	require.Len(t, requests, 1)
}
