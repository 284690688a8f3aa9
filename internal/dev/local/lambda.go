package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"journeys/internal/manifest"
)

// Lambda's limits.
const (
	MaxPayload  = 6 << 20          // bytes of a call's payload, and of its answer
	MaxEvent    = 1 << 20          // bytes of an asynchronous call's payload
	initTimeout = 10 * time.Second // for a new process to ask for its first call
)

// Errors of Invoke beside *FunctionError.
var (
	ErrThrottled = errors.New("too many concurrent calls of the function")
	ErrTooLarge  = errors.New("the payload is larger than Lambda takes")
	ErrStopped   = errors.New("the functions are stopped")
	ErrUnknown   = errors.New("there is no function")
)

// FunctionError is what went wrong inside a function, with the type that
// Lambda gives it: the function's own error, a crash, a time-out.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// LambdaOptions say what the functions run with.
type LambdaOptions struct {
	Dist           string            // directory of ARCH and <function>/bootstrap, as Build makes it
	Settings       map[string]string // values of the functions' settings; each gets its own
	Environment    map[string]string // what every function gets besides
	MaxConcurrency int               // processes of one function; 0 means 64
	Minute         time.Duration     // what a minute between the tries of an asynchronous call takes; 0 means a minute
	Log            io.Writer         // what the functions print, each line behind the function's name; nil for nobody

	// ForProcess returns what one process gets over all of this, by the id
	// that is its log stream's name; nil for nothing.
	ForProcess func(id string) map[string]string
}

// Lambda runs functions from their built files, each call in a process that has
// no other, and starts one when none is free. Between calls a process is
// frozen, as in the cloud: its goroutines, timers and connections stand still.
type Lambda struct {
	options LambdaOptions
	address string // of the Runtime API
	server  *http.Server
	logMu   sync.Mutex
	calls   sync.WaitGroup
	events  sync.WaitGroup // asynchronous calls that are not done
	slots   chan struct{}  // one for each of them that is under way
	begun   atomic.Int64   // those of which the first try is not over
	ending  chan struct{}  // closed by Stop

	mu           sync.Mutex // guards the rest
	functions    map[string]*function
	environments map[string]*environment // by id
	stopped      bool
}

type function struct {
	manifest.Function
	running int            // environments, idle ones included
	idle    []*environment // the last used is the first used again
}

// StartLambda returns when calls can be made. No process runs before a call
// needs it. It refuses a Dist that is not of this machine, and settings that
// are incomplete.
func StartLambda(functions []manifest.Function, o LambdaOptions) (*Lambda, error) {
	if err := checkDist(o.Dist, functions); err != nil {
		return nil, err
	}
	if o.MaxConcurrency == 0 {
		o.MaxConcurrency = 64
	}
	if o.Minute == 0 {
		o.Minute = time.Minute
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	l := &Lambda{
		options: o, ending: make(chan struct{}), slots: make(chan struct{}, maxEvents()),
		functions: map[string]*function{}, environments: map[string]*environment{},
	}
	for _, f := range functions {
		for _, name := range f.Env {
			if _, ok := o.Settings[name]; !ok {
				return nil, fmt.Errorf("function %s needs the setting %s, which has no value here", f.Name, name)
			}
		}
		l.functions[f.Name] = &function{Function: f}
	}
	listener, err := Listen(context.Background(), 0)
	if err != nil {
		return nil, fmt.Errorf("listen for the Lambda Runtime API: %w", err)
	}
	l.address = listener.Addr().String()
	l.server = &http.Server{Handler: l.runtimeAPI(), ReadHeaderTimeout: time.Minute}
	go func() { _ = l.server.Serve(listener) }() // ends with Stop, always with an error
	return l, nil
}

// Invoke calls a function and returns its answer. When ctx ends first, the
// function goes on, as in the cloud: only its own time-out stops it.
func (l *Lambda) Invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	return l.invoke(ctx, newRequestID(), name, payload)
}

func (l *Lambda) invoke(ctx context.Context, id, name string, payload []byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, ErrTooLarge
	}
	c := &call{id: id, payload: payload, done: make(chan struct{})}
	e, err := l.acquire(name, c)
	if err != nil {
		return nil, err
	}
	go func() {
		defer l.calls.Done()
		defer close(c.done)
		if err := e.run(c); err != nil {
			c.settle(nil, err)
			l.discard(e)
			return
		}
		l.release(e)
	}()
	select {
	case <-c.done:
		return c.answer, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Stop kills what runs, and returns when no process is left. Asynchronous
// calls that are not done are lost.
func (l *Lambda) Stop() {
	l.mu.Lock()
	if !l.stopped {
		l.stopped = true
		close(l.ending)
	}
	left := slices.Collect(maps.Values(l.environments))
	l.mu.Unlock()
	for _, e := range left {
		e.process.kill()
	}
	for _, e := range left {
		<-e.process.ended
	}
	l.calls.Wait()
	l.events.Wait()
	_ = l.server.Close() // what is closed already needs nothing
}

// Kill kills the processes of a function that have a call, and returns how
// many they were. None of these calls brings an answer.
func (l *Lambda) Kill(name string) int {
	return l.busy(func(e *environment) bool { return e.function.Name == name }, kill)
}

// kill ends an environment with its call, unless that has its answer already.
func kill(e *environment, c *call) bool {
	first := c.settle(nil, &FunctionError{"Runtime.ExitError", "the function's process was killed"})
	if first {
		e.process.kill()
	}
	return first
}

// Freeze stops the processes of a function that have a call where they are,
// and returns how many they were. Thaw or the function's time-out ends it.
func (l *Lambda) Freeze(name string) int {
	var frozen []*process
	n := l.busy(func(e *environment) bool { return e.function.Name == name },
		func(e *environment, _ *call) bool {
			e.process.freeze()
			frozen = append(frozen, e.process)
			return true
		})
	for _, p := range frozen {
		p.awaitFrozen()
	}
	return n
}

// Thaw lets go on what Freeze stopped.
func (l *Lambda) Thaw(name string) int {
	return l.busy(func(e *environment) bool { return e.function.Name == name },
		func(e *environment, _ *call) bool { e.process.thaw(); return true })
}

// busy does something to those environments that have a call, and returns for
// how many it was done.
func (l *Lambda) busy(which func(*environment) bool, do func(*environment, *call) bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, e := range l.environments {
		if c := e.call(); c != nil && which(e) && do(e, c) {
			n++
		}
	}
	return n
}

// acquire gives the call to an environment that lives and has none.
func (l *Lambda) acquire(name string, c *call) (*environment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.functions[name]
	switch {
	case l.stopped:
		return nil, ErrStopped
	case !ok:
		return nil, fmt.Errorf("%w %q", ErrUnknown, name)
	}
	e := l.popIdle(f)
	if e == nil {
		if f.running >= l.options.MaxConcurrency {
			return nil, ErrThrottled
		}
		var err error
		if e, err = l.start(f); err != nil {
			return nil, fmt.Errorf("start function %s: %w", name, err)
		}
	}
	e.setCall(c)
	l.calls.Add(1)
	return e, nil
}

func (l *Lambda) popIdle(f *function) *environment {
	for len(f.idle) > 0 {
		e := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if e.process.alive() {
			return e
		}
		l.forget(e)
	}
	return nil
}

// release freezes an environment until its next call.
func (l *Lambda) release(e *environment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.setCall(nil)
	e.process.freeze()
	e.function.idle = append(e.function.idle, e)
}

func (l *Lambda) discard(e *environment) {
	e.process.kill()
	<-e.process.ended
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(e)
}

func (l *Lambda) forget(e *environment) {
	e.function.running--
	delete(l.environments, e.id)
}
