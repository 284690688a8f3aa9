// Package suppression says which addresses take no messages of a channel, and keeps the
// opt-outs of customers who are forgotten. It stores addresses only as hashes.
package suppression

import (
	"context"
	"errors"
	"slices"
	"time"

	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/consent/normalize"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Store stores addresses by their hashes. Reads are strongly consistent.
type Store interface {
	Address(ctx context.Context, t ident.Tenant, hash string) (consent.Address, error)
	// PutSuppression stores next unless something is stored that is as late or later. It
	// returns what is stored then.
	PutSuppression(ctx context.Context, t ident.Tenant, hash, channel string, next consent.Suppression) (consent.Suppression, error)
	// OptOut stores when a customer with the address unsubscribed from topics, unless
	// later times are stored.
	OptOut(ctx context.Context, t ident.Tenant, hash string, outs map[string]time.Time) error
}

// Service implements the operations. It is safe for concurrent use.
type Service struct {
	Store   Store
	Key     *key.Source
	Catalog catalog.Catalog
	Now     func() time.Time
}

// State is the suppression of an address.
type State struct {
	Channel string // as the caller named it
	consent.Suppression
}

// Place is an address of a channel.
type Place struct{ Channel, Address string }

var (
	// ErrNoChannel means that the tenant may not use such a channel, or that its messages
	// go to no address.
	ErrNoChannel = &journey.Error{
		Kind: journey.NotFound, Code: "channel-not-found",
		Detail: "There is no channel of that name whose messages go to an address of the customer. GET /settings lists the channels.",
	}
	// ErrNotSuppressed means that the address takes messages of the channel.
	ErrNotSuppressed = &journey.Error{
		Kind: journey.NotFound, Code: "not-suppressed", Detail: "The address is not suppressed for this channel.",
	}
	// ErrNoAddress means that a text is no address of the channel.
	ErrNoAddress = errors.New("suppression: not an address")

	errBusy = &journey.Error{
		Kind: journey.Unavailable, Code: "suppression-busy", Detail: "The address is being changed by another request. Try again.",
	}
)

// Get returns the suppression of an address, or ErrNotSuppressed.
func (s *Service) Get(ctx context.Context, t ident.Tenant, p Place) (State, error) {
	channel, hash, err := s.find(ctx, t, p)
	if err != nil {
		return State{}, err
	}
	stored, err := s.Store.Address(ctx, t, hash)
	if err == nil && !stored.Suppressed(channel) {
		err = ErrNotSuppressed
	}
	return State{p.Channel, stored.Suppressions[channel]}, err
}

// Put suppresses an address for a reason. One that is suppressed for it already keeps its
// time.
func (s *Service) Put(ctx context.Context, t ident.Tenant, p Place, reason string) (State, error) {
	stored, err := s.put(ctx, t, p, reason)
	return State{p.Channel, stored}, err
}

// Delete makes an address take messages of the channel again. A bounce or complaint that
// happened before does not suppress it when it is reported late; one that happens after
// does, also of a message that was sent before.
func (s *Service) Delete(ctx context.Context, t ident.Tenant, p Place) error {
	_, err := s.put(ctx, t, p, "")
	return err
}

// Report suppresses an address for a channel, as the installation names that, because of
// what was reported at a time, in milliseconds. attribute is that of a customer which has
// such addresses. A text that is no address changes nothing, and neither does a report that
// is earlier than what is stored, or as early.
func (s *Service) Report(ctx context.Context, t ident.Tenant, channel, attribute, address string, next consent.Suppression) error {
	if normalize.Address(attribute, address) == "" {
		return nil
	}
	k, err := s.Key.Key(ctx)
	if err != nil {
		return err
	}
	_, err = s.Store.PutSuppression(ctx, t, k.Address(t, attribute, address), channel, next)
	return err
}

// Suppressed reports whether an address takes no messages of a channel, as the installation
// names that.
func (s *Service) Suppressed(ctx context.Context, t ident.Tenant, channel, attribute, address string) (bool, error) {
	k, err := s.Key.Key(ctx)
	if err != nil {
		return false, err
	}
	stored, err := s.Store.Address(ctx, t, k.Address(t, attribute, address))
	return stored.Suppressed(channel), err
}

// attempts bounds the attempts at a change under concurrent ones.
const attempts = 5

// put stores the reason with a time that is later than that of what is stored, as clocks
// differ.
func (s *Service) put(ctx context.Context, t ident.Tenant, p Place, reason string) (consent.Suppression, error) {
	channel, hash, err := s.find(ctx, t, p)
	if err != nil {
		return consent.Suppression{}, err
	}
	address, err := s.Store.Address(ctx, t, hash)
	stored := address.Suppressions[channel]
	for range attempts {
		if err != nil || stored.Reason == reason {
			return stored, err
		}
		next := consent.Suppression{Reason: reason, At: s.Now().UTC().Truncate(time.Millisecond)}
		if !next.At.After(stored.At) {
			next.At = stored.At.Add(time.Millisecond)
		}
		if stored, err = s.Store.PutSuppression(ctx, t, hash, channel, next); stored == next {
			return stored, err
		}
	}
	return stored, errBusy
}

// find returns the channel as the installation names it, and the hash of the address.
func (s *Service) find(ctx context.Context, t ident.Tenant, p Place) (channel, hash string, err error) {
	channel, ok := s.Catalog.Channels.Find(p.Channel, t.String())
	attribute := s.Catalog.Address(p.Channel, t.String())
	switch {
	case !ok || attribute == "":
		return "", "", ErrNoChannel
	case normalize.Address(attribute, p.Address) == "":
		return "", "", ErrNoAddress
	}
	k, err := s.Key.Key(ctx)
	if err != nil {
		return "", "", err
	}
	return channel, k.Address(t, attribute, p.Address), nil
}

// KeepOptOuts keeps what a customer who is about to be forgotten has unsubscribed from:
// for the addresses in the attributes of their profile, "" for none. The same call again
// changes nothing.
func (s *Service) KeepOptOuts(ctx context.Context, t ident.Tenant, said consent.Subscriptions, attributes []byte) error {
	outs := map[string]time.Time{}
	for topic, statement := range said.Statements {
		if !statement.In {
			outs[topic] = statement.At
		}
	}
	if len(outs) == 0 {
		return nil
	}
	hashes, err := s.hashes(ctx, t, attributes)
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		if err := s.Store.OptOut(ctx, t, hash, outs); err != nil {
			return err
		}
	}
	return nil
}

// OptOuts returns when a customer with the addresses in these attributes, nil for none, last
// unsubscribed from each topic with an address to which one of the topic's channels sends.
func (s *Service) OptOuts(ctx context.Context, t ident.Tenant, topics consent.Topics, attributes []byte) (map[string]time.Time, error) {
	hashes, err := s.hashes(ctx, t, attributes)
	if err != nil {
		return nil, err
	}
	outs := map[string]time.Time{}
	for attribute, hash := range hashes {
		kept, err := s.Store.Address(ctx, t, hash)
		if err != nil {
			return nil, err
		}
		for topic, at := range kept.OptOuts {
			sendsTo := func(channel string) bool { return s.Catalog.Address(channel, t.String()) == attribute }
			if slices.ContainsFunc(topics[topic].Channels, sendsTo) && at.After(outs[topic]) {
				outs[topic] = at
			}
		}
	}
	return outs, nil
}

// hashes returns the hashes of the addresses in the attributes of a profile, by attribute.
func (s *Service) hashes(ctx context.Context, t ident.Tenant, attributes []byte) (map[string]string, error) {
	profile, err := condition.ParseValue(attributes)
	if err != nil {
		profile = condition.Value{} // one that cannot be read has no addresses
	}
	hashes := map[string]string{}
	for _, attribute := range catalog.Addresses() {
		address := graph.AddressIn(profile, attribute)
		if normalize.Address(attribute, address) == "" {
			continue
		}
		k, err := s.Key.Key(ctx)
		if err != nil {
			return nil, err
		}
		hashes[attribute] = k.Address(t, attribute, address)
	}
	return hashes, nil
}
