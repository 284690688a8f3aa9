package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"journeys/internal/condition"
	"journeys/internal/dev/targettest"
	"journeys/internal/dynamo"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

const (
	engineCustomers = 20_000
	engineWorkers   = 4 // packs at a time
	idleJourneys    = 100
)

const sixNodes = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"wait","type":"wait","config":{"delayHours":0.0000003}},
	{"id":"split","type":"condition_split","config":{"condition":{"field":"plan","operator":"eq","value":"pro"}}},
	{"id":"decide","type":"nba_decision","config":{"decisionFlowId":"next"}},
	{"id":"send","type":"channel_action","config":{"channel":"push"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"wait"},{"source":"wait","target":"split"},
	{"source":"split","target":"decide","sourceHandle":"true"},{"source":"split","target":"out","sourceHandle":"false"},
	{"source":"decide","target":"send"},{"source":"send","target":"out"}]}`

// walkers are customers in journeys, and the engine that moves them. walkers is
// the engine's dispatcher and provider.
type walkers struct {
	targettest.Untargeted

	rig     *rig
	store   *dynamo.Store
	service *journey.Service
	engine  *engine.Engine
	tenant  ident.Tenant
	mu      sync.Mutex
	packs   []engine.Pack
	sent    map[string]bool
}

// Dispatch implements engine.Dispatcher. It keeps the pack for turn.
func (w *walkers) Dispatch(_ context.Context, p engine.Pack) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.packs = append(w.packs, p)
	return nil
}

// DispatchSweep implements engine.Dispatcher.
func (w *walkers) DispatchSweep(context.Context, engine.Segment) error { panic("one segment") }

// Timeout implements engine.Provider.
func (w *walkers) Timeout() time.Duration { return 10 * time.Second }

// Decide implements engine.Provider.
func (w *walkers) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	return condition.ParseValue([]byte(`{"score":7}`))
}

// Send implements engine.Provider.
func (w *walkers) Send(_ context.Context, m engine.Message) (progress.Answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent[m.Key] = true
	return progress.Answer{Result: trail.Sent}, nil
}

func measureEngine(ctx context.Context, r *rig) ([]row, error) {
	ctx, _ = capacity.WithMeter(ctx) // requests ask for their consumed capacity only then
	w := newWalkers(r)
	var rows []row
	for _, measure := range []func(context.Context) ([]row, error){
		w.walk, w.update, w.splits, w.waits, w.eventWaits, w.conversions, w.exits, w.reentries, w.inMany, w.feedback, w.idle,
	} {
		more, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func newWalkers(r *rig) *walkers {
	tenant, _ := ident.ParseTenant("walkers")
	w := &walkers{
		rig: r, tenant: tenant, sent: map[string]bool{},
		store: r.newStore(),
	}
	w.service = journey.NewService(w.store.Handlers(), time.Now, rand.Reader)
	w.engine = &engine.Engine{
		Table: w.store.Engine, Dispatcher: w, Provider: w, Parallel: 32, Workers: 25, Now: time.Now,
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
	return w
}

// walk measures moving all customers from the entry to the exit.
func (w *walkers) walk(ctx context.Context) ([]row, error) {
	id, err := w.activate(ctx, sixNodes)
	if err != nil {
		return nil, err
	}
	if err := w.putProfiles(ctx); err != nil {
		return nil, err
	}
	w.rig.tap.Reset()
	var took, own, table time.Duration
	w.rig.spent, err = profile(ctx, func() error {
		began, ownBefore, tableBefore := time.Now(), ownCPU(), tableCPU()
		err := w.enrollAndMove(ctx, id)
		took, own, table = time.Since(began), ownCPU()-ownBefore, tableCPU()-tableBefore
		return err
	})
	if err != nil {
		return nil, err
	}
	used := w.rig.tap.Reset()
	const n = engineCustomers
	return []row{
		{what: "one customer: write units, table and index", measured: (used.Write + used.Index) / n, floor: atMost(5)},
		{what: "one customer: read units", measured: used.Read / n, floor: atMost(2.1)},
		{what: "one customer: requests", measured: float64(used.Requests) / n, floor: atMost(0.15)},
		{what: "customers per second, everything on this machine", measured: n / took.Seconds()},
		{what: "one customer: processor time, ours", measured: own.Seconds() * 1000 / n, unit: " ms", floor: atMost(1), why: "It includes the counting proxy."},
		{what: "one customer: processor time, DynamoDB Local", measured: table.Seconds() * 1000 / n, unit: " ms"},
	}, nil
}

// enrollAndMove enrolls all customers and moves them until they are out.
func (w *walkers) enrollAndMove(ctx context.Context, id ident.ID) error {
	for n := 0; n < engineCustomers; n += journey.MaxBatch {
		customers := make([]string, journey.MaxBatch)
		for i := range customers {
			customers[i] = customerName(n + i)
		}
		result, err := w.service.Enroll(ctx, w.tenant, id, journey.EnrollRequest{Customers: customers})
		if err != nil || result.Enrolled != journey.MaxBatch {
			return fmt.Errorf("enrolled %d of %d: %w", result.Enrolled, journey.MaxBatch, err)
		}
	}
	for turn := 0; len(w.sent) < engineCustomers; turn++ {
		if turn == 100 {
			return fmt.Errorf("%d of %d customers are through after %d turns", len(w.sent), engineCustomers, turn)
		}
		if err := w.turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// turn runs a tick and the packs that it dispatches.
func (w *walkers) turn(ctx context.Context) error {
	w.packs = nil
	if err := w.engine.Tick(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(engineWorkers)
	for _, p := range w.packs {
		group.Go(func() error { return w.engine.Advance(ctx, p) })
	}
	return group.Wait()
}

// idle measures a tick over active journeys without due customers.
func (w *walkers) idle(ctx context.Context) ([]row, error) {
	for range idleJourneys - 1 {
		if _, err := w.activate(ctx, sixNodes); err != nil {
			return nil, err
		}
	}
	w.rig.tap.Reset()
	if err := w.turn(ctx); err != nil {
		return nil, err
	}
	used := w.rig.tap.Reset()
	return []row{
		{what: "idle tick, 100 active journeys: requests", measured: float64(used.Requests)},
		{what: "idle tick, 100 active journeys: read units", measured: used.Read},
	}, nil
}

// activate creates a journey and activates it.
func (w *walkers) activate(ctx context.Context, definition string) (ident.ID, error) {
	var faults strict.Faults
	v, _ := strict.Parse([]byte(definition), &faults)
	d, ok := journey.ReadDefinition(v)
	if !ok {
		return "", fmt.Errorf("read the graph: %v", faults.List())
	}
	name, active := "walk", journey.Active
	j, err := w.service.Create(ctx, w.tenant, journey.Change{Name: &name, Definition: &d})
	if err != nil {
		return "", err
	}
	_, err = w.service.Update(ctx, w.tenant, j.ID, journey.Change{Status: &active}, nil)
	return j.ID, err
}

func customerName(i int) string { return "customer-" + strconv.Itoa(i) }

// putProfiles stores a profile for every customer, past the tap.
func (w *walkers) putProfiles(ctx context.Context) error {
	items := make([]map[string]types.AttributeValue, engineCustomers)
	for i := range items {
		items[i] = map[string]types.AttributeValue{
			"PK": text("T#" + w.tenant.String() + "#C#" + customerName(i)), "SK": text("P"),
			"a": &types.AttributeValueMemberB{Value: []byte(`{"plan":"pro"}`)}, "u": &types.AttributeValueMemberN{Value: "1"},
			"f": &types.AttributeValueMemberN{Value: "1"},
		}
	}
	return w.rig.store(ctx, items)
}

// ownCPU returns the processor time that this process has used.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// tableCPU returns the processor time of this process's Java child, as Linux
// counts it in hundredths of a second. It is 0 on other systems.
func tableCPU() time.Duration {
	processes, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range processes {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid ... utime is the 14th, stime the 15th.
		_, after, ok := strings.Cut(string(stat), "(java) ")
		fields := strings.Fields(after)
		if !ok || len(fields) < 13 || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		return time.Duration(user+system) * 10 * time.Millisecond
	}
	return 0
}
