package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/consent/key"
	"journeys/internal/dev/consenttest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/targettest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// fake is a table, a provider and a dispatcher in memory, without faults.
type fake struct {
	targettest.Untargeted
	*targettest.Table
	consenttest.Store

	lives    []engine.Live
	due      map[journey.Partition][]journey.DueKey
	grown    []string // journeys and their shards
	drained  map[ident.ID]int
	packs    []engine.Pack
	graph    journey.Definition
	items    map[string]progress.Enrollment
	loadErr  error
	sendErr  error
	askErr   error // of decisions
	attempts int   // decisions and messages that were asked for
	now      time.Time

	attributes  string          // of every customer; may be ""
	profile     journey.Profile // without Attributes, as it was read or stored last
	profilePuts int
	answer      string // to every decision; may be ""
	reply       string // of the channel; "" for none
	uncertain   []bool // Uncertain of each message
	messages    []engine.Message
	target      engine.Target               // of every channel
	consentErr  error                       // of the consent of every customer
	loaded      func()                      // called once, after a pack was read
	reading     func()                      // called while consents are read
	writing     func([]progress.Enrollment) // called before enrollments are written
}

var testKey, _ = key.Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func tenantNamed(name string) ident.Tenant {
	t, _ := ident.ParseTenant(name)
	return t
}

func newFake(journeys int) *fake {
	tenant, _ := ident.ParseTenant("t")
	f := &fake{
		Table: &targettest.Table{}, due: map[journey.Partition][]journey.DueKey{}, drained: map[ident.ID]int{},
		items: map[string]progress.Enrollment{}, now: noon,
	}
	for i := range journeys {
		f.lives = append(f.lives, engine.Live{Tenant: tenant, Journey: ident.ID(fmt.Sprintf("jrn_%d", i)), On: true, Shards: 2})
	}
	return f
}

func (f *fake) engine() *engine.Engine {
	return &engine.Engine{
		Table: f, Dispatcher: f, Provider: f, Parallel: 1, Workers: 25, Now: func() time.Time { return f.now },
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
		Key: key.Fixed(testKey),
	}
}

// pack returns a pack of the first journey.
func (f *fake) pack(customers ...string) engine.Pack {
	return engine.Pack{Tenant: f.lives[0].Tenant, Journey: "jrn_0", Customers: customers}
}

// overdue adds n customers to a shard, overdue by ago.
func (f *fake) overdue(live, shard, n int, ago time.Duration) {
	l := f.lives[live]
	s := journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: l.Epoch, Shard: shard}
	for range n {
		f.due[s] = append(f.due[s], journey.DueKey{Customer: fmt.Sprintf("%d-%d-%d", live, shard, len(f.due[s])), At: f.now.Add(-ago)})
	}
}

// enter enrolls customer c in a graph with one effect.
func (f *fake) enter(t *testing.T, kind, config string) {
	t.Helper()
	f.define(t, fmt.Sprintf(`{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"x","type":%q,"config":%s},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"x"},{"source":"x","target":"out"}]}`, kind, config), "")
}

// define sets the graph, and enrolls customer c by an event with the given
// properties.
func (f *fake) define(t *testing.T, text, event string) {
	t.Helper()
	f.graph = journeytest.Definition(t, text)
	e, _ := f.graph.Graph.Start(progress.Enrollment{
		Journey: "jrn_0", Customer: "c", GraphHash: f.graph.Hash, EnrolledAt: f.now, ExpiresAt: f.now.AddDate(1, 0, 0),
		Event: []byte(event),
	})
	f.items["c"] = e
}

// advance runs a worker at each due time until customer c has left, and returns
// the pauses between them.
func (f *fake) advance(t *testing.T) []time.Duration {
	t.Helper()
	var pauses []time.Duration
	for turn := 0; f.items["c"].Status == progress.Inside; turn++ {
		require.Less(t, turn, 100)
		require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
		if e := f.items["c"]; e.Status == progress.Inside {
			pauses = append(pauses, e.Due.Sub(f.now))
			f.now = e.Due
		}
	}
	return pauses
}

// retry lets failed customer c go on, as a caller's retry does.
func (f *fake) retry(t *testing.T) {
	t.Helper()
	require.Equal(t, progress.Failed, f.items["c"].Status)
	f.now = f.now.Add(time.Hour)
	f.items["c"] = f.items["c"].NextWrite(f.now).Retry(f.now)
}

func (f *fake) Lives(context.Context, engine.LiveKey, engine.LiveKey) ([]engine.Live, error) {
	return f.lives, nil
}

func (f *fake) Load(_ context.Context, _ ident.Tenant, id ident.ID, customers []string) (engine.Loaded, error) {
	var list []progress.Enrollment
	for _, c := range customers {
		if e, ok := f.items[c]; ok {
			list = append(list, e)
		}
	}
	settings := f.Settings()
	if loaded := f.loaded; loaded != nil {
		f.loaded = nil
		loaded()
	}
	return engine.Loaded{Live: &f.lives[0], Tenant: settings, Enrollments: list, Targets: f.Targets()}, f.loadErr
}

func (f *fake) Due(_ context.Context, s journey.Partition, _ time.Time, after *journey.DueKey, limit int) ([]journey.DueKey, *journey.DueKey, error) {
	all := f.due[s]
	begin := 0
	if after != nil {
		for all[begin] != *after {
			begin++
		}
		begin++
	}
	page := all[begin:min(len(all), begin+limit)]
	if begin+len(page) < len(all) {
		return page, &page[len(page)-1], nil
	}
	return page, nil, nil
}

func (f *fake) GrowShards(_ context.Context, l engine.Live, shards int) error {
	f.grown = append(f.grown, fmt.Sprint(l.Journey, " ", shards))
	for i := range f.lives {
		if f.lives[i].Key() == l.Key() {
			f.lives[i].Shards = shards
		}
	}
	return nil
}

func (f *fake) Drained(_ context.Context, l engine.Live, from int) error {
	f.drained[l.Journey] = from
	return nil
}

func (f *fake) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return f.graph.Raw, nil
}

func (f *fake) Profiles(context.Context, ident.Tenant, []string) (map[string]engine.Profile, error) {
	attributes, _ := condition.ParseValue([]byte(f.attributes))
	return map[string]engine.Profile{"c": {Attributes: attributes, Stored: f.profile}}, nil
}

func (f *fake) AdvanceWithProfile(
	ctx context.Context, t ident.Tenant, shards int, e progress.Enrollment, p journey.Profile, rev int64,
) error {
	f.profilePuts++
	if rev != f.profile.Rev {
		return engine.ErrProfileChanged
	}
	f.profile, f.attributes = p, string(p.Attributes)
	return f.Advance(ctx, t, shards, []progress.Enrollment{e})[0]
}

func (f *fake) LastEvents(context.Context, ident.Tenant, map[string][]string) (map[string]engine.LastEvents, error) {
	return nil, nil
}

func (f *fake) Advance(_ context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []error {
	if f.writing != nil {
		f.writing(list)
	}
	for _, e := range list {
		f.items[e.Customer] = e
	}
	return make([]error, len(list))
}

func (f *fake) Dispatch(_ context.Context, p engine.Pack) error {
	f.packs = append(f.packs, p)
	return nil
}

func (f *fake) DispatchSweep(context.Context, engine.Segment) error { panic("one segment") }

func (f *fake) ChannelTarget(ident.Tenant, string) engine.Target { return f.target }

func (f *fake) Consents(ctx context.Context, t ident.Tenant, keys []engine.ConsentKey) (engine.Consents, error) {
	read, err := f.Store.Consents(ctx, t, keys)
	for k, c := range read.ByKey {
		c.Err = f.consentErr
		read.ByKey[k] = c
	}
	if f.reading != nil {
		f.reading()
	}
	return read, err
}

func (f *fake) Timeout() time.Duration { return 10 * time.Second }

func (f *fake) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	f.attempts++
	answer, _ := condition.ParseValue([]byte(f.answer))
	return answer, f.askErr
}

func (f *fake) Send(_ context.Context, m engine.Message) (progress.Answer, error) {
	f.attempts++
	f.uncertain, f.messages = append(f.uncertain, m.Uncertain), append(f.messages, m)
	answer := progress.Answer{Result: trail.Sent}
	if f.reply != "" {
		answer.Value, _ = condition.ParseValue([]byte(f.reply))
	}
	return answer, f.sendErr
}
