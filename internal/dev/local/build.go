package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"journeys/internal/manifest"
)

// archFile names the file in dist/ that says for what its functions are built,
// as "linux/arm64".
const archFile = "ARCH"

// Platform returns what functions must be built for to run on this machine.
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// Build builds every function of the module at root into
// dist/<function>/bootstrap for a platform such as "linux/arm64", and writes
// the platform to dist/ARCH. What is up to date is not touched. Several
// processes may build at once.
func Build(ctx context.Context, root, platform string, log io.Writer) error {
	if !strings.Contains(platform, "/") {
		return fmt.Errorf("a platform is written like linux/arm64, not %q", platform)
	}
	unlock, err := lock(filepath.Join(root, ".local", "build.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	dist := filepath.Join(root, "dist")
	cache := filepath.Join(dist, ".bin", strings.ReplaceAll(platform, "/", "-"))
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make the directory of the functions: %w", err)
	}
	if err := Compile(ctx, root, platform, cache, log); err != nil {
		return err
	}
	return publish(dist, cache, platform)
}

// Compile writes the file of every function of the module at root to dir, by
// the function's name.
func Compile(ctx context.Context, root, platform, dir string, log io.Writer) error {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return fmt.Errorf("a platform is written like linux/arm64, not %q", platform)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-tags=lambda.norpc", "-ldflags=-s -w", "-o", dir+"/", "./functions/...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the functions: %w", err)
	}
	return nil
}

// publish puts the built functions into their folders, and removes folders of
// functions that are no more.
func publish(dist, cache, platform string) error {
	if built, err := os.ReadFile(filepath.Join(dist, archFile)); err != nil || strings.TrimSpace(string(built)) != platform {
		// Until all are replaced, dist/ is of no platform.
		if err := os.RemoveAll(filepath.Join(dist, archFile)); err != nil {
			return err
		}
	}
	wanted := map[string]bool{archFile: true, filepath.Base(filepath.Dir(cache)): true}
	for _, f := range manifest.Functions() {
		wanted[f.Name] = true
		if err := replace(filepath.Join(cache, f.Name), filepath.Join(dist, f.Name, "bootstrap")); err != nil {
			return fmt.Errorf("publish function %s: %w", f.Name, err)
		}
	}
	entries, err := os.ReadDir(dist)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !wanted[entry.Name()] {
			if err := os.RemoveAll(filepath.Join(dist, entry.Name())); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(dist, archFile), []byte(platform+"\n"), 0o644)
}

// replace makes to another name of the file from, at one stroke, since a
// process may be starting from it.
func replace(from, to string) error {
	source, err := os.Stat(from)
	if err != nil {
		return err
	}
	if target, err := os.Stat(to); err == nil && os.SameFile(source, target) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	next := to + ".next"
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	if err := os.Link(from, next); err != nil {
		return err
	}
	return os.Rename(next, to)
}

// checkDist refuses a dist/ whose files cannot run here.
func checkDist(dist string, functions []manifest.Function) error {
	built, err := os.ReadFile(filepath.Join(dist, archFile))
	if err != nil {
		return fmt.Errorf("%s holds no built functions: run `make build`", dist)
	}
	if platform := strings.TrimSpace(string(built)); platform != Platform() {
		return fmt.Errorf("%s is built for %s, this machine is %s: run `make build`", dist, platform, Platform())
	}
	for _, f := range functions {
		if _, err := os.Stat(filepath.Join(dist, f.Name, "bootstrap")); err != nil {
			return fmt.Errorf("%s has no function %s: run `make build`", dist, f.Name)
		}
	}
	return nil
}

// ErrNoNPM says what to install.
var ErrNoNPM = errors.New("npm is missing: install Node.js 20 or newer, with npm")

// NodePackages is the directory of the npm packages, below the module's.
const NodePackages = "tools/node"

// Install installs the npm packages of the module at root, unless they match
// their package-lock.json already. Several processes may install at once.
func Install(ctx context.Context, root string, log io.Writer) error {
	unlock, err := lock(filepath.Join(root, ".local", "npm.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	dir := filepath.Join(root, NodePackages)
	wanted, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return fmt.Errorf("find the npm packages' lock file: %w", err)
	}
	// npm writes this file last.
	mark := filepath.Join(dir, "node_modules", ".package-lock.json")
	if have, err := os.Stat(mark); err == nil && !have.ModTime().Before(wanted.ModTime()) {
		return nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return ErrNoNPM
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--no-progress")
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("install the npm packages: %w", err)
	}
	return nil
}

// lock waits until no other process holds the file, and returns how to give it
// back. A process that dies gives it back.
func lock(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make a lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make a lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for a lock: %w", err), file.Close())
	}
	return func() { _ = file.Close() }, nil // gives the lock back whatever it says
}
