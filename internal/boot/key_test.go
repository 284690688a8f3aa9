package boot

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent/key"
	"journeys/internal/dev/secretstore"
	"journeys/internal/manifest"
)

const keyText = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestOpenKey_ReadsItWhereItIsKept(t *testing.T) {
	want, err := key.Parse(keyText)
	require.NoError(t, err)
	store := secretstore.New(t)
	store.Put("ssm:/journeys/key", keyText)
	store.Put("secretsmanager:journeys/key", keyText+"\n")
	store.Use(t)
	for _, setting := range []string{"ssm:/journeys/key", "secretsmanager:journeys/key", keyText} {
		source, err := openKey(map[string]string{manifest.EnvKey: setting})
		require.NoError(t, err)
		got, err := source.Key(t.Context())
		require.NoError(t, err, setting)
		require.Equal(t, want, got)
	}
	require.Equal(t, 2, store.Reads())

	source, err := openKey(map[string]string{manifest.EnvKey: "ssm:/journeys/other"})
	require.NoError(t, err)
	_, err = source.Key(t.Context())
	require.EqualError(t, err, `key of the installation not read: ssm:/journeys/other: the store answered 400 "ParameterNotFound"`)
}

func TestOpenKey_RefusesOthersWithoutQuotingThem(t *testing.T) {
	for _, setting := range []string{"", keyText[1:], "ssm:", "plain"} {
		_, err := openKey(map[string]string{manifest.EnvKey: setting})
		require.ErrorContains(t, err, "JOURNEYS_KEY must be where the key is kept")
		if setting != "" && setting != "ssm:" {
			require.NotContains(t, err.Error(), setting)
		}
	}
}
