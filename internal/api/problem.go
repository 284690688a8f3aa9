package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"journeys/internal/apigw"
	"journeys/internal/auth"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// Problem is the body of every answer that is not a success: an RFC 9457
// problem document.
type Problem struct {
	Type      string  `json:"type"`  // a URN that ends in the code
	Title     string  `json:"title"` // the code in words
	Status    int     `json:"status"`
	Detail    string  `json:"detail,omitzero"` // nothing when the cause is ours
	Code      string  `json:"code"`            // stable, kebab-case
	RequestID string  `json:"requestId"`
	Errors    []fault `json:"errors,omitzero"` // all that is wrong with the request
}

// fault is one thing that is wrong. Its pointer is a JSON Pointer into the
// body; what is wrong outside of it stands under /query/ or /header/.
type fault struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// refusal is a fault of a request that the domain has no word for.
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
	errTooLarge = &refusal{
		http.StatusRequestEntityTooLarge, "body-too-large",
		fmt.Sprintf("The body may have at most %d bytes (1 MiB).", MaxBody),
	}
)

// panicked is a panic of a handler.
type panicked struct {
	cause any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.cause) }

// statuses are the answers to what the domain refuses.
var statuses = map[journey.Kind]int{
	journey.Invalid:     http.StatusBadRequest,
	journey.NotFound:    http.StatusNotFound,
	journey.Conflict:    http.StatusConflict,
	journey.Stale:       http.StatusPreconditionFailed,
	journey.Mismatch:    http.StatusUnprocessableEntity,
	journey.Unavailable: http.StatusServiceUnavailable,
}

// problemOf says what a caller may know of err: everything about their own
// faults, nothing about ours.
func problemOf(err error) Problem {
	var nobody *auth.Refusal
	if errors.As(err, &nobody) {
		return Problem{Status: nobody.Status, Code: nobody.Code, Detail: nobody.Detail}
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return Problem{Status: refused.status, Code: refused.code, Detail: refused.detail}
	}
	var known *journey.Error
	if errors.As(err, &known) && statuses[known.Kind] != 0 {
		return Problem{
			Status: statuses[known.Kind], Code: known.Code, Detail: known.Detail, Errors: shown(known.Faults),
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Problem{
			Status: http.StatusServiceUnavailable, Code: "out-of-time",
			Detail: "The call took too long. It may have been done; try again.",
		}
	}
	return Problem{Status: http.StatusInternalServerError, Code: "internal-error"}
}

// A function's answer may have 6 MB, and a body of 1 MB can hold more faults,
// and longer names, than fit.
const (
	maxFaults  = 1200
	maxPointer = 512 // bytes
)

// shown returns the faults as callers see them: all of them, up to a number
// that only a hostile body reaches.
func shown(list []strict.Fault) []fault {
	var faults []fault
	for i, f := range list {
		if i == maxFaults {
			return append(faults, fault{"", fmt.Sprintf("%d more faults are not listed", len(list)-i)})
		}
		if len(f.Pointer) > maxPointer {
			f.Pointer = f.Pointer[:maxPointer] + "..."
		}
		faults = append(faults, fault(f))
	}
	return faults
}

// writeProblem answers with what the caller may know of err.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	p.Type = "urn:journeys:problem:" + p.Code
	words := strings.ReplaceAll(p.Code, "-", " ")
	p.Title = strings.ToUpper(words[:1]) + words[1:]
	p.RequestID = apigw.RequestID(r.Context())
	var nobody *auth.Refusal
	if errors.As(err, &nobody) && nobody.Challenge() != "" {
		w.Header().Set("WWW-Authenticate", nobody.Challenge())
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	body, _ := encode(p) // text and numbers only: cannot fail
	send(w, p.Status, "application/problem+json", body)
}
