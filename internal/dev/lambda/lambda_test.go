package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/build"
	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
)

// dist is a directory with testdata/echo as its only function.
var dist string

var echo = manifest.Function{Name: "echo", MemoryMB: 256, Timeout: 20 * time.Second, Env: []string{"INIT"}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "journeys-local-")
	if err == nil {
		dist = filepath.Join(dir, "dist")
		build := exec.Command("go", "build", "-o", filepath.Join(dist, "echo", "bootstrap"), "./testdata/echo")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dist, "ARCH"), []byte(build.Platform()), 0o600)
	}
	if err != nil {
		os.Stderr.WriteString("build testdata/echo: " + err.Error() + "\n")
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// startLambda starts a service of the echo function; change may adapt its options.
func startLambda(t *testing.T, change func(*manifest.Function, *lambda.Options)) *lambda.Service {
	t.Helper()
	f := echo
	o := lambda.Options{Dist: dist, Settings: map[string]string{"INIT": ""}, Log: t.Output()}
	if change != nil {
		change(&f, &o)
	}
	l, err := lambda.Start([]manifest.Function{f}, o)
	require.NoError(t, err)
	t.Cleanup(l.Stop)
	return l
}

type report struct {
	Calls, PID, Milliseconds int
	Environment              []string
	RequestID, ARN           string
}

func invoke(t *testing.T, l *lambda.Service, payload string) (string, error) {
	t.Helper()
	answer, err := l.Invoke(t.Context(), "echo", []byte(payload))
	return string(answer), err
}

func getReport(t *testing.T, l *lambda.Service) (r report) {
	t.Helper()
	answer, err := invoke(t, l, `{"do":"report"}`)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(answer), &r))
	return r
}

// door is a URL whose requests are not answered before open is called, so that a
// test can act in the middle of a call.
type door struct {
	URL     string
	arrived chan struct{} // receives a value for each waiting request
	open    func()
}

func newDoor(t *testing.T) door {
	t.Helper()
	opened := make(chan struct{})
	d := door{arrived: make(chan struct{}, 100), open: sync.OnceFunc(func() { close(opened) })}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		d.arrived <- struct{}{}
		<-opened
	}))
	d.URL = server.URL
	t.Cleanup(server.Close)
	t.Cleanup(d.open)
	return d
}

// begin starts a call and returns when the function waits at the door. end waits
// for the answer.
func (d door) begin(t *testing.T, l *lambda.Service, do string) (end func() (string, error)) {
	t.Helper()
	order, err := json.Marshal(map[string]string{"url": d.URL, "do": do})
	require.NoError(t, err)
	var answer []byte
	ended := make(chan struct{})
	go func() {
		answer, err = l.Invoke(context.WithoutCancel(t.Context()), "echo", order)
		close(ended)
	}()
	<-d.arrived
	return func() (string, error) {
		<-ended
		return string(answer), err
	}
}

func requireFunctionError(t *testing.T, err error, kind string) {
	t.Helper()
	var failed *lambda.FunctionError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, kind, failed.Type)
}

func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

func TestInvoke_ReusesAnIdleProcess(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)

	first, second := getReport(t, l), getReport(t, l)
	require.Equal(t, first.PID, second.PID)
	require.Equal(t, 2, second.Calls)
	require.NotEqual(t, first.RequestID, second.RequestID)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, first.RequestID)
	require.Equal(t, "arn:aws:lambda:us-east-1:000000000000:function:echo", first.ARN)
	require.InDelta(t, echo.Timeout.Milliseconds(), second.Milliseconds, 1000)
}

func TestProcess_HasLambdasEnvironmentOnly(t *testing.T) {
	t.Setenv("JOURNEYS_PARENT_SECRET", "x")
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) {
		o.Settings["OF_ANOTHER_FUNCTION"] = "x"
		o.Environment = map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}
	})

	variables := getReport(t, l).Environment
	for _, want := range []string{
		"AWS_LAMBDA_FUNCTION_NAME=echo", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1", "INIT=",
	} {
		require.Contains(t, variables, want)
	}
	all := strings.Join(variables, "\n")
	require.NotContains(t, all, "JOURNEYS_PARENT_SECRET")
	require.NotContains(t, all, "OF_ANOTHER_FUNCTION")
	require.NotContains(t, all, "HOME=")
}

func TestInvoke_StartsAProcessPerConcurrentCall(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)
	d := newDoor(t)

	first, second := d.begin(t, l, "report"), d.begin(t, l, "report")
	d.open()
	pids := map[int]bool{}
	for _, end := range []func() (string, error){first, second} {
		answer, err := end()
		require.NoError(t, err)
		var r report
		require.NoError(t, json.Unmarshal([]byte(answer), &r))
		pids[r.PID] = true
	}
	require.Len(t, pids, 2)
	require.Contains(t, pids, getReport(t, l).PID)
}

func TestInvoke_ThrottlesAboveTheLimit(t *testing.T) {
	t.Parallel()
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) { o.MaxConcurrency = 1 })
	d := newDoor(t)

	end := d.begin(t, l, "")
	_, err := invoke(t, l, `{}`)
	require.ErrorIs(t, err, lambda.ErrThrottled)
	d.open()
	_, err = end()
	require.NoError(t, err)
	_, err = invoke(t, l, `{}`)
	require.NoError(t, err)
}

func TestInvoke_KeepsTheProcessAfterAnError(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)

	before := getReport(t, l)
	_, err := invoke(t, l, `{"do":"fail"}`)
	requireFunctionError(t, err, "errorString")
	require.ErrorContains(t, err, "failed on request")
	require.Equal(t, before.PID, getReport(t, l).PID)
}

func TestInvoke_StartsANewProcessAfterACrash(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ do, kind string }{
		"it panics":                              {"panic", "string"},
		"it ends itself":                         {"exit", "Runtime.ExitError"},
		"its answer is larger than Lambda takes": {"big", "Function.ResponseSizeTooLarge"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLambda(t, nil)
			before := getReport(t, l)
			_, err := invoke(t, l, `{"do":"`+row.do+`"}`)
			requireFunctionError(t, err, row.kind)
			after := getReport(t, l)
			require.NotEqual(t, before.PID, after.PID)
			require.Equal(t, 1, after.Calls)
			require.True(t, gone(before.PID))
		})
	}
}

func TestKill_FailsTheCall(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)
	d := newDoor(t)

	require.Zero(t, l.Kill("echo"))
	end := d.begin(t, l, "")
	require.Equal(t, 1, l.Kill("echo"))
	_, err := end()
	requireFunctionError(t, err, "Runtime.ExitError")
	require.ErrorContains(t, err, "killed")
	require.Equal(t, 1, getReport(t, l).Calls)
}

func TestFreeze_StopsTheCall(t *testing.T) {
	t.Parallel()

	t.Run("the answer comes late", func(t *testing.T) {
		t.Parallel()
		l := startLambda(t, nil)
		d := newDoor(t)
		end := d.begin(t, l, "report")
		require.Equal(t, 1, l.Freeze("echo"))
		d.open()
		require.Equal(t, 1, getReport(t, l).Calls) // another process
		require.Equal(t, 1, l.Thaw("echo"))
		answer, err := end()
		require.NoError(t, err)
		require.Contains(t, answer, `"calls":1`)
	})
	t.Run("the timeout ends it", func(t *testing.T) {
		t.Parallel()
		l := startLambda(t, func(f *manifest.Function, o *lambda.Options) {
			f.Timeout, o.MaxConcurrency = time.Second, 1
		})
		d := newDoor(t)
		end := d.begin(t, l, "")
		require.Equal(t, 1, l.Freeze("echo"))
		d.open()
		_, err := end()
		requireFunctionError(t, err, "Sandbox.Timedout")
		require.Equal(t, 1, getReport(t, l).Calls)
	})
}

func TestProcess_IsFrozenBetweenCalls(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)

	pid := getReport(t, l).PID
	require.Eventually(t, func() bool {
		var status syscall.WaitStatus
		changed, err := syscall.Wait4(pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		return err == nil && changed == pid && status.Stopped()
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, 2, getReport(t, l).Calls)
}

func TestProcess_IsReplacedAfterItDiedIdle(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)

	pid := getReport(t, l).PID
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.Eventually(t, func() bool { return gone(pid) }, 5*time.Second, time.Millisecond)
	require.NotEqual(t, pid, getReport(t, l).PID)
}

func TestInvoke_ReportsAFunctionThatCannotStart(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) {
		o.Settings["INIT"], o.Log = "crash", &log
	})

	_, err := invoke(t, l, `{}`)
	requireFunctionError(t, err, "Runtime.ExitError")
	require.ErrorContains(t, err, "exit status 7")
	l.Stop()
	require.Equal(t, "echo | cannot start\n", log.String())
}

func TestInvoke_LogsAFileThatCannotRun(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(other, "echo"), 0o755))
	file := filepath.Join(other, "echo", "bootstrap")
	require.NoError(t, os.WriteFile(file, []byte("built for another machine"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(other, "ARCH"), []byte(build.Platform()), 0o600))
	var log bytes.Buffer
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) { o.Dist, o.Log = other, &log })

	_, err := invoke(t, l, `{}`)
	require.Error(t, err)
	l.Stop()
	require.Contains(t, log.String(), "echo | cannot start: ")
	require.Contains(t, log.String(), "build it for this machine and start again")
}

func TestLog_PrefixesLinesWithTheFunctionsName(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := startLambda(t, func(_ *manifest.Function, o *lambda.Options) { o.Log = &log })

	_, err := invoke(t, l, `{"do":"print"}`)
	require.NoError(t, err)
	l.Stop()
	require.Equal(t, "echo | one line\necho | and another\n", log.String())
}

func TestInvoke_KeepsRunningWithoutItsCaller(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)
	d := newDoor(t)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := l.Invoke(ctx, "echo", []byte(`{"url":"`+d.URL+`"}`))
		ended <- err
	}()
	<-d.arrived
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, 1, l.Freeze("echo"), "it still runs")
	l.Thaw("echo")
	d.open()
	require.Eventually(t, func() bool { return l.Thaw("echo") == 0 }, 5*time.Second, time.Millisecond)
	require.Equal(t, 2, getReport(t, l).Calls)
}

func TestStop_LeavesNoProcess(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)
	d := newDoor(t)

	idle := getReport(t, l).PID
	end := d.begin(t, l, "")
	l.Stop()
	_, err := end()
	require.Error(t, err)
	require.True(t, gone(idle))
	_, err = invoke(t, l, `{}`)
	require.ErrorIs(t, err, lambda.ErrStopped)
	l.Stop()
}

func TestInvoke_RefusesBadCalls(t *testing.T) {
	t.Parallel()
	l := startLambda(t, nil)

	_, err := l.Invoke(t.Context(), "other", nil)
	require.ErrorContains(t, err, `no function "other"`)
	_, err = l.Invoke(t.Context(), "echo", make([]byte, lambda.MaxPayload+1))
	require.ErrorIs(t, err, lambda.ErrTooLarge)
}

func TestStart_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"INIT": ""}
	files := func(arch string) string {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "ARCH"), []byte(arch), 0o600))
		return dir
	}
	for name, row := range map[string]struct {
		options lambda.Options
		says    []string
	}{
		"nothing is built":        {lambda.Options{Dist: t.TempDir(), Settings: settings}, []string{"make build"}},
		"another machine's files": {lambda.Options{Dist: files("plan9/mips"), Settings: settings}, []string{"plan9/mips", build.Platform(), "make build"}},
		"a function is missing":   {lambda.Options{Dist: files(build.Platform()), Settings: settings}, []string{"no function echo", "make build"}},
		"a setting has no value":  {lambda.Options{Dist: dist}, []string{"echo", "INIT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lambda.Start([]manifest.Function{echo}, row.options)
			for _, words := range row.says {
				require.ErrorContains(t, err, words)
			}
		})
	}
}
