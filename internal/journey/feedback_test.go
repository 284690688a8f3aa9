package journey_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/feedback"
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
