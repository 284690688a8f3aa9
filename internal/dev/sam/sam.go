// Package sam runs the functions in SAM CLI's containers, from the same files as
// a local run, with a DynamoDB Local and an issuer on this machine.
package sam

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/issuer"
	"journeys/internal/dev/local"
	"journeys/internal/dev/process"
	"journeys/internal/manifest"
)

// hostFromContainers is this machine's name in SAM CLI's containers.
const hostFromContainers = "host.docker.internal"

// ErrNotInstalled is returned where SAM CLI is missing. Its text says what to do.
var ErrNotInstalled = errors.New("SAM CLI is missing: install it, or run `make sam-cli`")

// Options of a CLI.
type Options struct {
	Root string    // the module's directory; its dist/ must be built for Linux
	Data string    // directory of the table; "" keeps it in memory
	Out  io.Writer // answers of functions
	Log  io.Writer // output of SAM CLI and of the functions
}

// CLI is SAM CLI with a table and an issuer for its functions.
type CLI struct {
	DynamoDB *dynamolocal.Server

	options  Options
	issuer   *issuer.Issuer
	keys     *http.Server
	settings string           // file of the functions' settings
	marks    []string         // settings that only this CLI's containers have
	api      *process.Process // nil before Serve
	quiet    time.Duration    // for which no further container must appear before Stop returns
}

// Open starts the table and serves the issuer's keys. After an error nothing is
// left running.
func Open(ctx context.Context, o Options) (*CLI, error) {
	if _, err := exec.LookPath("sam"); err != nil {
		return nil, ErrNotInstalled
	}
	c := &CLI{options: o, quiet: 3 * time.Second}
	if err := c.open(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *CLI) open(ctx context.Context) (err error) {
	home := filepath.Join(c.options.Root, ".local")
	if c.issuer, err = issuer.Open(home); err != nil {
		return err
	}
	// Containers cannot reach this machine's loopback interface. The keys are
	// public.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":0")
	if err != nil {
		return fmt.Errorf("serve the issuer's keys: %w", err)
	}
	c.keys = &http.Server{Handler: c.issuer, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.keys.Serve(listener) }() // returns an error after Stop
	if c.DynamoDB, err = dynamolocal.Start(ctx, dynamolocal.Options{Dir: c.options.Data}); err != nil {
		return err
	}
	if err := dynamolocal.CreateTable(ctx, c.DynamoDB.Client(), local.Table); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	keysURL := "http://" + hostFromContainers + ":" + port + "/.well-known/jwks.json"
	table := strings.Replace(c.DynamoDB.Endpoint(), "127.0.0.1", hostFromContainers, 1)
	c.marks = []string{"=" + keysURL, "=" + table}
	values, err := local.Settings(keysURL, "{}")
	if err != nil {
		return err
	}
	values["AWS_ENDPOINT_URL_DYNAMODB"], values[manifest.EnvDynamoDBLocal] = table, "1"
	return c.writeSettings(home, values)
}

// writeSettings writes the file of settings for SAM CLI, which gives each
// function those that the template names.
func (c *CLI) writeSettings(dir string, values map[string]string) error {
	text, err := json.Marshal(map[string]any{"Parameters": values})
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "sam-*.json")
	if err != nil {
		return fmt.Errorf("write the functions' settings: %w", err)
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the functions' settings: %w", err)
	}
	c.settings, err = filepath.Abs(file.Name())
	return err
}

// Serve starts `sam local start-api` and returns the URL of the API once calls
// are served. The channel is closed when SAM CLI ends. A missing container engine
// is reported by SAM CLI itself, in the log.
func (c *CLI) Serve(ctx context.Context, port int) (url string, ended <-chan struct{}, err error) {
	cmd := c.command(context.Background(), "start-api", "--port", fmt.Sprint(port))
	cmd.Stdout = c.options.Log // answers of functions go over HTTP
	if c.api, err = process.Start(cmd); err != nil {
		return "", nil, fmt.Errorf("start SAM CLI: %w", err)
	}
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		select {
		case <-c.api.Ended():
			return "", nil, fmt.Errorf("SAM CLI ended before it served (%w); its output is above", cmp.Or(c.api.Err(), io.EOF))
		case <-ctx.Done():
			return "", nil, ctx.Err()
		case <-retry.C:
			if err := local.Probe(ctx, url, c.issuer); !errors.Is(err, syscall.ECONNREFUSED) {
				return url, c.api.Ended(), err
			}
		}
	}
}

// Invoke calls a function once with the event in a file, by `sam local invoke`.
func (c *CLI) Invoke(ctx context.Context, function manifest.Function, event string) error {
	cmd := c.command(ctx, "invoke", function.LogicalID(), "--event", event)
	cmd.Stdout = c.options.Out
	// On SIGTERM SAM CLI removes its container before it ends.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("SAM CLI: %w", err)
	}
	return nil
}

// command returns a `sam local` with the functions' settings. It inherits none of
// the developer's AWS variables, so that no credentials reach the functions.
func (c *CLI) command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	architecture := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	arguments = append(append([]string{"local", name, "--env-vars", c.settings}, arguments...),
		"--parameter-overrides", "Architecture="+cmp.Or(architecture, runtime.GOARCH)) // must come last
	cmd := exec.CommandContext(ctx, "sam", arguments...)
	cmd.Dir = c.options.Root
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	// The last value of a name counts.
	cmd.Env = append(append([]string{"SAM_CLI_TELEMETRY=0"}, inherited...),
		"AWS_REGION="+dynamolocal.Region, "AWS_DEFAULT_REGION="+dynamolocal.Region,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	cmd.Stderr = c.options.Log
	return cmd
}

// Stop ends SAM CLI, its containers, the table and the issuer, and returns when
// all are gone. Data is kept.
func (c *CLI) Stop() {
	if c.api != nil {
		// SAM CLI removes its containers one after the other, each in about a
		// second, before it ends.
		c.api.Signal(syscall.SIGTERM)
		select {
		case <-c.api.Ended():
		case <-time.After(time.Minute):
			c.api.Kill()
			<-c.api.Ended()
		}
		c.removeContainers()
	}
	if c.keys != nil {
		_ = c.keys.Close() // nothing uses it any more
	}
	if c.DynamoDB != nil {
		c.DynamoDB.Stop()
	}
	if c.settings != "" {
		_ = os.Remove(c.settings) // the next run writes its own
	}
}
