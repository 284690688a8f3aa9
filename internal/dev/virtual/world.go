// Package virtual runs the real engine in virtual time: engine.Tick and engine.Advance,
// with their deadlines, on a table in memory that may hold millions of customers, behind
// a queue that works as Lambda's asynchronous invocations do, with channels that are
// slow, hang or throttle. Requests take the times of Costs, and are counted, so that a
// run tells how late customers were, and what it cost.
//
// A World must be made and run in a testing/synctest bubble.
package virtual

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"journeys/internal/dev/targettest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

// Times of requests, and of what runs.
const (
	QueryTime   = 5 * time.Millisecond  // a page of a query, a batch read
	WriteTime   = 10 * time.Millisecond // a request of up to 25 writes, and those beside it
	InvokeTime  = 10 * time.Millisecond // an asynchronous invocation, for the caller
	AnswerTime  = 100 * time.Millisecond
	SendTimeout = 10 * time.Second
	parallel    = 32 // effects that one worker carries out at a time
)

// World is an installation of the service with its tenants, in virtual time.
type World struct {
	Workers   int                 // reserved concurrency of advance
	Sweepers  int                 // and of sweep
	Channels  map[string]*Channel // by name
	Late      map[string]*Lateness
	Count     Counts
	Metrics   Metrics
	Modelled  bool                  // advance is serve instead of the real engine
	Broken    func(minute int) bool // advance fails in these minutes; nil for none
	Processor bool                  // tick and sweep have the processor of functions of 512 MB

	mu          sync.Mutex
	list        []*liveJourney // journeys in the order of the work list, if sorted
	sorted      bool
	sweep       *function
	journeys    []*liveJourney
	byID        map[ident.ID]*liveJourney
	customers   []customer
	kept        map[int32]*progress.Enrollment // of the customers that were written since they entered
	partitions  []*partition
	byPartition map[journey.Partition]*partition
	advance     *function
	jitter      *rand.Rand
	begun       time.Time
	ctx         context.Context
	running     sync.WaitGroup
	defs        journey.Definitions
	targets     targettest.Table
}

type liveJourney struct {
	live   engine.Live
	number int32
	graph  journey.Definition
}

type customer struct {
	due     int64 // ms; 0 if it has left
	first   int64 // when its wait ends, ms; 0 if it has left
	journey int32
	in      int32 // its partition, if it has not left
}

// New returns a World without journeys, whose channel "push" answers in AnswerTime.
func New() *World {
	w := &World{
		Workers: manifest.Advance.Concurrency, Sweepers: manifest.Sweep.Concurrency,
		Channels: map[string]*Channel{"push": {Takes: AnswerTime}},
		Late:     map[string]*Lateness{}, Metrics: Metrics{}, byID: map[ident.ID]*liveJourney{},
		kept: map[int32]*progress.Enrollment{}, byPartition: map[journey.Partition]*partition{},
		jitter: rand.New(rand.NewPCG(1, 2)),
		begun:  time.Now(),
	}
	return w
}

// wait is how long customers wait before they are due.
const wait = time.Hour

// graphs are the compiled definitions by channels.
var graphs sync.Map

func definition(channels string) journey.Definition {
	if d, ok := graphs.Load(channels); ok {
		return d.(journey.Definition)
	}
	nodes := `{"id":"in","type":"entry_trigger"},{"id":"rest","type":"wait","config":{"delayHours":1}}`
	edges, last := `{"source":"in","target":"rest"}`, "rest"
	for i, name := range strings.FieldsFunc(channels, func(r rune) bool { return r == ',' }) {
		tell := fmt.Sprintf("tell%d", i)
		nodes += fmt.Sprintf(`,{"id":%q,"type":"channel_action","config":{"channel":%q}}`, tell, name)
		edges += fmt.Sprintf(`,{"source":%q,"target":%q}`, last, tell)
		last = tell
	}
	d := mustRead(fmt.Sprintf(`{"nodes":[%s,{"id":"out","type":"exit"}],"edges":[%s,{"source":%q,"target":"out"}]}`, nodes, edges, last))
	graphs.Store(channels, d)
	return d
}

// Journey adds an active journey of a tenant, whose customers wait for an hour, get a
// message on each of the channels, which are separated by commas, and leave. It returns its number.
func (w *World) Journey(tenant string, shards int, channels string) int {
	t, ok := ident.ParseTenant(tenant)
	if !ok {
		panic("not a tenant: " + tenant)
	}
	n := len(w.journeys)
	j := &liveJourney{
		live: engine.Live{
			Tenant: t, Journey: ident.ID(fmt.Sprintf("jrn_%026d", n)), On: true, Shards: shards, Since: time.Now().Add(-24 * time.Hour).UTC(),
		},
		number: int32(n), graph: definition(channels),
	}
	w.journeys = append(w.journeys, j)
	w.list, w.sorted = append(w.list, j), false
	w.byID[j.live.Journey] = j
	if w.Late[tenant] == nil {
		w.Late[tenant] = &Lateness{}
	}
	return n
}

// Enroll adds customers to a journey that are due at these times.
func (w *World) Enroll(number int, due ...time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j := w.journeys[number]
	for _, at := range due {
		id := int32(len(w.customers))
		w.customers = append(w.customers, customer{journey: j.number, first: at.UnixMilli()})
		w.place(id, at.UnixMilli(), j.live.Shards, j.live.Epoch)
	}
}

// Spread enrolls n customers in each of the journeys from first to last, due spread
// over the time that follows from.
func (w *World) Spread(first, last, n int, from time.Time, over time.Duration) {
	total := n * (last - first)
	for i := range n {
		for k := range last - first {
			w.Enroll(first+k, from.Add(over*time.Duration(i*(last-first)+k)/time.Duration(total)))
		}
	}
}

// Archive archives a journey and activates it again, as a PUT each do. It does nothing if
// journey.MaxDrains are open.
func (w *World) Archive(number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &w.journeys[number].live
	if l.Epoch-l.DrainFrom == journey.MaxDrains {
		return
	}
	l.Epoch++
	l.Since, l.Reason = time.Now().UTC(), "journey_archived"
	l.Ended = append(slices.Clone(l.Ended), l.Since)
}

// Run ticks at the beginning of each minute and calls each, which may be nil, before it. It
// skips the ticks for which down returns true; nil for none. It ends the workers.
func (w *World) Run(minutes int, each func(minute int), down func(minute int) bool) {
	ctx, cancel := context.WithCancel(context.Background())
	w.ctx = ctx
	w.functions()
	for minute := range minutes {
		if each != nil {
			each(minute)
		}
		if down == nil || !down(minute) {
			w.running.Go(func() { w.tick(ctx) })
		}
		time.Sleep(time.Minute)
	}
	cancel()
	w.running.Wait()
	w.stillOpen()
}

// tick is one invocation of the function tick.
func (w *World) tick(ctx context.Context) {
	ctx, cancel := context.WithTimeout(withProcessor(ctx), manifest.Tick.Timeout)
	defer cancel()
	begun := time.Now()
	_ = w.engine(nil).Tick(ctx)
	w.Count.ran(&w.mu, begun)
}

// work is one invocation of the function advance.
func (w *World) work(ctx context.Context, env *environment, pack engine.Pack) error {
	if w.Broken != nil && w.Broken(w.minute()) {
		elapse(ctx, QueryTime)
		return errors.New("the table does not answer")
	}
	if w.Modelled {
		return w.serve(ctx, pack)
	}
	return w.engine(env).Advance(ctx, pack)
}

func (w *World) engine(env *environment) *engine.Engine {
	return &engine.Engine{
		Table: table{w}, Dispatcher: dispatcher{w}, Provider: &channels{w}, Parallel: parallel, Workers: w.Workers, Now: time.Now,
		Jitter: w.random, Log: slog.New(metrics{w}), Definitions: &w.defs, Watch: env.watched(),
	}
}

// minute returns the present minute of the run.
func (w *World) minute() int { return int(time.Since(w.begun) / time.Minute) }

func (w *World) random() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jitter.Float64()
}

// elapse waits for d; false if ctx ends first.
func elapse(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func mustRead(text string) journey.Definition {
	var faults strict.Faults
	v, _ := strict.Parse([]byte(text), &faults)
	d, ok := journey.ReadDefinition(v)
	if !ok {
		panic(fmt.Sprint(faults.List()))
	}
	sum := sha256.Sum256(d.Raw)
	d.Hash = hex.EncodeToString(sum[:16])
	return d
}
