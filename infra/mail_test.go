package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// Every stage has a configuration set of its own, for the channels that name none, and
// hears what becomes of all mail.
func TestMail_ReportsToTheDefaultEventBus(t *testing.T) {
	values := maps.Clone(goodSettings)
	values[envStage] = devStage
	values[manifest.EnvFeedbackDelivered] = "true"
	values[manifest.EnvProviders] = `{"channels": {"email": {"type": "ses", "from": "Shop <news@shop.test>"},
		"own": {"type": "ses", "from": "own@shop.test", "configurationSet": "theirs"},
		"local": {"type": "inbox", "url": "https://inbox.test"}}}`
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	dev := templates[devStage]
	require.Empty(t, dev.messages)

	sets := dev.ofType("AWS::SES::ConfigurationSet")
	require.Len(t, sets, 1, "the stack makes none that a channel names")
	require.Equal(t, "Journeys-dev", only(sets).Properties["Name"])
	heard := map[string]bool{}
	for id, events := range dev.ofType("AWS::SES::ConfigurationSetEventDestination") {
		name := events.Properties["ConfigurationSetName"].(string)
		heard[name] = true
		require.Equal(t, name == "Journeys-dev", len(events.DependsOn) == 1, id)
		destination := events.Properties["EventDestination"].(map[string]any)
		require.Equal(t, "Journeys-dev", destination["Name"], "stages have destinations of their own at a set that both name")
		require.Equal(t, true, destination["Enabled"])
		require.ElementsMatch(t, []any{
			"bounce", "complaint", "open", "click", "subscription", "reject", "renderingFailure", "deliveryDelay", "delivery",
		}, destination["MatchingEventTypes"])
		bus := text(destination["EventBridgeDestination"].(map[string]any)["EventBusArn"])
		require.Contains(t, bus, ":event-bus/default", id)
	}
	require.Equal(t, map[string]bool{"Journeys-dev": true, "theirs": true}, heard)

	providers := dev.Resources["Advance"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)[manifest.EnvProviders]
	require.JSONEq(t, `{"channels": {"email": {"type": "ses", "from": "Shop <news@shop.test>", "configurationSet": "Journeys-dev"},
		"own": {"type": "ses", "from": "own@shop.test", "configurationSet": "theirs"},
		"local": {"type": "inbox", "url": "https://inbox.test"}}}`, providers.(string))
}

func TestMail_NeedsNothingWithoutAChannelOfSES(t *testing.T) {
	for _, template := range synthesized(t) {
		require.Empty(t, template.ofType("AWS::SES::ConfigurationSet"))
		require.Empty(t, template.ofType("AWS::SES::ConfigurationSetEventDestination"))
	}
}

func TestAddMailSet_ChangesNothingElse(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{}`:                                     `{}`,
		`{ "channels": {"a": {"type": "sns"}} }`: `{ "channels": {"a": {"type": "sns"}} }`,
		`{"channels":{"a":{"type":"ses","from":"<a@b.test>"}},"limit":1e308,"more":[1]}`: `{"channels":{"a":{"configurationSet":"X","from":"<a@b.test>","type":"ses"}},"limit":1e308,"more":[1]}`,
	} {
		got, err := addMailSet(given, "X")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// Stages share the default event bus, so the rule asks for the tag of its own.
func TestFeedback_HearsItsOwnStackOnly(t *testing.T) {
	for stage, template := range synthesized(t) {
		rule := only(template.ofType("AWS::Events::Rule"))
		require.JSONEq(t, `{"source": ["aws.ses"], "detail": {"mail": {"tags": {"journeys": [{"Ref": "Table"}]}}}}`,
			text(rule.Properties["EventPattern"]), stage)
		subscribed := 0
		for _, s := range template.ofType("AWS::SNS::Subscription") {
			if s.Properties["Protocol"] == "lambda" {
				require.Equal(t, manifest.Feedback.LogicalID(), getAtt(s.Properties["Endpoint"]))
				require.Equal(t, "Texts", ref(s.Properties["TopicArn"]))
				subscribed++
			}
		}
		require.Equal(t, 1, subscribed)
	}
}

func TestPublicURL_IsThatOfTheAPIByDefault(t *testing.T) {
	url := func(template stackTemplate) string {
		environment := template.Resources["Advance"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		return text(environment[manifest.EnvPublicURL])
	}
	for stage, template := range synthesized(t) {
		require.Contains(t, url(template), `"ApiEndpoint"`, stage)
	}
	values := maps.Clone(goodSettings)
	values[envStage], values[manifest.EnvPublicURL] = devStage, "https://mail.shop.test"
	s, err := settingsFrom(values)
	require.NoError(t, err)
	templates, err := synthesize(s, t.TempDir(), nil)
	require.NoError(t, err)
	require.Equal(t, "https://mail.shop.test", url(templates[devStage]))
}
