package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/provider"
)

// The neighbor's journeys. Callers archive the first one, and pause the second.
const (
	neighborArchived = iota
	neighborPaused
	neighborJourneys = 4
	neighborMore     = 4 // journeys when it presses
)

const (
	neighborName    = "bad-neighbor"         // before the other tenant in the order of keys
	neighborEvery   = 500 * time.Millisecond // between its enroll calls, and between its cycles
	neighborCalled  = 1                      // customers of an enroll call
	neighborPressed = 5                      // customers of one when it presses
	neighborBefore  = 120                    // customers at most, until it presses
	neighborAtMost  = 300                    // customers in all

	hangUnderFaults = 8 * time.Second  // before the faults end
	hangKnown       = 5                // messages that time out until the engine knows that the channel hangs
	knownAfter      = 45 * time.Second // at most
)

// neighbor is a second tenant. Its channel hangs, and callers archive, pause and start its
// journeys all the time.
type neighbor struct {
	*world
	stopped context.Context // ends when its callers shall
	presses atomic.Bool
	toggled []*cohort
	rest    func() // returns when they have ended. Its journeys are active then, and its channel answers
}

func (w *world) newNeighbor(t *testing.T, seed uint64) *neighbor {
	t.Helper()
	n := &neighbor{world: w.of(t, neighborName, rand.New(rand.NewPCG(seed, 10)))}
	for range neighborJourneys {
		n.startOne(t)
	}
	n.toggled = slices.Clone(n.cohorts)
	n.cohorts[neighborArchived].exitReason = "journey_archived"
	return n
}

func (n *neighbor) startOne(t *testing.T) {
	t.Helper()
	c := n.start(t, sendingGraph("hanging", 300*time.Millisecond, 200*time.Millisecond), settings{}, "")
	c.alike = true
}

// sendingGraph returns a graph of waits, each before a message through the channel.
func sendingGraph(channel string, waits ...time.Duration) string {
	nodes, edges, last := `{"id":"in","type":"entry_trigger"}`, "", "in"
	add := func(id, kind, config string) {
		nodes += fmt.Sprintf(`,{"id":%q,"type":%q,"config":%s}`, id, kind, config)
		edges += fmt.Sprintf(`,{"source":%q,"target":%q}`, last, id)
		last = id
	}
	for i, wait := range waits {
		add(fmt.Sprint("w", i), "wait", fmt.Sprintf(`{"delayHours":%.9f}`, wait.Hours()))
		add(fmt.Sprint("m", i), "channel_action", fmt.Sprintf(`{"channel":%q,"templateId":"t"}`, channel))
	}
	add("out", "exit", `{}`)
	return `{"nodes":[` + nodes + `],"edges":[` + edges[1:] + `]}`
}

// act starts the neighbor's callers.
func (n *neighbor) act(t *testing.T) {
	var stop context.CancelFunc
	n.stopped, stop = context.WithCancel(t.Context())
	var callers sync.WaitGroup
	n.rest = func() {
		stop()
		callers.Wait()
		n.channel.answer()
	}
	t.Cleanup(n.rest)
	callers.Go(func() {
		n.repeatedly(func() { n.toggle(t) })
	})
	callers.Go(func() {
		all := 0
		n.repeatedly(func() {
			called, most := neighborCalled, neighborBefore
			if n.presses.Load() {
				called, most = neighborPressed, neighborAtMost
				if len(n.cohorts) < neighborJourneys+neighborMore {
					n.startOne(t)
				}
			}
			if called = min(called, most-all); called > 0 {
				c := n.cohorts[all%len(n.cohorts)]
				n.enrollUntilIn(t, c, n.addCustomers(t, c, called), fmt.Sprint("call-", all))
				all += called
			}
		})
	})
}

// repeatedly calls do until the callers shall end.
func (n *neighbor) repeatedly(do func()) {
	ticker := time.NewTicker(neighborEvery)
	defer ticker.Stop()
	for {
		select {
		case <-n.stopped.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// press lets the neighbor's callers do more, and returns when enough messages have hung for
// the engine to know.
func (n *neighbor) press(t *testing.T) {
	t.Helper()
	n.presses.Store(true)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.Now().Add(knownAfter); n.channel.timedOut() < hangKnown; <-ticker.C {
		require.True(t, time.Now().Before(limit), "%d messages timed out", n.channel.timedOut())
	}
}

// toggle archives and pauses journeys, and starts them again. An archive may be refused
// because too many drains are open.
func (n *neighbor) toggle(t *testing.T) {
	archived, paused := n.toggled[neighborArchived], n.toggled[neighborPaused]
	if n.set(t, archived, "archived") == http.StatusConflict {
		n.kinds[refusedArchives]++
	} else {
		n.kinds[archives]++
		n.set(t, archived, "paused")
		n.set(t, archived, "active")
	}
	n.set(t, paused, "paused")
	n.set(t, paused, "active")
}

// set repeats a change of a journey's status until it succeeds, or is refused because too
// many drains are open.
func (n *neighbor) set(t *testing.T, c *cohort, status string) (answer int) {
	for range 100 {
		answer, text := n.try(t, "PUT", c.path(), `{"status":"`+status+`"}`)
		var problem struct{ Code string }
		switch {
		case answer >= 500:
		case answer == http.StatusConflict && json.Unmarshal(text, &problem) == nil && problem.Code == "drains-open" && status == "archived":
			return answer
		default:
			require.Equal(t, 200, answer, "%s: %s", status, text)
			return answer
		}
	}
	t.Errorf("a journey of the neighbor did not become %s in 100 calls", status)
	return 0
}

// enrollUntilIn repeats an enroll call until all of the customers have entered, which they
// cannot while the journey is archived or paused.
func (n *neighbor) enrollUntilIn(t *testing.T, c *cohort, customers []string, key string) {
	ids, err := json.Marshal(customers)
	require.NoError(t, err)
	ticker := time.NewTicker(neighborEvery / 5)
	defer ticker.Stop()
	for range 300 {
		var answer struct {
			Enrolled int
			Code     string
		}
		status, text := n.try(t, "POST", c.path()+"/enroll", `{"customerIds":`+string(ids)+`}`, "Idempotency-Key", key)
		if status < 500 {
			require.NoError(t, json.Unmarshal(text, &answer))
			require.True(t, status/100 == 2 || answer.Code == "journey-not-active", "%s", text)
		}
		if answer.Enrolled == len(customers) {
			return
		}
		<-ticker.C
	}
	t.Errorf("the call %s did not enroll all of its customers", key)
}

// hanging is a channel that passes messages to an inbox. While it hangs it takes
// every other message, drops the rest, and answers none.
type hanging struct {
	server *httptest.Server
	inbox  http.Handler

	mu   sync.Mutex    // guards the rest
	ends chan struct{} // closed when the channel answers again; nil while it does
	held int           // messages without an answer
	vain int           // of these, whose callers waited until their time-out
}

func newHanging(t *testing.T) *hanging {
	h := &hanging{}
	h.server = httptest.NewServer(h)
	t.Cleanup(func() {
		h.answer()
		h.server.Close()
	})
	return h
}

func (h *hanging) hang() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ends == nil {
		h.ends = make(chan struct{})
	}
}

func (h *hanging) answer() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ends != nil {
		close(h.ends)
	}
	h.ends = nil
}

// hold returns when the channel answers again, nil if it does, and whether it takes a
// message meanwhile.
func (h *hanging) hold() (ends chan struct{}, takes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ends == nil {
		return nil, true
	}
	h.held++
	return h.ends, h.held%2 == 0
}

// giveUp counts a message whose caller gave up, unless it died before.
func (h *hanging) giveUp(after time.Duration) {
	if after < provider.SendTimeout-time.Second {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.vain++
}

func (h *hanging) timedOut() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.vain
}

func (h *hanging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ends, takes := h.hold()
	if ends == nil {
		h.inbox.ServeHTTP(w, r)
		return
	}
	if takes {
		h.inbox.ServeHTTP(httptest.NewRecorder(), r)
	} else if _, err := io.Copy(io.Discard, r.Body); err != nil { // or the server does not see that the caller gives up
		return
	}
	begun := time.Now()
	select {
	case <-ends:
	case <-r.Context().Done():
		h.giveUp(time.Since(begun))
	}
	panic(http.ErrAbortHandler) // closes the connection
}
