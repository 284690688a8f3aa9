package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"
)

// Lambda's ways with asynchronous calls. Its minutes are LambdaOptions.Minute.
const (
	functionRetries = 2       // after an error of the function: a minute later, and two after that
	maxEventMinutes = 6 * 60  // that an event waits for a process, then it is lost
	firstThrottle   = 1. / 60 // minutes until a throttled event is tried again, doubling
	maxThrottle     = 5.      // minutes
)

// maxEvents is how many asynchronous calls are under way at a time: more would
// only stand in each other's way on one machine.
func maxEvents() int { return 4 * runtime.NumCPU() }

// Endpoint returns the URL of Lambda's own API, of which there is Invoke.
func (l *Lambda) Endpoint() string { return "http://" + l.address }

// InvokeAsync queues a call and returns its request id at once. A function that
// fails gets the call two more times; one that is throttled gets it when it no
// longer is, within six hours. The queue is in memory.
func (l *Lambda) InvokeAsync(name string, payload []byte) (requestID string, err error) {
	if len(payload) > MaxEvent {
		return "", ErrTooLarge
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return "", ErrStopped
	}
	if l.functions[name] == nil {
		return "", fmt.Errorf("%w %q", ErrUnknown, name)
	}
	id := newRequestID()
	l.begun.Add(1)
	l.events.Go(func() { l.deliver(id, name, payload) })
	return id, nil
}

// deliver calls until a call succeeds, or enough were tried.
func (l *Lambda) deliver(id, name string, payload []byte) {
	failures, throttle, waited := 0., firstThrottle, 0.
	for first := true; ; first = false {
		l.slots <- struct{}{}
		_, err := l.invoke(context.Background(), id, name, payload)
		<-l.slots
		if first {
			l.begun.Add(-1)
		}
		if err == nil || errors.Is(err, ErrStopped) {
			return
		}
		minutes := throttle
		if failed := (*FunctionError)(nil); errors.As(err, &failed) {
			failures++
			minutes = failures
		} else {
			throttle = min(2*throttle, maxThrottle)
		}
		waited += minutes
		if failures > functionRetries || waited > maxEventMinutes {
			l.say(name, fmt.Sprintf("event %s is lost: %v", id, err))
			return
		}
		if !l.pause(time.Duration(minutes * float64(l.options.Minute))) {
			return
		}
	}
}

// pause waits, and reports false when the functions are stopped meanwhile.
func (l *Lambda) pause(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ending:
		return false
	}
}

// say writes a line of our own between those of a function.
func (l *Lambda) say(name, line string) {
	l.logMu.Lock()
	defer l.logMu.Unlock()
	_, _ = io.WriteString(l.options.Log, name+" | "+line+"\n") // a log that nobody can read
}

// serveInvoke is Lambda's Invoke.
func (l *Lambda) serveInvoke(w http.ResponseWriter, r *http.Request) {
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
		id, err := l.InvokeAsync(name, payload)
		if err != nil {
			refuseInvoke(w, err)
			return
		}
		w.Header().Set("X-Amzn-Requestid", id)
		w.WriteHeader(http.StatusAccepted)
	case kind == "" || kind == "RequestResponse":
		// The function goes on when its caller goes away.
		answer, err := l.Invoke(context.WithoutCancel(r.Context()), name, payload)
		answerInvoke(w, answer, err)
	default:
		refuseInvoke(w, errInvocationType)
	}
}

var (
	errNotJSON        = errors.New("the payload is not JSON")
	errInvocationType = errors.New("an invocation is of type Event or RequestResponse here")
)

// answerInvoke answers a call that was waited for. That the function failed is
// a 200, with a header that says so.
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
	_, _ = w.Write(answer) // a caller that is gone
}

// refuseInvoke answers as Lambda does when there is no call.
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
	_ = json.NewEncoder(w).Encode(map[string]string{"message": err.Error()}) // a caller that is gone
}
