package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoNPM is returned where npm is missing. Its text says what to install.
var ErrNoNPM = errors.New("npm is missing: install Node.js 20 or newer, with npm")

// nodePackages is the directory of the tools' npm packages in the module.
const nodePackages = "tools/node"

// Install installs the npm packages of the module at root, unless they match
// their package-lock.json already. Several processes may install at the same
// time.
func Install(ctx context.Context, root string, log io.Writer) error {
	unlock, err := lock(filepath.Join(root, ".local", "npm.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	return installPackages(ctx, npm{dir: filepath.Join(root, nodePackages), log: log})
}

// npm runs npm in a directory.
type npm struct {
	dir  string
	path string // comes before the PATH of the process, if it is not ""
	log  io.Writer
}

// installPackages installs what package-lock.json lists, unless it is installed.
func installPackages(ctx context.Context, n npm, flags ...string) error {
	wanted, err := os.Stat(filepath.Join(n.dir, "package-lock.json"))
	if err != nil {
		return fmt.Errorf("find the npm packages' lock file: %w", err)
	}
	// npm writes this file last.
	mark := filepath.Join(n.dir, "node_modules", ".package-lock.json")
	if have, err := os.Stat(mark); err == nil && !have.ModTime().Before(wanted.ModTime()) {
		return nil
	}
	return n.run(ctx, "install the npm packages", append([]string{"ci", "--no-progress"}, flags...)...)
}

// run runs npm, and says what it was to do if it fails.
func (n npm) run(ctx context.Context, purpose string, arguments ...string) error {
	program, err := exec.LookPath("npm")
	if err != nil {
		return ErrNoNPM
	}
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.Dir = n.dir
	if n.path != "" {
		cmd.Env = append(os.Environ(), "PATH="+n.path+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	cmd.Stdout, cmd.Stderr = n.log, n.log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", purpose, err)
	}
	return nil
}
