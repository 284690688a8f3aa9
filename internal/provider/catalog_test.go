package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// secretive has every kind of channel and flow. What only advance may know has "hidden"
// in it, or is testSecret.
const secretive = `{
	"channels": {
		"email": {"type": "http", "url": "https://hidden.test/hidden?token=hidden", "secret": "` + testSecret + `", "ratePerSecond": 9},
		"newsletter": {"type": "ses", "from": "Hidden <hidden@shop.test>", "configurationSet": "hidden", "tenants": ["acme", "umbrella"]},
		"alerts": {"type": "sns", "senderId": "Hidden"},
		"texts": {"type": "end-user-messaging", "originationIdentity": "pool-hidden", "configurationSet": "hidden",
			"messageType": "PROMOTIONAL", "entityId": "hidden", "templateId": "hidden"},
		"sms": {"type": "inbox", "url": "http://127.0.0.1/hidden"},
		"crm": {"type": "eventbridge", "bus": "hidden", "source": "hidden", "detailType": "hidden"},
		"loyalty": {"type": "lambda", "function": "arn:aws:lambda:eu-west-1:111122223333:function:hidden"},
		"*": {"type": "http", "url": "https://hidden.test", "secret": "` + testSecret + `"}
	},
	"decisions": {
		"by-rule": {"type": "rules", "offers": [{"id": "hidden", "priority": 1,
			"condition": {"field": "hidden", "operator": "eq", "value": "hidden"}, "payload": {"hidden": "hidden"}}]},
		"best": {"type": "lambda", "function": "hidden:live", "tenants": ["acme"]},
		"*": {"type": "http", "url": "https://hidden.test", "secret": "` + testSecret + `"}
	},
	"allowPrivate": ["127.0.0.1", "hidden.internal"]
}`

func TestCatalog_NamesWhatTheSettingsHaveWithoutSecrets(t *testing.T) {
	t.Parallel()
	settings, err := ParseSettings([]byte(secretive))
	require.NoError(t, err)
	text := settings.Catalog().Text()
	require.JSONEq(t, `{
		"channels": {
			"*": {"type": "http"},
			"alerts": {"type": "sns", "address": "phone"},
			"crm": {"type": "eventbridge"},
			"email": {"type": "http", "address": "email"},
			"loyalty": {"type": "lambda"},
			"newsletter": {"type": "ses", "address": "email", "tenants": ["acme", "umbrella"], "feedback": true},
			"sms": {"type": "inbox", "address": "phone", "feedback": true},
			"texts": {"type": "end-user-messaging", "address": "phone", "feedback": true}
		},
		"decisions": {
			"*": {"type": "http"}, "best": {"type": "lambda", "tenants": ["acme"]}, "by-rule": {"type": "rules"}
		}
	}`, text)
	require.NotContains(t, strings.ToLower(text), "hidden")
	require.NotContains(t, text, testSecret)
}
