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

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/condition"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

const (
	engineCustomers = 20_000
	engineWorkers   = 4 // packs under way at a time
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

// walkers are the customers on their way, with the engine that moves them: its
// invocations run here, some at a time.
type walkers struct {
	stage   *stage
	store   *dynamo.Store
	service *journey.Service
	engine  *engine.Engine
	tenant  journey.Tenant
	mu      sync.Mutex
	packs   []engine.Pack
	sent    map[string]bool
}

func (w *walkers) Dispatch(_ context.Context, p engine.Pack) error {
	w.packs = append(w.packs, p)
	return nil
}

func (w *walkers) Timeout() time.Duration { return 10 * time.Second }

func (w *walkers) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	return condition.ParseValue([]byte(`{"score":7}`))
}

func (w *walkers) Send(_ context.Context, m engine.Message) (journey.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent[m.Key] = true
	return journey.Sent, nil
}

func measureEngine(ctx context.Context, s *stage) ([]row, error) {
	ctx, _ = dynamo.WithMeter(ctx) // makes the table tell the tap what reads use
	tenant, _ := journey.ParseTenant("walkers")
	w := &walkers{
		stage: s, tenant: tenant, sent: map[string]bool{},
		store: dynamo.New(dynamo.NewClient(s.config(s.tap.URL), dynamo.Local), local.Table, rand.Reader),
	}
	w.service = journey.NewService(w.store.Handlers(), time.Now, rand.Reader)
	w.engine = &engine.Engine{
		Table: w.store.Engine, Dispatcher: w, Provider: w, Parallel: 32, Now: time.Now,
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
	rows, err := w.walk(ctx)
	if err != nil {
		return nil, err
	}
	idle, err := w.idle(ctx)
	return append(rows, idle...), err
}

// walk takes everybody from the entry to the exit.
func (w *walkers) walk(ctx context.Context) ([]row, error) {
	id, err := w.activate(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.putProfiles(ctx); err != nil {
		return nil, err
	}
	w.stage.tap.reset()
	var took, own, table time.Duration
	w.stage.spent, err = profile(ctx, func() error {
		began, ownBefore, tableBefore := time.Now(), ownCPU(), tableCPU()
		err := w.everybody(ctx, id)
		took, own, table = time.Since(began), ownCPU()-ownBefore, tableCPU()-tableBefore
		return err
	})
	if err != nil {
		return nil, err
	}
	used := w.stage.tap.reset()
	const n = engineCustomers
	return []row{
		{what: "a customer's way: write units, table and index", measured: (used.write + used.index) / n, floor: atMost(5)},
		{what: "a customer's way: read units", measured: used.read / n, floor: atMost(2.1)},
		{what: "a customer's way: requests", measured: float64(used.requests) / n, floor: atMost(0.15)},
		{what: "customers per second, all of it on this machine", measured: n / took.Seconds()},
		{what: "processor time of a customer, ours", measured: own.Seconds() * 1000 / n, unit: " ms", floor: atMost(1), why: "The counting proxy is in it."},
		{what: "processor time of a customer, DynamoDB Local", measured: table.Seconds() * 1000 / n, unit: " ms"},
	}, nil
}

// everybody enrolls all customers and moves them until they are out.
func (w *walkers) everybody(ctx context.Context, id journey.ID) error {
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
			return fmt.Errorf("%d of %d customers got through", len(w.sent), engineCustomers)
		}
		if err := w.turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// turn is a tick and the workers that it starts.
func (w *walkers) turn(ctx context.Context) error {
	w.packs = nil
	if err := w.engine.Tick(ctx); err != nil {
		return err
	}
	packs := make(chan engine.Pack, len(w.packs))
	for _, p := range w.packs {
		packs <- p
	}
	close(packs)
	errs := make(chan error, engineWorkers)
	for range engineWorkers {
		go func() {
			for p := range packs {
				if err := w.engine.Advance(ctx, p); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var failed error
	for range engineWorkers {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	return failed
}

// idle counts a tick with active journeys in which nobody is due.
func (w *walkers) idle(ctx context.Context) ([]row, error) {
	for range idleJourneys - 1 {
		if _, err := w.activate(ctx); err != nil {
			return nil, err
		}
	}
	w.stage.tap.reset()
	if err := w.turn(ctx); err != nil {
		return nil, err
	}
	used := w.stage.tap.reset()
	return []row{
		{what: "idle tick, 100 active journeys: requests", measured: float64(used.requests)},
		{what: "idle tick, 100 active journeys: read units", measured: used.read},
	}, nil
}

func (w *walkers) activate(ctx context.Context) (journey.ID, error) {
	var faults strict.Faults
	v, _ := strict.Parse([]byte(sixNodes), &faults)
	d, ok := journey.ReadDefinition(v)
	if !ok {
		return "", fmt.Errorf("the bench's graph: %v", faults.List())
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

// putProfiles gives everybody attributes; it passes by the tap.
func (w *walkers) putProfiles(ctx context.Context) error {
	client := w.stage.direct()
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	for n := 0; n < engineCustomers; n += 25 {
		var writes []types.WriteRequest
		for i := n; i < n+25; i++ {
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
				"PK": text("T#" + w.tenant.String() + "#C#" + customerName(i)), "SK": text("P"),
				"a": &types.AttributeValueMemberB{Value: []byte(`{"plan":"pro"}`)}, "u": &types.AttributeValueMemberN{Value: "1"},
			}}})
		}
		out, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{local.Table: writes},
		})
		if err != nil || len(out.UnprocessedItems) > 0 {
			return fmt.Errorf("put profiles: %d left, %w", len(out.UnprocessedItems), err)
		}
	}
	return nil
}

// ownCPU returns the processor time of this process so far.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// tableCPU returns the processor time of this process's child that is Java, as
// Linux counts it in hundredths of a second; 0 elsewhere.
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
