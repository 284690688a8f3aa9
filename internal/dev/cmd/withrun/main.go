// Command withrun runs a command against a `make run` of its own, which serves on
// a free port, keeps its data in memory, and is stopped after the command. The
// command finds the API's address in JOURNEYS_URL and a token of an admin in
// JOURNEYS_TOKEN.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of `make run`.
const (
	startLimit = 10 * time.Minute // with what it installs and builds
	stopLimit  = 30 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := withRun(ctx, os.Args[1:])
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed) && failed.ExitCode() > 0:
		os.Exit(failed.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "withrun:", err)
		os.Exit(1)
	}
}

func withRun(ctx context.Context, command []string) (err error) {
	if len(command) == 0 {
		return errors.New("usage, in the module's directory: withrun <command> [argument...]")
	}
	run, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.stop()) }()
	token, err := run.token(ctx)
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, command[0], command[1:]...)
	child.Env = append(child.Environ(), "JOURNEYS_URL="+run.url, "JOURNEYS_TOKEN="+token)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	return child.Run()
}

// run is a `make run` in a process group of its own. Ctrl-C does not reach it, so
// that it serves until the command has ended.
type run struct {
	make  *exec.Cmd
	env   []string
	url   string
	ended chan error
}

func start(ctx context.Context) (*run, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	r := &run{make: exec.Command("make", "run"), ended: make(chan error, 1)} //nolint:noctx // stop interrupts it
	// withrun may itself be run by a make, whose flags and variables are not for
	// this one.
	r.env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") })
	r.env = append(r.env, "PORT="+strconv.Itoa(port), "EPHEMERAL=1", "UNTHROTTLED=1")
	r.make.Env = r.env
	r.make.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, input := io.Pipe()
	r.make.Stdout, r.make.Stderr = input, input
	if err := r.make.Start(); err != nil {
		return nil, err
	}
	go func() {
		r.ended <- r.make.Wait()
		_ = input.Close()
	}()
	if err := r.waitReady(ctx, output); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// waitReady reads the output until the line that says that the API is ready. The
// output up to there is part of an error. The rest is read and discarded, so that
// the run never blocks.
func (r *run) waitReady(ctx context.Context, output io.Reader) error {
	ready := make(chan string, 1)
	var printed bytes.Buffer
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- url
				_, _ = io.Copy(io.Discard, output)
				return
			}
			fmt.Fprintln(&printed, lines.Text())
		}
	}()
	select {
	case url, ok := <-ready:
		if !ok {
			return fmt.Errorf("`make run` ended before it was ready:\n%s", printed.String())
		}
		r.url = url
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(startLimit):
		return errors.New("`make run` was not ready after " + startLimit.String())
	}
}

// token returns a token of an admin.
func (r *run) token(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, "make", "--silent", "token", "ROLE=admin", "TENANT=demo")
	c.Env, c.Stderr = r.env, os.Stderr
	text, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// stop interrupts the process group and waits for the end of make.
func (r *run) stop() error {
	_ = syscall.Kill(-r.make.Process.Pid, syscall.SIGINT) // make may have ended
	select {
	case <-r.ended: //nolint:errcheck // make reports an interrupt as an error
		return nil
	case <-time.After(stopLimit):
		_ = syscall.Kill(-r.make.Process.Pid, syscall.SIGKILL)
		return errors.New("`make run` did not stop after " + stopLimit.String() + " and was killed")
	}
}
