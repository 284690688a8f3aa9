package journey_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// runTable is a table in memory with one customer of one journey.
type runTable struct {
	singleJourney
	journey.EnrollmentStore // methods that are not overridden are not called
	service                 *journey.Service

	now     time.Time
	tick    time.Duration // of the clock, with each reading of it
	e       *progress.Enrollment
	earlier []progress.Enrollment
	keys    map[string]journey.KeyRecord

	requests int                   // of the present call
	dies     int                   // the request after which the call's process dies; 0 for never
	ask      func(context.Context) // called before each request; nil for none
}

var errDied = errors.New("the process has died")

func newRunTable(t *testing.T, graph, reentry string, tick time.Duration) *runTable {
	d := journeytest.Definition(t, graph)
	r := &runTable{tick: tick}
	r.journey = journey.Journey{
		ID: "jrn_0", Status: journey.Active, Definition: d.Raw, GraphHash: d.Hash, Version: 1, MaxDurationDays: 30,
		Reentry: []byte(reentry),
	}
	r.service = journey.NewService(journey.Stores{Journeys: r, Enrollments: r}, func() time.Time {
		r.now = r.now.Add(r.tick)
		return r.now
	}, rand.Reader)
	r.clear()
	return r
}

// clear empties the table.
func (r *runTable) clear() {
	r.now, r.e, r.earlier, r.keys = t0, nil, nil, map[string]journey.KeyRecord{}
	r.requests, r.dies = 0, 0
}

// request waits for its turn, counts itself and makes its write. It returns errDied if
// the process dies before, or after it.
func (r *runTable) request(ctx context.Context, write func()) error {
	r.waitForTurn(ctx)
	return r.count(write)
}

func (r *runTable) waitForTurn(ctx context.Context) {
	if r.ask != nil {
		r.ask(ctx)
	}
}

func (r *runTable) count(write func()) error {
	r.requests++
	if r.dies > 0 && r.requests > r.dies {
		return errDied
	}
	write()
	if r.requests == r.dies {
		return errDied
	}
	return nil
}

func (r *runTable) JourneyToEnter(ctx context.Context, _ ident.Tenant, _ ident.ID, _ []string, _ time.Time) (journey.Journey, journey.Forgotten, error) {
	r.waitForTurn(ctx) // before the call reads its clock
	return r.journey, nil, nil
}

func (r *runTable) ReserveKey(_ context.Context, _ ident.Tenant, _ ident.ID, k journey.KeyRecord, _ time.Time) (kept journey.KeyRecord, err error) {
	err = r.count(func() {
		if _, ok := r.keys[k.Key]; !ok {
			r.keys[k.Key] = k
		}
		kept = r.keys[k.Key]
	})
	return kept, err
}

func (r *runTable) KeyRecord(_ context.Context, _ ident.Tenant, _ ident.ID, key string, _ time.Time) (journey.KeyRecord, bool, error) {
	k, ok := r.keys[key]
	return k, ok, nil
}

func (r *runTable) outcome(id ident.RequestID) journey.Outcome {
	o := journey.Outcome{Result: journey.OutcomeSkipped, Code: journey.CodeInside, Run: r.e.Run, EnteredAt: r.e.EnrolledAt}
	if r.e.Status.Left() {
		o.Code = journey.CodeEntered
	}
	if r.e.RequestID == id {
		o = journey.Outcome{Result: journey.OutcomeEnrolled}
	}
	return o
}

func (r *runTable) Insert(ctx context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []journey.Outcome {
	var o journey.Outcome
	err := r.request(ctx, func() {
		if r.e == nil {
			r.e = &list[0]
		}
		o = r.outcome(list[0].RequestID)
	})
	if err != nil {
		o = journey.Outcome{Result: journey.OutcomeError, Code: "died"}
	}
	return []journey.Outcome{o}
}

func (r *runTable) Enrolled(_ context.Context, _ ident.Tenant, _ ident.ID, _ []string, id ident.RequestID, _ string) []journey.Outcome {
	return []journey.Outcome{r.outcome(id)}
}

func (r *runTable) Enrollment(ctx context.Context, _ ident.Tenant, _ ident.ID, _ string) (e progress.Enrollment, err error) {
	err = r.request(ctx, func() { e = *r.e })
	return e, err
}

func (r *runTable) Reenter(ctx context.Context, _ ident.Tenant, _ int, old, next progress.Enrollment) (err error) {
	died := r.request(ctx, func() {
		switch {
		case r.e.RequestID == next.RequestID:
		case r.e.Rev != old.Rev || r.e.RequestID != old.RequestID || r.e.Run != old.Run:
			err = journey.ErrLost
		default:
			r.earlier, r.e = append(r.earlier, old), &next
		}
	})
	if died != nil {
		return died
	}
	return err
}

func (r *runTable) EarlierRuns(_ context.Context, _ ident.Tenant, _ ident.ID, _ string) (runs []progress.Enrollment, err error) {
	err = r.count(func() { runs = slices.Clone(r.earlier) })
	return runs, err
}

func (r *runTable) Advance(_ context.Context, _ ident.Tenant, _ int, list []progress.Enrollment) []error {
	if r.e.Rev != list[0].Rev-1 || r.e.RequestID != list[0].RequestID {
		return []error{journey.ErrLost}
	}
	r.e = &list[0]
	return []error{nil}
}

// enroll returns the outcome of a call with the key.
func (r *runTable) enroll(ctx context.Context, key string) (journey.Outcome, error) {
	result, err := r.service.Enroll(ctx, ident.Tenant{}, "jrn_0", journey.EnrollRequest{Customers: []string{"c"}, Key: key})
	if err != nil {
		return journey.Outcome{}, err
	}
	return result.Outcomes[0], nil
}

// exit takes the customer out, if they are inside.
func (r *runTable) exit(t *testing.T) {
	if r.e != nil && !r.e.Status.Left() {
		r.now = r.now.Add(r.tick)
		require.NoError(t, r.Advance(t.Context(), ident.Tenant{}, 1, []progress.Enrollment{r.e.NextWrite(r.now).Cancel("left")})[0])
	}
}

// fault returns what is wrong with the runs: they must follow each other, each started by
// a request of its own. It is "" for nothing.
func (r *runTable) fault() string {
	if r.e == nil {
		return ""
	}
	runs := append(r.earlier[:len(r.earlier):len(r.earlier)], *r.e)
	for i, run := range runs {
		for _, before := range runs[:i] {
			switch {
			case before.RequestID == run.RequestID:
				return "a request started two runs"
			case !before.Status.Left() || run.EnrolledAt.Before(before.LeftAt) || run.Rev <= before.Rev:
				return "runs overlap"
			}
		}
		if run.Run != i+1 {
			return "a run has the wrong number"
		}
	}
	return ""
}

func (r *runTable) startedBy(key string) bool {
	id := r.keys[key].RequestID
	return r.e != nil && r.e.RequestID == id || slices.ContainsFunc(r.earlier, func(e progress.Enrollment) bool { return e.RequestID == id })
}

var (
	quickGraph   = graphOf([]string{"in entry_trigger", "out exit"}, []string{"in out"})
	waitingGraph = graphOf([]string{"in entry_trigger", `w wait {"delayHours":24}`, "out exit"}, []string{"in w", "w out"})
)

// call is one step of an order: a call with a key whose process dies after that many
// requests, 0 for never, or an exit.
type call struct {
	key  string
	dies int
}

func (c call) String() string {
	if c.key == "" {
		return "exit"
	}
	return c.key + strings.Repeat("+", c.dies)
}

// Calls with two keys, their repeats, exits, and processes that die after any of their
// requests come in every order. A key starts one run at most, the answers of one key
// agree, and a first call that finds the customer outside starts a run.
func TestReentry_EveryOrderOfCallsRepeatsAndExits(t *testing.T) {
	t.Parallel()

	steps := []call{{key: "a"}, {key: "b"}, {key: noKey}, {}, {"a", 1}, {"a", 2}, {"a", 4}}
	length := 5
	if testing.Short() {
		length = 4
	}
	for name, graph := range map[string]string{"quick runs": quickGraph, "runs that wait": waitingGraph} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counts, orders, most := map[string]int{}, 0, 0
			r := newRunTable(t, graph, `{"mode":"afterExit"}`, time.Millisecond)
			order := make([]call, 0, length)
			var extend func()
			extend = func() {
				if len(order) == length {
					orders++
					most = max(most, r.play(t, order, counts))
					return
				}
				for _, step := range steps {
					order = append(order, step)
					extend()
					order = order[:len(order)-1]
				}
			}
			extend()
			t.Logf("%d orders, at most %d runs; outcomes: %v", orders, most, counts)
			require.Greater(t, counts["enrolled again"], 100)
			require.Positive(t, counts[journey.CodeEntered])
		})
	}
}

const noKey = "-"

// play returns the number of runs.
func (r *runTable) play(t *testing.T, order []call, counts map[string]int) int {
	r.clear()
	answers := map[string]journey.OutcomeResult{}
	demand := func(ok bool, what string) {
		if !ok {
			require.Fail(t, what, "in the order %v", order)
		}
	}
	for _, c := range order {
		if c.key == "" {
			r.exit(t)
			continue
		}
		_, known := r.keys[c.key]
		outside := r.e == nil || r.e.Status.Left()
		before := len(r.earlier)
		first := r.e == nil
		r.requests, r.dies = 0, c.dies
		o, err := r.enroll(t.Context(), strings.Trim(c.key, noKey))
		demand(r.fault() == "", r.fault())
		started := len(r.earlier) > before || first && r.e != nil
		if c.dies > 0 && r.requests >= c.dies {
			counts["died"]++
			continue
		}
		demand(err == nil, "an error")
		counts[o.Code]++
		demand(known || c.key != noKey || started == outside, "a call without a key starts a run of a customer who is outside")
		demand(known || !outside || started, "a first call starts a run of a customer who is outside")
		demand(c.key == noKey || (o.Result == journey.OutcomeEnrolled) == r.startedBy(c.key), "the answer says whether the key started a run")
		if answer, ok := answers[c.key]; ok {
			demand(answer == o.Result, "a repeat has the answer of the first call")
			demand(!started, "a repeat starts no run")
		}
		if c.key != noKey {
			answers[c.key] = o.Result
		}
		if started && !first {
			counts["enrolled again"]++
		}
	}
	if r.e == nil {
		return 0
	}
	return len(r.earlier) + 1
}

// Two calls with one key and one with another key run at the same time, for a customer
// who has left, in every order of their requests. Then all are repeated.
func TestReentry_EveryInterleavingOfConcurrentCalls(t *testing.T) {
	t.Parallel()

	keys := []string{"a", "a", "b"}
	if testing.Short() {
		keys = keys[1:]
	}
	orders, runs, answers := 0, map[int]int{}, map[string]int{}
	r := newRunTable(t, quickGraph, `{"mode":"afterExit"}`, time.Millisecond)
	for choices := []int{}; choices != nil; {
		r.clear()
		_, err := r.enroll(t.Context(), "")
		require.NoError(t, err)
		running, outcomes := r.interleave(t, keys, choices)
		if r.fault() != "" {
			require.Fail(t, r.fault(), "in the order %v", choices)
		}
		orders++
		runs[len(r.earlier)+1]++
		for i, key := range keys {
			again, err := r.enroll(t.Context(), key)
			require.NoError(t, err)
			for _, o := range []journey.Outcome{outcomes[i], again} {
				answers[o.Code]++
				if (o.Result == journey.OutcomeEnrolled) != r.startedBy(key) {
					require.Fail(t, "wrong answer", "for the key %s in the order %v: %v", key, choices, o)
				}
			}
		}
		choices = nextChoices(choices, running)
	}
	t.Logf("%d orders; number of runs: %v; answers by code: %v", orders, runs, answers)
	require.Positive(t, runs[2])
	require.Positive(t, runs[3])
}

// interleave runs a call for each key. At each turn the next choice is the index, among
// the calls still running, of the one that makes its next request; after the last choice
// it is always the first. It returns how many were running at each turn.
func (r *runTable) interleave(t *testing.T, keys []string, choices []int) (running []int, outcomes []journey.Outcome) {
	type side struct{ turn, asks, ended chan struct{} }
	type sideKey struct{}
	outcomes = make([]journey.Outcome, len(keys))
	r.ask = func(ctx context.Context) {
		s := ctx.Value(sideKey{}).(side)
		s.asks <- struct{}{}
		<-s.turn
	}
	stops := func(s side) bool {
		select {
		case <-s.asks:
			return true
		case <-s.ended:
			return false
		}
	}
	var open []side
	for i, key := range keys {
		s := side{make(chan struct{}), make(chan struct{}), make(chan struct{})}
		go func() {
			defer close(s.ended)
			o, err := r.enroll(context.WithValue(t.Context(), sideKey{}, s), key)
			if err == nil {
				outcomes[i] = o
			}
		}()
		if stops(s) {
			open = append(open, s)
		}
	}
	for turn := 0; len(open) > 0; turn++ {
		running = append(running, len(open))
		i := 0
		if turn < len(choices) {
			i = choices[turn]
		}
		open[i].turn <- struct{}{}
		if !stops(open[i]) {
			open = slices.Delete(open, i, i+1)
		}
	}
	r.ask = nil
	return running, outcomes
}

// nextChoices returns the choices of the next order; nil after the last one.
func nextChoices(choices, running []int) []int {
	next := make([]int, len(running))
	copy(next, choices)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i]++; next[i] < running[i] {
			return next[:i+1]
		}
	}
	return nil
}

// Each bound refuses a further run, until it allows one.
func TestReentry_Bounds(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		reentry string
		after   time.Duration // from one call to the next
		want    []string      // code of each call; "" for enrolled
	}{
		"never":        {"", time.Hour, []string{"", journey.CodeEntered, journey.CodeEntered}},
		"after exit":   {`{"mode":"afterExit"}`, time.Millisecond, []string{"", "", ""}},
		"max":          {`{"mode":"afterExit","max":2}`, time.Hour, []string{"", "", journey.CodeMaxReached}},
		"min interval": {`{"mode":"afterExit","minIntervalHours":1.5}`, time.Hour, []string{"", journey.CodeTooSoon, "", journey.CodeTooSoon, ""}},
		"exactly then": {`{"mode":"afterExit","minIntervalHours":1}`, time.Hour, []string{"", "", ""}},
		"both":         {`{"mode":"afterExit","minIntervalHours":2,"max":2}`, time.Hour, []string{"", journey.CodeTooSoon, "", journey.CodeMaxReached}},
	} {
		r := newRunTable(t, quickGraph, row.reentry, 0)
		for i, want := range row.want {
			o, err := r.enroll(t.Context(), []string{"", "key" + string(rune('a'+i))}[i%2])
			require.NoError(t, err)
			require.Equal(t, want, o.Code, "%s: call %d", name, i)
			require.Equal(t, want == "", o.Result == journey.OutcomeEnrolled)
			r.now = r.now.Add(row.after)
		}
	}
}

// A customer whose journey failed is inside; one who was removed has left.
func TestReentry_FailedIsInsideAndRemovedHasLeft(t *testing.T) {
	t.Parallel()

	r := newRunTable(t, waitingGraph, `{"mode":"afterExit"}`, time.Second)
	_, err := r.enroll(t.Context(), "")
	require.NoError(t, err)
	failed := r.e.NextWrite(r.now).Fail("send_failed")
	r.e = &failed
	o, err := r.enroll(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, journey.CodeInside, o.Code)
	require.NoError(t, r.service.Remove(t.Context(), ident.Tenant{}, "jrn_0", "c"))
	o, err = r.enroll(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, journey.OutcomeEnrolled, o.Result)
	require.Equal(t, 2, r.e.Run)

	// The setting is cleared, and the journey paused: a repeat answers as before.
	o, err = r.enroll(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, journey.CodeInside, o.Code)
	r.exit(t)
	o, err = r.enroll(t.Context(), "l")
	require.NoError(t, err)
	require.Equal(t, journey.OutcomeEnrolled, o.Result)
	r.exit(t)
	_, err = r.enroll(t.Context(), "m")
	require.NoError(t, err)
	r.journey.Status, r.journey.Reentry = journey.Paused, nil
	for key, want := range map[string]journey.OutcomeResult{"k": journey.OutcomeSkipped, "l": journey.OutcomeEnrolled, "m": journey.OutcomeEnrolled} {
		o, err := r.enroll(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, want, o.Result, key)
	}
}

// A call dies before it enters a customer who has left. Its repeat finds the journey
// paused, and may not answer that the customer is skipped for good: the next repeat
// starts a run.
func TestReentry_RepeatInAPauseDoesNotSkip(t *testing.T) {
	t.Parallel()

	r := newRunTable(t, quickGraph, `{"mode":"afterExit","minIntervalHours":1}`, time.Second)
	_, err := r.enroll(t.Context(), "")
	require.NoError(t, err)
	_, err = r.enroll(t.Context(), "early")
	require.NoError(t, err)
	r.now = r.now.Add(time.Hour)
	r.requests, r.dies = 0, 1
	_, err = r.enroll(t.Context(), "k")
	require.ErrorIs(t, err, errDied)
	r.dies = 0

	r.journey.Status = journey.Paused
	o, err := r.enroll(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, journey.Outcome{Result: journey.OutcomeError, Code: "journey-not-active"}, o)
	o, err = r.enroll(t.Context(), "early")
	require.NoError(t, err)
	require.Equal(t, journey.CodeTooSoon, o.Code)

	r.journey.Status = journey.Active
	o, err = r.enroll(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, journey.OutcomeEnrolled, o.Result)
	require.Equal(t, 2, r.e.Run)
}
