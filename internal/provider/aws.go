package provider

import (
	"cmp"
	"context"
	"errors"
	"html"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2"
	smstypes "github.com/aws/aws-sdk-go-v2/service/pinpointsmsvoicev2/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	mailtypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	texttypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"journeys/internal/engine"
	"journeys/internal/graph"
)

// mail is a channel that sends e-mail by Amazon SES.
type mail struct {
	client        func() *sesv2.Client
	from          string
	configuration *string // nil for none
	installation  string
}

// prepare uses the payload's subject, text and html, or the node's template with
// the payload as its data.
func (c *mail) prepare(m *engine.Message, _ time.Time) (send, error) {
	to := graph.AddressIn(m.Facts.Attributes, "email")
	if to == "" {
		return nil, errNoAddress
	}
	content, err := mailContent(m)
	if err != nil {
		return nil, err
	}
	input := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(c.from), ConfigurationSetName: c.configuration,
		Destination: &mailtypes.Destination{ToAddresses: []string{to}}, Content: content, EmailTags: mailTags(c.installation, m),
	}
	return silent(func(ctx context.Context) error {
		_, err := c.client().SendEmail(ctx, input)
		return err
	}), nil
}

func mailContent(m *engine.Message) (*mailtypes.EmailContent, error) {
	if m.Config.TemplateID != "" {
		data, err := m.Config.Payload.JSON(&m.Facts)
		if data == nil {
			data = []byte("{}")
		}
		return &mailtypes.EmailContent{Template: &mailtypes.Template{
			TemplateName: aws.String(m.Config.TemplateID), TemplateData: aws.String(string(withUnsubscribe(data, m))), Headers: mailHeaders(m),
		}}, err
	}
	subject, named, err := m.Config.Payload.Text("subject", &m.Facts, unescaped)
	text, hasText, err2 := m.Config.Payload.Text("text", &m.Facts, unescaped)
	page, hasHTML, err3 := m.Config.Payload.Text("html", &m.Facts, html.EscapeString)
	if err = errors.Join(err, err2, err3); err != nil {
		return nil, err
	}
	if !named || !hasText && !hasHTML {
		return nil, errNoContent
	}
	body := &mailtypes.Body{}
	if hasText {
		body.Text = part(text)
	}
	if hasHTML {
		body.Html = part(page)
	}
	return &mailtypes.EmailContent{Simple: &mailtypes.Message{Subject: part(oneLine(subject)), Body: body, Headers: mailHeaders(m)}}, nil
}

var (
	errNoContent = errors.New("without a templateId the payload needs subject, and text or html")
	errNoMessage = errors.New("the payload needs a message that is not empty")
	errNotSent   = errors.New("the request could not be made: credentials, region or endpoint are missing or wrong")
)

func part(text string) *mailtypes.Content {
	return &mailtypes.Content{Data: aws.String(text), Charset: aws.String("UTF-8")}
}

func unescaped(text string) string { return text }

// oneLine replaces each control character by a space, so that a customer's
// attribute cannot add another header.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// textMessage returns the customer's telephone number and the text for it.
func textMessage(m *engine.Message) (to, message string, err error) {
	if to = graph.AddressIn(m.Facts.Attributes, "phone"); to == "" {
		return "", "", errNoAddress
	}
	if message, _, err = m.Config.Payload.Text("message", &m.Facts, unescaped); err != nil {
		return "", "", err
	}
	if message == "" {
		return "", "", errNoMessage
	}
	return to, message, nil
}

// sms is a channel that sends text messages by Amazon SNS.
type sms struct {
	client func() *sns.Client
	sender *string // nil for the default of the AWS account
}

func (c *sms) prepare(m *engine.Message, _ time.Time) (send, error) {
	to, message, err := textMessage(m)
	if err != nil {
		return nil, err
	}
	input := &sns.PublishInput{PhoneNumber: aws.String(to), Message: aws.String(message)}
	if c.sender != nil {
		input.MessageAttributes = map[string]texttypes.MessageAttributeValue{
			"AWS.SNS.SMS.SenderID": {DataType: aws.String("String"), StringValue: c.sender},
		}
	}
	return silent(func(ctx context.Context) error {
		_, err := c.client().Publish(ctx, input)
		return err
	}), nil
}

// messaging is a channel that sends text messages by AWS End User Messaging.
type messaging struct {
	client           func() *pinpointsmsvoicev2.Client
	identity         string  // an id or an ARN
	configuration    *string // nil for none
	messageType      smstypes.MessageType
	entity, template string // India's; "" for none
	installation     string
}

func (c *messaging) prepare(m *engine.Message, _ time.Time) (send, error) {
	to, message, err := textMessage(m)
	if err != nil {
		return nil, err
	}
	input := &pinpointsmsvoicev2.SendTextMessageInput{
		DestinationPhoneNumber: aws.String(to), MessageBody: aws.String(message),
		OriginationIdentity: aws.String(c.identity), ConfigurationSetName: c.configuration, MessageType: c.messageType,
		Context: textContext(c.installation, m),
	}
	if c.entity != "" {
		input.DestinationCountryParameters = map[string]string{"IN_ENTITY_ID": c.entity}
		if template := cmp.Or(m.Config.TemplateID, c.template); template != "" {
			input.DestinationCountryParameters["IN_TEMPLATE_ID"] = template
		}
	}
	return silent(func(ctx context.Context) error {
		_, err := c.client().SendTextMessage(ctx, input)
		return err
	}), nil
}

// bus is a channel that puts events on a bus of Amazon EventBridge.
type bus struct {
	client                   func() *eventbridge.Client
	name, source, detailType string
}

// prepare makes an event whose detail is the body that HTTP channels get.
func (c *bus) prepare(m *engine.Message, at time.Time) (send, error) {
	body, err := messageBody(m, at)
	if err != nil {
		return nil, err
	}
	entry := eventtypes.PutEventsRequestEntry{
		EventBusName: aws.String(c.name), Source: aws.String(c.source), DetailType: aws.String(c.detailType),
		Detail: aws.String(string(body)), Time: aws.Time(at),
	}
	return silent(func(ctx context.Context) error {
		out, err := c.client().PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{entry}})
		if err == nil && out.FailedEntryCount > 0 {
			code := ""
			for _, e := range out.Entries {
				code = aws.ToString(e.ErrorCode)
			}
			return &refusedEntry{code}
		}
		return err
	}), nil
}

// refusedEntry is the error of an event that a bus refused, in an answer of 200.
type refusedEntry struct{ code string }

func (e *refusedEntry) Error() string { return "the bus refused the event: " + safeCode(e.code) }
