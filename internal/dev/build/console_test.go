package build_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// newConsole returns the directory of a module that has only a console, and that
// of its built files.
func newConsole(t *testing.T) (root, web string) {
	t.Helper()
	root = t.TempDir()
	write(t, filepath.Join(root, "console", "index.html"), `<script src="/assets/app.js"></script>`)
	write(t, filepath.Join(root, "console", "preview.html"), "preview")
	write(t, filepath.Join(root, "console", "assets", "app.js"), "one")
	return root, filepath.Join(root, "dist", "console", "web")
}

func TestConsole_BuildsTheSameBytesFromTheSameSource(t *testing.T) {
	t.Parallel()
	root, web := newConsole(t)
	dist := filepath.Join(root, "dist")
	hashed := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "assets/app-" + hex.EncodeToString(sum[:5]) + ".js"
	}

	require.NoError(t, build.Console(root, dist))
	first := builtFiles(t, web)
	require.Len(t, first, 6)
	require.Equal(t, "one", first[hashed("one")])
	require.Equal(t, `<script src="/`+hashed("one")+`"></script>`, first["index.html"], "a page names the asset with its hash")
	for name, text := range first {
		if !strings.HasSuffix(name, ".gz") {
			require.Equal(t, text, unzip(t, first[name+".gz"]), name)
		}
	}
	before, err := os.Stat(filepath.Join(web, "index.html"))
	require.NoError(t, err)

	require.NoError(t, build.Console(root, dist))
	require.Equal(t, first, builtFiles(t, web), "the same source gives the same bytes")
	after, err := os.Stat(filepath.Join(web, "index.html"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a file that is up to date is not replaced")

	write(t, filepath.Join(root, "console", "assets", "app.js"), "two")
	require.NoError(t, build.Console(root, dist))
	second := builtFiles(t, web)
	require.Len(t, second, 6, "the former asset is gone")
	require.Contains(t, second, hashed("two"))
	require.Contains(t, second["index.html"], hashed("two"))
}

func TestConsole_RefusesAPageThatNamesAMissingAsset(t *testing.T) {
	t.Parallel()
	root, _ := newConsole(t)
	dist := filepath.Join(root, "dist")
	write(t, filepath.Join(root, "console", "index.html"), `<link href="/assets/none.css">`)
	require.ErrorContains(t, build.Console(root, dist),
		"build the console: index.html: it names /assets/none.css, which does not exist")
}

func TestConsole_NeedsAnIndexPage(t *testing.T) {
	t.Parallel()
	root, _ := newConsole(t)
	dist := filepath.Join(root, "dist")
	require.NoError(t, os.Remove(filepath.Join(root, "console", "index.html")))
	require.ErrorContains(t, build.Console(root, dist), "its source has no index.html")
}
