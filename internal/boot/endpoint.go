// Package boot builds each function from its settings and runs it. It gives the
// parts the system's clock and randomness. Of the code that ships, only boot and
// its subpackages read the environment: function the settings, boot what Lambda
// sets for the SDK.
package boot

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/analytics"
	"journeys/internal/api"
	"journeys/internal/apigw"
	"journeys/internal/boot/function"
	"journeys/internal/catalog"
	"journeys/internal/consent/key"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/names"
	"journeys/internal/subscription"
	"journeys/internal/suppression"
	"journeys/internal/testsend"
)

// Endpoint runs the function that serves op. It never returns.
func Endpoint(op api.Operation) { runEndpoint(op, nil, nil) }

// InvokingEndpoint is Endpoint for an operation that makes customers due: the
// function also invokes advance for them.
func InvokingEndpoint(op api.Operation, newInvoke NewInvoke) { runEndpoint(op, newInvoke, nil) }

// SendingEndpoint is Endpoint for an operation that sends messages itself.
func SendingEndpoint(op api.Operation, newProvider NewProvider) { runEndpoint(op, nil, newProvider) }

func runEndpoint(op api.Operation, newInvoke NewInvoke, newProvider NewProvider) {
	function.Run(op.Function, func(settings map[string]string) (any, error) {
		store := openStore(settings)
		log := lambdacontext.NewLogger()
		stores := store.Handlers()
		var err error
		if stores.Quota, err = readQuota(settings, store); err != nil {
			return nil, err
		}
		service := newService(stores)
		service.Unstripped = func(ctx context.Context, t ident.Tenant, d journey.Damage) {
			log.ErrorContext(ctx, "messages of a forgotten customer not stripped", "tenant", t.String(), "journey", d.Journey, "error", d.Cause)
		}
		service.Sample = func(customers int) bool { return mathrand.IntN(journey.SampleEvery) < customers }
		if service.Catalog, err = readCatalog(settings); err != nil {
			return nil, err
		}
		if newInvoke != nil {
			service.Nudge = newDispatcher(settings, newInvoke).nudge(log)
		}
		collector := names.NewCollector(store.Names, time.Now, log)
		collector.Timeout = namesTimeout()
		source, err := readKey(settings)
		if err != nil {
			return nil, err
		}
		suppressions := newSuppressions(source, store, service)
		a := &api.API{
			Journeys:      service,
			Analytics:     analytics.NewReader(store.Analytics),
			Names:         collector,
			Subscriptions: &subscription.Service{Store: store.Topics, Journeys: service, Now: time.Now, Addresses: suppressions},
			Log:           log,
			Now:           time.Now,
			Meter:         meter,
			Installation:  settings[manifest.EnvTable],
			Suppressions:  suppressions,
			Key:           source,
			Wirings:       store.Wirings.States,
		}
		if newProvider != nil {
			if a.TestSends, err = newTestSends(settings, store, a, newProvider); err != nil {
				return nil, err
			}
		}
		return apigw.Handler(a.Handler(op), log), nil
	})
}

// readKey returns the source of the key of a function that has the setting, nil for others.
func readKey(settings map[string]string) (*key.Source, error) {
	if _, ok := settings[manifest.EnvKey]; !ok {
		return nil, nil //nolint:nilnil // most functions have none
	}
	return openKey(settings)
}

// newSuppressions returns the service of suppressions of a function that has the key, and
// lets the journeys' service keep opt-outs by it; nil for others.
func newSuppressions(source *key.Source, store *dynamo.Store, journeys *journey.Service) *suppression.Service {
	if source == nil {
		return nil
	}
	s := &suppression.Service{Store: store.Addresses, Key: source, Catalog: journeys.Catalog, Now: time.Now}
	journeys.KeepOptOuts = s.KeepOptOuts
	return s
}

// newTestSends returns the service of test messages of a function that sends.
func newTestSends(settings map[string]string, store *dynamo.Store, a *api.API, newProvider NewProvider) (*testsend.Service, error) {
	provider, err := newProvider(settings, awsConfig())
	return &testsend.Service{
		Journeys: a.Journeys, Suppressions: a.Suppressions, Provider: provider, Quota: store.TestSendQuota(testsend.PerMinute),
		PublicURL: settings[manifest.EnvPublicURL], Now: time.Now, Entropy: rand.Reader,
	}, err
}

// namesTimeout bounds what the collection of names adds to a call. DynamoDB Local queues
// requests on a busy machine.
func namesTimeout() time.Duration {
	if isDynamoDBLocal() {
		return 10 * time.Second
	}
	return 200 * time.Millisecond
}

// readQuota returns the quota of a function that has the setting, nil for none.
func readQuota(settings map[string]string, store *dynamo.Store) (journey.Quota, error) {
	text, ok := settings[manifest.EnvEnrollmentsPerMinute]
	if !ok {
		return nil, nil //nolint:nilnil // there may be no quota
	}
	perMinute, err := journey.ParseQuota(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %w", manifest.EnvEnrollmentsPerMinute, err)
	case perMinute == 0:
		return nil, nil //nolint:nilnil // there may be no quota
	}
	return store.Quota(perMinute), nil
}

// readCatalog returns the catalog of a function that has the setting, the zero Catalog
// for others.
func readCatalog(settings map[string]string) (catalog.Catalog, error) {
	text, ok := settings[manifest.EnvCatalog]
	if !ok {
		return catalog.Catalog{}, nil
	}
	c, err := catalog.Parse(text)
	if err != nil {
		return catalog.Catalog{}, fmt.Errorf("%s: %w", manifest.EnvCatalog, err)
	}
	return c, nil
}

// meter implements api.API.Meter: it reports a request's use of the table.
func meter(ctx context.Context) (context.Context, func() slog.Attr) {
	ctx, m := capacity.WithMeter(ctx)
	return ctx, func() slog.Attr {
		used := m.Usage()
		attrs := []any{
			"requests", used.Requests, "retries", used.Requests - used.Calls,
			"readUnits", used.ReadUnits, "writeUnits", used.WriteUnits, "indexUnits", used.IndexUnits,
		}
		if used.LastError != "" {
			attrs = append(attrs, "lastError", used.LastError)
		}
		return slog.Group("table", attrs...)
	}
}
