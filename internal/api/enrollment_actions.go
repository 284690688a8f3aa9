package api

import (
	"log/slog"
	"math"
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// actionsBody is the answer to a call that acts on many enrollments. Done, Skipped and
// Errors add up to Matched.
type actionsBody struct {
	Action     journey.EnrollmentAction `json:"action"`
	Matched    int                      `json:"matched"`
	Done       int                      `json:"done"`
	Skipped    int                      `json:"skipped"`
	Errors     int                      `json:"errors"`
	Failures   []failureBody            `json:"failures,omitzero"` // nil for none
	NextCursor string                   `json:"nextCursor,omitzero"`
}

type failureBody struct {
	CustomerID string `json:"customerId"`
	Code       string `json:"code"`
}

func actOnEnrollments(a *API, w http.ResponseWriter, r *request) error {
	body, err := r.ReadBody(w, "")
	if err != nil {
		return err
	}
	var action journey.EnrollmentAction
	var filter journey.EnrollmentFilter
	if o, ok := body.Object(); ok {
		action, filter = readAction(o)
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	r.logSubject()
	result, err := a.Journeys.ActOnEnrollments(r.Context(), r.tenant, r.id, action, filter)
	if err != nil {
		return err
	}
	r.rec.attrs = append(r.rec.attrs, slog.String("action", string(action)), slog.Int("done", result.Done),
		slog.Int("skipped", result.Skipped), slog.Int("errors", len(result.Failed)))
	a.logDamaged(r, result.Damaged)
	answer := actionsBody{
		Action: action, Matched: result.Done + result.Skipped + len(result.Failed),
		Done: result.Done, Skipped: result.Skipped, Errors: len(result.Failed), NextCursor: result.Next,
	}
	errs := make([]error, len(result.Failed))
	for i, f := range result.Failed {
		errs[i] = f.Err
		answer.Failures = append(answer.Failures, failureBody{f.Customer, journey.Code(f.Err)})
	}
	a.logFailed(r, "actions failed", "enrollments", errs)
	return web.WriteJSON(w, http.StatusOK, answer)
}

func readAction(o *strict.Object) (action journey.EnrollmentAction, filter journey.EnrollmentFilter) {
	if v, ok := o.Need("action"); ok {
		name, _ := v.OneOf(string(journey.ActionRetry), string(journey.ActionRemove))
		action = journey.EnrollmentAction(name)
	}
	if v, ok := o.Need("where"); ok {
		if where, ok := v.Object(); ok {
			filter = readWhere(where, action)
		}
	}
	if v, ok := o.Take("cursor"); ok {
		filter.Cursor = readWord(v, maxCursor)
	}
	o.Done("action", "where", "cursor")
	return action, filter
}

// readWhere reads which enrollments to act on. Only failed ones can be retried.
func readWhere(o *strict.Object, action journey.EnrollmentAction) (filter journey.EnrollmentFilter) {
	if v, ok := o.Need("status"); ok {
		name, ok := v.OneOf("active", "failed")
		if filter.Failed = name == "failed"; ok && !filter.Failed && action == journey.ActionRetry {
			v.Fault("must be failed: only failed customers can be retried")
		}
	}
	if v, ok := o.Take("nodeId"); ok {
		filter.NodeID = readWord(v, maxNodeID)
	}
	if v, ok := o.Take("version"); ok {
		filter.Version, _ = v.Int(1, math.MaxInt32)
	}
	o.Done("status", "nodeId", "version")
	return filter
}

// readWord reads a word of 1 to maxLength characters; "" for a faulty one.
func readWord(v strict.Value, maxLength int) string {
	text, ok := v.Text(1, maxLength)
	if ok && !strict.IsWord(text, maxLength) {
		v.Fault("must have only characters of A-Z, a-z, 0-9, _ and -")
		return ""
	}
	return text
}
