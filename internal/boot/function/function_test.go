package function_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/boot/function"
	"journeys/internal/manifest"
)

func TestLoadSettings_NamesEveryMissingOne(t *testing.T) {
	t.Parallel()

	environment := map[string]string{manifest.EnvIssuer: "issuer", manifest.EnvAudience: "audience", manifest.EnvRoleClaim: "groups"}
	getenv := func(name string) string { return environment[name] }

	_, err := function.LoadSettings(getenv, []string{manifest.EnvTable, manifest.EnvIssuer, manifest.EnvJWKSURL, manifest.EnvTenantClaim})
	require.EqualError(t, err, "settings missing: JOURNEYS_TABLE, JOURNEYS_JWKS_URL")

	got, err := function.LoadSettings(getenv, []string{manifest.EnvIssuer, manifest.EnvTenantClaim, manifest.EnvRoleClaim})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		manifest.EnvIssuer: "issuer", manifest.EnvTenantClaim: "tenant", manifest.EnvRoleClaim: "groups",
	}, got)
}
