package api

import (
	"context"
	"net/http"

	"journeys/internal/journey"
)

const (
	maxListed  = 200
	pageLength = 50
	maxCursor  = 800 // characters
)

type enrollmentListBody struct {
	Data       []enrollmentBody `json:"data"`
	NextCursor string           `json:"nextCursor,omitzero"`
}

func listEnrollments(a *API, w http.ResponseWriter, r *request) error {
	f := journey.EnrollmentFilter{
		Failed: r.stuck(), NodeID: r.word("nodeId", maxNodeID), Cursor: r.word("cursor", maxCursor),
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

// word reads a word from the query string; "" when absent.
func (r *request) word(name string, max int) string {
	text := r.query.Get(name)
	if r.query.Has(name) && !journey.IsWord(text, max) {
		r.faults.Add(queryPlace+name, "must have 1 to %d characters of A-Z, a-z, 0-9, _ and -", max)
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
