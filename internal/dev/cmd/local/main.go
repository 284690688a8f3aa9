// Command local runs the API on this machine, from processes or in SAM CLI's
// containers, and builds the functions and signs tokens for it. The Makefile
// calls it: see `make help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"journeys/internal/dev/build"
	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/issuer"
	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

const usage = `usage, in the module's directory:
  local run         serve the API on PORT (8080); EPHEMERAL=1 keeps the data in
                    memory, TICK (1m) is the length of a minute of schedules,
                    CRUEL=<seed> injects faults, and UNTHROTTLED=1 lifts the
                    API's throttle
  local sam-api     serve the API on PORT (3000) from SAM CLI's containers
  local sam-invoke  call FUNCTION once, with its event, in SAM CLI's container
  local token       print a token for TOKEN_ROLE and TOKEN_TENANT
  local build       build the functions for ARCH (this machine's) into dist/
  local deps        install the npm packages`

func main() {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second signal ends this process at once
	if len(os.Args) != 2 {
		fail(errors.New(usage))
	}
	var err error
	switch os.Args[1] {
	case "run":
		ctx = withParent(ctx)
		err = run(ctx)
	case "sam-api":
		ctx = withParent(ctx)
		err = serveSAM(ctx)
	case "sam-invoke":
		err = invokeSAM(ctx)
	case "token":
		err = printToken()
	case "build":
		err = buildFunctions(ctx)
	case "deps":
		err = build.Install(ctx, ".", os.Stderr)
	default:
		err = errors.New(usage)
	}
	// After a signal an error is only a consequence of it.
	if err != nil && ctx.Err() == nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(ctx context.Context) error {
	port, err := readPort(8080)
	if err != nil {
		return err
	}
	o := local.Options{Root: ".", Log: os.Stderr, Providers: os.Getenv(manifest.EnvProviders)}
	if o.Ephemeral, err = readSwitch("EPHEMERAL"); err != nil {
		return err
	}
	if o.CORSOrigins, err = manifest.ParseOrigins(os.Getenv(manifest.EnvCORSOrigins)); err != nil {
		return err
	}
	if o.Throttle, err = readThrottle(); err != nil {
		return err
	}
	if o.Minute, err = readMinute(); err != nil {
		return err
	}
	if o.Faults, err = readFaults(); err != nil {
		return err
	}
	// Before the build, so that a second run on the same port fails early.
	o.Listener, err = listen(ctx, port)
	if err != nil {
		return err
	}
	m, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer m.Stop()
	printWelcome(m)
	if o.Faults != nil {
		o.Faults.Start()
		defer func() { fmt.Println(o.Faults) }()
	}
	select {
	case <-ctx.Done():
		fmt.Println("stopping")
		return nil
	case <-m.DynamoDB.Ended():
		return errors.New("DynamoDB Local stopped unexpectedly")
	}
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	listener, err := local.Listen(ctx, port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is in use, possibly by another `make run`: stop it, or choose another port with PORT=", port)
	}
	return listener, err
}

func start(ctx context.Context, o local.Options) (*local.Machine, error) {
	if err := prepare(ctx, o.Root, build.Platform()); err != nil {
		return nil, err
	}
	fmt.Println("starting DynamoDB Local and the functions")
	return local.Start(ctx, o)
}

// prepare installs the npm packages and builds the functions, where that is not
// done yet.
func prepare(ctx context.Context, root, platform string) error {
	if _, err := exec.LookPath("java"); err != nil {
		return dynamolocal.ErrNoJava
	}
	fmt.Fprintln(os.Stderr, "installing and building what is missing")
	if err := build.Install(ctx, root, os.Stderr); err != nil {
		return err
	}
	return build.Functions(ctx, root, platform, os.Stderr)
}

func printWelcome(m *local.Machine) {
	data := "Data is kept in " + m.Data + "."
	if m.Data == "" {
		data = "Data is in memory, and is lost when it stops."
	}
	fmt.Printf(`
The API is at %[1]s%[2]s. %[3]s Ctrl-C stops it. Try, from here:

  curl -s %[1]s%[2]s/journeys -H "Authorization: Bearer $(make token)" -d '{"name":"Welcome"}' -H 'Content-Type: application/json'

make token ROLE=viewer TENANT=demo prints a token for any role and tenant.
Messages that the channels sent are at %[1]s%[4]s.

console %[1]s/
ready %[1]s
`, m.URL, manifest.BasePath, data, local.InboxPath)
}

func printToken() error {
	tokens, err := issuer.Open(".local")
	if err != nil {
		return err
	}
	token, err := tokens.Token(os.Getenv("TOKEN_TENANT"), os.Getenv("TOKEN_ROLE"), time.Now())
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}

func buildFunctions(ctx context.Context) error {
	platform := build.Platform()
	switch arch := os.Getenv("ARCH"); arch {
	case "":
	case "amd64", "arm64":
		platform = "linux/" + arch
	default:
		return fmt.Errorf("ARCH must be amd64 or arm64, not %q", arch)
	}
	return build.Functions(ctx, ".", platform, os.Stderr)
}
