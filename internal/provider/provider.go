// Package provider makes decisions and sends messages: it asks decision flows over
// HTTP, as Lambda functions or by built-in rules, and sends over HTTP, Amazon SES,
// SNS, AWS End User Messaging, EventBridge and Lambda. It calls only targets in its
// settings. It knows neither the table nor when an effect is due.
package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// Times and sizes of calls.
const (
	SendTimeout       = 10 * time.Second // of a message
	MaxAnswer         = 64 << 10         // bytes of an answer
	MaxRetryAfter     = time.Hour        // longer times are cut to this
	defaultRetryAfter = 30 * time.Second // of a channel that throttles without a Retry-After
)

// Provider is the engine's provider. It is safe for concurrent use.
type Provider struct {
	settings    Settings
	decisions   map[string]asker // by flow; flows of rules have none
	channels    map[string]sender
	now         func() time.Time
	sendTimeout time.Duration
}

var _ engine.Provider = (*Provider)(nil)

// New returns a provider with these settings.
func New(settings Settings, now func() time.Time, network Network) *Provider {
	p := &Provider{
		settings: settings, now: now, sendTimeout: SendTimeout,
		decisions: map[string]asker{}, channels: map[string]sender{},
	}
	amazon := newClients(network, now)
	for name, f := range settings.flows {
		if a := f.newAsker(&settings, network, amazon, now); a != nil {
			p.decisions[name] = a
		}
	}
	for name, c := range settings.channels {
		p.channels[name] = c.newSender(&settings, network, amazon, now)
	}
	return p
}

// sender sends the messages of one channel.
type sender interface {
	// prepare returns a function that sends a message. Its error is errNoAddress if
	// the customer has no address for the channel.
	prepare(m *engine.Message, at time.Time) (send, error)
}

// send sends a message. It returns the JSON object that the channel answered; missing for
// none, or if the node keeps nothing of it.
type send func(context.Context) (condition.Value, error)

// silent returns f as the send of a channel that answers nothing.
func silent(f func(context.Context) error) send {
	return func(ctx context.Context) (condition.Value, error) { return condition.Value{}, f(ctx) }
}

// asker answers the questions of one decision flow.
type asker interface {
	// ask returns a JSON object, or a missing value for no answer.
	ask(ctx context.Context, key string, question []byte) (condition.Value, error)
}

// Timeout returns the longest duration of a Send.
func (p *Provider) Timeout() time.Duration { return p.sendTimeout }

// ChannelTarget implements engine.Provider. A channel that does not exist for the tenant
// has none.
func (p *Provider) ChannelTarget(t ident.Tenant, channel string) engine.Target {
	name, ok := p.settings.catalog.Channels.Find(channel, t.String())
	if !ok {
		return engine.Target{}
	}
	c := p.settings.channels[name]
	return engine.Target{
		Name: "c:" + name, Rate: c.rate,
		Channel: name, Address: p.settings.catalog.Address(channel, t.String()), Feedback: c.hasFeedback(),
	}
}

// DecisionTarget implements engine.Provider. Flows of rules have none.
func (p *Provider) DecisionTarget(t ident.Tenant, flow string) engine.Target {
	name, _ := p.settings.catalog.Decisions.Find(flow, t.String())
	if p.decisions[name] == nil {
		return engine.Target{}
	}
	return engine.Target{Name: "d:" + name}
}

// question is the body of a decision's request, and what a function is invoked with.
type question struct {
	Key        string         `json:"idempotencyKey"`
	Tenant     string         `json:"tenant"`
	Journey    string         `json:"journeyId"`
	Customer   string         `json:"customerId"`
	NodeID     string         `json:"nodeId"`
	FlowID     string         `json:"decisionFlowId"`
	ChannelID  *string        `json:"channelId"` // null for none
	MaxOffers  int            `json:"maxOffers"`
	Attributes jsontext.Value `json:"attributes"`
}

// Decide returns a JSON object, or a missing value if the flow answers nothing or
// {}, if no offer's condition holds, or if the settings have neither the flow nor a
// default one for the tenant. An answer of 429 or 503 with a Retry-After, and a
// throttled function, are an engine.ThrottledError.
func (p *Provider) Decide(ctx context.Context, r engine.DecisionRequest) (condition.Value, error) {
	name, _ := p.settings.catalog.Decisions.Find(r.Config.FlowID, r.Tenant.String())
	a := p.decisions[name]
	if a == nil {
		return choose(p.settings.flows[name].offers, condition.Facts{Attributes: r.Attributes, Now: r.Now}, r.Config.MaxOffers), nil
	}
	attributes := []byte("{}")
	if r.Attributes.IsObject() {
		attributes = r.Attributes.AppendJSON(nil)
	}
	body, err := json.Marshal(question{
		r.Key, r.Tenant.String(), string(r.Journey), r.Customer, r.NodeID,
		r.Config.FlowID, orNull(r.Config.ChannelID), r.Config.MaxOffers, attributes,
	})
	if err != nil {
		return condition.Value{}, notCalledError{errNotJSON}
	}
	ctx, cancel := context.WithTimeout(ctx, r.Config.TimeLimit())
	defer cancel()
	answer, err := a.ask(ctx, r.Key, body)
	if err != nil {
		return condition.Value{}, fmt.Errorf("decision flow %q: %w", r.Config.FlowID, err)
	}
	return answer, nil
}

// message is the body of a request to an HTTP channel, what a function is invoked
// with, and the detail of an event.
type message struct {
	Key        string         `json:"idempotencyKey"`
	ID         string         `json:"messageId"`
	Tenant     string         `json:"tenant"`
	Journey    string         `json:"journeyId"`
	Customer   string         `json:"customerId"`
	NodeID     string         `json:"nodeId"`
	Channel    string         `json:"channel"`
	TemplateID *string        `json:"templateId"` // null for none
	Payload    jsontext.Value `json:"payload"`    // null for none
	Address    string         `json:"address,omitzero"`
	At         string         `json:"at"` // time of this attempt
	Test       bool           `json:"test,omitzero"`

	Topic       string       `json:"topic,omitzero"`
	Unsubscribe *unsubscribe `json:"unsubscribe,omitzero"` // nil without a topic
	Headers     *oneClick    `json:"headers,omitzero"`     // of a mail; nil without a topic
}

// timeFormat is RFC 3339 in UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// messageBody returns the body that HTTP channels, functions and buses get.
func messageBody(m *engine.Message, at time.Time) ([]byte, error) {
	address, payload, err := m.Config.Fill(catalog.AddressByName(m.Config.Channel), &m.Facts)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(message{
		m.Key, m.ID.String(), m.Tenant.String(), string(m.Journey), m.Customer, m.NodeID, m.Config.Channel,
		orNull(m.Config.TemplateID), payload, address, at.UTC().Format(timeFormat), m.Test,
		m.Config.Topic, unsubscribeOf(m), oneClickOf(m),
	})
	if err != nil {
		return nil, errNotJSON
	}
	return body, nil
}

// Send sends a message to its channel. The result is Sent, with the JSON object that an
// HTTP channel or a function answered, or SkippedNoAddress if the customer has no address
// for the channel. An answer that is no JSON object, or is longer than MaxAnswer, is
// dropped.
//
// HTTP channels and functions take an idempotency key, so that a message that may
// have been sent is sent again. The other channels take none: such a message, like a
// Rekeyed one on any channel, is SkippedUncertain unless the node allows resending,
// and an attempt without an answer is an engine.UncertainError. An answer that throttles
// is an engine.ThrottledError. A channel that the tenant may not use does not exist for it.
func (p *Provider) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	name, ok := p.settings.catalog.Channels.Find(m.Config.Channel, m.Tenant.String())
	if !ok {
		return progress.Answer{}, fmt.Errorf("channel %q: %w", m.Config.Channel, notCalledError{errNoChannel})
	}
	keyed := p.settings.channels[name].keyed()
	if m.Uncertain && !m.Config.Resend && (!keyed || m.Rekeyed) {
		return progress.Answer{Result: trail.SkippedUncertain}, nil
	}
	m.Facts.Unsubscribe = unsubscribeFact(&m)
	send, err := p.channels[name].prepare(&m, p.now())
	if errors.Is(err, errNoAddress) {
		return progress.Answer{Result: trail.SkippedNoAddress}, nil
	}
	if err != nil {
		return progress.Answer{}, fmt.Errorf("channel %q: %w", m.Config.Channel, notCalledError{&engine.UnfitError{Err: err}})
	}
	ctx, cancel := context.WithTimeout(ctx, p.sendTimeout)
	defer cancel()
	var value condition.Value
	if keyed {
		value, err = send(ctx)
	} else {
		err = attempt(ctx, func(ctx context.Context) error {
			_, err := send(ctx)
			return err
		}, p.now())
	}
	if err != nil {
		return progress.Answer{}, fmt.Errorf("channel %q: %w", m.Config.Channel, err)
	}
	return progress.Answer{Result: trail.Sent, Value: value}, nil
}

var (
	errNoChannel = errors.New("the settings have no such channel")
	errNoAddress = graph.ErrNoAddress
	errNotJSON   = errors.New("the request cannot be encoded as JSON") // the cause would quote it
)

// notCalledError is the error of an effect that failed before its target was called.
type notCalledError struct{ error }

// Unwrap marks the error for the engine.
func (e notCalledError) Unwrap() []error { return []error{e.error, engine.ErrNotCalled} }

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
