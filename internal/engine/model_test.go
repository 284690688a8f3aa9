package engine_test

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/dev/consenttest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/targettest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// model is an installation in one goroutine: a table in memory with the
// conditions of the real one, a provider that honors keys, a queue of
// invocations, a virtual clock, and, until calm, faults from a seed.
type model struct {
	targettest.Untargeted
	targettest.Table
	consenttest.Store

	t    *testing.T
	r    *rand.Rand
	now  time.Time
	calm bool

	rate       float64 // of the channel
	tenant     ident.Tenant
	live       engine.Live
	definition journey.Definition
	items      map[string]progress.Enrollment
	index      map[string]progress.Enrollment // the due index, which may lag by a write
	profiles   map[string]engine.Profile
	first      map[string]condition.Value // attributes at the entry, by run
	patches    map[string]int
	unanswered map[string]journey.ProfileChange // changes of profiles that have no answer yet
	decisions  map[string]condition.Value
	queue      []engine.Pack
	inbox      map[string]engine.Message
	sends      map[string]string // key by run and node
	recordable map[string]bool   // sends that the worker certainly could record
	faults     map[string]int
	kept       journey.Definitions
	depth      int // of frozen workers

	definitions map[string]journey.Definition // by hash: each that the journey has had
	plain       map[string]journey.Definition // the same without settings
	simulators  map[string]*journey.Service   // of plain, by hash
	rules       map[string]rules              // the settings of each
	reentry     reentry
	earlier     map[string][]progress.Enrollment // runs before the present one, by customer
	begun       map[string]int                   // the moment when a run was stored, by run
	left        map[string]time.Time             // when the end of a run was stored, by run
	since       map[string]time.Time             // when the call or event that started a run was first received, by run
	keys        map[string]journey.KeyRecord
	calls       []*call                // every enroll call with a key
	sent        []journey.Event        // every event that was drawn
	accepted    map[progress.Stamp]int // the moment when an event was last answered, by its stamp
	gone        map[string]goneSince   // customers whose attribute gone is true
	figures     analytics.Figures
	paused      bool
	moments     int             // counts reads of LIVE, pauses while a worker is frozen, and what exits and goals depend on
	off         int             // the moment of the last pause while a worker was frozen
	pending     []journey.Event // not yet answered
	records     map[string]journey.EventRecord
	heard       map[string][]heard // by customer and type

	heardBefore map[string]progress.Stamp           // Heard of an enrollment that left a node, by run and node
	leftBy      map[string]time.Time                // when that was stored
	profileLog  map[string][]journeytest.Attributes // by customer
	wanted      map[string]wishes                   // of messages about news, by customer; none: always
	will        *rand.Rand                          // draws what customers want
}

// heard is a stored event.
type heard struct {
	progress.Received
	customer, kind string
	stored         time.Time
	moment         int // when it was stored
}

func newModel(t *testing.T, seed uint64, customers int) *model {
	r := rand.New(rand.NewPCG(seed, 3))
	tenant, _ := ident.ParseTenant("t")
	m := &model{
		t: t, r: r, rate: []float64{0, 0.3, 1, 20}[seed%4], now: time.Date(2026, 11, 23, 23, 59, 30, 0, time.UTC), tenant: tenant,
		live:  engine.Live{Tenant: tenant, Journey: "jrn_1", On: true, Shards: 4},
		items: map[string]progress.Enrollment{}, index: map[string]progress.Enrollment{},
		profiles: map[string]engine.Profile{}, first: map[string]condition.Value{}, patches: map[string]int{}, decisions: map[string]condition.Value{},
		unanswered: map[string]journey.ProfileChange{},
		inbox:      map[string]engine.Message{}, sends: map[string]string{}, recordable: map[string]bool{}, faults: map[string]int{},
		definitions: map[string]journey.Definition{}, plain: map[string]journey.Definition{}, simulators: map[string]*journey.Service{}, rules: map[string]rules{},
		reentry: drawReentry(r), earlier: map[string][]progress.Enrollment{}, begun: map[string]int{}, since: map[string]time.Time{}, left: map[string]time.Time{},
		keys: map[string]journey.KeyRecord{}, accepted: map[progress.Stamp]int{}, gone: map[string]goneSince{},
		records: map[string]journey.EventRecord{}, heard: map[string][]heard{}, heardBefore: map[string]progress.Stamp{},
		leftBy: map[string]time.Time{}, profileLog: map[string][]journeytest.Attributes{}, wanted: map[string]wishes{}, will: rand.New(rand.NewPCG(seed, 4)),
	}
	m.live.Since = m.now
	m.SetTopics(consent.Topics{"news": {Channels: []string{"c0"}, In: true}})
	m.define(4 + r.IntN(24))
	for i := range 64 { // by node id, in every graph
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
		attributes := fmt.Appendf(nil, `{"a0":%d,"a1":%d,"a2":%d,"a3":"x",%s}`, m.r.IntN(10), m.r.IntN(10), m.r.IntN(10), m.drawDates())
		m.putProfile(journey.Profile{}.Next(customer, attributes, m.now))
	}
	e, _ := m.definition.Graph.Start(progress.Enrollment{
		Journey: m.live.Journey, Customer: customer, GraphHash: m.definition.Hash, Version: 1, Epoch: m.live.Epoch, EnrolledAt: m.now, ExpiresAt: m.now.AddDate(0, 0, 365),
	})
	binary.LittleEndian.PutUint64(e.RequestID[:], m.r.Uint64())
	m.put(e)
}

func (m *model) putProfile(p journey.Profile) {
	attributes := parse(m.t, string(p.Attributes))
	m.profiles[p.Customer] = engine.Profile{Attributes: attributes, Stored: p}
	if !attributes.Get("gone").Missing() && m.gone[p.Customer] == (goneSince{}) {
		m.moments++
		m.gone[p.Customer] = goneSince{m.moments, m.now}
	}
	list := m.profileLog[p.Customer]
	if _, entered := m.items[p.Customer]; entered && len(list) == 0 {
		list = []journeytest.Attributes{{}}
	}
	if len(list) > 0 {
		list[len(list)-1].Until = m.now.Add(skew)
	}
	m.profileLog[p.Customer] = append(list, journeytest.Attributes{Value: attributes, From: m.now.Add(-skew)})
}

// retry retries all failed enrollments, and removes those that may not go on. It
// first fails some, as ten failed attempts would.
func (m *model) retry() {
	if e := m.items[fmt.Sprintf("c%d", m.r.IntN(25))]; !m.calm && e.Status == progress.Inside && !marked(e) && m.r.IntN(8) == 0 {
		m.put(e.NextWrite(m.now).Fail("send_failed"))
	}
	for _, customer := range slices.Sorted(maps.Keys(m.items)) {
		if m.items[customer].Status != progress.Failed {
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

// toggle pauses or resumes the journey.
func (m *model) toggle() {
	if m.live.On {
		m.moments++
		m.off = m.moments
		m.faults["pause under way"]++
	}
	m.live.On, m.live.Since = !m.live.On, m.now
}

// put stores e. The index follows now, or with the next write.
func (m *model) put(e progress.Enrollment) {
	e.Path, e.Delta = slices.Clone(e.Path), slices.Clone(e.Delta)
	old := m.items[e.Customer]
	started := old.Run != e.Run
	m.requireOneDay(old, e)
	if started {
		m.moments++
		m.begun[runKey(e)], m.first[runKey(e)] = m.moments, m.profiles[e.Customer].Attributes
	} else {
		require.True(m.t, old.PendingExit == progress.ExitRequest{} || e.Status.Left(), "%s goes on in spite of an exit", e.Customer)
		require.GreaterOrEqual(m.t, e.Heard.Compare(old.Heard), 0, "an event before the last one ended a wait")
		key := fmt.Sprint(runKey(old), " ", old.Node)
		m.heardBefore[key], m.leftBy[key] = old.Heard, m.now
	}
	if e.Status.Left() && (started || !old.Status.Left()) {
		m.left[runKey(e)] = m.now
	}
	if len(e.Delta) > 0 {
		require.NoError(m.t, m.figures.Apply(analytics.Write{Graph: e.GraphHash, Version: 1, At: e.WrittenAt, Delta: e.Delta}))
	}
	m.items[e.Customer] = e
	m.index[e.Customer] = e
	if !m.calm && m.r.IntN(4) == 0 && !started {
		m.index[e.Customer] = old
	}
}

// requireOneDay checks that a write is not before the last one, and that all it
// records is on its own UTC day, even if midnight has passed.
func (m *model) requireOneDay(old, e progress.Enrollment) {
	require.False(m.t, e.WrittenAt.Before(old.WrittenAt), "a write before the last one")
	if e.WrittenAt.YearDay() != m.now.YearDay() {
		m.faults["midnight"]++
	}
	recorded := []time.Time{e.Since}
	for _, visit := range e.Path.Visits(e.EnrolledAt) {
		recorded = append(recorded, visit.EnteredAt)
	}
	for _, at := range recorded {
		if old.Run != e.Run || at.After(old.Since) {
			require.Equal(m.t, e.WrittenAt.YearDay(), at.YearDay(), "%s recorded by the write of %s", at, e.WrittenAt)
			require.False(m.t, at.After(e.WrittenAt))
		}
	}
}

func (m *model) inside() (n int) {
	for _, e := range m.items {
		if e.Status == progress.Inside {
			n++
		}
	}
	return n
}

// held reports whether the table has no LIVE entry: the journey is paused and not
// draining.
func (m *model) held() bool { return !m.live.On && !m.live.Draining() }

// next returns the earliest due time, but no earlier than in a minute.
func (m *model) next() time.Time {
	next := m.now.Add(1000 * time.Hour)
	for _, e := range m.items {
		if e.Status == progress.Inside && e.Due.Before(next) {
			next = e.Due
		}
	}
	if soon := m.now.Add(time.Minute); next.Before(soon) {
		return soon
	}
	return next
}

// runOne runs a random queued invocation. Some stay in the queue, to run again.
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
	p.noteRecordable()
}

func (m *model) tick() {
	p := &process{model: m}
	_ = p.engine().Tick(context.Background())
}

var seedsFlag = flag.Uint64("seeds", 300, "number of seeds of the chaos test in memory; `make chaos` runs 1,000")

// Customers go through random graphs while processes die at any call, invocations
// arrive twice, late, out of order or never, workers freeze while others run,
// writes are throttled or applied with a lost answer, and the index is stale.
// Meanwhile customers subscribe and unsubscribe, and callers pause, resume, edit, archive and delete the journey, remove
// customers, retry failed ones, patch profiles, and send and repeat events and enroll calls;
// their handlers die as well.
//
// Nothing may begin during a pause. In the end each customer has gone the way that
// /test shows, up to where it was made to leave; each message was sent once; each update
// of a profile was made once; no event was lost; no enrollment failed; and the figures
// match the enrollments. A customer who met an exit leaves, after a claimed message is
// recorded; an event from before the run ends nothing. No message about news is claimed a
// second after its customer unsubscribed, and only those who did may miss it. Each call and event started at most one
// run. An event converts only the latest run that was entered before it.
func TestChaos_InMemory(t *testing.T) {
	t.Parallel()

	seeds := *seedsFlag
	if testing.Short() {
		seeds = 200
	}
	total := map[string]int{}
	running := uint64(0)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("failed at seed", running)
		}
	})
	for seed := range seeds {
		running = seed
		m := newModel(t, seed, 25)
		for turn := 0; turn < 60 && m.inside() > 0; turn++ {
			m.callers(turn, seed)
			m.retry()
			m.tick()
			for range len(m.queue) {
				m.runOne()
			}
			require.False(t, t.Failed(), "seed %d", seed)
			m.now = m.next()
		}
		m.calm = true
		m.putEvents()
		m.putProfiles()
		m.sendCalls()
		m.retry()
		m.live.On, m.paused = m.live.Reason != "journey_deleted", false
		for customer, e := range m.items {
			m.index[customer] = e // the index catches up
		}
		for turn := 0; m.inside() > 0; turn++ {
			require.Less(t, turn, 2000, "seed %d: customers are stuck", seed)
			m.requireFreshEnds(seed)
			m.tick()
			for len(m.queue) > 0 {
				m.runOne()
			}
			require.False(t, t.Failed(), "seed %d", seed)
			m.now = m.next()
		}
		m.check(seed)
		for kind, n := range m.faults {
			total[kind] += n
		}
	}
	t.Log("faults:", total)
	t.Logf("in all seeds: %d exits by event, %d exits by condition, %d conversions, %d late conversions, %d re-entries",
		total["left by an event"], total["left by a condition"], total["converted"], total["converted after leaving"], total["entered again"])
	for _, kind := range []string{"crash", "crash after", "freeze", "throttle", "lost answer", "lost invocation", "twice", "midnight",
		"pause", "pause under way", "retried", "edit", "archive", "delete", "removed", "event", "started", "woken", "event again", "refused", "went on",
		"call", "call again", "repeat of a call", "repeat of an event", "entered again", "left by an event", "left by a condition",
		"hangs", "recorded", "unsubscribed", "unsubscribed in a freeze", "not subscribed", "converted", "converted after leaving", "patched", "profile updated", "profile changed", "profile", "profile again",
		"wait until a date, ended by time", "wait for an event, ended by an event", "wait for an event, ended by time",
		"wait until a date or an event, ended by an event", "wait until a date or an event, ended by time"} {
		require.Greater(t, total[kind], int(seeds)/10, kind)
	}
	for _, kind := range []string{"exit requested", "conversion requested", "wait until a date, moved", "wait until a date or an event, moved"} {
		require.Greater(t, total[kind], int(seeds)/50, kind)
	}
}
