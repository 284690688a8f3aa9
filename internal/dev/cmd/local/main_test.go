package main_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/build"
	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

// command is the built command, and module a module in which every function is
// testdata/yes.
var command, module string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "journeys-run-")
	if err == nil {
		command, module = filepath.Join(dir, "local"), filepath.Join(dir, "module")
		err = prepare()
	}
	if err != nil {
		os.Stderr.WriteString("prepare the tests: " + err.Error() + "\n")
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func prepare() error {
	compile := exec.Command("go", "build", "-o", command, ".")
	compile.Stderr = os.Stderr
	if err := compile.Run(); err != nil {
		return err
	}
	source, err := os.ReadFile("testdata/yes/main.go")
	if err != nil {
		return err
	}
	root, err := filepath.Abs("../../../..")
	if err != nil {
		return err
	}
	if err := build.Install(context.Background(), root, os.Stderr); err != nil {
		return err
	}
	files := map[string][]byte{"go.mod": []byte("module x\n\ngo 1.26\n"), "Makefile": []byte("run:\n\t@exec " + command + " run\n")}
	for _, f := range manifest.Functions() {
		files["functions/"+f.Name+"/main.go"] = source
	}
	for name, text := range files {
		path := filepath.Join(module, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	}
	for _, name := range []string{"console", "tools"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(module, name)); err != nil {
			return err
		}
	}
	return build.Functions(context.Background(), module, build.Platform(), os.Stderr)
}

// in returns a command in the module, in a process group of its own.
func in(name string, variables []string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(name, arguments...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), variables...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// freePort returns a port that was free when it was called.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := local.Listen(t.Context(), 0)
	require.NoError(t, err)
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// running is a command that printed that it is ready.
type running struct {
	cmd    *exec.Cmd
	url    string
	before string // the line before the one that it is ready
	output *bufio.Reader
	errors *bytes.Buffer
}

// begin starts cmd and returns when it is ready.
func begin(t *testing.T, cmd *exec.Cmd, port string) *running {
	t.Helper()
	r := &running{cmd: cmd, url: "http://127.0.0.1:" + port, errors: &bytes.Buffer{}}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = r.errors
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	r.output = bufio.NewReader(out)
	for line := ""; line != "ready "+r.url+"\n"; {
		r.before = line
		line, err = r.output.ReadString('\n')
		require.NoError(t, err, r.errors)
	}
	return r
}

// get returns the body of a call of the API.
func (r *running) get(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/api/v1/journeys", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "x")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

// children returns the descendants of a process, and their commands.
func children(t *testing.T, pid int) map[int]string {
	t.Helper()
	found := map[int]string{}
	lists, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	require.NoError(t, err)
	for _, list := range lists {
		text, _ := os.ReadFile(list) // the thread may have ended
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			require.NoError(t, err)
			name, _ := os.ReadFile("/proc/" + field + "/comm")
			found[child] = strings.TrimSpace(string(name))
			for grandchild, name := range children(t, child) {
				found[grandchild] = name
			}
		}
	}
	return found
}

func requireGone(t *testing.T, pids map[int]string) {
	t.Helper()
	for pid, name := range pids {
		require.Equal(t, syscall.ESRCH, syscall.Kill(pid, 0), "%s is left", name)
	}
}

func TestRun_ServesUntilASignal(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"Ctrl-C": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			r := begin(t, in(command, []string{"PORT=" + port, "EPHEMERAL=1"}, "run"), port)
			require.Equal(t, "console "+r.url+"/\n", r.before)
			require.Equal(t, "yes", r.get(t))
			below := children(t, r.cmd.Process.Pid)
			onlyPID(t, below, "java")
			require.GreaterOrEqual(t, len(below), 3, "java, the authorizer, a function")

			require.NoError(t, r.cmd.Process.Signal(signal))
			_, err := io.Copy(io.Discard, r.output)
			require.NoError(t, err)
			require.NoError(t, r.cmd.Wait(), r.errors)
			requireGone(t, below)
			require.NoDirExists(t, filepath.Join(module, ".local", port), "EPHEMERAL=1 keeps nothing")
		})
	}
}

func onlyPID(t *testing.T, pids map[int]string, name string) int {
	t.Helper()
	var found []int
	for pid, n := range pids {
		if n == name {
			found = append(found, pid)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

// make passes SIGTERM on and keeps SIGINT to itself. After these and after
// SIGKILL the run ends.
func TestRun_EndsWithItsMake(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{
		"interrupted": syscall.SIGINT, "terminated": syscall.SIGTERM, "killed": syscall.SIGKILL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			r := begin(t, in("make", []string{"PORT=" + port, "EPHEMERAL=1"}, "run"), port)
			below := children(t, r.cmd.Process.Pid)
			require.NotEmpty(t, below)
			require.NoError(t, r.cmd.Process.Signal(signal))
			_, err := io.Copy(io.Discard, r.output) // until every writer is gone
			require.NoError(t, err)
			require.Error(t, r.cmd.Wait())
			require.Eventually(t, func() bool {
				for pid := range below {
					if syscall.Kill(pid, 0) == nil && !zombie(pid) {
						return false
					}
				}
				return true
			}, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// zombie reports whether a process is dead, but not yet reaped.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

func TestRun_AllowsOthersOnDifferentPorts(t *testing.T) {
	t.Parallel()
	first, second := freePort(t), freePort(t)
	a := begin(t, in(command, []string{"PORT=" + first}, "run"), first)
	b := begin(t, in(command, []string{"PORT=" + second}, "run"), second)
	require.Equal(t, "yes", a.get(t))
	require.Equal(t, "yes", b.get(t))
	for _, port := range []string{first, second} {
		require.DirExists(t, filepath.Join(module, ".local", port))
	}

	third := in(command, []string{"PORT=" + first}, "run")
	out, err := third.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, "port "+first+" is in use, possibly by another `make run`: stop it, or choose another port with PORT=\n", string(out))
}

// Data is kept between runs. Data of a version with other formats is refused, and
// stays as it is.
func TestRun_RefusesDataInOtherFormats(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	data := filepath.Join(".local", port)
	begun := func() {
		r := begin(t, in(command, []string{"PORT=" + port}, "run"), port)
		require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
		_, err := io.Copy(io.Discard, r.output)
		require.NoError(t, err)
		require.NoError(t, r.cmd.Wait(), r.errors)
	}
	begun()
	begun()
	marker := filepath.Join(module, data, "formats")
	require.FileExists(t, marker)
	for name, age := range map[string]func() error{
		"of other formats":   func() error { return os.WriteFile(marker, []byte("2026-01-01"), 0o600) },
		"before the formats": func() error { return os.Remove(marker) },
	} {
		require.NoError(t, age())
		out, err := in(command, []string{"PORT=" + port}, "run").CombinedOutput()
		require.Error(t, err, name)
		require.Contains(t, string(out), "remove it with `rm -rf "+data+"`", name)
	}
	require.NoError(t, os.RemoveAll(filepath.Join(module, data)))
	begun()
}

func TestRun_EndsWithDynamoDBLocal(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := begin(t, in(command, []string{"PORT=" + port, "EPHEMERAL=1"}, "run"), port)
	below := children(t, r.cmd.Process.Pid)
	require.NoError(t, syscall.Kill(onlyPID(t, below, "java"), syscall.SIGKILL))
	require.Error(t, r.cmd.Wait())
	require.Contains(t, r.errors.String(), "DynamoDB Local stopped unexpectedly")
	requireGone(t, below)
}

func TestRun_RefusesBadVariables(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ variable, says string }{
		"a port of letters":          {"PORT=http", `PORT must be a number from 1 to 65535, not "http"`},
		"a port that does not exist": {"PORT=65536", `PORT must be a number from 1 to 65535, not "65536"`},
		"no Java":                    {"PATH=/nowhere", dynamolocal.ErrNoJava.Error()},
		"a tick without a unit":      {"TICK=1", `TICK must be a duration from 10ms to 1h, such as 1s, not "1"`},
		"a seed of letters":          {"CRUEL=very", `CRUEL must be a seed, a whole number, not "very"`},
		"a switch of letters":        {"EPHEMERAL=maybe", `EPHEMERAL must be 1 or 0, not "maybe"`},
		"a throttle of letters":      {"UNTHROTTLED=maybe", `UNTHROTTLED must be 1 or 0, not "maybe"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			out, err := in(command, []string{"PORT=" + port, row.variable}, "run").CombinedOutput()
			require.Error(t, err)
			require.Equal(t, row.says+"\n", string(out))
		})
	}
}

func TestToken_PrintsOnlyAToken(t *testing.T) {
	t.Parallel()
	out, err := in(command, []string{"TOKEN_ROLE=king", "TOKEN_TENANT=a#b"}, "token").CombinedOutput()
	require.NoError(t, err)
	require.Regexp(t, `^[\w-]+\.[\w-]+\.[\w-]+\n$`, string(out))
}

func TestCommand_RefusesUnknownNames(t *testing.T) {
	t.Parallel()
	out, err := in(command, nil, "walk").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "usage")
}
