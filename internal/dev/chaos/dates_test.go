package chaos

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/manifest"
	"journeys/internal/mergepatch"
	"journeys/internal/progress"
)

// zone is the time zone of most customers. The others have none that is known.
const zone = "Asia/Kathmandu"

// rescueAfter is how long a wait may still last, after the faults, until callers end it.
const rescueAfter = 10 * time.Second

func parse(t *testing.T, text string) condition.Value {
	t.Helper()
	v, err := condition.ParseValue([]byte(text))
	require.NoError(t, err)
	return v
}

func instant(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// drawUntil draws the date of a wait, or none. Only waits that any event of a type ends
// have a time of day, since nothing else ends those that just miss it.
func (w *world) drawUntil(event string) string {
	switch w.r.IntN(12) {
	case 0, 1:
		return fmt.Sprintf(`{"at":%q}`, instant(time.Now().Add(w.seconds(3, 15))))
	case 2, 3:
		return `{"field":"d0"}`
	case 4:
		return `{"field":"d1","offset":{"value":-1,"unit":"days"}}`
	case 5:
		if event == "" {
			return `{"field":"never","otherwise":"exit"}`
		}
	case 6, 7:
		if strings.HasPrefix(event, `"`) {
			return nextMinute()
		}
	}
	return ""
}

// nextMinute returns a wait's until the first minute that is some seconds away.
func nextMinute() string {
	location, err := time.LoadLocation(zone)
	if err != nil {
		panic(err) // a name of the database
	}
	at := time.Now().Add(75 * time.Second).Truncate(time.Minute)
	return fmt.Sprintf(`{"time":%q}`, at.In(location).Format("15:04"))
}

func (w *world) seconds(from, to int) time.Duration {
	return time.Duration(from*1000+w.r.IntN((to-from)*1000)) * time.Millisecond
}

// drawDates draws the attributes that waits until a date read, as members of an object.
// Some dates are so late that only a change or an event ends the wait in time.
func (w *world) drawDates() string {
	name, d0 := zone, w.seconds(5, 30)
	if w.r.IntN(8) == 0 {
		name = "Mars/Olympus"
	}
	if w.r.IntN(3) == 0 {
		d0 = time.Hour
	}
	now := time.Now()
	return fmt.Sprintf(`"d0":%q,"d1":%q,"timezone":%q`, instant(now.Add(d0)), instant(now.Add(24*time.Hour+w.seconds(5, 30))), name)
}

// firstWaits returns the nodes with which graphs begin, by the number of the journey.
func (w *world) firstWaits() map[int]string {
	return map[int]string{
		toPause: `{"until":` + nextMinute() + `,"waitForEvent":"e2"}`,
		toEdit:  fmt.Sprintf(`{"until":{"at":%q}}`, instant(time.Now().Add(w.seconds(8, 16)))),
		toSendEvents: `{"until":{"field":"d0"},"waitForEvent":{"any":[{"id":"b0","eventType":"e0"},
			{"id":"b1","eventType":"e1","condition":{"field":"event.n","operator":"gte","value":3}}]}}`,
	}
}

var entryEdge = regexp.MustCompile(`"source":"n0","target":("n\d+")`)

// halves is a random split that follows the first wait.
const halves = `{"id":"half","type":"random_split","config":{"branches":[{"id":"b0","weight":1},{"id":"b1","weight":1}],"salt":"halves"}}`

// firstWait puts a wait with that config behind the entry, and halves, whose ways all lead
// on; nothing for "".
func firstWait(definition, config string) string {
	if config == "" {
		return definition
	}
	target := entryEdge.FindStringSubmatch(definition)[1]
	definition = entryEdge.ReplaceAllString(definition, `"source":"n0","target":"p"`)
	handles := []string{""}
	switch {
	case strings.Contains(config, `"any"`):
		handles = []string{"b0", "b1", graph.TimeoutWay}
	case strings.Contains(config, "waitForEvent"):
		handles = []string{graph.EventWay, graph.TimeoutWay}
	}
	edges := fmt.Sprintf(`,{"source":"half","target":%[1]s,"sourceHandle":"b0"},{"source":"half","target":%[1]s,"sourceHandle":"b1"}`, target)
	for _, handle := range handles {
		edges += fmt.Sprintf(`,{"source":"p","target":"half","sourceHandle":%q}`, handle)
	}
	edges = strings.ReplaceAll(edges, `,"sourceHandle":""`, "")
	definition = strings.Replace(definition, `],"edges":[`, `,{"id":"p","type":"wait","config":`+config+`},`+halves+`],"edges":[`, 1)
	return strings.TrimSuffix(definition, "]}") + edges + "]}"
}

// change is a change of the dates in a profile.
type change struct {
	customer string
	person   *person
	dates    func() string
}

// drawChanges draws changes of different customers: most move their dates to soon, some
// to later or to the past, some take them away, and some ask to leave.
func (w *world) drawChanges() (changes []change) {
	drawn := map[string]bool{}
	for range changeCount {
		c := w.cohorts[w.r.IntN(len(w.cohorts))]
		customer := c.customers[w.r.IntN(len(c.customers))]
		if drawn[customer] {
			continue
		}
		drawn[customer] = true
		in := w.seconds(-5, 15)
		dates := func() string {
			now := time.Now()
			return fmt.Sprintf(`"d0":%q,"d1":%q`, instant(now.Add(in)), instant(now.Add(24*time.Hour+in)))
		}
		switch w.r.IntN(8) {
		case 2, 3, 4:
			move := dates
			dates = func() string { return move() + `,"leave":true` }
		case 0:
			dates = func() string { return `"d0":null,"d1":"soon"` }
		case 1:
			dates = func() string { return fmt.Sprintf(`"d0":%q`, instant(time.Now().Add(time.Hour))) }
		}
		changes = append(changes, change{customer, c.people[customer], dates})
	}
	return changes
}

// patch merges members into a customer's attributes. It notes that both the old and the
// new ones may have been stored during the call. A handler that was frozen may
// repeat the change at any time after.
func (w *world) patch(t *testing.T, p *person, customer, members string) {
	const precision = 2 * time.Millisecond
	begun, body := time.Now(), `{"attributes":{`+members+`}}`
	status := 0
	tries := 0
	for ; tries < 100 && status != 200; tries++ {
		status, _ = w.try(t, "PATCH", manifest.BasePath+"/customers/"+customer, body)
	}
	if status != 200 {
		t.Errorf("the change of %s failed %d times", customer, tries)
	}
	p.again = p.again || tries > 1
	if !p.again {
		p.attributes[len(p.attributes)-1].Until = time.Now().Add(precision)
	}
	merged, err := mergepatch.Apply([]byte(p.stored), []byte("{"+members+"}"))
	if err != nil {
		t.Error(err)
	}
	p.stored = string(merged)
	p.attributes = append(p.attributes, journeytest.Attributes{Value: parse(t, p.stored), From: begun.Add(-precision)})
}

// sentEvent is an event that a caller sends.
type sentEvent struct {
	customer, kind, id string
	n, cart            int       // its properties
	stored             time.Time // no earlier than it was stored; zero before
	started            bool      // a run, by an answer
	unsure             bool      // whether it started a run: that answer was lost
}

// drawCustomer returns a customer who causes an event.
func (w *world) drawCustomer() string {
	c := w.cohorts[toSendEvents]
	if w.r.IntN(3) == 0 {
		c = w.cohorts[w.r.IntN(len(w.cohorts))]
	}
	return c.customers[w.r.IntN(len(c.customers))]
}

func (w *world) newEvent(customer, kind string) *sentEvent {
	e := &sentEvent{customer: customer, kind: kind, id: fmt.Sprint(len(w.sent)), n: w.r.IntN(10), cart: w.r.IntN(2)}
	w.sent = append(w.sent, e)
	w.sentBy[stampID(e.id)] = e
	return e
}

// send repeats the call for an event until it is accepted.
func (w *world) send(t *testing.T, e *sentEvent) {
	body := e.body()
	for tries := 0; tries < 100 && e.stored.IsZero(); tries++ {
		if status, text := w.try(t, "POST", manifest.BasePath+"/events", body); status == 202 {
			e.accepted(t, text)
		}
	}
}

// sendAgain repeats the call for an event that was accepted.
func (w *world) sendAgain(t *testing.T, e *sentEvent) {
	e.accepted(t, w.call(t, "POST", manifest.BasePath+"/events", e.body()))
}

func (e *sentEvent) body() string {
	return fmt.Sprintf(`{"customerId":%q,"eventType":%q,"eventId":%q,"properties":{"n":%d,"cart":%d}}`, e.customer, e.kind, e.id, e.n, e.cart)
}

// accepted notes what the event did, by the answer that accepts it.
func (e *sentEvent) accepted(t *testing.T, text []byte) {
	var answer struct {
		Started  []string
		Repeated bool
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Error(err)
	}
	e.started = e.started || len(answer.Started) > 0
	e.unsure = e.unsure || e.stored.IsZero() && answer.Repeated
	if e.stored.IsZero() {
		e.stored = time.Now().Add(time.Millisecond)
	}
}

// stampID returns the ID of the stamp of an event with that id.
func stampID(eventID string) uint64 {
	sum := sha256.Sum256([]byte(eventID))
	return binary.BigEndian.Uint64(sum[:8]) >> 16
}

// rescue ends a wait that would last too long: by an earlier date if the profile has it,
// otherwise by an event. A handler that was frozen may undo a date, so rescue tries again.
func (w *world) rescue(t *testing.T, c *cohort, e progress.Enrollment) {
	t.Helper()
	n := c.graph(t, e.Version).Node(e.Node)
	if n.Until == nil || time.Until(e.Due) < rescueAfter {
		return
	}
	byDate, key := n.Until.Field() != nil, fmt.Sprintf("%s at %s in run %d of %s", e.Customer, n.ID, e.Run, c.id)
	last, again := w.rescued[key]
	switch {
	case again && (!byDate || time.Since(last) < rescueAfter):
		return
	case byDate:
		soon := time.Now().Add(time.Second)
		w.patch(t, c.people[e.Customer], e.Customer, fmt.Sprintf(`"d0":%q,"d1":%q`, instant(soon), instant(soon.AddDate(0, 0, 1))))
	default:
		event := w.newEvent(e.Customer, n.Awaits[0].Type)
		w.send(t, event)
		require.False(t, event.stored.IsZero(), "the event %s was never accepted", event.id)
	}
	w.rescued[key] = time.Now()
}
