// Package lambda is AWS Lambda on one machine: it runs functions from their
// built files by the Lambda Runtime API, with asynchronous calls, schedules, the
// table's stream and injected faults. It knows nothing of what the functions do.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"journeys/internal/dev/build"
	"journeys/internal/dev/dynamolocal"
	"journeys/internal/manifest"
)

// Region and account of the functions.
const (
	Region  = dynamolocal.Region
	Account = "000000000000"
)

// Lambda's limits.
const (
	MaxPayload  = 6 << 20          // bytes of a call's payload, and of its answer
	MaxEvent    = 1 << 20          // bytes of an asynchronous call's payload
	initTimeout = 10 * time.Second // for a new process to ask for its first call
)

// Errors of Invoke, besides *FunctionError.
var (
	ErrThrottled = errors.New("too many concurrent calls of the function")
	ErrTooLarge  = errors.New("the payload is larger than Lambda accepts")
	ErrStopped   = errors.New("the functions are stopped")
	ErrUnknown   = errors.New("no function")
)

// FunctionError is an error inside a function, with the type that Lambda gives
// it: the function's own error, a crash or a timeout.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error returns the type and the message.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Options say how the functions run.
type Options struct {
	Dist           string            // directory of ARCH and <function>/bootstrap, as build.Functions makes it
	Settings       map[string]string // values of the functions' settings; each function gets its own
	Environment    map[string]string // further variables of every function
	MaxConcurrency int               // processes of each function that reserves none; 0 means as many as the API's throttle needs
	Minute         time.Duration     // length of a minute between attempts of an asynchronous call; 0 means a minute
	Log            io.Writer         // output of the functions, each line after the function's name; nil discards it

	// ForProcess returns variables of one process, which override all others, by
	// the process's id: the name of its log stream. Nil means none.
	ForProcess func(id string) map[string]string
}

// Service runs functions from their built files. A process has one call at a
// time, and a new one is started when none is idle. Between calls a process is
// frozen, as in the cloud: its goroutines, timers and connections stand still.
type Service struct {
	options Options
	address string // of the Runtime API
	server  *http.Server
	logMu   sync.Mutex
	calls   sync.WaitGroup
	events  sync.WaitGroup      // asynchronous calls that are not done
	slots   *semaphore.Weighted // asynchronous calls that may run at the same time
	begun   atomic.Int64        // asynchronous calls whose first attempt has not begun, or works
	ending  chan struct{}       // closed by Stop
	faults  *Faults             // may shorten asynchronous calls; may be nil

	mu           sync.Mutex // guards the rest
	functions    map[string]*function
	environments map[string]*environment // by id
	stopped      bool
}

type function struct {
	manifest.Function
	running int            // environments, idle ones included
	idle    []*environment // the last one used is the first one used again
}

// Start returns a Service that accepts calls. A process is started when a call
// needs it. Start returns an error if Dist is not built for this machine, or if
// a setting of a function has no value.
func Start(functions []manifest.Function, o Options) (*Service, error) {
	if err := build.Check(o.Dist, functions); err != nil {
		return nil, err
	}
	if o.MaxConcurrency == 0 {
		o.MaxConcurrency = manifest.APIThrottle.Concurrency(manifest.EndpointStart)
	}
	if o.Minute == 0 {
		o.Minute = time.Minute
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	s := &Service{
		options: o, ending: make(chan struct{}), slots: semaphore.NewWeighted(int64(Concurrency())),
		functions: map[string]*function{}, environments: map[string]*environment{},
	}
	for _, f := range functions {
		for _, name := range f.Env {
			if _, ok := o.Settings[name]; !ok {
				return nil, fmt.Errorf("function %s needs the setting %s, which has no value", f.Name, name)
			}
		}
		s.functions[f.Name] = &function{Function: f}
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the Lambda Runtime API: %w", err)
	}
	s.address = listener.Addr().String()
	s.server = &http.Server{Handler: s.api(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }() // returns an error after Stop
	return s, nil
}

// Invoke calls a function and returns its answer. The function keeps running
// when ctx ends first, as in the cloud: only its own timeout stops it.
func (s *Service) Invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	return s.invoke(ctx, name, &call{id: newRequestID(), payload: payload})
}

func (s *Service) invoke(ctx context.Context, name string, c *call) ([]byte, error) {
	if len(c.payload) > MaxPayload {
		return nil, ErrTooLarge
	}
	c.done = make(chan struct{})
	e, err := s.acquire(name, c)
	if err != nil {
		return nil, err
	}
	go func() {
		defer s.calls.Done()
		defer close(c.done)
		if err := e.run(c); err != nil {
			c.settle(nil, err)
			s.discard(e)
			return
		}
		s.release(e)
	}()
	select {
	case <-c.done:
		return c.answer, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Stop kills all processes and returns when none is left. Asynchronous calls
// that are not done are lost.
func (s *Service) Stop() {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.ending)
	}
	left := slices.Collect(maps.Values(s.environments))
	s.mu.Unlock()
	for _, e := range left {
		e.process.Kill()
	}
	for _, e := range left {
		<-e.process.Ended()
	}
	s.calls.Wait()
	s.events.Wait()
	_ = s.server.Close() // it may be closed already
}
