package dynamo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/dev/dynamotest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/subscription"
)

const unsubscribedGraph = `{"nodes":[{"id":"in","type":"entry_trigger"},` +
	`{"id":"a","type":"wait","config":{"delayHours":48,"waitForEvent":"$unsubscribed"}},` +
	`{"id":"m","type":"channel_action","config":{"channel":"email","topic":"news"}},{"id":"out","type":"exit"}],` +
	`"edges":[{"source":"in","target":"a"},{"source":"a","target":"m"},{"source":"m","target":"out"}]}`

// subscribed returns a service of a tenant with the topics news and tips.
func (p *fixture) subscribed(t *testing.T) *subscription.Service {
	t.Helper()
	s := &subscription.Service{Store: p.store.Topics, Journeys: p.Service, Now: func() time.Time { return p.now }}
	_, err := s.PutTopics(t.Context(), demo, consent.Topics{
		"news": {Name: "News", Channels: []string{"email"}, In: true}, "tips": {Name: "Tips", Channels: []string{"email"}, In: true},
	}, nil)
	require.NoError(t, err)
	return s
}

func (p *fixture) received(t *testing.T, customer string) []progress.Received {
	t.Helper()
	all, err := p.store.Events.Remembered(t.Context(), demo, customer, []string{"$unsubscribed"})
	require.NoError(t, err)
	return all["$unsubscribed"]
}

// Who unsubscribes causes one event, which takes them out, however often the call is
// repeated; to subscribe again and unsubscribe later causes another.
func TestSubscriptions_UnsubscribingIsOneEvent(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	s := p.subscribed(t)
	id := p.journey(t, unsubscribedGraph)
	settings := graph.SettingsChange{"exitOn": []byte(`[{"eventType":"$unsubscribed","match":null,"condition":{"field":"event.topic","operator":"eq","value":"news"}}]`)}
	_, err := p.Update(t.Context(), demo, id, journey.Change{Settings: settings}, nil)
	require.NoError(t, err)
	_, err = p.Enroll(t.Context(), demo, id, journey.EnrollRequest{Customers: []string{"ada"}})
	require.NoError(t, err)
	p.now = p.now.Add(time.Minute)
	say := func(in bool) {
		t.Helper()
		_, damaged, err := s.Put(t.Context(), demo, subscription.Change{Customer: "ada", Topics: map[string]bool{"news": in}, Received: p.now})
		require.NoError(t, err)
		require.Empty(t, damaged)
	}
	say(false)
	at := p.now
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, id, "ada")
	require.NoError(t, err)
	require.Equal(t, "event:$unsubscribed", e.ExitReason)
	p.now = p.now.Add(time.Hour)
	say(false)
	require.Len(t, p.received(t, "ada"), 1)
	state, err := s.Of(t.Context(), demo, "ada")
	require.NoError(t, err)
	require.Equal(t, map[string]consent.Statement{"news": {At: at}}, state.Statements, "the same again keeps its time")
	say(true)
	require.Len(t, p.received(t, "ada"), 1)
	say(false)
	require.Len(t, p.received(t, "ada"), 2)
}

// A call that dies after it has stored what the customer says is completed by its repeat.
func TestSubscriptions_ARepeatCompletesTheEvent(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	s := p.subscribed(t)
	change := subscription.Change{Customer: "ada", Topics: map[string]bool{"news": false}, Received: p.now}
	_, err := s.Say(t.Context(), demo, change)
	require.NoError(t, err)
	require.Empty(t, p.received(t, "ada"))
	p.now = p.now.Add(time.Second)
	_, _, err = s.Put(t.Context(), demo, change)
	require.NoError(t, err)
	require.Len(t, p.received(t, "ada"), 1)

	late := subscription.Change{Customer: "bob", Topics: map[string]bool{"news": false}}
	_, err = s.Say(t.Context(), demo, late)
	require.NoError(t, err)
	p.now = p.now.Add(25 * time.Hour)
	_, _, err = s.Put(t.Context(), demo, late)
	require.NoError(t, err)
	require.Empty(t, p.received(t, "bob"), "a day later it is no repeat")
}

// Changes of several topics at a time are all kept, also where answers are lost.
func TestSubscriptions_ConcurrentChangesAreAllKept(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	p.subscribed(t)
	faults := &dynamotest.Faults{Seed: 7, Lose: 0.3}
	lossy := storeOn(p.table, faults.Install)
	s := &subscription.Service{Store: lossy.Topics, Journeys: p.Service, Now: func() time.Time { return p.now }}
	errs := make(chan error)
	for topic, in := range map[string]bool{"news": false, "tips": true} {
		go func() {
			_, err := s.Say(t.Context(), demo, subscription.Change{Customer: "ada", Topics: map[string]bool{topic: in}})
			errs <- err
		}()
	}
	require.NoError(t, errors.Join(<-errs, <-errs))
	state, err := s.Of(t.Context(), demo, "ada")
	require.NoError(t, err)
	require.Equal(t, map[string]consent.Statement{"news": {At: p.now}, "tips": {In: true, At: p.now}}, state.Statements)
}

// racingTopics is a store in which the customer is forgotten right before a write, the
// answer of which may be lost.
type racingTopics struct {
	subscription.Store
	forget func()
	lost   error
}

func (f *racingTopics) PutSubscriptions(ctx context.Context, t ident.Tenant, next consent.Subscriptions, rev int64) error {
	f.forget()
	return errors.Join(f.Store.PutSubscriptions(ctx, t, next, rev), f.lost)
}

// What was received before the customer was forgotten stores nothing of them.
func TestSubscriptions_OfAForgottenCustomerAreNotStored(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	s := p.subscribed(t)
	change := subscription.Change{Customer: "ada", Topics: map[string]bool{"news": false}, Received: p.now}
	p.now = p.now.Add(time.Second)
	forget := func() { require.NoError(t, p.store.Customers.Forget(t.Context(), demo, "ada", p.now, nil)) }
	store := &racingTopics{Store: s.Store, forget: forget, lost: errors.New("no answer")}
	racing := &subscription.Service{Store: store, Journeys: p.Service, Now: s.Now}
	_, _, err := racing.Put(t.Context(), demo, change)
	require.ErrorIs(t, err, store.lost)
	require.Nil(t, lookup(t, p.table, "T#demo#C#ada", "U"), "the write was made, but not answered")
	store.lost = nil
	_, _, err = racing.Put(t.Context(), demo, change)
	require.ErrorIs(t, err, journey.ErrForgotten)
	_, _, err = s.Put(t.Context(), demo, change)
	require.ErrorIs(t, err, journey.ErrForgotten)
	require.Nil(t, lookup(t, p.table, "T#demo#C#ada", "U"))

	change.Received = p.now.Add(time.Second)
	p.now = change.Received
	_, err = s.Say(t.Context(), demo, change)
	require.NoError(t, err, "what is received later is stored anew")
	store.forget = func() {
		p.now = p.now.Add(time.Second)
		forget()
	}
	change.Topics = map[string]bool{"news": true}
	_, err = racing.Say(t.Context(), demo, change)
	require.ErrorIs(t, err, journey.ErrForgotten, "a change meets no item")
	require.Nil(t, lookup(t, p.table, "T#demo#C#ada", "U"))
}

// Warnings cost no request: a journey is read together with its tenant's topics.
func TestTopics_AreReadWithTheJourney(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	id := p.journey(t, unsubscribedGraph)
	unknown := `names "news", a topic that the tenant does not have; nobody gets the message`
	warned := func() []string {
		t.Helper()
		subject, err := p.Subject(t.Context(), demo, id, nil, nil)
		require.NoError(t, err)
		var list []string
		for _, w := range subject.Warnings {
			list = append(list, w.Detail)
		}
		return list
	}
	require.Contains(t, warned(), unknown)
	p.subscribed(t)
	require.NotContains(t, warned(), unknown)

	_, undo := newer(t, p.table, "T#demo", "S")
	require.NotContains(t, warned(), unknown, "settings of a newer version are unknown")
	undo()
}
