package journey

import (
	"slices"
	"time"

	"journeys/internal/graph"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

// startingEvents returns the types of the events that start the journey, sorted.
func (j Journey) startingEvents(graph *progress.Graph) []string {
	var events []string
	entry, _ := j.entry()
	for _, event := range []string{entry.Event, graph.Event()} {
		if event != "" && !slices.Contains(events, event) {
			events = append(events, event)
		}
	}
	slices.Sort(events)
	return events
}

// entry reads the stored entry condition as far as the present rules allow. fault is the
// first rule that it breaks, "" for none. A faulty one must admit no customer.
func (j Journey) entry() (e graph.Entry, fault string) {
	if j.EntryCondition == nil {
		return graph.Entry{}, ""
	}
	var faults strict.Faults
	e, ok := graph.ReadEntryCondition(strict.At(j.EntryCondition, "entryCondition", &faults))
	if !ok {
		return e, faults.List()[0].Pointer + " " + faults.List()[0].Detail
	}
	return e, ""
}

// checkEntryTimes returns an error if c gives j an EntryUntil that is not after its
// EntryFrom.
func checkEntryTimes(j Journey, c Change) error {
	if c.EntryFrom == nil && c.EntryUntil == nil || j.EntryFrom.IsZero() || j.EntryUntil.IsZero() || j.EntryFrom.Before(j.EntryUntil) {
		return nil
	}
	fault := strict.Fault{Pointer: "/entryUntil", Detail: "must be after entryFrom, " + formatTime(j.EntryFrom)}
	if c.EntryUntil == nil {
		fault = strict.Fault{Pointer: "/entryFrom", Detail: "must be before entryUntil, " + formatTime(j.EntryUntil)}
	}
	return invalidRequest(fault)
}

// CodeEntryClosed is the code of a refusal because of EntryFrom or EntryUntil.
const CodeEntryClosed = "entry-closed"

// EntryClosed returns why customers cannot enter at that time because of EntryFrom or
// EntryUntil; "" if they can.
func (j Journey) EntryClosed(at time.Time) string {
	switch {
	case at.Before(j.EntryFrom):
		return "customers enter this journey from " + formatTime(j.EntryFrom)
	case !j.EntryUntil.IsZero() && !at.Before(j.EntryUntil):
		return "customers entered this journey until " + formatTime(j.EntryUntil)
	}
	return ""
}

// refuse returns why an enroll call cannot enter customers at that time; nil if it can.
func (j Journey) refuse(at time.Time) *Error {
	if j.Status != Active {
		return &Error{
			Kind: Invalid, Code: "journey-not-active",
			Detail: "Only an active journey takes customers; this one is " + string(j.Status) + ".",
		}
	}
	if reason := j.EntryClosed(at); reason != "" {
		return &Error{Kind: Invalid, Code: CodeEntryClosed, Detail: "No customer can enter now: " + reason + "."}
	}
	return nil
}

// formatTime returns a time as callers see it.
func formatTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
