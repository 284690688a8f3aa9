// Command demo runs the whole on this machine and sends 1,000 customers through
// an onboarding journey. It prints the funnel as it fills, and fails unless
// everybody comes out and each message is in the inbox once.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"journeys/internal/dev/build"
	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

const (
	tenant   = "demo"
	patience = 3 * time.Minute // for everybody to come out; a quiet machine needs a quarter of a minute
)

// providers are the built-in rules that the journey asks, by which who spends
// much gets the better offer, and the inbox.
const providers = `{
	"decisions": {"next-best-offer": {"type": "rules", "offers": [
		{"id": "annual-plan", "priority": 9, "condition": {"field": "spend", "operator": "gte", "value": 50}, "payload": {"discount": 20}},
		{"id": "tour", "priority": 3}]}},
	"channels": {"*": {"type": "inbox", "url": "{inbox}"}},
	"allowPrivate": ["127.0.0.1"]}`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := demo(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context) error {
	output, err := os.CreateTemp("", "journeys-demo-*.log")
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	fmt.Println("starting DynamoDB Local and the functions, which print to", output.Name())
	machine, err := start(ctx, output)
	if err != nil {
		return fmt.Errorf("%w; see %s", err, output.Name())
	}
	defer machine.Stop()
	token, err := machine.Issuer.Token(tenant, manifest.Admin, time.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not everybody was out after %s", patience))
	defer cancel()
	c := newClient(machine.URL, token)
	if err := play(ctx, c); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("%w; see %s", err, output.Name())
	}
	return nil
}

func start(ctx context.Context, output io.Writer) (*local.Machine, error) {
	if err := build.Install(ctx, ".", output); err != nil {
		return nil, err
	}
	if err := build.Functions(ctx, ".", build.Platform(), output); err != nil {
		return nil, err
	}
	listener, err := local.Listen(ctx, 0)
	if err != nil {
		return nil, err
	}
	return local.Start(ctx, local.Options{
		Root: ".", Listener: listener, Ephemeral: true, Minute: time.Second, Providers: providers, Log: output,
	})
}

// play makes the journey, enrolls everybody and watches them go.
func play(ctx context.Context, c *client) error {
	id, err := c.createJourney(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("journey %s: %d nodes of six types, waits of %s and %s\n", id, len(nodes), pause, rest)
	begun := time.Now()
	everybody := customers()
	if err := c.putProfiles(ctx, everybody); err != nil {
		return err
	}
	fmt.Printf("%d profiles put in %s\n", len(everybody), since(begun))
	begun = time.Now()
	if err := c.enroll(ctx, id, everybody); err != nil {
		return err
	}
	fmt.Printf("%d customers enrolled in %s\n\n", len(everybody), since(begun))
	begun = time.Now()
	if err := watch(ctx, c, id); err != nil {
		return err
	}
	sent, err := c.checkInbox(ctx, id, everybody)
	if err != nil {
		return err
	}
	fmt.Printf("\neverybody out after %s; %d messages in the inbox, each once\n", since(begun), sent)
	return nil
}

func since(begun time.Time) time.Duration { return time.Since(begun).Round(100 * time.Millisecond) }
