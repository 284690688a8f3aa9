package api_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/dev/consenttest"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/suppression"
)

// addressStore is a memoryStore with addresses.
type addressStore struct {
	*memoryStore
	suppression.Store
}

// memoryAddresses keeps the addresses of one tenant.
type memoryAddresses struct {
	suppression.Store
	kept consenttest.Store
}

func (m *memoryAddresses) Address(_ context.Context, _ ident.Tenant, hash string) (consent.Address, error) {
	return m.kept.Address(hash), nil
}

func (m *memoryAddresses) PutSuppression(
	_ context.Context, _ ident.Tenant, hash, channel string, next consent.Suppression,
) (consent.Suppression, error) {
	m.kept.PutSuppression(hash, channel, next)
	return m.kept.Address(hash).Suppressions[channel], nil
}

func TestSuppressions_AreSetReadAndEnded(t *testing.T) {
	t.Parallel()
	s := newServer(t, &addressStore{&memoryStore{}, &memoryAddresses{}})
	encoded := "~" + base64.RawURLEncoding.EncodeToString([]byte("Ada/News@Example.com"))
	for _, path := range []string{
		"/suppressions/email/ada+news@example.com", "/suppressions/sms/+491701234567", "/suppressions/email/" + encoded,
	} {
		require.Equal(t, "not-suppressed", s.must(http.StatusNotFound, call{path: path, method: "GET"})["code"])
		want := map[string]any{"channel": path[len("/suppressions/"):][:len("sms")], "suppressed": true, "reason": "manual", "at": "2026-11-23T10:00:00.000Z"}
		if want["channel"] != "sms" {
			want["channel"] = "email"
		}
		require.Equal(t, want, s.must(http.StatusOK, call{path: path, method: "PUT"}))
		require.Equal(t, want, s.must(http.StatusOK, call{path: path, method: "GET"}))
		answer := s.do(call{path: path, method: "GET"}).Body.String()
		require.Equal(t, want, s.must(http.StatusOK, call{path: path, method: "PUT", body: answer}), "an answer can be sent back")
		require.Equal(t, "complaint", s.must(http.StatusOK, call{path: path, method: "PUT", body: `{"reason":"complaint"}`})["reason"])
		s.must(http.StatusNoContent, call{path: path, method: "DELETE"})
		s.must(http.StatusNoContent, call{path: path, method: "DELETE"})
		s.must(http.StatusNotFound, call{path: path, method: "GET"})
	}
	require.NotContains(t, s.log.String(), "example.com")
	require.NotContains(t, s.log.String(), "491701234567")
	require.NotContains(t, s.log.String(), encoded)
}

func TestSuppressions_NameEveryFault(t *testing.T) {
	t.Parallel()
	s := newServer(t, &addressStore{&memoryStore{}, &memoryAddresses{}})
	faults := func(c call) (pointers []string) {
		for _, fault := range s.must(http.StatusBadRequest, c)["errors"].([]any) {
			pointers = append(pointers, fault.(map[string]any)["pointer"].(string))
		}
		return pointers
	}
	require.Equal(t, []string{"/path/address"}, faults(call{method: "GET", path: "/suppressions/sms/none"}))
	require.Equal(t, []string{"/path/address", "/reason", "/when"},
		faults(call{method: "PUT", path: "/suppressions/email/~!", body: `{"reason":"spite","when":1}`}))
	require.Equal(t, []string{"/suppressed"}, faults(call{method: "PUT", path: "/suppressions/email/a@example.com", body: `{"suppressed":false}`}))
	s.must(http.StatusNotFound, call{method: "GET", path: "/suppressions/email/a@example.com"})
	require.Equal(t, "channel-not-found", s.must(http.StatusNotFound, call{method: "PUT", path: "/suppressions/push/token"})["code"])
	for _, role := range []string{manifest.Viewer, manifest.Ingest} {
		as := caller(role)
		s.must(http.StatusForbidden, call{method: "GET", path: "/suppressions/email/a@example.com", caller: &as})
	}
}
