package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

const (
	starts    = 31
	patience  = 20 * time.Second // for one start
	maxSizeMB = 12
	maxRatio  = 1.5
	sdk       = "github.com/aws/aws-sdk-go-v2/"
)

// startNote says what a function does that an empty one does not.
func startNote(f manifest.Function) string {
	if len(f.Actions) == 0 {
		return "It uses no client of the SDK, but internal/boot, which it is built from, imports that of the table and all that it needs; built without them it starts at 1.2 times."
	}
	return "An empty function initializes nothing but its clients; this one also its own packages, and its connection to the table."
}

// measureStarts compares each function with an empty one.
func measureStarts(ctx context.Context, s *stage) ([]row, error) {
	runtime := openRuntime()
	defer runtime.Close()
	dir, err := os.MkdirTemp("", "journeys-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the system's temporary directory
	rows, err := otherSizes(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, f := range manifest.Functions() {
		services, err := services(ctx, f)
		if err != nil {
			return nil, err
		}
		empty, err := buildEmpty(ctx, dir, services)
		if err != nil {
			return nil, err
		}
		more, err := measureStart(runtime, s, f, empty)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// otherSizes tells the largest file for each architecture that functions are
// deployed on.
func otherSizes(ctx context.Context, dir string) ([]row, error) {
	var rows []row
	for _, arch := range []string{"amd64", "arm64"} {
		to := filepath.Join(dir, arch)
		if err := local.Compile(ctx, ".", "linux/"+arch, to, os.Stderr); err != nil {
			return nil, err
		}
		largest, size := "", 0.0
		for _, f := range manifest.Functions() {
			info, err := os.Stat(filepath.Join(to, f.Name))
			if err != nil {
				return nil, err
			}
			if mb := float64(info.Size()) / 1e6; mb > size {
				largest, size = f.Name, mb
			}
		}
		rows = append(rows, row{what: "largest function for " + arch + ", " + largest + ": size", measured: size, unit: " MB", floor: atMost(maxSizeMB)})
	}
	return rows, nil
}

func measureStart(runtime *runtimeAPI, s *stage, f manifest.Function, empty string) ([]row, error) {
	env := []string{
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_ENDPOINT_URL_DYNAMODB=" + s.tap.URL, manifest.EnvDynamoDBLocal + "=1",
		"AWS_LAMBDA_RUNTIME_API=" + runtime.Listener.Addr().String(),
	}
	for name, value := range s.settings {
		env = append(env, name+"="+value)
	}
	files := []string{bootstrap(f), empty}
	took := make([][]time.Duration, len(files))
	for range starts + 1 { // the first ones bring the files into memory
		for i, file := range files {
			d, err := runtime.start(file, env)
			if err != nil {
				return nil, err
			}
			took[i] = append(took[i], d)
		}
	}
	var median, size [2]float64
	for i, file := range files {
		list := took[i][1:]
		slices.Sort(list)
		median[i] = float64(list[len(list)/2].Microseconds()) / 1000
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		size[i] = float64(info.Size()) / 1e6
	}
	return []row{
		{what: f.Name + ": size", measured: size[0], unit: " MB", floor: atMost(maxSizeMB)},
		{what: f.Name + ": size beside an empty one", measured: size[0] / size[1], unit: "x"},
		{what: f.Name + ": start", measured: median[0], unit: " ms"},
		{what: f.Name + ": start beside an empty one", measured: median[0] / median[1], unit: "x", floor: atMost(maxRatio), why: startNote(f)},
	}, nil
}

// runtimeAPI tells when a process asks for work, of which there is none.
type runtimeAPI struct {
	*httptest.Server
	asked chan string // the path of what was asked
}

func openRuntime() *runtimeAPI {
	r := &runtimeAPI{asked: make(chan string, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		r.asked <- request.URL.Path
		<-request.Context().Done()
	}))
	return r
}

// start runs a file until it asks for work, and returns how long that took.
func (r *runtimeAPI) start(file string, env []string) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, file)
	cmd.Env, cmd.Stderr = env, os.Stderr
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	select {
	case path := <-r.asked:
		took = time.Since(begun)
		if !strings.HasSuffix(path, "/invocation/next") {
			err = fmt.Errorf("%s asked for %s", file, path)
		}
	case <-ctx.Done():
		err = fmt.Errorf("%s did not ask for work within %s", file, patience)
	}
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // killed, which Go calls an error
	return took, err
}

// services returns which of the SDK's clients a function uses, none when it may
// do nothing with them. Those that reading the settings needs are not counted.
func services(ctx context.Context, f manifest.Function) ([]string, error) {
	if len(f.Actions) == 0 {
		return nil, nil
	}
	list, err := exec.CommandContext(ctx, "go", "list", "-deps", "./functions/"+f.Name).Output()
	if err != nil {
		return nil, fmt.Errorf("list what %s is made of: %w", f.Name, err)
	}
	var names []string
	for dependency := range strings.FieldsSeq(string(list)) {
		name, ok := strings.CutPrefix(dependency, sdk+"service/")
		if ok && !strings.Contains(name, "/") && !slices.Contains([]string{"signin", "sso", "ssooidc", "sts"}, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// buildEmpty builds a function that does nothing but make the clients, as the
// functions themselves are built, and returns its file.
func buildEmpty(ctx context.Context, dir string, services []string) (string, error) {
	file := filepath.Join(dir, strings.Join(append([]string{"none"}, services...), "-"))
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	source := file + ".go"
	if err := os.WriteFile(source, []byte(emptySource(services)), 0o644); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", file, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build an empty function: %w", err), errors.New(string(out)))
	}
	return file, nil
}

func emptySource(services []string) string {
	imports, clients := "", ""
	if len(services) > 0 {
		imports = "\"" + sdk + "config\"\n"
		clients = "cfg, err := config.LoadDefaultConfig(context.Background())\nif err != nil {\npanic(err)\n}\n"
	}
	for _, name := range services {
		imports += "client" + name + " \"" + sdk + "service/" + name + "\"\n" // one is called lambda too
		clients += "_ = client" + name + ".NewFromConfig(cfg)\n"
	}
	return "package main\nimport (\n\"context\"\n\"github.com/aws/aws-lambda-go/lambda\"\n" + imports + ")\nfunc main() {\n" + clients +
		"lambda.Start(func(context.Context) error { return nil })\n}\n"
}
