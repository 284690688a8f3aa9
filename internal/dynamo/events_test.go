package dynamo_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

func TestEvent_EntriesFollowTheEditsOfAnActiveJourney(t *testing.T) {
	t.Parallel()

	s, table := store(t)
	j := draft(1)
	require.NoError(t, s.Journeys.Create(t.Context(), demo, j))
	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	edited := next(active, journey.Active)
	edited.Events = []string{"came#back", "left"}
	require.NoError(t, s.Journeys.Update(t.Context(), demo, active, edited))

	sk := string(j.ID[4:])
	require.Nil(t, lookup(t, table, "T#demo#EV#account_created", sk))
	require.NotNil(t, lookup(t, table, "T#demo#EV#came#back", sk))
	require.NotNil(t, lookup(t, table, "T#demo#EV#left", sk))
}

const (
	openingGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
		`{"id":"w","type":"wait","config":{"delayHours":500,"waitForEvent":"opened"}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`
	openedGraph = `{"nodes":[{"id":"in","type":"entry_trigger","config":{"eventType":"opened"}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`
)

// busy is a JourneyStore that throttles reads of definitions.
type busy struct{ dynamo.Journeys }

func throttleDefinitions(s *dynamo.Store) journey.Stores {
	stores := s.Handlers()
	stores.Journeys = busy{s.Journeys}
	return stores
}

func (busy) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return nil, &journey.Error{Kind: journey.Unavailable, Code: "table-throttled"}
}

// overtaken is an EventStore in which another write precedes each wake.
type overtaken struct {
	dynamo.Events
	write func()
}

func (o overtaken) Wake(context.Context, ident.Tenant, progress.Enrollment) error {
	o.write()
	return journey.ErrLost
}

func TestEvent_SkipsDamageDuringAWake(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, openingGraph, "a")
	p.now = p.now.Add(time.Hour)
	spoilt := p.store.Handlers()
	spoilt.Events = overtaken{p.store.Events, func() { p.damage(t, id, "a", "st", garbage) }}
	s := journey.NewService(spoilt, func() time.Time { return p.now }, rand.Reader)
	o, err := s.PutEvent(t.Context(), demo, journey.Event{Customer: "a", Type: "opened", ID: "e1"})
	require.NoError(t, err)
	requireDamage(t, o.Damaged)
	require.Len(t, o.Damaged, 1)
}

func TestEvent_DamagedEnrollmentsStopNoOther(t *testing.T) {
	t.Parallel()

	const ada = "Ada Lovelace"
	p := newFixture(t)
	waiting, started := p.journey(t, openingGraph, ada), p.journey(t, openedGraph)
	status, node := p.journey(t, openingGraph, ada), p.journey(t, openingGraph, ada)
	unreadable, lost := p.journey(t, openingGraph, ada), p.journey(t, openingGraph, ada)
	p.damage(t, status, ada, "st", garbage)
	p.damage(t, node, ada, "nd", noNode)
	p.damageDefinition(t, unreadable)
	p.loseDefinition(t, lost)
	p.now = p.now.Add(time.Hour)
	opened := journey.Event{Customer: ada, Type: "opened", ID: "e1"}

	throttled := journey.NewService(throttleDefinitions(p.store), func() time.Time { return p.now }, rand.Reader)
	_, err := throttled.PutEvent(t.Context(), demo, opened)
	var known *journey.Error
	require.ErrorAs(t, err, &known)
	require.Equal(t, journey.Unavailable, known.Kind, "a transient fault is not damage")

	o, err := p.restarted().PutEvent(t.Context(), demo, opened)
	require.NoError(t, err)
	require.Equal(t, "e1", o.ID)
	require.Equal(t, []ident.ID{waiting}, o.Ended)
	require.Equal(t, []ident.ID{started}, o.Started)
	requireDamage(t, o.Damaged)
	var journeys []ident.ID
	for _, d := range o.Damaged {
		journeys = append(journeys, d.Journey)
	}
	require.ElementsMatch(t, []ident.ID{status, node, unreadable, lost}, journeys)
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, waiting, ada)
	require.NoError(t, err)
	require.Equal(t, p.now, e.Woken.At, "the wait of a sound enrollment ends")
	_, err = p.store.Enrollments.Enrollment(t.Context(), demo, started, ada)
	require.NoError(t, err, "a sound journey starts")

	o, err = p.restarted().PutEvent(t.Context(), demo, opened)
	require.NoError(t, err)
	require.Equal(t, journey.EventOutcome{ID: "e1", Repeated: true}, o, "the event is finished: a repeat does nothing")
}

// A feeder repeats an event until it is accepted, so damage must not refuse it. A
// customer enters only if the journey's conditions and the profile can be read.
func TestEvent_DamagedJourneysAndProfilesStopNoOther(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	sound, unreadable, lost := p.journey(t, openedGraph), p.journey(t, openedGraph), p.journey(t, openedGraph)
	item, entry := p.journey(t, openedGraph), p.journey(t, openedGraph)
	everyJourney := []ident.ID{sound, unreadable, lost, item, entry}
	p.damageDefinition(t, unreadable)
	p.loseDefinition(t, lost)
	p.damageItem(t, keyOf("T#demo#J", string(item)[4:]), "md", garbage)
	p.plantText(t, entry, "{")

	// put returns the journeys that an event did not start because of damage.
	put := func(s *journey.Service, customer string) (journeys []ident.ID) {
		t.Helper()
		o, err := s.PutEvent(t.Context(), demo, journey.Event{Customer: customer, Type: "opened", ID: "e1"})
		require.NoError(t, err)
		requireDamage(t, o.Damaged)
		for _, d := range o.Damaged {
			journeys = append(journeys, d.Journey)
		}
		return journeys
	}
	inside := func(customer string) (journeys []ident.ID) {
		t.Helper()
		list, _, err := p.store.Customers.Enrollments(t.Context(), demo, customer)
		require.NoError(t, err)
		for _, e := range list {
			journeys = append(journeys, e.Journey)
		}
		return journeys
	}
	throttled := journey.NewService(throttleDefinitions(p.store), func() time.Time { return p.now }, rand.Reader)
	_, err := throttled.PutEvent(t.Context(), demo, journey.Event{Customer: "a", Type: "opened", ID: "e1"})
	require.Error(t, err, "a transient fault is not damage")
	require.ElementsMatch(t, everyJourney[1:], put(p.restarted(), "a"))
	require.Equal(t, []ident.ID{sound}, inside("a"))
	require.Empty(t, put(p.restarted(), "a"), "the event is finished: a repeat starts nothing")

	for customer, attributes := range map[string]types.AttributeValue{
		"text": garbage, "none": nil, "list": &types.AttributeValueMemberB{Value: []byte("[1]")},
		"twice": &types.AttributeValueMemberB{Value: []byte(`{"Ada":1,"Ada":2}`)},
	} {
		_, err := p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: customer, Attributes: []byte(`{}`)}, nil)
		require.NoError(t, err)
		p.damageItem(t, keyOf("T#demo#C#"+customer, "P"), "a", attributes)
		require.ElementsMatch(t, everyJourney, put(p.restarted(), customer), customer)
		require.Empty(t, inside(customer), customer)
	}
}

// If a handler dies before or after any of its requests, a repeat of the event ends
// the wait once and starts each journey once.
func TestEvent_RepeatFinishesAfterACrash(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	waiting, started, second := p.journey(t, openingGraph), p.journey(t, openedGraph), p.journey(t, openedGraph)
	for calls, died := 0, true; died; calls++ {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("Ada%d%t", calls, after)
			_, err := p.Enroll(t.Context(), demo, waiting, journey.EnrollRequest{Customers: []string{name}})
			require.NoError(t, err)
			p.now = p.now.Add(time.Hour)
			opened := journey.Event{Customer: name, Type: "opened", ID: "e1"}
			ctx, end := context.WithCancel(t.Context())
			store := storeOn(p.table, dyingAfter(calls, after), atDeath(end))
			_, err = journey.NewService(store.Handlers(), func() time.Time { return p.now }, rand.Reader).PutEvent(ctx, demo, opened)
			died = err != nil
			end()
			first := p.now
			p.now = p.now.Add(time.Hour)
			o, err := p.PutEvent(t.Context(), demo, opened)
			require.NoError(t, err)
			require.Empty(t, o.NotStarted, "a repeat recognizes what the first request started")
			if !o.Repeated {
				require.Equal(t, []ident.ID{waiting}, o.Ended)
				require.ElementsMatch(t, []ident.ID{started, second}, o.Started)
			}

			e, err := p.store.Enrollments.Enrollment(t.Context(), demo, waiting, name)
			require.NoError(t, err)
			require.Equal(t, int64(2), e.Rev, "woken once")
			if calls > 0 || after {
				require.Equal(t, first, e.Woken.At, "the time of the first request")
			}
			for _, id := range []ident.ID{started, second} {
				e, err = p.store.Enrollments.Enrollment(t.Context(), demo, id, name)
				require.NoError(t, err)
				require.Equal(t, progress.Completed, e.Status)
				require.Equal(t, int64(1), e.Rev)
			}
		}
	}
	for _, id := range []ident.ID{started, second} {
		totals := p.figures(t, id)
		require.Equal(t, totals.Enrolled, totals.Completed)
		require.Greater(t, totals.Enrolled, int64(10))
	}
}
