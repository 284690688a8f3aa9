package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/targettest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/trail"
)

// slowWorld is a table, and a provider whose calls take a while, on the virtual
// clock of a synctest bubble.
type slowWorld struct {
	targettest.Untargeted
	targettest.Table

	decisionTime, sendTime time.Duration
	hang                   bool // decisions take all the time that they may, and fail

	mu     sync.Mutex
	live   engine.Live
	graph  journey.Definition
	items  map[string]progress.Enrollment
	asked  map[string]int // decisions by key
	sent   map[string]int // messages by key
	doubts int            // messages that may have been sent before
	rest   time.Duration  // that the shortest lease has left when a message that takes all its time ends
	writes int
	begun  chan engine.Pack
}

func (s *slowWorld) Lives(context.Context, engine.LiveKey, engine.LiveKey) ([]engine.Live, error) {
	return []engine.Live{s.live}, nil
}

func (s *slowWorld) Due(_ context.Context, _ journey.Partition, before time.Time, _ *journey.DueKey, _ int) ([]journey.DueKey, *journey.DueKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []journey.DueKey
	for customer, e := range s.items {
		if !e.Due.IsZero() && !e.Due.After(before) {
			page = append(page, journey.DueKey{Customer: customer, At: e.Due})
		}
	}
	slices.SortFunc(page, func(a, b journey.DueKey) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Customer, b.Customer))
	})
	return page, nil, nil
}

func (s *slowWorld) GrowShards(context.Context, engine.Live, int) error { return nil }
func (s *slowWorld) Drained(context.Context, engine.Live, int) error    { return nil }

func (s *slowWorld) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return s.graph.Raw, nil
}

func (s *slowWorld) Load(_ context.Context, _ ident.Tenant, _ ident.ID, customers []string) (engine.Loaded, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []progress.Enrollment
	for _, c := range customers {
		list = append(list, s.items[c])
	}
	live := s.live
	return engine.Loaded{Live: &live, Enrollments: list, Targets: s.Targets()}, nil
}

func (s *slowWorld) Profiles(context.Context, ident.Tenant, []string) (map[string]engine.Profile, error) {
	return nil, nil
}

func (s *slowWorld) LastEvents(context.Context, ident.Tenant, map[string][]string) (map[string]engine.LastEvents, error) {
	return nil, nil
}

func (s *slowWorld) Advance(ctx context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []error {
	time.Sleep(10 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(list))
	for i, e := range list {
		switch {
		case ctx.Err() != nil:
			errs[i] = ctx.Err()
		case s.items[e.Customer].Rev != e.Rev-1:
			errs[i] = journey.ErrLost // no exit is requested
		default:
			s.items[e.Customer] = e
			s.writes++
		}
	}
	return errs
}

func (s *slowWorld) AdvanceWithProfile(
	ctx context.Context, t ident.Tenant, shards int, e progress.Enrollment, _ journey.Profile, _ int64,
) error {
	return s.Advance(ctx, t, shards, []progress.Enrollment{e})[0]
}

func (s *slowWorld) Dispatch(_ context.Context, p engine.Pack) error {
	s.begun <- p
	return nil
}

func (s *slowWorld) DispatchSweep(context.Context, engine.Segment) error { panic("one segment") }

func (s *slowWorld) Timeout() time.Duration { return 10 * time.Second }

func (s *slowWorld) Decide(ctx context.Context, r engine.DecisionRequest) (condition.Value, error) {
	s.count(s.asked, r.Key)
	answer, err := condition.ParseValue([]byte(`{"offer":1}`))
	took := s.decisionTime
	if limit := r.Config.TimeLimit(); s.hang {
		took, err = limit, errors.New("timed out")
	}
	if !elapse(ctx, took) {
		return condition.Value{}, ctx.Err()
	}
	return answer, err
}

func (s *slowWorld) Send(ctx context.Context, m engine.Message) (progress.Answer, error) {
	if m.Uncertain {
		s.mu.Lock()
		s.doubts++
		s.mu.Unlock()
		if !m.Config.Resend {
			return progress.Answer{Result: trail.SkippedUncertain}, nil
		}
	}
	s.count(s.sent, m.Key)
	s.mu.Lock()
	s.rest = min(s.rest, time.Until(s.items[m.Customer].LeaseUntil)-s.Timeout())
	s.mu.Unlock()
	if !elapse(ctx, s.sendTime) {
		return progress.Answer{}, &engine.UncertainError{Err: ctx.Err()}
	}
	return progress.Answer{Result: trail.Sent}, nil
}

func (s *slowWorld) count(calls map[string]int, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls[key]++
}

// elapse waits for d; false if ctx ends first.
func elapse(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func newSlowWorld(t *testing.T, kinds string, config map[byte]string, customers int) *slowWorld {
	nodes := []string{`{"id":"in","type":"entry_trigger"}`}
	var edges []string
	last := "in"
	for i := range len(kinds) {
		id := fmt.Sprintf("n%d", i)
		kind := map[byte]string{'d': "nba_decision", 's': "channel_action"}[kinds[i]]
		nodes = append(nodes, fmt.Sprintf(`{"id":%q,"type":%q,"config":%s}`, id, kind, config[kinds[i]]))
		edges = append(edges, fmt.Sprintf(`{"source":%q,"target":%q}`, last, id))
		last = id
	}
	nodes = append(nodes, `{"id":"out","type":"exit"}`)
	edges = append(edges, fmt.Sprintf(`{"source":%q,"target":"out"}`, last))
	var faults strict.Faults
	v, _ := strict.Parse([]byte(`{"nodes":[`+strings.Join(nodes, ",")+`],"edges":[`+strings.Join(edges, ",")+`]}`), &faults)
	d, ok := journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	tenant, _ := ident.ParseTenant("acme")
	s := &slowWorld{
		graph: d, items: map[string]progress.Enrollment{}, asked: map[string]int{}, sent: map[string]int{},
		live:  engine.Live{Tenant: tenant, Journey: "jrn_0", On: true, Shards: 1, Since: time.Now()},
		begun: make(chan engine.Pack, 10_000), rest: time.Hour,
	}
	for i := range customers {
		e, _ := d.Graph.Start(progress.Enrollment{
			Journey: "jrn_0", Customer: fmt.Sprintf("c%02d", i), GraphHash: d.Hash, Version: 1,
			EnrolledAt: time.Now().UTC(), ExpiresAt: time.Now().UTC().AddDate(0, 0, 30),
		})
		s.items[e.Customer] = e
	}
	return s
}

func (s *slowWorld) engine() *engine.Engine {
	return &engine.Engine{
		Table: s, Dispatcher: s, Provider: s, Parallel: 32, Workers: 25, Now: time.Now, Jitter: func() float64 { return 0 },
		Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
}

// run ticks each minute and runs each pack in its own invocation, until all
// customers have left; each invocation lasts at most `invocation`.
func (s *slowWorld) run(t *testing.T, invocation time.Duration, ticks int) (minutes int) {
	var workers sync.WaitGroup
	for minutes = range ticks {
		require.NoError(t, s.engine().Tick(t.Context()))
		for len(s.begun) > 0 {
			pack := <-s.begun
			workers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), invocation)
				defer cancel()
				_ = s.engine().Advance(ctx, pack)
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if s.allLeft() {
			break
		}
	}
	workers.Wait()
	return minutes + 1
}

func (s *slowWorld) allLeft() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.items {
		if e.Status == progress.Inside {
			return false
		}
	}
	return true
}

// most returns the largest number of calls with one key.
func most(calls map[string]int) (n int) {
	for _, k := range calls {
		n = max(n, k)
	}
	return n
}

// However slow decisions and messages are, and however long the chain: each
// message is sent once, each decision is asked once, and each customer completes
// the journey.
func TestAdvance_SlowEffectsAreNeverForgotten(t *testing.T) {
	t.Parallel()

	const hang = -1
	long := strings.Repeat("d", 40) + "s"
	chains := []string{"ds", "dds", "ssssss", "ddd", "dsdsds", long}
	decisions := []time.Duration{300 * time.Millisecond, 14100 * time.Millisecond, hang}
	runs, slowest := 0, 0
	type row struct {
		chain          string
		decision, send time.Duration
	}
	var rows []row
	for _, chain := range chains {
		for _, decision := range decisions {
			rows = append(rows, row{chain, decision, 0}, row{chain, decision, 9900 * time.Millisecond})
		}
	}
	for _, r := range rows {
		for _, customers := range []int{1, 99} {
			if r.chain == long && customers > 1 && r.decision != decisions[0] {
				continue // it only takes longer than with one customer
			}
			for _, invocation := range []time.Duration{30 * time.Second, time.Minute} {
				onUncertain := []string{"skip", "resend"}[runs%2]
				name := fmt.Sprintf("%s %v %v, %d customers, %v, %s", r.chain, r.decision, r.send, customers, invocation, onUncertain)
				runs++
				synctest.Test(t, func(t *testing.T) {
					s := newSlowWorld(t, r.chain, map[byte]string{
						'd': `{"decisionFlowId":"f","timeoutMs":20000,"onError":"continue"}`,
						's': `{"channel":"push","onUncertain":"` + onUncertain + `"}`,
					}, customers)
					s.decisionTime, s.sendTime, s.hang = r.decision, r.send, r.decision == hang
					minutes := s.run(t, invocation, 300)
					slowest = max(slowest, minutes)
					require.Equal(t, customers*strings.Count(r.chain, "s"), len(s.sent), "%s: messages", name)
					require.Equal(t, customers*strings.Count(r.chain, "d"), len(s.asked), "%s: decisions", name)
					require.LessOrEqual(t, most(s.sent), 1, "%s: messages sent again", name)
					require.LessOrEqual(t, most(s.asked), 1, "%s: decisions asked again", name)
					require.Zero(t, s.doubts, "%s: messages in doubt", name)
					for _, e := range s.items {
						require.Equal(t, progress.Completed, e.Status, "%s: %s", name, e.ExitReason)
						require.LessOrEqual(t, e.Rev, int64(2*len(r.chain)+2*minutes), "%s: writes of one customer", name)
					}
				})
			}
		}
	}
	t.Logf("%d runs; the slowest took %d minutes", runs, slowest)
}

// What a pack puts off comes back in smaller packs. In packs of 99 the slowest of
// these took 8 minutes. Ten packs take no longer than one, as each has its own worker.
func TestAdvance_SlowEffectsEndInAFewMinutes(t *testing.T) {
	t.Parallel()

	const soon, slow, hanging = 300 * time.Millisecond, 14100 * time.Millisecond, 20 * time.Second
	for _, row := range []struct {
		chain          string
		decision, send time.Duration
		minutes        int // at most
	}{
		{"dsdsds", soon, soon, 1},
		{"ds", hanging, 9900 * time.Millisecond, 3},     // 4 in packs of 99
		{"ssssss", soon, 9900 * time.Millisecond, 4},    // 7
		{"dsdsds", slow, soon, 3},                       // 4
		{"dsdsds", hanging, 9900 * time.Millisecond, 4}, // 7
		{"dddddd", slow, soon, 4},                       // 7
		{"dddddd", hanging, soon, 5},                    // 8
	} {
		for _, customers := range []int{99, 990} {
			synctest.Test(t, func(t *testing.T) {
				s := newSlowWorld(t, row.chain, map[byte]string{
					'd': `{"decisionFlowId":"f","timeoutMs":20000}`, 's': `{"channel":"push"}`,
				}, customers)
				s.decisionTime, s.sendTime = row.decision, row.send
				require.LessOrEqual(t, s.run(t, time.Minute, 30), row.minutes, "%s %v %v, %d customers", row.chain, row.decision, row.send, customers)
			})
		}
	}
}

// An invocation that has too little time for a message claims none.
func TestAdvance_ClaimsNothingThatDoesNotFit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowWorld(t, "s", map[byte]string{'s': `{"channel":"push"}`}, 99)
		s.run(t, 14*time.Second, 2)
		require.Zero(t, s.writes)
		require.Empty(t, s.sent)
	})
}

// The third messages of a pack would begin 10.4 seconds after their claim, so that answers of
// 10 seconds would be recorded when their leases have nearly ended.
func TestAdvance_SendsOnlyWhatCanBeRecordedInItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowWorld(t, "s", map[byte]string{'s': `{"channel":"push"}`}, engine.PackSize)
		s.sendTime = 5200 * time.Millisecond
		s.run(t, time.Minute, 5)
		require.True(t, s.allLeft())
		require.Len(t, s.sent, engine.PackSize)
		require.GreaterOrEqual(t, s.rest, 2*time.Second)
	})
}
