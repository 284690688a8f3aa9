package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// untilTrial waits until a date of the profile, in the customer's zone. first is what
// comes before the wait.
func untilTrial(first, event string) string {
	return fmt.Sprintf(`{"nodes":[{"id":"in","type":"entry_trigger"},%s
		{"id":"w","type":"wait","config":{"until":{"field":"trialEnds","time":"09:00"}%s}},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"a"},{"source":"a","target":"w"},{"source":"w","target":"out"}]}`, first, event)
}

const (
	sendsFirst  = `{"id":"a","type":"channel_action","config":{"channel":"push"}},`
	splitsFirst = `{"id":"a","type":"wait","config":{"until":{"at":"2026-11-23T12:00:00Z"}}},`
)

func (r *race) Profiles(ctx context.Context, t ident.Tenant, customers []string) (map[string]engine.Profile, error) {
	if r.profile == nil {
		return r.fake.Profiles(ctx, t, customers)
	}
	r.ask(ctx)
	if isDead(ctx) {
		return nil, errDead
	}
	attributes, err := condition.ParseValue(r.profile.Attributes)
	return map[string]engine.Profile{"c": {Attributes: attributes, Stored: *r.profile}}, err
}

func (r *race) ProfileToChange(ctx context.Context, _ ident.Tenant, _ string, _ time.Time) (journey.Profile, journey.Forgotten, error) {
	r.ask(ctx)
	if isDead(ctx) {
		return journey.Profile{}, nil, errDead
	}
	return *r.profile, func(string) time.Time { return time.Time{} }, nil
}

func (r *race) PutProfile(ctx context.Context, _ ident.Tenant, p journey.Profile, rev int64) error {
	r.ask(ctx)
	switch {
	case isDead(ctx):
		return errDead
	case r.profile.Rev != rev:
		return journey.ErrLost
	}
	r.profile = &p
	return nil
}

// put replaces the profile with one whose trial ends on that day.
func (r *race) put(day int, zone string) func(context.Context) error {
	return func(ctx context.Context) error {
		attributes := fmt.Sprintf(`{"trialEnds":"2026-12-%02d","timezone":%q}`, day, zone)
		_, err := r.service.PutCustomer(ctx, r.tenant, journey.ProfileChange{Customer: "c", Attributes: []byte(attributes)}, nil)
		return err
	}
}

// dying makes the side die before its nth request.
func dying(f func(context.Context) error, n int) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx.Value(sideKey{}).(*side).dies = n
		if err := f(ctx); !errors.Is(err, errDead) {
			return err
		}
		return nil
	}
}

// requireFreshEnd requires that the wait ends by the present profile.
func (r *race) requireFreshEnd(t *testing.T, order string) {
	var day int
	var zone string
	_, err := fmt.Sscanf(string(r.profile.Attributes), `{"trialEnds":"2026-12-%d","timezone":%q}`, &day, &zone)
	require.NoError(t, err)
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	require.Equal(t, progress.Inside, r.e.Status, order)
	require.Equal(t, time.Date(2026, 12, day, 9, 0, 0, 0, location).UTC(), r.e.Due, order)
	require.Equal(t, r.profile.Rev, r.e.ProfileRev, order)
}

// A write of the profile and the wait that depends on it race, in every order of their
// requests to the table. No wait keeps an end that was computed from an older profile.
func TestWake_EveryOrderOfProfileAndWait(t *testing.T) {
	t.Parallel()

	advancing := func(r *race) func(context.Context) error {
		require.NoError(t, r.enroll(t.Context()))
		r.queue = nil
		return r.advance
	}
	waiting := func(r *race) {
		require.NoError(t, r.enroll(t.Context()))
		r.settle(t, false)
	}
	repeated := func(r *race, die int) func(context.Context) error {
		put := r.put(20, "Asia/Tokyo")
		return func(ctx context.Context) error {
			if err := dying(put, die)(ctx); err != nil {
				return err
			}
			ctx.Value(sideKey{}).(*side).dies = 0
			return put(ctx)
		}
	}
	for name, row := range map[string]struct {
		first string
		sides func(r *race, die int) []func(context.Context) error
		dies  int // the last request before which a side dies
		least int // orders to expect at least; above 400, that many are drawn at random
	}{
		"a worker sends a message, and then enters the wait": {sendsFirst, func(r *race, _ int) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.put(20, "Asia/Tokyo")), advancing(r)}
		}, 0, 100},
		"an enroll call enters the wait": {splitsFirst, func(r *race, _ int) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.put(20, "Asia/Tokyo")), r.enroll}
		}, 0, 5},
		"a worker reads the profile for the first time": {splitsFirst, func(r *race, _ int) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.put(20, "Asia/Tokyo")), advancing(r)}
		}, 0, 40},
		"a worker dies": {sendsFirst, func(r *race, die int) []func(context.Context) error {
			return []func(context.Context) error{r.late(r.put(20, "Asia/Tokyo")), dying(advancing(r), die)}
		}, 7, 5},
		"a worker looks again at the due time": {splitsFirst, func(r *race, _ int) []func(context.Context) error {
			waiting(r)
			r.now = r.e.Due
			return []func(context.Context) error{r.late(r.put(20, "Asia/Tokyo")), r.advance, func(context.Context) error { return nil }}
		}, 0, 0},
		"the date moves to an earlier day": {splitsFirst, func(r *race, _ int) []func(context.Context) error {
			waiting(r)
			return []func(context.Context) error{r.put(2, "America/Lima"), r.late(r.advance)}
		}, 0, 10},
		"two writes and a worker": {splitsFirst, func(r *race, _ int) []func(context.Context) error {
			return []func(context.Context) error{r.put(20, "Asia/Tokyo"), r.put(2, "UTC"), advancing(r)}
		}, 0, 1000},
		"the writer dies, and the caller repeats the call": {splitsFirst, func(r *race, die int) []func(context.Context) error {
			return []func(context.Context) error{repeated(r, die), advancing(r)}
		}, 4, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, lost := range []bool{false, true} {
				for die := min(row.dies, 1); die <= row.dies; die++ {
					try := everyOrder
					if row.least > 400 {
						try = func(f func([]int) []int) int { return someOrders(row.least, f) }
					}
					orders := try(func(choices []int) []int {
						r := newRace(t, untilTrial(row.first, ""))
						r.profile = &journey.Profile{Customer: "c", Attributes: []byte(`{"trialEnds":"2026-12-10","timezone":"UTC"}`), Rev: 1}
						sides := row.sides(r, die)
						due := r.now
						running := r.run(t, sides, choices)
						r.settle(t, lost)
						order := fmt.Sprint(name, lost, die, choices)
						if r.e.Status == progress.Completed && row.least == 0 {
							require.False(t, due.Before(time.Date(2026, 12, 10, 9, 0, 0, 0, time.UTC)), order)
							return running
						}
						r.requireFreshEnd(t, order)
						return running
					})
					require.GreaterOrEqual(t, orders, row.least)
					t.Logf("nudges lost: %t; died before request %d; %d orders", lost, die, orders)
				}
			}
		})
	}
}

// An event ends the wait whatever happens to the profile meanwhile.
func TestWake_EveryOrderOfEventProfileAndWait(t *testing.T) {
	t.Parallel()

	someOrders(1000, func(choices []int) []int {
		r := newRace(t, untilTrial(splitsFirst, `,"waitForEvent":"opened"`))
		r.profile = &journey.Profile{Customer: "c", Attributes: []byte(`{"trialEnds":"2026-12-10","timezone":"UTC"}`), Rev: 1}
		require.NoError(t, r.enroll(t.Context()))
		r.queue = nil
		running := r.run(t, []func(context.Context) error{r.late(r.event("")), r.put(20, "UTC"), r.advance}, choices)
		r.settle(t, true)
		visits := r.e.Path.Visits(r.e.EnrolledAt)
		require.Equal(t, progress.Completed, r.e.Status, "%v", choices)
		require.Equal(t, trail.WokenByEvent, visits[2].Result, "%v", choices)
		return running
	})
}

// thenPast waits for an event, asks for the profile, and waits until a date that has passed
// for the same event.
const thenPast = `{"nodes":[{"id":"in","type":"entry_trigger"},
	{"id":"first","type":"wait","config":{"delayHours":48,"waitForEvent":"opened"}},
	{"id":"split","type":"condition_split","config":{"condition":{"field":"plan","operator":"exists"}}},
	{"id":"second","type":"wait","config":{"until":{"at":"2026-11-23T12:00:00Z"},"waitForEvent":"opened"}},{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"first"},{"source":"first","target":"split"},
	{"source":"split","target":"second","sourceHandle":"true"},{"source":"split","target":"second","sourceHandle":"false"},
	{"source":"second","target":"out"}]}`

// An event that comes after a wait ends the next one, although that is over at once and the
// worker has read the events for the first.
func TestWake_EveryOrderOfEventAndPastDate(t *testing.T) {
	t.Parallel()

	for _, otherwise := range []string{"continue", "exit"} {
		definition := strings.Replace(thenPast, `12:00:00Z"`, `12:00:00Z","otherwise":"`+otherwise+`"`, 1)
		inTime := 0
		orders := everyOrder(func(choices []int) []int {
			r := newRace(t, definition)
			r.profile = &journey.Profile{Customer: "c", Attributes: []byte(`{}`), Rev: 1}
			require.NoError(t, r.enroll(t.Context()))
			r.settle(t, false)
			require.Equal(t, progress.Inside, r.e.Status)
			r.now = r.e.Due
			var answered time.Time
			event := func(ctx context.Context) error {
				err := r.event("")(ctx)
				answered = r.now
				return err
			}
			running := r.run(t, []func(context.Context) error{r.late(event), r.advance}, choices)
			r.settle(t, true)
			require.Equal(t, progress.Completed, r.e.Status, "%v", choices)
			visits := r.e.Path.Visits(r.e.EnrolledAt)
			if visits[1].Result == trail.Waited && !answered.After(visits[3].EnteredAt) {
				inTime++
				require.Equal(t, trail.WokenByEvent, visits[3].Result, "%s %v", otherwise, choices)
			}
			return running
		})
		require.Positive(t, inTime)
		t.Logf("%s: %d orders, in %d the event is in time", otherwise, orders, inTime)
	}
}
