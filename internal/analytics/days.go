package analytics

import (
	"time"

	"journeys/internal/analytics/tally"
)

// Day is a UTC date in the form 2026-11-23. Days sort as text.
type Day string

// DayOf returns the UTC day of at.
func DayOf(at time.Time) Day { return Day(at.UTC().Format(time.DateOnly)) }

// Month returns the month of the day in the form 2026-11.
func (d Day) Month() string { return string(d[:min(len(d), len("2026-11"))]) }

// Time returns the start of the day, and the zero time if d is not a date.
func (d Day) Time() time.Time {
	at, _ := time.Parse(time.DateOnly, string(d))
	return at
}

// End returns the start of the next day.
func (d Day) End() time.Time { return d.Time().AddDate(0, 0, 1) }

// MaxDays is the greatest number of days of a series.
const MaxDays = 366

// Range is a range of days that includes both ends. The zero Range is empty.
type Range struct{ From, To Day }

// Days returns the days in order.
func (r Range) Days() []Day {
	if r == (Range{}) {
		return nil
	}
	var days []Day
	for day := r.From; day <= r.To; day = DayOf(day.End()) {
		days = append(days, day)
	}
	return days
}

func (r Range) contains(day Day) bool { return r != (Range{}) && r.From <= day && day <= r.To }

// DayTotals are the totals of one day. Failed is below zero on a day with more
// retries than failures.
type DayTotals struct {
	Day Day
	tally.Totals
}
