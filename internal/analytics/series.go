package analytics

// MaxDays is how many days a series has at most.
const MaxDays = 366

// Range is days, both ends included. The zero Range has none.
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

func (r Range) has(day Day) bool { return r != (Range{}) && r.From <= day && day <= r.To }

// DayTotals is what happened on one day. Who was retried on it counts against
// Failed, which may be below zero.
type DayTotals struct {
	Day Day
	Totals
}
