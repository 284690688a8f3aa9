package api

import (
	"net/http"

	"journeys/internal/condition"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

type eventBody struct {
	EventID    string           `json:"eventId"`
	Started    []journey.ID     `json:"started"`
	Ended      []journey.ID     `json:"ended"`
	NotStarted []notStartedBody `json:"notStarted"`
	Repeated   bool             `json:"repeated,omitzero"`
}

type notStartedBody struct {
	JourneyID journey.ID `json:"journeyId"`
	Code      string     `json:"code"`
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

func putEvent(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.readBody(w, "")
	if err != nil {
		return err
	}
	event := readEvent(body)
	if err := r.checkFaults(); err != nil {
		return err
	}
	event.Received = r.received
	outcome, err := a.Journeys.PutEvent(r.Context(), r.tenant, event)
	a.logDamaged(r, outcome.Damaged)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, newEventBody(outcome))
}

func readEvent(body strict.Value) (e journey.Event) {
	o, ok := body.Object()
	if !ok {
		return e
	}
	if v, ok := o.Need("customerId"); ok {
		e.Customer, _ = readID(v)
	}
	if v, ok := o.Need("eventType"); ok {
		e.Type = condition.ReadEventType(v)
	}
	if v, ok := o.Take("eventId"); ok {
		e.ID, _ = v.Text(1, MaxID)
	}
	if v, ok := o.Take("properties"); ok {
		e.Properties = readCompactObject(v, journey.MaxProperties)
	}
	if v, ok := o.Take("occurredAt"); ok {
		e.OccurredAt = readTime(v)
	}
	o.Done("customerId", "eventType", "eventId", "properties", "occurredAt")
	return e
}
