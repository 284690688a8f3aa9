package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/provider"
	"journeys/internal/target"
)

// The neighbor's journeys. Callers archive the first one, pause the second, and enroll
// customers in all but the last two.
const (
	neighborArchived = iota
	neighborPaused
	neighborCalled = 4 // journeys in which callers enroll
)

const (
	neighborName  = "bad-neighbor"         // before the other tenant in the order of keys
	neighborEvery = 500 * time.Millisecond // between its enroll calls, and between its cycles
	neighborCalls = 120                    // enroll calls at most, of one customer each
	neighborShow  = 40                     // customers whose messages show the engine that the channel hangs
	neighborLate  = 100                    // customers that enter when it knows

	hangUnderFaults = 8 * time.Second // before the faults end
)

// neighbor is a second tenant. Its channel hangs, and callers archive, pause and start its
// journeys all the time.
type neighbor struct {
	*world
	stopped context.Context // ends when its callers shall
	called  []*cohort
	show    *cohort
	late    *cohort
	entered time.Time // late did not enter earlier
	rest    func()    // returns when the callers have ended. Its journeys are active then, and its channel answers
}

func (w *world) newNeighbor(t *testing.T, seed uint64) *neighbor {
	t.Helper()
	n := &neighbor{world: w.of(t, neighborName, rand.New(rand.NewPCG(seed, 10)))}
	for range neighborCalled {
		n.called = append(n.called, n.startOne(t))
	}
	n.called[neighborArchived].exitReason = "journey_archived"
	n.show, n.late = n.startOne(t), n.startOne(t)
	n.addCustomers(t, n.show, neighborShow)
	n.addCustomers(t, n.late, neighborLate)
	return n
}

func (n *neighbor) startOne(t *testing.T) *cohort {
	t.Helper()
	c := n.start(t, sendingGraph("hanging", 300*time.Millisecond, 200*time.Millisecond), settings{}, "")
	c.alike = true
	return c
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
		calls := 0
		n.repeatedly(func() {
			if calls < neighborCalls {
				c := n.called[calls%len(n.called)]
				n.enrollUntilIn(t, c, n.addCustomers(t, c, 1), fmt.Sprint("call-", calls))
				calls++
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

// press makes many messages hang, waits until the engine knows that the channel does, and
// lets more customers come to it.
func (n *neighbor) press(t *testing.T) {
	t.Helper()
	n.enroll(t, n.show, n.show.customers, "show")
	n.await(t, "the engine does not know that the channel hangs", func() bool {
		loaded, err := n.store.Engine.Load(t.Context(), n.tenant, n.show.id, nil)
		require.NoError(t, err)
		return loaded.Targets["c:hanging"].Kind == target.Open
	})
	n.entered = time.Now()
	n.enroll(t, n.late, n.late.customers, "late")
}

// requireHeld checks that the messages to the customers that entered when the engine knew
// that the channel hangs were held: none was begun, except for probes. The bound holds on a
// machine of any speed. Every worker that moves a late customer has read that the channel is
// open, so nothing that was under way counts, which may be as much as all workers can begin
// at once. A worker begins one message as a probe, and no other worker may until that has
// timed out, after which the channel is open for target.FirstWait or longer, or the lease of
// the probe has ended. An engine that does not hold begins all of the late customers'
// messages: they are at their first one. That is more than there can be probes, since the
// hang lasts two times drainFor at most after they entered.
func (n *neighbor) requireHeld(t *testing.T) {
	t.Helper()
	n.await(t, "late customers are not at their messages", func() bool {
		_, list := n.load(t, n.late)
		for _, e := range list {
			if n.late.graph(t, e.Version).NodeType(e.Node) != graph.ChannelAction {
				return false
			}
		}
		return true
	})
	begun := n.channel.heldOf(n.late.customers)
	probes := 1 + int(time.Since(n.entered)/min(target.FirstWait, provider.SendTimeout+engine.LeaseMargin))
	require.LessOrEqual(t, begun, probes, "messages of %d late customers that were begun", neighborLate)
}

// await returns when holds does, after drainFor at most.
func (n *neighbor) await(t *testing.T, otherwise string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.Now().Add(drainFor); !holds(); <-ticker.C {
		require.True(t, time.Now().Before(limit), otherwise)
	}
}

// toggle archives and pauses journeys, and starts them again. An archive may be refused
// because too many drains are open.
func (n *neighbor) toggle(t *testing.T) {
	archived, paused := n.called[neighborArchived], n.called[neighborPaused]
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
	var status int
	var text []byte
	for range 1500 { // a frozen function can hold the journey paused for half a minute
		var answer struct {
			Enrolled int
			Code     string
		}
		status, text = n.try(t, "POST", c.path()+"/enroll", `{"customerIds":`+string(ids)+`}`, "Idempotency-Key", key)
		if status < 500 {
			require.NoError(t, json.Unmarshal(text, &answer))
			require.True(t, status/100 == 2 || answer.Code == "journey-not-active", "%s", text)
		}
		if answer.Enrolled == len(customers) {
			return
		}
		<-ticker.C
	}
	t.Errorf("the call %s did not enroll all of its customers; its last answer: %d %s", key, status, text)
}

// hanging is a channel that passes messages to an inbox. While it hangs it takes
// every other message, drops the rest, and answers none.
type hanging struct {
	server *httptest.Server
	inbox  http.Handler

	mu   sync.Mutex     // guards the rest
	ends chan struct{}  // closed when the channel answers again; nil while it does
	all  int            // messages without an answer
	held map[string]int // the same, by customer
}

func newHanging(t *testing.T) *hanging {
	h := &hanging{held: map[string]int{}}
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
func (h *hanging) hold(customer string) (ends chan struct{}, takes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ends == nil {
		return nil, true
	}
	h.all++
	h.held[customer]++
	return h.ends, h.all%2 == 0
}

// heldOf returns the number of messages to the customers that hang, or did.
func (h *hanging) heldOf(customers []string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, customer := range customers {
		n += h.held[customer]
	}
	return n
}

func (h *hanging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m letter
	if err != nil || json.Unmarshal(body, &m) != nil {
		http.Error(w, "not a message", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ends, takes := h.hold(m.CustomerID)
	if ends == nil {
		h.inbox.ServeHTTP(w, r)
		return
	}
	if takes {
		h.inbox.ServeHTTP(httptest.NewRecorder(), r)
	}
	select {
	case <-ends:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler) // closes the connection
}
