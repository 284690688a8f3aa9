package dynamo_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

func (p *fixture) setStatus(t *testing.T, id ident.ID, status journey.Status) {
	t.Helper()
	_, err := p.Update(t.Context(), demo, id, journey.Change{Status: &status}, nil)
	require.NoError(t, err)
}

func (p *fixture) attributes(t *testing.T, customer string) string {
	t.Helper()
	profile, err := p.Customer(t.Context(), demo, customer)
	require.NoError(t, err)
	return string(profile.Attributes)
}

// byJourney sorts a list.
func byJourney(list []journey.NotStarted) []journey.NotStarted {
	slices.SortFunc(list, func(a, b journey.NotStarted) int { return cmp.Compare(a.Journey, b.Journey) })
	return list
}

// startsAndWaits is a journey that the event starts, and in which the customer then stays.
const startsAndWaits = `{"nodes":[{"id":"in","type":"entry_trigger","config":{"eventType":"opened"}},` +
	`{"id":"w","type":"wait","config":{"delayHours":500}},{"id":"out","type":"exit"}],` +
	`"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`

func TestEvent_SaysWhatItDid(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	waiting := p.journey(t, openingGraph, "ada")
	inside, left := p.journey(t, startsAndWaits, "ada"), p.journey(t, openedGraph, "ada")
	failed := p.journey(t, startsAndWaits, "ada")
	p.fail(t, failed, "ada")
	never, paused := p.journey(t, startedIf(`{"any":[]}`)), p.journey(t, openedGraph)
	p.setStatus(t, paused, journey.Paused)
	archived := p.journey(t, openedGraph)
	p.setStatus(t, archived, journey.Archived)
	fresh := p.journey(t, openedGraph)

	p.now = p.now.Add(time.Hour)
	opened := journey.Event{Customer: "ada", Type: "opened", ID: "e1"}
	put := func() journey.EventOutcome {
		t.Helper()
		o, err := p.PutEvent(t.Context(), demo, opened)
		require.NoError(t, err)
		return o
	}
	notStarted := byJourney([]journey.NotStarted{
		{Journey: inside, Code: "already-inside"}, {Journey: left, Code: "entered-before"},
		{Journey: failed, Code: "already-inside"}, {Journey: never, Code: "condition-false"},
	})
	withPaused := byJourney(append(slices.Clone(notStarted), journey.NotStarted{Journey: paused, Code: "journey-paused"}))
	for range 2 { // it is not finished while a journey is paused
		require.Equal(t, journey.EventOutcome{
			ID: "e1", Started: []ident.ID{fresh}, Ended: []ident.ID{waiting}, NotStarted: withPaused,
		}, put())
		p.now = p.now.Add(time.Hour)
	}
	p.setStatus(t, paused, journey.Active)
	require.Equal(t, journey.EventOutcome{
		ID: "e1", Started: slices.Sorted(slices.Values([]ident.ID{paused, fresh})), Ended: []ident.ID{waiting}, NotStarted: notStarted,
	}, put())
	require.Equal(t, journey.EventOutcome{ID: "e1", Repeated: true}, put())

	// A later event is another one.
	opened.ID = "e2"
	o := put()
	require.Empty(t, o.Started)
	require.Empty(t, o.Ended, "the first event ends the wait")
	require.Contains(t, o.NotStarted, journey.NotStarted{Journey: fresh, Code: "entered-before"})
}

func TestEvent_OldOneOnlyMergesAttributes(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	waiting, started, never := p.journey(t, openingGraph, "ada"), p.journey(t, openedGraph), p.journey(t, startedIf(`{"any":[]}`))
	p.now = p.now.Add(30 * time.Hour)
	old := journey.Event{
		Customer: "ada", Type: "opened", ID: "e1", Attributes: []byte(`{"plan":"pro"}`),
		OccurredAt: p.now.Add(-journey.MaxEventAge - time.Millisecond),
	}
	o, err := p.PutEvent(t.Context(), demo, old)
	require.NoError(t, err)
	require.Equal(t, journey.EventOutcome{ID: "e1", NotStarted: byJourney([]journey.NotStarted{
		{Journey: started, Code: "too-old"}, {Journey: never, Code: "condition-false"},
	})}, o)
	require.JSONEq(t, `{"plan":"pro"}`, p.attributes(t, "ada"))
	require.Nil(t, lookup(t, p.table, "T#demo#C#ada", "V#opened"), "it is not remembered as received now")
	e, err := p.store.Enrollments.Enrollment(t.Context(), demo, waiting, "ada")
	require.NoError(t, err)
	require.Equal(t, int64(1), e.Rev)
	o, err = p.PutEvent(t.Context(), demo, old)
	require.NoError(t, err)
	require.True(t, o.Repeated)

	old.ID, old.OccurredAt = "e2", p.now.Add(-journey.MaxEventAge)
	o, err = p.PutEvent(t.Context(), demo, old)
	require.NoError(t, err)
	require.Equal(t, []ident.ID{started}, o.Started)
	require.Equal(t, []ident.ID{waiting}, o.Ended)
}

// If a handler dies before or after any of its requests, a repeat of the event merges its
// attributes unless the first attempt did, so that a later change stays. It makes waits
// due that depend on the profile.
func TestEvent_MergesOnceWhereverItCrashes(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	untilDate := p.journey(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"until":{"field":"renewal"}}},`+
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`)
	mergedFirst := 0
	for calls, died := 0, true; died; calls++ {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("Ada%d%t", calls, after)
			_, err := p.Enroll(t.Context(), demo, untilDate, journey.EnrollRequest{Customers: []string{name}})
			require.NoError(t, err)
			event := journey.Event{Customer: name, Type: "renewed", ID: "e1", Attributes: []byte(`{"plan":"pro","renewal":"2027-01-01"}`)}
			ctx, end := context.WithCancel(t.Context())
			s := journey.NewService(storeOn(p.table, dyingAfter(calls, after), atDeath(end)).Handlers(), func() time.Time { return p.now }, rand.Reader)
			_, err = s.PutEvent(ctx, demo, event)
			died = err != nil
			end()
			_, unmerged := p.Customer(t.Context(), demo, name)
			want := `{"plan":"pro","renewal":"2027-01-01"}`
			if unmerged == nil {
				want, mergedFirst = `{"plan":"free","renewal":"2027-01-01"}`, mergedFirst+1
			}
			_, err = p.PatchCustomer(t.Context(), demo, journey.ProfileChange{Customer: name, Attributes: []byte(`{"plan":"free"}`)}, nil)
			require.NoError(t, err)
			p.now = p.now.Add(time.Hour)
			for range 2 {
				_, err = p.PutEvent(t.Context(), demo, event)
				require.NoError(t, err)
				require.JSONEq(t, want, p.attributes(t, name))
			}
			e, err := p.store.Enrollments.Enrollment(t.Context(), demo, untilDate, name)
			require.NoError(t, err)
			require.Greater(t, e.Rev, int64(1), "the wait looks at the date again")
		}
	}
	require.Greater(t, mergedFirst, 5)
}

// Attributes that would be too many change nothing. A repeat is accepted once there is room.
func TestEvent_RefusesTooManyAttributes(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	large := func(name string) []byte {
		return fmt.Appendf(nil, `{%q:"%0*d"}`, name, progress.MaxAttributes/2, 1)
	}
	_, err := p.PatchCustomer(t.Context(), demo, journey.ProfileChange{Customer: "ada", Attributes: large("a")}, nil)
	require.NoError(t, err)
	event := journey.Event{Customer: "ada", Type: "seen", ID: "e1", Attributes: large("b")}
	_, err = p.PutEvent(t.Context(), demo, event)
	require.Equal(t, "attributes-too-large", journey.Code(err))
	require.Nil(t, lookup(t, p.table, "T#demo#C#ada", "V#seen"))
	_, err = p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: "ada", Attributes: []byte(`{}`)}, nil)
	require.NoError(t, err)
	_, err = p.PutEvent(t.Context(), demo, event)
	require.NoError(t, err)
}

// Events of one customer take effect in the order of the call. One that cannot succeed
// stops no other.
func TestEvents_OfACallAreHandledInOrder(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	var list []journey.Event
	for i := range 30 {
		customer := fmt.Sprint("c", i%3)
		list = append(list, journey.Event{Customer: customer, Type: "seen", ID: fmt.Sprint(i), Attributes: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	list[12].ID = list[9].ID // another event of the same customer
	results := p.PutEvents(t.Context(), demo, list)
	for i, r := range results {
		if i == 12 {
			require.Equal(t, "event-id-reused", journey.Code(r.Err))
			continue
		}
		require.NoError(t, r.Err)
		require.Equal(t, list[i].ID, r.ID)
	}
	for i := range 3 {
		require.JSONEq(t, fmt.Sprintf(`{"n":%d}`, 27+i), p.attributes(t, fmt.Sprint("c", i)))
	}

	// No event begins when little time is left.
	soon, cancel := context.WithDeadline(t.Context(), time.Now().Add(4*time.Second))
	defer cancel()
	for _, r := range p.PutEvents(soon, demo, []journey.Event{{Customer: "d", Type: "seen"}, {Customer: "e", Type: "seen"}}) {
		require.Equal(t, "deadline", journey.Code(r.Err))
	}
	require.Nil(t, lookup(t, p.table, "T#demo#C#d", "V#seen"))
}
