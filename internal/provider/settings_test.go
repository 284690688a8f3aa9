package provider

import (
	"fmt"
	"strings"
	"testing"

	"journeys/internal/graph"

	"github.com/stretchr/testify/require"
)

func TestParseSettings_AcceptsValidSettings(t *testing.T) {
	t.Parallel()

	tests := map[string]string{
		"nothing": `{}`,
		"everything": `{
			"decisions": {
				"by-rule": {"type": "rules", "offers": [{"id": "a", "priority": -5,
					"condition": {"field": "plan", "operator": "eq", "value": "pro"}, "payload": {"title": "A"}}]},
				"best": {"type": "lambda", "function": "next-best-offer:live", "tenants": ["acme", "Umbrella_2"]},
				"*": {"type": "http", "url": "https://decide.test/v1?x=y", "secret": "secretsmanager:journeys/decide"}
			},
			"channels": {
				"points": {"type": "lambda", "function": "arn:aws:lambda:eu-west-1:111122223333:function:points:$LATEST", "ratePerSecond": 5},
				"sms": {"type": "end-user-messaging", "originationIdentity": "arn:aws-us-gov:sms-voice:us-gov-west-1:111122223333:sender-id/Shop/GB",
					"configurationSet": "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/texts",
					"messageType": "TRANSACTIONAL", "entityId": "1201", "ratePerSecond": 1, "tenants": ["acme"]},
				"email": {"type": "http", "url": "https://mail.test:8443", "secret": "` + testSecret + ` ` + testSecret + `", "ratePerSecond": 0.5},
				"*": {"type": "inbox", "url": "http://127.0.0.1:8080/_local/messages"}
			},
			"allowPrivate": ["crm.internal", "127.0.0.1", "10.1.0.0/16", "::1"]
		}`,
		"a name over http when private ones are allowed": `{"channels": {"a": {"type": "inbox", "url": "http://crm.internal"}}, "allowPrivate": true}`,
		"a host that is allowed, in capitals":            `{"channels": {"a": {"type": "inbox", "url": "http://CRM.internal"}}, "allowPrivate": ["crm.Internal"]}`,
		"a name over http that may be in a range":        `{"channels": {"a": {"type": "inbox", "url": "http://crm.internal"}}, "allowPrivate": ["10.0.0.0/8"]}`,
		"the metadata address when its range is allowed": `{"channels": {"a": {"type": "inbox", "url": "http://169.254.169.254"}}, "allowPrivate": ["169.254.169.254"]}`,
		"nothing private": `{"channels": {"a": {"type": "inbox", "url": "https://a.test"}}, "allowPrivate": false}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := ParseSettings([]byte(text))
			require.NoError(t, err)
		})
	}
}

func TestParseSettings_RefusesInvalidSettings(t *testing.T) {
	t.Parallel()

	short := `"whsec_` + strings.Repeat("AAAA", 7) + `"`
	long := `"whsec_` + strings.Repeat("AAAA", 22) + `"`
	const secretFault = `/channels/a/secret must be "whsec_" and 24 to 64 bytes in base64, or where that is kept: "ssm:" and the name of a parameter, or "secretsmanager:" and the name or the ARN of a secret`
	const rangeFault = `/allowPrivate/0 must be a host, an IP address or a CIDR range that begins at its first address`
	channel := func(members string) string {
		return `{"channels": {"a": {"type": "http", "url": "https://a.test", "secret": "` + testSecret + `"` + members + `}}}`
	}
	withSecret := func(secret string) string {
		return `{"channels": {"a": {"type": "http", "url": "https://a.test", "secret": ` + secret + `}}}`
	}
	offers := func(list string) string { return `{"decisions": {"f": {"type": "rules", "offers": ` + list + `}}}` }
	tests := map[string]struct{ text, want string }{
		"nothing at all":           {``, `the body is empty; it must be one JSON value`},
		"no object":                {`[]`, `must be an object`},
		"an unknown field":         {`{"channel": {}}`, `/channel unknown field; allowed here: decisions, channels, allowPrivate`},
		"a name twice":             {`{"channels": {"a": {}, "a": {}}}`, `/channels/a duplicate name in the object`},
		"no type":                  {`{"channels": {"a": {}}}`, `/channels/a/type is required`},
		"a flow's inbox":           {`{"decisions": {"a": {"type": "inbox"}}}`, `/decisions/a/type must be one of http, lambda, rules`},
		"a channel of rules":       {`{"channels": {"a": {"type": "rules"}}}`, `/channels/a/type must be one of http, inbox, ses, sns, end-user-messaging, eventbridge, lambda`},
		"a name that is empty":     {`{"decisions": {"": {"type": "rules", "offers": []}}}`, `/decisions/ must have a name of 1 to 128 characters`},
		"no URL and no secret":     {`{"channels": {"a": {"type": "http"}}}`, `/channels/a/url is required; /channels/a/secret is required`},
		"a rate of zero":           {channel(`, "ratePerSecond": 0`), `/channels/a/ratePerSecond must be a number above 0, at most 10000`},
		"a rate of a flow":         {`{"decisions": {"a": {"type": "http", "url": "https://a.test", "secret": "` + testSecret + `", "ratePerSecond": 1}}}`, `/decisions/a/ratePerSecond unknown field; allowed here: type, url, secret, tenants`},
		"an inbox's secret":        {`{"channels": {"a": {"type": "inbox", "url": "https://a.test", "secret": "x"}}}`, `/channels/a/secret unknown field; allowed here: type, url, tenants`},
		"a secret as a word":       {withSecret(`"` + private + `"`), secretFault},
		"a secret too short":       {withSecret(short), secretFault},
		"a secret too long":        {withSecret(long), secretFault},
		"a secret not base64":      {withSecret(`"whsec_` + strings.Repeat("!", 40) + `"`), secretFault},
		"a parameter as a pattern": {withSecret(`"ssm:/journeys/*"`), secretFault},
		"a secret as a number":     {withSecret(`1`), `/channels/a/secret must be a string`},
		"no offers":                {`{"decisions": {"f": {"type": "rules"}}}`, `/decisions/f/offers is required`},
		"offers as an object":      {offers(`{}`), `/decisions/f/offers must be an array`},
		"an empty offer":           {offers(`[{}]`), `/decisions/f/offers/0/id is required; /decisions/f/offers/0/priority is required`},
		"an offer's id twice":      {offers(`[{"id": "a", "priority": 1}, {"id": "a", "priority": 2}]`), `/decisions/f/offers/1 must not have the id of an earlier offer`},
		"a priority in halves":     {offers(`[{"id": "a", "priority": 1.5}]`), `/decisions/f/offers/0/priority must be a whole number from -1000000 to 1000000`},
		"an id in the payload":     {offers(`[{"id": "a", "priority": 1, "payload": {"id": 1}}]`), `/decisions/f/offers/0/payload/id must not be in a payload; it is the offer's id`},
		"a payload as a list":      {offers(`[{"id": "a", "priority": 1, "payload": []}]`), `/decisions/f/offers/0/payload must be an object`},
		"a condition on events":    {offers(`[{"id": "a", "priority": 1, "condition": {"field": "event.x", "operator": "exists"}}]`), `/decisions/f/offers/0/condition must read only attributes; an offer has no event and no decision`},
		"a bad condition":          {offers(`[{"id": "a", "priority": 1, "condition": {"field": "x", "operator": "like", "value": 1}}]`), `/decisions/f/offers/0/condition/operator must be one of eq, neq, gt, gte, lt, lte, in, exists, contains, starts_with, within_last, within_next, older_than`},
		"private as a word":        {`{"allowPrivate": "yes"}`, `/allowPrivate must be an array`},
		"a range with bits":        {`{"allowPrivate": ["10.0.0.1/8"]}`, rangeFault},
		"a mapped range":           {`{"allowPrivate": ["::ffff:10.0.0.0/104"]}`, rangeFault},
		"an allowed URL":           {`{"allowPrivate": ["http://a.test"]}`, rangeFault},
		"an allowed host's port":   {`{"allowPrivate": ["a.test:80"]}`, rangeFault},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := ParseSettings([]byte(test.text))
			require.EqualError(t, err, "settings of providers: "+test.want)
		})
	}
}

func TestParseSettings_RefusesTargets(t *testing.T) {
	t.Parallel()

	const (
		form    = "must be an http or https URL with a host"
		unusual = "must not have an address in an unusual form"
		https   = "must be https, unless allowPrivate allows its host"
	)
	tests := map[string]string{
		"":                                  "must not be empty",
		"a.test":                            form,
		"ftp://a.test":                      form,
		"file:///etc/passwd":                form,
		"https:///path":                     form,
		"https://:443":                      form,
		"https://a.test:port":               form,
		"https://a.test:0":                  "must have a port from 1 to 65535",
		"https://a.test:65536":              "must have a port from 1 to 65535",
		"https://user:pass@a.test":          "must have neither user nor fragment",
		"https://a.test/#x":                 "must have neither user nor fragment",
		"http://a.test":                     https,
		"http://localhost":                  https,
		"http://8.8.8.8":                    "8.8.8.8 is refused: a public address is called by https only",
		"https://127.0.0.1":                 "127.0.0.1 is refused: a loopback address that the settings do not allow",
		"https://10.0.0.1":                  "10.0.0.1 is refused: a private address that the settings do not allow",
		"https://169.254.169.254":           "169.254.169.254 is refused: a link-local address that the settings do not allow",
		"https://[::1]":                     "::1 is refused: a loopback address that the settings do not allow",
		"https://[::ffff:127.0.0.1]":        "127.0.0.1 is refused: a loopback address that the settings do not allow",
		"https://[64:ff9b::7f00:1]":         "127.0.0.1 is refused: a loopback address that the settings do not allow",
		"https://[fe80::1%25eth0]":          "fe80::1 is refused: a link-local address that the settings do not allow",
		"https://2130706433":                unusual,
		"https://0x7f000001":                unusual,
		"https://0X7F.0.0.1":                unusual,
		"https://0177.0.0.1":                unusual,
		"https://127.1":                     unusual,
		"https://127.0.0.0x1":               unusual,
		"https://127.0.0.0x":                unusual,
		"https://1.99999999999999999999999": unusual,
	}
	for address, want := range tests {
		t.Run(address, func(t *testing.T) {
			t.Parallel()

			_, err := ParseSettings(fmt.Appendf(nil, `{"channels": {"a": {"type": "inbox", "url": %q}}}`, address))
			require.EqualError(t, err, "settings of providers: /channels/a/url "+want)
		})
	}
}

func TestParseSettings_AllowsNoMetadataServiceByTrue(t *testing.T) {
	t.Parallel()

	for _, address := range []string{"169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]", "[ff02::1]", "[64:ff9b::a9fe:a9fe]"} {
		_, err := ParseSettings(fmt.Appendf(nil,
			`{"channels": {"a": {"type": "inbox", "url": "http://%s"}}, "allowPrivate": true}`, address))
		require.ErrorContains(t, err, "address that the settings do not allow", address)
	}
}

func TestParseSettings_ListsEveryFault(t *testing.T) {
	t.Parallel()

	_, err := ParseSettings([]byte(`{
		"decisions": {"f": {"type": "http", "url": "https://` + private + `", "secret": "` + private + `"}},
		"channels": {"c": {"type": "inbox", "url": "http://a.test/` + private + `"}},
		"allowPrivate": [1]
	}`))
	require.EqualError(t, err, `settings of providers: /allowPrivate/0 must be a string; `+
		`/decisions/f/url must have neither user nor fragment; `+
		`/decisions/f/secret must be "whsec_" and 24 to 64 bytes in base64, or where that is kept: "ssm:" and the name of a parameter, or "secretsmanager:" and the name or the ARN of a secret; `+
		`/channels/c/url must be https, unless allowPrivate allows its host`)
}

func TestDecide_ChoosesOffers(t *testing.T) {
	t.Parallel()

	p := with(t, at(start), `{"decisions": {"f": {"type": "rules", "offers": [
		{"id": "b", "priority": 10},
		{"id": "low", "priority": -1, "payload": {}},
		{"id": "pro", "priority": 50, "condition": {"field": "plan", "operator": "eq", "value": "pro"},
			"payload": {"title": "<Pro \u00e9\"", "terms": {"months": [1, 2.50]}}},
		{"id": "a", "priority": 10, "condition": {"field": "banned", "operator": "neq", "value": true}}
	]}}}`)
	const pro = `{"id":"pro","title":"<Pro \u00e9\"","terms":{"months":[1,2.50]}}`
	tests := map[string]struct {
		attributes string
		max        int
		want       string
	}{
		"the best one": {`{"plan":"pro"}`, 1, `{"offers":[` + pro + `],"offer":` + pro + `,"score":50}`},
		"by priority, then by id": {
			`{"plan":"pro"}`, 100,
			`{"offers":[` + pro + `,{"id":"a"},{"id":"b"},{"id":"low"}],"offer":` + pro + `,"score":50}`,
		},
		"only those whose condition holds":  {`{"banned":true}`, 1, `{"offers":[{"id":"b"}],"offer":{"id":"b"},"score":10}`},
		"for a customer without attributes": {`null`, 1, `{"offers":[{"id":"a"}],"offer":{"id":"a"},"score":10}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			r := newQuestion(t, graph.DecisionConfig{FlowID: "f", MaxOffers: test.max})
			r.Attributes = value(t, test.attributes)
			answer, err := p.Decide(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, test.want, text(answer))
		})
	}
}

func TestDecide_IsEmptyWithoutOffer(t *testing.T) {
	t.Parallel()

	p := with(t, at(start), `{"decisions": {"f": {"type": "rules", "offers": [
		{"id": "a", "priority": 1, "condition": {"field": "plan", "operator": "eq", "value": "pro"}}]}}}`)
	answer, err := p.Decide(t.Context(), newQuestion(t, graph.DecisionConfig{FlowID: "f", MaxOffers: 1}))
	require.NoError(t, err)
	require.True(t, answer.Missing())
}

func FuzzParseSettings(f *testing.F) {
	f.Add([]byte(`{"channels": {"*": {"type": "inbox", "url": "http://[::1%25a]:1"}}, "allowPrivate": ["::1", "a"]}`))
	f.Add([]byte(`{"decisions": {"*": {"type": "rules", "offers": [{"id": "a", "priority": 1, "payload": {"\u0000": 1}}]}}}`))
	f.Add([]byte(`{"channels": {"*": {"type": "lambda", "function": "a:$LATEST", "tenants": ["a"]}}, "decisions": {"a": {"type": "lambda", "function": "a"}}}`))
	f.Add([]byte(`{"channels": {"a": {"type": "end-user-messaging", "originationIdentity": "phone-1"}, "b": {"type": "ses", "from": "A <a@b>"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSettings(data)
		if err != nil {
			return
		}
		_ = s.AWS() // it relies on forms that ParseSettings checks
		p := New(s, at(start), Network{})
		for name, flow := range s.flows {
			if flow.target == nil && flow.function == "" {
				r := newQuestion(t, graph.DecisionConfig{FlowID: name, MaxOffers: len(flow.offers) + 1})
				answer, err := p.Decide(t.Context(), r)
				if err != nil || !answer.Missing() && !answer.IsObject() {
					t.Fatalf("flow %q answers %s, %v", name, text(answer), err)
				}
			}
		}
	})
}

func TestSettings_ListResourcesOfAWS(t *testing.T) {
	t.Parallel()

	s, err := ParseSettings([]byte(`{"channels": {
		"a": {"type": "ses", "from": "Shop <news@shop.test>"}, "b": {"type": "ses", "from": "news@shop.test"},
		"c": {"type": "ses", "from": "a@shop.test"}, "d": {"type": "sns"}, "e": {"type": "eventbridge", "bus": "crm"},
		"f": {"type": "inbox", "url": "https://a.test"},
		"g": {"type": "end-user-messaging", "originationIdentity": "pool-1", "configurationSet": "texts"},
		"h": {"type": "end-user-messaging", "originationIdentity": "phone-1", "configurationSet": "texts"},
		"i": {"type": "end-user-messaging", "originationIdentity": "arn:aws:sms-voice:eu-west-1:111122223333:sender-id/Shop/GB"},
		"j": {"type": "lambda", "function": "points:live"},
		"k": {"type": "lambda", "function": "arn:aws:lambda:eu-west-1:111122223333:function:crm"},
		"l": {"type": "http", "url": "https://a.test", "secret": "ssm:/journeys/l"},
		"m": {"type": "http", "url": "https://b.test", "secret": "ssm:/journeys/l"},
		"n": {"type": "http", "url": "https://b.test", "secret": "secretsmanager:journeys/n"},
		"o": {"type": "http", "url": "https://b.test", "secret": "` + testSecret + `"}},
		"decisions": {"a": {"type": "lambda", "function": "points:live"}, "b": {"type": "lambda", "function": "best"},
			"c": {"type": "rules", "offers": []}, "d": {"type": "http", "url": "https://a.test", "secret": "ssm:d"}}}`))
	require.NoError(t, err)
	require.Equal(t, AWS{
		Senders: []string{"a@shop.test", "news@shop.test"}, SMS: true,
		Messaging: []string{
			"arn:aws:sms-voice:eu-west-1:111122223333:sender-id/Shop/GB", "configuration-set/texts", "phone-number/phone-1", "pool/pool-1",
		},
		Buses:      []string{"event-bus/crm"},
		Functions:  []string{"arn:aws:lambda:eu-west-1:111122223333:function:crm", "function:best", "function:points:live"},
		Parameters: []string{"parameter/d", "parameter/journeys/l"},
		Secrets:    []string{"secret:journeys/n-??????"},
	}, s.AWS())
	require.Equal(t, []string{"/channels/o/secret"}, s.PlainSecrets())
	s, err = ParseSettings([]byte(`{}`))
	require.NoError(t, err)
	require.Zero(t, s.AWS())
}

func TestParseSettings_RefusesInvalidChannelsOfAWS(t *testing.T) {
	t.Parallel()

	const function = "/function must be the name or the ARN of a Lambda function, perhaps with an alias or a version"
	const identity = "/originationIdentity must be the id of a pool or of a phone number (pool-..., phone-...), or the ARN of a pool, a phone number or a sender ID"
	const from = `/from must be an e-mail address, or a name and one: "Shop <news@example.com>"`
	for text, want := range map[string]string{
		`{"type": "ses"}`:                                                                                          "/from is required",
		`{"type": "ses", "from": "shop"}`:                                                                          from,
		`{"type": "ses", "from": "a@b.test, c@d.test"}`:                                                            from,
		`{"type": "ses", "from": "Shop\r\nBcc: x <a@b.test>"}`:                                                     from,
		`{"type": "ses", "from": "a@b.test", "configurationSet": "a b"}`:                                           "/configurationSet must have only A-Z, a-z, 0-9, _ and -",
		`{"type": "ses", "from": "a@b.test", "url": "https://a.test"}`:                                             "/url unknown field; allowed here: type, from, configurationSet, ratePerSecond, tenants",
		`{"type": "sns", "senderId": "123"}`:                                                                       "/senderId must have only letters and digits, at least one of them a letter",
		`{"type": "sns", "senderId": "Twelve chars"}`:                                                              "/senderId must have 1 to 11 characters, has 12",
		`{"type": "eventbridge"}`:                                                                                  "/bus is required",
		`{"type": "eventbridge", "bus": "*"}`:                                                                      "/bus must be the name or the ARN of a bus",
		`{"type": "eventbridge", "bus": "arn:aws:events:eu-west-1:1:bus"}`:                                         "/bus must be the name or the ARN of a bus",
		`{"type": "eventbridge", "bus": "a", "source": "aws.ec2"}`:                                                 `/source must not begin with "aws."`,
		`{"type": "lambda"}`:                                                                                       "/function is required",
		`{"type": "lambda", "function": "a b"}`:                                                                    function,
		`{"type": "lambda", "function": "a*"}`:                                                                     function,
		`{"type": "lambda", "function": "a:b:c"}`:                                                                  function,
		`{"type": "lambda", "function": "arn:aws:sns:eu-west-1:111122223333:function:a"}`:                          function,
		`{"type": "lambda", "function": "a", "secret": "x"}`:                                                       "/secret unknown field; allowed here: type, function, ratePerSecond, tenants",
		`{"type": "end-user-messaging"}`:                                                                           "/originationIdentity is required",
		`{"type": "end-user-messaging", "originationIdentity": "+4312345"}`:                                        identity,
		`{"type": "end-user-messaging", "originationIdentity": "Shop"}`:                                            identity,
		`{"type": "end-user-messaging", "originationIdentity": "arn:aws:sms-voice:eu-west-1:111122223333:pool/*"}`: identity,
		`{"type": "end-user-messaging", "originationIdentity": "pool-1", "configurationSet": "a b"}`:               "/configurationSet must be the name or the ARN of a configuration set",
		`{"type": "end-user-messaging", "originationIdentity": "pool-1", "messageType": "promotional"}`:            "/messageType must be one of TRANSACTIONAL, PROMOTIONAL",
		`{"type": "end-user-messaging", "originationIdentity": "pool-1", "templateId": "1207"}`:                    "/templateId must come with an entityId",
		`{"type": "end-user-messaging", "originationIdentity": "pool-1", "entityId": "12 01"}`:                     "/entityId must not have spaces",
		`{"type": "sns", "tenants": []}`:                                                                           "/tenants must not be empty",
		`{"type": "sns", "tenants": "acme"}`:                                                                       "/tenants must be an array",
		`{"type": "sns", "tenants": ["acme", "a#b", ""]}`:                                                          "/tenants/1 must have only A-Z, a-z, 0-9, _ and -; /channels/a/tenants/2 must not be empty",
		`{"type": "eventbridge", "bus": "a", "ratePerSecond": 0}`:                                                  "/ratePerSecond must be a number above 0, at most 10000",
	} {
		_, err := ParseSettings([]byte(`{"channels": {"a": ` + text + `}}`))
		require.EqualError(t, err, "settings of providers: /channels/a"+want, text)
	}
}
