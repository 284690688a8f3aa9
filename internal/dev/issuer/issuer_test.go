package issuer_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/auth"
	"journeys/internal/dev/issuer"
)

func verify(t *testing.T, i *issuer.Issuer, token string) auth.Caller {
	t.Helper()
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	v, err := auth.NewVerifier(auth.Settings{
		Issuer: issuer.Name, Audience: issuer.Audience, JWKSURL: server.URL,
		TenantClaim: "tenant", RoleClaim: "role",
	}, http.DefaultClient, time.Now)
	require.NoError(t, err)
	caller, err := v.Verify(t.Context(), "Bearer "+token)
	require.NoError(t, err)
	return caller
}

func TestToken_IsAcceptedByTheVerifier(t *testing.T) {
	t.Parallel()
	i, err := issuer.Open(t.TempDir())
	require.NoError(t, err)
	token, err := i.Token("demo", "viewer", time.Now())
	require.NoError(t, err)

	caller := verify(t, i, token)
	require.Empty(t, caller.Refused)
	require.Equal(t, "demo", caller.Tenant.String())
	require.Equal(t, "viewer", caller.Role)
}

func TestToken_DoesNotValidateClaims(t *testing.T) {
	t.Parallel()
	i, err := issuer.Open(t.TempDir())
	require.NoError(t, err)
	token, err := i.Token("a#b", "admin", time.Now())
	require.NoError(t, err)
	require.Equal(t, auth.TenantInvalid, verify(t, i, token).Refused)
	token, err = i.Token("demo", "king", time.Now())
	require.NoError(t, err)
	require.Equal(t, auth.RoleUnknown, verify(t, i, token).Refused)
}

func TestOpen_CreatesOneKeyConcurrently(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	issuers := make([]*issuer.Issuer, 4)
	var all sync.WaitGroup
	for n := range issuers {
		all.Go(func() { issuers[n], _ = issuer.Open(dir) })
	}
	all.Wait()

	for _, i := range issuers {
		require.NotNil(t, i)
		token, err := i.Token("demo", "admin", time.Now())
		require.NoError(t, err)
		require.Empty(t, verify(t, issuers[0], token).Refused)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
	info, err := files[0].Info()
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestOpen_NamesTheFileWithoutKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "issuer.pem"), []byte("x"), 0o600))
	_, err := issuer.Open(dir)
	require.ErrorContains(t, err, "issuer.pem")
}
