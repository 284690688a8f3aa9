package suppression_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/dev/consenttest"
	"journeys/internal/ident"
	"journeys/internal/suppression"
)

var (
	acme, _ = ident.ParseTenant("acme")
	k, _    = key.Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	noon    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// memory is a store that another caller may use in between.
type memory struct {
	consenttest.Store
	mu      sync.Mutex
	meddled func(hash string)
}

func (m *memory) Address(_ context.Context, _ ident.Tenant, hash string) (consent.Address, error) {
	a := m.Store.Address(hash)
	if m.meddled != nil {
		m.meddled(hash)
	}
	return a, nil
}

func (m *memory) PutSuppression(_ context.Context, _ ident.Tenant, hash, channel string, next consent.Suppression) (consent.Suppression, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Store.PutSuppression(hash, channel, next)
	return m.Store.Address(hash).Suppressions[channel], nil
}

func (m *memory) OptOut(_ context.Context, _ ident.Tenant, hash string, outs map[string]time.Time) error {
	for topic, at := range outs {
		m.Store.OptOut(hash, topic, at)
	}
	return nil
}

func service(m *memory, now *time.Time) *suppression.Service {
	return &suppression.Service{
		Store: m, Key: key.Fixed(k), Now: func() time.Time { return *now },
		Catalog: catalog.Catalog{Channels: catalog.List{
			"mail": {Kind: "ses", Address: "email"}, "sms": {Kind: "sms", Address: "phone"}, "hook": {Kind: "http"},
			"others": {Kind: "ses", Address: "email", Tenants: []string{"umbrella"}},
		}},
	}
}

func TestSuppression_IsOfAllSpellingsOnOneChannel(t *testing.T) {
	t.Parallel()
	now := noon
	s := service(&memory{}, &now)
	ctx := t.Context()
	ada := suppression.Place{Channel: "mail", Address: "Ada@Example.com"}
	_, err := s.Get(ctx, acme, ada)
	require.ErrorIs(t, err, suppression.ErrNotSuppressed)
	require.NoError(t, s.Delete(ctx, acme, ada))

	put, err := s.Put(ctx, acme, ada, consent.ReasonManual)
	require.NoError(t, err)
	require.Equal(t, suppression.State{Channel: "mail", Suppression: consent.Suppression{Reason: "manual", At: noon}}, put)
	now = now.Add(time.Hour)
	again, err := s.Put(ctx, acme, suppression.Place{Channel: "mail", Address: "ada@example.com"}, consent.ReasonManual)
	require.NoError(t, err)
	require.Equal(t, put, again, "the same reason keeps its time")
	got, err := s.Get(ctx, acme, suppression.Place{Channel: "mail", Address: "ADA@EXAMPLE.COM"})
	require.NoError(t, err)
	require.Equal(t, put, got)

	require.NoError(t, s.Delete(ctx, acme, ada))
	_, err = s.Get(ctx, acme, ada)
	require.ErrorIs(t, err, suppression.ErrNotSuppressed)
	for place, want := range map[suppression.Place]error{
		{Channel: "hook", Address: "a@b"}: suppression.ErrNoChannel, {Channel: "others", Address: "a@b"}: suppression.ErrNoChannel,
		{Channel: "none", Address: "a@b"}: suppression.ErrNoChannel, {Channel: "sms", Address: "a@b"}: suppression.ErrNoAddress,
	} {
		_, err := s.Put(ctx, acme, place, consent.ReasonManual)
		require.ErrorIs(t, err, want, place)
	}
}

// A person's word is later than what is stored, whatever the clocks say.
func TestSuppression_HoldsThoughClocksDiffer(t *testing.T) {
	t.Parallel()
	now, m := noon, &memory{}
	s := service(m, &now)
	ada := suppression.Place{Channel: "mail", Address: "ada@example.com"}
	ahead := consent.Suppression{Reason: consent.ReasonBounce, At: noon.Add(time.Minute)}
	m.Store.PutSuppression(k.Address(acme, "email", ada.Address), "mail", ahead)
	require.NoError(t, s.Delete(t.Context(), acme, ada))
	_, err := s.Get(t.Context(), acme, ada)
	require.ErrorIs(t, err, suppression.ErrNotSuppressed)

	m.meddled = func(hash string) { // a bounce comes between the reading and the write
		m.meddled = nil
		m.Store.PutSuppression(hash, "mail", consent.Suppression{Reason: consent.ReasonBounce, At: noon.Add(time.Hour)})
	}
	state, err := s.Put(t.Context(), acme, ada, consent.ReasonManual)
	require.NoError(t, err)
	require.Equal(t, consent.ReasonManual, state.Reason)
	require.True(t, state.At.After(noon.Add(time.Hour)))
}

func TestKeepOptOuts_KeepsThemForEachAddress(t *testing.T) {
	t.Parallel()
	now, m := noon, &memory{}
	s := service(m, &now)
	said := consent.Subscriptions{Statements: map[string]consent.Statement{
		"news": {In: false, At: noon}, "offers": {In: true, At: noon}, "old": {In: false, At: noon.Add(-time.Hour)},
	}}
	for range 2 {
		require.NoError(t, s.KeepOptOuts(t.Context(), acme, said, []byte(`{"email":" Ada@example.com","phone":491701234567}`)))
	}
	want := map[string]time.Time{"news": noon, "old": noon.Add(-time.Hour)}
	require.Equal(t, want, m.Store.Address(k.Address(acme, "email", "ada@example.com")).OptOuts)
	require.Equal(t, want, m.Store.Address(k.Address(acme, "phone", "+49 170 1234567")).OptOuts)

	none := &memory{}
	s = service(none, &now)
	require.NoError(t, s.KeepOptOuts(t.Context(), acme, said, []byte(`{"email":"","phone":true}`)))
	require.NoError(t, s.KeepOptOuts(t.Context(), acme, said, nil))
	require.NoError(t, s.KeepOptOuts(t.Context(), acme, consent.Subscriptions{}, []byte(`{"email":"ada@example.com"}`)))
	require.False(t, none.Settings().Addresses)
}
