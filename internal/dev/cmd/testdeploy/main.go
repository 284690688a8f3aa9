// Command testdeploy deploys the stage dev with the CDK to MiniStack, an
// emulator of AWS, calls the deployed API, changes the stack, rotates the secret of a
// channel, mails customers and hears what became of it, restores its table, gives it a
// user pool and destroys it.
// `make test-deploy` calls it. It ignores the user's AWS settings and
// credentials, so it cannot reach an account by mistake.
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

	"journeys/internal/dev/client"
)

// timeout leaves room for a busy machine.
const timeout = 20 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errors.New("not done after "+timeout.String()))
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
		return errors.New("the working directory is not the module's")
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
		err = context.Cause(ctx) // says more than the errors that follow from it
	}
	if err != nil {
		return fmt.Errorf("%w\nthe logs are in %s", err, d.logs)
	}
	fmt.Printf("test-deploy: %d resources, %d calls, IAM evaluated, data kept, restored, destroyed\n", len(d.stack.resources), d.calls)
	return os.RemoveAll(d.logs)
}

// deployment is the state of one run. Its stages fill it in.
type deployment struct {
	root     string // the module's directory
	dir      string // of temporary files
	logs     string // directory of the programs' output; kept if the run fails
	issuer   *issuer.Issuer
	keys     *keyServer
	emulator *emulator
	proxy    *apiProxy
	api      *client.Client
	stack    *snapshot // of the first deployment
	settings []string  // of the next deployment, besides those of every one
	journey  storedJourney
	calls    int // made by the end-to-end tests
}

// run runs the stages and prints how long each took and what it showed.
func (d *deployment) run(ctx context.Context) error {
	for _, stage := range []struct {
		name string
		run  func(context.Context) (shown string, err error)
	}{
		{"build", d.build},
		{"start MiniStack", d.start},
		{"bootstrap", d.bootstrap},
		{"make the key", d.makeKey},
		{"deploy", d.deploy},
		{"read back", d.readBack},
		{"call", d.callAll},
		{"deny an action", d.denyAction},
		{"deploy again", d.deployAgain},
		{"deploy a change", d.deployChange},
		{"rotate a secret", d.rotateSecret},
		{"hear feedback", d.hearFeedback},
		{"restore", d.restore},
		{"add a user pool", d.addCognito},
		{"destroy", d.destroy},
	} {
		begun := time.Now()
		shown, err := stage.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", stage.name, err)
		}
		fmt.Printf("test-deploy: %-17s %5.1f s  %s\n", stage.name, time.Since(begun).Seconds(), shown)
	}
	return nil
}

func (d *deployment) stop() error {
	var err error
	if d.proxy != nil {
		err = d.proxy.Close()
	}
	if d.emulator != nil {
		err = errors.Join(err, d.emulator.stop())
	}
	if d.keys != nil {
		err = errors.Join(err, d.keys.Close())
	}
	return err
}
