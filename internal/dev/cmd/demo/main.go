// Command demo runs the service on this machine and sends 1,000 customers
// through an onboarding journey. It prints the funnel as it fills. It fails
// unless every customer completes, each message is in the inbox once and every
// purchase is counted as a conversion.
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
	tenant  = "demo"
	timeout = 3 * time.Minute // a quiet machine needs about 15 s
)

// providers sets up built-in rules as the decision flow, which give big spenders
// the better offer, and the inbox for every channel.
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

func demo(ctx context.Context) (err error) {
	output, err := os.CreateTemp("", "journeys-demo-*.log")
	if err != nil {
		return err
	}
	defer func() {
		_ = output.Close()
		if err == nil {
			_ = os.Remove(output.Name())
		}
	}()
	fmt.Println("starting DynamoDB Local and the functions; their log is", output.Name())
	machine, err := start(ctx, output)
	if err != nil {
		return fmt.Errorf("%w; see %s", err, output.Name())
	}
	defer machine.Stop()
	token, err := machine.Issuer.Token(tenant, manifest.Admin, time.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("customers are still inside after %s", timeout))
	defer cancel()
	if err := play(ctx, newAPI(machine.URL, token)); err != nil {
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

// play creates the journey, enrolls the customers and watches them until all
// are out.
func play(ctx context.Context, a *api) error {
	id, err := a.createJourney(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("journey %s: %d nodes of six types, waits of %s and %s\n", id, len(nodes), settleTime, restTime)
	begun := time.Now()
	all := customers()
	if err := a.putProfiles(ctx, all); err != nil {
		return err
	}
	fmt.Printf("%d profiles stored in %s\n", len(all), since(begun))
	begun = time.Now()
	if err := a.enroll(ctx, id, all); err != nil {
		return err
	}
	fmt.Printf("%d customers enrolled in %s\n\n", len(all), since(begun))
	begun = time.Now()
	if err := watch(ctx, a, id); err != nil {
		return err
	}
	sent, err := a.checkInbox(ctx, id, all)
	if err != nil {
		return err
	}
	fmt.Printf("\nall customers out after %s; %d messages in the inbox, each once\n", since(begun), sent)
	buyers, err := a.buy(ctx, all)
	if err != nil {
		return err
	}
	fmt.Printf("%d customers buy, within the 30 days of the goal\n\n", buyers)
	return showConversions(ctx, a, id, buyers)
}

func since(begun time.Time) time.Duration { return time.Since(begun).Round(100 * time.Millisecond) }
