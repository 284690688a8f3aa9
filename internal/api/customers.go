package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/api/web"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

type customerBody struct {
	CustomerID string         `json:"customerId"`
	Attributes jsontext.Value `json:"attributes"`
	AsOf       *web.Timestamp `json:"asOf,omitzero"`
	UpdatedAt  web.Timestamp  `json:"updatedAt"`
}

func putCustomer(a *API, w http.ResponseWriter, r *request) error {
	// Ignored, so that an answer can be sent back.
	return r.changeCustomer(w, web.CheckJSON, a.collecting(a.Journeys.PutCustomer, false), "customerId", "updatedAt")
}

func patchCustomer(a *API, w http.ResponseWriter, r *request) error {
	return r.changeCustomer(w, web.CheckPatch, a.collecting(a.Journeys.PatchCustomer, true))
}

// changeCustomer calls do with the change in the body, for the customer of the path.
// Fields called ignored may have any value.
func (r *request) changeCustomer(
	w http.ResponseWriter, checkType func(http.Header) error, do changeProfile, ignored ...string,
) error {
	match := r.ifMatchCustomer()
	body, err := r.ReadBodyOf(w, checkType, "")
	if err != nil {
		return err
	}
	change := journey.ProfileChange{Customer: r.customer, Received: r.received}
	if o, ok := body.Object(); ok {
		readProfile(o, &change)
		o.Ignore(ignored...)
		o.Done("attributes", "asOf")
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	p, err := do(r.Context(), r.tenant, change, match)
	if err != nil {
		return err
	}
	return writeCustomer(w, p)
}

// ifMatchCustomer returns the precondition of If-Match, nil if the header is absent.
func (r *request) ifMatchCustomer() *journey.Precondition {
	given, ok := r.ReadTags("If-Match", false)
	if !ok {
		return nil
	}
	return &journey.Precondition{Any: given.Any, Revs: given.Revisions()}
}

// readProfile reads the attributes and their time. The caller calls o.Done.
func readProfile(o *strict.Object, c *journey.ProfileChange) {
	if v, ok := o.Need("attributes"); ok {
		c.Attributes = readCompactObject(v, progress.MaxAttributes)
	}
	if v, ok := o.Take("asOf"); ok {
		c.AsOf = web.ReadTime(v)
	}
}

type mergedBody struct {
	Results []mergedResult `json:"results"` // in the order of the request
}

type mergedResult struct {
	CustomerID string `json:"customerId"`
	Outcome    string `json:"outcome"`
	Code       string `json:"code,omitzero"`
}

func putCustomers(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.ReadBody(w, "")
	if err != nil {
		return err
	}
	var changes []journey.ProfileChange
	if o, ok := body.Object(); ok {
		if v, ok := o.Need("customers"); ok {
			changes = readProfiles(v)
		}
		o.Done("customers")
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	for i := range changes {
		changes[i].Received = r.received
	}
	outcomes := a.Journeys.MergeCustomers(r.Context(), r.tenant, changes)
	errs := make([]error, len(outcomes))
	for i, o := range outcomes {
		errs[i] = o.Err
	}
	a.logFailed(r, "customers not merged", "customers", errs)
	a.collectProfiles(r, changes, outcomes)
	answer := mergedBody{make([]mergedResult, len(outcomes))}
	for i, o := range outcomes {
		answer.Results[i] = mergedResult{changes[i].Customer, mergeOutcome(o), journey.Code(o.Err)}
	}
	return web.WriteJSON(w, http.StatusOK, answer)
}

func mergeOutcome(o journey.ProfileOutcome) string {
	switch {
	case o.Err != nil:
		return "error"
	case o.Older:
		return "stale"
	}
	return "stored"
}

func readProfiles(v strict.Value) []journey.ProfileChange {
	list, ok := v.List()
	if !ok {
		return nil
	}
	if len(list) < 1 || len(list) > journey.MaxBatch {
		v.Fault("must have 1 to %d customers, has %d", journey.MaxBatch, len(list))
		return nil
	}
	changes := make([]journey.ProfileChange, len(list))
	for i, element := range list {
		o, ok := element.Object()
		if !ok {
			continue
		}
		if v, ok := o.Need("customerId"); ok {
			changes[i].Customer, _ = web.ReadID(v)
		}
		readProfile(o, &changes[i])
		o.Done("customerId", "attributes", "asOf")
	}
	return changes
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
	known := r.IfNoneMatch()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	p, err := a.Journeys.Customer(r.Context(), r.tenant, r.customer)
	if err != nil {
		return err
	}
	if known.Match(web.ETag(p.Rev)) {
		w.Header().Set("ETag", web.ETag(p.Rev))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeCustomer(w, p)
}

func deleteCustomer(a *API, w http.ResponseWriter, r *request) error {
	if err := r.CheckFaults(); err != nil {
		return err
	}
	r.logSubject()
	if err := a.Journeys.Forget(r.Context(), r.tenant, r.customer); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// writeCustomer answers with one profile and its ETag.
func writeCustomer(w http.ResponseWriter, p journey.Profile) error {
	w.Header().Set("ETag", web.ETag(p.Rev))
	return web.WriteJSON(w, http.StatusOK, customerBody{
		p.Customer, p.Attributes, web.TimestampOrNil(p.AsOf), web.Timestamp(p.UpdatedAt),
	})
}
