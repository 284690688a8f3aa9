// Command withrun runs a command beside a `make run` of its own, on a free port
// and with nothing kept, and stops that when the command has ended. The command
// finds the API's address in JOURNEYS_URL and an admin's token in JOURNEYS_TOKEN.
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

// patience is how long `make run` may take to install and build what is
// missing, and then to stop.
const (
	patience = 10 * time.Minute
	goodbye  = 30 * time.Second
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

// run is a `make run` in a process group of its own, so that it hears of an
// interrupt from us only, when the command has ended.
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
	r := &run{make: exec.Command("make", "run"), ended: make(chan error, 1)} //nolint:noctx // stop ends it, gently
	// This may be a recipe of a make whose flags and variables are not meant
	// for another.
	r.env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") })
	r.env = append(r.env, "PORT="+strconv.Itoa(port), "EPHEMERAL=1")
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

// waitReady reads what the run prints until it says that it is ready; what was
// printed until then is part of the error. It goes on reading after that, so
// that the run never waits for us.
func (r *run) waitReady(ctx context.Context, output io.Reader) error {
	ready := make(chan string, 1)
	var said bytes.Buffer
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- url
				_, _ = io.Copy(io.Discard, output)
				return
			}
			fmt.Fprintln(&said, lines.Text())
		}
	}()
	select {
	case url, ok := <-ready:
		if !ok {
			return fmt.Errorf("`make run` ended before it was ready:\n%s", said.String())
		}
		r.url = url
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(patience):
		return errors.New("`make run` was not ready after " + patience.String())
	}
}

func (r *run) token(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, "make", "--silent", "token", "ROLE=admin", "TENANT=demo")
	c.Env, c.Stderr = r.env, os.Stderr
	text, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// stop interrupts the whole group and waits until it is gone.
func (r *run) stop() error {
	_ = syscall.Kill(-r.make.Process.Pid, syscall.SIGINT) // it may have ended
	select {
	case <-r.ended: //nolint:errcheck // make calls an interrupt an error
		return nil
	case <-time.After(goodbye):
		_ = syscall.Kill(-r.make.Process.Pid, syscall.SIGKILL)
		return errors.New("`make run` did not stop after " + goodbye.String() + " and was killed")
	}
}
