package boot

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-json-experiment/json"

	"journeys/internal/boot/function"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Tick runs the function that finds due customers and invokes advance for them.
// It never returns.
func Tick(newInvoke NewInvoke) {
	function.Run(manifest.Tick, func(settings map[string]string) (any, error) {
		e, err := newEngine(settings)
		if err != nil {
			return nil, err
		}
		e.Dispatcher = newDispatcher(settings, newInvoke)
		return e.Tick, nil
	})
}

// NewProvider builds the engine's Provider. providers.New implements it; it is
// an argument so that only advance links the clients of channels.
type NewProvider func(settings map[string]string, cfg aws.Config) (engine.Provider, error)

// Advance runs the function that moves customers. It never returns.
func Advance(newProvider NewProvider) {
	function.Run(manifest.Advance, func(settings map[string]string) (any, error) {
		provider, err := newProvider(settings, awsConfig())
		if err != nil {
			return nil, err
		}
		e, err := newEngine(settings)
		if err != nil {
			return nil, err
		}
		if e.Restore, err = engine.ParseRestore(settings[manifest.EnvRestored]); err != nil {
			return nil, fmt.Errorf("%s: %w", manifest.EnvRestored, err)
		}
		e.Provider = provider
		handlers := openStore(settings).Handlers()
		e.ProfileWritten = journey.NewService(handlers, time.Now, cryptorand.Reader).WakeProfileWaits // tick finds them
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
// runs at a time.
const parallelEffects = 32

func newEngine(settings map[string]string) (*engine.Engine, error) {
	paused, err := strconv.ParseBool(settings[manifest.EnvPaused])
	if err != nil {
		return nil, fmt.Errorf("%s is %q: want true or false", manifest.EnvPaused, settings[manifest.EnvPaused])
	}
	return &engine.Engine{
		Table:    openStore(settings).Engine,
		Parallel: parallelEffects, Now: time.Now, Jitter: rand.Float64,
		Log: lambdacontext.NewLogger(), Definitions: &journey.Definitions{},
		Installation: settings[manifest.EnvTable], Paused: paused,
	}, nil
}

// packEvent is the payload of an invocation of advance.
type packEvent struct {
	Tenant    string   `json:"tenant"`
	Journey   ident.ID `json:"journeyId"`
	Customers []string `json:"customers"`
	Solo      bool     `json:"solo,omitzero"`
}

func (p packEvent) pack() (engine.Pack, error) {
	tenant, ok := ident.ParseTenant(p.Tenant)
	if !ok || !p.Journey.Valid() || len(p.Customers) > engine.PackSize {
		return engine.Pack{}, errors.New("the payload is not a pack of customers")
	}
	return engine.Pack{Tenant: tenant, Journey: p.Journey, Customers: p.Customers, Solo: p.Solo}, nil
}

// Invoke invokes the named function asynchronously: it returns once Lambda has
// queued the invocation.
type Invoke func(ctx context.Context, name string, payload []byte) error

// NewInvoke builds an Invoke. invoke.New implements it; it is an argument so that
// only functions that invoke others link Lambda's client.
type NewInvoke func(aws.Config) Invoke

// dispatcher invokes advance.
type dispatcher struct {
	invoke  Invoke
	advance string // name of the function
}

func newDispatcher(settings map[string]string, newInvoke NewInvoke) *dispatcher {
	return &dispatcher{newInvoke(awsConfig()), settings[manifest.EnvAdvance]}
}

// Dispatch implements engine.Dispatcher.
func (d *dispatcher) Dispatch(ctx context.Context, p engine.Pack) error {
	payload, err := json.Marshal(packEvent{p.Tenant.String(), p.Journey, p.Customers, p.Solo})
	if err != nil {
		return fmt.Errorf("encode a pack: %w", err)
	}
	return d.invoke(ctx, d.advance, payload)
}

// nudgeTimeout bounds the delay that a nudge adds to an answer.
const nudgeTimeout = 2 * time.Second

// nudge returns a journey.Service.Nudge that dispatches the customers in packs.
// It gives up on the first error: tick will find the rest.
func (d *dispatcher) nudge(log *slog.Logger) func(context.Context, ident.Tenant, ident.ID, []string) {
	return func(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) {
		ctx, cancel := context.WithTimeout(ctx, nudgeTimeout)
		defer cancel()
		for len(customers) > 0 {
			n := min(len(customers), engine.PackSize)
			if err := d.Dispatch(ctx, engine.Pack{Tenant: t, Journey: id, Customers: customers[:n]}); err != nil {
				log.WarnContext(ctx, "nudge failed: customers left to tick", "journey", id, "error", err)
				return
			}
			customers = customers[n:]
		}
	}
}
