package chaos

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/message"
)

// report is something that the provider reports of a message, perhaps often.
type report struct {
	letter
	to       *subscriber
	event    string // of SES
	bounce   string // type of a bounce
	kind     string // of the feedback that counts; "" for none
	payload  []byte // as EventBridge passes it to the function; nil before the first time
	suppress bool   // the address takes no more messages
}

// heard is what was reported of a message.
type heard struct {
	kinds   map[string]bool
	clicked time.Time // the first report of a click is called after that
	stored  time.Time // the click was stored by then; zero for unknown
	reports []*report
}

// reports are drawn with these odds, in percent.
var reports = []struct {
	report
	odds int
}{
	{report{event: "Delivery", kind: "delivered"}, 50},
	{report{event: "Open", kind: "opened"}, 50},
	{report{event: "Click", kind: "clicked"}, 45},
	{report{event: "Bounce", bounce: "Permanent", kind: "bounced", suppress: true}, 5},
	{report{event: "Bounce", bounce: "Transient"}, 10},
	{report{event: "Complaint", kind: "complained", suppress: true}, 4},
	{report{event: "Reject"}, 5},
}

// certainly is how often a report is made whatever the odds: once in this many messages.
const certainly = 50

// drawReports draws what the provider reports of a message, in any order.
func (c *consenting) drawReports(r *rand.Rand, to *subscriber, l letter) (all []*report) {
	h := c.heardOf(l)
	c.drawn++
	for _, i := range r.Perm(len(reports)) {
		if r.IntN(100) < reports[i].odds || c.drawn%certainly == i {
			next := reports[i].report
			next.letter, next.to = l, to
			all = append(all, &next)
		}
	}
	h.reports = all
	return all
}

// heardOf returns what was reported of a message.
func (c *consenting) heardOf(l letter) *heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.feedback[l.MessageID]
	if h == nil {
		h = &heard{kinds: map[string]bool{}}
		c.feedback[l.MessageID] = h
	}
	return h
}

// report reports it as EventBridge would. The first time it waits until that has taken
// effect, as far as a caller can see that.
func (c *consenting) report(t *testing.T, r *report) {
	if r.suppress {
		r.to.changing.Lock()
		defer r.to.changing.Unlock()
	}
	h := c.heardOf(r.letter)
	c.mu.Lock()
	first := r.payload == nil
	if first {
		r.payload = r.make(t, c.tenant)
	}
	if r.kind != "" {
		h.kinds[r.kind] = true
	}
	if r.kind == "clicked" && first {
		h.clicked = time.Now()
	}
	c.mu.Unlock()
	switch {
	case first && r.suppress:
		c.suppress(t, r)
	default:
		c.invoke(t, r)
	}
	if first && r.kind == "clicked" && r.NodeID == "m0" && c.at(r.to).IsZero() {
		c.awaitClick(t, r, h)
	}
}

func (c *consenting) invoke(t *testing.T, r *report) {
	if _, err := c.machine.Lambda.InvokeAsync(manifest.Feedback.Name, r.payload); err != nil {
		t.Error(err)
	}
}

// seenWithin is how long callers wait for what the provider reported. A report whose
// invocations all fail is lost until it is repeated.
const seenWithin = 10 * time.Second

// suppress reports a bounce or a complaint, and notes when the address was seen suppressed.
func (c *consenting) suppress(t *testing.T, r *report) {
	c.mu.Lock()
	said := r.to.said[""].add(false)
	c.mu.Unlock()
	c.invoke(t, r)
	c.poll(func() bool {
		status, _ := c.try(t, "GET", c.suppression(r.to), "")
		if status != http.StatusOK {
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		said.answered = time.Now()
		return true
	})
}

// awaitClick notes when a click was seen stored.
func (c *consenting) awaitClick(t *testing.T, r *report, h *heard) {
	eventType := feedback.Qualify(feedback.EventType(firstLetter, feedback.Clicked), ident.ID(r.JourneyID), 1)
	c.poll(func() bool {
		known, err := c.store.Engine.LastEvents(t.Context(), c.tenant, map[string][]string{r.CustomerID: {eventType}})
		if err != nil {
			t.Error(err)
		}
		if len(known[r.CustomerID].ByType) == 0 {
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		h.stored = time.Now()
		return true
	})
}

// poll returns when seen does, after seenWithin at most.
func (c *consenting) poll(seen func() bool) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.Now().Add(seenWithin); !seen() && time.Now().Before(limit); {
		<-ticker.C
	}
}

// make returns the event of SES.
func (r *report) make(t *testing.T, tenant ident.Tenant) []byte {
	recipients, now := []map[string]string{{"emailAddress": r.to.email}}, time.Now().UTC()
	payload, err := json.Marshal(map[string]any{"source": "aws.ses", "detail": map[string]any{
		"eventType": r.event,
		"bounce":    map[string]any{"bounceType": r.bounce, "bouncedRecipients": recipients, "timestamp": now},
		"complaint": map[string]any{"complainedRecipients": recipients, "timestamp": now},
		"mail": map[string]any{"tags": map[string][]string{
			manifest.TagInstallation: {local.Table}, manifest.TagTenant: {tenant.String()}, manifest.TagMessage: {r.MessageID},
		}},
	}})
	if err != nil {
		t.Error(err)
	}
	return payload
}

// reportAgain repeats all reports, late.
func (c *consenting) reportAgain(t *testing.T) {
	for _, h := range c.feedback {
		for _, r := range h.reports {
			require.NotNil(t, r.payload)
			c.invoke(t, r)
		}
	}
}

// requireFeedback waits until callers see what was reported of the messages of each step,
// each kind once for a message. What was reported of customers who were forgotten may count,
// as far as it was stored before.
func (c *consenting) requireFeedback(t *testing.T) {
	t.Helper()
	for _, cohort := range c.cohorts {
		least, most := map[string]int{}, map[string]int{}
		for _, l := range c.received {
			if l.JourneyID != string(cohort.id) {
				continue
			}
			for kind := range c.feedback[l.MessageID].kinds {
				most[l.NodeID+" "+kind]++
				c.kinds[feedbackKind(kind)]++
				if c.people[l.CustomerID].forgotten.IsZero() {
					least[l.NodeID+" "+kind]++
				}
			}
		}
		require.NotEmpty(t, least)
		ticker := time.NewTicker(300 * time.Millisecond)
		for limit := time.Now().Add(countFor); ; <-ticker.C {
			counted, wrong := c.reportedFigures(t, cohort), []string{}
			for name, n := range most {
				if counted[name] < least[name] || counted[name] > n {
					wrong = append(wrong, name)
				}
				delete(counted, name)
			}
			if len(wrong) == 0 && len(counted) == 0 {
				break
			}
			require.True(t, time.Now().Before(limit), "%s: wrong: %v, at least %v, at most %v; never reported: %v; callers see %v",
				cohort.id, wrong, least, most, counted, c.reportedFigures(t, cohort))
		}
		ticker.Stop()
	}
}

// reportedFigures returns the feedback that callers see, by node and kind.
func (c *consenting) reportedFigures(t *testing.T, cohort *cohort) map[string]int {
	t.Helper()
	var shown struct {
		Steps []struct {
			NodeID   string
			Feedback map[string]int
		}
	}
	require.NoError(t, json.Unmarshal(c.call(t, "GET", manifest.BasePath+"/journeys/"+string(cohort.id)+"/analytics", ""), &shown))
	counted := map[string]int{}
	for _, s := range shown.Steps {
		for kind, n := range s.Feedback {
			if n != 0 {
				counted[s.NodeID+" "+kind] = n
			}
		}
	}
	return counted
}

// parseID returns the id of a message.
func parseID(t *testing.T, text string) message.ID {
	t.Helper()
	id, ok := message.ParseID(text)
	require.True(t, ok, text)
	return id
}
