package chaos

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// What callers do to each journey while customers are inside, by its number.
const (
	toPause = iota
	toEdit
	toSendEvents
	toArchive
	toDelete
	toReenter
)

const (
	pauses         = 3
	laterCustomers = 10 // who enter the edited journey
	eventCount     = 96
	reactionCount  = 40 // events that end or convert runs
	senders        = 4
	changeCount    = 64 // of profiles
)

// actAsCallers sends events, changes profiles, edits a journey and pauses another while
// customers are inside. It repeats calls that fail, as callers do.
func (w *world) actAsCallers(t *testing.T) {
	t.Helper()
	var sending sync.WaitGroup
	for range eventCount {
		w.newEvent(w.drawCustomer(), fmt.Sprintf("e%d", w.r.IntN(3)))
	}
	var reactions []*sentEvent
	for range reactionCount {
		c := w.cohorts[w.r.IntN(len(w.cohorts))]
		reactions = append(reactions, w.newEvent(c.customers[w.r.IntN(len(c.customers))], []string{closing, closing, reaching}[w.r.IntN(3)]))
	}
	sending.Go(func() {
		for _, e := range reactions {
			w.send(t, e)
		}
	})
	for events := range slices.Chunk(w.sent[:eventCount:eventCount], eventCount/senders) {
		sending.Go(func() {
			for _, e := range events {
				w.send(t, e)
			}
		})
	}
	changes := w.drawChanges()
	sending.Go(func() {
		for _, change := range changes {
			w.patch(t, change.person, change.customer, change.dates())
		}
	})
	w.drawReentry()
	sending.Go(func() { w.reenter(t) })
	edited := w.cohorts[toEdit]
	edited.graphs = append(edited.graphs, w.newGraph(toEdit))
	edited.settings = append(edited.settings, drawSettings(toReenter))
	w.call(t, "PUT", edited.path(), `{"definition":`+edited.graphs[1]+`,`+edited.settings[1].members()+`}`)
	w.enroll(t, edited, w.addCustomers(t, edited, laterCustomers), "later")
	for range pauses {
		for _, status := range []string{"paused", "active"} {
			w.call(t, "PUT", w.cohorts[toPause].path(), `{"status":"`+status+`"}`)
		}
	}
	sending.Wait()
}

// end archives or deletes a journey if its number says so.
func (w *world) end(t *testing.T, number int) {
	t.Helper()
	c := w.cohorts[number]
	switch number {
	case toArchive:
		c.exitReason = "journey_archived"
		w.call(t, "PUT", c.path(), `{"status":"archived"}`)
	case toDelete:
		c.exitReason = "journey_deleted"
		for status := 0; status != 204 && status != 404; { // 404: an earlier answer was lost
			status, _ = w.try(t, "DELETE", c.path(), "")
		}
	}
}
