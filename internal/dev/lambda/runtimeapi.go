package lambda

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxAnswer is Lambda's exact limit of an answer, in bytes.
const maxAnswer = MaxPayload + 100

// api returns the Runtime API, under a path of its own for each environment, and
// the API by which functions invoke each other. Clients of the Runtime API accept
// a path in AWS_LAMBDA_RUNTIME_API.
func (s *Service) api() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(*environment, http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			e := s.environments[r.PathValue("environment")]
			s.mu.Unlock()
			if e == nil {
				refuse(w, http.StatusForbidden, "no such environment")
				return
			}
			h(e, w, r)
		})
	}
	const runtime = "/{environment}/2018-06-01/runtime"
	handle("GET "+runtime+"/invocation/next", (*environment).serveNext)
	handle("POST "+runtime+"/invocation/{id}/response", (*environment).serveResponse)
	handle("POST "+runtime+"/invocation/{id}/error", (*environment).serveError)
	handle("POST "+runtime+"/init/error", (*environment).serveInitError)
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", s.serveInvoke)
	return mux
}

// serveNext ends the current call and waits for the next one.
func (e *environment) serveNext(w http.ResponseWriter, r *http.Request) {
	select {
	case e.asked <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case c := <-e.calls:
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", c.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+Region+":"+Account+":function:"+e.function.Name)
		header.Set("Lambda-Runtime-Trace-Id", NewTraceID()+";Sampled=0")
		_, _ = w.Write(c.payload) // awaitNext sees whether the process is gone
	case <-r.Context().Done():
	}
}

func (e *environment) serveResponse(w http.ResponseWriter, r *http.Request) {
	c := e.callWithID(r.PathValue("id"))
	if c == nil {
		refuse(w, http.StatusBadRequest, "not the id of the current call")
		return
	}
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.settle(nil, &FunctionError{"Function.ResponseSizeTooLarge", "the answer is larger than 6 MB"})
		refuse(w, http.StatusRequestEntityTooLarge, "the answer is larger than 6 MB")
	case err != nil:
		refuse(w, http.StatusBadRequest, "the answer was cut short")
	default:
		c.settle(answer, nil)
		w.WriteHeader(http.StatusAccepted)
	}
}

func (e *environment) serveError(w http.ResponseWriter, r *http.Request) {
	c := e.callWithID(r.PathValue("id"))
	if c == nil {
		refuse(w, http.StatusBadRequest, "not the id of the current call")
		return
	}
	c.settle(nil, readFault(r))
	w.WriteHeader(http.StatusAccepted)
}

func (e *environment) serveInitError(w http.ResponseWriter, r *http.Request) {
	fault := readFault(r)
	e.mu.Lock()
	e.fault = fault
	e.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	// A runtime may wait to be killed after this report.
	e.process.Kill()
}

func readFault(r *http.Request) *FunctionError {
	fault := &FunctionError{}
	if err := json.NewDecoder(io.LimitReader(r.Body, MaxPayload)).Decode(fault); err != nil {
		return &FunctionError{"Runtime.Unknown", "the function reported an error that is not JSON"}
	}
	return fault
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(FunctionError{"Runtime.InvalidRequest", message}) // the process may be gone
}

// NewTraceID returns a trace id in the form of AWS X-Ray.
func NewTraceID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x", time.Now().Unix(), b)
}
