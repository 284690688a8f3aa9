package calendar_test

import (
	"archive/zip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/calendar"
)

// zoneNames returns every name in the database that is embedded in the functions.
func zoneNames(t *testing.T) []string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	require.NoError(t, err)
	defer archive.Close()
	var names []string
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, "/") {
			names = append(names, file.Name)
		}
	}
	require.Greater(t, len(names), 500)
	return names
}

func zone(t require.TestingT, name string) *time.Location {
	z, ok := calendar.LoadZone(name)
	require.True(t, ok, name)
	return z
}

func TestLoadZone_TakesNamesOfTheDatabaseOnly(t *testing.T) {
	t.Parallel()

	for _, name := range zoneNames(t) {
		zone(t, name)
	}
	for _, name := range []string{"", "Local", "local", "Europe", "Mars/Base", "../etc/passwd", "/etc/localtime", "+02:00", strings.Repeat("x", 65)} {
		_, ok := calendar.LoadZone(name)
		require.False(t, ok, name)
	}
}

func TestAt_SkipsGapsAndTakesTheFirstOfTwo(t *testing.T) {
	t.Parallel()

	tests := []struct{ name, zone, local, want string }{
		{"an ordinary day", "Europe/Berlin", "2026-11-23 09:00", "2026-11-23T08:00:00Z"},
		{"a gap of an hour", "Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:00:00Z"},
		{"just before the gap", "Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59:00Z"},
		{"just after the gap", "Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z"},
		{"a time that comes twice", "Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z"},
		{"the first time after the second", "Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z"},
		{"a gap of half an hour", "Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:30:00Z"},
		{"midnight that does not exist", "America/Santiago", "2026-09-06 00:00", "2026-09-06T04:00:00Z"},
		{"a day that does not exist", "Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00Z"},
		{"45 minutes", "Asia/Kathmandu", "2026-01-01 00:00", "2025-12-31T18:15:00Z"},
		{"far east", "Pacific/Kiritimati", "2026-01-01 00:00", "2025-12-31T10:00:00Z"},
		{"far west", "Etc/GMT+12", "2026-01-01 00:00", "2026-01-01T12:00:00Z"},
		{"a year without known rules", "Europe/Berlin", "2100-07-01 12:00", "2100-07-01T10:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			local, err := time.Parse("2006-01-02 15:04", tt.local)
			require.NoError(t, err)
			sinceMidnight := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
			got := calendar.DateOf(local).At(sinceMidnight, zone(t, tt.zone))
			require.Equal(t, tt.want, got.Format(time.RFC3339))
		})
	}
}

// shown returns what the clocks of a zone show at an instant, written as UTC.
func shown(at time.Time, zone *time.Location) time.Time {
	year, month, day := at.In(zone).Date()
	hour, minute, second := at.In(zone).Clock()
	return time.Date(year, month, day, hour, minute, second, at.Nanosecond(), time.UTC)
}

// Each zone, around each of its changes in ten years and at random times: At is the
// first of all quarters of an hour from a day before at which the clocks, as Go's
// time shows them, have reached the local time.
func TestAt_IsTheFirstInstantInEveryZone(t *testing.T) {
	t.Parallel()

	from, to := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	changes := 0
	for _, name := range zoneNames(t) {
		z := zone(t, name)
		for at := from.In(z); at.Before(to); {
			_, end := at.ZoneBounds()
			if end.IsZero() || !end.Before(to) {
				break
			}
			changes++
			for quarter := -8; quarter <= 8; quarter++ {
				requireFirst(t, name, z, shown(end.Add(time.Duration(quarter)*15*time.Minute), z))
				requireFirst(t, name, z, shown(end.Add(-time.Minute), z).Add(time.Duration(quarter)*15*time.Minute+time.Minute))
			}
			at = end
		}
	}
	require.Greater(t, changes, 3_000)
	names := zoneNames(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "zone")
		quarter := rapid.Int64Range(0, int64(to.Sub(from)/(15*time.Minute))).Draw(t, "quarter")
		requireFirst(t, name, zone(t, name), from.Add(time.Duration(quarter)*15*time.Minute))
	})
}

func requireFirst(t require.TestingT, name string, z *time.Location, local time.Time) {
	got := calendar.DateOf(local).At(local.Sub(local.Truncate(24*time.Hour)), z)
	for at := local.Add(-36 * time.Hour); ; at = at.Add(15 * time.Minute) {
		if !shown(at, z).Before(local) {
			require.Equal(t, at.UTC(), got, "%s in %s", local, name)
			return
		}
	}
}
