package provider

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/payload"
	"journeys/internal/trail"
)

func TestAWS_SendsOnce(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, requests := serve(t, answering(answer{200, s.sent}))
		result, err := onAWS(t, s, address).Send(t.Context(), newMessage(t, s.config(t)))
		require.NoError(t, err)
		require.Equal(t, trail.Sent, result.Result)
		require.Contains(t, (<-requests).header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/")
		require.Empty(t, requests)
	})
}

func TestAWS_SendsTheMessage(t *testing.T) {
	t.Parallel()

	sentBy := func(s service, config graph.ActionConfig) string {
		address, requests := serve(t, answering(answer{200, s.sent}))
		_, err := onAWS(t, s, address).Send(t.Context(), newMessage(t, config))
		require.NoError(t, err)
		return (<-requests).body
	}
	sent := func(name string, config graph.ActionConfig) string { return sentBy(services[name], config) }
	require.JSONEq(t, `{"FromEmailAddress":"Shop <news@shop.test>","ConfigurationSetName":"news",
		"Destination":{"ToAddresses":["`+private+`"]},"EmailTags":`+mailTagsText+`,"Content":{"Simple":{
			"Subject":{"Data":"Hello","Charset":"UTF-8"},"Body":{"Text":{"Data":"Hi","Charset":"UTF-8"}}}}}`,
		sent("ses", services["ses"].config(t)))
	require.JSONEq(t, `{"FromEmailAddress":"Shop <news@shop.test>","ConfigurationSetName":"news",
		"Destination":{"ToAddresses":["`+private+`"]},"EmailTags":`+mailTagsText+`,
		"Content":{"Template":{"TemplateName":"welcome","TemplateData":"{\"to\":\"ada@private.test\"}"}}}`,
		sent("ses", graph.ActionConfig{Channel: "any name", TemplateID: "welcome", Payload: readPayload(t, `{"to":"{{attributes.email}}"}`)}))

	form := sentForm(t, `{"phone":"+4312345"}`)
	require.Equal(t, url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "PhoneNumber": {"+4312345"}, "Message": {"Hi"},
		"MessageAttributes.entry.1.Name":              {"AWS.SNS.SMS.SenderID"},
		"MessageAttributes.entry.1.Value.DataType":    {"String"},
		"MessageAttributes.entry.1.Value.StringValue": {"Shop"},
	}, form)
	require.Equal(t, "919876543210", sentForm(t, `{"phone":919876543210}`).Get("PhoneNumber"))

	text := func(identity, configuration, india string) string {
		return `{"DestinationPhoneNumber":"+4312345","MessageBody":"Hi","OriginationIdentity":"` + identity + `"` + configuration + india +
			`,"Context":{"journeys":"shop","tenant":"acme","message":"` + messageID.String() + `"}}`
	}
	const configuration = `,"ConfigurationSetName":"texts","MessageType":"PROMOTIONAL"`
	config := services["end-user-messaging"].config(t)
	require.JSONEq(t, text("pool-1", configuration, `,"DestinationCountryParameters":{"IN_ENTITY_ID":"1201","IN_TEMPLATE_ID":"1207"}`),
		sent("end-user-messaging", config))
	config.TemplateID = "1208"
	require.JSONEq(t, text("pool-1", configuration, `,"DestinationCountryParameters":{"IN_ENTITY_ID":"1201","IN_TEMPLATE_ID":"1208"}`),
		sent("end-user-messaging", config), "the node's template is used instead of the channel's")
	const number = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1"
	require.JSONEq(t, text(number, "", ""), sentBy(service{
		settings: `{"type": "end-user-messaging", "originationIdentity": "` + number + `"}`, sent: `{"MessageId":"m-1"}`,
	}, config), "a node's template is not India's without an entity")

	var put struct {
		Entries []struct{ Detail, DetailType, EventBusName, Source string }
	}
	require.NoError(t, json.Unmarshal([]byte(sent("eventbridge", services["eventbridge"].config(t))), &put))
	require.Len(t, put.Entries, 1)
	require.Equal(t, "crm", put.Entries[0].EventBusName)
	require.Equal(t, "shop.journeys", put.Entries[0].Source)
	require.Equal(t, "Said", put.Entries[0].DetailType)
	require.Equal(t, `{"idempotencyKey":"key-1","messageId":"`+messageID.String()+`","tenant":"acme","journeyId":"jrn_1","customerId":"`+private+
		`","nodeId":"n1","channel":"crm","templateId":"t","payload":{"a":1e400},"at":"2026-11-23T10:00:00.000Z"}`, put.Entries[0].Detail)
}

// sentForm returns the form that a text message to a customer posts.
func sentForm(t *testing.T, attributes string) url.Values {
	t.Helper()
	address, requests := serve(t, answering(answer{200, services["sns"].sent}))
	m := newMessage(t, services["sns"].config(t))
	m.Facts.Attributes = value(t, attributes)
	_, err := onAWS(t, services["sns"], address).Send(t.Context(), m)
	require.NoError(t, err)
	form, err := url.ParseQuery((<-requests).body)
	require.NoError(t, err)
	return form
}

func TestAWS_NodeDecidesAfterACrash(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, requests := serve(t, answering(answer{200, s.sent}))
		p := onAWS(t, s, address)
		m := newMessage(t, s.config(t))
		m.Uncertain = true
		result, err := p.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, trail.SkippedUncertain, result.Result)
		require.Empty(t, requests)

		m.Config.Resend = true
		result, err = p.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, trail.Sent, result.Result)
		require.Len(t, requests, 1)
	})
}

// A service takes no key: it is unknown whether a message without an answer was sent. For
// the target it is a time-out like any other.
func TestAWS_TimeoutsAreUncertainAndTimeouts(t *testing.T) {
	t.Parallel()

	eachService(t, func(t *testing.T, s service) {
		address, requests := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		p := onAWS(t, s, address)
		p.sendTimeout = 100 * time.Millisecond
		_, err := p.Send(t.Context(), newMessage(t, s.config(t)))
		require.ErrorIs(t, err, engine.ErrTimedOut)
		uncertain, ok := errors.AsType[*engine.UncertainError](err)
		require.True(t, ok)
		require.ErrorIs(t, uncertain, engine.ErrTimedOut)
		require.Len(t, requests, 1)
	})
}

// A customer's attributes cannot add markup, a header or a recipient.
func TestAWS_EscapesPlaceholders(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, answering(answer{200, services["ses"].sent}))
	m := newMessage(t, graph.ActionConfig{Channel: "email", Payload: readPayload(t,
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

	require.Empty(t, requests)
}

func TestAWS_RefusesIncompleteMessages(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, answering(answer{200, "{}"}))
	for name, test := range map[string]struct {
		service, payload string
		wantErr          error
	}{
		"an e-mail without payload":                 {"ses", ``, errNoContent},
		"an e-mail without subject":                 {"ses", `{"text":"a"}`, errNoContent},
		"an e-mail without body":                    {"ses", `{"subject":"a"}`, errNoContent},
		"an e-mail whose subject is a number":       {"ses", `{"subject":1,"text":"a"}`, errNoContent},
		"a text message without payload":            {"sns", ``, errNoMessage},
		"a text without payload":                    {"end-user-messaging", ``, errNoMessage},
		"a text message that is empty once filled":  {"sns", `{"message":"{{attributes.none}}"}`, errNoMessage},
		"a payload that is too long once filled":    {"eventbridge", `{"a":"` + strings.Repeat("{{attributes.long}}", 300) + `"}`, payload.ErrTooLong},
		"an e-mail that is too long once filled":    {"ses", `{"subject":"a","html":"` + strings.Repeat("{{attributes.long}}", 300) + `"}`, payload.ErrTooLong},
		"template data that are too long when full": {"sns", `{"message":"` + strings.Repeat("{{attributes.long}}", 300) + `"}`, payload.ErrTooLong},
	} {
		m := newMessage(t, graph.ActionConfig{Channel: "push"})
		if test.payload != "" {
			m.Config.Payload = readPayload(t, test.payload)
		}
		m.Facts.Attributes = value(t, `{"email":"a@b.test","phone":"+4312345678","long":"`+strings.Repeat("x", 1000)+`"}`)
		_, err := onAWS(t, services[test.service], address).Send(t.Context(), m)
		require.ErrorIs(t, err, test.wantErr, name)
		requireUncertain(t, false, err)
	}
	unknown := newMessage(t, graph.ActionConfig{Channel: "push"})
	unknown.Facts.Attributes = value(t, `{"email":" ","phone":1}`)
	for _, name := range []string{"ses", "sns", "end-user-messaging"} {
		result, err := onAWS(t, services[name], address).Send(t.Context(), unknown)
		require.NoError(t, err)
		require.Equal(t, trail.SkippedNoAddress, result.Result, name)
	}
	require.Empty(t, requests)
}

func TestAWS_TakesEndpointsFromTheEnvironment(t *testing.T) {
	address, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
	})
	for name, variable := range map[string]string{
		"ses": "AWS_ENDPOINT_URL_SESV2", "sns": "AWS_ENDPOINT_URL_SNS", "eventbridge": "AWS_ENDPOINT_URL_EVENTBRIDGE",
		"end-user-messaging": "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2",
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
		_, err = p.Send(t.Context(), newMessage(t, services[name].config(t)))
		require.ErrorContains(t, err, "the service answered 400")
		<-requests
	}
}
