// Package consent is about what customers want to be sent: the topics of a tenant, and
// what customers said about them. It knows no table and no channel.
package consent

import (
	"maps"
	"slices"
	"time"

	"journeys/internal/strict"
)

// Bounds of a tenant's topics.
const (
	MaxTopics    = 50
	MaxTopicName = 80 // characters
	MaxChannels  = 20 // of a topic
)

// Topic is what a message may be about, so that customers can choose.
type Topic struct {
	Name     string   `json:"name"`     // for people, 1 to MaxTopicName characters
	Channels []string `json:"channels"` // as channel_actions name them; sorted, at least one
	In       bool     `json:"in"`       // who said nothing is subscribed
}

// Topics holds the topics of a tenant by id. Ids are words.
type Topics map[string]Topic

// TenantSettings are the settings that a tenant's admins make. The zero value is that of
// a tenant who never made any.
type TenantSettings struct {
	Topics    Topics
	Rev       int64     // counts writes of Topics, from 1
	UpdatedAt time.Time // of the last of them, UTC, to the millisecond
	Addresses bool      // an item about an address of the tenant's customers may exist
}

// Statement is what a customer said about a topic.
type Statement struct {
	In bool
	At time.Time // UTC, to the millisecond
}

// Subscriptions are the statements of a customer, some about former topics too. The zero
// value is that of a customer who never made any.
type Subscriptions struct {
	Customer   string               // "" if none are stored
	Statements map[string]Statement // by topic
	Rev        int64                // changes with every write
}

// ReadTopicID reads the id of a topic, and notes a fault if it is none.
func ReadTopicID(v strict.Value) string {
	id, ok := v.Text(1, strict.MaxWord)
	if ok && !strict.IsWord(id, strict.MaxWord) {
		v.Fault("must have only A-Z, a-z, 0-9, _ and -")
	}
	return id
}

// Equal reports whether t and other have the same topics.
func (t Topics) Equal(other Topics) bool {
	return maps.EqualFunc(t, other, func(a, b Topic) bool {
		return a.Name == b.Name && a.In == b.In && slices.Equal(a.Channels, b.Channels)
	})
}

// Covers reports whether the topic exists and is about messages through that channel, as
// a channel_action names it. Nobody is subscribed to others.
func (t Topics) Covers(topic, channel string) bool {
	return slices.Contains(t[topic].Channels, channel)
}

// Apply returns the subscriptions after a change of topics at now, and whether it changes
// any. outs has opt-outs of the customer's addresses, by topic. A statement that repeats
// the earlier one keeps its time, unless it subscribes and the opt-out holds over the
// earlier one: then it is a new statement, later than the opt-out.
func (s Subscriptions) Apply(change map[string]bool, now time.Time, outs map[string]time.Time) (next Subscriptions, changed bool) {
	next = Subscriptions{Customer: s.Customer, Statements: map[string]Statement{}, Rev: s.Rev}
	for topic, said := range s.Statements {
		next.Statements[topic] = said
	}
	for topic, in := range change {
		said, ok := s.Statements[topic]
		out, optedOut := outs[topic]
		if ok && said.In == in && (!in || !optedOut || said.At.After(out)) {
			continue
		}
		at := now
		if at.Before(said.At) {
			at = said.At
		}
		if in && optedOut && !at.After(out) {
			at = out.Add(time.Millisecond)
		}
		next.Statements[topic], changed = Statement{in, at}, true
	}
	return next, changed
}

// WithoutFormer returns s without the topics that the tenant does not have any more, as
// far as the customer subscribed to them. Opt-outs stay: the topic may come back.
func (s Subscriptions) WithoutFormer(topics Topics) Subscriptions {
	s.Statements = maps.Clone(s.Statements)
	maps.DeleteFunc(s.Statements, func(topic string, said Statement) bool {
		_, ok := topics[topic]
		return said.In && !ok
	})
	return s
}

// Next returns s as its next revision of that customer. The first revision is taken from
// the clock, so that it does not match one of subscriptions that were deleted.
func (s Subscriptions) Next(customer string, now time.Time) Subscriptions {
	if s.Rev++; s.Customer == "" {
		s.Rev = now.UnixMilli()
	}
	s.Customer = customer
	return s
}
