package provider

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/secretstore"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/provider/secret"
	"journeys/internal/trail"
)

var oldSecret, newSecret = whsec("o"), whsec("n")

func whsec(letter string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

// receiver is an HTTP channel, and a decision service, that accepts the signatures of
// some secrets only, as the libraries of Standard Webhooks do.
type receiver struct {
	address  string
	accepted atomic.Pointer[[]string]
	requests chan request
	refused  atomic.Int32
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.address, r.requests = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		got := <-r.requests
		for _, signed := range strings.Fields(got.header.Get("Webhook-Signature")) {
			for _, s := range *r.accepted.Load() {
				if signed == signature(t, s, got.header, got.body) {
					_, _ = w.Write([]byte(`{"ok":true}`))
					return
				}
			}
		}
		r.refused.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	})
	return r
}

func (r *receiver) accept(secrets ...string) { r.accepted.Store(&secrets) }

// secretly returns a provider that signs with the secrets kept at two places, its clock
// and its log.
func secretly(t *testing.T, store *secretstore.Store, address string) (p *Provider, now *time.Time, log *bytes.Buffer) {
	t.Helper()
	s, err := ParseSettings([]byte(`{"channels": {"*": {"type": "http", "url": "` + address + `", "secret": "ssm:/journeys/channel"}},
		"decisions": {"*": {"type": "http", "url": "` + address + `", "secret": "secretsmanager:journeys/decision"}},
		"allowPrivate": ["127.0.0.1"]}`))
	require.NoError(t, err)
	at := start
	log = &bytes.Buffer{}
	return New(s, func() time.Time { return at }, Network{AWS: store.Config(), Log: slog.New(slog.NewTextHandler(log, nil))}), &at, log
}

func TestSecrets_AreRotatedWithoutARefusal(t *testing.T) {
	t.Parallel()

	store, r := secretstore.New(t), newReceiver(t)
	p, now, log := secretly(t, store, r.address)
	put := func(text string) {
		store.Put("ssm:/journeys/channel", text)
		store.Put("secretsmanager:journeys/decision", text)
	}
	send := func() {
		t.Helper()
		answer, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		require.NoError(t, err)
		require.Equal(t, trail.Sent, answer.Result)
		_, err = p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
		require.NoError(t, err)
	}
	put(oldSecret)
	r.accept(oldSecret)
	send()
	put(oldSecret + " " + newSecret)
	send() // with what is known, the old one
	*now = now.Add(secret.MaxAge)
	send() // with both
	r.accept(newSecret)
	send()
	put(newSecret)
	send() // still with both
	*now = now.Add(secret.MaxAge)
	send()
	require.Zero(t, r.refused.Load())
	require.Equal(t, 6, store.Reads())
	require.Empty(t, log.String())
}

func TestSecrets_AreReadAgainAfterARefusal(t *testing.T) {
	t.Parallel()

	store, r := secretstore.New(t), newReceiver(t)
	p, now, _ := secretly(t, store, r.address)
	store.Put("ssm:/journeys/channel", oldSecret)
	send := func() error {
		_, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
		return err
	}
	r.accept(oldSecret)
	require.NoError(t, send())

	r.accept(newSecret) // the receiver changes first
	*now = now.Add(10 * time.Second)
	require.EqualError(t, send(), `channel "push": the target answered 401`)
	require.EqualValues(t, 1, r.refused.Load(), "no other secret, no second request")
	require.EqualError(t, send(), `channel "push": the target answered 401`)
	require.Equal(t, 2, store.Reads(), "not again within seconds")

	store.Put("ssm:/journeys/channel", newSecret)
	*now = now.Add(10 * time.Second)
	require.NoError(t, send(), "sent in the attempt that was refused")
	require.EqualValues(t, 3, r.refused.Load())
	require.Equal(t, 3, store.Reads())
}

func TestSecrets_ThatCannotBeReadFailTheAttempt(t *testing.T) {
	t.Parallel()

	store, r := secretstore.New(t), newReceiver(t)
	p, _, log := secretly(t, store, r.address)
	_, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
	require.EqualError(t, err, `channel "push": secret ssm:/journeys/channel not read: the store answered 400 "ParameterNotFound"`)
	var throttled *engine.ThrottledError
	require.NotErrorAs(t, err, &throttled)
	require.ErrorIs(t, err, engine.ErrNotCalled, "it says nothing about the target")
	_, err = p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "flow", MaxOffers: 1}))
	require.EqualError(t, err, `decision flow "flow": secret secretsmanager:journeys/decision not read: the store answered 400 "ResourceNotFoundException"`)
	require.Contains(t, log.String(), `level=ERROR msg="secret not read" secret=ssm:/journeys/channel`)
	require.NotContains(t, log.String(), "whsec_")
}
