package provider

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	mailtypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/manifest"
)

// unsubscribe says where the recipient of a message unsubscribes.
type unsubscribe struct {
	URL string `json:"url"`
}

// unsubscribeOf returns where the recipient unsubscribes; nil if the message has no topic.
func unsubscribeOf(m *engine.Message) *unsubscribe {
	if m.UnsubscribeURL == "" {
		return nil
	}
	return &unsubscribe{m.UnsubscribeURL}
}

// unsubscribeFact returns the same for placeholders; missing for none.
func unsubscribeFact(m *engine.Message) condition.Value {
	if m.UnsubscribeURL == "" {
		return condition.Value{}
	}
	return condition.Value{}.With("url", condition.NewText(m.UnsubscribeURL))
}

// oneClick are the headers with which a mail program unsubscribes its user by one click
// (RFC 8058).
type oneClick struct {
	List string `json:"List-Unsubscribe"`
	Post string `json:"List-Unsubscribe-Post"`
}

// oneClickOf returns the headers; nil if the message has no topic.
func oneClickOf(m *engine.Message) *oneClick {
	if m.UnsubscribeURL == "" {
		return nil
	}
	return &oneClick{"<" + m.UnsubscribeURL + ">", "List-Unsubscribe=One-Click"}
}

// mailHeaders returns the headers for SES; nil if the message has no topic.
func mailHeaders(m *engine.Message) []mailtypes.MessageHeader {
	h := oneClickOf(m)
	if h == nil {
		return nil
	}
	return []mailtypes.MessageHeader{
		{Name: aws.String("List-Unsubscribe"), Value: &h.List},
		{Name: aws.String("List-Unsubscribe-Post"), Value: &h.Post},
	}
}

// mailTags returns the tags by which SES's events about a mail name it.
func mailTags(installation string, m *engine.Message) (tags []mailtypes.MessageTag) {
	names := []string{manifest.TagInstallation, manifest.TagTenant, manifest.TagMessage, manifest.TagTest}
	for i, value := range []string{installation, m.Tenant.String(), m.ID.String(), testMark(m)} {
		if value != "" {
			tags = append(tags, mailtypes.MessageTag{Name: &names[i], Value: &value})
		}
	}
	return tags
}

// textContext returns what End User Messaging's events about a text message name it by.
func textContext(installation string, m *engine.Message) map[string]string {
	context := map[string]string{
		manifest.TagInstallation: installation, manifest.TagTenant: m.Tenant.String(), manifest.TagMessage: m.ID.String(),
	}
	if m.Test {
		context[manifest.TagTest] = testMark(m)
	}
	return context
}

// testMark returns the value of TagTest; "" for a message that is no test.
func testMark(m *engine.Message) string {
	if m.Test {
		return "true"
	}
	return ""
}

// withUnsubscribe returns a template's data with where the recipient unsubscribes, unless
// the data has such a member.
func withUnsubscribe(data []byte, m *engine.Message) []byte {
	fact := unsubscribeFact(m)
	object, err := condition.ParseValue(data)
	if fact.Missing() || err != nil || !object.Get("unsubscribe").Missing() {
		return data
	}
	return object.With("unsubscribe", fact).AppendJSON(nil)
}
