// Package subscription changes a tenant's topics, and what customers say about them.
package subscription

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/digest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/suppression"
)

// Store stores topics and subscriptions. Reads are strongly consistent.
type Store interface {
	journey.TopicStore
	// PutTopics stores the Topics, Rev and UpdatedAt of next if the stored revision is
	// next.Rev-1. Otherwise it returns journey.ErrLost.
	PutTopics(ctx context.Context, t ident.Tenant, next consent.TenantSettings) error
	// ToChange returns the tenant's settings, what a customer said, and the tenant's
	// Forgotten as of now.
	ToChange(ctx context.Context, t ident.Tenant, customer string, now time.Time) (
		settings consent.TenantSettings, said consent.Subscriptions, forgotten journey.Forgotten, err error)
	// PutSubscriptions stores next if the stored revision is rev; 0 if none are stored.
	// Otherwise it returns journey.ErrLost.
	PutSubscriptions(ctx context.Context, t ident.Tenant, next consent.Subscriptions, rev int64) error
	// DeleteSubscriptions deletes what a customer said if the stored revision is rev.
	DeleteSubscriptions(ctx context.Context, t ident.Tenant, customer string, rev int64) error
}

// Service implements the operations. It is safe for concurrent use.
type Service struct {
	Store    Store
	Journeys *journey.Service // takes the events of customers who unsubscribe
	Now      func() time.Time

	// Addresses has the opt-outs of addresses. Nil leaves them out of each State, and
	// subscribes no customer whose address was unsubscribed after they subscribed.
	Addresses *suppression.Service
}

// attempts bounds the attempts at a change under concurrent ones.
const attempts = 40

// ErrStaleSettings means that the given revision of a tenant's settings is not the stored
// one.
var ErrStaleSettings = &journey.Error{
	Kind: journey.Stale, Code: "stale-settings",
	Detail: "The tenant's settings were changed since they were read. Get them again and repeat the change on what they are now.",
}

// PutTopics replaces the tenant's topics. match holds the accepted revisions (If-Match),
// nil for any. The same topics again write nothing.
func (s *Service) PutTopics(ctx context.Context, t ident.Tenant, topics consent.Topics, match []int64) (consent.TenantSettings, error) {
	for attempt := range attempts {
		settings, err := s.Store.TenantSettings(ctx, t)
		if err != nil {
			return settings, err
		}
		if match != nil && !slices.Contains(match, settings.Rev) {
			return settings, ErrStaleSettings
		}
		if settings.Topics.Equal(topics) {
			return settings, nil
		}
		settings.Topics = topics
		settings.Rev++
		settings.UpdatedAt = progress.Later(s.clock(), settings.UpdatedAt)
		if err = s.Store.PutTopics(ctx, t, settings); !errors.Is(err, journey.ErrLost) {
			return settings, err
		}
		if !s.Journeys.WaitToRetry(ctx, attempt) {
			break
		}
	}
	return consent.TenantSettings{}, &journey.Error{
		Kind: journey.Unavailable, Code: "settings-busy",
		Detail: "The tenant's settings are being changed by another request. Try again.",
	}
}

// State is what a customer is subscribed to.
type State struct {
	Topics consent.Topics // of the tenant
	consent.Subscriptions
	OptOuts map[string]time.Time // of the customer's addresses, by topic
}

// Word returns whether the customer is subscribed to a topic, and since when, as
// consent.Topics.Word does.
func (s State) Word(topic string) (in bool, since time.Time) {
	return s.Topics.Word(topic, s.Subscriptions, consent.Address{OptOuts: s.OptOuts})
}

// Of returns what a customer is subscribed to.
func (s *Service) Of(ctx context.Context, t ident.Tenant, customer string) (State, error) {
	settings, said, _, err := s.Store.ToChange(ctx, t, customer, s.clock())
	if err != nil {
		return State{}, err
	}
	outs, err := s.optOuts(ctx, t, settings, customer)
	return State{settings.Topics, said, outs}, err
}

// optOuts returns the opt-outs of a customer's addresses, by topic. It reads nothing for a
// tenant who has none.
func (s *Service) optOuts(ctx context.Context, t ident.Tenant, settings consent.TenantSettings, customer string) (map[string]time.Time, error) {
	if s.Addresses == nil || !settings.Addresses {
		return nil, nil
	}
	profile, err := s.Journeys.Customer(ctx, t, customer)
	if err != nil && !errors.Is(err, journey.ErrNoCustomer) && !errors.Is(err, journey.ErrDamaged) {
		return nil, err
	}
	return s.Addresses.OptOuts(ctx, t, settings.Topics, profile.Attributes)
}

// Change is what a customer says.
type Change struct {
	Customer string
	Topics   map[string]bool // to be subscribed, by topic; the others stay
	Received time.Time       // by the gateway; zero is not checked against Forgotten
	Former   bool            // also topics that the tenant does not have any more
}

// Put is Say, followed by Announce for each topic from which the customer unsubscribes.
// It also returns what the events skipped.
func (s *Service) Put(ctx context.Context, t ident.Tenant, c Change) (State, []journey.Damage, error) {
	state, err := s.Say(ctx, t, c)
	var damaged []journey.Damage
	for _, topic := range slices.Sorted(maps.Keys(c.Topics)) {
		if err != nil {
			break
		}
		if !c.Topics[topic] {
			var skipped []journey.Damage
			skipped, err = s.Announce(ctx, t, Unsubscription{Customer: c.Customer, Topic: topic, At: state.Statements[topic].At, Received: c.Received})
			damaged = append(damaged, skipped...)
		}
	}
	return state, damaged, err
}

// Say stores what a customer says. What has no effect writes nothing. A topic that the
// tenant does not have is an Invalid error.
func (s *Service) Say(ctx context.Context, t ident.Tenant, c Change) (State, error) {
	for attempt := range attempts {
		state, err := s.sayOnce(ctx, t, c)
		if !errors.Is(err, journey.ErrLost) {
			return state, err
		}
		if !s.Journeys.WaitToRetry(ctx, attempt) {
			break
		}
	}
	return State{}, &journey.Error{
		Kind: journey.Unavailable, Code: "customer-busy",
		Detail: "The customer is being changed by another request. Try again.",
	}
}

func (s *Service) sayOnce(ctx context.Context, t ident.Tenant, c Change) (State, error) {
	now := s.clock()
	settings, said, forgotten, err := s.Store.ToChange(ctx, t, c.Customer, now)
	if err != nil {
		return State{}, err
	}
	if err := forgotten.Check(c.Customer, c.Received); err != nil {
		return State{}, err
	}
	if err := c.check(settings.Topics); err != nil {
		return State{}, err
	}
	outs, err := s.optOuts(ctx, t, settings, c.Customer)
	if err != nil {
		return State{}, err
	}
	next, changed := said.Apply(c.Topics, now, outs)
	if !changed {
		return State{settings.Topics, said, outs}, nil
	}
	next = next.WithoutFormer(settings.Topics).Next(c.Customer, now)
	err = s.Store.PutSubscriptions(ctx, t, next, said.Rev)
	if said.Rev == 0 && !errors.Is(err, journey.ErrLost) { // another error may be that of a write that was made
		err = errors.Join(err, s.undoIfForgotten(ctx, t, c, next))
	}
	return State{settings.Topics, next, outs}, err
}

// undoIfForgotten deletes subscriptions that were created while their customer was being
// forgotten: Forget may have read the customer's items before. A change needs no check,
// since Forget deletes the revision that it requires, or keeps the opt-outs of the one that
// it makes.
func (s *Service) undoIfForgotten(ctx context.Context, t ident.Tenant, c Change, created consent.Subscriptions) error {
	_, _, forgotten, err := s.Store.ToChange(ctx, t, c.Customer, s.clock())
	if err != nil {
		return err
	}
	if err := forgotten.Check(c.Customer, c.Received); err != nil {
		return errors.Join(s.Store.DeleteSubscriptions(ctx, t, c.Customer, created.Rev), err)
	}
	return nil
}

// Faults returns the faults that Say would find in a change, at their places below
// "/topics". It returns none if the tenant's settings cannot be read.
func (s *Service) Faults(ctx context.Context, t ident.Tenant, c Change) []strict.Fault {
	settings, err := s.Store.TenantSettings(ctx, t)
	if err != nil {
		return nil
	}
	return c.faults(settings.Topics)
}

func (c Change) faults(topics consent.Topics) []strict.Fault {
	if c.Former {
		return nil
	}
	var faults strict.Faults
	for _, topic := range slices.Sorted(maps.Keys(c.Topics)) {
		if _, ok := topics[topic]; !ok {
			faults.Add("/topics/"+topic, "is not a topic of this tenant; GET /settings lists them")
		}
	}
	return faults.List()
}

// check returns an Invalid error that names the topics which the tenant does not have.
func (c Change) check(topics consent.Topics) error {
	faults := c.faults(topics)
	if len(faults) == 0 {
		return nil
	}
	return &journey.Error{
		Kind: journey.Invalid, Code: "invalid-request", Faults: faults,
		Detail: "The request is not valid; each entry of errors says where and why.",
	}
}

// announceWithin is how long a repeat of a statement also repeats its event. It is less
// than journey.EventLife, during which the event takes effect only once.
const announceWithin = 24 * time.Hour

// Unsubscription is a customer's statement that they do not want a topic any more.
type Unsubscription struct {
	Customer string
	Topic    string
	Channel  string // of the message by which they unsubscribed; "" for none
	At       time.Time
	Received time.Time // of the request, as of Change
}

// Announce lets the event of an unsubscription take effect, once for each statement: a
// repeat, also by another way, completes what an earlier call left unfinished. Long after the
// statement it does nothing. It returns what the event skipped.
func (s *Service) Announce(ctx context.Context, t ident.Tenant, u Unsubscription) ([]journey.Damage, error) {
	if s.clock().Sub(u.At) > announceWithin {
		return nil, nil
	}
	properties, err := json.Marshal(struct {
		Topic   string `json:"topic"`
		Channel string `json:"channel,omitzero"`
	}{u.Topic, u.Channel})
	if err != nil {
		return nil, err
	}
	sum := digest.Of(u.Topic, u.At.Format(time.RFC3339Nano))
	outcome, err := s.Journeys.PutEvent(ctx, t, journey.Event{
		Customer: u.Customer, Type: condition.Unsubscribed, Properties: properties, Received: u.Received,
		ID: condition.Unsubscribed + ":" + base64.RawURLEncoding.EncodeToString(sum[:16]),
	})
	return outcome.Damaged, err
}

// clock returns the current time in UTC, to the millisecond.
func (s *Service) clock() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
