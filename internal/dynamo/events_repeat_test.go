package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// repeated has the journeys of an event that is repeated after a crash: two whose runs it
// ends, and those that it starts and that are closed to the repeat.
type repeated struct {
	*fixture
	waiting, sending ident.ID
	codes            map[ident.ID]string // of NotStarted, for the repeat; "" for none
	again            ident.ID            // one of codes, which the customer enters again
	paused, archived ident.ID            // two of codes
}

func newRepeated(t *testing.T) *repeated {
	p := newFixture(t)
	change := func(id ident.ID, c journey.Change) ident.ID {
		_, err := p.Update(t.Context(), demo, id, c, nil)
		require.NoError(t, err)
		return id
	}
	exits := graph.SettingsChange{"exitOn": []byte(`[{"eventType":"opened"}]`)}
	r := &repeated{
		fixture: p, waiting: change(p.journey(t, waitingGraph), journey.Change{Settings: exits}),
		sending: change(p.journey(t, sendingGraph), journey.Change{Settings: exits}),
		paused:  p.journey(t, openedGraph), archived: p.journey(t, openedGraph),
		again: change(p.journey(t, openedGraph), journey.Change{Reentry: &graph.Reentry{Raw: []byte(`{"mode":"afterExit"}`)}}),
	}
	conditional := p.journey(t, startedIf(`{"not":{"field":"plan","operator":"exists"}}`))
	r.codes = map[ident.ID]string{r.paused: "journey-paused", r.archived: "", r.again: "entry-closed", conditional: "condition-false"}
	return r
}

// close changes the journeys and the profile so that the event starts none.
func (r *repeated) close(t *testing.T, customer string) {
	t.Helper()
	_, err := r.Enroll(t.Context(), demo, r.again, journey.EnrollRequest{Customers: []string{customer}})
	require.NoError(t, err)
	r.setStatus(t, r.paused, journey.Paused)
	r.setStatus(t, r.archived, journey.Archived)
	_, err = r.Update(t.Context(), demo, r.again, journey.Change{EntryUntil: new(r.now)}, nil)
	require.NoError(t, err)
	_, err = r.PatchCustomer(t.Context(), demo, journey.ProfileChange{Customer: customer, Attributes: []byte(`{"plan":"pro"}`)}, nil)
	require.NoError(t, err)
}

func (r *repeated) open(t *testing.T) {
	t.Helper()
	loaded, err := r.store.Engine.Load(t.Context(), demo, r.archived, nil)
	require.NoError(t, err)
	require.NoError(t, r.store.Engine.Drained(t.Context(), *loaded.Live, loaded.Live.Epoch))
	r.setStatus(t, r.archived, journey.Paused)
	for _, id := range []ident.ID{r.paused, r.archived} {
		r.setStatus(t, id, journey.Active)
	}
	_, err = r.Update(t.Context(), demo, r.again, journey.Change{EntryUntil: new(time.Time)}, nil)
	require.NoError(t, err)
}

// started returns the journeys in which runs began at that time.
func (r *repeated) started(t *testing.T, customer string, at time.Time) (ids []ident.ID) {
	t.Helper()
	for id := range r.codes {
		e, err := r.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
		if !errors.Is(err, journey.ErrNotEnrolled) {
			require.NoError(t, err)
		}
		runs, err := r.store.Enrollments.EarlierRuns(t.Context(), demo, id, customer)
		require.NoError(t, err)
		if slices.ContainsFunc(append(runs, e), func(run progress.Enrollment) bool { return run.EnrolledAt.Equal(at) }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// record is the write of a worker that has sent a message.
func (r *repeated) record(t *testing.T, e progress.Enrollment) {
	t.Helper()
	err := r.advance(t, e)
	if pending, ok := errors.AsType[*journey.ExitPendingError](err); ok {
		e = e.Leave(pending.Exit)
		e.PendingExit = pending.Exit
		err = r.advance(t, e)
	}
	require.NoError(t, err)
}

// If a handler dies after any of its requests, a repeat lists the runs that the first
// attempt ended or began to end, and those that it started, although their journeys are
// closed to it.
func TestEvent_RepeatSaysWhatTheFirstAttemptDid(t *testing.T) {
	t.Parallel()

	r := newRepeated(t)
	some := map[ident.ID]int{}
	for calls, died := 0, true; died; calls++ {
		customer := fmt.Sprint("ada", calls)
		for _, id := range []ident.ID{r.waiting, r.sending} {
			_, err := r.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{customer}})
			require.NoError(t, err)
		}
		r.now = r.now.Add(time.Hour)
		record, received := r.claim(t, r.sending, customer), r.now
		opened := journey.Event{Customer: customer, Type: "opened", ID: "e1"}
		ctx, end := context.WithCancel(t.Context())
		store := storeOn(r.table, dyingAfter(calls, true), atDeath(end))
		_, err := journey.NewService(store.Handlers(), func() time.Time { return r.now }, rand.Reader).PutEvent(ctx, demo, opened)
		died = err != nil
		end()
		r.record(t, record)

		r.now = r.now.Add(time.Hour)
		started := r.started(t, customer, received)
		r.close(t, customer)
		var notStarted []journey.NotStarted
		for id, code := range r.codes {
			if slices.Contains(started, id) {
				some[id]++
			} else if code != "" {
				notStarted = append(notStarted, journey.NotStarted{Journey: id, Code: code})
			}
		}
		o, err := r.PutEvent(t.Context(), demo, opened)
		require.NoError(t, err)
		if !o.Repeated {
			require.Equal(t, journey.EventOutcome{
				ID: "e1", Started: started, Ended: slices.Sorted(slices.Values([]ident.ID{r.waiting, r.sending})), NotStarted: byJourney(notStarted),
			}, o, calls)
		}
		o, err = r.PutEvent(t.Context(), demo, opened)
		require.NoError(t, err)
		require.Equal(t, slices.Contains(started, r.paused), o.Repeated, "it is finished unless a journey is paused that it has not started")
		for _, id := range []ident.ID{r.waiting, r.sending} {
			at, err := r.Whereabouts(t.Context(), demo, id, customer)
			require.NoError(t, err)
			require.Equal(t, "event:opened", at.ExitReason)
		}
		r.open(t)
		if !died {
			require.Greater(t, calls, 15)
			for id := range r.codes {
				require.Greater(t, some[id], 1, id)
				require.Less(t, some[id], calls, id)
			}
		}
	}
}

// A journey that was closed to an event stays closed to its repeats, unless the event
// waits for another journey. A paused journey holds up no later event.
func TestEvent_RepeatEntersAJourneyThatOpensOnlyIfItWaits(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	closed, paused := p.journey(t, openedGraph), p.journey(t, openedGraph)
	opens := func(at time.Time) {
		t.Helper()
		_, err := p.Update(t.Context(), demo, closed, journey.Change{EntryFrom: &at}, nil)
		require.NoError(t, err)
	}
	put := func(customer string) journey.EventOutcome {
		t.Helper()
		list := []journey.Event{{Customer: customer, Type: "opened", ID: "e1"}, {Customer: customer, Type: "seen", ID: "e2", Attributes: []byte(`{"n":2}`)}}
		results := p.PutEvents(t.Context(), demo, list)
		for _, r := range results {
			require.NoError(t, r.Err)
		}
		require.JSONEq(t, `{"n":2}`, p.attributes(t, customer))
		return results[0].EventOutcome
	}
	code := func(id ident.ID, code string) journey.NotStarted { return journey.NotStarted{Journey: id, Code: code} }
	opens(p.now.Add(time.Hour))
	require.Equal(t, journey.EventOutcome{ID: "e1", Started: []ident.ID{paused}, NotStarted: []journey.NotStarted{code(closed, "entry-closed")}}, put("ada"))
	p.setStatus(t, paused, journey.Paused)
	require.Equal(t, byJourney([]journey.NotStarted{code(closed, "entry-closed"), code(paused, "journey-paused")}), put("bob").NotStarted)

	opens(time.Time{})
	require.Equal(t, journey.EventOutcome{ID: "e1", Repeated: true}, put("ada"))
	require.Equal(t, journey.EventOutcome{ID: "e1", Started: []ident.ID{closed}, NotStarted: []journey.NotStarted{code(paused, "journey-paused")}}, put("bob"))
}
