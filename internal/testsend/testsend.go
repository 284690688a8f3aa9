// Package testsend sends the message of a channel_action to an address of the caller's
// choice, to try it before customers get it. Nothing is stored or counted of such a message
// but how many a tenant sends in a minute.
package testsend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"journeys/internal/condition"
	"journeys/internal/consent/normalize"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/simulate"
	"journeys/internal/strict"
	"journeys/internal/suppression"
	"journeys/internal/trail"
)

// PerMinute is how many test messages a tenant may send in a minute of UTC.
const PerMinute = 20

// Service sends test messages. All fields are required. It is safe for concurrent use.
type Service struct {
	Journeys     *journey.Service
	Suppressions *suppression.Service
	Provider     engine.Provider
	Quota        journey.Quota // of PerMinute
	PublicURL    string        // of the links in messages, without a trailing slash
	Now          func() time.Time
	Entropy      io.Reader // safe for concurrent use
}

// Request is a test message.
type Request struct {
	NodeID     string
	To         string          // address; of a channel without addresses the id of a customer
	Attributes condition.Value // of the customer; missing for none
}

var (
	errNoNode = &journey.Error{
		Kind: journey.NotFound, Code: "node-not-found",
		Detail: "The journey's draft, or its definition if it has no draft, has no such node.",
	}
	errNoMessage = &journey.Error{
		Kind: journey.Conflict, Code: "not-a-message", Detail: "The node is no channel_action, so it sends nothing.",
	}
	errSuppressed = &journey.Error{
		Kind: journey.Conflict, Code: "address-suppressed",
		Detail: "The address takes no messages of this channel, because it is suppressed. DELETE /suppressions/{channel}/{address} ends that.",
	}
)

// Send sends the message of a node of the journey's draft, or of its definition if it has no
// draft, and returns the message's id. After an error that is not Upstream, it was not sent.
// The same request again sends another message.
func (s *Service) Send(ctx context.Context, t ident.Tenant, id ident.ID, r Request) (message.ID, error) {
	g, err := s.Journeys.Edited(ctx, t, id)
	if err != nil {
		return message.ID{}, err
	}
	i, ok := g.Index(r.NodeID)
	switch {
	case !ok:
		return message.ID{}, errNoNode
	case g.NodeType(i) != graph.ChannelAction:
		return message.ID{}, errNoMessage
	}
	node := g.Node(i)
	pointer := "/definition/nodes/" + strconv.Itoa(i)
	target := s.Provider.ChannelTarget(t, node.Action.Channel)
	if err := check(node, pointer, target, r.To); err != nil {
		return message.ID{}, err
	}
	m := engine.Message{
		Tenant: t, Journey: id, Customer: simulate.DefaultCustomer, NodeID: r.NodeID, Config: node.Action,
		Facts: condition.Facts{Attributes: r.Attributes}, Test: true,
	}
	if target.Address == "" {
		m.Customer = r.To
	} else {
		m.Facts.Attributes = r.Attributes.With(target.Address, condition.NewText(r.To))
		suppressed, err := s.Suppressions.Suppressed(ctx, t, target.Channel, target.Address, r.To)
		if err == nil && suppressed {
			err = errSuppressed
		}
		if err != nil {
			return message.ID{}, err
		}
	}
	if err := s.identify(ctx, &m); err != nil {
		return message.ID{}, err
	}
	if err := s.Quota.Take(ctx, t, 1, s.Now()); err != nil {
		return message.ID{}, err
	}
	answer, err := s.Provider.Send(ctx, m)
	if err == nil && answer.Result != trail.Sent {
		err = fmt.Errorf("not sent: %s", answer.Result.Name(nil))
	}
	return m.ID, refusal(err, pointer)
}

// check returns an error with every fault of the node and of the address for it.
func check(node *graph.Node, pointer string, target engine.Target, to string) error {
	var faults strict.Faults
	if node.Fault != (strict.Fault{}) {
		faults.Add(pointer+node.Fault.Pointer, "%s", node.Fault.Detail)
	}
	if node.Action.Channel != "" && target.Channel == "" {
		faults.Add(pointer+"/config/channel", "is no channel that this tenant may use; GET /settings lists them")
	}
	switch {
	case target.Address != "" && normalize.Address(target.Address, to) == "":
		faults.Add("/to", "is no address of the channel, which sends to the attribute %s", target.Address)
	case target.Channel != "" && target.Address == "" && utf8.RuneCountInString(to) > maxCustomer:
		faults.Add("/to", "must have at most %d characters: the channel has no addresses, so it is the id of a customer", maxCustomer)
	}
	return incomplete(faults.List()...)
}

// maxCustomer bounds the characters of the id of a customer.
const maxCustomer = 128

// incomplete returns the error of faults that keep a message from being sent; nil for none.
func incomplete(faults ...strict.Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &journey.Error{
		Kind: journey.Invalid, Code: "message-incomplete", Faults: faults,
		Detail: "The message cannot be sent; each entry of errors says why: at to, or where in the definition.",
	}
}

// identify gives the message a random id, and the link of a topic. Nothing is stored under
// the id, so the link unsubscribes from nothing.
func (s *Service) identify(ctx context.Context, m *engine.Message) error {
	if _, err := io.ReadFull(s.Entropy, m.ID[:]); err != nil {
		return err
	}
	m.Key = "test-" + m.ID.String()
	if m.Config.Topic == "" {
		return nil
	}
	k, err := s.Suppressions.Key.Key(ctx)
	if err != nil {
		return err
	}
	m.UnsubscribeURL = s.PublicURL + manifest.UnsubscribePath(message.Token(k, m.Tenant, m.ID))
	return nil
}

// refusal returns what a caller may know of an error of the channel; nil for nil.
func refusal(err error, pointer string) error {
	if err == nil {
		return nil
	}
	if unfit, ok := errors.AsType[*engine.UnfitError](err); ok {
		return incomplete(strict.Fault{Pointer: pointer + "/config", Detail: unfit.Error()})
	}
	if limit, ok := errors.AsType[*engine.ThrottledError](err); ok {
		return &journey.Error{
			Kind: journey.Unavailable, Code: "channel-throttled", Cause: err,
			RetryAfter: max((limit.After + time.Second - 1).Truncate(time.Second), time.Second),
			Detail:     "The channel takes no more messages at the moment. The message was not sent.",
		}
	}
	_, uncertain := errors.AsType[*engine.UncertainError](err)
	if uncertain || errors.Is(err, engine.ErrTimedOut) {
		return &journey.Error{
			Kind: journey.Upstream, Code: "send-uncertain", Cause: err,
			Detail: "The channel did not say in time whether it took the message, which may have been sent.",
		}
	}
	return &journey.Error{
		Kind: journey.Upstream, Code: "channel-failed", Cause: err,
		Detail: "The channel did not take the message. The service's log has the reason, under the id of this request.",
	}
}

// ReadTo reads what a message is sent to.
func ReadTo(v strict.Value) string {
	const longest = 320 // characters
	text, ok := v.Text(1, longest)
	if text = strings.TrimSpace(text); ok && (text == "" || strings.ContainsFunc(text, unicode.IsControl)) {
		v.Fault("must be an address, without control characters")
	}
	return text
}
