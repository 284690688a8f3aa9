package simulate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"journeys/internal/condition"
	"journeys/internal/consent/normalize"
	"journeys/internal/feedback"
	"journeys/internal/graph"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
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

// checkSuppressed notes the suppressed channels whose messages go to no address.
func (s *simulation) checkSuppressed(faults *strict.Faults) {
	for i, channel := range s.request.Suppressed {
		if channel != "" && s.catalog.Address(channel, s.tenant.String()) == "" {
			faults.Add(fmt.Sprintf("/suppressed/%d", i), "is not a channel whose messages go to an address of the customer")
		}
	}
}

// place is an address of a channel, as the installation names that.
type place struct{ channel, address string }

// placeOf returns where a message goes now; the zero place if it goes to no address.
func (s *simulation) placeOf(action graph.ActionConfig) place {
	attribute := s.address(action)
	address := normalize.Address(attribute, graph.AddressIn(s.attributes, attribute))
	if attribute == "" || address == "" {
		return place{}
	}
	return place{s.via(action.Channel), address}
}

// via returns a channel as the installation names it.
func (s *simulation) via(channel string) string {
	via, _ := s.catalog.Channels.Find(channel, s.tenant.String())
	return cmp.Or(via, channel)
}

// refused returns the result of a message that the customer or their address does not want
// at now; NoResult for one that may be sent.
func (s *simulation) refused(action graph.ActionConfig, now time.Time) trail.Result {
	switch {
	case s.isSuppressed(s.placeOf(action), now):
		return trail.SkippedSuppressed
	case !s.subscribed(action.Topic, action.Channel, now):
		return trail.SkippedUnsubscribed
	}
	return trail.NoResult
}

// isSuppressed reports whether an address takes no messages of the channel at now: the
// request says so, or a message to it bounced or was reported as spam.
func (s *simulation) isSuppressed(p place, now time.Time) bool {
	if p == (place{}) {
		return false
	}
	if slices.ContainsFunc(s.request.Suppressed, func(channel string) bool { return s.via(channel) == p.channel }) {
		return true
	}
	since, ok := s.suppressed[p]
	return ok && !since.After(now)
}

// subscribed reports whether the customer gets a message with that topic at now; "" for
// none. They do unless the request says otherwise, they have unsubscribed, or the tenant
// has no such topic for the channel.
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
	return !slices.ContainsFunc(s.events, func(e Event) bool {
		return e.Type == condition.Unsubscribed && !s.at(e).After(now) && e.topic() == topic
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

// noteSent notes what will be reported of a message that e sends at now, and what follows
// from it.
func (s *simulation) noteSent(e *progress.Enrollment, now time.Time) {
	action := s.graph.Action(e.Node)
	for _, f := range s.request.Feedback {
		if f.Step != s.graph.NodeID(e.Node) {
			continue
		}
		at := now.Add(f.After)
		s.events = append(s.events, Event{Type: feedback.EventType(e.Node, f.Is), After: at.Sub(s.request.Now)})
		switch p := s.placeOf(action); {
		case f.Is == feedback.Unsubscribed && action.Topic != "":
			s.unsubscribe(action.Topic, action.Channel, at)
		case (f.Is == feedback.Bounced || f.Is == feedback.Complained) && p != place{}:
			if since, ok := s.suppressed[p]; !ok || at.Before(since) {
				s.suppressed[p] = at
			}
		}
	}
}

// unsubscribe notes the event of a customer who follows the link in a message. Of one who
// follows several links of a topic, only the first is an event.
func (s *simulation) unsubscribe(topic, channel string, at time.Time) {
	properties, err := json.Marshal(map[string]string{"channel": channel, "topic": topic}, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("simulate: %v", err)) // both are valid text
	}
	event := Event{Type: condition.Unsubscribed, After: at.Sub(s.request.Now), Properties: properties, link: true}
	same := func(e Event) bool { return e.Type == condition.Unsubscribed && e.topic() == topic }
	if slices.ContainsFunc(s.events, func(e Event) bool { return same(e) && e.After <= event.After }) {
		return
	}
	s.events = slices.DeleteFunc(s.events, func(e Event) bool { return e.link && same(e) })
	s.events = append(s.events, event)
}
