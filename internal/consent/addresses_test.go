package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestJudge_TheLaterWordHolds(t *testing.T) {
	t.Parallel()
	topics := consent.Topics{
		"news":  {Channels: []string{"email"}},
		"offer": {Channels: []string{"email", "sms"}, In: true},
	}
	said := func(topic string, in bool, at int) consent.Subscriptions {
		return consent.Subscriptions{Statements: map[string]consent.Statement{topic: {In: in, At: noon.Add(time.Duration(at))}}}
	}
	out := func(topic string, at int) consent.Address {
		return consent.Address{OptOuts: map[string]time.Time{topic: noon.Add(time.Duration(at))}}
	}
	suppressed := func(channel, reason string) consent.Address {
		return consent.Address{Suppressions: map[string]consent.Suppression{channel: {Reason: reason, At: noon}}}
	}
	var silent consent.Subscriptions
	var unknown consent.Address
	for name, c := range map[string]struct {
		topic, channel string
		said           consent.Subscriptions
		address        consent.Address
		want           consent.Verdict
	}{
		"no topic":                               {"", "email", silent, unknown, consent.Allowed},
		"no topic, but an opt-out":               {"", "email", silent, out("news", 0), consent.Allowed},
		"default out":                            {"news", "email", silent, unknown, consent.Unsubscribed},
		"default in":                             {"offer", "email", silent, unknown, consent.Allowed},
		"default in, another channel":            {"offer", "push", said("offer", true, 9), unknown, consent.Unsubscribed},
		"no such topic":                          {"gone", "email", said("gone", true, 9), unknown, consent.Unsubscribed},
		"said in":                                {"news", "email", said("news", true, 1), unknown, consent.Allowed},
		"said in of another topic":               {"news", "email", said("offer", true, 1), unknown, consent.Unsubscribed},
		"said out":                               {"offer", "email", said("offer", false, 1), unknown, consent.Unsubscribed},
		"address out":                            {"offer", "email", silent, out("offer", 1), consent.Unsubscribed},
		"address out of another topic":           {"offer", "email", silent, out("news", 1), consent.Allowed},
		"said in, later address out":             {"news", "email", said("news", true, 1), out("news", 2), consent.Unsubscribed},
		"said in, address out at the same time":  {"news", "email", said("news", true, 2), out("news", 2), consent.Unsubscribed},
		"said in after the address out":          {"news", "email", said("news", true, 3), out("news", 2), consent.Allowed},
		"said out after the address out":         {"offer", "email", said("offer", false, 3), out("offer", 2), consent.Unsubscribed},
		"suppressed without a topic":             {"", "email", silent, suppressed("mail", "bounce"), consent.Suppressed},
		"suppressed on another channel":          {"", "email", silent, suppressed("email", "bounce"), consent.Allowed},
		"suppressed and unsubscribed":            {"news", "email", silent, suppressed("mail", "manual"), consent.Suppressed},
		"no longer suppressed, but unsubscribed": {"news", "email", silent, suppressed("mail", ""), consent.Unsubscribed},
		"no longer suppressed":                   {"offer", "email", silent, suppressed("mail", ""), consent.Allowed},
	} {
		message := consent.Message{Topic: c.topic, Channel: c.channel, Via: "mail"}
		require.Equal(t, c.want, topics.Judge(message, c.said, c.address), name)
	}
}
