package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-json-experiment/json"

	"journeys/internal/boot/settings"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Tick runs the function that finds who is due.
func Tick(newInvoke NewInvoke) {
	settings.Start(manifest.Tick, func(set map[string]string) (any, error) {
		e := newEngine(set)
		e.Dispatcher = newDispatcher(set, newInvoke)
		return e.Tick, nil
	})
}

// NewProvider makes a Provider of a function's settings and the AWS settings. It
// is effects.New, which comes as an argument so that only advance links the
// clients of channels.
type NewProvider func(settings map[string]string, cfg aws.Config) (engine.Provider, error)

// Advance runs the function that moves customers.
func Advance(newProvider NewProvider) {
	settings.Start(manifest.Advance, func(set map[string]string) (any, error) {
		provider, err := newProvider(set, awsConfig())
		if err != nil {
			return nil, err
		}
		e := newEngine(set)
		e.Provider = provider
		return func(ctx context.Context, event packEvent) error {
			pack, err := event.pack()
			if err != nil {
				return err
			}
			return e.Advance(ctx, pack)
		}, nil
	})
}

// parallelEffects is how many decisions and messages one invocation of advance
// has under way at a time.
const parallelEffects = 32

func newEngine(set map[string]string) *engine.Engine {
	return &engine.Engine{
		Table:    dynamo.New(connect(context.Background()), set[manifest.EnvTable], rand.Reader).Engine,
		Parallel: parallelEffects, Now: time.Now, Jitter: mathrand.Float64,
		Log: lambdacontext.NewLogger(), Definitions: &journey.Definitions{},
		Installation: set[manifest.EnvTable],
	}
}

// packEvent is a pack as an invocation's payload.
type packEvent struct {
	Tenant    string     `json:"tenant"`
	Journey   journey.ID `json:"journeyId"`
	Customers []string   `json:"customers"`
	Solo      bool       `json:"solo,omitzero"`
}

func (p packEvent) pack() (engine.Pack, error) {
	tenant, ok := journey.ParseTenant(p.Tenant)
	if !ok || !p.Journey.Valid() || len(p.Customers) > engine.PackSize {
		return engine.Pack{}, errors.New("the payload is no pack of customers")
	}
	return engine.Pack{Tenant: tenant, Journey: p.Journey, Customers: p.Customers, Solo: p.Solo}, nil
}

// Invoke invokes a function asynchronously: it returns once the invocation is
// taken.
type Invoke func(ctx context.Context, function string, payload []byte) error

// NewInvoke makes an Invoke of the AWS settings. It is dispatch.Lambda, which
// comes as an argument so that only functions that invoke link its client.
type NewInvoke func(aws.Config) Invoke

// dispatcher starts advance on packs.
type dispatcher struct {
	invoke   Invoke
	function string
}

func newDispatcher(set map[string]string, newInvoke NewInvoke) *dispatcher {
	return &dispatcher{newInvoke(awsConfig()), set[manifest.EnvAdvance]}
}

// Dispatch implements engine.Dispatcher.
func (d *dispatcher) Dispatch(ctx context.Context, p engine.Pack) error {
	payload, err := json.Marshal(packEvent{p.Tenant.String(), p.Journey, p.Customers, p.Solo})
	if err != nil {
		return fmt.Errorf("encode a pack: %w", err)
	}
	return d.invoke(ctx, d.function, payload)
}

// nudgeTime bounds what a nudge may add to an answer.
const nudgeTime = 2 * time.Second

// nudge starts advance on customers who were just enrolled and have something
// due at once. What fails here is found by tick.
func (d *dispatcher) nudge(log *slog.Logger) func(context.Context, journey.Tenant, journey.ID, []string) {
	return func(ctx context.Context, t journey.Tenant, id journey.ID, customers []string) {
		ctx, cancel := context.WithTimeout(ctx, nudgeTime)
		defer cancel()
		for len(customers) > 0 {
			n := min(len(customers), engine.PackSize)
			if err := d.Dispatch(ctx, engine.Pack{Tenant: t, Journey: id, Customers: customers[:n]}); err != nil {
				log.WarnContext(ctx, "not nudged; tick will find them", "journey", id, "error", err)
				return
			}
			customers = customers[n:]
		}
	}
}
