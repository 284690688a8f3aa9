package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/lambda"
	"journeys/internal/graph"
	"journeys/internal/progress"
	"journeys/internal/simulate"
	"journeys/internal/trail"
)

// What must happen in some seed.
const (
	byEvent = "waits ended by an event"
	byTime  = "by time"
	byMove  = "by a date that moved"

	exitsByEvent     = "exits by event"
	exitsByCondition = "exits by condition"
	conversions      = "conversions"
	lateConversions  = "late conversions"
	laterRuns        = "runs after the first"

	notSubscribed        = "messages not sent to customers who are not subscribed"
	notTaken             = "messages not sent to suppressed addresses"
	oneClicks            = "one-click unsubscribes"
	heirs                = "opt-outs of addresses of forgotten customers"
	byClick              = "waits ended by a click"
	ifClicked            = "conditions met by a click"
	exitsByUnsubscribing = "exits by unsubscribing"

	archives        = "archives"
	refusedArchives = "archives refused for open drains"
)

var kinds = []string{
	byEvent, byTime, byMove, "until at", "until field", "until time", "until a date or an event",
	"multi_split", "random_split", "update_customer", "branches of events",
	exitsByEvent, exitsByCondition, conversions, lateConversions, laterRuns,
	archives, refusedArchives, string(lambda.Slow),
	notSubscribed, notTaken, oneClicks, heirs, byClick, ifClicked, exitsByUnsubscribing,
	feedbackKind("delivered"), feedbackKind("bounced"), feedbackKind("complained"), feedbackKind("opened"), feedbackKind("clicked"),
	feedbackKind("unsubscribed"),
}

// feedbackKind returns what the feedback of a kind is called in kinds.
func feedbackKind(kind string) string { return "messages " + kind }

// occurred counts what happened in all seeds, by kind.
type occurred struct {
	mu    sync.Mutex // guards total
	total map[string]int
}

func (o *occurred) add(kinds map[string]int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for kind, n := range kinds {
		o.total[kind] += n
	}
}

// requireAll checks that each kind happened.
func (o *occurred) requireAll(t *testing.T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, kind := range kinds {
		if o.total[kind] == 0 {
			t.Errorf("never happened in any seed: %s", kind)
		}
	}
	t.Log("in all seeds:", list(o.total))
}

// list returns the numbers of all kinds.
func list(total map[string]int) string {
	var all []string
	for _, kind := range kinds {
		if total[kind] > 0 {
			all = append(all, fmt.Sprintf("%d %s", total[kind], kind))
		}
	}
	return strings.Join(all, ", ")
}

// readEvents returns the events that are remembered of each customer of a cohort, with
// the time by which they were stored. It checks that each that was sent is.
func (w *world) readEvents(t *testing.T, c *cohort) map[string][]journeytest.Heard {
	t.Helper()
	types := []string{"e0", "e1", "e2", closing, closingOwn, reaching, starting}
	wanted, sent := map[string][]string{}, map[string]map[uint64]*sentEvent{}
	for _, customer := range c.customers {
		wanted[customer], sent[customer] = types, map[uint64]*sentEvent{}
	}
	count := 0
	for _, e := range w.sent {
		require.False(t, e.stored.IsZero(), "the event %s was never accepted", e.id)
		if ids, ok := sent[e.customer]; ok {
			ids[stampID(e.id)] = e
			count++
		}
	}
	remembered := map[string][]journeytest.Heard{}
	for customers := range slices.Chunk(c.customers, 20) {
		part := maps.Clone(wanted)
		maps.DeleteFunc(part, func(customer string, _ []string) bool { return !slices.Contains(customers, customer) })
		known, err := w.store.Engine.LastEvents(t.Context(), w.tenant, part)
		require.NoError(t, err)
		for customer, events := range known {
			require.NoError(t, events.Err)
			for eventType, received := range events.ByType {
				require.Less(t, len(received), progress.RememberedEvents, "some may be forgotten")
				for _, event := range received {
					e := sent[customer][event.ID]
					require.NotNil(t, e, "an event of %s that was not sent", customer)
					require.Equal(t, e.kind, eventType)
					remembered[customer] = append(remembered[customer], journeytest.Heard{Received: event, Type: eventType, Stored: e.stored})
					count--
				}
			}
		}
	}
	require.Zero(t, count, "events that were accepted and are not remembered")
	return remembered
}

// requireWaits checks how the waits of a customer ended, and returns the events that did,
// by the index of the visit.
func (w *world) requireWaits(t *testing.T, c *cohort, e progress.Enrollment) map[int]simulate.Event {
	t.Helper()
	run := journeytest.Run{
		Graph: c.graph(t, e.Version), Enrollment: e, Events: w.events[e.Customer], Attributes: c.people[e.Customer].attributes,
		HeardAt: func(node int) (progress.Stamp, bool) {
			heard, ok := w.written[e.Customer].runs[e.Run].heard[node]
			return heard, ok
		},
		LeftBy: leftBy(e),
	}
	ends, err := run.WaitEnds()
	require.NoError(t, err, "%s in version %d of %s", e.Customer, e.Version, c.id)
	visits, events := e.Path.Visits(e.EnrolledAt), map[int]simulate.Event{}
	for _, end := range ends {
		n := run.Graph.Node(visits[end.Visit].Node)
		switch {
		case end.Event != nil:
			events[end.Visit] = *end.Event
			w.kinds[byEvent]++
			if len(n.Ways) > 1 {
				w.kinds["branches of events"]++
			}
		case end.Moved:
			w.kinds[byMove]++
		default:
			w.kinds[byTime]++
		}
		if n.Until != nil {
			w.kinds["until "+form(c.graphs[e.Version-1], n.ID)]++
		}
		if n.Until != nil && n.Awaits != nil {
			w.kinds["until a date or an event"]++
		}
	}
	return events
}

// leftBy returns when the customer had left a node. The times of a write that spans
// midnight are those before midnight.
func leftBy(e progress.Enrollment) func(trail.Visit) time.Time {
	return func(v trail.Visit) time.Time {
		for _, next := range e.Path.Visits(e.EnrolledAt) {
			if next.EnteredAt.After(v.EnteredAt) && !trail.UTCDay(next.EnteredAt.Add(time.Millisecond)).Equal(trail.UTCDay(next.EnteredAt)) {
				return next.EnteredAt.Add(time.Minute)
			}
		}
		return time.Time{}
	}
}

// form returns which form a wait's until has.
func form(definition, id string) string {
	_, config, _ := strings.Cut(definition, fmt.Sprintf(`{"id":%q,`, id))
	_, until, _ := strings.Cut(config, `"until":{"`)
	name, _, _ := strings.Cut(until, `"`)
	return name
}

// countKinds counts the splits and updates on a customer's path.
func (w *world) countKinds(g *progress.Graph, e progress.Enrollment) {
	for _, visit := range e.Path.Visits(e.EnrolledAt) {
		if kind := g.NodeType(visit.Node); kind == graph.MultiSplit || kind == graph.RandomSplit || kind == graph.UpdateCustomer {
			w.kinds[string(kind)]++
		}
	}
}
