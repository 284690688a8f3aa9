package journey_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// Exits and the goal are part of what runs, and are compiled with the graph.
func TestExitSettings_ArePartOfTheVersion(t *testing.T) {
	t.Parallel()

	store := &edited{graph: []byte(compared)}
	store.journey = journey.Journey{ID: "jrn_0", Status: journey.Draft, GraphHash: "00", Version: 1, Rev: 1, CreatedAt: t0, UpdatedAt: t0}
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, rand.Reader)
	for _, step := range []struct {
		name    string
		change  graph.SettingsChange
		version int
		stored  string // exits, exitWhen, goal
	}{
		{"an exit", graph.SettingsChange{"exitOn": []byte(`[{"eventType":"bought"}]`)}, 2, "[bought event:bought false]"},
		{"the same exit, spelled otherwise", graph.SettingsChange{"exitOn": []byte(`[{"eventType":"b\u006fught"}]`)}, 2, "[bought event:bought false]"},
		{"a reason", graph.SettingsChange{"exitOn": []byte(`[{"eventType":"bought","reason":"done","as":"completed"}]`)}, 3, "[bought done true]"},
		{"a condition", graph.SettingsChange{"exitWhen": []byte(`{"condition":{"field":"a","operator":"exists"}}`)}, 4, "[bought done true] exit_condition"},
		{"a goal", graph.SettingsChange{"goal": []byte(`{"eventType":"bought","windowDays":2}`)}, 5, "[bought done true] exit_condition bought 48h0m0s"},
		{"no exits", graph.SettingsChange{"exitOn": nil, "exitWhen": nil}, 6, "bought 48h0m0s"},
		{"nothing", graph.SettingsChange{"goal": nil}, 7, ""},
	} {
		j, err := service.Update(t.Context(), ident.Tenant{}, "", journey.Change{Settings: step.change}, nil)
		require.NoError(t, err, step.name)
		require.Equal(t, step.version, j.Version, step.name)
		stored, err := journey.LoadDefinition(store.graph, j.GraphHash)
		require.NoError(t, err, step.name)
		require.Equal(t, step.stored, strings.TrimSpace(describeExits(stored.Graph)), step.name)
	}
}

// describeExits returns the exits and the goal of a graph.
func describeExits(g *progress.Graph) (text string) {
	for _, exit := range g.Exits() {
		text += fmt.Sprintf(" [%s %s %t]", exit.Type, exit.Reason, exit.Completed)
	}
	if g.ExitWhen() != nil {
		text += " " + g.ExitWhen().Reason
	}
	if g.Goal() != nil {
		text += fmt.Sprint(" ", g.Goal().Type, " ", g.Goal().Window)
	}
	return text
}

// withSettings compiles a graph with pinned settings.
func withSettings(t *testing.T, definition, settings string) *progress.Graph {
	t.Helper()
	j := journey.Journey{Definition: journeytest.Definition(t, definition).Raw, Settings: []byte(settings)}
	d, err := journey.LoadDefinition(j.GraphText(), "00")
	require.NoError(t, err)
	return d.Graph
}

// What exits and the goal read is kept of events.
func TestExitSettings_KeepWhatTheyRead(t *testing.T) {
	t.Parallel()

	g := withSettings(t, graphOf([]string{"in entry_trigger", "w wait {\"delayHours\":1,\"waitForEvent\":\"d\"}", "out exit"}, []string{"in w", "w out"}), `{
		"exitOn":[{"eventType":"c","match":{"event":"id","entry":"cart.id"}},
			{"eventType":"b","condition":{"all":[{"field":"event.a","operator":"exists"},{"event":"e","since":"entry"}]}},
			{"eventType":"f","condition":{"field":"entryEvent.plan","operator":"exists"}}],
		"exitWhen":{"condition":{"all":[{"field":"event.x","operator":"exists"},{"event":"a","since":"entry"},{"field":"step.w.event.y","operator":"exists"}]}},
		"goal":{"eventType":"g","windowDays":0,"match":{"event":"id","entry":"z"}}}`)
	require.Equal(t, []string{"a", "b", "c", "e", "f"}, g.ExitEvents())
	require.Equal(t, []string{"a", "b", "c", "d", "e", "f"}, g.EventsAt(1))
	require.Equal(t, map[string][][]string{"b": {{"a"}}, "c": {{"id"}}, "d": {{"y"}}, "g": {{"id"}}}, g.PropertiesRead())
	require.JSONEq(t, `{"cart":{"id":1},"plan":"p","x":2,"z":3}`,
		string(g.EncodeEvent(value(t, `{"cart":{"id":1,"n":2},"plan":"p","x":2,"z":3,"a":4,"id":5}`))))
	require.True(t, g.ReadsSteps())
}

// A journey that was stored under other rules runs with the exits that can be read.
func TestExitSettings_FaultyOnesAreLeftOut(t *testing.T) {
	t.Parallel()

	g := withSettings(t, graphOf([]string{"in entry_trigger", "out exit"}, []string{"in out"}), `{
		"exitOn":[{"eventType":"a","as":"gone"},{"eventType":"b"}],"exitWhen":{},"goal":{"eventType":"a"}}`)
	require.Equal(t, "[b event:b false]", strings.TrimSpace(describeExits(g)))
}

func TestWarnings_CoverExitsAndGoals(t *testing.T) {
	t.Parallel()

	g := withSettings(t, graphOf([]string{"in entry_trigger", "out exit"}, []string{"in out"}), `{
		"exitOn":[{"eventType":"a","condition":{"field":"event.n","operator":"eq","value":1}},
			{"eventType":"a","match":{"event":"x","entry":"x"},"condition":{"field":"event.n","operator":"eq","value":"1"}},
			{"eventType":"b","condition":{"field":"event.n","operator":"eq","value":"1"}}],
		"exitWhen":{"condition":{"field":"step.gone.result","operator":"exists"}},
		"goal":{"eventType":"a","windowDays":1,"match":{"event":"x","entry":"x"}}}`)
	require.Equal(t, []string{
		"/exitOn/1/condition compares event.n with a text, and /exitOn/0/condition with a number; a number and a text are never equal",
		"/exitWhen/condition reads step.gone, which is no node of this graph; the field is missing",
		"/exitOn/1/match holds only for customers that are enrolled with properties, because no event starts this journey",
		"/goal/match holds only for customers that are enrolled with properties, because no event starts this journey",
	}, lines(g.Warnings("/definition", graph.Surroundings{MaxDays: 30})))
	require.Len(t, g.Warnings("/definition", graph.Surroundings{MaxDays: 30, Event: "a"}), 2)
}
