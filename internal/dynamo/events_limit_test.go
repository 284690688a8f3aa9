package dynamo_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// entries returns the number of entries that is stored of an event type.
func (p *fixture) entries(t *testing.T, eventType string) int {
	t.Helper()
	n, ok := lookup(t, p.table, "T#demo#EV#"+eventType, "keep")["n"].(*types.AttributeValueMemberN)
	require.True(t, ok)
	count, err := strconv.Atoi(n.Value)
	require.NoError(t, err)
	return count
}

// draftOf returns a draft that the event starts.
func (p *fixture) draftOf(t *testing.T) ident.ID {
	t.Helper()
	d := journeytest.Definition(t, openedGraph)
	j, err := p.Create(t.Context(), demo, journey.Change{Name: new("n"), Definition: &d})
	require.NoError(t, err)
	return j.ID
}

// An event type starts a bounded number of journeys. One that was active before comes
// back all the same.
func TestEvents_StartABoundedNumberOfJourneys(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	first := p.journey(t, openedGraph)
	require.Equal(t, 1, p.entries(t, "opened"))
	p.damageItem(t, keyOf("T#demo#EV#opened", "keep"), "n", &types.AttributeValueMemberN{Value: strconv.Itoa(journey.MaxStarted - 2)})
	activate := func(id ident.ID) error {
		_, err := p.Update(t.Context(), demo, id, journey.Change{Status: new(journey.Active)}, nil)
		return err
	}

	// Several at once do not exceed it.
	ids := []ident.ID{p.draftOf(t), p.draftOf(t), p.draftOf(t), p.draftOf(t)}
	errs := make([]error, len(ids))
	var running sync.WaitGroup
	for i, id := range ids {
		running.Go(func() { errs[i] = activate(id) })
	}
	running.Wait()
	var refused ident.ID
	n := 0
	for i, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, journey.ErrTooManyStarted)
			refused, n = ids[i], n+1
		}
	}
	require.Equal(t, 2, n)
	require.Equal(t, journey.MaxStarted, p.entries(t, "opened"))
	j, err := p.Get(t.Context(), demo, refused)
	require.NoError(t, err)
	require.Equal(t, journey.Draft, j.Status)

	// A pause keeps the place, an archived journey gives it up, and still comes back.
	p.setStatus(t, first, journey.Paused)
	require.ErrorIs(t, activate(refused), journey.ErrTooManyStarted)
	require.NoError(t, activate(first))
	p.setStatus(t, first, journey.Archived)
	require.NoError(t, activate(refused))
	p.setStatus(t, first, journey.Paused)
	require.NoError(t, activate(first))
	require.Equal(t, journey.MaxStarted+1, p.entries(t, "opened"))
	starts, err := p.store.Events.StartedBy(t.Context(), demo, "opened")
	require.NoError(t, err)
	require.Len(t, starts.Journeys, 4)

	// An edit moves the place, and a deleted journey gives it up.
	d := journeytest.Definition(t, strings.ReplaceAll(openedGraph, `"opened"`, `"closed"`))
	_, err = p.Update(t.Context(), demo, first, journey.Change{Definition: &d}, nil)
	require.NoError(t, err)
	require.Equal(t, 1, p.entries(t, "closed"))
	require.NoError(t, p.Delete(t.Context(), demo, refused, nil))
	require.Equal(t, journey.MaxStarted-1, p.entries(t, "opened"))
}
