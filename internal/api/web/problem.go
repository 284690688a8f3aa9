package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"journeys/internal/apigw"
	"journeys/internal/auth"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// Problem is the body of every answer with a status of 400 or more: an RFC 9457
// problem document.
type Problem struct {
	Type      string  `json:"type"`  // a URN that ends in the code
	Title     string  `json:"title"` // the code in words
	Status    int     `json:"status"`
	Detail    string  `json:"detail,omitzero"` // absent for a fault of the service
	Code      string  `json:"code"`            // stable, kebab-case
	RequestID string  `json:"requestId"`
	Errors    []Fault `json:"errors,omitzero"` // every fault of the request; bounded by strict.MaxFaults

	retryAfter time.Duration // 0 for no header
}

// Fault is one fault of a request. Its pointer is a JSON Pointer into the body,
// or starts with /query/, /header/ or /path/.
type Fault struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// refusal is an error for a request that HTTP, not the domain, rules out.
type refusal struct {
	status       int
	code, detail string
}

func (r *refusal) Error() string { return r.code + ": " + r.detail }

var (
	errMediaType = &refusal{
		http.StatusUnsupportedMediaType, "unsupported-media-type",
		"The body must be sent as Content-Type application/json, in UTF-8, without a Content-Encoding.",
	}
	errPatchType = &refusal{
		http.StatusUnsupportedMediaType, "unsupported-media-type",
		"The body must be sent as Content-Type application/json or application/merge-patch+json, in UTF-8, " +
			"without a Content-Encoding.",
	}
	errTooLarge = &refusal{
		http.StatusRequestEntityTooLarge, "body-too-large",
		fmt.Sprintf("The body may have at most %d bytes (1 MiB).", MaxBody),
	}
)

// statuses maps the domain's kinds of error to HTTP. A kind that is not listed
// is a fault of the service.
var statuses = map[journey.Kind]int{
	journey.Invalid:     http.StatusBadRequest,
	journey.NotFound:    http.StatusNotFound,
	journey.Conflict:    http.StatusConflict,
	journey.Stale:       http.StatusPreconditionFailed,
	journey.Mismatch:    http.StatusUnprocessableEntity,
	journey.Unavailable: http.StatusServiceUnavailable,
	journey.Limited:     http.StatusTooManyRequests,
	journey.Upstream:    http.StatusBadGateway,
}

// ProblemOf returns what the caller may learn of err: all of the caller's own
// faults, and nothing of the service's.
func ProblemOf(err error) Problem {
	var denied *auth.Refusal
	if errors.As(err, &denied) {
		return Problem{Status: denied.Status, Code: denied.Code, Detail: denied.Detail}
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return Problem{Status: refused.status, Code: refused.code, Detail: refused.detail}
	}
	var known *journey.Error
	if errors.As(err, &known) && statuses[known.Kind] != 0 {
		return Problem{
			Status: statuses[known.Kind], Code: known.Code, Detail: known.Detail, Errors: NewFaults(known.Faults),
			retryAfter: known.RetryAfter,
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Problem{
			Status: http.StatusServiceUnavailable, Code: "out-of-time",
			Detail: "The call took too long. It may have taken effect; try again.",
		}
	}
	return Problem{Status: http.StatusInternalServerError, Code: "internal-error"}
}

// NewFaults returns faults as an answer lists them, nil for none.
func NewFaults(list []strict.Fault) []Fault {
	var faults []Fault
	for _, f := range list {
		faults = append(faults, Fault(f))
	}
	return faults
}

// NewFaultList is NewFaults for a field that is always there: it is never nil.
func NewFaultList(list []strict.Fault) []Fault {
	return append([]Fault{}, NewFaults(list)...)
}

// WriteProblem answers with the problem document of err.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err)
	p.Type = "urn:journeys:problem:" + p.Code
	words := strings.ReplaceAll(p.Code, "-", " ")
	p.Title = strings.ToUpper(words[:1]) + words[1:]
	p.RequestID = apigw.RequestID(r.Context())
	var denied *auth.Refusal
	if errors.As(err, &denied) && denied.Challenge() != "" {
		w.Header().Set("WWW-Authenticate", denied.Challenge())
	}
	if p.Status == http.StatusServiceUnavailable {
		p.retryAfter = cmp.Or(p.retryAfter, time.Second)
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.retryAfter.Seconds())))
	}
	body, _ := Encode(p) // strings and numbers: cannot fail
	writeBody(w, p.Status, "application/problem+json", body)
}
