package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"journeys/internal/dev/build"
	"journeys/internal/dev/issuer"
	"journeys/internal/manifest"
)

const stack = "Journeys-dev"

// ownGroup starts a child in a process group of its own, so that a signal to the
// group reaches its children too.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// build builds the functions for this machine, and the CDK app.
func (d *deployment) build(ctx context.Context) (string, error) {
	if err := build.Functions(ctx, d.root, build.Platform(), os.Stderr); err != nil {
		return "", err
	}
	_, err := d.command(ctx, "build", d.root, os.Environ(), "go", "build", "-o", d.app(), "./infra")
	return fmt.Sprintf("%d functions for %s, and the CDK app", len(manifest.Functions()), build.Platform()), err
}

func (d *deployment) app() string { return filepath.Join(d.dir, "app") }

// cdk runs the CDK and the Node.js of tools/node in a folder.
func (d *deployment) cdk(ctx context.Context, name, folder string, args ...string) (string, error) {
	env := append(awsEnvironment(d.emulator.url, d.dir),
		"PATH="+filepath.Join(d.root, "tools/node/node_modules/.bin")+":"+os.Getenv("PATH"),
		"CDK_HOME="+filepath.Join(d.dir, "cdk"), // it caches account ids there
		"JOURNEYS_STAGE=dev", "JOURNEYS_ARCH="+runtime.GOARCH,
		manifest.EnvIssuer+"="+issuer.Name, manifest.EnvAudience+"="+issuer.Audience,
		manifest.EnvJWKSURL+"="+d.keys.url(), manifest.EnvConsoleClientID+"=console")
	env = append(env, d.settings...)
	args = append([]string{"--no-notices", "--no-color", "--progress", "events"}, args...)
	return d.command(ctx, name, folder, env, filepath.Join(d.root, "tools/node/node_modules/.bin/cdk"), args...)
}

// cdkDeploy synthesizes and deploys the stack with the present URL of the keys.
func (d *deployment) cdkDeploy(ctx context.Context, name string) (string, error) {
	return d.cdk(ctx, name, filepath.Join(d.root, "infra"), "deploy", stack, "--app", d.app(),
		"--output", filepath.Join(d.dir, "cdk.out"), "--require-approval", "never")
}

// command runs a program and returns its output, which is also in <name>.log of
// the log directory.
func (d *deployment) command(ctx context.Context, name, folder string, env []string, program string, args ...string) (string, error) {
	file, err := os.Create(filepath.Join(d.logs, name+".log"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = folder, env
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = errors.Join(cmd.Run(), file.Close())
	text, readErr := os.ReadFile(file.Name())
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, tail(string(text)))
	}
	return string(text), readErr
}

// tail returns the last 40 lines of a text.
func tail(text string) string {
	const most = 40
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
