package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/manifest"
)

// Only the environment of advance may have what is secret: it is marked with "hidden".
func TestCatalog_KeepsSecretsFromFunctionsThatSendNothing(t *testing.T) {
	values := maps.Clone(goodSettings)
	values[envStage] = devStage
	values[manifest.EnvProviders] = `{
		"channels": {
			"email": {"type": "http", "url": "https://hidden.test/hidden?token=hidden", "secret": "ssm:/whereabouts"},
			"news": {"type": "ses", "from": "Shop <news@shop.test>", "tenants": ["acme"]},
			"local": {"type": "inbox", "url": "https://hidden.test/inbox"},
			"*": {"type": "http", "url": "https://hidden.test", "secret": "secretsmanager:whereabouts"}
		},
		"decisions": {
			"by-rule": {"type": "rules", "offers": [{"id": "hidden", "priority": 1,
				"condition": {"field": "hidden", "operator": "eq", "value": "hidden"}, "payload": {"hidden": "hidden"}}]},
			"best": {"type": "http", "url": "https://hidden.test", "secret": "secretsmanager:whereabouts"}
		},
		"allowPrivate": ["hidden.internal"]
	}`
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	template := templates[devStage]

	want := catalog.Catalog{
		Channels: catalog.List{
			"email": {Kind: "http", Address: "email"}, "news": {Kind: "ses", Address: "email", Tenants: []string{"acme"}, Feedback: true},
			"local": {Kind: "inbox", Feedback: true}, "*": {Kind: "http"},
		},
		Decisions: catalog.List{"by-rule": {Kind: "rules"}, "best": {Kind: "http"}},
	}
	var informed []string
	for _, f := range manifest.Functions() {
		environment := template.Resources[f.LogicalID()].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if slices.Contains(f.Env, manifest.EnvCatalog) {
			require.Equal(t, want.Text(), environment[manifest.EnvCatalog], f.Name)
			informed = append(informed, f.Name)
		}
		if f.Sends() {
			given := strings.Replace(values[manifest.EnvProviders], `"type": "ses",`, `"type": "ses", "configurationSet": "Journeys-dev",`, 1)
			require.JSONEq(t, given, environment[manifest.EnvProviders].(string))
			delete(environment, manifest.EnvProviders)
			continue
		}
		require.NotContains(t, text(environment), "whereabouts", f.Name)
	}
	require.Equal(t, []string{"create-journey", "update-journey", "test-journey", "get-settings", "get-draft", "put-draft", "publish-draft", "put-tenant-settings", "get-subscriptions", "put-subscriptions", "get-suppression", "put-suppression", "delete-suppression"}, informed)
	require.NotContains(t, strings.ToLower(text(template.Resources)+text(template.Outputs)), "hidden")
}
