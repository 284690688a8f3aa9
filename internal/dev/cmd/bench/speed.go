package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"journeys/internal/api"
	"journeys/internal/auth"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// How the two ways are compared: in turns, each by several callers at once.
const (
	callers       = 4
	turns         = 5
	callsPerTurn  = 200
	gatewayRate   = 0.25 // of the plain handler's calls per second
	gatewayRatio  = 4    // of the plain handler's p99
	gatewayReason = "A call goes through a process that is thawed and frozen by signals; on a busy machine it waits for the processor at each."
)

// measureSpeed compares calls through the gateway with the same handler over
// plain HTTP.
func measureSpeed(ctx context.Context, s *stage) ([]row, error) {
	plain := httptest.NewServer(s.handler())
	defer plain.Close()
	answer, err := s.call(ctx, "POST", s.gateway.URL, "/journeys", `{"name":"Welcome","definition":`+graph+`}`)
	if err != nil {
		return nil, err
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil {
		return nil, err
	}
	ways := []*way{{base: plain.URL}, {base: s.gateway.URL}}
	for turn := range turns + 1 {
		for _, w := range ways {
			took, err := s.turn(ctx, w.base, "/journeys/"+made.ID)
			if err != nil {
				return nil, err
			}
			if turn > 0 { // the first one warms up
				w.add(took)
			}
		}
	}
	direct, through := ways[0], ways[1]
	return []row{
		{what: "plain HTTP: calls per second", measured: direct.rate()},
		{what: "gateway: calls per second", measured: through.rate()},
		{what: "gateway: calls per second beside plain HTTP", measured: through.rate() / direct.rate(), unit: "x", floor: atLeast(gatewayRate), why: gatewayReason},
		{what: "plain HTTP: p99", measured: direct.p99(), unit: " ms"},
		{what: "gateway: p99", measured: through.p99(), unit: " ms"},
		{what: "gateway: p99 beside plain HTTP", measured: through.p99() / direct.p99(), unit: "x", floor: atMost(gatewayRatio), why: gatewayReason},
	}, nil
}

// handler is that of the function get-journey, for one caller, without Lambda.
func (s *stage) handler() http.Handler {
	store := dynamo.New(dynamo.NewClient(s.config(s.tap.URL), dynamo.Local), local.Table, rand.Reader)
	a := &api.API{
		Journeys: journey.NewService(store.Handlers(), time.Now, rand.Reader),
		Log:      slog.New(slog.DiscardHandler),
		Now:      time.Now,
		Meter: func(ctx context.Context) (context.Context, func() slog.Attr) {
			ctx, _ = dynamo.WithMeter(ctx)
			return ctx, func() slog.Attr { return slog.Attr{} }
		},
	}
	who := auth.Caller{Subject: "bench", Role: manifest.Admin, ExpiresAt: time.Now().Add(time.Hour)}
	who.Tenant, _ = journey.ParseTenant(tenant)
	mux := http.NewServeMux()
	mux.Handle(api.GetJourney.Key(), a.Handler(api.GetJourney))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), who)))
	})
}

// way is one way to the handler, and how long its calls took.
type way struct {
	base    string
	calls   []time.Duration
	elapsed time.Duration
}

type turnTook struct {
	calls   []time.Duration
	elapsed time.Duration
}

func (w *way) add(t turnTook) {
	w.calls = append(w.calls, t.calls...)
	w.elapsed += t.elapsed
}

func (w *way) rate() float64 { return float64(len(w.calls)) / w.elapsed.Seconds() }

// p99 returns milliseconds.
func (w *way) p99() float64 {
	slices.Sort(w.calls)
	return float64(w.calls[len(w.calls)*99/100].Microseconds()) / 1000
}

// turn makes the calls of one turn.
func (s *stage) turn(ctx context.Context, base, path string) (turnTook, error) {
	took := turnTook{calls: make([]time.Duration, callsPerTurn)}
	errs := make([]error, callers)
	var running sync.WaitGroup
	begun := time.Now()
	for c := range callers {
		running.Go(func() {
			for i := c; i < callsPerTurn && errs[c] == nil; i += callers {
				at := time.Now()
				_, errs[c] = s.call(ctx, "GET", base, path, "")
				took.calls[i] = time.Since(at)
			}
		})
	}
	running.Wait()
	took.elapsed = time.Since(begun)
	return took, errors.Join(errs...)
}
