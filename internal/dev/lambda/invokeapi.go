package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Endpoint returns the URL of Lambda's API. It serves Invoke only.
func (s *Service) Endpoint() string { return "http://" + s.address }

// serveInvoke serves Lambda's Invoke.
func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	name := r.PathValue("name")
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); {
	case err != nil:
		refuseInvoke(w, ErrTooLarge)
	case !json.Valid(payload):
		refuseInvoke(w, errNotJSON)
	case kind == "Event":
		id, err := s.InvokeAsync(name, payload)
		if err != nil {
			refuseInvoke(w, err)
			return
		}
		w.Header().Set("X-Amzn-Requestid", id)
		w.WriteHeader(http.StatusAccepted)
	case kind == "" || kind == "RequestResponse":
		// The function keeps running when its caller disconnects.
		answer, err := s.Invoke(context.WithoutCancel(r.Context()), name, payload)
		answerInvoke(w, answer, err)
	default:
		refuseInvoke(w, errInvocationType)
	}
}

var (
	errNotJSON        = errors.New("the payload is not JSON")
	errInvocationType = errors.New("the invocation type must be Event or RequestResponse")
)

// answerInvoke answers a synchronous call. An error of the function is a 200 with
// the header X-Amz-Function-Error.
func answerInvoke(w http.ResponseWriter, answer []byte, err error) {
	failed := (*FunctionError)(nil)
	switch {
	case errors.As(err, &failed):
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		answer, err = json.Marshal(failed)
	case err != nil:
		refuseInvoke(w, err)
		return
	}
	if err != nil {
		refuseInvoke(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	_, _ = w.Write(answer) // the caller may be gone
}

// refuseInvoke answers a call that was not made.
func refuseInvoke(w http.ResponseWriter, err error) {
	status, code := http.StatusInternalServerError, "ServiceException"
	switch {
	case errors.Is(err, ErrUnknown):
		status, code = http.StatusNotFound, "ResourceNotFoundException"
	case errors.Is(err, ErrTooLarge):
		status, code = http.StatusRequestEntityTooLarge, "RequestTooLargeException"
	case errors.Is(err, ErrThrottled):
		status, code = http.StatusTooManyRequests, "TooManyRequestsException"
	case errors.Is(err, errNotJSON):
		status, code = http.StatusBadRequest, "InvalidRequestContentException"
	case errors.Is(err, errInvocationType):
		status, code = http.StatusBadRequest, "InvalidParameterValueException"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": err.Error()}) // the caller may be gone
}
