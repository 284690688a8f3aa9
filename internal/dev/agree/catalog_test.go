package agree

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/manifest"
	"journeys/internal/provider"
)

// settingsOf returns the values that the functions of a template have of a setting.
func settingsOf(t *testing.T, file, setting string) []any {
	t.Helper()
	text, err := os.ReadFile("../../../" + file)
	require.NoError(t, err)
	template, err := readSAM(text) // JSON is YAML too
	require.NoError(t, err)
	var values []any
	for _, r := range template.Resources {
		var f samFunction
		if r.Type == "AWS::Serverless::Function" || r.Type == "AWS::Lambda::Function" {
			require.NoError(t, json.Unmarshal(r.Properties, &f))
		}
		if value, ok := f.Environment.Variables[setting]; ok {
			values = append(values, value)
		}
	}
	return values
}

// Wherever the functions that send have settings of providers, others have the catalog of
// these.
func TestCatalog_AgreesWithTheSettingsOfProviders(t *testing.T) {
	t.Parallel()
	for _, file := range []string{sam, dev, "infra/testdata/prod.golden.json"} {
		providers, catalogs := settingsOf(t, file, manifest.EnvProviders), settingsOf(t, file, manifest.EnvCatalog)
		require.Len(t, providers, 2, "%s: only advance and send-test have secrets", file)
		require.Equal(t, providers[0], providers[1], file)
		require.NotEmpty(t, catalogs, file)
		parsed, err := provider.ParseSettings([]byte(providers[0].(string)))
		require.NoError(t, err, file)
		for _, catalog := range catalogs {
			require.Equal(t, parsed.Catalog().Text(), catalog, file)
		}
	}
}

func TestCatalog_IsDerivedOnOneMachine(t *testing.T) {
	t.Parallel()
	settings, err := local.Settings("", `{"channels": {"sms": {"type": "http", "url": "https://a.test",
		"secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "tenants": ["acme"]}, "crm": {"type": "inbox", "url": "{decide}"}},
		"allowPrivate": ["127.0.0.1"]}`)
	require.NoError(t, err)
	require.Equal(t, `{"channels":{"crm":{"type":"inbox","feedback":true},"sms":{"type":"http","address":"phone","tenants":["acme"]}}}`,
		settings[manifest.EnvCatalog])

	_, err = local.Settings("", `{"channels": {"a": {"type": "ses"}}}`)
	require.EqualError(t, err, "JOURNEYS_PROVIDERS: settings of providers: /channels/a/from is required")
	_, err = local.Settings("", `{"channels": {"a": {"type": "http", "url": "https://a.test", "secret": "ssm:/a"}}}`)
	require.EqualError(t, err, "JOURNEYS_PROVIDERS: a local run reads no secrets from AWS: set them themselves (whsec_...)")
}
