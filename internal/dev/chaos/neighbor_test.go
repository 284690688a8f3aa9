package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The neighbor's journeys. Callers archive the first ones, and pause the next.
const (
	neighborArchived = 2
	neighborPaused   = 2
	neighborJourneys = 8
)

const (
	neighborName    = "bad-neighbor"         // before the other tenant in the order of keys
	neighborEvery   = 500 * time.Millisecond // between its enroll calls, and between its cycles
	neighborCalled  = 1                      // customers of an enroll call
	neighborPressed = 5                      // customers of one while the others' lateness is measured
	neighborAtMost  = 300                    // customers in all
	neighborHangs   = 12 * time.Second       // while faults go on, before the others' lateness is measured
)

// neighbor is a second tenant. Its channel hangs, and callers archive, pause and start its
// journeys all the time.
type neighbor struct {
	*world
	stopped context.Context // ends when its callers shall
	called  atomic.Int64    // customers of an enroll call
	rest    func()          // returns when they have ended. Its journeys are active then, and its channel answers
}

func (w *world) newNeighbor(t *testing.T, seed uint64) *neighbor {
	t.Helper()
	n := &neighbor{world: w.of(t, neighborName, rand.New(rand.NewPCG(seed, 10)))}
	for number := range neighborJourneys {
		c := n.start(t, sendingGraph("hanging", 300*time.Millisecond, 200*time.Millisecond), settings{}, "")
		c.alike = true
		if number < neighborArchived {
			c.exitReason = "journey_archived"
		}
	}
	return n
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
	var callers sync.WaitGroup
	var stop context.CancelFunc
	n.stopped, stop = context.WithCancel(t.Context())
	n.rest = func() {
		stop()
		callers.Wait()
		n.channel.answer()
	}
	t.Cleanup(n.rest)
	callers.Go(func() { n.repeatedly(func() { n.toggle(t) }) })
	n.called.Store(neighborCalled)
	callers.Go(func() {
		all := 0
		n.repeatedly(func() {
			called := min(int(n.called.Load()), neighborAtMost-all)
			if called > 0 {
				c := n.cohorts[all%neighborJourneys]
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

// toggle archives and pauses journeys, and starts them again. An archive may be refused
// because too many drains are open.
func (n *neighbor) toggle(t *testing.T) {
	for _, c := range n.cohorts[:neighborArchived] {
		if n.set(t, c, "archived") == http.StatusConflict {
			n.kinds[refusedArchives]++
			continue
		}
		n.kinds[archives]++
		n.set(t, c, "paused")
		n.set(t, c, "active")
	}
	for _, c := range n.cohorts[neighborArchived:][:neighborPaused] {
		n.set(t, c, "paused")
		n.set(t, c, "active")
	}
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
	select {
	case <-ends:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler) // closes the connection
}
