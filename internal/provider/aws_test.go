package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/journey"
)

// service is what the tests know of one service of AWS, as its protocol has it.
type service struct {
	settings  string
	config    func(t *testing.T) journey.ActionConfig
	sent      string // answers, in the service's protocol
	refused   answerOf
	wantErr   string // of refused
	throttled []answerOf
}

type answerOf struct {
	status int
	body   string
}

func snsError(code string) string {
	return `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>` + code +
		`</Code><Message>` + private + `</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}

func jsonError(code string) string { return `{"__type":"` + code + `","message":"` + private + `"}` }

func entryError(code string) string {
	return `{"Entries":[{"ErrorCode":"` + code + `","ErrorMessage":"` + private + `"}],"FailedEntryCount":1}`
}

var services = map[string]service{
	"ses": {
		settings: `{"type": "ses", "from": "Shop <news@shop.test>", "configurationSet": "news"}`,
		config: func(t *testing.T) journey.ActionConfig {
			return journey.ActionConfig{Channel: "email", Payload: payload(t, `{"subject":"Hello","text":"Hi"}`)}
		},
		sent:    `{"MessageId":"m-1"}`,
		refused: answerOf{400, jsonError("MessageRejected")}, wantErr: "the service answered 400 MessageRejected",
		throttled: []answerOf{{429, jsonError("TooManyRequestsException")}, {400, jsonError("LimitExceededException")}, {429, "{}"}, {503, "{}"}},
	},
	"sns": {
		settings: `{"type": "sns", "senderId": "Shop"}`,
		config: func(t *testing.T) journey.ActionConfig {
			return journey.ActionConfig{Channel: "sms", Payload: payload(t, `{"message":"Hi"}`)}
		},
		sent: `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-1</MessageId>` +
			`</PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>`,
		refused: answerOf{400, snsError("InvalidParameter")}, wantErr: "the service answered 400 InvalidParameter",
		throttled: []answerOf{{429, snsError("Throttled")}, {400, snsError("Throttling")}, {503, snsError("ServiceUnavailable")}},
	},
	"eventbridge": {
		settings: `{"type": "eventbridge", "bus": "crm", "source": "shop.journeys", "detailType": "Said"}`,
		config: func(t *testing.T) journey.ActionConfig {
			return journey.ActionConfig{Channel: "crm", TemplateID: "t", Payload: payload(t, `{"a":1e400}`)}
		},
		sent:    `{"Entries":[{"EventId":"e-1"}],"FailedEntryCount":0}`,
		refused: answerOf{200, entryError("NotAuthorizedForSourceException")}, wantErr: "the bus refused the event: NotAuthorizedForSourceException",
		throttled: []answerOf{{400, jsonError("ThrottlingException")}, {200, entryError("ThrottlingException")}},
	},
}

// onAWS returns a provider whose channels are all of the service, at address.
func onAWS(t *testing.T, s service, address string) *Provider {
	t.Helper()
	settings, err := ParseSettings([]byte(`{"channels": {"*": ` + s.settings + `}}`))
	require.NoError(t, err)
	p := New(settings, at(start), Network{AWS: aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(address),
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", "token"),
	}})
	p.sendTimeout = time.Minute
	return p
}

// eachService runs f for each service.
func eachService(t *testing.T, f func(t *testing.T, s service)) {
	t.Helper()
	for name, s := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, s)
		})
	}
}

func answering(a answerOf) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(a.status)
		fmt.Fprint(w, a.body)
	}
}

// hangUp ends the connection after the request was read.
func hangUp(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}
}

func TestAWS_AMessageIsSentOnce(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, requests := serve(t, answering(answerOf{200, s.sent}))
		result, err := onAWS(t, s, address).Send(t.Context(), message1(t, s.config(t)))
		require.NoError(t, err)
		require.Equal(t, journey.Sent, result)
		require.Contains(t, (<-requests).header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/")
		require.Empty(t, requests)
	})
}

func TestAWS_WhatIsSent(t *testing.T) {
	t.Parallel()

	sent := func(name string, config journey.ActionConfig) string {
		address, requests := serve(t, answering(answerOf{200, services[name].sent}))
		_, err := onAWS(t, services[name], address).Send(t.Context(), message1(t, config))
		require.NoError(t, err)
		return (<-requests).body
	}
	require.JSONEq(t, `{"FromEmailAddress":"Shop <news@shop.test>","ConfigurationSetName":"news",
		"Destination":{"ToAddresses":["`+private+`"]},"Content":{"Simple":{
			"Subject":{"Data":"Hello","Charset":"UTF-8"},"Body":{"Text":{"Data":"Hi","Charset":"UTF-8"}}}}}`,
		sent("ses", services["ses"].config(t)))
	require.JSONEq(t, `{"FromEmailAddress":"Shop <news@shop.test>","ConfigurationSetName":"news",
		"Destination":{"ToAddresses":["`+private+`"]},
		"Content":{"Template":{"TemplateName":"welcome","TemplateData":"{\"to\":\"ada@private.test\"}"}}}`,
		sent("ses", journey.ActionConfig{Channel: "any name", TemplateID: "welcome", Payload: payload(t, `{"to":"{{attributes.email}}"}`)}))

	form, err := url.ParseQuery(sent("sns", services["sns"].config(t)))
	require.NoError(t, err)
	require.Equal(t, url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "PhoneNumber": {"+4312345"}, "Message": {"Hi"},
		"MessageAttributes.entry.1.Name":              {"AWS.SNS.SMS.SenderID"},
		"MessageAttributes.entry.1.Value.DataType":    {"String"},
		"MessageAttributes.entry.1.Value.StringValue": {"Shop"},
	}, form)

	var put struct {
		Entries []struct{ Detail, DetailType, EventBusName, Source string }
	}
	require.NoError(t, json.Unmarshal([]byte(sent("eventbridge", services["eventbridge"].config(t))), &put))
	require.Len(t, put.Entries, 1)
	require.Equal(t, "crm", put.Entries[0].EventBusName)
	require.Equal(t, "shop.journeys", put.Entries[0].Source)
	require.Equal(t, "Said", put.Entries[0].DetailType)
	require.Equal(t, `{"idempotencyKey":"key-1","tenant":"acme","journeyId":"jrn_1","customerId":"`+private+
		`","nodeId":"n1","channel":"crm","templateId":"t","payload":{"a":1e400},"at":"2026-11-23T10:00:00.000Z"}`, put.Entries[0].Detail)
}

func TestAWS_WhatIsRefusedWasNotSent(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, requests := serve(t, answering(s.refused))
		_, err := onAWS(t, s, address).Send(t.Context(), message1(t, s.config(t)))
		require.EqualError(t, err, fmt.Sprintf("channel %q: %s", s.config(t).Channel, s.wantErr))
		requireUncertain(t, false, err)
		require.Len(t, requests, 1, "the SDK tries once")
	})
}

func TestAWS_TooManyIsThrottled(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		for _, a := range s.throttled {
			address, requests := serve(t, answering(a))
			_, err := onAWS(t, s, address).Send(t.Context(), message1(t, s.config(t)))
			requireThrottled(t, err, defaultRetryAfter)
			require.Len(t, requests, 1)
		}
		address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			answering(answerOf{429, s.throttled[0].body})(w, r)
		})
		_, err := onAWS(t, s, address).Send(t.Context(), message1(t, s.config(t)))
		requireThrottled(t, err, 7*time.Second)
	})
}

func requireUncertain(t *testing.T, want bool, err error) {
	t.Helper()
	var uncertain *engine.UncertainError
	require.Equal(t, want, errors.As(err, &uncertain), err)
}

func TestAWS_WithoutAnAnswerNobodyKnows(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		for name, handler := range map[string]http.HandlerFunc{
			"the connection ends":             hangUp(t),
			"a fault of the service":          answering(answerOf{500, jsonError(private)}),
			"a fault of something in between": answering(answerOf{502, "<html>" + private}),
			"a success that cannot be read":   answering(answerOf{200, `<` + private}),
			"a success that is cut short": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				fmt.Fprint(w, s.sent[:5])
			},
		} {
			address, requests := serve(t, handler)
			result, err := onAWS(t, s, address).Send(t.Context(), message1(t, s.config(t)))
			require.Error(t, err, name)
			requireUncertain(t, true, err)
			require.NotContains(t, err.Error(), private)
			require.Equal(t, journey.NoResult, result, name)
			require.Len(t, requests, 1, "%s: nothing may send it again", name)
		}
	})
}

// A connection that was kept from the message before is dead: the request is
// not repeated by net/http, as it is where there is a key.
func TestAWS_AKeptConnectionThatDiedIsNotReplaced(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		var count atomic.Int32
		address, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1) == 2 {
				hangUp(t)(w, r)
				return
			}
			answering(answerOf{200, s.sent})(w, r)
		})
		p := onAWS(t, s, address)
		_, err := p.Send(t.Context(), message1(t, s.config(t)))
		require.NoError(t, err)
		_, err = p.Send(t.Context(), message1(t, s.config(t)))
		requireUncertain(t, true, err)
		require.Len(t, requests, 2)
	})
}

func TestAWS_SilenceIsUncertain(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, gone := hang(t, "")
		p := onAWS(t, s, address)
		p.sendTimeout = 200 * time.Millisecond
		_, err := p.Send(t.Context(), message1(t, s.config(t)))
		require.EqualError(t, err, fmt.Sprintf("channel %q: perhaps sent: the target did not answer in time", s.config(t).Channel))
		requireUncertain(t, true, err)
		<-gone
	})
}

func TestAWS_WhatWasNeverConnectedWasNotSent(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		_, err = onAWS(t, s, "http://"+listener.Addr().String()).Send(t.Context(), message1(t, s.config(t)))
		require.ErrorContains(t, err, "connection refused")
		requireUncertain(t, false, err)

		server := httptest.NewUnstartedServer(answering(answerOf{200, s.sent}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // it says that it was not trusted
		server.StartTLS()
		t.Cleanup(server.Close)
		_, err = onAWS(t, s, server.URL).Send(t.Context(), message1(t, s.config(t)))
		require.ErrorContains(t, err, "certificate")
		requireUncertain(t, false, err)

		settings, err := ParseSettings([]byte(`{"channels": {"*": ` + s.settings + `}}`))
		require.NoError(t, err)
		_, err = New(settings, at(start), Network{}).Send(t.Context(), message1(t, s.config(t)))
		require.ErrorIs(t, err, errNotSent)
		requireUncertain(t, false, err)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = onAWS(t, s, server.URL).Send(ctx, message1(t, s.config(t)))
		require.Error(t, err)
		requireUncertain(t, false, err)
	})
}

func TestAWS_AfterACrashTheNodeDecides(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, requests := serve(t, answering(answerOf{200, s.sent}))
		p := onAWS(t, s, address)
		m := message1(t, s.config(t))
		m.Uncertain = true
		result, err := p.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, journey.SkippedUncertain, result)
		require.Empty(t, requests)

		m.Config.Resend = true
		result, err = p.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, journey.Sent, result)
		require.Len(t, requests, 1)
	})
}

func TestAWS_RateOfAChannel(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		s.settings = strings.TrimSuffix(s.settings, "}") + `, "ratePerSecond": 1}`
		address, requests := serve(t, answering(answerOf{200, s.sent}))
		p := onAWS(t, s, address)
		_, err := p.Send(t.Context(), message1(t, s.config(t)))
		require.NoError(t, err)
		_, err = p.Send(t.Context(), message1(t, s.config(t)))
		requireThrottled(t, err, time.Second)
		require.Len(t, requests, 1)
	})
}

// Nothing that a customer is called makes markup, a header or a second
// recipient.
func TestAWS_PlaceholdersAreEscapedForTheirPart(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, answering(answerOf{200, services["ses"].sent}))
	m := message1(t, journey.ActionConfig{Channel: "email", Payload: payload(t,
		`{"subject":"For {{attributes.name}}\r\n","text":"Dear {{attributes.name}},","html":"<p title=\"{{attributes.name}}\">{{event.x}}</p>"}`)})
	m.Facts = condition.Facts{
		Attributes: value(t, `{"email":"a@b.test","name":"<b>\"Ada\"</b>\r\nBcc: x@y.test {{attributes.email}}"}`),
		Event:      value(t, `{"x":"'<script>'"}`),
	}
	_, err := onAWS(t, services["ses"], address).Send(t.Context(), m)
	require.NoError(t, err)
	var body struct {
		Content struct {
			Simple struct {
				Subject struct{ Data string }
				Body    struct {
					Text struct{ Data string }
					Html struct{ Data string }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte((<-requests).body), &body))
	simple := body.Content.Simple
	require.Equal(t, `For <b>"Ada"</b>  Bcc: x@y.test {{attributes.email}}  `, simple.Subject.Data)
	require.Equal(t, "Dear <b>\"Ada\"</b>\r\nBcc: x@y.test {{attributes.email}},", simple.Body.Text.Data)
	require.Equal(t, "<p title=\"&lt;b&gt;&#34;Ada&#34;&lt;/b&gt;\r\nBcc: x@y.test {{attributes.email}}\">&#39;&lt;script&gt;&#39;</p>", simple.Body.Html.Data)

	for _, email := range []string{"a@b.test,c@d.test", "a@b.test;c@d.test", "a@b.test c@d.test", "A <a@b.test>", "a@b.test\r\nBcc: x@y.test"} {
		m.Facts.Attributes = value(t, fmt.Sprintf(`{"email":%q}`, email))
		_, err := onAWS(t, services["ses"], address).Send(t.Context(), m)
		require.ErrorIs(t, err, errAddress, email)
	}
	require.Empty(t, requests)
}

func TestAWS_WhatCannotBeSent(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, answering(answerOf{200, "{}"}))
	for name, test := range map[string]struct {
		service, payload string
		wantErr          error
	}{
		"an e-mail without payload":                 {"ses", ``, errNoContent},
		"an e-mail without subject":                 {"ses", `{"text":"a"}`, errNoContent},
		"an e-mail without body":                    {"ses", `{"subject":"a"}`, errNoContent},
		"an e-mail whose subject is a number":       {"ses", `{"subject":1,"text":"a"}`, errNoContent},
		"a text message without payload":            {"sns", ``, errNoMessage},
		"a text message that is empty once filled":  {"sns", `{"message":"{{attributes.none}}"}`, errNoMessage},
		"a payload that is too long once filled":    {"eventbridge", `{"a":"` + strings.Repeat("{{attributes.long}}", 300) + `"}`, journey.ErrPayloadTooLong},
		"an e-mail that is too long once filled":    {"ses", `{"subject":"a","html":"` + strings.Repeat("{{attributes.long}}", 300) + `"}`, journey.ErrPayloadTooLong},
		"template data that are too long when full": {"sns", `{"message":"` + strings.Repeat("{{attributes.long}}", 300) + `"}`, journey.ErrPayloadTooLong},
	} {
		m := message1(t, journey.ActionConfig{Channel: "push"})
		if test.payload != "" {
			m.Config.Payload = payload(t, test.payload)
		}
		m.Facts.Attributes = value(t, `{"email":"a@b.test","phone":"+43","long":"`+strings.Repeat("x", 1000)+`"}`)
		_, err := onAWS(t, services[test.service], address).Send(t.Context(), m)
		require.ErrorIs(t, err, test.wantErr, name)
		requireUncertain(t, false, err)
	}
	nobody := message1(t, journey.ActionConfig{Channel: "push"})
	nobody.Facts.Attributes = value(t, `{"email":" ","phone":1}`)
	for _, name := range []string{"ses", "sns"} {
		result, err := onAWS(t, services[name], address).Send(t.Context(), nobody)
		require.NoError(t, err)
		require.Equal(t, journey.SkippedNoAddress, result, name)
	}
	require.Empty(t, requests)
}

func TestAWS_EndpointsComeFromTheEnvironment(t *testing.T) {
	address, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
	})
	for name, variable := range map[string]string{
		"ses": "AWS_ENDPOINT_URL_SESV2", "sns": "AWS_ENDPOINT_URL_SNS", "eventbridge": "AWS_ENDPOINT_URL_EVENTBRIDGE",
	} {
		t.Setenv(variable, address)
		env, err := config.NewEnvConfig()
		require.NoError(t, err)
		settings, err := ParseSettings([]byte(`{"channels": {"*": ` + services[name].settings + `}}`))
		require.NoError(t, err)
		p := New(settings, at(start), Network{AWS: aws.Config{
			Region: "eu-west-1", ConfigSources: []any{env},
			Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
		}})
		_, err = p.Send(t.Context(), message1(t, services[name].config(t)))
		require.ErrorContains(t, err, "the service answered 400")
		<-requests
	}
}

func TestSettings_WhatIsWantedOfAWS(t *testing.T) {
	t.Parallel()

	s, err := ParseSettings([]byte(`{"channels": {
		"a": {"type": "ses", "from": "Shop <news@shop.test>"}, "b": {"type": "ses", "from": "news@shop.test"},
		"c": {"type": "ses", "from": "a@shop.test"}, "d": {"type": "sns"}, "e": {"type": "eventbridge", "bus": "crm"},
		"f": {"type": "inbox", "url": "https://a.test"}}}`))
	require.NoError(t, err)
	require.Equal(t, AWS{Senders: []string{"a@shop.test", "news@shop.test"}, SMS: true, Buses: []string{"crm"}}, s.AWS())
	s, err = ParseSettings([]byte(`{}`))
	require.NoError(t, err)
	require.Zero(t, s.AWS())
}

func TestSettings_BadChannelsOfAWS(t *testing.T) {
	t.Parallel()

	const from = `/from must be an e-mail address, or a name and one: "Shop <news@example.com>"`
	for text, want := range map[string]string{
		`{"type": "ses"}`:                                                  "/from is required",
		`{"type": "ses", "from": "shop"}`:                                  from,
		`{"type": "ses", "from": "a@b.test, c@d.test"}`:                    from,
		`{"type": "ses", "from": "Shop\r\nBcc: x <a@b.test>"}`:             from,
		`{"type": "ses", "from": "a@b.test", "configurationSet": "a b"}`:   "/configurationSet must have only A-Z, a-z, 0-9, _ and -",
		`{"type": "ses", "from": "a@b.test", "url": "https://a.test"}`:     "/url unknown field; allowed here: type, from, configurationSet, ratePerSecond",
		`{"type": "sns", "senderId": "123"}`:                               "/senderId must have only letters and digits, at least one of them a letter",
		`{"type": "sns", "senderId": "Twelve chars"}`:                      "/senderId must have 1 to 11 characters, has 12",
		`{"type": "eventbridge"}`:                                          "/bus is required",
		`{"type": "eventbridge", "bus": "*"}`:                              "/bus must be the name or the ARN of a bus",
		`{"type": "eventbridge", "bus": "arn:aws:events:eu-west-1:1:bus"}`: "/bus must be the name or the ARN of a bus",
		`{"type": "eventbridge", "bus": "a", "source": "aws.ec2"}`:         `/source must not begin with "aws."`,
		`{"type": "eventbridge", "bus": "a", "ratePerSecond": 0}`:          "/ratePerSecond must be a number above 0, at most 10000",
	} {
		_, err := ParseSettings([]byte(`{"channels": {"a": ` + text + `}}`))
		require.EqualError(t, err, "settings of providers: /channels/a"+want, text)
	}
}
