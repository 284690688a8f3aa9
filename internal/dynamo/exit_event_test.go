package dynamo_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/capacity"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// exiting returns a journey that customers complete by an event.
func (p *fixture) exiting(t *testing.T, definition string, customers ...string) ident.ID {
	t.Helper()
	id := p.journey(t, definition)
	settings := graph.SettingsChange{"exitOn": []byte(`[{"eventType":"closed","condition":{"field":"event.n","operator":"gte","value":5},"as":"completed"}]`)}
	_, err := p.Update(t.Context(), demo, id, journey.Change{Settings: settings}, nil)
	require.NoError(t, err)
	_, err = p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: customers})
	require.NoError(t, err)
	return id
}

func (p *fixture) close(t *testing.T, customer string, n int) {
	t.Helper()
	outcome, err := p.PutEvent(t.Context(), demo, journey.Event{Customer: customer, Type: "closed", Properties: fmt.Appendf(nil, `{"n":%d}`, n)})
	require.NoError(t, err)
	require.Empty(t, outcome.Damaged)
}

// An event takes customers out of a long wait, a failure and a pause at once. A message
// that is being sent is recorded first.
func TestExit_ByEventIsAtOnce(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.exiting(t, sendingGraph, "ada", "bob", "cid", "dora")
	p.fail(t, id, "bob")
	record := p.claim(t, id, "cid")
	_, err := p.Update(t.Context(), demo, id, journey.Change{Status: new(journey.Paused)}, nil)
	require.NoError(t, err)
	p.now = p.now.Add(time.Second)
	for _, customer := range []string{"ada", "bob", "cid"} {
		p.close(t, customer, 4)
		before, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, customer)
		require.NoError(t, err)
		require.NotEqual(t, progress.Completed, before.Status, "the condition is false")
		p.close(t, customer, 5)
		p.close(t, customer, 6)
		at, err := p.Whereabouts(t.Context(), demo, id, customer)
		require.NoError(t, err)
		require.Equal(t, progress.Completed, at.Status, customer)
		require.Equal(t, "event:closed", at.ExitReason, customer)
		require.Equal(t, "a", at.NodeID, customer)
		require.Equal(t, "a", at.Path[len(at.Path)-1].NodeID, customer)
	}
	var pending *journey.ExitPendingError
	require.ErrorAs(t, p.advance(t, record), &pending)
	require.Equal(t, p.now, pending.Exit.Event.At)
	require.Equal(t, progress.ExitRequest{Reason: "event:closed", Completed: true, Event: pending.Exit.Event}, pending.Exit)
	record = record.Leave(pending.Exit)
	record.PendingExit = pending.Exit
	require.NoError(t, p.advance(t, record))
	stored, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "cid")
	require.NoError(t, err)
	require.Equal(t, progress.Completed, stored.Status)
	require.Zero(t, stored.PendingExit)
	totals := p.figures(t, id)
	require.EqualValues(t, 3, totals.Completed)
	require.EqualValues(t, 1, totals.Active())
	require.Contains(t, p.audit(t), `"Drift":0,"WrongItems":0`)
}

// A worker that has died leaves its exit to the next event when its lease is over. What a
// customer of an archived journey met does not change how they leave.
func TestExit_ByEventAfterALeaseAndAnArchive(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.exiting(t, sendingGraph, "ada", "bob")
	p.claim(t, id, "ada")
	p.now = p.now.Add(time.Second)
	p.close(t, "ada", 5)
	p.now = p.now.Add(time.Minute)
	p.close(t, "ada", 5)
	stored, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, progress.Completed, stored.Status)
	require.Zero(t, stored.PendingExit)

	_, err = p.Update(t.Context(), demo, id, journey.Change{Status: new(journey.Archived)}, nil)
	require.NoError(t, err)
	p.close(t, "bob", 5)
	stored, err = p.store.Enrollments.Enrollment(t.Context(), demo, id, "bob")
	require.NoError(t, err)
	require.Equal(t, progress.Inside, stored.Status, "they leave as archived")
}

// The floor of docs: an event reads no graph of journeys that it cannot concern.
func TestEvent_ThatChangesNothingIsCheap(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	exiting := p.exiting(t, waitingGraph)
	j, err := p.store.Journeys.Journey(t.Context(), demo, exiting)
	require.NoError(t, err)
	d, err := p.store.Journeys.Definition(t.Context(), demo, exiting, j.GraphHash)
	require.NoError(t, err)
	loaded, err := journey.LoadDefinition(d, j.GraphHash)
	require.NoError(t, err)
	for i := range 100 {
		e, _ := loaded.Graph.Start(progress.Enrollment{
			Journey: ident.ID(fmt.Sprintf("jrn_%026d", i)), Customer: "ada", GraphHash: j.GraphHash, Version: 1,
			EnrolledAt: p.now, ExpiresAt: p.now.AddDate(0, 0, 30), RequestID: ident.RequestID{byte(i)},
		})
		outcomes := p.store.Enrollments.Insert(t.Context(), demo, 4, []progress.Enrollment{e})
		require.Equal(t, journey.OutcomeEnrolled, outcomes[0].Result)
	}
	ctx, meter := capacity.WithMeter(t.Context())
	service := journey.NewService(p.store.Handlers(), func() time.Time { return p.now }, rand.Reader)
	_, err = service.PutEvent(ctx, demo, journey.Event{Customer: "ada", Type: "opened", ID: "e1", Received: p.now})
	require.NoError(t, err)
	used := meter.Usage()
	t.Logf("an event for a customer in 100 journeys: %d requests, %.1f RRU, %.1f WRU", used.Requests, used.ReadUnits, used.WriteUnits)
	require.LessOrEqual(t, used.Requests, 6)
	require.LessOrEqual(t, used.ReadUnits, 30.0)
}
