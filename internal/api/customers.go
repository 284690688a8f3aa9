package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/journey"
	"journeys/internal/strict"
)

type customerBody struct {
	CustomerID string         `json:"customerId"`
	Attributes jsontext.Value `json:"attributes"`
	UpdatedAt  timestamp      `json:"updatedAt"`
}

func putCustomer(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.readBody(w, "")
	if err != nil {
		return err
	}
	attributes := readProfile(body)
	if err := r.checkFaults(); err != nil {
		return err
	}
	p, err := a.Journeys.PutCustomer(r.Context(), r.tenant, r.customer, attributes)
	if err != nil {
		return err
	}
	return writeCustomer(w, p)
}

// readProfile returns the attributes of {"attributes": {...}} as compact JSON.
func readProfile(body strict.Value) []byte {
	o, ok := body.Object()
	if !ok {
		return nil
	}
	defer o.Done("attributes")
	v, ok := o.Need("attributes")
	if !ok {
		return nil
	}
	return readCompactObject(v, journey.MaxAttributes)
}

// readCompactObject reads an object of at most maxBytes as compact JSON.
func readCompactObject(v strict.Value, maxBytes int) []byte {
	if !v.IsObject() {
		v.Fault("must be an object")
		return nil
	}
	compact := jsontext.Value(v.Raw()).Clone()
	if err := compact.Compact(); err != nil {
		v.Fault("must be an object")
	}
	if len(compact) > maxBytes {
		v.Fault("must have at most %d bytes as compact JSON, has %d", maxBytes, len(compact))
	}
	return compact
}

func getCustomer(a *API, w http.ResponseWriter, r *request) error {
	if err := r.checkFaults(); err != nil {
		return err
	}
	p, err := a.Journeys.Customer(r.Context(), r.tenant, r.customer)
	if err != nil {
		return err
	}
	return writeCustomer(w, p)
}

func deleteCustomer(a *API, w http.ResponseWriter, r *request) error {
	if err := r.checkFaults(); err != nil {
		return err
	}
	r.logSubject()
	if err := a.Journeys.Forget(r.Context(), r.tenant, r.customer); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func writeCustomer(w http.ResponseWriter, p journey.Profile) error {
	return writeJSON(w, http.StatusOK, customerBody{p.Customer, p.Attributes, timestamp(p.UpdatedAt)})
}
