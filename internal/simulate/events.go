package simulate

import (
	"cmp"
	"slices"
	"time"

	"journeys/internal/condition"
	"journeys/internal/journey"
)

// entryProperties returns the properties of the event that starts the journey.
func (s *simulation) entryProperties() (properties condition.Value) {
	if r := s.request.EntryEvent; r != nil && r.Properties != nil {
		properties, _ = condition.ParseValue(r.Properties)
	}
	return properties
}

// refusal returns why the customer may not enter; "" if they may.
func (s *simulation) refusal() string {
	properties := s.entryProperties()
	facts := condition.Facts{Attributes: s.request.Attributes, Event: properties, EntryEvent: properties, Now: s.request.Now}
	types := s.graph.EntryEvents(s.subject.Entry.Condition)
	facts.LastEvents = journey.LastBefore(s.receivedOf(types, s.request.Now), journey.Stamp{At: s.request.Now}, types)
	event := ""
	if r := s.request.EntryEvent; r != nil && r.Type != s.subject.Entry.Event && r.Type != s.graph.Event() {
		event = "the event does not start the journey"
	}
	closed := s.subject.Journey.EntryClosed(s.request.Now)
	return cmp.Or(s.subject.EntryFault, s.graph.EntryFault(), closed, event, s.graph.Refusal(s.subject.Entry.Condition, &facts))
}

// sleep returns when to look at e's wait again: at the next event that it awaits, or at
// its end.
func (s *simulation) sleep(e *journey.Enrollment, now time.Time) time.Time {
	next := e.Due
	for _, event := range s.request.Events {
		at := s.request.Now.Add(event.After)
		if at.After(now) && at.Before(next) && slices.Contains(s.graph.Node(e.Node).Events, event.Type) {
			next = at
		}
	}
	return next
}

// received returns the events that are remembered at now, of the types that nodes await or
// ask for.
func (s *simulation) received(now time.Time) map[string][]journey.Received {
	var types []string
	for i := range s.graph.Len() {
		types = append(types, s.graph.Node(i).Events...)
	}
	return s.receivedOf(types, now)
}

// receivedOf returns the events of these types that are remembered at now.
func (s *simulation) receivedOf(types []string, now time.Time) map[string][]journey.Received {
	events := make(map[string][]journey.Received, len(types))
	for _, eventType := range types {
		events[eventType] = nil
	}
	for i, event := range s.request.Events {
		at := s.request.Now.Add(event.After)
		if list, ok := events[event.Type]; ok && !at.After(now) {
			events[event.Type] = append(list, journey.Received{Stamp: journey.Stamp{At: at, ID: uint64(i)}, Properties: event.Properties})
		}
	}
	for eventType, list := range events {
		slices.SortFunc(list, func(a, b journey.Received) int { return a.Compare(b.Stamp) })
		events[eventType] = list[max(0, len(list)-journey.RememberedEvents):]
	}
	return events
}
