package api

import (
	"net/http"

	"journeys/internal/journey"
	"journeys/internal/strict"
)

type enrollBody struct {
	JourneyID   journey.ID     `json:"journeyId"`
	JourneyName string         `json:"journeyName"`
	Enrolled    int            `json:"enrolled"`
	Skipped     int            `json:"skipped"`
	Errors      int            `json:"errors"`
	Total       int            `json:"total"`
	Results     []enrollResult `json:"results,omitzero"` // in the order sent
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
	details := r.flag("details")
	enroll := journey.EnrollRequest{Key: r.idempotencyKey()}
	body, err := r.readBody(w, "")
	if err != nil {
		return err
	}
	if o, ok := body.Object(); ok {
		enroll.Customers = readCustomers(o)
	}
	if err := r.invalid(); err != nil {
		return err
	}
	result, err := a.Journeys.Enroll(r.Context(), r.tenant, r.id, enroll)
	if err != nil {
		return err
	}
	r.count("Enrolled", result.Enrolled)
	r.count("EnrollSkipped", result.Skipped)
	r.count("EnrollErrors", result.Errors)
	return answer(w, http.StatusCreated, enrollmentsOf(result, enroll.Customers, details))
}

// readCustomers reads whom to enroll from the one of two fields that is there.
func readCustomers(o *strict.Object) []string {
	var customers []string
	single, one := o.Take("customerId")
	several, many := o.Take("customerIds")
	if one == many {
		o.Fault("must have exactly one of customerId and customerIds")
	}
	if one {
		if id, ok := readName(single); ok {
			customers = []string{id}
		}
	}
	if many {
		customers = readBatch(several)
	}
	o.Done("customerId", "customerIds")
	return customers
}

func readBatch(v strict.Value) []string {
	list, ok := v.List()
	if !ok {
		return nil
	}
	if len(list) < 1 || len(list) > journey.MaxBatch {
		v.Fault("must have 1 to %d ids, has %d", journey.MaxBatch, len(list))
		return nil
	}
	customers := make([]string, 0, len(list))
	for _, item := range list {
		if id, ok := readName(item); ok {
			customers = append(customers, id)
		}
	}
	return customers
}

func enrollmentsOf(e journey.Enrollments, customers []string, details bool) enrollBody {
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
