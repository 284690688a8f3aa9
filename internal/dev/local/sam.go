package local

import (
	"bytes"
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
	"journeys/internal/dynamo"
	"journeys/internal/manifest"
)

// hostFromContainers is this machine's name in SAM's containers.
const hostFromContainers = "host.docker.internal"

// ErrNoSAM says what to install.
var ErrNoSAM = errors.New("SAM CLI is missing: install it, or run `make sam-cli`")

// SAM runs the functions in SAM CLI's containers, from the same files, and is
// for them what a Machine is for its processes: their table and their issuer.
// SAM CLI itself says when no container engine runs.
type SAM struct {
	DynamoDB *dynamolocal.Server

	root   string
	issuer *Issuer
	keys   *http.Server
	values string   // file of the functions' settings
	marks  []string // settings that only the containers of this SAM have
	api    *process
	out    io.Writer
	log    io.Writer
}

// SAMOptions of a SAM.
type SAMOptions struct {
	Root string    // the module's directory; its dist/ must be built, for Linux
	Data string    // directory of the table; "" keeps it in memory
	Out  io.Writer // what SAM CLI answers
	Log  io.Writer // what SAM CLI and the functions print
}

// OpenSAM starts the table and the issuer's keys. When it fails, nothing is
// left running.
func OpenSAM(ctx context.Context, o SAMOptions) (*SAM, error) {
	if _, err := exec.LookPath("sam"); err != nil {
		return nil, ErrNoSAM
	}
	s := &SAM{root: o.Root, out: o.Out, log: o.Log}
	if err := s.open(ctx, o.Data); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *SAM) open(ctx context.Context, data string) (err error) {
	home := filepath.Join(s.root, ".local")
	if s.issuer, err = OpenIssuer(home); err != nil {
		return err
	}
	// Containers reach no loopback interface of ours; these keys are public.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":0")
	if err != nil {
		return fmt.Errorf("serve the issuer's keys: %w", err)
	}
	s.keys = &http.Server{Handler: s.issuer, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.keys.Serve(listener) }() // ends with Stop, always with an error
	if s.DynamoDB, err = dynamolocal.Start(ctx, dynamolocal.Options{Dir: data}); err != nil {
		return err
	}
	if err := dynamo.CreateTable(ctx, tableClient(s.DynamoDB.Endpoint()), Table); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	keysURL := "http://" + hostFromContainers + ":" + port + "/.well-known/jwks.json"
	table := strings.Replace(s.DynamoDB.Endpoint(), "127.0.0.1", hostFromContainers, 1)
	s.marks = []string{"=" + keysURL, "=" + table}
	values := settings(keysURL, "{}")
	values["AWS_ENDPOINT_URL_DYNAMODB"] = table
	values[manifest.EnvDynamoDBLocal] = "1"
	return s.writeValues(home, values)
}

// writeValues writes what SAM CLI is to give to the functions, each of which
// gets of it what the template names.
func (s *SAM) writeValues(dir string, values map[string]string) error {
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
	s.values, err = filepath.Abs(file.Name())
	return err
}

// Serve starts `sam local start-api` and returns its address once calls are
// served. What is returned besides is closed when it ends.
func (s *SAM) Serve(ctx context.Context, port int) (url string, ended <-chan struct{}, err error) {
	cmd := s.command(context.Background(), "start-api", "--port", fmt.Sprint(port))
	cmd.Stdout = s.log // all that it answers goes over HTTP
	if s.api, err = startProcess(cmd); err != nil {
		return "", nil, fmt.Errorf("start SAM CLI: %w", err)
	}
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		select {
		case <-s.api.ended:
			return "", nil, fmt.Errorf("SAM CLI ended before it served (%w); what it said stands above", cmp.Or(s.api.err, io.EOF))
		case <-ctx.Done():
			return "", nil, ctx.Err()
		case <-retry.C:
			if err := probe(ctx, url, s.issuer); !errors.Is(err, syscall.ECONNREFUSED) {
				return url, s.api.ended, err
			}
		}
	}
}

// Invoke calls a function once, with an event from a file, by `sam local
// invoke`.
func (s *SAM) Invoke(ctx context.Context, function manifest.Function, event string) error {
	cmd := s.command(ctx, "invoke", function.LogicalID(), "--event", event)
	cmd.Stdout = s.out
	// SAM CLI takes its container away when it is asked to end.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("SAM CLI: %w", err)
	}
	return nil
}

// command returns a `sam local` with the functions' settings. No credentials of
// the developer's reach it, and so none reach the functions.
func (s *SAM) command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	architecture := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	arguments = append(append([]string{"local", name, "--env-vars", s.values}, arguments...),
		"--parameter-overrides", "Architecture="+cmp.Or(architecture, runtime.GOARCH)) // takes all that follows
	cmd := exec.CommandContext(ctx, "sam", arguments...)
	cmd.Dir = s.root
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	// Of two with one name the last counts.
	cmd.Env = append(append([]string{"SAM_CLI_TELEMETRY=0"}, own...), "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	cmd.Stderr = s.log
	return cmd
}

// Stop ends what runs and returns when nothing does any more. Data stays.
func (s *SAM) Stop() {
	if s.api != nil && s.api.cmd.Process != nil {
		// It takes its containers away first, one after the other, each in
		// about a second.
		s.api.signal(syscall.SIGTERM)
		select {
		case <-s.api.ended:
		case <-time.After(time.Minute):
			s.api.kill()
			<-s.api.ended
		}
		s.removeContainers()
	}
	if s.keys != nil {
		_ = s.keys.Close() // nobody asks any more
	}
	if s.DynamoDB != nil {
		s.DynamoDB.Stop()
	}
	if s.values != "" {
		_ = os.Remove(s.values) // the next run has its own
	}
}

// removeContainers removes the containers that SAM CLI left: it ends at the
// first one that the engine does not remove at once, and then the others live
// on. Another SAM's are known by their settings, and stay.
func (s *SAM) removeContainers() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// Engines without this command have SAM CLI's own way only.
	ids, err := exec.CommandContext(ctx, "docker", "ps", "--quiet").Output()
	if err != nil || len(bytes.TrimSpace(ids)) == 0 {
		return
	}
	inspect := append([]string{"inspect", "--format", "{{.Id}} {{json .Config.Env}}"}, strings.Fields(string(ids))...)
	// One that ended meanwhile is an error, and the others are printed.
	list, _ := exec.CommandContext(ctx, "docker", inspect...).Output()
	for line := range strings.Lines(string(list)) {
		id, env, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(s.marks, func(mark string) bool { return strings.Contains(env, mark+`"`) }) {
			continue
		}
		out, err := exec.CommandContext(ctx, "docker", "rm", "--force", id).CombinedOutput()
		_, _ = fmt.Fprintf(s.log, "SAM CLI left the container %.12s; removed: %t %s\n", id, err == nil, bytes.TrimSpace(out))
	}
}
