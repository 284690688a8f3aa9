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

// Where the stack is deployed. MiniStack takes an access key of 12 digits for
// the account's root.
const (
	account = "111122223333"
	region  = "eu-central-1"
	secret  = "test"
)

// emulator is a MiniStack that runs.
type emulator struct {
	url    string
	cmd    *exec.Cmd
	leash  io.Closer // what it started and itself end when this is closed
	output *os.File
	ended  chan struct{}
}

// startEmulator returns when MiniStack answers. It has a free port of the
// loopback interface and keeps its files in dir, but for its log.
func startEmulator(ctx context.Context, root, dir, log string) (*emulator, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	e := &emulator{url: "http://127.0.0.1:" + port, ended: make(chan struct{})}
	if e.output, err = os.Create(log); err != nil {
		return nil, err
	}
	// Not by ctx, which would leave the functions: stop ends them too.
	e.cmd = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(root, ".local/python/ministack/bin/python"), "-B",
		filepath.Join(root, "tools/ministack/emulator.py"))
	e.cmd.Dir = dir
	e.cmd.Env = append(awsEnvironment(e.url, dir),
		"GATEWAY_PORT="+port, "BIND_HOST=127.0.0.1", "AUTH=true",
		"MINISTACK_ACCOUNT_ID="+account, "MINISTACK_REGION="+region)
	e.cmd.SysProcAttr = ownGroup()
	e.cmd.Stdout, e.cmd.Stderr = e.output, e.output
	if e.leash, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start MiniStack: %w", err)
	}
	go func() {
		_ = e.cmd.Wait() // it is told to end by a signal
		close(e.ended)
	}()
	if err := e.wait(ctx); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

// awsEnvironment returns an environment in which AWS is at url, and which has
// no other settings and credentials than ours.
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
			return errors.New("MiniStack ended before it answered")
		case <-ticker.C:
		}
	}
}

// stop returns when MiniStack and the functions that it started are gone.
func (e *emulator) stop() error {
	_ = e.leash.Close() // gone already if it ended by itself
	<-e.ended
	return e.output.Close()
}
