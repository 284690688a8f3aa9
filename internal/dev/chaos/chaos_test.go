package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/lambda"
	"journeys/internal/progress"
)

const (
	journeyCount = 6  // of a seed; callers change each in another way
	perJourney   = 37 // customers: 222 in all
	leastFaults  = 20
	faultsFor    = 25 * time.Second // at least, so that processes frozen for long thaw meanwhile
	countFor     = time.Minute      // at most, until everything is counted
	drainFor     = 10 * time.Minute // at most, after the faults: many leases, and back-offs of minutes after many failures
)

// Customers go through random graphs on the real functions and DynamoDB Local.
// Meanwhile processes are killed and frozen around every request, requests are
// throttled or applied with a lost answer, providers answer slowly or never, and
// invocations come twice, late, never or with little time. Events come, and dates
// move, while customers wait, leave by events and conditions, convert, and enter again by
// calls and events that are repeated. After the faults every customer must have left by the
// path that /test shows, or by an exit that they met. No event may be lost or end two waits,
// no message may be sent and no update made twice in a run, no call or event may start two
// runs, every revision must be written once, and the figures counted from the stream must
// equal those of all runs.
//
// All of that holds for a second tenant too, whose channel hangs while its journeys are
// archived, paused and started all the time. While the channel hangs and the engine knows,
// none of its messages is begun, except for probes, and the first tenant's are sent. Its own
// are sent once the channel answers again. How late messages are beside it, and without, is
// logged.
//
// A third tenant's customers subscribe and unsubscribe by calls and by the links in messages,
// their addresses are suppressed and released, the provider reports what became of messages in
// any order, often and late, and some customers are forgotten and come back under another id.
// No message is claimed a second after it certainly was not wanted, and only those who may
// not have wanted one miss it. Waits and conditions know each click. Each kind of feedback
// counts once for each message, every message has a record, nothing names the customers who
// were forgotten, and their opt-outs hold for their addresses.
func TestChaos_RealParts(t *testing.T) {
	all := &occurred{total: map[string]int{}}
	if *seedFlag >= 0 {
		chaos(t, uint64(*seedFlag), all)
		return
	}
	t.Cleanup(func() { // after all seeds
		if !t.Failed() {
			all.requireAll(t)
		}
	})
	for seed := *firstFlag; seed < *firstFlag+*seedsFlag; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel() // most of it waits for leases
			chaos(t, seed, all)
		})
	}
}

func chaos(t *testing.T, seed uint64, all *occurred) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("replay: go test ./internal/dev/chaos -run Chaos -seed %d -v", seed)
		}
	})
	begun := time.Now()
	var phases []string
	end := func(phase string) {
		phases = append(phases, fmt.Sprintf("%s %.0f s", phase, time.Since(begun).Seconds()))
		begun = time.Now()
	}
	w := newWorld(t, seed)
	n := w.newNeighbor(t, seed)
	c := w.newConsenting(t, seed)
	for number := range journeyCount {
		w.createJourney(t, number)
	}
	written := w.openStream(t)
	end("start")
	c.act(t)
	w.runWithFaults(t, n)
	end("faults")
	n.press(t)
	c.rest()
	end("press")
	beside := w.sendInTime(t)
	n.requireHeld(t)
	n.rest()
	end("in time")
	w.requireIndexed(t)
	n.requireIndexed(t)
	w.drain(t)
	end("drain")
	w.sendLate(t)
	w.begin(t, rounds-1)
	w.drain(t)
	w.repeat(t)
	w.drain(t)
	end("further runs")
	n.drain(t) // its messages come all at once when its channel answers again
	end("neighbor")
	c.drain(t)
	c.reportAgain(t)
	end("consenting")
	alone := w.sendInTime(t)
	end("alone")
	histories := written.histories(t)
	for _, tenant := range []*world{w, n.world} {
		tenant.written = histories[tenant.tenant.String()]
		tenant.requirePathsAndMessages(t)
		all.add(tenant.kinds)
	}
	all.add(map[string]int{string(lambda.Slow): w.injected.Counts()[lambda.Slow]})
	end("paths")
	for _, tenant := range []*world{w, n.world} {
		tenant.requireCounted(t)
		written.requireEveryRevision(t, tenant)
		tenant.requireCounted(t) // repeated stream batches changed nothing
	}
	c.requireAll(t, written)
	all.add(c.kinds)
	end("figures")
	w.requireAudited(t)
	end("audit")
	w.requireNoSecretLogged(t)
	t.Logf("seed %d: %s, %d effects put off, 0 wrong figures; the neighbor: %s; the consenting tenant: %s; %d messages hung, %d of late customers; lateness beside it: %s, without: %s; %s; %s",
		seed, w, w.effectsPutOff(t), n.world, c, n.channel.all, n.channel.heldOf(n.late.customers), beside, alone, w.injected, strings.Join(phases, ", "))
}

// String returns what happened in a tenant's journeys.
func (w *world) String() string {
	customers := 0
	for _, c := range w.cohorts {
		customers += len(c.customers)
	}
	return fmt.Sprintf("%d customers out, %d made to leave, %s, %d messages, %d profiles updated",
		customers, w.madeToLeave, list(w.kinds), w.messages, w.updates)
}

var putOff = regexp.MustCompile(`"putOff":([0-9]+)`)

// effectsPutOff returns how many effects were put off for lack of time, by the
// functions' log.
func (w *world) effectsPutOff(t *testing.T) (total int) {
	t.Helper()
	text, err := os.ReadFile(w.log)
	require.NoError(t, err)
	for _, match := range putOff.FindAllSubmatch(text, -1) {
		n, err := strconv.Atoi(string(match[1]))
		require.NoError(t, err)
		total += n
	}
	return total
}

// runWithFaults enrolls all customers and acts on their journeys under faults,
// and lets the faults go on until enough have happened or all customers are out.
func (w *world) runWithFaults(t *testing.T, n *neighbor) {
	t.Helper()
	w.injected.Start()
	n.act(t)
	enough := time.After(faultsFor)
	for number, c := range w.cohorts {
		w.enroll(t, c, c.customers, "all")
		w.end(t, number)
	}
	w.actAsCallers(t)
	<-enough
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for w.inside(t) > 0 && w.faults() < 2*leastFaults {
		<-ticker.C
	}
	n.channel.hang()
	<-time.After(hangUnderFaults)
	w.injected.Stop()
	require.GreaterOrEqual(t, w.faults(), leastFaults, w.injected)
}

// faults returns the number of faults so far.
func (w *world) faults() (n int) {
	for _, count := range w.injected.Counts() {
		n += count
	}
	return n
}

// enroll repeats an enroll call until it has enrolled all of the customers.
func (w *world) enroll(t *testing.T, c *cohort, customers []string, key string) {
	t.Helper()
	ids, err := json.Marshal(customers)
	require.NoError(t, err)
	for left := len(customers); left > 0; {
		var counts struct{ Enrolled, Errors int }
		text := w.call(t, "POST", c.path()+"/enroll", `{"customerIds":`+string(ids)+`}`, "Idempotency-Key", key)
		require.NoError(t, json.Unmarshal(text, &counts))
		left = len(customers) - counts.Enrolled
		require.Equal(t, left, counts.Errors, "no other call enrolls them")
	}
}

// drain waits until no customer is inside. It ends waits that would last too long.
func (w *world) drain(t *testing.T) {
	t.Helper()
	limit := time.Now().Add(drainFor)
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		var inside []string
		for _, c := range w.cohorts {
			_, list := w.load(t, c)
			for _, e := range list {
				if e.Status != progress.Inside {
					continue
				}
				inside = append(inside, fmt.Sprintf("%s at %s of %s since %s, due %s", e.Customer, c.graph(t, e.Version).NodeID(e.Node), c.id, instant(e.Since), instant(e.Due)))
				if c.exitReason == "" {
					w.rescue(t, c, e)
				}
			}
		}
		if len(inside) == 0 {
			return
		}
		require.True(t, time.Now().Before(limit), "still inside: %s", strings.Join(inside, "; "))
		<-ticker.C
	}
}
