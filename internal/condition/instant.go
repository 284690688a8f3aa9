package condition

import (
	"cmp"
	"time"
)

// instant is a point in time. time.Parse is not used because it allocates when it
// fails.
type instant struct {
	seconds int // since 1970; negative before
	nanos   int // within the second
}

func instantOf(t time.Time) instant { return instant{int(t.Unix()), t.Nanosecond()} }

// ParseTime parses an RFC 3339 time, in any case and with at most nine fractional
// digits. A leap second equals the second after it.
func ParseTime(text string) (time.Time, bool) {
	at, ok := parseInstant(text)
	if !ok || len(text) <= secondsEnd || text[dateEnd] == ' ' || !hasOffset(text) {
		return time.Time{}, false
	}
	return time.Unix(int64(at.seconds), int64(at.nanos)).UTC(), true
}

// IsTime reports whether conditions compare a string as a date or a time.
func IsTime(text []byte) bool {
	if len(text) > longestTime {
		return false
	}
	_, ok := parseInstant(string(text))
	return ok
}

func (a instant) compare(b instant) int {
	if a.seconds != b.seconds {
		return cmp.Compare(a.seconds, b.seconds)
	}
	return cmp.Compare(a.nanos, b.nanos)
}

const (
	dateEnd     = len("2006-01-02")
	secondsEnd  = len("2006-01-02T15:04:05")
	longestTime = secondsEnd + len(".999999999+00:00")
)

// parseInstant parses a date, "2006-01-02", which is its first instant, or a date
// and time: RFC 3339 with at most nine fractional digits, in any case, with a "T"
// or a space between date and time. Without an offset it is UTC. A leap second
// equals the second after it.
func parseInstant(text string) (instant, bool) {
	if len(text) < dateEnd || len(text) > longestTime || text[4] != '-' || text[7] != '-' {
		return instant{}, false
	}
	year, month, day := digits(text[:4]), digits(text[5:7]), digits(text[8:10])
	if year < 0 || !within(month, 1, 12) || !within(day, 1, daysIn(year, month)) {
		return instant{}, false
	}
	days := daysSince1970(year, month, day)
	if len(text) == dateEnd {
		return instant{days * 24 * 60 * 60, 0}, true
	}
	if len(text) < secondsEnd || text[10]|0x20 != 't' && text[10] != ' ' || text[13] != ':' || text[16] != ':' {
		return instant{}, false
	}
	hour, minute, second := digits(text[11:13]), digits(text[14:16]), digits(text[17:19])
	if !within(hour, 0, 23) || !within(minute, 0, 59) || !within(second, 0, 60) {
		return instant{}, false
	}
	nanos, rest, ok := parseFraction(text[secondsEnd:])
	if !ok {
		return instant{}, false
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return instant{}, false
	}
	seconds := ((days*24+hour)*60+minute)*60 + second - offset
	return instant{seconds, nanos}, true
}

func daysIn(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// daysSince1970 counts in years that begin in March, so that a leap day is the last
// day of a year, and from the year -400, so that no term is negative.
func daysSince1970(year, month, day int) int {
	year, month = year+400, month-3
	if month < 0 {
		year, month = year-1, month+12
	}
	return year*365 + year/4 - year/100 + year/400 + (month*153+2)/5 + day - 1 - 719468 - 146097
}

// parseFraction parses ".5" as nanoseconds and returns the rest of text.
func parseFraction(text string) (nanos int, rest string, ok bool) {
	if text == "" || text[0] != '.' {
		return 0, text, true
	}
	end := 1
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if end == 1 || end > 10 {
		return 0, "", false
	}
	nanos = digits(text[1:end])
	for range 10 - end {
		nanos *= 10
	}
	return nanos, text[end:], true
}

// parseOffset parses "Z", "+02:00" or nothing as seconds east of UTC.
func parseOffset(text string) (seconds int, ok bool) {
	if text == "" || text == "Z" || text == "z" {
		return 0, true
	}
	if len(text) != len("+00:00") || text[3] != ':' {
		return 0, false
	}
	hours, minutes := digits(text[1:3]), digits(text[4:6])
	if !within(hours, 0, 23) || !within(minutes, 0, 59) {
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	switch text[0] {
	case '+':
		return seconds, true
	case '-':
		return -seconds, true
	}
	return 0, false
}

// hasOffset reports whether a valid date and time ends in an offset.
func hasOffset(text string) bool {
	return text[len(text)-1]|0x20 == 'z' || text[len(text)-len("+00:00")] == '+' || text[len(text)-len("-00:00")] == '-'
}

// digits parses decimal digits; -1 if there is any other character.
func digits(text string) int {
	n := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return -1
		}
		n = n*10 + int(text[i]-'0')
	}
	return n
}

func within(n, low, high int) bool { return n >= low && n <= high }
