package simulate

import (
	"maps"
	"slices"
	"time"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// checkTopics notes the subscriptions to topics that the tenant does not have.
func (s *simulation) checkTopics(faults *strict.Faults) {
	tenant := s.subject.Journey.Tenant
	if tenant == nil {
		return
	}
	for _, topic := range slices.Sorted(maps.Keys(s.request.Subscriptions)) {
		if _, ok := tenant.Topics[topic]; !ok {
			faults.Add(pointerTo("subscriptions", topic), "is not a topic of this tenant")
		}
	}
}

// subscribed reports whether the customer gets a message with that topic at now; "" for
// none. They do unless the request says otherwise, they have unsubscribed by an event, or
// the tenant has no such topic for the channel.
func (s *simulation) subscribed(topic, channel string, now time.Time) bool {
	if topic == "" {
		return true
	}
	if tenant := s.subject.Journey.Tenant; tenant != nil && !tenant.Topics.Covers(topic, channel) {
		return false
	}
	if in, ok := s.request.Subscriptions[topic]; ok && !in {
		return false
	}
	return !slices.ContainsFunc(s.request.Events, func(e Event) bool {
		return e.Type == condition.Unsubscribed && !s.request.Now.Add(e.After).After(now) && e.topic() == topic
	})
}

// topic returns the topic of an event by which a customer unsubscribes.
func (e Event) topic() string {
	properties, err := condition.ParseValue(e.Properties)
	if err != nil {
		return ""
	}
	topic, _ := properties.Get("topic").Text()
	return topic
}
