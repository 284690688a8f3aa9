package api

import (
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/condition"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

type eventBody struct {
	EventID    string           `json:"eventId"`
	Started    []ident.ID       `json:"started"`
	Ended      []ident.ID       `json:"ended"`
	NotStarted []notStartedBody `json:"notStarted"`
	Repeated   bool             `json:"repeated,omitzero"`
}

type notStartedBody struct {
	JourneyID ident.ID `json:"journeyId"`
	Code      string   `json:"code"`
}

func newEventBody(o journey.EventOutcome) eventBody {
	body := eventBody{
		EventID: o.ID, Started: o.Started, Ended: o.Ended,
		NotStarted: make([]notStartedBody, len(o.NotStarted)), Repeated: o.Repeated,
	}
	for i, n := range o.NotStarted {
		body.NotStarted[i] = notStartedBody{n.Journey, n.Code}
	}
	return body
}

// refusedEvent says why one event of several is not accepted.
type refusedEvent struct {
	EventID string      `json:"eventId,omitzero"`
	Code    string      `json:"code"`
	Errors  []web.Fault `json:"errors,omitzero"`
}

// maxEventFaults bounds the faults that are listed of one event of several.
const maxEventFaults = 10

type eventsBody struct {
	Results []any `json:"results"` // eventBody or refusedEvent, in the order of the request
}

func putEvent(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.ReadBody(w, "")
	if err != nil {
		return err
	}
	var event journey.Event
	if o, ok := body.Object(); ok {
		if list, ok := o.Take("events"); ok {
			o.Done("events")
			return putEvents(a, w, r, list)
		}
		event = readEvent(o)
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	event.Received = r.received
	outcome, err := a.Journeys.PutEvent(r.Context(), r.tenant, event)
	a.logDamaged(r, outcome.Damaged)
	if err != nil {
		return err
	}
	a.collectEvents(r, event)
	return web.WriteJSON(w, http.StatusAccepted, newEventBody(outcome))
}

// putEvents handles several events. One that is not valid refuses no other.
func putEvents(a *API, w http.ResponseWriter, r *request, v strict.Value) error {
	list, ok := v.List()
	if ok && (len(list) < 1 || len(list) > journey.MaxEvents) {
		v.Fault("must have 1 to %d events, has %d", journey.MaxEvents, len(list))
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	var events []journey.Event
	var places []int // in results
	results := make([]any, len(list))
	for i, element := range list {
		var faults strict.Faults
		var event journey.Event
		if o, ok := strict.At(element.Raw(), element.Pointer(), &faults).Object(); ok {
			event = readEvent(o)
		}
		if !faults.Empty() {
			listed := faults.List()
			results[i] = refusedEvent{event.ID, "invalid-request", web.NewFaults(listed[:min(len(listed), maxEventFaults)])}
			continue
		}
		event.Received = r.received
		events, places = append(events, event), append(places, i)
	}
	errs := make([]error, len(events))
	var accepted []journey.Event
	for i, result := range a.Journeys.PutEvents(r.Context(), r.tenant, events) {
		a.logDamaged(r, result.Damaged)
		if errs[i] = result.Err; errs[i] == nil {
			results[places[i]] = newEventBody(result.EventOutcome)
			accepted = append(accepted, events[i])
			continue
		}
		faults := web.ProblemOf(errs[i]).Errors
		for j := range faults {
			faults[j].Pointer = list[places[i]].Pointer() + faults[j].Pointer
		}
		results[places[i]] = refusedEvent{events[i].ID, journey.Code(errs[i]), faults}
	}
	a.logFailed(r, "events not accepted", "events", errs)
	a.collectEvents(r, accepted...)
	return web.WriteJSON(w, http.StatusAccepted, eventsBody{results})
}

// readEvent reads one event and calls o.Done.
func readEvent(o *strict.Object) (e journey.Event) {
	if v, ok := o.Need("customerId"); ok {
		e.Customer, _ = web.ReadID(v)
	}
	if v, ok := o.Need("eventType"); ok {
		e.Type = condition.ReadSentEventType(v)
	}
	if v, ok := o.Take("eventId"); ok {
		e.ID, _ = v.Text(1, web.MaxID)
	}
	if v, ok := o.Take("properties"); ok {
		e.Properties = readCompactObject(v, journey.MaxProperties)
	}
	if v, ok := o.Take("attributes"); ok {
		e.Attributes = readCompactObject(v, progress.MaxAttributes)
	}
	if v, ok := o.Take("occurredAt"); ok {
		e.OccurredAt = web.ReadTime(v)
	}
	o.Done("customerId", "eventType", "eventId", "properties", "attributes", "occurredAt")
	return e
}
