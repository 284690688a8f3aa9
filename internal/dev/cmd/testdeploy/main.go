// Command testdeploy deploys the stage dev with the CDK for real, to MiniStack
// instead of AWS, uses what is deployed, changes it and destroys it. `make
// test-deploy` calls it. It takes nothing from the settings and credentials of
// whoever runs it, so it cannot reach an account by mistake.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"journeys/internal/dev/issuer"
)

// patience is how long all of it may take, on a busy machine too.
const patience = 20 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it takes longer than "+patience.String()))
	defer cancel()
	if err := test(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "test-deploy:", err)
		os.Exit(1)
	}
}

func test(ctx context.Context) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if _, err := os.Stat("go.mod"); err != nil {
		return errors.New("run it in the module's directory")
	}
	d := &deployment{root: root}
	if d.dir, err = os.MkdirTemp("", "journeys-test-deploy-"); err != nil {
		return err
	}
	if d.logs, err = os.MkdirTemp("", "journeys-test-deploy-logs-"); err != nil {
		return err
	}
	err = errors.Join(d.run(ctx), d.stop(), os.RemoveAll(d.dir))
	if ctx.Err() != nil {
		err = context.Cause(ctx) // what was cut off by it says less
	}
	if err != nil {
		return fmt.Errorf("%w\nwhat was printed meanwhile is in %s", err, d.logs)
	}
	fmt.Printf("test-deploy: %d resources, %d calls, IAM judged, data kept, destroyed\n", len(d.stack.resources), d.calls)
	return os.RemoveAll(d.logs)
}

// deployment is one round from nothing to nothing. Its stages fill it in.
type deployment struct {
	root     string // the module's directory
	dir      string // of this round's files
	logs     string // directory of what everything prints; stays when the round fails
	issuer   *issuer.Issuer
	keys     *keyServer
	emulator *emulator
	door     *door
	stack    *snapshot // as deployed first
	journey  kept
	calls    int // that the end-to-end tests made
}

// run goes through the stages and says of each how long it took and what it
// showed.
func (d *deployment) run(ctx context.Context) error {
	for _, stage := range []struct {
		name string
		do   func(context.Context) (shown string, err error)
	}{
		{"build", d.build},
		{"start MiniStack", d.start},
		{"bootstrap", d.bootstrap},
		{"deploy", d.deploy},
		{"read back", d.readBack},
		{"call", d.callAll},
		{"take a right away", d.takeRightAway},
		{"deploy again", d.deployAgain},
		{"deploy a change", d.deployChange},
		{"destroy", d.destroy},
	} {
		begun := time.Now()
		shown, err := stage.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", stage.name, err)
		}
		fmt.Printf("test-deploy: %-17s %5.1f s  %s\n", stage.name, time.Since(begun).Seconds(), shown)
	}
	return nil
}

func (d *deployment) stop() error {
	var err error
	if d.door != nil {
		err = d.door.Close()
	}
	if d.emulator != nil {
		err = errors.Join(err, d.emulator.stop())
	}
	if d.keys != nil {
		err = errors.Join(err, d.keys.Close())
	}
	return err
}
