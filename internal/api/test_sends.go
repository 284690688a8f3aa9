package api

import (
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/testsend"
)

type testSendBody struct {
	MessageID string `json:"messageId"`
}

// sendTest never logs the address.
func sendTest(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.ReadBody(w, "{}")
	if err != nil {
		return err
	}
	send := testsend.Request{NodeID: r.PathValue("nodeId")}
	if o, ok := body.Object(); ok {
		if v, ok := o.Need("to"); ok {
			send.To = testsend.ReadTo(v)
		}
		if v, ok := o.Take("customerAttributes"); ok {
			send.Attributes, _ = readAttributes(v)
		}
		o.Done("to", "customerAttributes")
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	id, err := a.TestSends.Send(r.Context(), r.tenant, r.id, send)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusAccepted, testSendBody{id.String()})
}
