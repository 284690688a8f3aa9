package journey_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// Of a channel's answer, a run keeps what keep names and later steps read.
func TestStep_KeepsAnswersOfChannels(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{
		"in entry_trigger", `a channel_action {"channel":"push","keep":["coupon.id","coupon.until","links[\"short.url\"]"]}`, `b channel_action {"channel":"push"}`,
		`s condition_split {"condition":{"all":[{"field":"step.a.answer.coupon.id","operator":"eq","value":7},{"field":"step.a.answer.secret","operator":"exists","value":false},{"field":"step.b.answer","operator":"exists","value":false}]}}`,
		`c channel_action {"channel":"push","payload":{"t":"{{step.a.answer.links[\"short.url\"]}} {{step.a.result}}"}}`, "out exit",
	}, []string{"in a", "a b", "b s", "s c true", "s out false", "c out"}))
	e, effect := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	require.Equal(t, progress.NeedSend, effect)
	answer := value(t, `{"coupon":{"id":7,"until":"2027-01-01","name":"x"},"secret":1,"links":{"short.url":"u","long":"l"}}`)
	in := progress.Input{Now: t0, HasAttributes: true, Answer: progress.Answer{Result: trail.Sent, Value: answer}}
	e, _ = d.Graph.Step(e, in)
	require.Equal(t, "b", d.Graph.NodeID(e.Node))
	require.Equal(t, `{"a":{"answer":{"coupon":{"id":7},"links":{"short.url":"u"}}}}`, string(e.Steps))

	e, effect = d.Graph.Step(e, in)
	require.Equal(t, progress.NeedSend, effect)
	require.Equal(t, "c", d.Graph.NodeID(e.Node), "the condition reads the answer that is kept, and no other")
	facts := d.Graph.Facts(&e, condition.Value{})
	text, err := d.Graph.Action(e.Node).Payload.JSON(&facts)
	require.NoError(t, err)
	require.Equal(t, `{"t":"u sent"}`, string(text))
	require.NoError(t, d.Graph.Shape().Check(e))
}

// What does not fit into MaxKept is left out as a whole, and the result of its step says
// so. The customer goes on as if it had been missing.
func TestStep_LeavesOutWhatDoesNotFit(t *testing.T) {
	t.Parallel()

	long := func(n int) string { return `{"x":"` + strings.Repeat("x", n) + `"}` }
	answered := func(text string) progress.Input {
		return progress.Input{Now: t0, HasAttributes: true, Answer: progress.Answer{Result: trail.Sent, Value: value(t, text)}}
	}
	bought := func(properties string) progress.Input {
		return progress.Input{Now: hours(2), HasAttributes: true, Events: map[string][]progress.Received{"bought": {event(1, 1, properties)}}}
	}
	const split = `s condition_split {"condition":{"any":[{"field":"step.a.answer.x","operator":"exists"},{"field":"step.w.event.x","operator":"exists"},{"field":"event.x","operator":"exists"}]}}`
	for name, row := range map[string]struct {
		entry, answer, event string
		ways                 []string // out of the wait
		results              string
	}{
		"all of it":         {long(10), long(10), long(10), nil, "entered sent woken true"},
		"all that fits":     {long(5000), long(5000), long(progress.MaxKept - 2*len(long(5000)) - len(`{"a":{"answer":},"w":{"event":}}`) - len(long(0))), nil, "entered sent woken true"},
		"an answer":         {"", long(progress.MaxKept), long(10), nil, "entered error woken true"},
		"an entry event":    {long(progress.MaxKept), long(10), long(10), nil, "error sent woken true"},
		"an event":          {"", `{}`, long(progress.MaxKept), nil, "entered sent error false"},
		"an event of a way": {"", `{}`, long(progress.MaxKept), []string{"event", "timeout"}, "entered sent event false"},
		"each":              {long(progress.MaxKept), long(progress.MaxKept), long(progress.MaxKept), nil, "error error error false"},
	} {
		edges := []string{"in a", "a w", "s out true", "s out false"}
		if row.ways == nil {
			edges = append(edges, "w s")
		}
		for _, way := range row.ways {
			edges = append(edges, "w s "+way)
		}
		g := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `a channel_action {"channel":"push","keep":["x"]}`,
			`w wait {"delayHours":24,"waitForEvent":"bought"}`, split, "out exit"}, edges)).Graph
		e := progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)}
		if row.entry != "" {
			e.Event = g.EncodeEvent(value(t, row.entry))
		}
		e, _ = g.Start(e)
		require.LessOrEqual(t, e.KeptSize(), progress.MaxKept, name)
		e, _ = g.Step(e, answered(row.answer))
		e, _ = g.Step(e.NextWrite(hours(2)), bought(row.event))
		require.Equal(t, progress.Completed, e.Status, name)
		require.LessOrEqual(t, e.KeptSize(), progress.MaxKept, name)
		var results []string
		for _, visit := range e.Path.Visits(t0)[:4] {
			results = append(results, visit.Result.Name(g.Node(visit.Node).Ways))
		}
		require.Equal(t, row.results, strings.Join(results, " "), name)
		require.NoError(t, g.Shape().Check(e), name)
	}
}
