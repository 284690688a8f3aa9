package chaos

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// What callers do to each journey while customers are inside, by its number.
const (
	toPause = iota
	toEdit
	toSendEvents
	toArchive
	toDelete
)

const (
	pauses         = 3
	laterCustomers = 10 // who enter the edited journey
	eventCount     = 64
	senders        = 4
)

// actAsCallers sends events, edits a journey and pauses another while customers
// are inside. It repeats calls that fail, as callers do.
func (w *world) actAsCallers(t *testing.T) {
	t.Helper()
	var sending sync.WaitGroup
	statuses := make([]int, eventCount)
	for group := range slices.Chunk(statuses, eventCount/senders) {
		bodies := make([]string, len(group))
		for i := range bodies {
			w.sent++
			bodies[i] = fmt.Sprintf(`{"customerId":%q,"eventType":"e%d","eventId":"%d"}`,
				w.cohorts[toSendEvents].customers[w.r.IntN(perJourney)], w.r.IntN(3), w.sent)
		}
		sending.Go(func() {
			for i, body := range bodies {
				for tries := 0; tries < 100 && group[i]/100 != 2; tries++ {
					group[i], _ = w.try(t, "POST", manifest.BasePath+"/events", body)
				}
			}
		})
	}
	edited := w.cohorts[toEdit]
	edited.graphs = append(edited.graphs, w.newGraph(toEdit))
	w.call(t, "PUT", edited.path(), `{"definition":`+edited.graphs[1]+`}`)
	w.enroll(t, edited, w.addCustomers(t, edited, laterCustomers), "later")
	for range pauses {
		for _, status := range []string{"paused", "active"} {
			w.call(t, "PUT", w.cohorts[toPause].path(), `{"status":"`+status+`"}`)
		}
	}
	sending.Wait()
	for _, status := range statuses {
		require.Equal(t, 202, status)
	}
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
