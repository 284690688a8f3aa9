package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// queries counts the queries of the due index.
type queries struct {
	engine.Table
	n atomic.Int64
}

func (q *queries) Due(
	ctx context.Context, p journey.Partition, before time.Time, after *journey.DueKey, limit int,
) ([]journey.DueKey, *journey.DueKey, error) {
	q.n.Add(1)
	return q.Table.Due(ctx, p, before, after, limit)
}

// tickQueries runs a tick, and what it dispatches, and returns its queries of the due
// index.
func (i *installation) tickQueries(t *testing.T) int {
	t.Helper()
	counted := &queries{Table: i.store.Engine}
	i.Table = counted
	i.run(t, t.Context())
	return int(counted.n.Load())
}

// live returns the LIVE entry of a journey, nil for none.
func (i *installation) live(t *testing.T, id ident.ID) *engine.Live {
	t.Helper()
	loaded, err := i.store.Engine.Load(t.Context(), i.tenant, id, nil)
	require.NoError(t, err)
	return loaded.Live
}

// toggle makes n changes of status, in turn, and returns how many were refused because
// of open drains. The others count for nothing then: the journey is archived next.
func (i *installation) toggle(t *testing.T, id ident.ID, n int, statuses ...journey.Status) (refused int) {
	t.Helper()
	for put := range n {
		status := statuses[put%len(statuses)]
		_, err := i.service.Update(t.Context(), i.tenant, id, journey.Change{Status: &status}, nil)
		if errors.Is(err, journey.ErrTooManyDrains) {
			require.Equal(t, journey.Archived, status)
			refused++
			continue
		}
		require.NoError(t, err)
	}
	return refused
}

// 400 PUTs of one editor took every tick from 4 to 804 queries.
func TestDrains_TogglingAddsNoQueries(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, sixNodes)
	before := i.tickQueries(t)
	require.Equal(t, journey.FirstShards, before)
	require.Zero(t, i.toggle(t, id, 400, journey.Archived, journey.Paused))
	i.change(t, t.Context(), id, journey.Active)
	after := i.tickQueries(t)
	t.Logf("queries of a tick: %d before 400 PUTs that archive and restore, %d after them; at first they took it to 804", before, after)
	require.Equal(t, 2*journey.FirstShards, after, "one epoch drains")

	i.now = i.now.Add(engine.DrainGrace)
	i.tickQueries(t)
	require.Equal(t, before, i.tickQueries(t))
}

// With an activation between, customers may enter, so the epochs must drain.
func TestDrains_TogglingThroughActiveIsBounded(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, sixNodes)
	before := i.tickQueries(t)
	refused := i.toggle(t, id, 400, journey.Archived, journey.Paused, journey.Active)
	after := i.tickQueries(t)
	t.Logf("queries of a tick: %d before 400 PUTs that archive, restore and activate, %d after them, of which %d were refused", before, after, refused)
	require.Equal(t, (journey.MaxDrains+1)*journey.FirstShards, after)
	require.Greater(t, refused, 100)

	i.now = i.now.Add(engine.DrainGrace)
	i.tickQueries(t)
	require.Equal(t, before, i.tickQueries(t))
	i.change(t, t.Context(), id, journey.Archived)
	require.Equal(t, before, i.tickQueries(t), "the epoch that drains")
}

// A caller who archives and activates twice a minute is never refused.
func TestDrains_EndOneByOne(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, sixNodes)
	for range 20 {
		for range 2 {
			i.now = i.now.Add(30 * time.Second)
			require.Zero(t, i.toggle(t, id, 3, journey.Archived, journey.Paused, journey.Active))
		}
		require.LessOrEqual(t, i.tickQueries(t), 7*journey.FirstShards)
	}
}

func TestDrains_DeletionIsNeverRefused(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, sixNodes)
	customers := i.enroll(t, id, t.Context(), 3)
	require.Positive(t, i.toggle(t, id, 60, journey.Archived, journey.Paused, journey.Active))
	require.NoError(t, i.service.Delete(t.Context(), i.tenant, id, nil))
	require.Equal(t, journey.MaxDrains+1, i.live(t, id).Epoch)
	i.tickQueries(t)
	for _, customer := range customers {
		e, err := i.store.Enrollments.Enrollment(t.Context(), i.tenant, id, customer)
		require.NoError(t, err)
		require.Equal(t, progress.Cancelled, e.Status)
	}
	i.now = i.now.Add(engine.DrainGrace)
	i.tickQueries(t)
	require.Nil(t, i.live(t, id))
	require.Zero(t, i.tickQueries(t))
}

// The first response to every request is lost. Each epoch has the time when it ended,
// and an epoch with customers keeps those above it open.
func TestDrains_SurviveLostAnswers(t *testing.T) {
	t.Parallel()

	for _, forget := range []bool{false, true} {
		t.Run(fmt.Sprint("tokens forgotten: ", forget), func(t *testing.T) {
			t.Parallel()

			faults := &dynamotest.Faults{LoseFirst: true, ForgetTokens: forget}
			i := install(t, faults.Install)
			id := i.activate(t, sixNodes)
			began := i.now
			for epoch := range 3 {
				i.now = began.Add(time.Duration(epoch) * time.Minute)
				require.Zero(t, i.toggle(t, id, 3, journey.Archived, journey.Paused, journey.Active))
			}
			live := i.live(t, id)
			require.Equal(t, []time.Time{began, began.Add(time.Minute), began.Add(2 * time.Minute)}, live.Ended)

			i.now = began.Add(time.Minute + engine.DrainGrace)
			i.tickQueries(t)
			live = i.live(t, id)
			require.Equal(t, 2, live.DrainFrom)
			require.Equal(t, []time.Time{began.Add(2 * time.Minute)}, live.Ended)
			require.NoError(t, i.store.Engine.Drained(t.Context(), engine.Live{
				Tenant: i.tenant, Journey: id, On: true, Epoch: 3, DrainFrom: 0, Ended: make([]time.Time, 3),
			}, 1), "a late tick")
			require.Equal(t, live, i.live(t, id))
			require.Positive(t, faults.Counts().Lost)
		})
	}
}

// Customers of several epochs leave, wherever DrainFrom is.
func TestDrains_EveryCustomerLeaves(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, sixNodes)
	var customers []string
	for epoch := range 5 {
		if epoch%2 == 1 {
			list := []string{fmt.Sprint("a", epoch), fmt.Sprint("b", epoch), fmt.Sprint("c", epoch)}
			result, err := i.service.Enroll(t.Context(), i.tenant, id, journey.EnrollRequest{Customers: list})
			require.NoError(t, err)
			require.Equal(t, 3, result.Enrolled)
			customers = append(customers, list...)
		}
		require.Zero(t, i.toggle(t, id, 3, journey.Archived, journey.Paused, journey.Active))
	}
	i.now = i.now.Add(engine.DrainGrace)
	require.NoError(t, i.Tick(t.Context()))
	require.Equal(t, 1, i.live(t, id).DrainFrom)
	page, err := i.service.ListEnrollments(t.Context(), i.tenant, id, journey.EnrollmentFilter{Limit: 50})
	require.NoError(t, err)
	require.Len(t, page.Enrollments, len(customers))
	for _, pack := range i.queue {
		require.NoError(t, i.Advance(t.Context(), pack))
	}
	i.queue = nil
	for _, customer := range customers {
		require.Equal(t, "journey_archived", i.where(t, id, customer).ExitReason)
	}
	i.tickQueries(t)
	require.Equal(t, 5, i.live(t, id).DrainFrom)
	require.Equal(t, journey.FirstShards, i.tickQueries(t))
}
