package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/consent/key"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

var (
	errDead      = errors.New("model: the process is dead")
	errThrottled = errors.New("model: throttled")
	errRefused   = errors.New("model: refused")
)

// process is the model as one process sees it. A dead process has no effect any
// more.
type process struct {
	*model
	dead  bool
	skew  time.Duration // of its clock against the model's
	start time.Time     // of its first request

	saw    int       // the moment of its last read of LIVE; 0 if it is no worker
	readAt time.Time // when that read ended

	active bool // it has read that the journey is active

	began    int                            // the moment when it read its customers; 0 if it is no worker
	claims   map[string]progress.Enrollment // as it wrote them last, by customer
	leases   map[string]time.Time           // ends of the leases of its sends, by run and node
	hindered bool                           // a read or write of it was throttled
	frozen   bool                           // it was, for some time
	received time.Time                      // when its call or event was first received; zero if that cannot be repeated
	heardOf  heard                          // its event, once that is stored
}

// fault chooses and counts what goes wrong in a call, mostly nothing. No handler of a call
// lives for as long as a drain waits for it.
func (p *process) fault(kinds ...string) string {
	if p.start.IsZero() {
		p.start = p.now
	}
	defer func() {
		if p.saw == 0 && p.now.Sub(p.start) >= engine.DrainGrace {
			p.dead = true
		}
	}()
	if p.dead || p.calm || p.r.IntN(12) > 0 {
		return ""
	}
	kind := kinds[p.r.IntN(len(kinds))]
	p.faults[kind]++
	switch kind {
	case "crash":
		p.dead = true
	case "throttle":
		p.hindered = true
	case "freeze":
		p.freeze()
	}
	return kind
}

// freeze stops the process for up to two minutes. Meanwhile other workers run, events
// come, and a caller may patch a profile, and pause or resume the journey.
func (p *process) freeze() {
	if p.depth > 2 {
		return
	}
	p.depth++
	p.frozen = true
	longest := 120_000
	if p.r.IntN(2) == 0 {
		longest = 5_000 // shorter than a lease
	}
	p.now = p.now.Add(time.Duration(p.r.IntN(longest)) * time.Millisecond)
	for range p.r.IntN(3) {
		p.runOne()
	}
	if p.r.IntN(2) == 0 {
		p.patch(fmt.Sprintf("c%d", p.r.IntN(35)))
	}
	if p.r.IntN(2) == 0 {
		p.putEvent(p.drawEvent())
	}
	p.say("unsubscribed in a freeze")
	if p.r.IntN(12) == 0 && p.live.Reason != "journey_deleted" {
		p.remove(cmp.Or(p.drawSending(), p.drawCustomer("")))
	}
	if p.r.IntN(8) == 0 && p.live.Reason != "journey_deleted" {
		p.toggle()
	}
	p.depth--
}

// requireOn checks that an effect may begin: the journey was active at some moment
// since the worker last read LIVE. It does not end the goroutine, which may be the
// worker's.
func (p *process) requireOn(what, customer string) {
	assert.True(p.t, p.dead || p.live.On || p.off > p.saw, "%s of %s during a pause", what, customer)
}

// requireHeld checks what a worker writes during a pause: only the result of an
// effect that was claimed before, and a cancellation.
func (p *process) requireHeld(old, e progress.Enrollment) {
	switch {
	case p.saw == 0 || old.Rev != e.Rev-1 || e.Status == progress.Cancelled:
	case e.LeaseUntil.After(p.now.Add(time.Second)):
		p.requireOn("a claim", e.Customer)
		p.requireWanted(e)
		require.LessOrEqual(p.t, p.now.Sub(p.readAt), engine.LiveFor, "a claim on an old read")
	case old.LeaseUntil.IsZero():
		p.requireOn("a move", e.Customer)
	}
}

// requireLease checks that a handler does not write an enrollment whose message is being
// sent: the worker must record it first.
func (p *process) requireLease(stored progress.Enrollment) {
	sending := stored.Status == progress.Inside && stored.LeaseUntil.After(p.now.Add(skew))
	require.False(p.t, p.began == 0 && sending, "%s changes while its message is sent", runKey(stored))
}

// requireInTime checks that a worker writes before its own lease ends, unless it was frozen.
func (p *process) requireInTime(stored progress.Enrollment) {
	own := p.claims[stored.Customer].Rev == stored.Rev && stored.Status == progress.Inside && stored.LeaseUntil.Sub(stored.WrittenAt) > time.Second
	require.False(p.t, own && !p.frozen && p.now.Add(p.skew).After(stored.LeaseUntil), "%s is written after its lease", runKey(stored))
}

// noteRecordable notes the messages that a worker sent and recorded, because nothing
// kept it from that: no wait of its own does.
func (p *process) noteRecordable() {
	for effect, until := range p.leases {
		if !p.dead && !p.hindered && (!p.frozen || p.now.Before(until.Add(-skew))) {
			p.recordable[effect] = true
		}
	}
}

func (p *process) engine() *engine.Engine {
	p.claims, p.leases = map[string]progress.Enrollment{}, map[string]time.Time{}
	return &engine.Engine{
		Table: p, Dispatcher: p, Provider: p, Parallel: 1, Workers: 25,
		Now: func() time.Time { return p.now.Add(p.skew) }, Jitter: p.r.Float64, Log: slog.New(slog.DiscardHandler),
		Key: key.Fixed(testKey), Definitions: &p.kept, Sleep: func(_ context.Context, d time.Duration) {
			p.now = p.now.Add(d + time.Millisecond).Truncate(time.Millisecond)
		},
	}
}

// ChannelTarget has a rate, and is sometimes open.
func (p *process) ChannelTarget(ident.Tenant, string) engine.Target {
	return engine.Target{Name: "c:channel", Rate: p.rate}
}

// hang opens the channel, as if it had hung before, or limits it.
func (p *process) hang() {
	if p.calm || p.r.IntN(24) > 0 {
		return
	}
	old := p.Targets()["c:channel"]
	next, ok := old.Opened(p.now)
	if p.r.IntN(2) == 0 {
		next, ok = old.Limited(p.now.Add(time.Minute))
	}
	if ok {
		p.faults["hangs"]++
		_, _, err := p.PutTarget(context.Background(), "c:channel", old, next)
		require.NoError(p.t, err)
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

// write applies a write of a handler, which may die before or after it.
func (p *process) write(apply func()) error {
	switch p.fault("crash", "throttle", "freeze", "lost answer") {
	case "throttle":
		return errThrottled
	case "lost answer":
		apply()
		p.dead = true
	}
	if p.dead {
		return errDead
	}
	apply()
	return nil
}

func (p *process) Lives(ctx context.Context, _, _ engine.LiveKey) ([]engine.Live, error) {
	if p.held() {
		return nil, p.read(ctx)
	}
	return []engine.Live{p.live}, p.read(ctx)
}

func (p *process) Due(ctx context.Context, s journey.Partition, before time.Time, after *journey.DueKey, limit int) ([]journey.DueKey, *journey.DueKey, error) {
	if err := p.read(ctx); err != nil {
		return nil, nil, err
	}
	index := p.index
	if i := s.Epoch - p.live.DrainFrom; i >= 0 && i < len(p.live.Ended) && p.now.Sub(p.live.Ended[i]) >= engine.DrainGrace {
		index = p.items // it has caught up
	}
	var page []journey.DueKey
	for customer, e := range index {
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

func (p *process) GrowShards(context.Context, engine.Live, int) error { return nil }

func (p *process) Drained(_ context.Context, l engine.Live, from int) error {
	if p.live.DrainFrom == l.DrainFrom {
		for customer, e := range p.items {
			require.False(p.t, e.Status == progress.Inside && e.Epoch < from, "%s is in an epoch whose drain ended", customer)
		}
		p.live.DrainFrom, p.live.Ended = from, p.live.Ended[from-l.DrainFrom:]
	}
	return nil
}

func (p *process) Definition(ctx context.Context, _ ident.Tenant, _ ident.ID, hash string) ([]byte, error) {
	d := p.definitions[hash]
	return journey.Journey{Definition: d.Raw, Settings: d.Settings}.GraphText(), p.read(ctx)
}

func (p *process) Load(ctx context.Context, _ ident.Tenant, _ ident.ID, customers []string) (engine.Loaded, error) {
	var list []progress.Enrollment
	for _, c := range customers {
		if e, ok := p.items[c]; ok {
			list = append(list, e)
		}
	}
	live, held := p.live, p.held()
	p.moments++
	p.saw = p.moments
	if len(customers) > 0 {
		p.began = p.moments
	}
	p.hang()
	err := p.read(ctx)
	p.readAt = p.now
	if held {
		return engine.Loaded{}, err
	}
	return engine.Loaded{Live: &live, Tenant: p.Settings(), Enrollments: list, Targets: p.Targets()}, err
}

func (p *process) Profiles(ctx context.Context, _ ident.Tenant, customers []string) (map[string]engine.Profile, error) {
	profiles := maps.Clone(p.profiles) // some are old when the read ends
	for _, customer := range customers {
		if !p.calm && p.r.IntN(10) == 0 {
			began := p.now
			p.patch(customer)
			p.frozen = p.frozen || p.now.After(began)
		}
	}
	return profiles, p.read(ctx)
}

// AdvanceWithProfile writes an enrollment and a profile, or none.
func (p *process) AdvanceWithProfile(
	_ context.Context, _ ident.Tenant, _ int, e progress.Enrollment, changed journey.Profile, rev int64,
) error {
	p.requireHeld(p.items[e.Customer], e)
	if p.fault("crash", "throttle", "freeze") == "throttle" {
		return errThrottled
	}
	if p.dead {
		return errDead
	}
	stored := p.items[e.Customer]
	require.Zero(p.t, e.PendingExit)
	if err := refusal(&stored, e); err != nil {
		return err
	}
	if p.profiles[e.Customer].Stored.Rev != rev {
		p.faults["profile changed"]++
		return engine.ErrProfileChanged
	}
	p.requireExits(stored, e)
	p.put(e)
	p.claims[e.Customer] = e
	p.putProfile(changed)
	p.faults["profile updated"]++
	if p.fault("crash", "lost answer") == "lost answer" {
		return errors.New("model: the answer never arrives")
	}
	return nil
}

func (p *process) LastEvents(ctx context.Context, _ ident.Tenant, wanted map[string][]string) (map[string]engine.LastEvents, error) {
	known := map[string]engine.LastEvents{}
	for customer, types := range wanted {
		events := map[string][]progress.Received{}
		for _, eventType := range types {
			for _, h := range p.heard[customer+" "+eventType] {
				events[eventType] = remember(events[eventType], h.Received)
			}
		}
		known[customer] = engine.LastEvents{ByType: events}
	}
	return known, p.read(ctx)
}

// Advance writes one enrollment after another. Any write may be throttled, or
// applied by a process that dies before the answer.
func (p *process) Advance(_ context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []error {
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
		stored := p.items[e.Customer]
		if errs[i] = refusal(&stored, e); errs[i] != nil {
			continue
		}
		p.requireExits(stored, e)
		p.requireLease(stored)
		p.requireInTime(stored)
		e.PendingExit, e.PendingConversion = progress.ExitRequest{}, progress.Stamp{}
		p.put(e)
		if p.began > 0 {
			p.claims[e.Customer] = e
		}
		if p.fault("crash", "lost answer") == "lost answer" {
			errs[i] = errors.New("model: the answer never arrives")
		}
	}
	return errs
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

func (p *process) DispatchSweep(context.Context, engine.Segment) error { panic("one segment") }

// refuses reports whether each attempt at a message fails if its node goes on.
func refuses(effect string) bool { return hash(effect)%8 == 0 }

func (p *process) Timeout() time.Duration { return 5 * time.Second }

func (p *process) Decide(ctx context.Context, r engine.DecisionRequest) (condition.Value, error) {
	if err := p.read(ctx); err != nil {
		return condition.Value{}, &engine.ThrottledError{After: time.Second}
	}
	return p.decisions[r.NodeID], nil
}

func (p *process) Send(_ context.Context, m engine.Message) (progress.Answer, error) {
	p.requireOn("a message", m.Customer)
	kind := p.fault("crash", "throttle", "freeze", "crash after")
	if kind == "" && !p.calm && p.r.IntN(12) == 0 {
		p.freeze()
	} else if !p.calm && p.r.IntN(6) == 0 { // the provider takes its time
		p.now = p.now.Add(time.Duration(p.r.IntN(int(p.Timeout().Milliseconds()))) * time.Millisecond)
	}
	if p.dead {
		return progress.Answer{}, errDead
	}
	if kind == "throttle" {
		return progress.Answer{}, &engine.ThrottledError{After: time.Minute}
	}
	effect := fmt.Sprintf("%s#%d %s", m.Customer, p.claims[m.Customer].Run, m.NodeID)
	if m.Config.GoOnError && refuses(effect) {
		p.faults["refused"]++
		return progress.Answer{}, errRefused
	}
	if key, ok := p.sends[effect]; ok {
		assert.Equal(p.t, key, m.Key, "two keys for one effect")
	}
	p.sends[effect], p.inbox[m.Key] = m.Key, m
	p.leases[effect] = p.claims[m.Customer].LeaseUntil
	if kind == "crash after" {
		p.dead = true
		return progress.Answer{}, errDead
	}
	return progress.Answer{Result: trail.Sent}, nil
}
