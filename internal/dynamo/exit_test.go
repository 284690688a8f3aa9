package dynamo_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// claim makes a worker own the message of a customer, and returns the write that
// records it.
func (p *fixture) claim(t *testing.T, id ident.ID, customer string) (record progress.Enrollment) {
	t.Helper()
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
	require.NoError(t, err)
	e = e.NextWrite(p.now)
	e.Attempts, e.LeaseUntil = 1, p.now.Add(20*time.Second)
	require.NoError(t, p.advance(t, e))
	return e.NextWrite(p.now)
}

func (p *fixture) advance(t *testing.T, e progress.Enrollment) error {
	t.Helper()
	return p.store.Engine.Advance(t.Context(), demo, 4, []progress.Enrollment{e})[0]
}

// A customer who is removed while a worker sends them a message has left for callers
// at once. The worker's record is refused with the exit, and carries it out. The
// figures count each write once.
func TestRemove_WaitsForTheRecordOfAMessage(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, sendingGraph, "ada")
	record := p.claim(t, id, "ada")
	for range 2 {
		require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	}
	at, err := p.Whereabouts(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, progress.Cancelled, at.Status)
	require.Equal(t, "removed", at.ExitReason)
	require.Zero(t, at.Due)
	require.Equal(t, record.Rev-1, at.Rev, "only the worker moves the revision")
	page, err := p.ListEnrollments(t.Context(), demo, id, journey.EnrollmentFilter{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, page.Enrollments)

	var pending *journey.ExitPendingError
	require.ErrorAs(t, p.advance(t, record), &pending)
	require.Equal(t, "removed", pending.Exit.Reason)
	record = record.Cancel(pending.Exit.Reason)
	record.PendingExit = pending.Exit
	require.NoError(t, p.advance(t, record))
	stored, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, progress.Cancelled, stored.Status)
	require.Zero(t, stored.PendingExit)
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"), "it is a repeat")

	shard, records := readStream(t, p.table)
	counter, _ := counting(p.store)
	require.NoError(t, counter.Count(t.Context(), shard, records))
	figures := counted(t, p.table, demo, id)
	require.Equal(t, recounted(t, records, id).Graphs, figures.Graphs)
	require.EqualValues(t, 1, figures.Totals().Enrolled)
	require.EqualValues(t, 1, figures.Totals().Cancelled)
}

// Once the lease has ended, an exit needs no worker.
func TestRemove_NeedsNoWorkerAfterTheLease(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, sendingGraph, "ada")
	record := p.claim(t, id, "ada")
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	p.now = p.now.Add(time.Minute)
	require.NoError(t, p.Remove(t.Context(), demo, id, "ada"))
	stored, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, progress.Cancelled, stored.Status)
	require.ErrorIs(t, p.advance(t, record), journey.ErrLost)
}

// A customer is forgotten once the message that is being sent to them is recorded.
func TestForget_WaitsForTheRecordOfAMessage(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, sendingGraph, "ada")
	record := p.claim(t, id, "ada")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	forgotten := make(chan error, 1)
	go func() { forgotten <- p.Forget(ctx, demo, "ada") }()
	for e := (progress.Enrollment{}); e.PendingExit.Reason == ""; {
		var err error
		e, err = p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
		require.NoError(t, err)
	}
	cancel()
	require.Error(t, <-forgotten)
	var pending *journey.ExitPendingError
	require.ErrorAs(t, p.advance(t, record), &pending)
	record = record.Cancel(pending.Exit.Reason)
	record.PendingExit = pending.Exit
	require.NoError(t, p.advance(t, record))
	require.NoError(t, p.Forget(t.Context(), demo, "ada"))
	_, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.ErrorIs(t, err, journey.ErrNotEnrolled)

	shard, records := readStream(t, p.table)
	counter, _ := counting(p.store)
	require.NoError(t, counter.Count(t.Context(), shard, records))
	require.EqualValues(t, 1, counted(t, p.table, demo, id).Totals().Cancelled)
}

// A worker that was frozen while its customer was forgotten and enrolled again does not
// write the new enrollment, even though its revision is the same.
func TestAdvance_LeavesTheNextEnrollmentAlone(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, sendingGraph, "ada")
	record := p.claim(t, id, "ada")
	p.now = p.now.Add(time.Hour) // its lease has ended
	require.NoError(t, p.Forget(t.Context(), demo, "ada"))
	_, err := p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"ada"}})
	require.NoError(t, err)
	claimed := p.claim(t, id, "ada")
	require.Equal(t, record.Rev, claimed.Rev)

	require.ErrorIs(t, p.advance(t, record), journey.ErrLost)
	exit := record
	exit.Rev, exit.PendingExit = record.Rev-1, progress.ExitRequest{Reason: "removed"}
	require.ErrorIs(t, p.store.Enrollments.RequestExit(t.Context(), demo, exit), journey.ErrLost)
	require.ErrorIs(t, p.store.Engine.AdvanceWithProfile(t.Context(), demo, 4, record,
		journey.Profile{}.Next("ada", []byte(`{}`), p.now), 0), journey.ErrLost)
	require.NoError(t, p.advance(t, claimed))
}
