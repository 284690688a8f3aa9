package journey_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/simulate"
)

func TestSimulation_ReportsTheConversion(t *testing.T) {
	t.Parallel()

	const leaving = `[{"eventType":"bought","condition":{"field":"event.total","operator":"gte","value":20}}]`
	bought := func(hours float64, properties string) simulate.Event {
		return simulate.Event{Type: "bought", After: time.Duration(hours * float64(time.Hour)), Properties: []byte(properties)}
	}
	const goal = `{"eventType":"bought","windowDays":3,"condition":{"field":"event.total","operator":"gte","value":10}}`
	for name, row := range map[string]struct {
		events []simulate.Event
		exits  string
		at     float64 // hours after the entry; 0 for no conversion
		lasts  time.Duration
	}{
		"no event":             {nil, "", 0, 48 * time.Hour},
		"at the entry":         {[]simulate.Event{bought(0, `{"total":10}`)}, "", 0, 48 * time.Hour},
		"that would end it":    {[]simulate.Event{bought(0, `{"total":20}`)}, leaving, 0, 48 * time.Hour},
		"in the wait":          {[]simulate.Event{bought(7, `{"total":10}`), bought(6, `{"total":9}`), bought(8, `{"total":10}`)}, "", 7, 48 * time.Hour},
		"after the exit":       {[]simulate.Event{bought(72, `{"total":10}`)}, "", 72, 48 * time.Hour},
		"after the window":     {[]simulate.Event{bought(72.5, `{"total":10}`)}, "", 0, 48 * time.Hour},
		"that ends the run":    {[]simulate.Event{bought(7, `{"total":20}`)}, leaving, 7, 7 * time.Hour},
		"before one that ends": {[]simulate.Event{bought(9, `{"total":20}`), bought(7, `{"total":10}`)}, leaving, 7, 9 * time.Hour},
	} {
		d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w wait {"delayHours":48}`, "out exit"}, []string{"in w", "w out"}))
		settings := graph.SettingsChange{"goal": []byte(goal)}
		if row.exits != "" {
			settings["exitOn"] = []byte(row.exits)
		}
		got := mustRun(t, d, simulate.Request{Definition: &d, Settings: settings, Now: t0, Events: row.events}, 30)
		require.Equal(t, row.lasts, got.Duration, name)
		if row.at == 0 {
			require.Nil(t, got.Conversion, name)
			continue
		}
		require.NotNil(t, got.Conversion, name)
		require.Equal(t, simulate.Conversion{At: t0.Add(time.Duration(row.at * float64(time.Hour))), EventType: "bought"}, *got.Conversion, name)
	}
}
