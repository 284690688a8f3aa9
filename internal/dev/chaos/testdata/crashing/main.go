// Command crashing is a test build of advance. It exits, as after a fault of the
// runtime or out of memory, when it decides for or sends to certain customers.
// Its clock runs SPEED times as fast from START on, to shorten leases and
// back-offs, but not during a call: what a call reads would be too old at once.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"journeys/internal/condition"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/conn"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
	"journeys/internal/provider"
)

// crashingProvider exits the process for some customers.
type crashingProvider struct{ engine.Provider }

func (p crashingProvider) Decide(ctx context.Context, r engine.DecisionRequest) (condition.Value, error) {
	if r.Customer == "kills-deciding" {
		os.Exit(3)
	}
	return p.Provider.Decide(ctx, r)
}

func (p crashingProvider) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	if m.Customer == "kills-sending" {
		os.Exit(4)
	}
	return p.Provider.Send(ctx, m)
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	settings, err := provider.ParseSettings([]byte(os.Getenv(manifest.EnvProviders)))
	if err != nil {
		panic(err)
	}
	now := newClock()
	e := &engine.Engine{
		Table:    dynamo.New(conn.New(cfg, conn.Local), os.Getenv(manifest.EnvTable), rand.Reader).Engine,
		Provider: crashingProvider{provider.New(settings, time.Now, provider.Network{})}, Parallel: 32, Now: now.read,
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.NewJSONHandler(os.Stdout, nil)),
		Definitions: &journey.Definitions{},
	}
	lambda.Start(func(ctx context.Context, event struct {
		Tenant    string
		JourneyID ident.ID
		Customers []string
		Solo      bool
	},
	) error {
		now.leap()
		tenant, _ := ident.ParseTenant(event.Tenant)
		return e.Advance(ctx, engine.Pack{Tenant: tenant, Journey: event.JourneyID, Customers: event.Customers, Solo: event.Solo})
	})
}

// clock is read during one call at a time.
type clock struct {
	start  time.Time
	speed  time.Duration
	leapt  time.Time     // real time of the last leap
	passed time.Duration // since start, at that time
}

func newClock() *clock {
	start, err := time.Parse(time.RFC3339Nano, os.Getenv("START"))
	if err != nil {
		panic(err)
	}
	speed, err := strconv.Atoi(os.Getenv("SPEED"))
	if err != nil {
		panic(err)
	}
	return &clock{start: start, speed: time.Duration(speed), leapt: start}
}

func (c *clock) leap() {
	c.leapt = time.Now()
	c.passed = c.leapt.Sub(c.start) * c.speed
}

func (c *clock) read() time.Time { return c.start.Add(c.passed + time.Since(c.leapt)) }
