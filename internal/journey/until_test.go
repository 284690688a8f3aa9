package journey_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

func untilGraph(until string) string {
	return graphOf([]string{"in entry_trigger", `w wait {"until":` + until + `}`, `out exit {"reason":"done"}`}, []string{"in w", "w out"})
}

// The clocks of Berlin go back on 25 October 2026 and forward on 28 March 2027.
func TestUntil_SimulationShowsTheEnd(t *testing.T) {
	t.Parallel()

	const berlin = `{"timezone":"Europe/Berlin"`
	for _, row := range []struct {
		name, until, attributes, now string
		end                          string // "" for the entry
		reason, zone                 string
	}{
		{"an instant", `{"at":"2026-11-25T00:00:00+01:00"}`, `{}`, "", "2026-11-24T23:00:00Z", "", ""},
		{"a passed instant", `{"at":"2026-11-22T00:00:00Z"}`, `{}`, "", "", "date_passed", ""},
		{"a date", `{"field":"d"}`, berlin + `,"d":"2026-11-30"}`, "", "2026-11-29T23:00:00Z", "", "Europe/Berlin"},
		{"three days before a date, at 9:00", `{"field":"d","offset":{"value":-3,"unit":"days"},"time":"09:00"}`, berlin + `,"d":"2026-11-30"}`, "", "2026-11-27T08:00:00Z", "", "Europe/Berlin"},
		{"two hours after a time", `{"field":"d","offset":{"value":2,"unit":"hours"}}`, berlin + `,"d":"2026-11-24T10:00:00Z"}`, "", "2026-11-24T12:00:00Z", "", ""},
		{"an anniversary", `{"field":"born","yearly":true,"time":"08:00"}`, `{"born":"1990-11-24"}`, "", "2026-11-24T08:00:00Z", "", "UTC"},
		{"no date", `{"field":"d"}`, `{}`, "", "", "date_missing", "UTC"},
		{"null for a date", `{"field":"d"}`, `{"d":null}`, "", "", "date_unreadable", "UTC"},
		{"a text", `{"field":"d"}`, `{"d":"soon"}`, "", "", "date_unreadable", "UTC"},
		{"a passed date", `{"field":"d"}`, `{"d":"2026-11-23"}`, "", "", "date_passed", "UTC"},
		{"a date beyond the run's end", `{"field":"d"}`, `{"d":"2026-12-24"}`, "", "", "date_too_late", "UTC"},
		{"the run's end", `{"field":"d"}`, `{"d":"2026-12-23T10:00:00Z"}`, "", "2026-12-23T10:00:00Z", "", ""},
		{"a time of day, today", `{"time":"12:00"}`, berlin + `}`, "", "2026-11-23T11:00:00Z", "", "Europe/Berlin"},
		{"a time of day, tomorrow", `{"time":"10:59"}`, berlin + `}`, "", "2026-11-24T09:59:00Z", "", "Europe/Berlin"},
		{"the next Sunday, in a zone of its own", `{"time":"09:00","days":["sun"],"timezone":"Asia/Tokyo"}`, berlin + `}`, "", "2026-11-29T00:00:00Z", "", "Asia/Tokyo"},
		{"an unknown zone of the customer", `{"time":"12:00"}`, `{"timezone":"Mars/Olympus"}`, "", "2026-11-23T12:00:00Z", "", "UTC"},
		{"a zone that is a number", `{"time":"12:00"}`, `{"timezone":1}`, "", "2026-11-23T12:00:00Z", "", "UTC"},
		{"a time that is skipped", `{"time":"02:30"}`, berlin + `}`, "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z", "", "Europe/Berlin"},
		{"a time that comes twice", `{"time":"02:30"}`, berlin + `}`, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "", "Europe/Berlin"},
		{"a time after the change", `{"time":"09:00"}`, berlin + `}`, "2026-10-24T12:00:00Z", "2026-10-25T08:00:00Z", "", "Europe/Berlin"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, exits := range []bool{false, true} {
				until := row.until
				if exits {
					until = until[:len(until)-1] + `,"otherwise":"exit"}`
				}
				request := simulate.Request{Attributes: value(t, row.attributes), Now: t0}
				if row.now != "" {
					request.Now = instant(t, row.now)
				}
				end := request.Now
				if row.end != "" {
					end = instant(t, row.end)
				}
				simulated := mustRun(t, journeytest.Definition(t, untilGraph(until)), request, 30)
				step := simulated.Steps[1]
				require.Equal(t, "exited", simulated.Outcome)
				require.Equal(t, end, step.Until)
				require.Equal(t, row.reason, step.Reason)
				require.Equal(t, row.zone, step.Zone)
				switch {
				case !exits || row.reason == "":
					require.Equal(t, "waited", step.Result)
					require.Equal(t, "done", simulated.ExitReason)
				case row.reason == "date_too_late":
					require.Equal(t, "exited", step.Result)
					require.Equal(t, "date_too_late", simulated.ExitReason)
				default:
					require.Equal(t, "exited", step.Result)
					require.Equal(t, "date_passed", simulated.ExitReason)
				}
			}
		})
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

// The journey's zone is that of customers without one.
func TestUntil_UsesTheJourneysZone(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, untilGraph(`{"time":"12:00"}`))
	request := simulate.Request{
		Now: t0, Definition: &d, Settings: graph.SettingsChange{"timezone": []byte(`"America/New_York"`)},
	}
	for attributes, end := range map[string]string{
		`{}`:                            "2026-11-23T17:00:00Z",
		`{"timezone":"nowhere"}`:        "2026-11-23T17:00:00Z",
		`{"timezone":"Asia/Kathmandu"}`: "2026-11-24T06:15:00Z",
	} {
		request.Attributes = value(t, attributes)
		require.Equal(t, instant(t, end), mustRun(t, d, request, 30).Steps[1].Until, attributes)
	}
}

// A wait whose end depends on the profile blocks until the profile was read after the
// wait was stored. What is known at the entry needs no profile.
func TestUntil_AsksForTheProfileAfterTheWaitIsStored(t *testing.T) {
	t.Parallel()

	for until, depends := range map[string]bool{
		`{"at":"2026-12-01T00:00:00Z"}`:                                false,
		`{"field":"event.at"}`:                                         false,
		`{"field":"event.at","offset":{"value":-90,"unit":"minutes"}}`: false,
		`{"field":"event.at","offset":{"value":-1,"unit":"days"}}`:     true,
		`{"field":"event.at","time":"09:00"}`:                          true,
		`{"field":"event.at","time":"09:00","timezone":"Asia/Tokyo"}`:  false,
		`{"field":"event.day"}`:                                        true,
		`{"field":"event.day","timezone":"UTC"}`:                       false,
		`{"field":"renews","timezone":"UTC"}`:                          true,
		`{"time":"09:00"}`:                                             true,
		`{"time":"09:00","timezone":"Asia/Tokyo"}`:                     false,
	} {
		d := journeytest.Definition(t, untilGraph(until))
		e := progress.Enrollment{
			EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30), Event: []byte(`{"at":"2026-12-01T00:00:00Z","day":"2026-12-01"}`),
		}
		e, effect := d.Graph.Start(e)
		require.Equal(t, "w", d.Graph.NodeID(e.Node), until)
		require.Equal(t, depends, e.OnProfile, until)
		if !depends {
			require.Equal(t, progress.NoEffect, effect, until)
			require.True(t, e.Due.After(t0), until)
			continue
		}
		require.Equal(t, progress.NeedAttributes, effect, until)
		require.Equal(t, t0, e.Due, until)
		attributes := value(t, `{"renews":"2026-12-05","timezone":"Asia/Tokyo"}`)
		e, effect = d.Graph.Step(e.NextWrite(t0), progress.Input{Now: t0, Attributes: attributes, HasAttributes: true, ProfileRev: 7})
		require.Equal(t, progress.NoEffect, effect, until)
		require.True(t, e.Due.After(t0), until)
		require.EqualValues(t, 7, e.ProfileRev, until)

		// Due, and the date has moved: on, back, before the wait, and away.
		due := e.Due
		for attributes, status := range map[string]progress.EnrollmentStatus{
			`{"renews":"2026-12-20","timezone":"America/Lima"}`: progress.Inside,
			`{"renews":"2026-11-01"}`:                           progress.Completed,
			`{}`:                                                progress.Completed,
		} {
			later, _ := d.Graph.Step(e.NextWrite(due), progress.Input{Now: due, Attributes: value(t, attributes), HasAttributes: true})
			if until == `{"field":"renews","timezone":"UTC"}` {
				require.Equal(t, status, later.Status, attributes)
				require.Equal(t, status == progress.Inside, later.Due.After(due), attributes)
			}
		}
	}
}

func TestUntil_SimulationExplainsTheDateThatTheJourneySets(t *testing.T) {
	t.Parallel()

	d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `u update_customer {"set":{"d":"2026-11-30T10:00:00Z"}}`, `w wait {"until":{"field":"d"}}`, `out exit`},
		[]string{"in u", "u w", "w out"}))
	s := mustRun(t, d, simulate.Request{Attributes: value(t, `{}`), Now: t0}, 30)
	require.Equal(t, instant(t, "2026-11-30T10:00:00Z"), s.Steps[2].Until)
	require.Empty(t, s.Steps[2].Reason)
}

// A customer buys, and the profile then moves the date to before that, or removes it,
// before the engine has looked: the journey is paused.
func TestUntil_EventEndsTheWaitBeforeTheDateMoves(t *testing.T) {
	t.Parallel()

	for _, otherwise := range []string{"continue", "exit"} {
		d := journeytest.Definition(t, graphOf([]string{"in entry_trigger", `w wait {"until":{"field":"d","otherwise":"` + otherwise + `"},"waitForEvent":"bought"}`, `bought exit`, `remind exit`},
			[]string{"in w", "w bought event", "w remind timeout"}))
		e, _ := d.Graph.Start(progress.Enrollment{EnrolledAt: t0, ExpiresAt: t0.AddDate(0, 0, 30)})
		in := progress.Input{Now: t0, Attributes: value(t, `{"d":"2026-12-10"}`), HasAttributes: true, Events: map[string][]progress.Received{"bought": nil}}
		e, _ = d.Graph.Step(e.NextWrite(t0), in)
		require.Equal(t, instant(t, "2026-12-10T00:00:00Z"), e.Due)
		end := e.Due
		for attributes, date := range map[string]string{`{}`: "none", `{"d":"2026-11-01"}`: "passed", `{"d":"2026-11-23T11:00:00Z"}`: "an hour after the entry"} {
			in := progress.Input{Now: hours(48), Attributes: value(t, attributes), HasAttributes: true}
			for _, after := range []float64{2, 30} {
				in.Events = map[string][]progress.Received{"bought": {event(after, 1, "")}}
				woken := e
				woken.Due = hours(after)
				left, _ := d.Graph.Step(woken.NextWrite(in.Now), in)
				require.Equal(t, trail.Branch(0), left.Path.Visits(t0)[1].Result, "%s, %s", otherwise, date)
			}
		}
		in.Now, in.Events = end.Add(time.Hour), map[string][]progress.Received{"bought": {{Stamp: progress.Stamp{At: end.Add(time.Minute), ID: 1}}}}
		left, _ := d.Graph.Step(e.NextWrite(in.Now), in)
		require.Equal(t, trail.Branch(1), left.Path.Visits(t0)[1].Result, "the date was before the event")
	}
}
