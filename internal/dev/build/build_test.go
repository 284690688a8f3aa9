package build_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/build"
	"journeys/internal/manifest"
)

// newModule returns the directory of a module in which every function is an empty
// program.
func newModule(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module x\n\ngo 1.26\n")
	for _, f := range manifest.Functions() {
		write(t, filepath.Join(root, "functions", f.Name, "main.go"), "package main\n\nfunc main() {}\n")
	}
	newConsole(t, root)
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
}

func TestFunctions_BuildsOneArchitectureAtATime(t *testing.T) {
	t.Parallel()
	root := newModule(t)
	dist := filepath.Join(root, "dist")
	bootstrap := filepath.Join(dist, manifest.Authorizer.Name, "bootstrap")
	machine := func() elf.Machine {
		file, err := elf.Open(bootstrap)
		require.NoError(t, err)
		defer file.Close()
		return file.Machine
	}

	require.NoError(t, build.Functions(t.Context(), root, "linux/amd64", t.Output()))
	require.Equal(t, elf.EM_X86_64, machine())
	before, err := os.Stat(bootstrap)
	require.NoError(t, err)
	write(t, filepath.Join(dist, "removed-function", "bootstrap"), "")

	require.NoError(t, build.Functions(t.Context(), root, "linux/amd64", t.Output()))
	after, err := os.Stat(bootstrap)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a file that is up to date is not replaced")
	require.NoDirExists(t, filepath.Join(dist, "removed-function"))
	require.FileExists(t, filepath.Join(dist, "console", "web", "index.html"), "the console's files lie beside its function")

	require.NoError(t, build.Functions(t.Context(), root, "linux/arm64", t.Output()))
	require.Equal(t, elf.EM_AARCH64, machine())
	arch, err := os.ReadFile(filepath.Join(dist, "ARCH"))
	require.NoError(t, err)
	require.Equal(t, "linux/arm64\n", string(arch))
	for _, f := range manifest.Functions() {
		require.FileExists(t, filepath.Join(dist, f.Name, "bootstrap"))
	}
}

func TestFunctions_ReportsCompileErrors(t *testing.T) {
	t.Parallel()
	root := newModule(t)
	write(t, filepath.Join(root, "functions", "authorizer", "main.go"), "package main\n\nfunc main() { nonsense() }\n")

	var log bytes.Buffer
	require.ErrorContains(t, build.Functions(t.Context(), root, build.Platform(), &log), "build the functions")
	require.Contains(t, log.String(), "nonsense")
	require.NoFileExists(t, filepath.Join(root, "dist", "ARCH"))
}

func TestFunctions_NamesTheFunctionWithoutFolder(t *testing.T) {
	t.Parallel()
	root := newModule(t)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "functions", "authorizer")))
	require.ErrorContains(t, build.Functions(t.Context(), root, build.Platform(), t.Output()), "authorizer")
}

func TestInstall_RunsNPMOnlyWhenPackagesAreMissing(t *testing.T) {
	root, bin := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "tools/node/package-lock.json"), "{}")
	write(t, filepath.Join(bin, "npm"), fmt.Sprintf(
		"#!/bin/sh\necho $* >> npm-calls\n%s -p node_modules\n: > node_modules/.package-lock.json\n", "/bin/mkdir"))
	t.Setenv("PATH", bin)

	for range 2 {
		require.NoError(t, build.Install(t.Context(), root, t.Output()))
	}
	calls, err := os.ReadFile(filepath.Join(root, "tools/node/npm-calls"))
	require.NoError(t, err)
	require.Equal(t, "ci --no-progress\n", string(calls))
}

func TestInstall_ReportsMissingNPM(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "tools/node/package-lock.json"), "{}")
	t.Setenv("PATH", t.TempDir())
	require.ErrorIs(t, build.Install(t.Context(), root, t.Output()), build.ErrNoNPM)
}
