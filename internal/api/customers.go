package api

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	if err := r.invalid(); err != nil {
		return err
	}
	p, err := a.Journeys.PutCustomer(r.Context(), r.tenant, r.customer, attributes)
	if err != nil {
		return err
	}
	return answerCustomer(w, p)
}

// readProfile reads {"attributes": {...}} as compact JSON.
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

// readCompactObject reads an object of at most max bytes as compact JSON.
func readCompactObject(v strict.Value, max int) []byte {
	if !v.IsObject() {
		v.Fault("must be an object")
		return nil
	}
	compact := jsontext.Value(v.Raw()).Clone()
	if err := compact.Compact(); err != nil {
		v.Fault("must be an object")
	}
	if len(compact) > max {
		v.Fault("must have at most %d bytes as compact JSON, has %d", max, len(compact))
	}
	return compact
}

func getCustomer(a *API, w http.ResponseWriter, r *request) error {
	if err := r.invalid(); err != nil {
		return err
	}
	p, err := a.Journeys.Customer(r.Context(), r.tenant, r.customer)
	if err != nil {
		return err
	}
	return answerCustomer(w, p)
}

func answerCustomer(w http.ResponseWriter, p journey.Profile) error {
	return answer(w, http.StatusOK, customerBody{p.Customer, p.Attributes, timestamp(p.UpdatedAt)})
}

type enrollmentBody struct {
	JourneyID  journey.ID `json:"journeyId"`
	CustomerID string     `json:"customerId"`
	Status     string     `json:"status"`
	Version    int        `json:"version"`
	EnrolledAt timestamp  `json:"enrolledAt"`
	NodeID     string     `json:"nodeId"`
	Since      timestamp  `json:"since"`
	DueAt      *timestamp `json:"dueAt,omitzero"`
	ExitReason string     `json:"exitReason,omitzero"`
	Path       []pathBody `json:"path,omitzero"` // not in lists
}

type pathBody struct {
	NodeID    string           `json:"nodeId"`
	NodeType  journey.NodeType `json:"nodeType"`
	EnteredAt timestamp        `json:"enteredAt"`
	Result    string           `json:"result,omitzero"`
}

func getEnrollment(a *API, w http.ResponseWriter, r *request) error {
	if err := r.invalid(); err != nil {
		return err
	}
	at, err := a.Journeys.Whereabouts(r.Context(), r.tenant, r.id, r.customer)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, enrollmentOf(at))
}

func enrollmentOf(at journey.Whereabouts) enrollmentBody {
	body := enrollmentBody{
		JourneyID: at.Journey, CustomerID: at.Customer, Status: at.Status.String(), Version: at.Version,
		EnrolledAt: timestamp(at.EnrolledAt), NodeID: at.NodeID, Since: timestamp(at.Since),
		DueAt: optional(at.Due), ExitReason: at.ExitReason,
	}
	for _, step := range at.Path {
		body.Path = append(body.Path, pathBody{step.NodeID, step.NodeType, timestamp(step.EnteredAt), step.Result})
	}
	return body
}

func optional(t time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	at := timestamp(t)
	return &at
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._@:+-]+$`)

// readPathID reads an id that callers chose from a path. What is not made of
// plain characters, which a gateway could decode or resolve, stands there as
// "~" and base64url without padding.
func (r *request) readPathID(name string) string {
	id := r.PathValue(name)
	if coded, ok := strings.CutPrefix(id, "~"); ok {
		plain, err := base64.RawURLEncoding.Strict().DecodeString(coded)
		if err != nil {
			r.faults.Add("/path/"+name, "after ~ must be base64url without padding")
			return ""
		}
		id = string(plain)
	} else if !plainID.MatchString(id) || id == "." || id == ".." {
		r.faults.Add("/path/"+name, "has characters other than A-Z, a-z, 0-9 and ._@:+-; write it as ~ and base64url without padding")
		return ""
	}
	if n := utf8.RuneCountInString(id); n < 1 || n > MaxID || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		r.faults.Add("/path/"+name, "must have 1 to %d characters, none of them a control character", MaxID)
		return ""
	}
	return id
}
