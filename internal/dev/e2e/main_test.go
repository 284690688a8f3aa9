package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"journeys/internal/dev/build"
	"journeys/internal/dev/issuer"
	"journeys/internal/dev/local"
)

var (
	urlFlag    = flag.String("url", "", "URL of the API without /api/v1, instead of one on this machine")
	issuerFlag = flag.String("issuer", "../../../.local", "directory of the signing key that the API at -url trusts")
)

// target is the API that the tests call.
var target struct {
	url     string
	issuer  *issuer.Issuer
	machine *local.Machine // nil with -url
	log     string         // file with the functions' output; "" with -url
}

func TestMain(m *testing.M) {
	flag.Parse()
	stop, err := setTarget(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	if code == 0 && calls.Load() == 0 {
		fmt.Fprintln(os.Stderr, "e2e: no call got an answer")
		code = 1
	}
	fmt.Printf("e2e: %d calls answered by %s\n", calls.Load(), target.url)
	os.Exit(code)
}

// setTarget sets the target. It starts the API if that is to be on this machine.
func setTarget(ctx context.Context) (stop func(), err error) {
	if *urlFlag != "" {
		target.url = *urlFlag
		target.issuer, err = issuer.Open(*issuerFlag)
		return func() {}, err
	}
	root, err := filepath.Abs("../../..") // the module's directory
	if err != nil {
		return nil, err
	}
	output, err := os.CreateTemp("", "journeys-e2e-*.log")
	if err != nil {
		return nil, err
	}
	err = errors.Join(build.Install(ctx, root, output), build.Functions(ctx, root, build.Platform(), output))
	if err != nil {
		return nil, fmt.Errorf("%w; see %s", err, output.Name())
	}
	listener, err := local.Listen(ctx, 0)
	if err != nil {
		return nil, err
	}
	machine, err := local.Start(ctx, local.Options{Root: root, Listener: listener, Ephemeral: true, Log: output})
	if err != nil {
		return nil, fmt.Errorf("%w; see %s", err, output.Name())
	}
	target.url, target.issuer, target.machine = machine.URL, machine.Issuer, machine
	target.log = output.Name()
	fmt.Println("e2e: the functions' log is", output.Name())
	return machine.Stop, nil
}
