package dynamo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// reentering returns a journey that customers who left may enter again, after an hour.
func (p *fixture) reentering(t *testing.T, definition string) ident.ID {
	t.Helper()
	id := p.journey(t, definition)
	before, err := p.store.Journeys.Journey(t.Context(), demo, id)
	require.NoError(t, err)
	j, err := p.Update(t.Context(), demo, id, journey.Change{Reentry: &graph.Reentry{Raw: []byte(`{"mode":"afterExit","minIntervalHours":1}`)}}, nil)
	require.NoError(t, err)
	require.Equal(t, before.Version, j.Version)
	return id
}

func (p *fixture) enroll(t *testing.T, id ident.ID, key string, customers ...string) journey.Enrollments {
	t.Helper()
	result, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: customers, Key: key, Received: p.now})
	require.NoError(t, err)
	return result
}

// A customer leaves, enters again and is removed, and enters again. The runs are listed
// and counted, and the audit finds nothing wrong, also after the customer is forgotten.
func TestReentry_RunsAreKeptCountedAndForgotten(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.reentering(t, waitingGraph)
	for run := 1; run <= 11; run++ {
		require.Equal(t, 1, p.enroll(t, id, fmt.Sprint("key-", run), "otto").Enrolled)
		p.now = p.now.Add(30 * time.Minute)
		require.NoError(t, p.Remove(t.Context(), demo, id, "otto"))
		p.now = p.now.Add(30 * time.Minute)
	}
	at, err := p.Whereabouts(t.Context(), demo, id, "otto")
	require.NoError(t, err)
	require.Equal(t, 11, at.Run)
	require.Len(t, at.Runs, 10)
	for i, run := range at.Runs {
		require.Equal(t, i+1, run.Run)
		require.Equal(t, progress.Cancelled, run.Status)
		require.Equal(t, progress.ReasonRemoved, run.ExitReason)
		require.Equal(t, start.Add(time.Duration(i)*time.Hour), run.EnrolledAt)
		require.Equal(t, run.EnrolledAt.Add(30*time.Minute), run.LeftAt)
		require.Nil(t, run.Delta)
	}
	require.Equal(t, "11 11", fmt.Sprint(p.figures(t, id).Enrolled, p.figures(t, id).Cancelled))

	require.Equal(t, 1, p.enroll(t, id, "key-1", "otto").Enrolled, "a repeat")
	require.Contains(t, p.audit(t), `"Drift":0,"WrongItems":0`)

	require.NoError(t, p.Forget(t.Context(), demo, "otto"))
	requireNotStored(t, p.table, "otto")
	require.Equal(t, "11 11", fmt.Sprint(p.figures(t, id).Enrolled, p.figures(t, id).Cancelled))
	require.Contains(t, p.audit(t), `"Drift":0,"WrongItems":0`)
	require.Equal(t, 1, p.enroll(t, id, "", "otto").Enrolled, "as a new customer")
	at, err = p.Whereabouts(t.Context(), demo, id, "otto")
	require.NoError(t, err)
	require.Equal(t, 1, at.Run)
	require.Empty(t, at.Runs)
}

// A worker, a removal, a woken wait and a second re-entry that read the run before write
// nothing into the next one.
func TestReentry_WritesOfTheRunBeforeAreRefused(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.reentering(t, leavingGraph)
	p.enroll(t, id, "", "ada")
	old, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	p.now = p.now.Add(time.Hour)
	p.enroll(t, id, "", "ada")
	now, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, 2, now.Run)

	pending := old
	pending.PendingExit, pending.Rev = progress.ExitRequest{Reason: progress.ReasonRemoved}, now.Rev
	require.ErrorIs(t, p.store.Enrollments.RequestExit(t.Context(), demo, pending), journey.ErrLost)
	stale := old
	stale.Rev = now.Rev + 1
	require.ErrorIs(t, p.advance(t, stale), journey.ErrLost)
	require.ErrorIs(t, p.store.Events.Wake(t.Context(), demo, stale), journey.ErrLost)
	third := now
	third.RequestID = ident.RequestID{3}
	require.ErrorIs(t, p.store.Enrollments.Reenter(t.Context(), demo, 4, old, third), journey.ErrLost)
	require.NoError(t, p.store.Enrollments.Reenter(t.Context(), demo, 4, old, now), "its own success")
	after, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, now, after)
	runs, err := p.store.Enrollments.EarlierRuns(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Len(t, runs, 1)
	require.Equal(t, old.RequestID, runs[0].RequestID)
}

// The first answer of each request is lost, and the table has forgotten the
// transactions' tokens.
func TestReentry_LostAnswersStartNoFurtherRun(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.reentering(t, leavingGraph)
	faults := &dynamotest.Faults{LoseFirst: true, ForgetTokens: true}
	unlucky := p.on(faults.Install)
	for run := range 3 {
		result, err := unlucky.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"ada", "bob"}, Key: fmt.Sprint(run)})
		require.NoError(t, err)
		require.Equal(t, 2, result.Enrolled)
		p.now = p.now.Add(time.Hour)
	}
	for _, customer := range []string{"ada", "bob"} {
		at, err := p.Whereabouts(t.Context(), demo, id, customer)
		require.NoError(t, err)
		require.Equal(t, 3, at.Run)
		require.Len(t, at.Runs, 2)
	}
	require.Equal(t, int64(6), p.figures(t, id).Enrolled)
	require.Positive(t, faults.Counts().Lost)
}

// Customers who left enter again with one read and one transaction each, customers who
// are inside cost no more than in any other journey.
func TestReentry_CostsSixUnits(t *testing.T) {
	t.Parallel()

	requests := &transport{}
	p := newFixture(t, requests.install)
	id := p.reentering(t, waitingGraph)
	all := customers(0, 60)
	require.Equal(t, 60, p.enroll(t, id, "", all...).Enrolled)
	count := func() (int, int64) {
		before := requests.requests.Load()
		n := p.enroll(t, id, "", all...).Enrolled
		return n, requests.requests.Load() - before
	}
	_, known := count()
	for _, customer := range all[:20] {
		require.NoError(t, p.Remove(t.Context(), demo, id, customer))
	}
	p.now = p.now.Add(time.Hour)
	enrolled, again := count()
	require.Equal(t, 20, enrolled)
	require.Equal(t, known+2*20+1, again, "and one read of who was forgotten")

	old, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, all[30])
	require.NoError(t, err)
	next := old
	next.Run, next.Rev, next.RequestID = 2, old.Rev+1, ident.RequestID{9}
	old.Due, old.Status, old.LeftAt = time.Time{}, progress.Cancelled, p.now
	ctx, m := capacity.WithMeter(t.Context())
	require.NoError(t, p.store.Enrollments.Reenter(ctx, demo, 4, old, next))
	t.Logf("a re-entry: %v", m.Usage())
	require.LessOrEqual(t, m.Usage().WriteUnits+m.Usage().IndexUnits, 6.0)
}

// A repeated event starts no further run in a journey that the customer entered since it
// was first received, also if the customer has left again. A new event does.
func TestReentry_RepeatedEventStartsNoFurtherRun(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.reentering(t, openedGraph)
	send := func(eventID string) []ident.ID {
		out, err := p.PutEvent(t.Context(), demo, journey.Event{Customer: "ada", Type: "opened", ID: eventID})
		require.NoError(t, err)
		return out.Started
	}
	leave := func() { p.now = p.now.Add(2 * time.Hour) } // they left at once
	require.Equal(t, []ident.ID{id}, send("e1"))
	leave()
	require.Empty(t, send("e1"))
	require.Equal(t, []ident.ID{id}, send("e2"))
	leave()
	require.Empty(t, send("e1"))
	require.Empty(t, send("e2"))
	require.Equal(t, []ident.ID{id}, send("e3"))
	at, err := p.Whereabouts(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, 3, at.Run)
	require.False(t, slices.ContainsFunc(at.Runs, func(e progress.Enrollment) bool { return e.Event != nil }))
}
