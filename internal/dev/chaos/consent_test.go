package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/local"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/progress"
)

// The topics of a tenant whose customers subscribe and unsubscribe all the time.
const (
	news   = "news"   // to which customers subscribe
	offers = "offers" // to which all are subscribed who say nothing
)

// The journeys of that tenant, by number.
const (
	toStay   = iota // whatever their customers say
	toLeave         // when they unsubscribe from news
	toForget        // while their customers are inside
)

const (
	perConsenting = 22 // customers of each of its journeys
	leftTopic     = "left_topic"
	changeEvery   = 150 * time.Millisecond // of what customers and addresses take
)

// letters is a graph with messages of a topic, transactional ones, and others. A wait and a
// condition read whether the customer clicked on the first message.
const letters = `{"nodes":[{"id":"in","type":"entry_trigger"},
	{"id":"m0","type":"channel_action","config":{"channel":"email","payload":{"leave":"{{unsubscribe.url}}"},"topic":"offers"}},
	{"id":"rest","type":"wait","config":{"delayHours":0.0004}},
	{"id":"c0","type":"wait","config":{"delayHours":0.0012,"waitForEvent":{"any":[{"id":"click","step":"m0","is":"clicked"}]}}},
	{"id":"m1","type":"channel_action","config":{"channel":"email","topic":"news"}},
	{"id":"m2","type":"channel_action","config":{"channel":"email"}},
	{"id":"s0","type":"condition_split","config":{"condition":{"field":"step.m0.clicked","operator":"eq","value":true}}},
	{"id":"m3","type":"channel_action","config":{"channel":"email","transactional":true}},
	{"id":"m4","type":"channel_action","config":{"channel":"email","topic":"news"}},
	{"id":"w1","type":"wait","config":{"delayHours":0.001}},
	{"id":"m5","type":"channel_action","config":{"channel":"email","topic":"offers"}},
	{"id":"w2","type":"wait","config":{"delayHours":0.0008}},
	{"id":"m6","type":"channel_action","config":{"channel":"email","topic":"news"}},{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"m0"},{"source":"m0","target":"rest"},{"source":"rest","target":"c0"},
	{"source":"c0","target":"m1","sourceHandle":"click"},{"source":"c0","target":"m2","sourceHandle":"timeout"},
	{"source":"m1","target":"s0"},{"source":"m2","target":"s0"},{"source":"s0","target":"m3","sourceHandle":"true"},
	{"source":"s0","target":"m4","sourceHandle":"false"},{"source":"m3","target":"w1"},{"source":"m4","target":"w1"},
	{"source":"w1","target":"m5"},{"source":"m5","target":"w2"},{"source":"w2","target":"m6"},{"source":"m6","target":"out"}]}`

// firstLetter is the index of the message m0.
const firstLetter = 1

// consenting is a tenant with topics.
type consenting struct {
	*world
	callers sync.WaitGroup
	stop    context.CancelFunc

	received []letter        // in order of arrival; only of the goroutine that reads the inbox
	arrived  map[*cohort]int // how many of each journey
	drawn    int             // messages whose reports were drawn

	mu       sync.Mutex // guards the rest, and what subscribers say
	people   map[string]*subscriber
	feedback map[string]*heard // by message
}

// subscriber is a customer of such a tenant.
type subscriber struct {
	customer, email string
	changing        sync.Mutex             // held while callers change what they take, one after another
	said            map[string]*statements // by topic; "" for the suppression of their address
	forgotten       time.Time              // when Forget was called; zero if it was not
	elder           *subscriber            // who was forgotten and had their address; nil for none
}

// letter is a message as the inbox lists it.
type letter struct {
	MessageID, CustomerID, JourneyID, NodeID, Topic string
	Unsubscribe                                     struct{ URL string }
}

func (w *world) newConsenting(t *testing.T, seed uint64) *consenting {
	t.Helper()
	c := &consenting{
		world: w.of(t, "consenting", rand.New(rand.NewPCG(seed, 11))), people: map[string]*subscriber{}, feedback: map[string]*heard{}, arrived: map[*cohort]int{},
	}
	c.call(t, "PUT", manifest.BasePath+"/tenant-settings", `{"topics":{"news":{"name":"News","channels":["email"],"default":"out"},
		"offers":{"name":"Offers","channels":["email"],"default":"in"}}}`)
	for number := range toForget + 1 {
		exits := ""
		if number == toLeave {
			exits = fmt.Sprintf(`,"exitOn":[{"eventType":"$unsubscribed","condition":{"field":"event.topic","operator":"eq","value":"news"},"reason":%q}]`, leftTopic)
		}
		id := c.create(t, fmt.Sprintf(`{"name":"consenting %d","definition":%s%s}`, number, letters, exits))
		cohort := &cohort{id: id, graphs: []string{letters}}
		c.call(t, "PUT", cohort.path(), `{"status":"active"}`)
		c.cohorts = append(c.cohorts, cohort)
		for range perConsenting {
			c.addSubscriber(t, cohort, fmt.Sprintf("%d-%d@example.com", number, len(cohort.customers)))
		}
	}
	return c
}

// addSubscriber stores a customer with that address. Several may come back at once.
func (c *consenting) addSubscriber(t *testing.T, cohort *cohort, email string) *subscriber {
	t.Helper()
	s := &subscriber{email: email, said: map[string]*statements{news: {}, offers: {first: true}, "": {first: true}}}
	c.mu.Lock()
	s.customer = fmt.Sprintf("subscriber-%s-%03d", cohort.id[len(cohort.id)-4:], len(cohort.customers))
	c.people[s.customer] = s
	cohort.customers = append(cohort.customers, s.customer)
	c.mu.Unlock()
	require.NoError(t, c.store.Customers.PutProfile(t.Context(), c.tenant, journey.Profile{
		Customer: s.customer, Attributes: []byte(`{"email":"` + email + `"}`), UpdatedAt: time.Now(),
	}, 0))
	return s
}

// act starts the callers, the recipients of messages, and the provider's feedback.
func (c *consenting) act(t *testing.T) {
	var stopped context.Context
	stopped, c.stop = context.WithCancel(t.Context())
	t.Cleanup(c.rest)
	var all []*subscriber
	customers := make([][]string, len(c.cohorts)) // heirs come later
	for number, cohort := range c.cohorts {
		customers[number] = slices.Clone(cohort.customers)
		for _, customer := range cohort.customers {
			all = append(all, c.people[customer])
		}
	}
	for range 2 { // two callers, so that changes of different customers overlap
		r := c.newRand()
		c.repeatedly(stopped, changeEvery, func() { c.change(t, r, all[r.IntN(len(all))]) })
	}
	enrolled, r0 := 0, c.newRand()
	c.repeatedly(stopped, 900*time.Millisecond, func() {
		if enrolled < perConsenting {
			for number, cohort := range c.cohorts {
				c.enroll(t, cohort, customers[number][enrolled:enrolled+1], fmt.Sprint("consenting-", enrolled))
			}
			if enrolled++; enrolled > 2 && enrolled%2 == 0 {
				gone := all[toForget*perConsenting+enrolled-2-r0.IntN(2)]
				optsOut := enrolled%4 == 0 // the others may have
				c.callers.Go(func() { c.forget(t, gone, optsOut) })
			}
		}
	})
	r := c.newRand()
	c.repeatedly(stopped, 200*time.Millisecond, func() { c.receive(t, r) })
}

// newRand returns a source for one goroutine.
func (c *consenting) newRand() *rand.Rand { return rand.New(rand.NewPCG(c.r.Uint64(), 0)) }

// repeatedly lets a goroutine call do until the callers shall end.
func (c *consenting) repeatedly(stopped context.Context, every time.Duration, do func()) {
	c.callers.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-stopped.Done():
				return
			case <-ticker.C:
				do()
			}
		}
	})
}

// rest returns when the callers have ended.
func (c *consenting) rest() {
	c.stop()
	c.callers.Wait()
}

// change changes what a customer or their address takes.
func (c *consenting) change(t *testing.T, r *rand.Rand, s *subscriber) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if !c.at(s).IsZero() {
		return
	}
	switch topic := []string{news, news, offers, offers, ""}[r.IntN(5)]; {
	case topic == "" && r.IntN(4) > 0:
		c.say(s, topic, true, func() int {
			status, _ := c.try(t, "DELETE", c.suppression(s), "")
			return status
		}, t)
	case topic == "":
		c.say(s, topic, false, func() int {
			status, _ := c.try(t, "PUT", c.suppression(s), "{}")
			return status
		}, t)
	default:
		c.subscribe(t, s, topic, r.IntN(2) == 0)
	}
}

// subscribe says that a customer wants a topic, or does not.
func (c *consenting) subscribe(t *testing.T, s *subscriber, topic string, in bool) {
	c.say(s, topic, in, func() int {
		status, _ := c.try(t, "PUT", manifest.BasePath+"/customers/"+s.customer+"/subscriptions", fmt.Sprintf(`{"topics":{%q:%t}}`, topic, in))
		return status
	}, t)
}

func (c *consenting) suppression(s *subscriber) string {
	return manifest.BasePath + "/suppressions/email/" + url.PathEscape(s.email)
}

// at returns when a customer was forgotten.
func (c *consenting) at(s *subscriber) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.forgotten
}

// say repeats a call until it succeeds, and notes that from then on the customer takes
// messages of the topic, or does not.
func (c *consenting) say(s *subscriber, topic string, in bool, call func() (status int), t *testing.T) {
	c.mu.Lock()
	said := s.said[topic].add(in)
	c.mu.Unlock()
	for tries := 1; tries <= 100; tries++ {
		if status := call(); status < 500 {
			if status/100 != 2 {
				t.Errorf("%s: status %d of a change of %q", s.customer, status, topic)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			said.answered, said.again = time.Now(), tries > 1
			return
		}
	}
	t.Errorf("%s: a change of %q failed 100 times", s.customer, topic)
}

// forget forgets a customer, perhaps right after they opt out of a topic, and lets another
// one with the same address enter the first journey. They take over what the first one opted
// out of.
func (c *consenting) forget(t *testing.T, s *subscriber, optsOut bool) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if optsOut {
		c.subscribe(t, s, offers, false)
	}
	c.mu.Lock()
	s.forgotten = time.Now()
	c.mu.Unlock()
	for status := 0; status != http.StatusNoContent && status != http.StatusNotFound; {
		status, _ = c.try(t, "DELETE", manifest.BasePath+"/customers/"+s.customer, "")
	}
	answered := time.Now()
	heir := c.addSubscriber(t, c.cohorts[toStay], s.email)
	c.mu.Lock()
	heir.elder, heir.said[""] = s, s.said[""]
	switch said := s.said[offers]; {
	case said.holds(false, s.forgotten, s.forgotten):
		heir.said[offers].list = append(heir.said[offers].list, &statement{called: s.forgotten, answered: answered})
		c.kinds[heirs]++
	case !said.holds(true, s.forgotten, s.forgotten):
		heir.said[offers].list = append(heir.said[offers].list, &statement{called: s.forgotten})
	}
	c.mu.Unlock()
	c.enroll(t, c.cohorts[toStay], []string{heir.customer}, "heir-"+heir.customer)
}

// unsubscribe follows the link in a message, as a mail program does, and repeats that.
func (c *consenting) unsubscribe(t *testing.T, s *subscriber, l letter, twice bool) {
	h := c.heardOf(l)
	for range 2 {
		c.say(s, l.Topic, false, func() int {
			answer, err := http.PostForm(l.Unsubscribe.URL, url.Values{"List-Unsubscribe": {"One-Click"}}) //nolint:gosec // of this machine
			if err != nil {
				t.Error(err)
				return 0
			}
			_ = answer.Body.Close()
			return answer.StatusCode
		}, t)
		if !twice {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[oneClicks]++
	h.kinds["unsubscribed"] = true
}

// receive lets recipients and the provider react to the messages that have arrived since.
func (c *consenting) receive(t *testing.T, r *rand.Rand) {
	for _, l := range c.newLetters(t) {
		c.mu.Lock()
		s := c.people[l.CustomerID]
		c.mu.Unlock()
		later := func(do func()) {
			after := time.Duration(r.IntN(2500)) * time.Millisecond
			c.callers.Go(func() {
				<-time.After(after)
				do()
			})
		}
		if twice := r.IntN(3) == 0; l.Topic != "" && r.IntN(4) == 0 {
			later(func() { c.unsubscribe(t, s, l, twice) })
		}
		for _, report := range c.drawReports(r, s, l) {
			for range 1 + r.IntN(2) {
				later(func() { c.report(t, report) })
			}
		}
	}
}

// newLetters returns the messages that have arrived since, and adds them to received.
func (c *consenting) newLetters(t *testing.T) (arrived []letter) {
	for _, cohort := range c.cohorts {
		var inbox struct{ Data []letter }
		if err := json.Unmarshal(c.call(t, "GET", local.InboxPath+"?journeyId="+string(cohort.id), ""), &inbox); err != nil {
			t.Error(err)
		}
		arrived = append(arrived, inbox.Data[c.arrived[cohort]:]...)
		c.arrived[cohort] = len(inbox.Data)
	}
	c.received = append(c.received, arrived...)
	return arrived
}

// drain waits until no customer is inside who was not forgotten, and no further message
// arrives.
func (c *consenting) drain(t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.Now().Add(drainFor); ; <-ticker.C {
		var inside []string
		for _, cohort := range c.cohorts {
			for customer, e := range c.enrollments(t, cohort) {
				if e.Status == progress.Inside {
					inside = append(inside, fmt.Sprintf("%s at node %d of %s, due %s", customer, e.Node, cohort.id, instant(e.Due)))
				}
			}
		}
		if len(inside) == 0 {
			c.receive(t, c.newRand())
			c.callers.Wait()
			return
		}
		require.True(t, time.Now().Before(limit), "still inside: %s", strings.Join(inside, "; "))
	}
}
