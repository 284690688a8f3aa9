package calendar

import (
	"strings"
	"time"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// Until says when a wait ends: at an instant, at a date that a field holds, or at
// the next time of day. It is immutable.
type Until struct {
	at     time.Time        // zero unless it is fixed
	field  *condition.Field // of the date; nil for none
	offset offset
	yearly bool
	clock  *time.Duration // since midnight; nil for the time that the field holds
	days   [7]bool        // by time.Weekday, of the next time of day
	zone   *time.Location // nil for the customer's

	// Exit makes customers leave whose date is missing, past or too late. The others
	// go on at once.
	Exit bool
}

// offset moves a date by days of the calendar, or an instant by a duration.
type offset struct {
	days     int
	duration time.Duration
}

const maxOffset = 365 // days

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Compile reads {"at"}, {"field","offset","time","yearly"} or {"time","days"}, each
// with an optional "timezone" and "otherwise". Null is as if it were absent. Compile notes
// every fault and returns false if there is one.
func Compile(v strict.Value) (*Until, bool) {
	before := v.FaultCount()
	object, ok := v.Object()
	if !ok {
		return nil, false
	}
	object.DropNulls()
	defer object.Done("at", "field", "offset", "time", "yearly", "days", "timezone", "otherwise")
	u := &Until{}
	at, isFixed := object.Take("at")
	field, isField := object.Take("field")
	clock, hasClock := object.Take("time")
	if hasClock {
		u.readClock(clock)
	}
	switch {
	case isFixed && isField, isFixed && hasClock:
		v.Fault("must have one of at, field and time; time may go with field")
	case isFixed:
		u.readInstant(at)
	case isField:
		u.readField(field, object)
	case hasClock:
		u.readDays(object)
	default:
		v.Fault("must have one of at, field and time")
	}
	u.refuseOthers(object, isField, hasClock && !isField && !isFixed)
	u.readChoices(object)
	return u, v.FaultCount() == before
}

// refuseOthers notes a fault at each setting that belongs to another form.
func (u *Until) refuseOthers(object *strict.Object, isField, isClock bool) {
	for _, name := range []string{"offset", "yearly"} {
		if member, ok := object.Take(name); ok && !isField {
			member.Fault("is only allowed with field")
		}
	}
	if member, ok := object.Take("days"); ok && !isClock {
		member.Fault("is only allowed with time, without field")
	}
}

func (u *Until) readInstant(v strict.Value) {
	text, ok := v.Text(1, 64)
	if !ok {
		return
	}
	if u.at, ok = condition.ParseTime(text); !ok {
		v.Fault("must be an RFC 3339 time, such as 2026-11-23T10:00:00Z")
	}
}

func (u *Until) readField(v strict.Value, object *strict.Object) {
	if text, ok := v.Text(1, condition.MaxField); ok {
		field, fault := condition.ParseField(text)
		if fault != "" {
			v.Fault("%s", fault)
		}
		u.field = &field
	}
	if yearly, ok := object.Take("yearly"); ok {
		u.yearly, _ = yearly.Bool()
	}
	if v, ok := object.Take("offset"); ok {
		u.readOffset(v)
	}
}

func (u *Until) readOffset(v strict.Value) {
	object, ok := v.Object()
	if !ok {
		return
	}
	object.DropNulls()
	defer object.Done("value", "unit")
	unit := "days"
	if member, ok := object.Need("unit"); ok {
		if name, ok := member.OneOf("minutes", "hours", "days"); ok {
			unit = name
		}
	}
	perDay := map[string]int{"minutes": 24 * 60, "hours": 24, "days": 1}[unit]
	member, ok := object.Need("value")
	if !ok {
		return
	}
	n, _ := member.Int(-maxOffset*perDay, maxOffset*perDay)
	if unit == "days" {
		u.offset.days = n
	} else {
		u.offset.duration = time.Duration(n) * 24 * time.Hour / time.Duration(perDay)
	}
}

func (u *Until) readClock(v strict.Value) {
	text, ok := v.Text(1, 16)
	if !ok {
		return
	}
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		v.Fault("must be a time of day from 00:00 to 23:59")
		return
	}
	clock := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	u.clock = &clock
}

func (u *Until) readDays(object *strict.Object) {
	v, ok := object.Take("days")
	if !ok {
		u.days = [7]bool{true, true, true, true, true, true, true}
		return
	}
	members, ok := v.List()
	if ok && len(members) == 0 {
		v.Fault("must have at least one of %s", strings.Join(weekdays[:], ", "))
	}
	for _, member := range members {
		name, ok := member.OneOf(weekdays[:]...)
		for i := range weekdays {
			if ok && weekdays[i] == name {
				if u.days[i] {
					member.Fault("is there twice")
				}
				u.days[i] = true
			}
		}
	}
}

func (u *Until) readChoices(object *strict.Object) {
	if v, ok := object.Take("timezone"); ok {
		if text, ok := v.Text(1, MaxZone); ok && text != "customer" {
			if u.zone, ok = LoadZone(text); !ok {
				v.Fault(`must be "customer" or the IANA name of a time zone, such as Europe/Berlin`)
			}
		}
	}
	if v, ok := object.Take("otherwise"); ok {
		choice, _ := v.OneOf("continue", "exit")
		u.Exit = choice == "exit"
	}
}

// At returns the instant; zero for a date of a field, or a time of day.
func (u *Until) At() time.Time { return u.at }

// Field returns the field that holds the date; nil for none.
func (u *Until) Field() *condition.Field { return u.field }

// Zone returns the zone in which the wait is computed, given the customer's.
func (u *Until) Zone(customers *time.Location) *time.Location {
	if u.zone != nil {
		return u.zone
	}
	return customers
}

// NeedsZone reports whether the end depends on the customer's zone, given the value of
// Field.
func (u *Until) NeedsZone(date condition.Value) bool {
	switch {
	case u.zone != nil || u.field == nil && u.clock == nil:
		return false
	case u.field == nil || u.clock != nil || u.yearly || u.offset.days != 0:
		return true
	}
	text, _ := date.Text()
	_, isInstant := condition.ParseTime(text)
	return !isInstant
}

// End returns when a wait that began at began ends; date is the value of Field, and
// customers the customer's zone. The end may be before began. ok is false if date
// is missing or not a date.
//
// It depends on no other time, so computing it again gives the same end.
func (u *Until) End(began time.Time, date condition.Value, customers *time.Location) (end time.Time, ok bool) {
	zone := u.Zone(customers)
	switch {
	case u.field != nil:
		return u.atField(began, date, zone)
	case u.clock != nil:
		return u.nextClock(began, zone), true
	}
	return u.at, true
}

// nextClock returns the next time of day on one of the days, began itself included.
func (u *Until) nextClock(began time.Time, zone *time.Location) time.Time {
	today := DateOf(began.In(zone))
	for n := 0; ; n++ {
		day := today.AddDays(n)
		if !u.days[day.Weekday()] {
			continue
		}
		if at := day.At(*u.clock, zone); !at.Before(began) {
			return at
		}
	}
}

func (u *Until) atField(began time.Time, value condition.Value, zone *time.Location) (time.Time, bool) {
	text, ok := value.Text()
	if !ok {
		return time.Time{}, false
	}
	day, clock, ok := readDate(text, zone)
	if !ok {
		return time.Time{}, false
	}
	if u.clock != nil {
		clock = *u.clock
	}
	if !u.yearly {
		if instant, ok := condition.ParseTime(text); ok && u.clock == nil && u.offset.days == 0 {
			return instant.Add(u.offset.duration), true // also in the second of two equal hours
		}
		return u.on(day, clock, zone), true
	}
	for year := began.In(zone).Year() - 2; ; year++ {
		if at := u.on(inYear(day, year), clock, zone); !at.Before(began) {
			return at, true
		}
	}
}

// on returns the instant on a day, moved by the offset.
func (u *Until) on(day Date, clock time.Duration, zone *time.Location) time.Time {
	return day.AddDays(u.offset.days).At(clock, zone).Add(u.offset.duration)
}

// inYear returns the anniversary of a day; of 29 February the 28th in years without
// one.
func inYear(day Date, year int) Date {
	if day.Month == time.February && day.Day == 29 && time.Date(year, 2, 29, 0, 0, 0, 0, time.UTC).Month() != time.February {
		return Date{year, time.February, 28}
	}
	return Date{year, day.Month, day.Day}
}

// readDate reads a date, or an RFC 3339 time as the zone's clocks show it.
func readDate(text string, zone *time.Location) (day Date, clock time.Duration, ok bool) {
	if date, err := time.Parse(time.DateOnly, text); err == nil {
		return DateOf(date), 0, true
	}
	instant, ok := condition.ParseTime(text)
	if !ok {
		return Date{}, 0, false
	}
	local := instant.In(zone)
	hour, minute, second := local.Clock()
	clock = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute +
		time.Duration(second)*time.Second + time.Duration(local.Nanosecond())
	return DateOf(local), clock, true
}
