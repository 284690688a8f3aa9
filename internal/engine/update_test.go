package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

const (
	updatesAndWait = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"u1","type":"update_customer","config":{"set":{"was":"{{attributes.n}}"},"add":{"n":1}}},
	{"id":"ask","type":"nba_decision","config":{"decisionFlowId":"next"}},
	{"id":"u2","type":"update_customer","config":{"add":{"m":1}}},
	{"id":"pause","type":"wait","config":{"delayHours":48}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"u1"},{"source":"u1","target":"ask"},{"source":"ask","target":"u2"},
	{"source":"u2","target":"pause"},{"source":"pause","target":"out"}]}`

	messageUpdateMessage = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"hello","type":"channel_action","config":{"channel":"push"}},
	{"id":"u1","type":"update_customer","config":{"set":{"was":"{{attributes.n}}"},"add":{"n":1,"m":1}}},
	{"id":"more","type":"condition_split","config":{"condition":{"field":"n","operator":"gte","value":1}}},
	{"id":"bye","type":"channel_action","config":{"channel":"push"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"hello"},{"source":"hello","target":"u1"},{"source":"u1","target":"more"},
	{"source":"more","target":"bye","sourceHandle":"true"},{"source":"more","target":"out","sourceHandle":"false"},
	{"source":"bye","target":"out"}]}`
)

// updateRace is a race with the customer's profile.
type updateRace struct {
	*race
	profile *journey.Profile // as stored; nil for none
	changes []string         // of the profile, in order: "update", "put", "patch"
	loses   bool             // the first answer to a change by a worker is lost
}

func newUpdateRace(t *testing.T, graph string) *updateRace {
	u := &updateRace{race: newRace(t, graph)}
	clock := func() time.Time { return u.now }
	u.service = journey.NewService(journey.Stores{Journeys: u, Enrollments: u, Customers: u, Events: u}, clock, rand.NewChaCha8([32]byte{}))
	u.service.Pause = func(context.Context, time.Duration) bool { return true }
	require.NoError(t, u.enroll(t.Context()))
	u.queue = nil
	return u
}

func (u *updateRace) work(ctx context.Context) error {
	e := &engine.Engine{
		Table: u, Dispatcher: u, Provider: u, Parallel: 1, Workers: 25, Now: func() time.Time { return u.now },
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
	return e.Advance(ctx, u.pack())
}

// worker returns a worker that dies before that request; 0 for never.
func (u *updateRace) worker(dies int) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx.Value(sideKey{}).(*side).dies = dies
		_ = u.work(ctx) // what a dead worker returns does not matter
		return nil
	}
}

func (u *updateRace) change(kind, attributes string) func(context.Context) error {
	change := journey.ProfileChange{Customer: "c", Attributes: []byte(attributes)}
	return func(ctx context.Context) (err error) {
		if kind == "put" {
			_, err = u.service.PutCustomer(ctx, u.tenant, change, nil)
		} else {
			_, err = u.service.PatchCustomer(ctx, u.tenant, change, nil)
		}
		return err
	}
}

// forget removes the enrollment and then the profile, as the table's Forget does.
func (u *updateRace) forget(ctx context.Context) error {
	u.ask(ctx)
	u.e = nil
	u.ask(ctx)
	u.profile = nil
	return nil
}

func (u *updateRace) Profiles(ctx context.Context, _ ident.Tenant, _ []string) (map[string]engine.Profile, error) {
	u.ask(ctx)
	if isDead(ctx) {
		return nil, errDead
	}
	if u.profile == nil {
		return nil, nil
	}
	attributes, err := condition.ParseValue(u.profile.Attributes)
	return map[string]engine.Profile{"c": {Attributes: attributes, Stored: *u.profile}}, err
}

func (u *updateRace) ProfileToChange(
	ctx context.Context, _ ident.Tenant, _ string, _ time.Time,
) (journey.Profile, journey.Forgotten, error) {
	u.ask(ctx)
	if u.profile == nil {
		return journey.Profile{}, nil, journey.ErrNoCustomer
	}
	return *u.profile, nil, nil
}

func (u *updateRace) PutProfile(ctx context.Context, _ ident.Tenant, p journey.Profile, rev int64) error {
	u.ask(ctx)
	kind := "put"
	if attributes, _ := condition.ParseValue(p.Attributes); !attributes.Get("p").Missing() {
		kind = "patch"
	}
	return u.put(kind, p, rev, journey.ErrLost)
}

func (u *updateRace) put(kind string, p journey.Profile, rev int64, stale error) error {
	if stored := u.profile; stored != nil && stored.Rev != rev || stored == nil && rev != 0 {
		return stale
	}
	u.profile, u.changes = &p, append(u.changes, kind)
	return nil
}

func (u *updateRace) AdvanceWithProfile(
	ctx context.Context, _ ident.Tenant, _ int, e progress.Enrollment, p journey.Profile, rev int64,
) error {
	u.ask(ctx)
	switch {
	case isDead(ctx):
		return errDead
	case u.e == nil:
		return journey.ErrLost
	case refusal(u.e, e) != nil:
		return refusal(u.e, e)
	}
	if err := u.put("update", p, rev, engine.ErrProfileChanged); err != nil {
		return err
	}
	u.store(e)
	if u.loses {
		u.loses = false
		return errors.New("the answer is lost")
	}
	return nil
}

// expected returns the attributes after the changes, each made once.
func (u *updateRace) expected(t *testing.T) string {
	t.Helper()
	attributes := condition.Value{}
	for _, kind := range u.changes {
		switch kind {
		case "put":
			attributes = parse(t, `{"n":10}`)
		case "patch":
			attributes = attributes.With("p", parse(t, "1"))
		case "update":
			n, _ := attributes.Get("n").Text()
			if v := attributes.Get("n"); !v.Missing() {
				n = string(v.AppendJSON(nil))
			}
			attributes = attributes.With("was", parse(t, fmt.Sprintf("%q", n)))
			for _, name := range []string{"n", "m"} {
				sum, ok := attributes.Get(name).Add(parse(t, "1"))
				require.True(t, ok)
				attributes = attributes.With(name, sum)
			}
		}
	}
	return string(attributes.AppendJSON(nil))
}

// Workers with the same customer, callers that replace and patch the profile, and
// workers that die or whose answers are lost: in every order of their requests, the
// update is made once, on the attributes that are then stored, and no other change is
// lost.
func TestUpdate_IsMadeOnceInEveryOrder(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name    string
		graph   string
		workers int
		callers []string
		dies    int // the first worker dies before each of its first requests in turn
		loses   bool
		least   int // orders to expect at least
	}{
		{"a patch", updatesAndWait, 1, []string{"patch"}, 0, false, 10},
		{"a put and a patch", updatesAndWait, 1, []string{"put", "patch"}, 0, false, 100},
		{"two workers and a put", updatesAndWait, 2, []string{"put"}, 0, false, 200},
		{"a lost answer and a second worker", updatesAndWait, 2, []string{"patch"}, 0, true, 100},
		{"a worker that dies", updatesAndWait, 1, []string{"put"}, 6, false, 40},
		{"a worker that dies, and another one", updatesAndWait, 2, []string{"patch"}, 3, false, 300},
		{"between messages", messageUpdateMessage, 1, []string{"patch"}, 0, false, 20},
		{"between messages, with a lost answer", messageUpdateMessage, 1, []string{"put"}, 0, true, 10},
		{"between messages, with a worker that dies", messageUpdateMessage, 1, []string{"put"}, 8, false, 100},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			orders := 0
			for dies := range row.dies + 1 {
				if dies == 0 && row.dies > 0 {
					continue // 0 is never
				}
				orders += everyOrder(func(choices []int) []int {
					u := newUpdateRace(t, row.graph)
					u.loses = row.loses
					sides := []func(context.Context) error{u.worker(dies)}
					if row.workers == 2 {
						sides = append(sides, u.worker(0))
					}
					for _, kind := range row.callers {
						sides = append(sides, u.change(kind, map[string]string{"put": `{"n":10}`, "patch": `{"p":1}`}[kind]))
					}
					running := u.run(t, sides, choices)
					u.requireOnce(t, fmt.Sprint(row.name, " ", dies, choices), len(row.callers))
					return running
				})
			}
			t.Log(orders, "orders")
			require.GreaterOrEqual(t, orders, row.least)
		})
	}
}

// requireOnce lets workers finish and checks the profile and the path.
func (u *updateRace) requireOnce(t *testing.T, order string, callers int) {
	t.Helper()
	for range 4 {
		u.now = u.now.Add(time.Hour)
		require.NoError(t, u.work(t.Context()), order)
	}
	updates := 0
	for _, kind := range u.changes {
		if kind == "update" {
			updates++
		}
	}
	require.Equal(t, 1, updates, "%s: %v", order, u.changes)
	require.Len(t, u.changes, callers+1, order)
	require.JSONEq(t, u.expected(t), string(u.profile.Attributes), "%s: %v", order, u.changes)
	results := map[string]trail.Result{}
	for _, visit := range u.e.Path.Visits(u.e.EnrolledAt) {
		results[u.graph.Graph.NodeID(visit.Node)] = visit.Result
	}
	require.Equal(t, trail.Updated, results["u1"], order)
	if _, sends := u.graph.Graph.Index("bye"); sends {
		require.Equal(t, progress.Completed, u.e.Status, order)
		require.Equal(t, trail.Sent, results["bye"], "%s: the split reads what the update set", order)
		return
	}
	require.Equal(t, trail.Updated, results["u2"], order)
	require.Equal(t, "pause", u.graph.Graph.NodeID(u.e.Node), order)
}

// A customer who is forgotten while workers update them does not come back.
func TestUpdate_BringsNoForgottenCustomerBack(t *testing.T) {
	t.Parallel()

	orders := everyOrder(func(choices []int) []int {
		u := newUpdateRace(t, updatesAndWait)
		running := u.run(t, []func(context.Context) error{u.worker(0), u.worker(0), u.forget}, choices)
		require.NoError(t, u.work(t.Context()))
		require.Nil(t, u.e, "%v", choices)
		require.Nil(t, u.profile, "%v", choices)
		return running
	})
	require.GreaterOrEqual(t, orders, 100)
}

// update runs a customer with these attributes through an update and a message.
func update(t *testing.T, config, attributes string) *fake {
	t.Helper()
	f := newFake(1)
	f.attributes, f.profile = attributes, journey.Profile{Customer: "c", Rev: 7, AsOf: noon.Add(-time.Hour), UpdatedAt: noon.Add(-time.Minute)}
	f.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"u","type":"update_customer","config":`+config+`},
		{"id":"d","type":"nba_decision","config":{"decisionFlowId":"f"}},
		{"id":"s","type":"channel_action","config":{"channel":"push","payload":{"text":"{{attributes.plan}} {{attributes.n}}"}}},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"u"},{"source":"u","target":"d"},{"source":"d","target":"s"},{"source":"s","target":"out"}]}`, `{"plan":"pro"}`)
	f.advance(t)
	require.Equal(t, progress.Completed, f.items["c"].Status)
	return f
}

// The profile changes as after a patch, and messages see the new values.
func TestUpdate_ChangesTheProfile(t *testing.T) {
	t.Parallel()

	f := update(t, `{"set":{"plan":"{{event.plan}}"},"unset":["old"],"add":{"n":0.2}}`, `{"n":0.1,"old":1,"kept":[1]}`)
	require.JSONEq(t, `{"n":0.3,"kept":[1],"plan":"pro"}`, string(f.profile.Attributes))
	f.profile.Attributes = nil
	require.Equal(t, journey.Profile{Customer: "c", Rev: 8, AsOf: noon.Add(-time.Hour), UpdatedAt: noon}, f.profile)
	payload, err := f.messages[0].Config.Payload.JSON(&f.messages[0].Facts)
	require.NoError(t, err)
	require.JSONEq(t, `{"text":"pro 0.3"}`, string(payload))
	require.Equal(t, 1, f.profilePuts)
}

func TestUpdate_WithoutEffectWritesNoProfile(t *testing.T) {
	t.Parallel()

	f := update(t, `{"set":{"plan":"{{event.plan}}"},"unset":["old"],"add":{"n":0}}`, `{"n":1,"plan":"pro"}`)
	require.Zero(t, f.profilePuts)
	require.Equal(t, trail.Updated, f.items["c"].Path.Visits(noon)[1].Result)
}

// An update that cannot be made changes nothing, and the customer goes on.
func TestUpdate_ContinuesAfterAnError(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct{ config, attributes string }{
		"a sum with a text":    {`{"set":{"plan":"pro"},"add":{"n":1}}`, `{"n":"1"}`},
		"a sum beyond float64": {`{"add":{"n":1e308}}`, `{"n":1e308}`},
		"more than 64 KB":      {`{"set":{"b":"{{attributes.a}}"}}`, fmt.Sprintf(`{"a":"%040000d"}`, 0)},
		"a text of more than 256 KB": {`{"set":{"b":"` + fmt.Sprintf("%010000d", 0) + `{{attributes.a}}{{attributes.a}}{{attributes.a}}{{attributes.a}}{{attributes.a}}"}}`,
			fmt.Sprintf(`{"a":"%060000d"}`, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			f := update(t, row.config, row.attributes)
			require.Zero(t, f.profilePuts)
			require.Equal(t, row.attributes, f.attributes)
			require.Equal(t, "error", f.items["c"].Path.Visits(noon)[1].Result.String())
		})
	}
}

// While the journey is paused, no update begins.
func TestUpdate_WaitsForThePauseToEnd(t *testing.T) {
	t.Parallel()

	f := newFake(1)
	f.define(t, updatesAndWait, "")
	f.lives[0].On = false
	require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
	require.Zero(t, f.profilePuts)
	f.lives[0].On = true
	require.NoError(t, f.engine().Advance(t.Context(), f.pack("c")))
	require.Equal(t, 1, f.profilePuts)
	require.JSONEq(t, `{"n":1,"was":"","m":1}`, f.attributes)
}
