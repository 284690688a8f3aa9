// Package consenttest has what a table in memory needs for consent.
package consenttest

import (
	"context"
	"maps"
	"sync"
	"time"

	"journeys/internal/consent"
	"journeys/internal/engine"
	"journeys/internal/ident"
)

// Store holds the settings, subscriptions and addresses of one tenant, with the
// conditions of the real table. The zero value holds none. It is safe for concurrent use.
type Store struct {
	mu        sync.Mutex
	settings  consent.TenantSettings
	said      map[string]consent.Subscriptions
	addresses map[string]consent.Address
	reads     int
}

// Settings returns the tenant's settings.
func (t *Store) Settings() consent.TenantSettings {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.settings
}

// SetTopics replaces the topics.
func (t *Store) SetTopics(topics consent.Topics) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settings.Topics = topics
}

// Say stores what a customer says about a topic.
func (t *Store) Say(customer, topic string, in bool, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next, _ := t.said[customer].Apply(map[string]bool{topic: in}, at, map[string]time.Time{topic: at.Add(-time.Millisecond)})
	if t.said == nil {
		t.said = map[string]consent.Subscriptions{}
	}
	t.said[customer] = next.Next(customer, at)
}

// Forget removes what a customer said, and keeps their opt-outs for an address.
func (t *Store) Forget(customer, hash string) {
	t.mu.Lock()
	said := t.said[customer].Statements
	delete(t.said, customer)
	t.mu.Unlock()
	for topic, s := range said {
		if !s.In {
			t.OptOut(hash, topic, s.At)
		}
	}
}

// OptOut stores when a customer with an address unsubscribed from a topic.
func (t *Store) OptOut(hash, topic string, at time.Time) {
	t.change(hash, func(a *consent.Address) {
		if a.OptOuts[topic].Before(at) {
			a.OptOuts[topic] = at
		}
	})
}

// PutSuppression stores that an address takes no messages of a channel, or takes them again.
func (t *Store) PutSuppression(hash, channel string, next consent.Suppression) {
	t.change(hash, func(a *consent.Address) {
		if stored, ok := a.Suppressions[channel]; !ok || stored.At.Before(next.At) {
			a.Suppressions[channel] = next
		}
	})
}

func (t *Store) change(hash string, change func(*consent.Address)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settings.Addresses = true
	a := consent.Address{Suppressions: map[string]consent.Suppression{}, OptOuts: map[string]time.Time{}}
	maps.Copy(a.Suppressions, t.addresses[hash].Suppressions)
	maps.Copy(a.OptOuts, t.addresses[hash].OptOuts)
	change(&a)
	if t.addresses == nil {
		t.addresses = map[string]consent.Address{}
	}
	t.addresses[hash] = a
}

// Address returns what is kept of an address.
func (t *Store) Address(hash string) consent.Address {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addresses[hash]
}

// Said returns what a customer said.
func (t *Store) Said(customer string) consent.Subscriptions {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said[customer]
}

// Reads returns how often Consents was called.
func (t *Store) Reads() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reads
}

// Consents implements engine.Table.
func (t *Store) Consents(_ context.Context, _ ident.Tenant, keys []engine.ConsentKey) (engine.Consents, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads++
	read := engine.Consents{Tenant: t.settings, ByKey: map[engine.ConsentKey]engine.Consent{}}
	for _, k := range keys {
		read.ByKey[k] = engine.Consent{Said: t.said[k.Customer], Address: t.addresses[k.Address]}
	}
	return read, nil
}
