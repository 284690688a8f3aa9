package engine_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// model is a whole installation in one goroutine: a table in memory with the
// conditions of the real one, a provider that honours keys, a queue of
// invocations, a virtual clock, and, until calm, faults from a seed.
type model struct {
	t    *testing.T
	r    *rand.Rand
	now  time.Time
	calm bool

	tenant     journey.Tenant
	live       engine.Live
	definition journey.Definition
	items      map[string]journey.Enrollment
	index      map[string]journey.Enrollment // what the due index shows: behind by some writes
	profiles   map[string]engine.Profile
	decisions  map[string]condition.Value
	queue      []engine.Pack
	inbox      map[string]engine.Message
	sends      map[string]string // customer and node -> key
	faults     map[string]int
	kept       journey.Definitions
	depth      int // of workers that run while another is frozen

	definitions map[string]journey.Definition // by hash: what the journey was edited to
	figures     analytics.Figures
	paused      bool
	moments     int             // of readings of LIVE, and of pauses while a worker is frozen
	off         int             // the moment of the last such pause
	pending     []journey.Event // whose callers have no answer yet
	records     map[string]journey.EventRecord
	heard       map[string][]heard // customer and type
}

// heard is an event as the table keeps it.
type heard struct{ received, stored time.Time }

var (
	errDead      = errors.New("model: the process is dead")
	errThrottled = errors.New("model: throttled")
)

// process is one worker's view of the model. Once dead, nothing it does has
// any effect.
type process struct {
	*model
	dead bool
	skew time.Duration // of its clock

	saw    int       // the moment of its last reading of LIVE; 0 for none, as of who is no worker
	readAt time.Time // when that ended

	active bool // it has read that the journey takes customers
}

// fault decides what goes wrong at one call, and counts it.
func (p *process) fault(kinds ...string) string {
	if p.dead || p.calm || p.r.IntN(12) > 0 {
		return ""
	}
	kind := kinds[p.r.IntN(len(kinds))]
	p.faults[kind]++
	switch kind {
	case "crash":
		p.dead = true
	case "freeze":
		p.freeze()
	}
	return kind
}

// freeze stops the process for up to two minutes, in which others run, and a
// caller may pause the journey or resume it.
func (p *process) freeze() {
	if p.depth > 2 {
		return
	}
	p.depth++
	p.now = p.now.Add(time.Duration(p.r.IntN(120_000)) * time.Millisecond)
	for range p.r.IntN(3) {
		p.runOne()
	}
	if p.r.IntN(8) == 0 && p.live.Reason != "journey_deleted" {
		p.toggle()
	}
	p.depth--
}

// toggle pauses the journey, or resumes it.
func (m *model) toggle() {
	if m.live.On {
		m.moments++
		m.off = m.moments
		m.faults["pause under way"]++
	}
	m.live.On, m.live.Since = !m.live.On, m.now
}

// requireOn holds a pause against what a worker begins: the journey was active
// at some moment since it last asked.
func (p *process) requireOn(what, customer string) {
	require.True(p.t, p.dead || p.live.On || p.off > p.saw, "%s of %s in a pause", what, customer)
}

// requireHeld holds a pause against what a worker writes. Only what became of an
// effect that was claimed before, and who leaves, may be written in it.
func (p *process) requireHeld(old, e journey.Enrollment) {
	switch {
	case p.saw == 0 || old.Rev != e.Rev-1 || e.Status == journey.Cancelled:
	case e.LeaseUntil.After(p.now.Add(time.Second)):
		p.requireOn("a claim", e.Customer)
		require.LessOrEqual(p.t, p.now.Sub(p.readAt), engine.LiveFor, "a claim on an old reading")
	case old.LeaseUntil.IsZero():
		p.requireOn("a move", e.Customer)
	}
}

func (p *process) read(ctx context.Context) error {
	kind := p.fault("crash", "freeze", "throttle")
	if p.dead {
		return errDead
	}
	if kind == "throttle" {
		return errThrottled
	}
	return ctx.Err()
}

func (p *process) Lives(ctx context.Context) ([]engine.Live, error) {
	if p.held() {
		return nil, p.read(ctx)
	}
	return []engine.Live{p.live}, p.read(ctx)
}

func (p *process) Due(ctx context.Context, s journey.Partition, before time.Time, after *journey.DueKey) ([]journey.DueKey, *journey.DueKey, error) {
	if err := p.read(ctx); err != nil {
		return nil, nil, err
	}
	var page []journey.DueKey
	for customer, e := range p.index {
		if int(hash(customer))%p.live.Shards == s.Shard && e.Epoch == s.Epoch && !e.Due.IsZero() && !e.Due.After(before) {
			page = append(page, journey.DueKey{Customer: customer, At: e.Due})
		}
	}
	slices.SortFunc(page, func(a, b journey.DueKey) int {
		return a.At.Compare(b.At)*2 + cmpString(a.Customer, b.Customer)
	})
	return page, nil, nil
}

func cmpString(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func hash(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}

func (p *process) GrowShards(context.Context, engine.Live) error { return nil }
func (p *process) Drained(_ context.Context, l engine.Live) error {
	if p.live == l {
		p.live.DrainFrom = l.Epoch
	}
	return nil
}

func (p *process) Definition(ctx context.Context, _ journey.Tenant, _ journey.ID, hash string) ([]byte, error) {
	return p.definitions[hash].Raw, p.read(ctx)
}

func (p *process) Load(ctx context.Context, _ journey.Tenant, _ journey.ID, customers []string) (*engine.Live, []journey.Enrollment, error) {
	var list []journey.Enrollment
	for _, c := range customers {
		if e, ok := p.items[c]; ok {
			list = append(list, e)
		}
	}
	live, held := p.live, p.held()
	p.moments++
	p.saw = p.moments
	err := p.read(ctx)
	p.readAt = p.now
	if held {
		return nil, nil, err
	}
	return &live, list, err
}

func (p *process) Profiles(ctx context.Context, _ journey.Tenant, customers []string) (map[string]engine.Profile, error) {
	return p.profiles, p.read(ctx)
}

func (p *process) LastEvents(ctx context.Context, _ journey.Tenant, awaited map[string]string) (map[string]time.Time, error) {
	events := map[string]time.Time{}
	for customer, event := range awaited {
		for _, h := range p.heard[customer+" "+event] {
			if h.received.After(events[customer]) {
				events[customer] = h.received
			}
		}
	}
	return events, p.read(ctx)
}

// Advance writes one after the other; any may be throttled, or applied with
// the process dead before the answer.
func (p *process) Advance(_ context.Context, _ journey.Tenant, _ int, list []journey.Enrollment) []error {
	errs := make([]error, len(list))
	for _, e := range list {
		p.requireHeld(p.items[e.Customer], e)
	}
	for i, e := range list {
		if p.fault("crash", "throttle", "freeze") == "throttle" {
			errs[i] = errThrottled
			continue
		}
		if p.dead {
			errs[i] = errDead
			continue
		}
		if p.items[e.Customer].Rev != e.Rev-1 {
			errs[i] = journey.ErrLost
			continue
		}
		p.put(e)
		if p.fault("crash", "lost answer") == "lost answer" {
			errs[i] = errors.New("model: the answer was lost for good")
		}
	}
	return errs
}

// put stores e. The index follows at once, or with the next write.
func (m *model) put(e journey.Enrollment) {
	e.Path, e.Delta = slices.Clone(e.Path), slices.Clone(e.Delta)
	old := m.items[e.Customer]
	m.requireOneDay(old, e)
	if len(e.Delta) > 0 {
		require.NoError(m.t, m.figures.Apply(analytics.Write{Graph: e.GraphHash, Version: 1, At: e.WrittenAt, Delta: e.Delta}))
	}
	m.items[e.Customer] = e
	m.index[e.Customer] = e
	if !m.calm && m.r.IntN(4) == 0 && old.Rev > 0 {
		m.index[e.Customer] = old
	}
}

// requireOneDay holds what a write recorded against its time: nothing is before
// the last write, and all of it is of one UTC day, also when midnight passed.
func (m *model) requireOneDay(old, e journey.Enrollment) {
	require.False(m.t, e.WrittenAt.Before(old.WrittenAt), "a write before the last one")
	if e.WrittenAt.YearDay() != m.now.YearDay() {
		m.faults["midnight"]++
	}
	recorded := []time.Time{e.Since}
	for _, visit := range e.Path.Visits(e.EnrolledAt) {
		recorded = append(recorded, visit.EnteredAt)
	}
	for _, at := range recorded {
		if old.Rev == 0 || at.After(old.Since) {
			require.Equal(m.t, e.WrittenAt.YearDay(), at.YearDay(), "%s recorded by the write of %s", at, e.WrittenAt)
			require.False(m.t, at.After(e.WrittenAt))
		}
	}
}

func (p *process) Dispatch(ctx context.Context, pack engine.Pack) error {
	switch p.fault("crash", "lost invocation", "twice", "throttle") {
	case "crash", "lost invocation":
		return ctx.Err()
	case "throttle":
		return errThrottled
	case "twice":
		p.queue = append(p.queue, pack)
	}
	if !p.dead {
		p.queue = append(p.queue, pack)
	}
	return nil
}

func (p *process) Timeout() time.Duration { return 5 * time.Second }

func (p *process) Decide(ctx context.Context, r engine.DecisionRequest) (condition.Value, error) {
	if err := p.read(ctx); err != nil {
		return condition.Value{}, &engine.ThrottledError{After: time.Second}
	}
	return p.decisions[r.NodeID], nil
}

func (p *process) Send(_ context.Context, m engine.Message) (journey.Result, error) {
	p.requireOn("a message", m.Customer)
	kind := p.fault("crash", "throttle", "freeze", "crash after")
	if p.dead {
		return 0, errDead
	}
	if kind == "throttle" {
		return 0, &engine.ThrottledError{After: time.Minute}
	}
	who := m.Customer + " " + m.NodeID
	if key, ok := p.sends[who]; ok {
		require.Equal(p.t, key, m.Key, "two keys for one effect")
	}
	p.sends[who], p.inbox[m.Key] = m.Key, m
	if kind == "crash after" {
		p.dead = true
		return 0, errDead
	}
	return journey.Sent, nil
}

func (p *process) engine() *engine.Engine {
	return &engine.Engine{
		Table: p, Dispatcher: p, Provider: p, Parallel: 1,
		Now: func() time.Time { return p.now.Add(p.skew) }, Jitter: p.r.Float64, Log: slog.New(slog.DiscardHandler),
		Definitions: &p.kept,
	}
}

// runOne runs a queued invocation, some of them not in their order, and leaves
// some in the queue to come again.
func (m *model) runOne() {
	if len(m.queue) == 0 {
		return
	}
	i := m.r.IntN(len(m.queue))
	pack := m.queue[i]
	if m.calm || m.r.IntN(10) > 0 {
		m.queue = slices.Delete(m.queue, i, i+1)
	}
	p := &process{model: m, skew: time.Duration(m.r.IntN(200)-100) * time.Millisecond}
	_ = p.engine().Advance(context.Background(), pack)
}

func (m *model) tick() {
	p := &process{model: m}
	_ = p.engine().Tick(context.Background())
}

func newModel(t *testing.T, seed uint64, customers int) *model {
	r := rand.New(rand.NewPCG(seed, 3))
	var faults strict.Faults
	text := journeytest.Graph(r, 4+r.IntN(24))
	v, _ := strict.Parse([]byte(text), &faults)
	definition, ok := journey.ReadDefinition(v)
	require.True(t, ok)
	tenant, _ := journey.ParseTenant("t")
	m := &model{
		t: t, r: r, now: time.Date(2026, 11, 23, 23, 59, 30, 0, time.UTC), tenant: tenant, definition: definition,
		live:  engine.Live{Tenant: tenant, Journey: "jrn_1", On: true, Shards: 4},
		items: map[string]journey.Enrollment{}, index: map[string]journey.Enrollment{},
		profiles: map[string]engine.Profile{}, decisions: map[string]condition.Value{},
		inbox: map[string]engine.Message{}, sends: map[string]string{}, faults: map[string]int{},
		definitions: map[string]journey.Definition{definition.Hash: definition},
		records:     map[string]journey.EventRecord{}, heard: map[string][]heard{},
	}
	m.live.Since = m.now
	for i := range 64 { // by node, whatever graph it is of
		if r.IntN(2) == 0 {
			m.decisions[fmt.Sprint("n", i)] = parse(t, fmt.Sprintf(`{"score":%d}`, r.IntN(10)))
		}
	}
	for i := range customers {
		m.enroll(fmt.Sprintf("c%d", i))
	}
	return m
}

func parse(t *testing.T, text string) condition.Value {
	t.Helper()
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}

func (m *model) enroll(customer string) {
	if m.r.IntN(4) > 0 {
		m.profiles[customer] = engine.Profile{Attributes: parse(m.t, fmt.Sprintf(`{"a0":%d,"a1":%d}`, m.r.IntN(10), m.r.IntN(10)))}
	}
	e, _ := m.definition.Graph.Start(journey.Enrollment{
		Journey: m.live.Journey, Customer: customer, GraphHash: m.definition.Hash, Version: 1, Epoch: m.live.Epoch, EnrolledAt: m.now, ExpiresAt: m.now.AddDate(0, 0, 365),
	})
	m.put(e)
}

// retry takes up again who has failed, or takes them out where they may not go
// on. Some fail only here, as by ten attempts.
func (m *model) retry() {
	if e := m.items[fmt.Sprintf("c%d", m.r.IntN(25))]; !m.calm && e.Status == journey.Inside && m.r.IntN(8) == 0 {
		m.put(e.NextWrite(m.now).Fail("send_failed"))
	}
	for _, customer := range slices.Sorted(maps.Keys(m.items)) {
		if m.items[customer].Status != journey.Failed {
			continue
		}
		err := m.service(&process{model: m}).Retry(context.Background(), m.tenant, m.live.Journey, customer)
		var refused *journey.Error
		switch {
		case err == nil:
			m.faults["retried"]++
		case errors.As(err, &refused):
			m.remove(customer)
		}
	}
}

func (m *model) inside() (n int) {
	for _, e := range m.items {
		if e.Status == journey.Inside {
			n++
		}
	}
	return n
}

// held reports whether the table has no LIVE entry: the journey is paused, and
// nobody has to leave.
func (m *model) held() bool { return !m.live.On && !m.live.Draining() }

// next returns the earliest due time, at least a minute from now.
func (m *model) next() time.Time {
	next := m.now.Add(1000 * time.Hour)
	for _, e := range m.items {
		if e.Status == journey.Inside && e.Due.Before(next) {
			next = e.Due
		}
	}
	if soon := m.now.Add(time.Minute); next.Before(soon) {
		return soon
	}
	return next
}

// Customers go through random graphs while processes die at every call,
// invocations come twice, late, in disorder or never, workers freeze while
// others run, writes are throttled or applied with a lost answer, and the
// index shows what was true before. Meanwhile callers pause and resume the
// journey, edit, archive and delete it, take customers out, try failed ones again
// and send events, whose handlers die as well. Nothing begins in a pause. In the end everybody went the way that /test shows, until
// they were made to leave, each message was sent once, no event was lost,
// nobody failed, and the figures are those of the enrollments.
func TestChaos_InMemory(t *testing.T) {
	t.Parallel()

	total := map[string]int{}
	for seed := range uint64(1000) {
		m := newModel(t, seed, 25)
		for turn := 0; turn < 60 && m.inside() > 0; turn++ {
			m.callers(turn, seed)
			m.retry()
			m.tick()
			for range len(m.queue) {
				m.runOne()
			}
			m.now = m.next()
		}
		m.calm = true
		m.putEvents()
		m.retry()
		m.live.On, m.paused = m.live.Reason != "journey_deleted", false
		for customer, e := range m.items {
			m.index[customer] = e // the index catches up
		}
		for turn := 0; m.inside() > 0; turn++ {
			require.Less(t, turn, 2000, "seed %d: customers are stranded", seed)
			m.tick()
			for len(m.queue) > 0 {
				m.runOne()
			}
			m.now = m.next()
		}
		m.check(seed)
		for kind, n := range m.faults {
			total[kind] += n
		}
	}
	t.Log("faults:", total)
	for _, kind := range []string{"crash", "crash after", "freeze", "throttle", "lost answer", "lost invocation", "twice", "midnight",
		"pause", "pause under way", "retried", "edit", "archive", "delete", "removed", "event", "started", "woken", "event again"} {
		require.Greater(t, total[kind], 100, kind)
	}
}
