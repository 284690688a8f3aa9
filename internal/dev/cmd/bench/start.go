package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"journeys/internal/dev/build"
	"journeys/internal/manifest"
)

const (
	starts          = 31
	startTimeout    = 20 * time.Second
	maxSizeMB       = 12
	maxSenderSizeMB = 15 // with time zones and channels
	maxRatio        = 1.5
	sdk             = "github.com/aws/aws-sdk-go-v2/"
)

const startNote = "An empty function initializes nothing but its clients. The others also initialize their own packages and connect to the table."

// measureStarts measures every function's size and start, and compares them with
// those of an empty function.
func measureStarts(ctx context.Context, r *rig) ([]row, error) {
	runtime := openRuntime()
	defer runtime.Close()
	dir, err := os.MkdirTemp("", "journeys-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // best effort: a temporary directory
	rows, err := measureSizes(ctx, dir)
	if err != nil {
		return nil, err
	}
	var all []startFigures
	for _, f := range manifest.Functions() {
		services, err := services(ctx, f)
		if err != nil {
			return nil, err
		}
		empty, err := buildEmpty(ctx, dir, services)
		if err != nil {
			return nil, err
		}
		figures, err := measureStart(runtime, r, f, empty)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		all = append(all, figures)
	}
	r.starts = all
	return append(rows, startRows(all)...), nil
}

// measureSizes measures the files of all functions for both architectures that
// Lambda has.
func measureSizes(ctx context.Context, dir string) ([]row, error) {
	var rows []row
	for _, arch := range []string{"amd64", "arm64"} {
		to := filepath.Join(dir, arch)
		if err := build.Compile(ctx, ".", "linux/"+arch, to, os.Stderr); err != nil {
			return nil, err
		}
		sizes := map[string]float64{}
		for _, f := range manifest.Functions() {
			size, err := sizeMB(filepath.Join(to, f.Name))
			if err != nil {
				return nil, err
			}
			sizes[f.Name] = size
		}
		rows = append(rows, sizeRows("size for "+arch, sizes)...)
	}
	return rows, nil
}

func sizeMB(file string) (float64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / 1e6, nil
}

// sizeRows returns a row for the size of each function, by name. Those of the functions
// that send and of the largest other function are shown.
func sizeRows(figure string, sizes map[string]float64) []row {
	var names []string
	var others, senders []row
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		if sends(name) {
			senders = append(senders, row{what: figure + ", " + name, measured: sizes[name], unit: " MB", floor: atMost(maxSenderSizeMB)})
			continue
		}
		names = append(names, name)
		others = append(others, row{what: name + ": " + figure, measured: sizes[name], unit: " MB", floor: atMost(maxSizeMB)})
	}
	return append(showWorst(figure, names, others), senders...)
}

// sends reports whether a function links the clients of channels.
func sends(name string) bool {
	return slices.ContainsFunc(manifest.Functions(), func(f manifest.Function) bool { return f.Name == name && f.Sends() })
}

// startFigures are the measurements of one function.
type startFigures struct {
	function          string
	size, sizeRatio   float64 // MB; of the empty function's
	start, startRatio float64 // ms; of the empty function's
}

// startRows returns a row for each function. The report shows the worst start and
// the worst ratio of sizes.
func startRows(all []startFigures) []row {
	sizes := map[string]float64{}
	var names []string
	var sizeRatios, times, timeRatios []row
	for _, f := range all {
		sizes[f.function] = f.size
		names = append(names, f.function)
		sizeRatios = append(sizeRatios, row{what: f.function + ": size, of an empty function's", measured: f.sizeRatio, unit: "x"})
		times = append(times, row{what: f.function + ": start", measured: f.start, unit: " ms"})
		timeRatios = append(timeRatios, row{
			what: f.function + ": start, of an empty function's", measured: f.startRatio, unit: "x", floor: atMost(maxRatio), why: startNote,
		})
	}
	built := sizeRows("size", sizes)
	for i := range built {
		built[i].hidden = true // measureSizes has rows for both architectures
	}
	return slices.Concat(
		built,
		showWorst("size, of an empty function's", names, sizeRatios),
		showWorst("start", names, times),
		showWorst("start, of an empty function's", names, timeRatios),
	)
}

// startTable returns the figures of every function as a Markdown table.
func startTable(all []startFigures) string {
	var text strings.Builder
	text.WriteString("| function                  |    size |    start | of an empty function's |\n" +
		"| ------------------------- | ------: | -------: | ---------------------: |\n")
	for _, f := range all {
		fmt.Fprintf(&text, "| %-25s | %4.1f MB | %5.2f ms | %21.2fx |\n", f.function, f.size, f.start, f.startRatio)
	}
	return text.String()
}

// measureStart starts a function and the empty one in turns.
func measureStart(runtime *runtimeAPI, r *rig, f manifest.Function, empty string) (startFigures, error) {
	env := []string{
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_ENDPOINT_URL_DYNAMODB=" + r.tap.URL, manifest.EnvDynamoDBLocal + "=1",
		"AWS_LAMBDA_RUNTIME_API=" + runtime.Listener.Addr().String(),
	}
	for name, value := range r.settings {
		env = append(env, name+"="+value)
	}
	files := []string{bootstrap(f), empty}
	took := make([][]time.Duration, len(files))
	for range starts + 1 { // the first starts bring the files into memory
		for i, file := range files {
			d, err := runtime.start(file, env)
			if err != nil {
				return startFigures{}, err
			}
			took[i] = append(took[i], d)
		}
	}
	var median, size [2]float64
	for i, file := range files {
		list := took[i][1:]
		slices.Sort(list)
		median[i] = float64(list[len(list)/2].Microseconds()) / 1000
		var err error
		if size[i], err = sizeMB(file); err != nil {
			return startFigures{}, err
		}
	}
	return startFigures{
		function: f.Name, size: size[0], sizeRatio: size[0] / size[1], start: median[0], startRatio: median[0] / median[1],
	}, nil
}

// runtimeAPI is a Lambda Runtime API that reports each request and never has
// work.
type runtimeAPI struct {
	*httptest.Server
	requested chan string // paths
}

func openRuntime() *runtimeAPI {
	r := &runtimeAPI{requested: make(chan string, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		r.requested <- request.URL.Path
		<-request.Context().Done()
	}))
	return r
}

// start runs a file until it requests work and returns how long that took.
func (r *runtimeAPI) start(file string, env []string) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, file)
	cmd.Env, cmd.Stderr = env, os.Stderr
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	select {
	case path := <-r.requested:
		took = time.Since(begun)
		if !strings.HasSuffix(path, "/invocation/next") {
			err = fmt.Errorf("%s requested %s", file, path)
		}
	case <-ctx.Done():
		err = fmt.Errorf("%s requested no work within %s", file, startTimeout)
	}
	_ = cmd.Process.Kill() // fails if it has exited
	_ = cmd.Wait()         // always an error: it was killed
	return took, err
}

// services returns the SDK's clients that a function links.
func services(ctx context.Context, f manifest.Function) ([]string, error) {
	list, err := exec.CommandContext(ctx, "go", "list", "-deps", "./functions/"+f.Name).Output()
	if err != nil {
		return nil, fmt.Errorf("list the dependencies of %s: %w", f.Name, err)
	}
	var names []string
	for dependency := range strings.FieldsSeq(string(list)) {
		name, ok := strings.CutPrefix(dependency, sdk+"service/")
		if ok && !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	return names, nil
}

// buildEmpty builds a function that only creates the clients, with the flags of
// the real functions, and returns its file.
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
		imports += "client" + name + " \"" + sdk + "service/" + name + "\"\n" // "lambda" is imported already
		clients += "_ = client" + name + ".NewFromConfig(cfg)\n"
	}
	return "package main\nimport (\n\"context\"\n\"github.com/aws/aws-lambda-go/lambda\"\n" + imports + ")\nfunc main() {\n" + clients +
		"lambda.Start(func(context.Context) error { return nil })\n}\n"
}
