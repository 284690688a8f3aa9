package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/api"
	"journeys/internal/auth"
	"journeys/internal/dev/client"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// The gateway and plain HTTP are measured in turns, each with several callers.
const (
	callers       = 4
	turns         = 5
	callsPerTurn  = 200
	gatewayRate   = 0.25 // of the plain handler's calls per second
	gatewayRatio  = 4    // of the plain handler's p99
	gatewayReason = "Each call thaws and freezes a process with signals. On a busy machine it waits for the processor each time."
)

// measureSpeed compares calls through the gateway with calls to the same handler
// over plain HTTP.
func measureSpeed(ctx context.Context, r *rig) ([]row, error) {
	plain := httptest.NewServer(r.handler())
	defer plain.Close()
	var created struct{ ID string }
	body := json.RawMessage(`{"name":"Welcome","definition":` + welcomeGraph + `}`)
	if err := r.api.Do(ctx, "POST", "/journeys", body, &created); err != nil {
		return nil, err
	}
	direct, through := &route{api: newAPI(plain.URL, "")}, &route{api: r.api}
	for turn := range turns + 1 {
		for _, r := range []*route{direct, through} {
			if turn == 1 { // the first one warms up
				r.calls, r.elapsed = nil, 0
			}
			if err := r.turn(ctx, "/journeys/"+created.ID); err != nil {
				return nil, err
			}
		}
	}
	return []row{
		{what: "plain HTTP: calls per second", measured: direct.rate()},
		{what: "gateway: calls per second", measured: through.rate()},
		{what: "gateway: calls per second, of plain HTTP's", measured: through.rate() / direct.rate(), unit: "x", floor: atLeast(gatewayRate), why: gatewayReason},
		{what: "plain HTTP: p99", measured: direct.p99(), unit: " ms"},
		{what: "gateway: p99", measured: through.p99(), unit: " ms"},
		{what: "gateway: p99, of plain HTTP's", measured: through.p99() / direct.p99(), unit: "x", floor: atMost(gatewayRatio), why: gatewayReason},
	}, nil
}

// handler returns the handler of get-journey for one caller, without Lambda.
func (r *rig) handler() http.Handler {
	store := r.newStore()
	a := &api.API{
		Journeys: journey.NewService(store.Handlers(), time.Now, rand.Reader),
		Log:      slog.New(slog.DiscardHandler),
		Now:      time.Now,
		Meter: func(ctx context.Context) (context.Context, func() slog.Attr) {
			ctx, _ = capacity.WithMeter(ctx)
			return ctx, func() slog.Attr { return slog.Attr{} }
		},
	}
	caller := auth.Caller{Subject: "bench", Role: manifest.Admin, ExpiresAt: time.Now().Add(time.Hour)}
	caller.Tenant, _ = ident.ParseTenant(tenant)
	mux := http.NewServeMux()
	mux.Handle(api.GetJourney().Key(), a.Handler(api.GetJourney()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), caller)))
	})
}

// route is one way to reach the handler, and how long its calls took.
type route struct {
	api     *client.Client
	calls   []time.Duration
	elapsed time.Duration
}

func (r *route) rate() float64 { return float64(len(r.calls)) / r.elapsed.Seconds() }

// p99 returns milliseconds.
func (r *route) p99() float64 {
	slices.Sort(r.calls)
	return float64(r.calls[len(r.calls)*99/100].Microseconds()) / 1000
}

// turn makes the calls of one turn.
func (r *route) turn(ctx context.Context, path string) error {
	calls := make([]time.Duration, callsPerTurn)
	var group errgroup.Group
	begun := time.Now()
	for c := range callers {
		group.Go(func() error {
			for i := c; i < callsPerTurn; i += callers {
				at := time.Now()
				if err := r.api.Do(ctx, "GET", path, nil, nil); err != nil {
					return err
				}
				calls[i] = time.Since(at)
			}
			return nil
		})
	}
	err := group.Wait()
	r.calls, r.elapsed = append(r.calls, calls...), r.elapsed+time.Since(begun)
	return err
}
