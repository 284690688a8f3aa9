package api

import (
	"net/http"

	"journeys/internal/condition"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

type eventBody struct {
	EventID string `json:"eventId"`
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
	id, damaged, err := a.Journeys.PutEvent(r.Context(), r.tenant, event)
	a.logDamaged(r, damaged)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, eventBody{id})
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
