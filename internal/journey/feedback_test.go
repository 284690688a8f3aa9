package journey_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/simulate"
)

const mailAndWait = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"push"}},
	{"id":"rest","type":"wait","config":{"delayHours":2}},
	{"id":"w","type":"wait","config":{"delayHours":48,"waitForEvent":{"any":[{"id":"click","step":"mail","is":"clicked"},{"id":"bounce","step":"mail","is":"bounced"}]}}},
	{"id":"open","type":"condition_split","config":{"condition":{"field":"step.mail.opened","operator":"eq","value":true}}},
	{"id":"yes","type":"exit","config":{"reason":"opened"}},{"id":"no","type":"exit","config":{"reason":"unopened"}},
	{"id":"clicked","type":"exit","config":{"reason":"clicked"}},{"id":"bounced","type":"exit","config":{"reason":"bounced"}}],
	"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"rest"},{"source":"rest","target":"w"},{"source":"w","target":"open","sourceHandle":"timeout"},
	{"source":"w","target":"clicked","sourceHandle":"click"},{"source":"w","target":"bounced","sourceHandle":"bounce"},
	{"source":"open","target":"yes","sourceHandle":"true"},{"source":"open","target":"no","sourceHandle":"false"}]}`

// Feedback says what became of a message, so it ends each wait for it, also after an event
// that came later ended an earlier wait. It uses up no event that came before it.
func TestSimulation_FeedbackEndsEachWaitForIt(t *testing.T) {
	t.Parallel()

	const wait = `"type":"wait","config":{"delayHours":48,"waitForEvent":{"any":[{"id":"click","step":"mail","is":"clicked"},{"id":"buy","eventType":"buy"}]}}`
	const last = `"type":"wait","config":{"delayHours":48,"waitForEvent":{"any":[{"id":"click","step":"mail","is":"clicked"}]}}`
	const shop = `"type":"wait","config":{"delayHours":48,"waitForEvent":{"any":[{"id":"buy","eventType":"buy"}]}}`
	d := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"push"}},
		{"id":"a",`+shop+`},{"id":"b",`+last+`},{"id":"c",`+last+`},{"id":"d",`+wait+`},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"a"},{"source":"a","target":"b"},{"source":"b","target":"c"},
		{"source":"c","target":"d"},{"source":"d","target":"out"}]}`)
	require.Empty(t, d.Graph.Faults(""))
	s := mustRun(t, d, simulate.Request{
		Now: t0, Events: []simulate.Event{{Type: "buy", After: 3 * time.Hour}},
		Feedback: []simulate.Feedback{{Step: "mail", Is: feedback.Clicked, After: time.Hour}},
	}, 30)
	require.InDelta(t, 3, s.Duration.Hours(), 0.01)
}

func TestSimulation_TakesFeedback(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		feedback []simulate.Feedback
		reason   string
		hours    float64
	}{
		"none":                {nil, "unopened", 50},
		"opened in the wait":  {[]simulate.Feedback{{Step: "mail", Is: feedback.Opened, After: 9 * time.Hour}}, "opened", 50},
		"opened too late":     {[]simulate.Feedback{{Step: "mail", Is: feedback.Opened, After: 51 * time.Hour}}, "unopened", 50},
		"clicked in the wait": {[]simulate.Feedback{{Step: "mail", Is: feedback.Clicked, After: 9 * time.Hour}}, "clicked", 9},
		"clicked before it":   {[]simulate.Feedback{{Step: "mail", Is: feedback.Clicked, After: time.Hour}}, "clicked", 2},
		"the earliest":        {[]simulate.Feedback{{Step: "mail", Is: feedback.Clicked, After: 8 * time.Hour}, {Step: "mail", Is: feedback.Bounced, After: 7 * time.Hour}}, "bounced", 7},
	} {
		d := journeytest.Definition(t, mailAndWait)
		require.Empty(t, d.Graph.Faults(""), name)
		s := mustRun(t, d, simulate.Request{Now: t0, Feedback: row.feedback}, 30)
		require.Equal(t, row.reason, s.ExitReason, name)
		require.InDelta(t, row.hours, s.Duration.Hours(), 0.01, name)
	}
}

// letters sends three mails: about news, about offers, and a transactional one.
func letters(t *testing.T, between string) journey.Definition {
	t.Helper()
	d := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"email","topic":"news","payload":{"a":"{{unsubscribe.url}}"}}},
		{"id":"w",`+between+`},{"id":"news","type":"channel_action","config":{"channel":"email","topic":"news"}},
		{"id":"offer","type":"channel_action","config":{"channel":"email","topic":"offers"}},
		{"id":"bill","type":"channel_action","config":{"channel":"email","transactional":true}},
		{"id":"text","type":"channel_action","config":{"channel":"sms","transactional":true}},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"w"},{"source":"w","target":"news"},{"source":"news","target":"offer"},
		{"source":"offer","target":"bill"},{"source":"bill","target":"text"},{"source":"text","target":"out"}]}`)
	require.Empty(t, d.Graph.Faults(""))
	return d
}

// A bounce, a complaint and an unsubscribing have the consequences that they have for a real
// customer.
func TestSimulation_FeedbackHasItsConsequences(t *testing.T) {
	t.Parallel()

	const rest = `"type":"wait","config":{"delayHours":2}`
	const sent, unsubscribed, suppressed = "sent", "skipped_unsubscribed", "skipped_suppressed"
	reported := func(is feedback.Kind, hours float64) simulate.Request {
		return simulate.Request{Feedback: []simulate.Feedback{{Step: "mail", Is: is, After: time.Duration(hours * float64(time.Hour))}}}
	}
	for name, row := range map[string]struct {
		wait    string
		request simulate.Request
		hours   float64
		results []string // of mail, news, offer, bill and text
	}{
		"clicked":                         {rest, reported(feedback.Clicked, 1), 2, []string{sent, sent, sent, sent, sent}},
		"bounced":                         {rest, reported(feedback.Bounced, 1), 2, []string{sent, suppressed, suppressed, suppressed, sent}},
		"complained":                      {rest, reported(feedback.Complained, 0), 2, []string{sent, suppressed, suppressed, suppressed, sent}},
		"bounced too late":                {rest, reported(feedback.Bounced, 3), 2, []string{sent, sent, sent, sent, sent}},
		"bounced, but another address":    {`"type":"update_customer","config":{"set":{"email":"b@example.com"}}`, reported(feedback.Bounced, 0), 0, []string{sent, sent, sent, sent, sent}},
		"bounced, the address in capital": {`"type":"update_customer","config":{"set":{"email":"A@EXAMPLE.com"}}`, reported(feedback.Bounced, 0), 0, []string{sent, suppressed, suppressed, suppressed, sent}},
		"suppressed":                      {rest, simulate.Request{Suppressed: []string{"email"}}, 2, []string{suppressed, suppressed, suppressed, suppressed, sent}},
		"unsubscribed":                    {rest, reported(feedback.Unsubscribed, 1), 2, []string{sent, unsubscribed, sent, sent, sent}},
		"unsubscribed too late":           {rest, reported(feedback.Unsubscribed, 3), 2, []string{sent, sent, sent, sent, sent}},
		"unsubscribed ends a wait for the event": {
			`"type":"wait","config":{"delayHours":9,"waitForEvent":{"any":[{"id":"left","eventType":"$unsubscribed","condition":{"field":"event.topic","operator":"eq","value":"news"}}]}}`,
			reported(feedback.Unsubscribed, 1), 1, []string{sent, unsubscribed, sent, sent, sent},
		},
		"unsubscribed ends no wait for another topic": {
			`"type":"wait","config":{"delayHours":9,"waitForEvent":{"any":[{"id":"left","eventType":"$unsubscribed","condition":{"field":"event.topic","operator":"eq","value":"offers"}}]}}`,
			reported(feedback.Unsubscribed, 1), 9, []string{sent, unsubscribed, sent, sent, sent},
		},
	} {
		row.request.Now, row.request.Attributes = t0, value(t, `{"email":"a@example.com","phone":"+1555010000"}`)
		s := mustRun(t, letters(t, row.wait), row.request, 30)
		require.InDelta(t, row.hours, s.Duration.Hours(), 0.001, name)
		if row.results[0] == sent {
			require.JSONEq(t, `{"a":"https://example.com/u/simulated"}`, string(s.Steps[1].Payload), "as a real message has a link")
		}
		var results []string
		for _, i := range []int{1, 3, 4, 5, 6} {
			results = append(results, s.Steps[i].Result)
		}
		require.Equal(t, row.results, results, name)
	}
}

// A customer who follows the links in two messages about a topic unsubscribes once, by the
// earlier; exitOn and the goal hear it.
func TestSimulation_UnsubscribesOnce(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push","topic":"news"}},
		{"id":"b","type":"channel_action","config":{"channel":"push","topic":"news"}},{"id":"c","type":"channel_action","config":{"channel":"push","transactional":true}},
		{"id":"w","type":"wait","config":{"delayHours":20,"waitForEvent":"$unsubscribed"}},
		{"id":"v","type":"wait","config":{"delayHours":20,"waitForEvent":"$unsubscribed"}},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"a"},{"source":"a","target":"b"},{"source":"b","target":"c"},{"source":"c","target":"w"},{"source":"w","target":"v"},{"source":"v","target":"out"}]}`)
	require.Empty(t, d.Graph.Faults(""))
	request := simulate.Request{Now: t0, Feedback: []simulate.Feedback{
		{Step: "a", Is: feedback.Unsubscribed, After: 3 * time.Hour}, {Step: "b", Is: feedback.Unsubscribed, After: 2 * time.Hour},
		{Step: "c", Is: feedback.Unsubscribed, After: time.Hour}, // has no link
	}}
	require.InDelta(t, 22, mustRun(t, d, request, 30).Duration.Hours(), 0.001)

	request.Definition = &d
	request.Settings = graph.SettingsChange{"exitOn": []byte(`[{"eventType":"$unsubscribed"}]`), "goal": []byte(`{"eventType":"$unsubscribed","windowDays":3}`)}
	s := mustRun(t, d, request, 30)
	require.InDelta(t, 2, s.Duration.Hours(), 0.001)
	require.Equal(t, "$unsubscribed", s.Conversion.EventType)
}

// What is reported at the moment in which a message is sent ends the wait after it at once,
// whatever its eventSince.
func TestSimulation_TakesFeedbackAtOnce(t *testing.T) {
	t.Parallel()

	for _, since := range []string{"", `,"eventSince":{"step":"mail"}`, `,"eventSince":"wait"`} {
		d := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"push"}},
			{"id":"w","type":"wait","config":{"delayHours":48,"waitForEvent":{"any":[{"id":"click","step":"mail","is":"clicked"}]}`+since+`}},{"id":"out","type":"exit"}],
			"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"w"},{"source":"w","target":"out"}]}`)
		require.Empty(t, d.Graph.Faults(""), since)
		s := mustRun(t, d, simulate.Request{Now: t0, Feedback: []simulate.Feedback{{Step: "mail", Is: feedback.Clicked}}}, 30)
		require.Equal(t, "event", s.Steps[2].EndedBy, since)
		require.Zero(t, s.Duration, since)
	}
}

// Messages do not read feedback, so the payload of a simulated one does not show it.
func TestSimulation_FillsNoFeedbackIn(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"mail","type":"channel_action","config":{"channel":"push"}},
		{"id":"s","type":"condition_split","config":{"condition":{"field":"step.mail.clicked","operator":"eq","value":true}}},
		{"id":"last","type":"channel_action","config":{"channel":"push","payload":{"a":"{{step.mail.clicked}}{{step.mail.result}}"}}},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"mail"},{"source":"mail","target":"s"},{"source":"s","target":"last","sourceHandle":"true"},
		{"source":"s","target":"last","sourceHandle":"false"},{"source":"last","target":"out"}]}`)
	s := mustRun(t, d, simulate.Request{Now: t0, Feedback: []simulate.Feedback{{Step: "mail", Is: feedback.Clicked}}}, 30)
	require.Equal(t, "true", s.Steps[2].Result)
	require.JSONEq(t, `{"a":"sent"}`, string(s.Steps[3].Payload))
}
