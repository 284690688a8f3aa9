package provider

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	mailtypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	texttypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"journeys/internal/engine"
)

// maxIdle is how long a connection to AWS is kept: not as long as AWS keeps it,
// nor over a freeze. On a kept connection that has died a request is lost, and
// without a key it may not be sent again.
const maxIdle = 3 * time.Second

// forMessages returns the settings of a client that tries once: these services
// take no idempotency key, so that the SDK may not repeat what was perhaps sent.
func forMessages(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.IdleConnTimeout = maxIdle
		t.MaxIdleConnsPerHost = 32
	})
	return cfg
}

// mail is a channel of Amazon SES.
type mail struct {
	client        *sesv2.Client
	from          string
	configuration *string // nil for none
}

// prepare takes subject, text and html of the payload, or gives the payload to
// the template that the node names.
func (c *mail) prepare(m *engine.Message, _ time.Time) (func(context.Context) error, error) {
	to, err := single(m, "email")
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
	subject, named, err := m.Config.Payload.Text("subject", &m.Facts, asItIs)
	text, hasText, err2 := m.Config.Payload.Text("text", &m.Facts, asItIs)
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
	errNoMessage = errors.New("the payload needs message, which is not empty")
	errNotSent   = errors.New("the request could not be made: credentials, region or endpoint are missing or wrong")
	errAddress   = errors.New("the customer's address is not one address")
)

func part(text string) *mailtypes.Content {
	return &mailtypes.Content{Data: aws.String(text), Charset: aws.String("UTF-8")}
}

func asItIs(text string) string { return text }

// oneLine puts a space in place of each control character, so that a header
// cannot be followed by another of a customer's making.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// lists are characters with which one address could become several.
const lists = `,;:<>()[]"\`

// single returns the customer's attribute as an address.
func single(m *engine.Message, attribute string) (string, error) {
	text, _ := m.Facts.Attributes.Get(attribute).Text()
	text = strings.TrimSpace(text)
	if text == "" {
		return "", errNoAddress
	}
	if strings.ContainsAny(text, lists) || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) && attribute == "email" || unicode.IsControl(r)
	}) {
		return "", errAddress
	}
	return text, nil
}

// sms is a channel of Amazon SNS's text messages.
type sms struct {
	client *sns.Client
	sender *string // nil for what the account's settings say
}

func (c *sms) prepare(m *engine.Message, _ time.Time) (func(context.Context) error, error) {
	to, err := single(m, "phone")
	if err != nil {
		return nil, err
	}
	message, _, err := m.Config.Payload.Text("message", &m.Facts, asItIs)
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

// bus is a channel of Amazon EventBridge.
type bus struct {
	client                   *eventbridge.Client
	name, source, detailType string
}

// prepare makes an event whose detail is the message as HTTP channels get it.
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

// refusedEntry is an event that was refused in an answer of 200.
type refusedEntry struct{ code string }

// Error says why.
func (e *refusedEntry) Error() string { return "the bus refused the event: " + harmless(e.code) }

// attempt calls send and tells what its error means: an engine.ThrottledError,
// an engine.UncertainError, or an error after which the message was not sent.
//
// Not sent is what never had a connection, and what was answered with anything
// but success or a fault of the service: refusals, 4xx, throttling, and 503,
// by which a server says that it does not handle the request. Nobody knows
// after a connection that broke or was silent, after another fault (5xx), and
// after a success that cannot be read.
func attempt(ctx context.Context, send func(context.Context) error, now time.Time) error {
	var connected atomic.Bool
	err := send(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	if err == nil {
		return nil
	}
	var (
		entry    *refusedEntry
		answered *awshttp.ResponseError
	)
	switch {
	case errors.As(err, &entry):
		if throttling(entry.code) {
			return &engine.ThrottledError{After: defaultRetryAfter}
		}
		return entry
	case errors.As(err, &answered) && answered.HTTPStatusCode() > 0:
		return answer(err, answered.Response.Response, now)
	case connected.Load():
		return &engine.UncertainError{Err: cause(err)}
	}
	if err = cause(err); errors.Is(err, errBroken) {
		return errNotSent
	}
	return err
}

// answer words an answer that is no success, or cannot be read.
func answer(err error, response *http.Response, now time.Time) error {
	code := ""
	var fault smithy.APIError
	if errors.As(err, &fault) {
		code = fault.ErrorCode()
	}
	status := response.StatusCode
	worded := fmt.Errorf("the service answered %d %s", status, harmless(code))
	switch {
	case throttling(code), status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		after, ok := retryAfter(response.Header.Get("Retry-After"), now)
		if !ok {
			after = defaultRetryAfter
		}
		return &engine.ThrottledError{After: after}
	case status/100 == 2, status/100 == 5:
		return &engine.UncertainError{Err: worded}
	}
	return worded
}

// throttling reports whether an error's code says "too many". SNS has a word of
// its own for it.
func throttling(code string) bool {
	_, ok := retry.DefaultThrottleErrorCodes[code]
	return ok || code == "Throttled" || code == "LimitExceededException"
}

var codeForm = form(`^[A-Za-z][A-Za-z0-9.]{0,63}$`)

// harmless returns a code that can be no customer's address.
func harmless(code string) string {
	if codeForm().MatchString(code) {
		return code
	}
	return "without a code"
}

// newOutbound returns what sends to the channel.
func (c channel) newOutbound(s *Settings, network Network, now func() time.Time) outbound {
	switch c.kind {
	case kindMail:
		return &mail{sesv2.NewFromConfig(forMessages(network.AWS)), c.from, orNull(c.configuration)}
	case kindText:
		return &sms{sns.NewFromConfig(forMessages(network.AWS)), orNull(c.sender)}
	case kindBus:
		return &bus{eventbridge.NewFromConfig(forMessages(network.AWS)), c.bus, c.source, c.detailType}
	case kindHTTP:
	}
	return newClient(c.target, s.allowed, network, now)
}
