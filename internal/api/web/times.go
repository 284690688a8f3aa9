package web

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"journeys/internal/strict"
)

// The years of callers' times, which leave room for the longest duration of a journey.
const (
	firstYear = 1970
	lastYear  = 9000
)

// ReadTime reads a time in whole milliseconds, in UTC.
func ReadTime(v strict.Value) time.Time {
	hint := "; this one is not a string"
	if v.IsString() {
		text, _ := v.Text(0, len(v.Raw()))
		t, ok := parseTime(text)
		if ok && t.Year() >= firstYear && t.Year() <= lastYear {
			return t.Truncate(time.Millisecond)
		}
		hint = timeHint(text)
	}
	v.Fault("must be an RFC 3339 time from %d to %d, like 2026-11-23T10:00:00Z%s", firstYear, lastYear, hint)
	return time.Time{}
}

// timeForm is RFC 3339, which package time does not enforce.
var timeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
})

// parseTime parses an RFC 3339 time, with letters in either case. A leap second, which
// only the last minute of a day in UTC can have, is the first second of the next day.
func parseTime(text string) (time.Time, bool) {
	if !timeForm().MatchString(text) {
		return time.Time{}, false
	}
	text = strings.ToUpper(text)
	const minute = len("2006-01-02T15:04")
	rest, leap := strings.CutPrefix(text[minute:], ":60")
	if leap {
		text = text[:minute] + ":59" + rest
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, false
	}
	t = t.UTC()
	if leap {
		return t.Add(time.Second), t.Hour() == 23 && t.Minute() == 59
	}
	return t, true
}

// timeHint returns what an almost valid time lacks; "" for any other text.
func timeHint(text string) string {
	parses := func(text string) bool { _, ok := parseTime(text); return ok }
	switch {
	case parses(text + "Z"):
		return "; this one has no offset, such as Z or +01:00"
	case parses(text + "T00:00:00Z"):
		return "; this one has neither a time of day nor an offset"
	case strings.Contains(text, " ") && parses(strings.Replace(text, " ", "T", 1)):
		return "; this one has a space instead of T"
	}
	return ""
}
