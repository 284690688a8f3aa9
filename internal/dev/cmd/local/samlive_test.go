//go:build sam

// These tests need a container engine and SAM CLI: see `make test-sam`.

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/build"
	"journeys/internal/manifest"
)

// atRoot returns a command in the module's own directory, in a process group of
// its own.
func atRoot(t *testing.T, name string, arguments ...string) *exec.Cmd {
	t.Helper()
	cmd := in(name, nil, arguments...)
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	cmd.Dir = root
	return cmd
}

// The end-to-end tests pass against `make sam-api`, and an interrupt leaves
// nothing behind.
func TestSAM_PassesTheEndToEndTests(t *testing.T) {
	port := freePort(t)
	serve := atRoot(t, command, "sam-api")
	serve.Env = append(serve.Env, "PORT="+port, "EPHEMERAL=1")
	sam := begin(t, serve, port)
	before := containers(t)
	require.NotEmpty(t, before)

	// A container runs one call at a time, so that more tests in parallel would wait.
	e2e := atRoot(t, "go", "test", "./internal/dev/e2e", "-count=1", "-parallel=2", "-timeout=25m", "-v",
		"-rapid.checks=4", "-skip=^TestLocal", "-url="+sam.url, "-issuer="+filepath.Join(serve.Dir, ".local"), "-gateway=sam")
	var printed bytes.Buffer
	e2e.Stdout, e2e.Stderr = io.MultiWriter(&printed, os.Stdout), os.Stderr
	failed := e2e.Run()

	below := children(t, serve.Process.Pid)
	require.NoError(t, serve.Process.Signal(syscall.SIGINT))
	_, err := io.Copy(io.Discard, sam.output)
	require.NoError(t, err)
	require.NoError(t, serve.Wait(), sam.errors)
	requireGone(t, below)
	for id := range before {
		require.NotContains(t, containers(t), id, "a container is left: %s", sam.errors)
	}

	served := strings.Count(sam.errors.String(), "REPORT RequestId")
	fmt.Printf("sam: the containers of %d functions served %d calls, including the authorizer's\n", len(before), served)
	require.Positive(t, served)
	require.NoError(t, failed, "the end-to-end tests")
}

// A SAM CLI that is killed cannot remove its containers.
func TestSAM_LeavesNothingWhenKilled(t *testing.T) {
	port := freePort(t)
	serve := atRoot(t, command, "sam-api")
	serve.Env = append(serve.Env, "PORT="+port, "EPHEMERAL=1")
	sam := begin(t, serve, port)
	before := containers(t)
	require.NotEmpty(t, before)
	require.NoError(t, syscall.Kill(samPID(t, children(t, serve.Process.Pid)), syscall.SIGKILL))
	_, err := io.Copy(io.Discard, sam.output)
	require.NoError(t, err)
	require.Error(t, serve.Wait())
	require.Contains(t, sam.errors.String(), "SAM CLI stopped unexpectedly")
	require.Equal(t, len(before), strings.Count(sam.errors.String(), "container of SAM CLI removed: "))
	for id := range before {
		require.NotContains(t, containers(t), id, "a container is left")
	}
}

// samPID returns SAM CLI's process. Its name is not always sam: in a folder with a
// space in its name, pip starts it through a shell.
func samPID(t *testing.T, pids map[int]string) int {
	t.Helper()
	var found []int
	for pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.Contains(string(line), "\x00start-api\x00") {
			found = append(found, pid)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

// When SAM CLI is stopped while it starts, the engine still creates containers.
func TestSAM_LeavesNothingWhenInterruptedAtItsStart(t *testing.T) {
	others := containers(t)
	started := func() int {
		n := 0
		for id := range containers(t) {
			if !others[id] {
				n++
			}
		}
		return n
	}
	for _, least := range []int{1, 3} {
		var log bytes.Buffer
		serve := atRoot(t, command, "sam-api")
		serve.Env = append(serve.Env, "PORT="+freePort(t), "EPHEMERAL=1")
		serve.Stdout, serve.Stderr = &log, &log
		require.NoError(t, serve.Start())
		t.Cleanup(func() { _ = syscall.Kill(-serve.Process.Pid, syscall.SIGKILL) })
		require.Eventually(t, func() bool { return started() >= least }, 5*time.Minute, 20*time.Millisecond)
		require.NoError(t, serve.Process.Signal(syscall.SIGINT))
		require.NoError(t, serve.Wait(), "%s", log.String())
		require.NotContains(t, log.String(), "ready", "the interrupt came too late for this test")
		require.Never(t, func() bool { return started() > 0 }, 3*time.Second, 100*time.Millisecond, "%s", log.String())
		fmt.Printf("sam: interrupted at %d containers of its start: %d removed after its end\n",
			least, strings.Count(log.String(), "container of SAM CLI removed: "))
	}
}

// containers returns the ids of all containers, running or not.
func containers(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.Command("docker", "ps", "-aq").CombinedOutput()
	require.NoError(t, err, "%s", out)
	ids := map[string]bool{}
	for _, id := range strings.Fields(string(out)) {
		ids[id] = true
	}
	return ids
}

// SAM CLI alone, without `make sam-api` and its DynamoDB Local.
func TestSAM_Answers503WithoutATable(t *testing.T) {
	arch := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	require.NoError(t, build.Functions(t.Context(), "../../../..", "linux/"+runtime.GOARCH, os.Stderr))
	invoke := atRoot(t, "sam", "local", "invoke", manifest.GetJourney.Function.LogicalID(),
		"--event", "events/get-journey.json", "--parameter-overrides", "Architecture="+arch)
	// Without credentials SAM CLI would look for some on the network.
	invoke.Env = append(invoke.Env, "AWS_ENDPOINT_URL_DYNAMODB=http://host.docker.internal:1",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	var log bytes.Buffer
	invoke.Stderr = &log
	out, err := invoke.Output()
	require.NoError(t, err, "%s", log.String())
	var answer struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	require.NoError(t, json.Unmarshal(out, &answer), "%s%s", out, log.String())
	require.Equal(t, 503, answer.StatusCode, answer.Body)
	require.Equal(t, "application/problem+json", answer.Headers["Content-Type"])
	require.Equal(t, "1", answer.Headers["Retry-After"])
	require.Contains(t, answer.Body, `"code":`)
	require.NotContains(t, answer.Body+log.String(), "goroutine")
	fmt.Printf("sam: without DynamoDB Local: %d %s\n", answer.StatusCode, answer.Body)
}

// SAM CLI's own message reaches the developer.
func TestSAM_ReportsAMissingEngine(t *testing.T) {
	port := freePort(t)
	serve := atRoot(t, command, "sam-api")
	serve.Env = append(serve.Env, "PORT="+port, "EPHEMERAL=1", "DOCKER_HOST=unix:///nowhere.sock")
	out, err := serve.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "Do you have Docker or Finch installed and running?")
	require.Contains(t, string(out), "SAM CLI ended before it served (exit status 1); its output is above")
}
