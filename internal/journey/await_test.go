package journey_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

// event returns an event that was received so many hours after the entry.
func event(after float64, id uint64, properties string) progress.Received {
	e := progress.Received{Stamp: progress.Stamp{At: hours(after), ID: id}}
	if properties != "" {
		e.Properties = []byte(properties)
	}
	return e
}

// A wait begins at hour 24, behind a plain one.
func TestStep_EndsWaitByTheEarliestEventThatIsMet(t *testing.T) {
	t.Parallel()

	const cart = `{"any":[{"id":"same","eventType":"bought","match":{"event":"cart","entry":"cart"}},` +
		`{"id":"big","eventType":"bought","condition":{"field":"event.total","operator":"gte","value":100}},` +
		`{"id":"left","eventType":"left","condition":{"field":"entryEvent.cart","operator":"eq","value":7}},` +
		`{"id":"again","eventType":"left","condition":{"event":"seen","since":{"value":2,"unit":"hours"}}}]}`
	for _, row := range []struct {
		name   string
		config string
		events map[string][]progress.Received
		result string // "" for none
	}{
		{"an event during the wait", `"bought"`, map[string][]progress.Received{"bought": {event(25, 1, "")}}, "event"},
		{"an event before the wait", `"bought"`, map[string][]progress.Received{"bought": {event(1, 1, "")}}, "event"},
		{"an event at the entry", `"bought"`, map[string][]progress.Received{"bought": {event(0, 1, "")}}, ""},
		{"an event before the wait, since the wait", `"bought","eventSince":"wait"`, map[string][]progress.Received{"bought": {event(24, 1, "")}}, ""},
		{"an event during the wait, since the wait", `"bought","eventSince":"wait"`, map[string][]progress.Received{"bought": {event(24.5, 1, "")}}, "event"},
		{"an event before a node, since the node", `"bought","eventSince":{"step":"a"}`, map[string][]progress.Received{"bought": {event(12, 1, "")}}, ""},
		{"an event after a node, since the node", `"bought","eventSince":{"step":"first"}`, map[string][]progress.Received{"bought": {event(12, 1, "")}}, "event"},
		{"since a node that was not passed", `"bought","eventSince":{"step":"elsewhere"}`, map[string][]progress.Received{"bought": {event(12, 1, "")}}, ""},
		{"the same cart", cart, map[string][]progress.Received{"bought": {event(2, 1, `{"cart":7}`)}}, "same"},
		{"another cart", cart, map[string][]progress.Received{"bought": {event(2, 1, `{"cart":8}`)}}, ""},
		{"a text for a number", cart, map[string][]progress.Received{"bought": {event(2, 1, `{"cart":"7"}`)}}, ""},
		{"no cart", cart, map[string][]progress.Received{"bought": {event(2, 1, `{"total":3}`), event(3, 1, "")}}, ""},
		{"the earliest that is met", cart, map[string][]progress.Received{"bought": {event(2, 1, `{"cart":8}`), event(4, 1, `{"total":100}`), event(5, 1, `{"cart":7}`)}}, "big"},
		{"two that are met at once, in their order", cart, map[string][]progress.Received{"bought": {event(2, 1, `{"cart":7,"total":100}`)}}, "same"},
		{"the earlier of two types", cart, map[string][]progress.Received{"bought": {event(3, 1, `{"cart":7}`)}, "left": {event(2, 1, "")}}, "left"},
		{"the earlier id of one millisecond", cart, map[string][]progress.Received{"bought": {event(3, 1, `{"total":100}`), event(3, 2, `{"cart":7}`)}}, "big"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			ways := []string{"event", "timeout"}
			if row.config == cart {
				ways = []string{"same", "big", "left", "again", "timeout"}
			}
			edges := []string{"in first", "first a", "a w", "elsewhere out"}
			for _, way := range ways {
				edges = append(edges, "w out "+way)
			}
			d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `first wait {"delayHours":24}`, `a channel_action {"channel":"push"}`,
				`w wait {"delayHours":24,"waitForEvent":` + row.config + `}`, "out exit", `elsewhere wait {"delayHours":1}`}, edges))
			e, _ := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30), Event: []byte(`{"cart":7}`)})
			e, effect := d.Graph.Step(e.NextWrite(hours(24)), progress.Input{Now: hours(24)})
			require.Equal(t, progress.NeedSend, effect)
			e, _ = d.Graph.Step(e, progress.Input{Now: hours(24), Answer: progress.Answer{Result: trail.Sent}})
			require.Equal(t, "w", d.Graph.NodeID(e.Node))
			in := progress.Input{Now: hours(26), HasAttributes: true, Events: map[string][]progress.Received{"bought": nil, "left": nil, "seen": nil}}
			for eventType, events := range row.events {
				in.Events[eventType] = events
			}
			e, _ = d.Graph.Step(e.NextWrite(hours(26)), in)
			visits := e.Path.Visits(t0)
			if row.result == "" {
				require.Len(t, visits, 3)
				require.Equal(t, hours(48), e.Due)
				return
			}
			require.Equal(t, row.result, visits[3].Result.Name(d.Graph.Node(3).Ways))
			require.NoError(t, d.Graph.Shape().Check(e))
		})
	}
}

// An event ends one wait; conditions read the one that ended it, and ask for others.
func TestStep_AnEventEndsOneWait(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w1 wait {"delayHours":24,"waitForEvent":"bought"}`, `w2 wait {"delayHours":24,"waitForEvent":"bought"}`,
		`s condition_split {"condition":{"all":[{"field":"step.w1.event.cart","operator":"eq","value":1},{"field":"step.w2.event.cart","operator":"eq","value":2},{"event":"bought","since":"entry"},{"not":{"event":"seen","since":{"value":7,"unit":"days"}}}]}}`,
		`yes exit {"reason":"yes"}`, "no exit"}, []string{"in w1", "w1 w2", "w2 s", "s yes true", "s no false"}))
	e, _ := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	in := progress.Input{Now: hours(2), HasAttributes: true, Events: map[string][]progress.Received{"bought": {event(1, 5, `{"cart":1}`)}}}
	e, effect := d.Graph.Step(e.NextWrite(hours(2)), in)
	require.Equal(t, progress.NoEffect, effect)
	require.Equal(t, "w2", d.Graph.NodeID(e.Node))
	require.Equal(t, in.Events["bought"][0].Stamp, e.Heard)

	// Another of the same millisecond is another event.
	in.Events["bought"] = append(in.Events["bought"], event(1, 6, `{"cart":2,"total":9}`))
	e, effect = d.Graph.Step(e.NextWrite(hours(3)), in)
	require.Equal(t, progress.NeedEvents, effect, "the split asks for events that were not read")
	require.Equal(t, "s", d.Graph.NodeID(e.Node))
	require.JSONEq(t, `{"w1":{"event":{"cart":1}},"w2":{"event":{"cart":2}}}`, string(e.Steps), "only what conditions read is kept")
	in.Events["seen"] = nil
	e, _ = d.Graph.Step(e, in)
	require.Equal(t, "yes", e.ExitReason)
	reads := d.Graph.PropertiesRead()
	require.Equal(t, map[string][][]string{"bought": {{"cart"}, {"cart"}}}, reads)
}

// What the handler of an event cannot tell, it leaves to the engine.
func TestGraph_WakesWhatAnEventMayEnd(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w wait {"delayHours":24,"waitForEvent":{"any":[
		{"id":"a","eventType":"bought","condition":{"field":"event.total","operator":"gte","value":100}},
		{"id":"b","eventType":"left","condition":{"field":"plan","operator":"eq","value":"pro"}},
		{"id":"c","eventType":"came"}]}}`, "out exit"}, []string{"in w", "w out"}))
	e, _ := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	for _, row := range []struct {
		eventType, properties string
		may, sure             bool
	}{
		{"bought", `{"total":100}`, true, true},
		{"bought", `{"total":99}`, false, false},
		{"left", `{}`, true, false},
		{"came", ``, true, true},
		{"other", ``, false, false},
	} {
		may, sure := d.Graph.Wakes(e, row.eventType, event(1, 1, row.properties))
		require.Equal(t, []bool{row.may, row.sure}, []bool{may, sure}, row.eventType+row.properties)
	}
	may, _ := d.Graph.Wakes(e, "came", event(24, 1, ""))
	require.False(t, may, "too late")
	e.Heard = progress.Stamp{At: hours(2)}
	may, _ = d.Graph.Wakes(e, "came", event(1, 1, ""))
	require.False(t, may, "before the event that ended the last wait")
}

func TestSimulation_StartsByAnEvent(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{`in entry_trigger {"eventType":"cart"}`, `w wait {"delayHours":2,"waitForEvent":{"any":[{"id":"paid","eventType":"paid","match":{"event":"cart","entry":"cart"}}]}}`,
		`thanks exit {"reason":"bought"}`, `remind exit {"reason":"reminded"}`}, []string{"in w", "w thanks paid", "w remind timeout"}))
	request := simulate.Request{Now: t0, EntryEvent: &simulate.Event{Type: "cart", Properties: []byte(`{"cart":7}`)},
		Events: []simulate.Event{{Type: "paid", After: time.Hour, Properties: []byte(`{"cart":8}`)}}}
	require.Equal(t, "reminded", mustRun(t, d, request, 30).ExitReason)
	request.Events = append(request.Events, simulate.Event{Type: "paid", After: 90 * time.Minute, Properties: []byte(`{"cart":7}`)})
	s := mustRun(t, d, request, 30)
	require.Equal(t, "bought", s.ExitReason)
	require.Equal(t, []string{"paid", "event"}, []string{s.Steps[1].Result, s.Steps[1].EndedBy})
	require.Equal(t, 90*time.Minute, s.Duration)
	request.EntryEvent.Type = "other"
	require.Equal(t, "the event does not start the journey", mustRun(t, d, request, 30).ExitReason)
}
