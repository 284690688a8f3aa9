// Package build builds the functions into dist/ and installs the npm packages.
package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"journeys/internal/manifest"
)

// archFile is the file in dist/ that holds the platform of its functions, such
// as "linux/arm64".
const archFile = "ARCH"

// Platform returns the platform of this machine, such as "linux/amd64".
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// Functions builds every function of the module at root into
// dist/<function>/bootstrap for a platform such as "linux/arm64", with the web
// console's files beside its function, and writes the platform to dist/ARCH. Files
// that are up to date are not replaced. Several processes may build at the same time.
func Functions(ctx context.Context, root, platform string, log io.Writer) error {
	if _, _, err := splitPlatform(platform); err != nil {
		return err
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
	if err := console(ctx, root, dist, log); err != nil {
		return err
	}
	return publish(dist, cache, platform)
}

func splitPlatform(platform string) (goos, goarch string, err error) {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return "", "", fmt.Errorf("a platform has the form linux/arm64, got %q", platform)
	}
	return goos, goarch, nil
}

// Compile compiles every function of the module at root to the file
// dir/<function>, with the flags of a deployed function.
func Compile(ctx context.Context, root, platform, dir string, log io.Writer) error {
	goos, goarch, err := splitPlatform(platform)
	if err != nil {
		return err
	}
	version, err := Version(ctx, root)
	if err != nil {
		return err
	}
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc"}, linkFlags(version)...)
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", dir+"/", "./functions/...")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the functions: %w", err)
	}
	return nil
}

// publish links the built functions into their folders, and removes the folders
// of functions that no longer exist.
func publish(dist, cache, platform string) error {
	if built, err := os.ReadFile(filepath.Join(dist, archFile)); err != nil || strings.TrimSpace(string(built)) != platform {
		// While files are replaced, dist/ has no single platform.
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

// replace links to to the file from. The link is replaced atomically, because a
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

// Check returns an error unless dist holds every function, built for this
// machine's platform.
func Check(dist string, functions []manifest.Function) error {
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
		if f.Name != manifest.Console.Name {
			continue
		}
		if _, err := os.Stat(filepath.Join(dist, consoleFiles, "index.html")); err != nil {
			return fmt.Errorf("%s has no files of the console: run `make build`", dist)
		}
	}
	return nil
}
