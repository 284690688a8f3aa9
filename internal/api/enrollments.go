package api

import (
	"context"
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// The bounds of a page of enrollments.
const (
	maxEnrollmentLimit     = 200
	defaultEnrollmentLimit = 50
	maxCursor              = 800 // characters
	maxResult              = 64  // characters
)

type enrollBody struct {
	JourneyID   ident.ID       `json:"journeyId"`
	JourneyName string         `json:"journeyName"`
	Enrolled    int            `json:"enrolled"`
	Skipped     int            `json:"skipped"`
	Errors      int            `json:"errors"`
	Total       int            `json:"total"`
	Results     []enrollResult `json:"results,omitzero"` // in the order of the request
}

type enrollResult struct {
	CustomerID string `json:"customerId"`
	Outcome    string `json:"outcome"`
	Code       string `json:"code,omitzero"`
}

var outcomeNames = map[journey.OutcomeResult]string{
	journey.OutcomeEnrolled: "enrolled",
	journey.OutcomeSkipped:  "skipped",
	journey.OutcomeError:    "error",
}

func enrollCustomers(a *API, w http.ResponseWriter, r *request) error {
	details := r.QueryBool("details")
	enroll := journey.EnrollRequest{Key: r.IdempotencyKey(), Received: r.received}
	body, err := r.ReadBody(w, "")
	if err != nil {
		return err
	}
	if o, ok := body.Object(); ok {
		enroll.Customers, enroll.Properties = readCustomers(o)
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	result, err := a.Journeys.Enroll(r.Context(), r.tenant, r.id, enroll)
	if err != nil {
		return err
	}
	r.addCount("Enrolled", result.Enrolled)
	r.addCount("EnrollSkipped", result.Skipped)
	r.addCount("EnrollErrors", result.Errors)
	return web.WriteJSON(w, http.StatusCreated, newEnrollBody(result, enroll.Customers, details))
}

// readCustomers reads the one of customerId, customerIds and entries. properties is nil
// without entries.
func readCustomers(o *strict.Object) (customers []string, properties [][]byte) {
	single, hasSingle := o.Take("customerId")
	list, hasList := o.Take("customerIds")
	entries, hasEntries := o.Take("entries")
	given := 0
	for _, has := range []bool{hasSingle, hasList, hasEntries} {
		if has {
			given++
		}
	}
	if given != 1 {
		o.Fault("must have exactly one of customerId, customerIds and entries")
	}
	if hasSingle {
		if id, ok := web.ReadID(single); ok {
			customers = []string{id}
		}
	}
	if hasList {
		customers = readIDs(list)
	}
	if hasEntries {
		customers, properties = readEntries(entries)
	}
	o.Done("customerId", "customerIds", "entries")
	return customers, properties
}

func readIDs(v strict.Value) []string {
	list := readBatch(v, "ids")
	customers := make([]string, 0, len(list))
	for _, item := range list {
		if id, ok := web.ReadID(item); ok {
			customers = append(customers, id)
		}
	}
	return customers
}

// readEntries reads customers with the properties of each; nil for none.
func readEntries(v strict.Value) (customers []string, properties [][]byte) {
	for _, item := range readBatch(v, "entries") {
		o, ok := item.Object()
		if !ok {
			continue
		}
		var id string
		var raw []byte
		if v, ok := o.Need("customerId"); ok {
			id, _ = web.ReadID(v)
		}
		if v, ok := o.Take("properties"); ok {
			raw = readCompactObject(v, journey.MaxProperties)
		}
		o.Done("customerId", "properties")
		customers, properties = append(customers, id), append(properties, raw)
	}
	return customers, properties
}

// readBatch reads a list of 1 to MaxBatch elements; nil for a faulty one.
func readBatch(v strict.Value, elements string) []strict.Value {
	list, ok := v.List()
	if ok && (len(list) < 1 || len(list) > journey.MaxBatch) {
		v.Fault("must have 1 to %d %s, has %d", journey.MaxBatch, elements, len(list))
		return nil
	}
	return list
}

func newEnrollBody(e journey.Enrollments, customers []string, details bool) enrollBody {
	body := enrollBody{
		JourneyID: e.Journey.ID, JourneyName: e.Journey.Name,
		Enrolled: e.Enrolled, Skipped: e.Skipped, Errors: e.Errors,
		Total: e.Enrolled + e.Skipped + e.Errors,
	}
	if !details {
		return body
	}
	for i, outcome := range e.Outcomes {
		body.Results = append(body.Results, enrollResult{customers[i], outcomeNames[outcome.Result], outcome.Code})
	}
	return body
}

type enrollmentBody struct {
	JourneyID  ident.ID       `json:"journeyId"`
	CustomerID string         `json:"customerId"`
	Status     string         `json:"status"`
	Version    int            `json:"version"`
	EnrolledAt web.Timestamp  `json:"enrolledAt"`
	NodeID     string         `json:"nodeId"`
	Since      web.Timestamp  `json:"since"`
	DueAt      *web.Timestamp `json:"dueAt,omitzero"`
	ExitReason string         `json:"exitReason,omitzero"`
	Path       []pathBody     `json:"path,omitzero"` // absent in lists
	Runs       []runBody      `json:"runs,omitzero"` // earlier ones; nil for none, and in lists
}

type runBody struct {
	Run        int           `json:"run"`
	EnrolledAt web.Timestamp `json:"enrolledAt"`
	LeftAt     web.Timestamp `json:"leftAt"`
	Status     string        `json:"status"`
	ExitReason string        `json:"exitReason,omitzero"`
	Version    int           `json:"version"`
}

type pathBody struct {
	NodeID    string         `json:"nodeId"`
	NodeType  graph.NodeType `json:"nodeType"`
	EnteredAt web.Timestamp  `json:"enteredAt"`
	Result    string         `json:"result,omitzero"`
	Feedback  []reportedBody `json:"feedback,omitzero"` // nil for none
}

type reportedBody struct {
	Is string        `json:"is"`
	At web.Timestamp `json:"at"`
}

func newEnrollmentBody(at journey.Whereabouts) enrollmentBody {
	body := enrollmentBody{
		JourneyID: at.Journey, CustomerID: at.Customer, Status: at.Status.String(), Version: at.Version,
		EnrolledAt: web.Timestamp(at.EnrolledAt), NodeID: at.NodeID, Since: web.Timestamp(at.Since),
		DueAt: web.TimestampOrNil(at.Due), ExitReason: at.ExitReason,
	}
	for _, step := range at.Path {
		entry := pathBody{NodeID: step.NodeID, NodeType: step.NodeType, EnteredAt: web.Timestamp(step.EnteredAt), Result: step.Result}
		for _, reported := range step.Feedback {
			entry.Feedback = append(entry.Feedback, reportedBody{reported.Kind.String(), web.Timestamp(reported.At)})
		}
		body.Path = append(body.Path, entry)
	}
	for _, r := range at.Runs {
		body.Runs = append(body.Runs, runBody{r.Run, web.Timestamp(r.EnrolledAt), web.Timestamp(r.LeftAt), r.Status.String(), r.ExitReason, r.Version})
	}
	return body
}

func getEnrollment(a *API, w http.ResponseWriter, r *request) error {
	if err := r.CheckFaults(); err != nil {
		return err
	}
	at, err := a.Journeys.Whereabouts(r.Context(), r.tenant, r.id, r.customer)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, newEnrollmentBody(at))
}

type enrollmentListBody struct {
	Data       []enrollmentBody `json:"data"`
	NextCursor string           `json:"nextCursor,omitzero"`
}

func listEnrollments(a *API, w http.ResponseWriter, r *request) error {
	f := journey.EnrollmentFilter{
		Failed: r.queryFailed(), NodeID: r.QueryWord("nodeId", maxNodeID), Result: r.QueryWord("result", maxResult),
		Cursor: r.QueryWord("cursor", maxCursor), Limit: r.QueryInt("limit", 1, maxEnrollmentLimit, defaultEnrollmentLimit),
	}
	if r.Query.Has("result") && !r.Query.Has("nodeId") {
		r.Faults.Add(web.QueryPlace+"nodeId", "is required when result is given")
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	page, err := a.Journeys.ListEnrollments(r.Context(), r.tenant, r.id, f)
	if err != nil {
		return err
	}
	a.logDamaged(r, page.Damaged)
	body := enrollmentListBody{Data: make([]enrollmentBody, len(page.Enrollments)), NextCursor: page.Next}
	for i, at := range page.Enrollments {
		body.Data[i] = newEnrollmentBody(at)
	}
	return web.WriteJSON(w, http.StatusOK, body)
}

// queryFailed reports whether the list is of failed enrollments
// (status=failed), not of active ones.
func (r *request) queryFailed() bool {
	status := r.Query.Get("status")
	if r.Query.Has("status") && status != "active" && status != "failed" {
		r.Faults.Add(web.QueryPlace+"status", "must be active or failed")
	}
	return status == "failed"
}

func retryEnrollment(a *API, w http.ResponseWriter, r *request) error {
	return r.changeEnrollment(w, http.StatusAccepted, a.Journeys.Retry)
}

func deleteEnrollment(a *API, w http.ResponseWriter, r *request) error {
	return r.changeEnrollment(w, http.StatusNoContent, a.Journeys.Remove)
}

// changeEnrollment calls do with the journey and customer of the path, and
// answers with status and no body.
func (r *request) changeEnrollment(
	w http.ResponseWriter, status int, do func(context.Context, ident.Tenant, ident.ID, string) error,
) error {
	if err := r.CheckFaults(); err != nil {
		return err
	}
	if err := do(r.Context(), r.tenant, r.id, r.customer); err != nil {
		return err
	}
	w.WriteHeader(status)
	return nil
}
