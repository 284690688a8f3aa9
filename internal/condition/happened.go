package condition

import (
	"slices"
	"time"

	"journeys/internal/strict"
)

// MaxEventType is the longest type of an event, in characters.
const MaxEventType = 128

// happened is a leaf {"event","since"}: the customer caused the event since they
// entered, or within a period.
type happened struct {
	event      string
	sinceEntry bool
	period     time.Duration // unless sinceEntry
}

// Unsubscribed is the type of the event of a customer who unsubscribes from a topic. No
// caller sends it: it is part of what unsubscribes the customer.
const Unsubscribed = "$unsubscribed"

// ReadEventType reads the type of an event that a journey refers to. Types that begin
// with $ are reserved, except for Unsubscribed.
func ReadEventType(v strict.Value) string {
	if v.Is(Unsubscribed) {
		return Unsubscribed
	}
	return ReadSentEventType(v)
}

// ReadSentEventType reads the type of an event that a caller sends.
func ReadSentEventType(v strict.Value) string {
	text, _ := v.Text(1, MaxEventType)
	if text != "" && text[0] == '$' {
		v.Fault("must not begin with $; such types are reserved")
	}
	return text
}

// happenedLeaf compiles {"event","since"}.
func (c *compiler) happenedLeaf(object *strict.Object, event strict.Value) *leaf {
	c.leaves++
	h := &happened{event: ReadEventType(event)}
	for _, name := range []string{"field", "operator", "value"} {
		if member, ok := object.Take(name); ok {
			member.Fault("must not be combined with event")
		}
	}
	l := &leaf{operator: opHappened, happened: h}
	since, ok := object.Need("since")
	switch {
	case !ok:
	case since.Is("entry") && c.beforeEntry:
		since.Fault(`must be a period such as {"value": 7, "unit": "days"}, because the customer has not entered yet`)
	case since.Is("entry"):
		h.sinceEntry = true
		l.want.Value, _ = ParseValue(since.Raw())
	case since.IsObject():
		l.readPeriod(since)
		h.period = l.period
	default:
		since.Fault(`must be "entry" or a period such as {"value": 7, "unit": "days"}`)
	}
	if !slices.Contains(c.events, h.event) {
		c.events = append(c.events, h.event)
	}
	return l
}

// Events returns the types of the events that the condition asks for. The caller must
// not modify the result.
func (p *Program) Events() []string { return p.events }

func (h *happened) holds(f *Facts) bool {
	at, ok := f.LastEvents[h.event]
	if h.sinceEntry {
		return ok && at.After(f.Entered)
	}
	return ok && !at.Before(f.Now.Add(-h.period))
}

// explainHappened appends a leaf as {"event","since","result"}.
func (l *leaf) explainHappened(dst []byte, f *Facts) ([]byte, bool) {
	result := l.happened.holds(f)
	dst = appendQuoted(append(dst, `{"event":`...), l.happened.event)
	dst = l.want.AppendJSON(append(dst, `,"since":`...))
	return appendResult(dst, result), result
}
