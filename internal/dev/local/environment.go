package local

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
)

// region is where this machine pretends to be.
const region = "us-east-1"

// environment is one process of a function, with at most one call at a time.
type environment struct {
	id       string
	function *function
	process  *process

	warm  bool          // it has asked for a call before; known to the call's goroutine alone
	asked chan struct{} // it asks for a call, and so has done the last one
	calls chan *call    // what it is given

	mu      sync.Mutex     // guards what follows
	current *call          // from its beginning to the question for the next
	fault   *FunctionError // why it could not start
}

// call is one invocation.
type call struct {
	id       string
	payload  []byte
	deadline time.Time
	done     chan struct{} // closed when answer and err are final

	once   sync.Once
	answer []byte
	err    error
}

// settle sets the call's end, and reports whether it had none before; only the
// first one counts.
func (c *call) settle(answer []byte, err error) (first bool) {
	c.once.Do(func() { c.answer, c.err, first = answer, err, true })
	return first
}

// run takes an environment through a call, until it asks for the next. An error
// means that it is of no more use.
func (e *environment) run(c *call) error {
	if !e.warm {
		if err := e.wait(initTimeout); err != nil {
			return err
		}
		e.warm = true
	}
	c.deadline = time.Now().Add(e.function.Timeout)
	e.process.thaw()
	e.calls <- c
	if err := e.wait(e.function.Timeout); err != nil {
		return err
	}
	c.settle(nil, &FunctionError{"Runtime.InvalidNextCall", "the function asked for another call without an answer to this one"})
	return nil
}

// wait returns when the process asks for a call.
func (e *environment) wait(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-e.asked:
		return nil
	case <-e.process.ended:
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
	if errors.As(e.process.err, &exit) {
		return &FunctionError{"Runtime.ExitError", "the function's process ended: " + exit.String()}
	}
	return &FunctionError{"Runtime.ExitError", "the function's process ended"}
}

// call returns the current call, or nil.
func (e *environment) call() *call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current
}

func (e *environment) setCall(c *call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current = c
}

// callWithID returns the current call if it has this id.
func (e *environment) callWithID(id string) *call {
	if c := e.call(); c != nil && c.id == id {
		return c
	}
	return nil
}

// start starts a process for f. The caller holds l.mu.
func (l *Lambda) start(f *function) (*environment, error) {
	e := &environment{
		id: rand.Text(), function: f,
		asked: make(chan struct{}, 1), calls: make(chan *call, 1),
	}
	dir, err := filepath.Abs(filepath.Join(l.options.Dist, f.Name))
	if err != nil {
		return nil, err
	}
	// The process outlives the call that it is started for.
	cmd := exec.CommandContext(context.Background(), filepath.Join(dir, "bootstrap"))
	cmd.Dir = dir
	cmd.Env = l.variables(f, e.id, dir)
	out := &prefixed{mu: &l.logMu, to: l.options.Log, prefix: f.Name + " | "}
	cmd.Stdout, cmd.Stderr = out, out
	l.environments[e.id] = e
	f.running++
	if e.process, err = startProcess(cmd); err != nil {
		l.forget(e)
		return nil, err
	}
	return e, nil
}

// variables returns the whole environment of a process: what Lambda sets, and
// the function's settings. Nothing of ours comes along.
func (l *Lambda) variables(f *function, id, dir string) []string {
	v := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          l.address + "/" + id,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_LOG_FORMAT":           "JSON",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      id,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_REGION":                      region,
		"AWS_DEFAULT_REGION":              region,
		"AWS_ACCESS_KEY_ID":               "local",
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
		"AWS_ENDPOINT_URL_LAMBDA":         l.Endpoint(),
		"LAMBDA_TASK_ROOT":                dir,
		"_HANDLER":                        "bootstrap",
		"TZ":                              ":UTC",
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		// The SDK finds the developer's own files without $HOME too.
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
	maps.Copy(v, l.options.Environment)
	for _, name := range f.Env {
		v[name] = l.options.Settings[name]
	}
	if l.options.ForProcess != nil {
		maps.Copy(v, l.options.ForProcess(id))
	}
	list := make([]string, 0, len(v))
	for name, value := range v {
		list = append(list, name+"="+value)
	}
	return list
}

// newRequestID returns a random UUID, which is what Lambda's request ids are.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
