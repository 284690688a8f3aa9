// Package unsubscribe serves the links in messages with which customers leave topics,
// without a login: the token in the link says which message they got.
package unsubscribe

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/message"
	"journeys/internal/subscription"
)

// AddressStore stores what is kept of addresses.
type AddressStore interface {
	// Address returns what is kept of an address. It is strongly consistent.
	Address(ctx context.Context, t ident.Tenant, hash string) (consent.Address, error)
	// OptOut stores when a customer with this address unsubscribed from topics, unless
	// later times are stored.
	OptOut(ctx context.Context, t ident.Tenant, hash string, outs map[string]time.Time) error
}

// Service unsubscribes the recipients of messages. All fields but Heard are required. It is
// safe for concurrent use.
type Service struct {
	Key           *key.Source
	Messages      journey.MessageStore
	Addresses     AddressStore
	Topics        subscription.Store
	Subscriptions *subscription.Service
	Now           func() time.Time

	// Heard counts that a message made its recipient unsubscribe, once for each message.
	// Nil does nothing.
	Heard func(ctx context.Context, t ident.Tenant, id message.ID) error
}

// lateClock is more than the clocks of two processes differ, and less than the time for
// which it is known who was forgotten. A recipient was not forgotten lately. If they are
// while they unsubscribe, that bars what is stored of them, even if the clock of the process
// that forgets them is late. So a request counts as received that much earlier.
const lateClock = 5 * time.Minute

// recipient is who got a message, and what is known of them.
type recipient struct {
	tenant  ident.Tenant
	message message.Record
	topics  consent.Topics
	said    consent.Subscriptions
	address consent.Address
	forgot  bool // the customer was forgotten, perhaps to come back: only the address can opt out
	sample  bool // nobody: the page is shown to an admin, as a subscriber of all topics
}

// recipient returns the recipient of the message with that token, or ErrNoMessage.
func (s *Service) recipient(ctx context.Context, token string) (*recipient, error) {
	k, err := s.Key.Key(ctx)
	if err != nil {
		return nil, err
	}
	t, id, ok := message.ParseToken(k, token)
	if !ok {
		return nil, journey.ErrNoMessage
	}
	if id == message.Sample {
		return s.sample(ctx, t)
	}
	m, err := s.Messages.Message(ctx, t, id, s.Now())
	if err == nil && m.Topic == "" {
		err = journey.ErrNoMessage
	}
	if err != nil {
		return nil, err
	}
	r := &recipient{tenant: t, message: m}
	return r, s.read(ctx, r)
}

// sample returns a recipient who is nobody, of a message about the first topic.
func (s *Service) sample(ctx context.Context, t ident.Tenant) (*recipient, error) {
	settings, err := s.Topics.TenantSettings(ctx, t)
	if err != nil {
		return nil, err
	}
	r := &recipient{tenant: t, topics: settings.Topics, sample: true}
	if ids := r.ids(); len(ids) > 0 {
		r.message.Topic = ids[0]
	}
	return r, nil
}

// read reads what r wants. A customer who was forgotten a moment ago may still be named by
// the record of the message, which Forget strips later.
func (s *Service) read(ctx context.Context, r *recipient) error {
	settings, said, forgotten, err := s.Topics.ToChange(ctx, r.tenant, r.message.Customer, s.Now())
	if err != nil {
		return err
	}
	r.topics = settings.Topics
	r.said, r.forgot = said, r.message.Customer == "" || !forgotten(r.message.Customer).IsZero()
	if settings.Addresses && r.message.Address != "" {
		r.address, err = s.Addresses.Address(ctx, r.tenant, r.message.Address)
	}
	return err
}

// wants reports whether the recipient is subscribed to a topic.
func (r *recipient) wants(topic string) bool {
	return r.sample || r.topics.Wants(topic, r.said, r.address)
}

// ids returns the topics of the channel of the message, and its own, sorted by name.
func (r *recipient) ids() []string {
	ids := slices.DeleteFunc(slices.Collect(maps.Keys(r.topics)), func(id string) bool {
		return !r.sample && id != r.message.Topic && !r.topics.Covers(id, r.message.Named)
	})
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(r.name(a), r.name(b)), cmp.Compare(a, b)) })
	return ids
}

// name returns what people call a topic.
func (r *recipient) name(topic string) string {
	if t, ok := r.topics[topic]; ok {
		return t.Name
	}
	return topic
}

// leave unsubscribes the recipient from topics. Repeated, it completes what an earlier
// call left unfinished, and does nothing else.
func (s *Service) leave(ctx context.Context, r *recipient, topics []string) error {
	if len(topics) == 0 || r.sample {
		return nil
	}
	if r.forgot {
		return s.optOut(ctx, r, topics)
	}
	received := s.Now().Add(-lateClock)
	change := subscription.Change{Customer: r.message.Customer, Topics: map[string]bool{}, Received: received, Former: true}
	for _, topic := range topics {
		change.Topics[topic] = false
	}
	state, err := s.Subscriptions.Say(ctx, r.tenant, change)
	if errors.Is(err, journey.ErrForgotten) {
		return s.optOut(ctx, r, topics)
	}
	if err != nil {
		return err
	}
	// Forget may have read what the customer said before this call changed it. It stores
	// that the customer is forgotten before it reads anything.
	_, _, forgotten, err := s.Topics.ToChange(ctx, r.tenant, change.Customer, s.Now())
	if err != nil {
		return err
	}
	if !forgotten(change.Customer).IsZero() {
		return s.optOut(ctx, r, topics)
	}
	return s.announce(ctx, r, topics, state.Subscriptions, received)
}

// announce counts that the message made its recipient unsubscribe, and lets the events of
// the customer's statements take effect.
func (s *Service) announce(ctx context.Context, r *recipient, topics []string, said consent.Subscriptions, received time.Time) error {
	if s.Heard != nil {
		if err := s.Heard(ctx, r.tenant, r.message.ID); err != nil {
			return err
		}
	}
	for _, topic := range topics {
		_, err := s.Subscriptions.Announce(ctx, r.tenant, subscription.Unsubscription{
			Customer: r.message.Customer, Topic: topic, Channel: r.message.Named, At: said.Statements[topic].At, Received: received,
		})
		if err != nil && !errors.Is(err, journey.ErrForgotten) {
			return err
		}
	}
	return nil
}

// errForgottenLately means that it cannot be known yet whether the customer is being
// forgotten, or was and is there again.
var errForgottenLately = &journey.Error{
	Kind: journey.Unavailable, Code: "customer-forgotten-lately", Detail: "The customer was forgotten minutes ago. Try again.",
}

// optOut keeps that the recipient left topics with their address.
func (s *Service) optOut(ctx context.Context, r *recipient, topics []string) error {
	switch {
	case r.message.Address != "":
	case r.message.Customer != "":
		return errForgottenLately
	default:
		return nil // a channel without addresses, and a customer who is gone
	}
	outs := map[string]time.Time{}
	for _, topic := range topics {
		outs[topic] = s.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Addresses.OptOut(ctx, r.tenant, r.message.Address, outs)
}
