package lambda

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"journeys/internal/dev/process"
)

// environment is one process of a function, with at most one call at a time.
type environment struct {
	id       string
	function *function
	faults   *Faults // may be nil
	process  *process.Process

	warm  bool          // it has asked for a call before; used only by the goroutine of the current call
	asked chan struct{} // receives a value when the process asks for a call, which ends the previous one
	calls chan *call    // passes the next call to the process

	mu      sync.Mutex     // guards the rest
	current *call          // from its start until the process asks for the next one
	fault   *FunctionError // the error that the process reported at its start
}

// call is one invocation.
type call struct {
	id       string
	payload  []byte
	event    bool // asynchronous
	deadline time.Time
	done     chan struct{} // closed when answer and err are final

	once   sync.Once
	answer []byte
	err    error
}

// settle sets the outcome of the call and reports whether it was the first:
// later outcomes are ignored.
func (c *call) settle(answer []byte, err error) (first bool) {
	c.once.Do(func() { c.answer, c.err, first = answer, err, true })
	return first
}

// run runs a call until the process asks for the next one. After an error the
// environment must be discarded.
func (e *environment) run(c *call) error {
	if !e.warm {
		if err := e.awaitNext(initTimeout); err != nil {
			return err
		}
		e.warm = true
	}
	limit := e.function.Timeout
	if c.event {
		limit = e.faults.limitEvent(limit)
	}
	c.deadline = time.Now().Add(limit)
	e.process.Thaw()
	e.calls <- c
	if err := e.awaitNext(limit); err != nil {
		return err
	}
	c.settle(nil, &FunctionError{"Runtime.InvalidNextCall", "the function asked for another call without an answer to this one"})
	return nil
}

// awaitNext returns when the process asks for a call.
func (e *environment) awaitNext(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-e.asked:
		return nil
	case <-e.process.Ended():
		return e.exitError()
	case <-timer.C:
		return &FunctionError{"Sandbox.Timedout", fmt.Sprintf("the function took longer than %s", limit)}
	}
}

func (e *environment) exitError() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fault != nil {
		return e.fault
	}
	var exit *exec.ExitError
	if errors.As(e.process.Err(), &exit) {
		return &FunctionError{"Runtime.ExitError", "the function's process ended: " + exit.String()}
	}
	return &FunctionError{"Runtime.ExitError", "the function's process ended"}
}

// currentCall returns the current call, or nil.
func (e *environment) currentCall() *call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current
}

func (e *environment) setCall(c *call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current = c
}

// callWithID returns the current call if it has this id, otherwise nil.
func (e *environment) callWithID(id string) *call {
	if c := e.currentCall(); c != nil && c.id == id {
		return c
	}
	return nil
}

// start starts a process of f. The caller holds s.mu.
func (s *Service) start(f *function) (*environment, error) {
	e := &environment{
		id: rand.Text(), function: f, faults: s.faults,
		asked: make(chan struct{}, 1), calls: make(chan *call, 1),
	}
	dir, err := filepath.Abs(filepath.Join(s.options.Dist, f.Name))
	if err != nil {
		return nil, err
	}
	// The process outlives the call that starts it.
	cmd := exec.CommandContext(context.Background(), filepath.Join(dir, "bootstrap"))
	cmd.Dir = dir
	cmd.Env = s.variables(f, e.id, dir)
	out := &lineWriter{mu: &s.logMu, to: s.options.Log, prefix: f.Name + " | "}
	cmd.Stdout, cmd.Stderr = out, out
	s.environments[e.id] = e
	f.running++
	if e.process, err = process.Start(cmd); err != nil {
		s.forget(e)
		s.logLine(f.Name, "cannot start: "+err.Error()+"; if "+s.options.Dist+" was built anew meanwhile, build it for this machine and start again")
		return nil, err
	}
	return e, nil
}

// variables returns the whole environment of a process: the variables that
// Lambda sets, and the function's settings. It inherits no variable of this
// process.
func (s *Service) variables(f *function, id, dir string) []string {
	v := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          s.address + "/" + id,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_LOG_FORMAT":           "JSON",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      id,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_REGION":                      Region,
		"AWS_DEFAULT_REGION":              Region,
		"AWS_ACCESS_KEY_ID":               "local",
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
		"AWS_ENDPOINT_URL_LAMBDA":         s.Endpoint(),
		"LAMBDA_TASK_ROOT":                dir,
		"_HANDLER":                        "bootstrap",
		"TZ":                              ":UTC",
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		// Without these the SDK finds the developer's own files, even without $HOME.
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
	maps.Copy(v, s.options.Environment)
	for _, name := range f.Env {
		v[name] = s.options.Settings[name]
	}
	if s.options.ForProcess != nil {
		maps.Copy(v, s.options.ForProcess(id))
	}
	list := make([]string, 0, len(v))
	for name, value := range v {
		list = append(list, name+"="+value)
	}
	return list
}

// newRequestID returns a random UUID, the form of Lambda's request ids.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
