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

// nodePackages is the directory of the npm packages in the module.
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
	dir := filepath.Join(root, nodePackages)
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
