package journey_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

var waitThenMail = graphOf([]string{"in entry_trigger", `w wait {"delayHours":24}`, `m channel_action {"channel":"email"}`, "out exit"},
	[]string{"in w", "w m", "m out"})

// eventsAt returns events of a type, received that long after t0.
func eventsAt(properties string, after ...time.Duration) (list []progress.Received) {
	for i, d := range after {
		event := progress.Received{Stamp: progress.Stamp{At: t0.Add(d), ID: uint64(i)}}
		if properties != "" {
			event.Properties = []byte(properties)
		}
		list = append(list, event)
	}
	return list
}

// Before each effect, and where a wait ends, the events of exitOn are looked up. Those that
// were received at or before the entry never count.
func TestStep_LeavesByTheEarliestEventOfExitOn(t *testing.T) {
	t.Parallel()

	g := withSettings(t, waitThenMail, `{"exitOn":[
		{"eventType":"bought","condition":{"field":"event.n","operator":"gte","value":5},"as":"completed"},{"eventType":"closed","reason":"gone"}]}`)
	e, effect := g.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	require.Equal(t, progress.NoEffect, effect)
	over := t0.Add(24 * time.Hour)
	_, effect = g.Step(e.NextWrite(over), progress.Input{Now: over})
	require.Equal(t, progress.NeedEvents, effect, "the wait is over")

	for name, row := range map[string]struct {
		events map[string][]progress.Received
		status progress.EnrollmentStatus
		reason string
	}{
		"none":                    {map[string][]progress.Received{}, progress.Inside, ""},
		"at the entry":            {map[string][]progress.Received{"closed": eventsAt("", -time.Hour, 0)}, progress.Inside, ""},
		"after the entry":         {map[string][]progress.Received{"closed": eventsAt("", time.Millisecond)}, progress.Cancelled, "gone"},
		"condition that is false": {map[string][]progress.Received{"bought": eventsAt(`{"n":4}`, time.Hour)}, progress.Inside, ""},
		"properties not kept":     {map[string][]progress.Received{"bought": eventsAt("", time.Hour)}, progress.Inside, ""},
		"condition that is true":  {map[string][]progress.Received{"bought": eventsAt(`{"n":5}`, time.Hour)}, progress.Completed, "event:bought"},
		"both":                    {map[string][]progress.Received{"bought": eventsAt(`{"n":5}`, time.Hour), "closed": eventsAt("", time.Minute)}, progress.Cancelled, "gone"},
		"after the wait was over": {map[string][]progress.Received{"closed": eventsAt("", 25*time.Hour)}, progress.Cancelled, "gone"},
	} {
		for _, eventType := range g.ExitEvents() {
			row.events[eventType] = append(row.events[eventType], []progress.Received{}...)
		}
		got, effect := g.Step(e.NextWrite(over), progress.Input{Now: over, Events: row.events})
		require.Equal(t, row.status, got.Status, name)
		if row.status == progress.Inside {
			require.Equal(t, progress.NeedSend, effect, name)
			continue
		}
		require.Equal(t, row.reason, got.ExitReason, name)
		require.Equal(t, 1, got.Node, "%s: they leave from the wait", name)
		left := over
		if name == "after the wait was over" { // received while the worker was at it
			left = t0.Add(25 * time.Hour)
		}
		require.Equal(t, left, got.LeftAt, name)
		require.NoError(t, g.Shape().Check(got), name)
		require.Equal(t, byte(trail.NodeDropped), got.Delta[len(got.Delta)-1], name)
		require.False(t, got.ReachedExit(), name)
	}
}

// exitWhen is evaluated before an effect, and where a wait ends, but not in the middle of it.
func TestStep_LeavesByExitWhen(t *testing.T) {
	t.Parallel()

	g := withSettings(t, waitThenMail, `{"exitWhen":{"condition":{"any":[{"field":"blocked","operator":"eq","value":true},{"event":"left","since":"entry"}]}}}`)
	e, _ := g.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	blocked := value(t, `{"blocked":true}`)
	for _, row := range []struct {
		name       string
		after      time.Duration
		attributes *condition.Value
		events     map[string][]progress.Received
		effect     progress.EffectKind
		reason     string
	}{
		{"in the wait", time.Hour, &blocked, map[string][]progress.Received{"left": nil}, progress.NoEffect, ""},
		{"without the events", 24 * time.Hour, &blocked, nil, progress.NeedEvents, ""},
		{"without attributes", 24 * time.Hour, nil, map[string][]progress.Received{"left": nil}, progress.NeedAttributes, ""},
		{"false", 24 * time.Hour, new(value(t, `{}`)), map[string][]progress.Received{"left": nil}, progress.NeedSend, ""},
		{"true", 24 * time.Hour, &blocked, map[string][]progress.Received{"left": nil}, progress.NoEffect, "exit_condition"},
		{"true by an event", 24 * time.Hour, new(value(t, `{}`)), map[string][]progress.Received{"left": eventsAt("", time.Hour)}, progress.NoEffect, "exit_condition"},
		{"true when they have expired", 31 * 24 * time.Hour, &blocked, map[string][]progress.Received{"left": nil}, progress.NoEffect, "exit_condition"},
	} {
		now := t0.Add(row.after)
		in := progress.Input{Now: now, Events: row.events}
		if row.attributes != nil {
			in.Attributes, in.HasAttributes = *row.attributes, true
		}
		got, effect := g.Step(e.NextWrite(now), in)
		require.Equal(t, row.effect, effect, row.name)
		require.Equal(t, row.reason, got.ExitReason, row.name)
		require.Equal(t, row.reason != "", got.Status == progress.Cancelled, row.name)
		require.NoError(t, g.Shape().Check(got), row.name)
	}
}

// A message that was sent is recorded before they leave.
func TestStep_RecordsTheAnswerBeforeAnExit(t *testing.T) {
	t.Parallel()

	g := withSettings(t, graphOf([]string{"in entry_trigger", `a channel_action {"channel":"email"}`, `b channel_action {"channel":"email"}`, "out exit"},
		[]string{"in a", "a b", "b out"}), `{"exitOn":[{"eventType":"closed"}]}`)
	e, effect := g.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	require.Equal(t, progress.NeedEvents, effect)
	in := progress.Input{
		Now: t0.Add(time.Second), Answer: progress.Answer{Result: trail.Sent}, Events: map[string][]progress.Received{"closed": eventsAt("", time.Millisecond)},
	}
	e, _ = g.Step(e.NextWrite(in.Now), in)
	require.Equal(t, progress.Cancelled, e.Status)
	require.Equal(t, "event:closed", e.ExitReason)
	require.Equal(t, 2, e.Node)
	visits := e.Path.Visits(t0)
	require.Equal(t, trail.Sent, visits[len(visits)-1].Result)
}

// An enrollment hears of the exits, the goal and the events of its wait, wherever it is.
func TestEnrollment_HearsWhatCanChangeIt(t *testing.T) {
	t.Parallel()

	g := withSettings(t, graphOf([]string{"in entry_trigger", `w wait {"delayHours":1,"waitForEvent":"opened"}`, `m channel_action {"channel":"email"}`, "out exit"},
		[]string{"in w", "w m", "m out"}), `{"exitOn":[{"eventType":"closed"},{"eventType":"closed","as":"completed"}],"goal":{"eventType":"bought","windowDays":1}}`)
	heard := func(e progress.Enrollment) (list []string) {
		for _, eventType := range []string{"opened", "closed", "bought", "other"} {
			if e.HeardBy(eventType) {
				list = append(list, eventType)
			}
		}
		return list
	}
	e, _ := g.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
	require.Equal(t, []string{"opened", "closed", "bought"}, heard(e))
	now := t0.Add(time.Hour)
	e, _ = g.Step(e.NextWrite(now), progress.Input{Now: now, Events: map[string][]progress.Received{"opened": nil, "closed": nil, "bought": nil}})
	require.Equal(t, []string{"closed", "bought"}, heard(e))
	require.Equal(t, []string{"closed", "bought"}, heard(e.Fail("f")))
}

// Simulated customers leave as real ones do.
func TestSimulation_LeavesByExits(t *testing.T) {
	t.Parallel()

	exits := `{"exitOn":[{"eventType":"closed","match":{"event":"id","entry":"id"},"reason":"gone"}],
		"exitWhen":{"condition":{"field":"blocked","operator":"eq","value":true}}}`
	event := func(id int, after time.Duration) simulate.Event {
		return simulate.Event{Type: "closed", After: after, Properties: fmt.Appendf(nil, `{"id":%d}`, id)}
	}
	definition := journeytest.Definition(t, waitThenMail)
	for name, row := range map[string]struct {
		request  simulate.Request
		reason   string
		duration time.Duration
		last     string
	}{
		"no event":        {simulate.Request{}, "", 24 * time.Hour, "out exited "},
		"an event":        {simulate.Request{Events: []simulate.Event{event(2, time.Hour), event(1, 2*time.Hour)}}, "gone", 2 * time.Hour, "w exited exit"},
		"another's event": {simulate.Request{Events: []simulate.Event{event(2, time.Hour)}}, "", 24 * time.Hour, "out exited "},
		"a condition":     {simulate.Request{Attributes: value(t, `{"blocked":true,"email":"a@b"}`)}, "exit_condition", 24 * time.Hour, "w exited exit"},
	} {
		store := singleJourney{journey: journey.Journey{ID: "jrn_0", Definition: definition.Raw, GraphHash: definition.Hash, MaxDurationDays: 30, Version: 3,
			EntryCondition: []byte(`{"event":"opened"}`)}}
		service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, bytes.NewReader(nil))
		row.request.EntryEvent = &simulate.Event{Type: "opened", Properties: []byte(`{"id":1}`)}
		row.request.Definition = &definition
		row.request.Settings = graph.SettingsChange{}
		j := journey.Journey{Definition: definition.Raw, Settings: []byte(exits)}
		for _, setting := range []string{"exitOn", "exitWhen"} {
			row.request.Settings[setting] = graph.Setting(j.Settings, setting)
		}
		simulated, err := simulate.Run(t.Context(), service, ident.Tenant{}, "", row.request)
		require.NoError(t, err, name)
		require.Equal(t, "exited", simulated.Outcome, name)
		require.Equal(t, row.reason, simulated.ExitReason, name)
		require.Equal(t, row.duration, simulated.Duration, name)
		last := simulated.Steps[len(simulated.Steps)-1]
		require.Equal(t, row.last, last.NodeID+" "+last.Result+" "+last.EndedBy, name)
		require.Empty(t, last.Next, name)
	}
}
