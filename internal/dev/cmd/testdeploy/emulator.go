package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Where the stack is deployed. MiniStack takes an access key of 12 digits as the
// account's root user.
const (
	account = "111122223333"
	region  = "eu-central-1"
	secret  = "test"
)

// emulator is a running MiniStack.
type emulator struct {
	url    string
	cmd    *exec.Cmd
	stdin  io.Closer // closing it ends MiniStack and the functions it started
	output *os.File
	ended  chan struct{}
}

// startEmulator starts MiniStack on a free port of the loopback interface and
// returns when it answers. Its files are in dir, its output goes to log.
func startEmulator(ctx context.Context, root, dir, log string) (*emulator, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	e := &emulator{url: "http://127.0.0.1:" + port, ended: make(chan struct{})}
	if e.output, err = os.Create(log); err != nil {
		return nil, err
	}
	// A kill by ctx would leave the functions running; stop ends them too.
	e.cmd = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(root, ".local/python/ministack/bin/python"), "-B",
		filepath.Join(root, "tools/ministack/emulator.py"))
	e.cmd.Dir = dir
	e.cmd.Env = append(awsEnvironment(e.url, dir),
		"GATEWAY_PORT="+port, "BIND_HOST=127.0.0.1", "AUTH=true", "STATE_DIR="+filepath.Join(dir, "state"),
		"MINISTACK_ACCOUNT_ID="+account, "MINISTACK_REGION="+region)
	e.cmd.SysProcAttr = ownGroup()
	e.cmd.Stdout, e.cmd.Stderr = e.output, e.output
	if e.stdin, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start MiniStack: %w", err)
	}
	go func() {
		_ = e.cmd.Wait() // always an error: it is ended by a signal
		close(e.ended)
	}()
	if err := e.wait(ctx); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

// awsEnvironment returns an environment whose only AWS settings and credentials
// are those of the emulator at url.
func awsEnvironment(url, dir string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + dir,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_ENDPOINT_URL=" + url, "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + account, "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_EC2_METADATA_DISABLED=true",
	}
}

func freePort(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), listener.Close()
}

func (e *emulator) wait(ctx context.Context) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/_ministack/health", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			return response.Body.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ended:
			return errors.New("MiniStack exited before it answered")
		case <-ticker.C:
		}
	}
}

// stop ends MiniStack and the functions that it started, and waits for them.
func (e *emulator) stop() error {
	_ = e.stdin.Close() // fails if MiniStack has exited
	<-e.ended
	return e.output.Close()
}
