package dynamo_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/simulate"
	"journeys/internal/strict"
)

// startedIf returns a definition that the event "opened" starts if a condition holds.
func startedIf(condition string) string {
	return `{"nodes":[{"id":"in","type":"entry_trigger","config":{"eventType":"opened","condition":` + condition + `}},` +
		`{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`
}

// asks is a condition on an event of the last so many hours.
func asks(eventType string, hours int) string {
	return fmt.Sprintf(`{"event":%q,"since":{"value":%d,"unit":"hours"}}`, eventType, hours)
}

// before is an event some hours before the one that may start a journey.
type before struct {
	eventType string
	hours     float64
}

func (p *fixture) happen(t *testing.T, customer, eventType, id string) {
	t.Helper()
	o, err := p.PutEvent(t.Context(), demo, journey.Event{Customer: customer, Type: eventType, ID: id})
	require.NoError(t, err)
	require.Empty(t, o.Damaged)
}

// enters puts a history, latest last, and the event "opened". It returns the journeys that
// the customer is then in.
func (p *fixture) enters(t *testing.T, customer string, history []before) map[ident.ID]bool {
	t.Helper()
	opened := p.now
	for _, event := range history {
		p.now = opened.Add(-time.Duration(event.hours * float64(time.Hour)))
		p.happen(t, customer, event.eventType, "")
	}
	p.now = opened
	p.happen(t, customer, "opened", "e1")
	list, _, err := p.store.Customers.Enrollments(t.Context(), demo, customer)
	require.NoError(t, err)
	in := map[ident.ID]bool{}
	for _, e := range list {
		in[e.Journey] = true
	}
	return in
}

// simulates reports whether /test lets a customer with a history enter.
func (p *fixture) simulates(t *testing.T, id ident.ID, history []before) bool {
	t.Helper()
	request := simulate.Request{Now: p.now, EntryEvent: &simulate.Event{Type: "opened"}}
	for _, event := range history {
		request.Events = append(request.Events, simulate.Event{
			Type: event.eventType, After: -time.Duration(event.hours * float64(time.Hour)),
		})
	}
	simulated, err := simulate.Run(t.Context(), p.Service, demo, id, request)
	require.NoError(t, err)
	return simulated.Outcome == "exited"
}

func TestEvent_EntryConditionsAskForEarlierEvents(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	bought, notBought := p.journey(t, startedIf(asks("bought", 24))), p.journey(t, startedIf(`{"not":`+asks("bought", 24)+`}`))
	again, first := p.journey(t, startedIf(asks("opened", 24))), p.journey(t, startedIf(`{"not":`+asks("opened", 24)+`}`))
	both := p.journey(t, startedIf(asks("bought", 24)))
	var faults strict.Faults
	v, _ := strict.Parse([]byte(`{"event":"opened","condition":`+asks("seen", 1)+`}`), &faults)
	entry, ok := graph.ReadEntryCondition(v)
	require.True(t, ok, faults.List())
	_, err := p.Update(t.Context(), demo, both, journey.Change{Entry: &entry}, nil)
	require.NoError(t, err)

	for i, row := range []struct {
		history []before
		enters  []ident.ID
	}{
		{nil, []ident.ID{notBought, first}},
		{[]before{{"bought", 24}}, []ident.ID{bought, first}},
		{[]before{{"bought", 24.01}, {"seen", 1}}, []ident.ID{notBought, first}},
		{[]before{{"bought", 48}, {"bought", 1}, {"seen", 0.5}}, []ident.ID{bought, both, first}},
		{[]before{{"opened", 23}}, []ident.ID{notBought, first, again}}, // at the earlier one, the customer entered as a new one
		{[]before{{"other", 2}, {"seen", 0}}, []ident.ID{notBought, first}},
	} {
		in := p.enters(t, fmt.Sprint("c", i), row.history)
		require.Len(t, in, len(row.enters), row.history)
		for _, id := range row.enters {
			require.True(t, in[id], "%v %s", row.history, id)
		}
	}
}

// Events that come after the starting one do not change what a repeat of it starts.
func TestEvent_RepeatsAskForEventsBeforeTheFirst(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	bought, notBought := p.journey(t, startedIf(asks("bought", 24))), p.journey(t, startedIf(`{"not":`+asks("bought", 24)+`}`))
	_, err := p.on(dyingAfter(3, true)).PutEvent(t.Context(), demo, journey.Event{Customer: "ada", Type: "opened", ID: "e1"})
	require.Error(t, err)
	p.now = p.now.Add(time.Hour)
	p.happen(t, "ada", "bought", "e2")
	in := p.enters(t, "ada", nil)
	require.Equal(t, map[ident.ID]bool{notBought: true}, in, "not %s", bought)
}

// A real customer and a simulated one with the same history both enter, or neither does.
func TestEvent_EntriesAgreeWithSimulation(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	r := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same histories in each run
	kinds := []string{"bought", "seen", "opened"}
	var journeys []ident.ID
	for range 6 {
		var leaves [3]string
		for i := range leaves {
			if leaves[i] = asks(kinds[r.IntN(len(kinds))], 1+r.IntN(30)); r.IntN(3) == 0 {
				leaves[i] = `{"not":` + leaves[i] + `}`
			}
		}
		journeys = append(journeys, p.journey(t, startedIf(`{"any":[`+leaves[0]+`,{"all":[`+leaves[1]+`,`+leaves[2]+`]}]}`)))
	}
	entered, refused := 0, 0
	for i := range 8 {
		var history []before
		for hours := 30.0; hours > 1; hours -= 0.5 + 12*r.Float64() {
			if kind := kinds[r.IntN(2)]; r.IntN(4) > 0 { // "opened" would start the journeys too early
				history = append(history, before{kind, float64(int(hours*4)) / 4})
			}
		}
		in := p.enters(t, fmt.Sprint("c", i), history)
		for _, id := range journeys {
			require.Equal(t, p.simulates(t, id, history), in[id], "%s %v", id, history)
			if in[id] {
				entered++
			} else {
				refused++
			}
		}
	}
	require.Greater(t, min(entered, refused), 5, "both happen")
}
