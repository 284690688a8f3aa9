package boot

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"journeys/internal/boot/function"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/target"
	"journeys/internal/wiring"
)

// Tick runs the function that finds due customers and invokes advance for them, or
// sweep. It never returns.
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

// Sweep runs the function that does tick's work for a part of the live journeys. It
// never returns.
func Sweep(newInvoke NewInvoke) {
	function.Run(manifest.Sweep, func(settings map[string]string) (any, error) {
		e, err := newEngine(settings)
		if err != nil {
			return nil, err
		}
		e.Dispatcher = newDispatcher(settings, newInvoke)
		return func(ctx context.Context, event segmentEvent) error {
			segment, err := event.segment()
			if err != nil {
				return err
			}
			return e.Sweep(ctx, segment)
		}, nil
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
		if e.Key, err = openKey(settings); err != nil {
			return nil, err
		}
		e.Provider, e.PublicURL = provider, settings[manifest.EnvPublicURL]
		store := openStore(settings)
		notes := &wiring.Notes{Write: store.Wirings.Sent, Now: time.Now, Log: e.Log}
		e.Sent = notes.Note
		e.ProfileWritten = newService(store.Handlers()).WakeProfileWaits // tick finds them
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
	workers, err := engine.ParseConcurrency(settings[manifest.EnvConcurrency])
	if err != nil {
		return nil, fmt.Errorf("%s %w", manifest.EnvConcurrency, err)
	}
	return &engine.Engine{
		Table:    openStore(settings).Engine,
		Parallel: parallelEffects, Workers: workers, Now: time.Now, Jitter: rand.Float64,
		Log: lambdacontext.NewLogger(), Definitions: &journey.Definitions{}, Watch: &target.Watch{},
		Installation: settings[manifest.EnvTable], Paused: paused,
	}, nil
}
