package provider

import (
	"context"
	"errors"
	"html"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	mailtypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	texttypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"journeys/internal/engine"
	"journeys/internal/journey"
)

// maxIdle is how long an idle connection to AWS is kept: shorter than AWS keeps
// one, and too short to outlive a freeze of the process. A request on a dead
// connection is lost, and without an idempotency key it must not be sent again.
const maxIdle = 3 * time.Second

// withoutRetries returns cfg for a client that tries once. These services take no
// idempotency key, so that the SDK must not repeat a message that may have been
// sent.
func withoutRetries(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.IdleConnTimeout = maxIdle
		t.MaxIdleConnsPerHost = 32
	})
	return cfg
}

// mail is a channel that sends e-mail by Amazon SES.
type mail struct {
	client        *sesv2.Client
	from          string
	configuration *string // nil for none
}

// prepare uses the payload's subject, text and html, or the node's template with
// the payload as its data.
func (c *mail) prepare(m *engine.Message, _ time.Time) (func(context.Context) error, error) {
	to, err := singleAddress(m, "email")
	if err != nil {
		return nil, err
	}
	content, err := mailContent(m)
	if err != nil {
		return nil, err
	}
	input := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(c.from), ConfigurationSetName: c.configuration,
		Destination: &mailtypes.Destination{ToAddresses: []string{to}}, Content: content,
	}
	return func(ctx context.Context) error {
		_, err := c.client.SendEmail(ctx, input)
		return err
	}, nil
}

func mailContent(m *engine.Message) (*mailtypes.EmailContent, error) {
	if m.Config.TemplateID != "" {
		data, err := m.Config.Payload.JSON(&m.Facts)
		if data == nil {
			data = []byte("{}")
		}
		return &mailtypes.EmailContent{Template: &mailtypes.Template{
			TemplateName: aws.String(m.Config.TemplateID), TemplateData: aws.String(string(data)),
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
	return &mailtypes.EmailContent{Simple: &mailtypes.Message{Subject: part(oneLine(subject)), Body: body}}, nil
}

var (
	errNoContent = errors.New("without a templateId the payload needs subject, and text or html")
	errNoMessage = errors.New("the payload needs a message that is not empty")
	errNotSent   = errors.New("the request could not be made: credentials, region or endpoint are missing or wrong")
	errAddress   = errors.New("the customer's address is not exactly one address")
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

// separators are characters that can turn one address into several.
const separators = `,;:<>()[]"\`

// singleAddress returns the customer's attribute, which must be exactly one address. It
// returns errNoAddress if the attribute is missing or empty.
func singleAddress(m *engine.Message, attribute string) (string, error) {
	text := journey.AddressIn(m.Facts.Attributes, attribute)
	if text == "" {
		return "", errNoAddress
	}
	if strings.ContainsAny(text, separators) || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) && attribute == "email" || unicode.IsControl(r)
	}) {
		return "", errAddress
	}
	return text, nil
}

// sms is a channel that sends text messages by Amazon SNS.
type sms struct {
	client *sns.Client
	sender *string // nil for the default of the AWS account
}

func (c *sms) prepare(m *engine.Message, _ time.Time) (func(context.Context) error, error) {
	to, err := singleAddress(m, "phone")
	if err != nil {
		return nil, err
	}
	message, _, err := m.Config.Payload.Text("message", &m.Facts, unescaped)
	if err != nil {
		return nil, err
	}
	if message == "" {
		return nil, errNoMessage
	}
	input := &sns.PublishInput{PhoneNumber: aws.String(to), Message: aws.String(message)}
	if c.sender != nil {
		input.MessageAttributes = map[string]texttypes.MessageAttributeValue{
			"AWS.SNS.SMS.SenderID": {DataType: aws.String("String"), StringValue: c.sender},
		}
	}
	return func(ctx context.Context) error {
		_, err := c.client.Publish(ctx, input)
		return err
	}, nil
}

// bus is a channel that puts events on a bus of Amazon EventBridge.
type bus struct {
	client                   *eventbridge.Client
	name, source, detailType string
}

// prepare makes an event whose detail is the body that HTTP channels get.
func (c *bus) prepare(m *engine.Message, at time.Time) (func(context.Context) error, error) {
	body, err := messageBody(m, at)
	if err != nil {
		return nil, err
	}
	entry := eventtypes.PutEventsRequestEntry{
		EventBusName: aws.String(c.name), Source: aws.String(c.source), DetailType: aws.String(c.detailType),
		Detail: aws.String(string(body)), Time: aws.Time(at),
	}
	return func(ctx context.Context) error {
		out, err := c.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{entry}})
		if err == nil && out.FailedEntryCount > 0 {
			code := ""
			for _, e := range out.Entries {
				code = aws.ToString(e.ErrorCode)
			}
			return &refusedEntry{code}
		}
		return err
	}, nil
}

// refusedEntry is the error of an event that a bus refused, in an answer of 200.
type refusedEntry struct{ code string }

func (e *refusedEntry) Error() string { return "the bus refused the event: " + safeCode(e.code) }

// newSender returns the sender of the channel.
func (c channel) newSender(s *Settings, network Network, now func() time.Time) sender {
	switch c.kind {
	case kindMail:
		return &mail{sesv2.NewFromConfig(withoutRetries(network.AWS)), c.from, orNull(c.configuration)}
	case kindText:
		return &sms{sns.NewFromConfig(withoutRetries(network.AWS)), orNull(c.sender)}
	case kindBus:
		return &bus{eventbridge.NewFromConfig(withoutRetries(network.AWS)), c.bus, c.source, c.detailType}
	case kindHTTP:
	}
	return newClient(c.target, s.allowed, network, now)
}
