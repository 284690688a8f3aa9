// Package apitest serves the API inside a test, over any store, without a
// gateway or an authorizer.
package apitest

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/api"
	"journeys/internal/auth"
	"journeys/internal/catalog"
	"journeys/internal/consent/key"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/names"
	"journeys/internal/subscription"
	"journeys/internal/suppression"
	"journeys/internal/testsend"
	"journeys/internal/wiring"
)

// Config is what a test chooses of the API.
type Config struct {
	Stores    journey.Stores // its Topics may be nil, which keeps them in memory
	Analytics analytics.Table
	Addresses suppression.Store       // nil if no call is about suppressions
	Key       *key.Source             // of addresses
	Provider  engine.Provider         // nil if no call sends
	TestSends journey.Quota           // of test messages
	Names     names.Store             // nil keeps names in memory
	Catalog   *catalog.Catalog        // nil has every channel, and no decision flow
	Wirings   map[string]wiring.State // of channels
	Now       func() time.Time
	Random    io.Reader    // nil means a fixed seed: the same ids in each run
	Log       *slog.Logger // nil discards the log
}

// PublicURL begins the links in messages.
const PublicURL = "https://journeys.test"

// Handler returns the API with all of its operations. The log line of a request
// reports used=7 where a function reports its use of the table.
func Handler(c Config) http.Handler {
	if c.Random == nil {
		c.Random = rand.NewChaCha8([32]byte{})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Names == nil {
		c.Names = &memoryNames{}
	}
	if c.Key == nil {
		k, err := key.Parse(base64.StdEncoding.EncodeToString(make([]byte, key.Size)))
		if err != nil {
			panic(err)
		}
		c.Key = key.Fixed(k)
	}
	topics, ok := c.Stores.Topics.(subscription.Store)
	if !ok {
		topics = newMemoryTopics()
		c.Stores.Topics = topics
	}
	service := journey.NewService(c.Stores, c.Now, c.Random)
	service.Catalog.Channels = catalog.List{catalog.DefaultName: {Kind: "inbox"}}
	if c.Catalog != nil {
		service.Catalog = *c.Catalog
	}
	suppressions := &suppression.Service{Store: c.Addresses, Key: c.Key, Catalog: service.Catalog, Now: c.Now}
	if c.Addresses != nil {
		service.KeepOptOuts = suppressions.KeepOptOuts
	}
	a := &api.API{
		Journeys:      service,
		Analytics:     analytics.NewReader(c.Analytics),
		Names:         names.NewCollector(c.Names, c.Now, c.Log),
		Subscriptions: &subscription.Service{Store: topics, Journeys: service, Now: c.Now, Addresses: suppressions},
		Log:           c.Log,
		Now:           c.Now,
		Suppressions:  suppressions,
		Key:           c.Key,
		TestSends: &testsend.Service{
			Journeys: service, Suppressions: suppressions, Provider: c.Provider, Quota: c.TestSends,
			PublicURL: PublicURL, Now: c.Now, Entropy: c.Random,
		},
		Wirings: func(context.Context, time.Time) (map[string]wiring.State, error) { return c.Wirings, nil },
		Meter: func(ctx context.Context) (context.Context, func() slog.Attr) {
			return ctx, func() slog.Attr { return slog.Int("used", 7) }
		},
	}
	mux := http.NewServeMux()
	for _, op := range api.Operations() {
		mux.Handle(op.Key(), a.Handler(op))
	}
	return mux
}

// Store is everything that a journey.Service calls. Tests implement it with one
// fake.
type Store interface {
	journey.JourneyStore
	journey.EnrollmentStore
	journey.CustomerStore
	journey.EventStore
	journey.VersionStore
}

// Stores returns journey.Stores whose parts are all s.
func Stores(s Store) journey.Stores {
	return journey.Stores{Journeys: s, Enrollments: s, Customers: s, Events: s, Versions: s}
}

// memoryNames keeps the names of all tenants in memory.
type memoryNames struct{ records sync.Map }

func (m *memoryNames) Names(_ context.Context, t ident.Tenant) (names.Record, error) {
	r, _ := m.records.Load(t)
	record, _ := r.(names.Record)
	return record, nil
}

func (m *memoryNames) PutNames(_ context.Context, t ident.Tenant, r names.Record) (names.Record, error) {
	m.records.Store(t, r)
	return r, nil
}

// Caller returns an authenticated caller whose token expires one hour after
// now. It panics if the tenant is not a valid one.
func Caller(tenant, role string, now time.Time) auth.Caller {
	t, ok := ident.ParseTenant(tenant)
	if !ok {
		panic("apitest: invalid tenant " + tenant)
	}
	return auth.Caller{Subject: "s1", Tenant: t, Role: role, ExpiresAt: now.Add(time.Hour)}
}

// Serve returns h's answer to a request of the caller.
func Serve(h http.Handler, r *http.Request, c auth.Caller) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), c)))
	return w
}
