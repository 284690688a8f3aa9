package simulate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"journeys/internal/condition"
	"journeys/internal/feedback"
	"journeys/internal/progress"
)

// Event is an event that the simulated customer causes.
type Event struct {
	Type       string
	After      time.Duration // since the entry; negative for before
	Properties []byte        // compact JSON object; nil for none
	link       bool          // the customer follows the link in a message
}

// Feedback is something that is reported of a message of the simulated journey.
type Feedback struct {
	Step  string // id of the channel_action
	Is    feedback.Kind
	After time.Duration // since the message was sent
}

// at returns when an event is received.
func (s *simulation) at(e Event) time.Time { return s.request.Now.Add(e.After) }

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
	facts.LastEvents = progress.LastBefore(s.receivedOf(types, s.request.Now), progress.Stamp{At: s.request.Now}, types)
	event := ""
	starts := []string{s.subject.Entry.Event, s.graph.Event()}
	// In a journey that no event starts, the properties are those of an enroll call.
	if r := s.request.EntryEvent; r != nil && !slices.Contains(starts, r.Type) && strings.Join(starts, "") != "" {
		event = "the event does not start the journey"
	}
	closed := s.subject.Journey.EntryClosed(s.request.Now)
	return cmp.Or(s.subject.EntryFault, s.graph.EntryFault(), closed, event, s.graph.Refusal(s.subject.Entry.Condition, &facts))
}

// sleep returns when to look at e's wait again: at the next event that may end it or the run,
// or at its end.
func (s *simulation) sleep(e *progress.Enrollment, now time.Time) time.Time {
	next := e.Due
	for _, event := range s.events {
		at := s.at(event)
		if at.After(now) && at.Before(next) && slices.Contains(s.graph.EventsAt(e.Node), event.Type) {
			next = at
		}
	}
	return next
}

// Conversion is the conversion of a simulated customer.
type Conversion struct {
	At        time.Time
	EventType string
}

// maxHeard is longer than any event comes after the entry.
const maxHeard = 100 * 365 * 24 * time.Hour

// hear converts the customer by an event of the goal that comes no later than now, as the
// handler of events does: as the customer is when it comes.
func (s *simulation) hear(e progress.Enrollment, now time.Time) progress.Enrollment {
	goal := s.graph.Goal()
	if goal == nil {
		return e
	}
	for _, event := range s.ordered()[s.heard:] {
		at := s.at(event)
		if at.After(now) {
			break
		}
		s.heard++
		received := progress.Received{Stamp: progress.Stamp{At: at}, Properties: event.Properties}
		in := progress.Input{Now: at, Attributes: s.attributes, HasAttributes: true, Events: s.receivedOf(s.types(), at)}
		if converts, _ := s.graph.Converts(&e, event.Type, &received, &in); converts {
			s.conversion = &Conversion{at, event.Type}
			return e.NextWrite(at).Convert(at)
		}
	}
	return e
}

// ordered returns the events by their times, those of one time in the order in which they
// became known: what is known later is behind what hear has taken.
func (s *simulation) ordered() []Event {
	return slices.SortedStableFunc(slices.Values(s.events), func(a, b Event) int { return cmp.Compare(a.After, b.After) })
}

// received returns the events that are remembered at now, of the types that nodes and exits
// await or ask for.
func (s *simulation) received(now time.Time) map[string][]progress.Received {
	return s.receivedOf(s.types(), now)
}

// types returns the types of the events that nodes and the goal await or ask for.
func (s *simulation) types() (types []string) {
	for i := range s.graph.Len() {
		types = append(types, s.graph.EventsAt(i)...)
	}
	return append(types, s.graph.GoalEvents()...)
}

// receivedOf returns the events of these types that are remembered at now.
func (s *simulation) receivedOf(types []string, now time.Time) map[string][]progress.Received {
	events := make(map[string][]progress.Received, len(types))
	for _, eventType := range types {
		events[eventType] = nil
	}
	reads := s.graph.PropertiesRead()
	for i, event := range s.events {
		at := s.at(event)
		if list, ok := events[event.Type]; ok && !at.After(now) {
			events[event.Type] = append(list, progress.Received{
				Stamp: progress.Stamp{At: at, ID: uint64(i)}, Properties: progress.PruneProperties(event.Properties, reads[event.Type]),
			})
		}
	}
	for eventType, list := range events {
		slices.SortFunc(list, func(a, b progress.Received) int { return a.Compare(b.Stamp) })
		events[eventType] = list[max(0, len(list)-progress.RememberedEvents):]
	}
	return events
}
