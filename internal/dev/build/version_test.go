package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/build"
	"journeys/internal/manifest"
)

// git runs git at root as a committer without settings.
func git(t *testing.T, root string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func version(t *testing.T, root string) string {
	t.Helper()
	v, err := build.Version(t.Context(), root)
	require.NoError(t, err)
	return v
}

func TestVersion_NamesTheCommit(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	main := filepath.Join(root, "functions", "a", "main.go")
	write(t, filepath.Join(root, "go.mod"), "module x\n")
	write(t, main, "package main\n")
	git(t, root, "init", "-q")
	plain := version(t, root)
	require.Regexp(t, `^src-[0-9a-f]{12}$`, plain, "nothing is committed")
	write(t, main, "package main\n\n")
	changed := version(t, root)
	require.NotEqual(t, plain, changed)
	write(t, filepath.Join(root, "README.md"), "")
	write(t, filepath.Join(root, "console", "node_modules", "a.js"), "")
	require.Equal(t, changed, version(t, root), "not a source")
	write(t, filepath.Join(root, "console", "src", "build", "a.ts"), "")
	require.NotEqual(t, changed, version(t, root))

	write(t, filepath.Join(root, ".gitignore"), "node_modules\n")
	git(t, root, "add", "console", "go.mod", "functions")
	git(t, root, "commit", "-qm", "one")
	commit := git(t, root, "rev-parse", "HEAD")[:12]
	require.Equal(t, commit, version(t, root))
	write(t, filepath.Join(root, "functions", "a", "new.go"), "package main\n")
	require.Equal(t, commit+"+dirty", version(t, root))

	inside := filepath.Join(root, "third_party", "copy")
	write(t, filepath.Join(inside, "go.mod"), "module y\n")
	require.Regexp(t, `^src-`, version(t, inside), "the repository around it has another version")
}

// A commit changes only the functions that show it, and a build without one changes none.
func TestFunctions_ShowTheVersion(t *testing.T) {
	t.Parallel()
	root := newModule(t)
	show := manifest.GetSettings.Function.Name
	write(t, filepath.Join(root, "go.mod"), "module journeys\n\ngo 1.26\n")
	source, err := os.ReadFile("../../version/version.go")
	require.NoError(t, err)
	write(t, filepath.Join(root, "internal", "version", "version.go"), string(source))
	for _, name := range []string{show, manifest.GetJourney.Function.Name} {
		write(t, filepath.Join(root, "functions", name, "main.go"),
			"package main\n\nimport \"journeys/internal/version\"\n\nfunc main() { println(version.Text()) }\n")
	}
	builds := func() (files map[string]string, shown string) {
		require.NoError(t, build.Functions(t.Context(), root, build.Platform(), t.Output()))
		files = map[string]string{}
		for _, f := range manifest.Functions() {
			code, err := os.ReadFile(filepath.Join(root, "dist", f.Name, "bootstrap"))
			require.NoError(t, err)
			files[f.Name] = string(code)
		}
		out, err := exec.CommandContext(t.Context(), filepath.Join(root, "dist", show, "bootstrap")).CombinedOutput()
		require.NoError(t, err)
		return files, strings.TrimSpace(string(out))
	}
	before, shown := builds()
	require.Equal(t, version(t, root), shown)
	git(t, root, "init", "-q")
	git(t, root, "add", "console", "go.mod", "functions", "internal")
	git(t, root, "commit", "-qm", "one")
	after, shown := builds()
	require.Equal(t, git(t, root, "rev-parse", "HEAD")[:12], shown)
	delete(before, manifest.Console.Name) // it is linked with the version, and does not show it here
	for name := range before {
		require.Equal(t, name != show, before[name] == after[name], name)
	}
}
