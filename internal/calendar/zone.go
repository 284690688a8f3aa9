// Package calendar computes when a wait until a date or a time of day ends, in the
// time zone of a customer.
package calendar

import (
	"sync"
	"time"
	_ "time/tzdata" // Lambda's image may have no zones, or older ones
)

// MaxZone bounds the name of a time zone, in bytes.
const MaxZone = 64

// maxZones bounds the remembered zones; the database has about 600 names.
const maxZones = 1024

var zones struct {
	sync.Mutex
	known map[string]*time.Location
}

// LoadZone returns the time zone with an IANA name such as "Europe/Berlin". It
// returns false for any other text, "Local" and "" included.
func LoadZone(name string) (*time.Location, bool) {
	if name == "" || name == "Local" || len(name) > MaxZone {
		return nil, false
	}
	zones.Lock()
	defer zones.Unlock()
	if zone, ok := zones.known[name]; ok {
		return zone, true
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, false // not remembered: customers may have any number of wrong names
	}
	if zones.known == nil || len(zones.known) == maxZones {
		zones.known = map[string]*time.Location{}
	}
	zones.known[name] = zone
	return zone, true
}

// Date is a day of the calendar. Its fields may be out of range, as in time.Date.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the date of t in its zone.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// AddDays returns the date n days later.
func (d Date) AddDays(n int) Date { return Date{d.Year, d.Month, d.Day + n} }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday()
}

// At returns the first instant at which clocks in the zone show the time of day,
// sinceMidnight, on the date or a later one. So a time that comes twice is the
// first of the two, and one that is skipped is the first instant after the gap.
func (d Date) At(sinceMidnight time.Duration, zone *time.Location) time.Time {
	// local is what the clocks show, written as if the zone were UTC.
	local := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Add(sinceMidnight)
	// No offset is greater than 16 hours, so the clocks show less than local here.
	at := local.Add(-36 * time.Hour).In(zone)
	for {
		start, end := at.ZoneBounds()
		_, offset := at.Zone()
		found := local.Add(-time.Duration(offset) * time.Second)
		if found.Before(start) {
			found = start
		}
		if end.IsZero() || found.Before(end) {
			return found.UTC()
		}
		at = end
	}
}
