package api

import (
	"context"
	"net/http"
	"regexp"

	"journeys/internal/journey"
)

const (
	maxListed  = 200
	pageLength = 50
)

type enrollmentListBody struct {
	Data       []enrollmentBody `json:"data"`
	NextCursor string           `json:"nextCursor,omitzero"`
}

func listEnrollments(a *API, w http.ResponseWriter, r *request) error {
	f := journey.EnrollmentFilter{
		Failed: r.stuck(), NodeID: r.matching("nodeId", nodeID), Cursor: r.matching("cursor", cursor),
		Limit: r.number("limit", 1, maxListed, pageLength),
	}
	if err := r.invalid(); err != nil {
		return err
	}
	page, err := a.Journeys.ListEnrollments(r.Context(), r.tenant, r.id, f)
	if err != nil {
		return err
	}
	a.logDamaged(r, page.Damaged)
	body := enrollmentListBody{Data: make([]enrollmentBody, len(page.Enrollments)), NextCursor: page.Next}
	for i, at := range page.Enrollments {
		body.Data[i] = enrollmentOf(at)
	}
	return answer(w, http.StatusOK, body)
}

// stuck reads whether those are wanted who failed; false when absent.
func (r *request) stuck() bool {
	status := r.query.Get("status")
	if r.query.Has("status") && status != "active" && status != "failed" {
		r.faults.Add(queryPlace+"status", "must be active or failed")
	}
	return status == "failed"
}

var (
	nodeID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	cursor = regexp.MustCompile(`^[A-Za-z0-9_-]{1,800}$`)
)

// matching reads a text from the query string; "" when absent.
func (r *request) matching(name string, form *regexp.Regexp) string {
	text := r.query.Get(name)
	if r.query.Has(name) && !form.MatchString(text) {
		r.faults.Add(queryPlace+name, "must have the form %s", form)
	}
	return text
}

func retryEnrollment(a *API, w http.ResponseWriter, r *request) error {
	return r.change(w, http.StatusAccepted, a.Journeys.Retry)
}

func deleteEnrollment(a *API, w http.ResponseWriter, r *request) error {
	return r.change(w, http.StatusNoContent, a.Journeys.Remove)
}

// change does something with the path's customer in the path's journey, and
// answers without a body.
func (r *request) change(
	w http.ResponseWriter, status int, do func(context.Context, journey.Tenant, journey.ID, string) error,
) error {
	if err := r.invalid(); err != nil {
		return err
	}
	if err := do(r.Context(), r.tenant, r.id, r.customer); err != nil {
		return err
	}
	w.WriteHeader(status)
	return nil
}

func deleteCustomer(a *API, w http.ResponseWriter, r *request) error {
	if err := r.invalid(); err != nil {
		return err
	}
	if err := a.Journeys.Forget(r.Context(), r.tenant, r.customer); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
