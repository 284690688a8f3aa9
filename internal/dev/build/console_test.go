package build_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/build"
)

// builtFiles returns the files of a directory by path.
func builtFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(text)
		return err
	}))
	return files
}

func unzip(t *testing.T, text string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(text))
	require.NoError(t, err)
	require.Zero(t, r.Header.ModTime)
	require.Empty(t, r.Header.Name)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
}

// newConsole writes a console to the module at root whose build copies src/, and
// notes each run of its scripts in the file runs.
func newConsole(t *testing.T, root string) {
	t.Helper()
	files := map[string]string{
		"console/package.json": `{"name": "x", "version": "1.0.0", "scripts": {
			"generate": "echo generate >> ../runs",
			"build": "echo build >> ../runs && mkdir build && cp -r src/. build/"}}`,
		"console/package-lock.json": `{"name": "x", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
			"packages": {"": {"name": "x", "version": "1.0.0"}}}`,
		"console/src/index.html":      `<script src="/assets/app-one.js"></script>`,
		"console/src/preview.html":    "preview",
		"console/src/assets/app-1.js": "one",
		"openapi.yaml":                "openapi: 3.1.0\n",
	}
	for name, text := range files {
		write(t, filepath.Join(root, name), text)
	}
}

// runs returns how often the console's build ran.
func runs(t *testing.T, root string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "runs"))
	require.NoError(t, err)
	return strings.Count(string(text), "generate\nbuild\n")
}

func TestConsole_BuildsTheSameBytesFromTheSameSource(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	newConsole(t, root)
	dist := filepath.Join(root, "dist")
	web := filepath.Join(dist, "console", "web")
	buildConsole := func() map[string]string {
		require.NoError(t, build.Console(t.Context(), root, dist, t.Output()))
		return builtFiles(t, web)
	}

	first := buildConsole()
	require.Len(t, first, 6)
	require.Equal(t, "one", first["assets/app-1.js"])
	for name, text := range first {
		if !strings.HasSuffix(name, ".gz") {
			require.Equal(t, text, unzip(t, first[name+".gz"]), name)
		}
	}
	before, err := os.Stat(filepath.Join(web, "index.html"))
	require.NoError(t, err)

	write(t, filepath.Join(root, "console", "test", "app.test.ts"), "not a source")
	require.Equal(t, first, buildConsole(), "the same source gives the same bytes")
	require.Equal(t, 1, runs(t, root))
	after, err := os.Stat(filepath.Join(web, "index.html"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a file that is up to date is not replaced")

	require.NoError(t, os.Remove(filepath.Join(root, "console", "src", "assets", "app-1.js")))
	write(t, filepath.Join(root, "console", "src", "assets", "app-2.js"), "two")
	second := buildConsole()
	require.Len(t, second, 6, "the former asset is gone")
	require.Contains(t, second, "assets/app-2.js")
	write(t, filepath.Join(root, "openapi.yaml"), "openapi: 3.1.1\n")
	buildConsole()
	write(t, filepath.Join(root, "examples", "a", "journey.json"), "{}")
	buildConsole()
	require.Equal(t, 4, runs(t, root), "it is built from files beside it, too")
}

// A directory that was not built to its end is built anew.
func TestConsole_GoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	newConsole(t, root)
	dist := filepath.Join(root, "dist")
	write(t, filepath.Join(root, "console", "build", "left.js"), "of a build that was stopped")
	require.NoError(t, os.RemoveAll(filepath.Join(root, "console", "src", "index.html")))
	require.ErrorContains(t, build.Console(t.Context(), root, dist, t.Output()), "build the console: npm run build wrote no index.html")

	write(t, filepath.Join(root, "console", "src", "index.html"), "<p>page</p>")
	require.NoError(t, build.Console(t.Context(), root, dist, t.Output()))
	files := builtFiles(t, filepath.Join(dist, "console", "web"))
	require.Equal(t, "<p>page</p>", files["index.html"])
	require.NotContains(t, files, "left.js")
}

// Modules that share the package by a link, as tests do, build it one after another.
func TestConsole_IsBuiltOnceByConcurrentBuilds(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	newConsole(t, root)
	var all sync.WaitGroup
	for range 3 {
		module := t.TempDir()
		require.NoError(t, os.Symlink(filepath.Join(root, "console"), filepath.Join(module, "console")))
		all.Go(func() {
			dist := filepath.Join(module, "dist")
			if err := build.Console(t.Context(), module, dist, t.Output()); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dist, "console", "web", "index.html")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, runs(t, root))
}

// The real console is built into the same files in another directory.
func TestConsole_OfThisModuleIsReproducible(t *testing.T) {
	t.Parallel()
	root, other := "../../..", t.TempDir()
	require.NoError(t, build.Install(t.Context(), root, t.Output()))
	dist := t.TempDir()
	require.NoError(t, build.Console(t.Context(), root, dist, t.Output()))
	first := builtFiles(t, dist)
	preview, err := os.ReadFile(filepath.Join(root, "console", "public", "preview.html"))
	require.NoError(t, err)
	require.Equal(t, string(preview), first["console/web/preview.html"], "its policy names the hash of its script")

	for _, name := range []string{"console/src", "console/public", "console/scripts", "examples"} {
		require.NoError(t, os.CopyFS(filepath.Join(other, name), os.DirFS(filepath.Join(root, name))))
	}
	for _, name := range []string{"openapi.yaml", "console/index.html", "console/package.json", "console/package-lock.json", "console/tsconfig.json", "console/vite.config.ts", "console/words.json"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(other, name), text, 0o600))
	}
	installed, err := filepath.Abs(filepath.Join(root, "console", "node_modules"))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(installed, filepath.Join(other, "console", "node_modules")))
	require.NoError(t, os.Chtimes(filepath.Join(other, "console", "package-lock.json"), time.Time{}, time.Unix(0, 0)))
	again := t.TempDir()
	require.NoError(t, build.Console(t.Context(), other, again, t.Output()))
	require.Equal(t, first, builtFiles(t, again))
}
