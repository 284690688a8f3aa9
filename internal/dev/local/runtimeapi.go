package local

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

// maxAnswer is Lambda's exact limit of an answer.
const maxAnswer = MaxPayload + 100

// runtimeAPI serves every environment under its own id; the API's clients take
// a path in AWS_LAMBDA_RUNTIME_API. Beside it is the API by which functions
// invoke each other.
func (l *Lambda) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(*environment, http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			l.mu.Lock()
			e := l.environments[r.PathValue("environment")]
			l.mu.Unlock()
			if e == nil {
				refuse(w, http.StatusForbidden, "there is no such environment")
				return
			}
			h(e, w, r)
		})
	}
	const runtime = "/{environment}/2018-06-01/runtime"
	handle("GET "+runtime+"/invocation/next", (*environment).next)
	handle("POST "+runtime+"/invocation/{id}/response", (*environment).response)
	handle("POST "+runtime+"/invocation/{id}/error", (*environment).failure)
	handle("POST "+runtime+"/init/error", (*environment).initFailure)
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", l.serveInvoke)
	return mux
}

// next ends the current call and waits for another.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
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
		header.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":"+account+":function:"+e.function.Name)
		header.Set("Lambda-Runtime-Trace-Id", newTraceID()+";Sampled=0")
		_, _ = w.Write(c.payload) // a process that is gone is noticed elsewhere
	case <-r.Context().Done():
	}
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	c := e.callWithID(r.PathValue("id"))
	if c == nil {
		refuse(w, http.StatusBadRequest, "this is not the id of the current call")
		return
	}
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.settle(nil, &FunctionError{"Function.ResponseSizeTooLarge", "the answer is larger than 6 MB"})
		refuse(w, http.StatusRequestEntityTooLarge, "the answer is larger than 6 MB")
	case err != nil:
		refuse(w, http.StatusBadRequest, "the answer broke off")
	default:
		c.settle(answer, nil)
		w.WriteHeader(http.StatusAccepted)
	}
}

func (e *environment) failure(w http.ResponseWriter, r *http.Request) {
	c := e.callWithID(r.PathValue("id"))
	if c == nil {
		refuse(w, http.StatusBadRequest, "this is not the id of the current call")
		return
	}
	c.settle(nil, readFault(r))
	w.WriteHeader(http.StatusAccepted)
}

func (e *environment) initFailure(w http.ResponseWriter, r *http.Request) {
	fault := readFault(r)
	e.mu.Lock()
	e.fault = fault
	e.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	// A runtime that reported this may wait for its end.
	e.process.kill()
}

func readFault(r *http.Request) *FunctionError {
	fault := &FunctionError{}
	if err := json.NewDecoder(io.LimitReader(r.Body, MaxPayload)).Decode(fault); err != nil {
		return &FunctionError{"Runtime.Unknown", "the function failed without saying how"}
	}
	return fault
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(FunctionError{"Runtime.InvalidRequest", message}) // nobody else to tell
}

func newTraceID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x", time.Now().Unix(), b)
}
