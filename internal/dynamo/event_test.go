package dynamo_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo"
	"journeys/internal/journey"
)

const (
	openingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
		`{"id":"w","type":"wait","config":{"delayHours":500,"waitForEvent":"opened"}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`
	openedGraph = `{"nodes":[{"id":"in","type":"entry_trigger","config":{"eventType":"opened"}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`
)

// busy is a store whose table answers no read of a definition.
type busy struct{ *dynamo.Store }

func (busy) Definition(context.Context, journey.Tenant, journey.ID, string) ([]byte, error) {
	return nil, &journey.Error{Kind: journey.Unavailable, Code: "table-throttled"}
}

func TestEvent_DamagedEnrollmentsKeepNoOtherFromIt(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newPeople(t)
	waiting, started := p.journey(t, openingGraph, ada), p.journey(t, openedGraph)
	status, node := p.journey(t, openingGraph, ada), p.journey(t, openingGraph, ada)
	unreadable, lost := p.journey(t, openingGraph, ada), p.journey(t, openingGraph, ada)
	p.damage(t, status, ada, "st", garbage)
	p.damage(t, node, ada, "nd", noNode)
	p.damageDefinition(t, unreadable)
	p.loseDefinition(t, lost)
	p.now = p.now.Add(time.Hour)
	opened := journey.Event{Customer: ada, Type: "opened", ID: "e1"}

	throttled := journey.NewService(busy{p.store}, func() time.Time { return p.now }, rand.Reader)
	_, _, err := throttled.PutEvent(t.Context(), demo, opened)
	var known *journey.Error
	require.ErrorAs(t, err, &known)
	require.Equal(t, journey.Unavailable, known.Kind, "what passes is no damage")

	id, damaged, err := p.anew().PutEvent(t.Context(), demo, opened)
	require.NoError(t, err)
	require.Equal(t, "e1", id)
	requireDamage(t, damaged)
	var journeys []journey.ID
	for _, d := range damaged {
		journeys = append(journeys, d.Journey)
	}
	require.ElementsMatch(t, []journey.ID{status, node, unreadable, lost}, journeys)
	e, err := p.store.Enrollment(t.Context(), demo, waiting, ada)
	require.NoError(t, err)
	require.Equal(t, p.now, e.WokenAt, "another's wait ends")
	_, err = p.store.Enrollment(t.Context(), demo, started, ada)
	require.NoError(t, err, "a journey starts")

	_, damaged, err = p.anew().PutEvent(t.Context(), demo, opened)
	require.NoError(t, err)
	require.Empty(t, damaged, "it is finished: a repeat looks for nobody")
}
