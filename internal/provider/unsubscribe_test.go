package provider

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	ids "journeys/internal/message"
)

var messageID = ids.ID{0xfb, 0xff, 15: 1}

// mailTagsText is how SES gets the tags of a message in tests.
var mailTagsText = `[{"Name":"journeys","Value":"shop"},{"Name":"tenant","Value":"acme"},{"Name":"message","Value":"` + messageID.String() + `"}]`

const unsubscribeURL = "https://shop.test/u/token-_"

// sentWithTopic returns the body of the request that sends a message with a topic.
func sentWithTopic(t *testing.T, name string, config graph.ActionConfig) string {
	t.Helper()
	s := services[name]
	address, requests := serve(t, answering(answer{200, s.sent}))
	config.Topic = "news"
	m := newMessage(t, config)
	m.UnsubscribeURL = unsubscribeURL
	_, err := onAWS(t, s, address).Send(t.Context(), m)
	require.NoError(t, err)
	return (<-requests).body
}

const oneClickText = `[{"Name":"List-Unsubscribe","Value":"<` + unsubscribeURL + `>"},{"Name":"List-Unsubscribe-Post","Value":"List-Unsubscribe=One-Click"}]`

func TestUnsubscribe_MailHasTheHeadersOfOneClick(t *testing.T) {
	t.Parallel()

	simple := sentWithTopic(t, "ses", graph.ActionConfig{Channel: "email", Payload: readPayload(t,
		`{"subject":"Hello","text":"{{unsubscribe.url}}","html":"<a href=\"{{ unsubscribe.url | default: 'x' }}\">"}`)})
	require.JSONEq(t, `{"FromEmailAddress":"Shop <news@shop.test>","ConfigurationSetName":"news",
		"Destination":{"ToAddresses":["`+private+`"]},"EmailTags":`+mailTagsText+`,"Content":{"Simple":{
			"Subject":{"Data":"Hello","Charset":"UTF-8"},"Headers":`+oneClickText+`,
			"Body":{"Text":{"Data":"`+unsubscribeURL+`","Charset":"UTF-8"},"Html":{"Data":"<a href=\"`+unsubscribeURL+`\">","Charset":"UTF-8"}}}}}`, simple)
	var raw struct {
		Content struct {
			Simple struct{ Headers []struct{ Name string } }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(simple), &raw))
	require.Equal(t, "List-Unsubscribe", raw.Content.Simple.Headers[0].Name, "SES wants it before the other")

	for payload, data := range map[string]string{
		``:                               `{"unsubscribe":{"url":"` + unsubscribeURL + `"}}`,
		`{"a":1e400}`:                    `{"a":1e400,"unsubscribe":{"url":"` + unsubscribeURL + `"}}`,
		`{"unsubscribe":"mine"}`:         `{"unsubscribe":"mine"}`,
		`{"link":"{{unsubscribe.url}}"}`: `{"link":"` + unsubscribeURL + `","unsubscribe":{"url":"` + unsubscribeURL + `"}}`,
	} {
		config := graph.ActionConfig{Channel: "email", TemplateID: "welcome"}
		if payload != "" {
			config.Payload = readPayload(t, payload)
		}
		var sent struct {
			Content struct {
				Template struct {
					TemplateData string
					Headers      json.RawMessage
				}
			}
		}
		require.NoError(t, json.Unmarshal([]byte(sentWithTopic(t, "ses", config)), &sent))
		require.Equal(t, data, sent.Content.Template.TemplateData)
		require.JSONEq(t, oneClickText, string(sent.Content.Template.Headers))
	}
}

func TestUnsubscribe_OtherChannelsGetItInTheMessage(t *testing.T) {
	t.Parallel()

	const want = `"topic":"news","unsubscribe":{"url":"` + unsubscribeURL + `"},"headers":{"List-Unsubscribe":"<` + unsubscribeURL +
		`>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"}}`
	var put struct{ Entries []struct{ Detail string } }
	require.NoError(t, json.Unmarshal([]byte(sentWithTopic(t, "eventbridge", graph.ActionConfig{Channel: "crm"})), &put))
	require.Contains(t, put.Entries[0].Detail, want)

	address, requests := serve(t, status(http.StatusAccepted))
	m := newMessage(t, graph.ActionConfig{Channel: "push", Topic: "news"})
	m.UnsubscribeURL = unsubscribeURL
	_, err := calling(t, address, at(start)).Send(t.Context(), m)
	require.NoError(t, err)
	require.Contains(t, (<-requests).body, want)

	address, requests = serve(t, status(http.StatusOK))
	_, err = invoking(t, "points", address).Send(t.Context(), m)
	require.NoError(t, err)
	require.Contains(t, (<-requests).body, want)
}
