package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/calendar"
	"journeys/internal/condition"
	"journeys/internal/strict"
)

func compile(t require.TestingT, text string) (*calendar.Until, []strict.Fault) {
	var faults strict.Faults
	v, ok := strict.Parse([]byte(text), &faults)
	require.True(t, ok, text)
	u, ok := calendar.Compile(v)
	require.Equal(t, ok, faults.Empty())
	return u, faults.List()
}

func instant(t require.TestingT, text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at.UTC()
}

func TestEnd_IsTheDateInTheCustomersZone(t *testing.T) {
	t.Parallel()

	const monday = "2026-11-23T10:00:00Z" // 11:00 in Berlin
	tests := []struct{ name, until, date, began, want string }{
		{"an instant", `{"at":"2026-12-01t09:00:00+01:00"}`, ``, monday, "2026-12-01T08:00:00Z"},
		{"a past instant", `{"at":"2020-01-01T00:00:00Z"}`, ``, monday, "2020-01-01T00:00:00Z"},

		{"a date is midnight", `{"field":"x"}`, `"2026-12-01"`, monday, "2026-11-30T23:00:00Z"},
		{"a date in another zone", `{"field":"x","timezone":"America/New_York"}`, `"2026-12-01"`, monday, "2026-12-01T05:00:00Z"},
		{"a date at a time", `{"field":"x","time":"09:00"}`, `"2026-12-01"`, monday, "2026-12-01T08:00:00Z"},
		{"three days before, at nine", `{"field":"x","offset":{"value":-3,"unit":"days"},"time":"09:00"}`, `"2026-12-01"`, monday, "2026-11-28T08:00:00Z"},
		{"an instant in a field", `{"field":"x"}`, `"2026-12-01T12:00:00.5Z"`, monday, "2026-12-01T12:00:00.5Z"},
		{"an hour before", `{"field":"x","offset":{"value":-1,"unit":"hours"}}`, `"2026-12-01T12:00:00Z"`, monday, "2026-12-01T11:00:00Z"},
		{"90 minutes after", `{"field":"x","offset":{"value":90,"unit":"minutes"}}`, `"2026-12-01T12:00:00Z"`, monday, "2026-12-01T13:30:00Z"},
		{"an instant's day in the zone", `{"field":"x","time":"09:00"}`, `"2026-12-01T23:30:00Z"`, monday, "2026-12-02T08:00:00Z"},
		{"calendar days across a change of clocks", `{"field":"x","offset":{"value":7,"unit":"days"}}`, `"2026-10-22T08:00:00Z"`, "2026-10-22T00:00:00Z", "2026-10-29T09:00:00Z"},
		{"hours across a change of clocks", `{"field":"x","offset":{"value":168,"unit":"hours"}}`, `"2026-10-22T08:00:00Z"`, "2026-10-22T00:00:00Z", "2026-10-29T08:00:00Z"},
		{"the second of two equal hours", `{"field":"x"}`, `"2026-10-25T01:30:00Z"`, "2026-10-22T00:00:00Z", "2026-10-25T01:30:00Z"},
		{"a past date", `{"field":"x"}`, `"2026-11-01"`, monday, "2026-10-31T23:00:00Z"},

		{"a birthday to come", `{"field":"x","yearly":true,"time":"09:00"}`, `"1990-12-24"`, monday, "2026-12-24T08:00:00Z"},
		{"a birthday that was", `{"field":"x","yearly":true,"time":"09:00"}`, `"1990-03-01"`, monday, "2027-03-01T08:00:00Z"},
		{"a birthday today, later", `{"field":"x","yearly":true,"time":"11:00"}`, `"1990-11-23"`, monday, "2026-11-23T10:00:00Z"},
		{"a birthday today, earlier", `{"field":"x","yearly":true,"time":"10:59"}`, `"1990-11-23"`, monday, "2027-11-23T09:59:00Z"},
		{"29 February in a common year", `{"field":"x","yearly":true}`, `"2000-02-29"`, monday, "2027-02-27T23:00:00Z"},
		{"29 February in a leap year", `{"field":"x","yearly":true}`, `"2000-02-29"`, "2028-01-01T00:00:00Z", "2028-02-28T23:00:00Z"},
		{"28 February in a leap year", `{"field":"x","yearly":true}`, `"2001-02-28"`, "2028-01-01T00:00:00Z", "2028-02-27T23:00:00Z"},
		{"a week before a birthday in the next year", `{"field":"x","yearly":true,"offset":{"value":-7,"unit":"days"}}`, `"1990-01-03"`, "2026-12-01T00:00:00Z", "2026-12-26T23:00:00Z"},
		{"a year after a birthday", `{"field":"x","yearly":true,"offset":{"value":365,"unit":"days"}}`, `"1990-11-24"`, monday, "2026-11-23T23:00:00Z"},
		{"a renewal in the future", `{"field":"x","yearly":true}`, `"2031-06-01"`, monday, "2027-05-31T22:00:00Z"},

		{"the next nine o'clock is tomorrow", `{"time":"09:00"}`, ``, monday, "2026-11-24T08:00:00Z"},
		{"the next noon is today", `{"time":"12:00"}`, ``, monday, "2026-11-23T11:00:00Z"},
		{"this very minute", `{"time":"11:00"}`, ``, monday, "2026-11-23T10:00:00Z"},
		{"the next Saturday", `{"time":"12:00","days":["sun","sat"]}`, ``, monday, "2026-11-28T11:00:00Z"},
		{"a week from now", `{"time":"10:00","days":["mon"]}`, ``, monday, "2026-11-30T09:00:00Z"},
		{"the day in the zone", `{"time":"00:30","days":["tue"],"timezone":"Asia/Tokyo"}`, ``, "2026-11-23T15:00:00Z", "2026-11-23T15:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			u, faults := compile(t, tt.until)
			require.Empty(t, faults)
			var date condition.Value
			if tt.date != "" {
				date, _ = condition.ParseValue([]byte(tt.date))
			}
			end, ok := u.End(instant(t, tt.began), date, zone(t, "Europe/Berlin"))
			require.True(t, ok)
			require.Equal(t, tt.want, end.Format(time.RFC3339Nano))
		})
	}
}

func TestEnd_RefusesWhatIsNoDate(t *testing.T) {
	t.Parallel()

	u, _ := compile(t, `{"field":"x"}`)
	for _, text := range []string{`null`, `20261201`, `true`, `["2026-12-01"]`, `""`, `"soon"`, `"2026-13-01"`, `"2026-02-29"`, `"01.12.2026"`, `"2026-12-01 10:00:00"`, `"2026-12-01T10:00:00"`} {
		date, err := condition.ParseValue([]byte(text))
		require.NoError(t, err)
		_, ok := u.End(time.Now(), date, time.UTC)
		require.False(t, ok, text)
	}
	_, ok := u.End(time.Now(), condition.Value{}, time.UTC)
	require.False(t, ok)
}

// The next time of day and the next anniversary: never before the beginning, at the
// right clock unless it is skipped, and none is passed over.
func TestEnd_IsTheNextInEveryZone(t *testing.T) {
	t.Parallel()

	names := zoneNames(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "zone")
		z := zone(t, name)
		began := time.Unix(rapid.Int64Range(1_609_459_200, 1_924_992_000).Draw(t, "began"), 0).UTC()
		clock := time.Date(0, 1, 1, rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), 0, 0, time.UTC)
		daily, _ := compile(t, `{"time":"`+clock.Format("15:04")+`"}`)
		end, ok := daily.End(began, condition.Value{}, z)
		require.True(t, ok)
		require.False(t, end.Before(began))
		require.Less(t, end.Sub(began), 50*time.Hour)
		again, _ := daily.End(end, condition.Value{}, z)
		require.Equal(t, end, again, "it has come")
		for at := began; at.Before(end); at = at.Add(time.Minute) {
			if at.Second() == 0 && at.In(z).Format("15:04") == clock.Format("15:04") {
				first := calendar.DateOf(at.In(z)).At(time.Duration(clock.Hour())*time.Hour+time.Duration(clock.Minute())*time.Minute, z)
				require.True(t, first.Before(at), "%s: passed over %s before %s", name, at, end)
			}
		}

		yearly, _ := compile(t, `{"field":"x","yearly":true}`)
		born := time.Date(1950, 1, 1+rapid.IntRange(0, 25_000).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		date, _ := condition.ParseValue([]byte(born.Format(`"2006-01-02"`)))
		end, ok = yearly.End(began, date, z)
		require.True(t, ok)
		require.False(t, end.Before(began))
		require.Less(t, end.Sub(began), 368*24*time.Hour)
	})
}

func TestCompile_LocatesEveryFault(t *testing.T) {
	t.Parallel()

	type faults []strict.Fault
	const one = "must have one of at, field and time"
	tests := []struct {
		name, until string
		want        faults
	}{
		{"nothing", `{}`, faults{{Pointer: "", Detail: one}}},
		{"no object", `"09:00"`, faults{{Pointer: "", Detail: "must be an object"}}},
		{"two forms", `{"at":"2026-12-01T00:00:00Z","time":"09:00"}`, faults{{Pointer: "", Detail: one + "; time may go with field"}}},
		{"no instant", `{"at":"2026-12-01"}`, faults{{Pointer: "/at", Detail: "must be an RFC 3339 time, such as 2026-11-23T10:00:00Z"}}},
		{"no time of day", `{"time":"9:00"}`, faults{{Pointer: "/time", Detail: "must be a time of day from 00:00 to 23:59"}}},
		{"24:00", `{"time":"24:00"}`, faults{{Pointer: "/time", Detail: "must be a time of day from 00:00 to 23:59"}}},
		{"an unknown day, a day twice, no days", `{"time":"09:00","days":["mon","Tue","mon"]}`, faults{
			{Pointer: "/days/1", Detail: "must be one of sun, mon, tue, wed, thu, fri, sat"}, {Pointer: "/days/2", Detail: "is there twice"}}},
		{"no days", `{"time":"09:00","days":[]}`, faults{{Pointer: "/days", Detail: "must have at least one of sun, mon, tue, wed, thu, fri, sat"}}},
		{"an unknown zone", `{"time":"09:00","timezone":"Mars/Base"}`, faults{
			{Pointer: "/timezone", Detail: `must be "customer" or the IANA name of a time zone, such as Europe/Berlin`}}},
		{"an offset of 10,000 days", `{"field":"x","offset":{"value":10000,"unit":"days"}}`, faults{
			{Pointer: "/offset/value", Detail: "must be a whole number from -365 to 365"}}},
		{"half a day", `{"field":"x","offset":{"value":0.5,"unit":"days"}}`, faults{
			{Pointer: "/offset/value", Detail: "must be a whole number from -365 to 365"}}},
		{"minutes beyond 365 days", `{"field":"x","offset":{"value":-525601,"unit":"minutes"}}`, faults{
			{Pointer: "/offset/value", Detail: "must be a whole number from -525600 to 525600"}}},
		{"settings of another form", `{"at":"2026-12-01T00:00:00Z","offset":{"value":1,"unit":"days"},"yearly":true,"days":["mon"]}`, faults{
			{Pointer: "/offset", Detail: "is only allowed with field"}, {Pointer: "/yearly", Detail: "is only allowed with field"},
			{Pointer: "/days", Detail: "is only allowed with time, without field"}}},
		{"days with a field", `{"field":"x","time":"09:00","days":["mon"]}`, faults{{Pointer: "/days", Detail: "is only allowed with time, without field"}}},
		{"a bad field, choice and key", `{"field":"a..b","otherwise":"branch","x":1}`, faults{
			{Pointer: "/field", Detail: `must be names separated by single dots; a name with dots is written ["like.this"]`},
			{Pointer: "/otherwise", Detail: "must be one of continue, exit"},
			{Pointer: "/x", Detail: "unknown field; allowed here: at, field, offset, time, yearly, days, timezone, otherwise"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			_, got := compile(t, tt.until)
			require.Equal(t, tt.want, faults(got))
		})
	}
}
