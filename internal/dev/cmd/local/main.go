// Command local runs the whole API on this machine, as processes or in SAM CLI's
// containers, and makes tokens for it.
// The Makefile calls it; `make help` says how.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"journeys/internal/dev/dynamolocal"
	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

const usage = `usage, in the module's directory:
  local run      serve the API on PORT (8080), in memory only if EPHEMERAL=1; a
                 minute takes TICK (1m); faults befall it if CRUEL is a seed
  local sam-api  serve the API on PORT (3000) from SAM CLI's containers
  local sam-invoke
                 call FUNCTION once, in SAM CLI's container, with its event
  local token    print a token for TOKEN_ROLE and TOKEN_TENANT
  local build    build the functions for ARCH (this machine's) into dist/
  local deps     install the npm packages`

func main() {
	// A second signal ends us at once; what runs dies with us.
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop)
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
		err = samAPI(ctx)
	case "sam-invoke":
		err = samInvoke(ctx)
	case "token":
		err = token()
	case "build":
		err = build(ctx)
	case "deps":
		err = local.Install(ctx, ".", os.Stderr)
	default:
		err = errors.New(usage)
	}
	// Whoever stopped us knows why it is not done.
	if err != nil && ctx.Err() == nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(ctx context.Context) error {
	port, err := port(8080)
	if err != nil {
		return err
	}
	o := local.Options{Root: ".", Log: os.Stderr, Providers: os.Getenv(manifest.EnvProviders)}
	if o.Ephemeral, err = flag("EPHEMERAL"); err != nil {
		return err
	}
	if o.Minute, err = minute(); err != nil {
		return err
	}
	if o.Cruelty, err = cruelty(); err != nil {
		return err
	}
	// Taken first, so that who comes second is told before anything is built.
	o.Listener, err = listen(ctx, port)
	if err != nil {
		return err
	}
	m, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer m.Stop()
	welcome(m)
	if o.Cruelty != nil {
		o.Cruelty.Begin()
		defer func() { fmt.Println(o.Cruelty) }()
	}
	select {
	case <-ctx.Done():
		fmt.Println("stopping")
		return nil
	case <-m.DynamoDB.Ended():
		return errors.New("DynamoDB Local ended by itself")
	}
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	listener, err := local.Listen(ctx, port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is in use, perhaps by another `make run`: stop it, or choose another port with PORT=", port)
	}
	return listener, err
}

func start(ctx context.Context, o local.Options) (*local.Machine, error) {
	if err := prepare(ctx, o.Root, local.Platform()); err != nil {
		return nil, err
	}
	fmt.Println("starting DynamoDB Local and the functions")
	return local.Start(ctx, o)
}

// prepare installs and builds what is missing.
func prepare(ctx context.Context, root, platform string) error {
	if _, err := exec.LookPath("java"); err != nil {
		return dynamolocal.ErrNoJava
	}
	fmt.Fprintln(os.Stderr, "installing and building what is missing")
	if err := local.Install(ctx, root, os.Stderr); err != nil {
		return err
	}
	return local.Build(ctx, root, platform, os.Stderr)
}

func welcome(m *local.Machine) {
	data := "Data is kept in " + m.Data + "."
	if m.Data == "" {
		data = "Data is in memory and ends with it."
	}
	fmt.Printf(`
The API is at %[1]s%[2]s. %[3]s Ctrl-C stops it. Try, from here:

  curl -s %[1]s%[2]s/journeys -H "Authorization: Bearer $(make token)" -d '{"name":"Welcome"}' -H 'Content-Type: application/json'

make token ROLE=viewer TENANT=demo prints a token for any role and tenant.
What the channels sent is at %[1]s%[4]s.

ready %[1]s
`, m.URL, manifest.BasePath, data, local.InboxPath)
}

func token() error {
	issuer, err := local.OpenIssuer(".local")
	if err != nil {
		return err
	}
	text, err := issuer.Token(os.Getenv("TOKEN_TENANT"), os.Getenv("TOKEN_ROLE"), time.Now())
	if err != nil {
		return err
	}
	fmt.Println(text)
	return nil
}

func build(ctx context.Context) error {
	platform := local.Platform()
	if arch := os.Getenv("ARCH"); arch != "" {
		platform = "linux/" + arch
	}
	return local.Build(ctx, ".", platform, os.Stderr)
}

func port(otherwise int) (int, error) {
	text := os.Getenv("PORT")
	if text == "" {
		return otherwise, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("PORT must be a number from 1 to 65535, is %q", text)
	}
	return port, nil
}

// flag reads a variable that is set or not.
func flag(name string) (bool, error) {
	switch text := strings.ToLower(os.Getenv(name)); text {
	case "", "0", "false", "no":
		return false, nil
	case "1", "true", "yes":
		return true, nil
	default:
		return false, fmt.Errorf("%s must be 1 or 0, is %q", name, text)
	}
}

// minute reads what a minute of the schedules takes.
func minute() (time.Duration, error) {
	text := os.Getenv("TICK")
	if text == "" {
		return time.Minute, nil
	}
	minute, err := time.ParseDuration(text)
	if err != nil || minute < 10*time.Millisecond || minute > time.Hour {
		return 0, fmt.Errorf("TICK must be a time from 10ms to 1h, such as 1s, is %q", text)
	}
	return minute, nil
}

// cruelty reads the seed of the faults; nil for none.
func cruelty() (*local.Cruelty, error) {
	text := os.Getenv("CRUEL")
	if text == "" {
		return nil, nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("CRUEL must be a seed, a whole number, is %q", text)
	}
	return local.NewCruelty(seed), nil
}
