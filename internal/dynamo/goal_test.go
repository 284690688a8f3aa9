package dynamo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/capacity"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// goalJourney is an active journey with a goal.
func (p *fixture) goalJourney(t *testing.T, definition, goal string, customers ...string) ident.ID {
	t.Helper()
	name, d := "n", definitionOf(t, definition)
	j, err := p.Create(t.Context(), demo, journey.Change{
		Name: &name, Definition: &d, Settings: graph.SettingsChange{"goal": []byte(goal)},
	})
	require.NoError(t, err)
	_, err = p.Update(t.Context(), demo, j.ID, journey.Change{Status: new(journey.Active)}, nil)
	require.NoError(t, err)
	_, err = p.Enroll(t.Context(), demo, j.ID, journey.EnrollRequest{Customers: customers})
	require.NoError(t, err)
	return j.ID
}

func (p *fixture) bought(t *testing.T, customer, id, properties string) {
	t.Helper()
	event := journey.Event{Customer: customer, Type: "bought", ID: id}
	if properties != "" {
		event.Properties = []byte(properties)
	}
	outcome, err := p.PutEvent(t.Context(), demo, event)
	require.NoError(t, err)
	require.Empty(t, outcome.Damaged)
}

func (p *fixture) converted(t *testing.T, id ident.ID, customer string) time.Time {
	t.Helper()
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
	require.NoError(t, err)
	return e.ConvertedAt
}

func TestGoal_ConvertsInsideAndWithinItsWindow(t *testing.T) {
	t.Parallel()

	const day = 24 * time.Hour
	for _, row := range []struct {
		name      string
		window    string
		leaves    time.Duration // after the entry; 0 for never
		event     time.Duration
		status    journey.Status // of the journey when the event comes
		converted bool
	}{
		{"inside, without a window", "0", 0, 20 * day, journey.Active, true},
		{"inside, after the window", "2", 0, 20 * day, journey.Active, true},
		{"inside, paused", "0", 0, day, journey.Paused, true},
		{"left, without a window", "0", day, day + time.Millisecond, journey.Active, false},
		{"left, in the window", "2", day, 2 * day, journey.Active, true},
		{"left, in the window, paused", "2", day, 2 * day, journey.Paused, true},
		{"left, after the window", "2", day, 2*day + time.Millisecond, journey.Active, false},
		{"before the entry", "2", 0, 0, journey.Active, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := newFixture(t)
			id := p.goalJourney(t, waitingGraph, `{"eventType":"bought","windowDays":`+row.window+`}`, "ada")
			if row.leaves > 0 {
				p.now = start.Add(row.leaves)
				require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
			}
			p.now = start.Add(row.event)
			if row.status != journey.Active {
				_, err := p.Update(t.Context(), demo, id, journey.Change{Status: &row.status}, nil)
				require.NoError(t, err)
			}
			p.bought(t, "ada", "e1", "")
			first := p.converted(t, id, "ada")
			require.Equal(t, row.converted, !first.IsZero())
			p.now = p.now.Add(time.Hour)
			p.bought(t, "ada", "e1", "")
			p.bought(t, "ada", "e2", "")
			if row.converted {
				require.Equal(t, start.Add(row.event), first)
				require.Equal(t, first, p.converted(t, id, "ada"), "a run converts once")
			}
			want := int64(0)
			if !p.converted(t, id, "ada").IsZero() {
				want = 1
			}
			require.Equal(t, want, p.figures(t, id).Conversions)
			require.NotContains(t, p.audit(t), "wrong\":1")
		})
	}
}

// The condition of a goal reads the event, the starting event and the attributes.
func TestGoal_LooksAtConditionAndMatch(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.goalJourney(t, strings.Replace(waitingGraph, `"entry_trigger"`, `"entry_trigger","config":{"eventType":"filled"}`, 1),
		`{"eventType":"bought","windowDays":1,"match":{"event":"cart","entry":"cart"},"condition":{"all":[
			{"field":"event.total","operator":"gte","value":10},{"field":"vip","operator":"eq","value":true},{"event":"called","since":"entry"}]}}`)
	_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{
		Customers: []string{"ada"}, Properties: [][]byte{[]byte(`{"cart":7}`)},
	})
	require.NoError(t, err)
	put := func(attributes string) {
		_, err := p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: "ada", Attributes: []byte(attributes)}, nil)
		require.NoError(t, err)
	}
	const whole = `{"cart":7,"total":10}`
	p.now = start.Add(time.Hour)
	put(`{"vip":true}`)
	p.bought(t, "ada", "", whole)
	require.Zero(t, p.converted(t, id, "ada"), "no call")
	_, err = p.PutEvent(t.Context(), demo, journey.Event{Customer: "ada", Type: "called"})
	require.NoError(t, err)
	for _, properties := range []string{`{"cart":8,"total":10}`, `{"cart":7,"total":9}`, `{"total":10}`} {
		p.bought(t, "ada", "", properties)
		require.Zero(t, p.converted(t, id, "ada"), properties)
	}
	put(`{"vip":false}`)
	p.bought(t, "ada", "", whole)
	require.Zero(t, p.converted(t, id, "ada"), "no vip")
	put(`{"vip":true}`)
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	p.bought(t, "ada", "", whole)
	require.NotZero(t, p.converted(t, id, "ada"), "also after leaving")
}

// While a worker sends a message, an event only leaves a mark. The next write of the
// enrollment carries it out: the worker's, or after its lease any other.
func TestGoal_WaitsForTheRecordOfAMessage(t *testing.T) {
	t.Parallel()

	const goal = `{"eventType":"bought","windowDays":0}`
	p := newFixture(t)
	id := p.goalJourney(t, sendingGraph, goal, "ada", "bob")
	record, lost := p.claim(t, id, "ada"), p.claim(t, id, "bob")
	p.now = p.now.Add(time.Second)
	for _, customer := range []string{"ada", "bob"} {
		for _, event := range []string{"e1", "e1", "e2"} {
			p.bought(t, customer, event, "")
		}
	}
	stored, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, record.Rev-1, stored.Rev, "only the worker moves the revision")
	require.Zero(t, stored.ConvertedAt)

	var pending *journey.ExitPendingError
	require.ErrorAs(t, p.advance(t, record), &pending)
	require.Zero(t, pending.Exit)
	require.Equal(t, stored.PendingConversion, pending.Conversion)
	require.ErrorAs(t, p.advanceWith(t.Context(), p.store, record, journey.Profile{}, `{}`), &pending)
	record = record.Convert(pending.Conversion.At)
	record.PendingConversion = pending.Conversion
	require.NoError(t, p.advanceWith(t.Context(), p.store, record, journey.Profile{}, `{}`))
	require.NotZero(t, p.converted(t, id, "ada"))

	p.now = p.now.Add(time.Minute) // bob's worker is dead
	require.NoError(t, p.Remove(t.Context(), demo, id, "bob"))
	require.NotZero(t, p.converted(t, id, "bob"))
	require.ErrorIs(t, p.advance(t, lost), journey.ErrLost)
	require.EqualValues(t, 2, p.figures(t, id).Conversions)
}

// A customer who was forgotten does not convert, and neither does the enrollment that
// follows, by an event from before it.
func TestGoal_ForgottenCustomersDoNotConvert(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.goalJourney(t, waitingGraph, `{"eventType":"bought","windowDays":90}`, "ada")
	p.now = p.now.Add(time.Hour)
	require.NoError(t, p.Forget(t.Context(), demo, "ada"))
	p.now = p.now.Add(time.Hour)
	p.bought(t, "ada", "e1", "")
	p.now = p.now.Add(time.Hour)
	_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"ada"}})
	require.NoError(t, err)
	p.bought(t, "ada", "e1", "")
	require.Zero(t, p.converted(t, id, "ada"))
	require.Zero(t, p.figures(t, id).Conversions)
}

// If a handler dies before or after any of its requests, a repeat of the event converts
// the run once, as of the first attempt.
func TestGoal_RepeatFinishesAfterACrash(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.goalJourney(t, waitingGraph, `{"eventType":"bought","windowDays":1}`)
	customers := 0
	for calls, died := 0, true; died; calls++ {
		for _, after := range []bool{false, true} {
			customer := strings.Repeat("a", calls+1)
			if after {
				customer += "-after"
			}
			customers++
			_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{customer}})
			require.NoError(t, err)
			p.now = p.now.Add(time.Hour)
			ctx, end := context.WithCancel(t.Context())
			_, err = p.on(dyingAfter(calls, after), atDeath(end)).PutEvent(ctx, demo, journey.Event{Customer: customer, Type: "bought", ID: "e1"})
			died = err != nil
			end()
			p.now = p.now.Add(time.Hour)
			p.bought(t, customer, "e1", "")
			e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
			require.NoError(t, err)
			require.NotZero(t, e.ConvertedAt)
			require.Equal(t, int64(2), e.Rev, "written once")
		}
	}
	require.EqualValues(t, customers, p.figures(t, id).Conversions)
}

// An event reads no graph for a customer who converted, or who left before the window.
func TestGoal_ClosedOnesReadNoGraph(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	list := []string{"converted", "left", "inside"}
	id := p.goalJourney(t, waitingGraph, `{"eventType":"bought","windowDays":1}`, list...)
	p.now = p.now.Add(time.Hour)
	p.bought(t, "converted", "", "")
	require.NoError(t, p.Remove(t.Context(), demo, id, "left"))
	p.now = p.now.Add(48 * time.Hour)
	requests := func(customer, eventType string) int {
		ctx, meter := capacity.WithMeter(t.Context())
		_, err := p.restarted().PutEvent(ctx, demo, journey.Event{Customer: customer, Type: eventType})
		require.NoError(t, err)
		return meter.Usage().Requests
	}
	least := requests("a stranger", "bought")
	require.Equal(t, least, requests("left", "bought"))
	require.Equal(t, least, requests("inside", "sold"), "another type")
	require.Equal(t, least+2, requests("inside", "bought"), "the graph, and the write")
	t.Logf("an event that concerns no run takes %d requests", least)
}
