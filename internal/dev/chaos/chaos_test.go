package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/analytics"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/lambda"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

const (
	graphs      = 5  // journeys of a seed, of which callers change each in another way
	perGraph    = 44 // customers of each: 220 in all
	leastFaults = 20
	cruelFor    = 25 * time.Second // at least; a process that is frozen for long comes back meanwhile
	countFor    = time.Minute      // at most, until everything is counted
	drainFor    = 3 * time.Minute  // at most, after the faults; a lease and a back-off fit in many times
)

// decisions answer by the attribute a1; conditions read the score.
const decisions = `{"decisions":{"*":{"type":"rules","offers":[
	{"id":"low","priority":2},{"id":"high","priority":7,"condition":{"field":"a1","operator":"gte","value":5}}]}},
	"channels":{"*":{"type":"inbox","url":"{inbox}"}},"allowPrivate":["127.0.0.1"]}`

// Customers go through random graphs on the real functions and the real
// DynamoDB Local, while processes are killed and frozen around every request,
// requests are throttled or applied with a lost answer, and invocations come
// twice, late or never. Once that stops, everybody comes out the way that /test
// shows, what is written tells that nothing happened twice, and the figures that
// were counted from the stream are those of the enrollments.
func TestChaos_RealParts(t *testing.T) {
	if *seedFlag >= 0 {
		chaos(t, uint64(*seedFlag))
		return
	}
	for seed := range *seedsFlag {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel() // most of it is waiting for leases
			chaos(t, seed)
		})
	}
}

func chaos(t *testing.T, seed uint64) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("replay: go test ./internal/dev/chaos -run Chaos -seed %d -v", seed)
		}
	})
	w := newWorld(t, seed)
	for i := range graphs {
		w.makeJourney(t, i)
	}
	watched := w.watchStream(t)
	w.beCruel(t)
	w.requireInIndex(t)
	w.drain(t)
	w.check(t)
	w.requireCounted(t)
	watched.requireEveryRev(t, w)
	w.requireCounted(t) // what came again meanwhile changed nothing
	w.requireAudited(t)
	t.Logf("seed %d: %d customers out, %d made to leave, %d waits ended by an event, %d messages, 0 wrong figures; %s",
		seed, graphs*perGraph+later, w.madeToLeave, w.woken, w.messages, w.cruelty)
}

// world is one machine with its journeys.
type world struct {
	machine  *local.Machine
	cruelty  *lambda.Faults
	store    *dynamo.Store
	r        *rand.Rand
	token    string
	tenant   journey.Tenant
	journeys []*course
	messages int

	sent, woken, madeToLeave int // events, waits that one ended, and customers
}

// course is a journey with its customers.
type course struct {
	id         journey.ID
	graphs     []string // by version, from 1
	ended      string   // why everybody has to leave; "" if not
	customers  []string
	attributes map[string][2]int // a0 and a1
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	output, err := os.CreateTemp("", "journeys-chaos-*.log")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = output.Close()
		if t.Failed() {
			t.Log("the functions printed to", output.Name())
		} else {
			_ = os.Remove(output.Name())
		}
	})
	w := &world{cruelty: lambda.NewFaults(seed), r: rand.New(rand.NewPCG(seed, 9))}
	w.tenant, _ = journey.ParseTenant("chaos")
	listener, err := local.Listen(t.Context(), 0)
	require.NoError(t, err)
	w.machine, err = local.Start(t.Context(), local.Options{
		Root: root, Listener: listener, Ephemeral: true, Minute: 500 * time.Millisecond,
		Providers: decisions, Faults: w.cruelty, Log: output,
	})
	require.NoError(t, err)
	t.Cleanup(w.machine.Stop)
	w.store = w.machine.Store()
	w.token, err = w.machine.Issuer.Token("chaos", manifest.Admin, time.Now())
	require.NoError(t, err)
	return w
}

// call makes a call again until it succeeds: what befalls the functions befalls
// those of the API too.
func (w *world) call(t *testing.T, method, path, body string, header ...string) []byte {
	t.Helper()
	for range 100 {
		status, text := w.try(t, method, path, body, header...)
		if status < 500 {
			require.Equal(t, 2, status/100, "%s %s: %s", method, path, text)
			return text
		}
	}
	t.Fatalf("%s %s failed 100 times", method, path)
	return nil
}

// try makes a call once.
func (w *world) try(t *testing.T, method, path, body string, header ...string) (status int, text []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.machine.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+w.token)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, text
}

var delays = regexp.MustCompile(`"delayHours":(\d+)`)

// shorten makes an hour of waiting as long as that.
func shorten(graph string, hour time.Duration) string {
	return delays.ReplaceAllStringFunc(graph, func(delay string) string {
		hours, _ := strconv.Atoi(delays.FindStringSubmatch(delay)[1])
		return fmt.Sprintf(`"delayHours":%.9f`, (time.Duration(hours) * hour).Hours())
	})
}

// hour is as long as an hour of waiting lasts.
const hour = 40 * time.Millisecond

// newGraph returns a graph for a journey. Events need waits that await them,
// and last for long enough.
func (w *world) newGraph(number int) string {
	if number != toSendEvents {
		return shorten(journeytest.Graph(w.r, 8+w.r.IntN(20)), hour)
	}
	for {
		graph := journeytest.Graph(w.r, 8+w.r.IntN(20))
		if strings.Contains(graph, "waitForEvent") {
			return shorten(graph, 10*hour)
		}
	}
}

func (w *world) makeJourney(t *testing.T, number int) {
	t.Helper()
	graph := w.newGraph(number)
	body := fmt.Sprintf(`{"name":"chaos %d","definition":%s}`, number, graph)
	var made struct{ ID journey.ID }
	require.NoError(t, json.Unmarshal(w.call(t, "POST", manifest.BasePath+"/journeys", body), &made))
	w.call(t, "PUT", manifest.BasePath+"/journeys/"+string(made.ID), `{"status":"active"}`)
	c := &course{id: made.ID, graphs: []string{graph}, attributes: map[string][2]int{}}
	w.makeCustomers(t, c, perGraph)
	w.journeys = append(w.journeys, c)
}

// makeCustomers gives a journey n more customers, who are known by now.
func (w *world) makeCustomers(t *testing.T, c *course, n int) []string {
	t.Helper()
	for range n {
		customer := fmt.Sprintf("c%s-%d", c.id[len(c.id)-4:], len(c.customers))
		a := [2]int{w.r.IntN(10), w.r.IntN(10)}
		c.customers, c.attributes[customer] = append(c.customers, customer), a
		require.NoError(t, w.store.PutProfile(t.Context(), w.tenant, journey.Profile{
			Customer: customer, Attributes: []byte(attributes(a)), UpdatedAt: time.Now(),
		}))
	}
	return c.customers[len(c.customers)-n:]
}

func attributes(a [2]int) string { return fmt.Sprintf(`{"a0":%d,"a1":%d}`, a[0], a[1]) }

// beCruel enrolls everybody while the faults go on, and lets them go on for a
// while more.
func (w *world) beCruel(t *testing.T) {
	t.Helper()
	w.cruelty.Start()
	enough := time.After(cruelFor)
	for number, c := range w.journeys {
		w.enroll(t, c, c.customers, "all")
		w.end(t, number)
	}
	w.interfere(t)
	<-enough
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for w.inside(t) > 0 && w.faults() < 2*leastFaults {
		<-look.C
	}
	w.cruelty.Stop()
	require.GreaterOrEqual(t, w.faults(), leastFaults, w.cruelty)
}

// enroll enrolls customers, until all of them are.
func (w *world) enroll(t *testing.T, c *course, customers []string, key string) {
	t.Helper()
	ids, err := json.Marshal(customers)
	require.NoError(t, err)
	for left := len(customers); left > 0; {
		var counts struct{ Enrolled, Errors int }
		text := w.call(t, "POST", c.path()+"/enroll", `{"customerIds":`+string(ids)+`}`, "Idempotency-Key", key)
		require.NoError(t, json.Unmarshal(text, &counts))
		left = len(customers) - counts.Enrolled
		require.Equal(t, left, counts.Errors, "nobody else enrolls them")
	}
}

func (w *world) faults() (n int) {
	for _, count := range w.cruelty.Counts() {
		n += count
	}
	return n
}

// load returns all enrollments of a journey.
func (w *world) load(t *testing.T, c *course) (*engine.Live, map[string]journey.Enrollment) {
	t.Helper()
	live, list, err := w.store.Load(t.Context(), w.tenant, c.id, c.customers)
	require.NoError(t, err)
	require.Len(t, list, len(c.customers))
	byCustomer := map[string]journey.Enrollment{}
	for _, e := range list {
		byCustomer[e.Customer] = e
	}
	return live, byCustomer
}

func (w *world) inside(t *testing.T) (n int) {
	t.Helper()
	for _, c := range w.journeys {
		_, list := w.load(t, c)
		for _, e := range list {
			if e.Status == journey.Inside {
				n++
			}
		}
	}
	return n
}

// requireInIndex holds the index against the enrollments: who is inside, and
// was not written meanwhile, is in it.
func (w *world) requireInIndex(t *testing.T) {
	t.Helper()
	for _, c := range w.journeys {
		live, before := w.load(t, c)
		indexed := map[string]bool{}
		if live == nil { // everybody has left an ended journey
			require.NotEmpty(t, c.ended)
			live = &engine.Live{}
		}
		for k := range live.Shards * (live.Epoch - live.DrainFrom + 1) {
			shard := engine.Shard{
				Tenant: w.tenant, Journey: c.id, Epoch: live.DrainFrom + k/live.Shards, Number: k % live.Shards,
			}
			page, more, err := w.store.Due(t.Context(), shard, time.UnixMilli(1<<52), nil)
			require.NoError(t, err)
			require.Nil(t, more)
			for _, due := range page {
				indexed[due.Customer] = true
			}
		}
		_, after := w.load(t, c)
		for customer, e := range before {
			if e.Status == journey.Inside && after[customer].Rev == e.Rev {
				require.True(t, indexed[customer], "%s is inside and not in the index", customer)
			}
		}
	}
}

// drain waits until everybody is out.
func (w *world) drain(t *testing.T) {
	t.Helper()
	limit := time.Now().Add(drainFor)
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for {
		n := w.inside(t)
		if n == 0 {
			return
		}
		require.True(t, time.Now().Before(limit), "%d customers are still inside", n)
		<-look.C
	}
}

// requireCounted waits until the figures that the stream's counter made are
// those that the enrollments tell, and holds the API's promises against them.
func (w *world) requireCounted(t *testing.T) {
	t.Helper()
	limit := time.Now().Add(countFor)
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for _, c := range w.journeys {
		_, list := w.load(t, c)
		var truth analytics.Figures
		for _, e := range list {
			truth.Recount(e, "9999-12-31")
		}
		require.Empty(t, truth.Faults())
		for {
			counted, err := w.store.Counters(t.Context(), w.tenant, c.id, analytics.Range{})
			require.NoError(t, err)
			figures := counted.Figures()
			if reflect.DeepEqual(shape(&truth), shape(&figures)) {
				require.Empty(t, figures.Faults())
				require.Zero(t, figures.Poison)
				break
			}
			if time.Now().After(limit) {
				require.Equal(t, shape(&truth), shape(&figures), "the enrollments of %s, and what is counted", c.id)
			}
			<-look.C
		}
		if c.ended != "journey_deleted" { // nobody is shown that one's
			w.requireIdentities(t, c)
		}
	}
}

// shape is what of figures must be the same, however they were made.
func shape(f *analytics.Figures) map[string]analytics.Graph {
	graphs := map[string]analytics.Graph{}
	for hash, g := range f.Graphs {
		steps := g.Steps
		for len(steps) > 0 && steps[len(steps)-1] == (analytics.Step{}) {
			steps = steps[:len(steps)-1]
		}
		graphs[hash] = analytics.Graph{Version: g.Version, Totals: g.Totals, Steps: steps}
	}
	return graphs
}

// requireIdentities holds what GET analytics answers to what the contract says
// is always true of it.
func (w *world) requireIdentities(t *testing.T, c *course) {
	t.Helper()
	type counts struct{ Total, Entered, Active, Completed, Expired, Cancelled, Failed, Dropped int }
	var shown struct {
		Enrollments counts
		Steps       []counts
	}
	text := w.call(t, "GET", manifest.BasePath+"/journeys/"+string(c.id)+"/analytics", "")
	require.NoError(t, json.Unmarshal(text, &shown))
	e := shown.Enrollments
	require.Equal(t, len(c.customers), e.Total)
	require.Equal(t, e.Total, e.Active+e.Completed+e.Expired+e.Cancelled+e.Failed)
	require.NotEmpty(t, shown.Steps)
	for _, s := range shown.Steps {
		require.Equal(t, s.Entered, s.Completed+s.Active+s.Failed+s.Dropped)
	}
}

type message struct{ CustomerID, NodeID, IdempotencyKey string }

// check holds what became of everybody against what /test shows, and against
// what was sent.
func (w *world) check(t *testing.T) {
	t.Helper()
	for _, c := range w.journeys {
		var inbox struct{ Data []message }
		text := w.call(t, "GET", local.InboxPath+"?journeyId="+string(c.id), "")
		require.NoError(t, json.Unmarshal(text, &inbox))
		sent := map[string]int{} // messages, each of another key
		for _, m := range inbox.Data {
			sent[m.CustomerID+" at "+m.NodeID]++
		}
		expected := map[string]int{}
		_, list := w.load(t, c)
		for customer, e := range list {
			steps, went := w.way(t, c, e)
			for _, step := range steps {
				if node, ok := strings.CutSuffix(step, " sent"); ok {
					expected[customer+" at "+node]++
				}
			}
			// It may have been sent, and they left before that was written.
			if last := customer + " at " + went.NodeID; went.Status == "cancelled" && sent[last] > 0 {
				expected[last]++
			}
		}
		require.Equal(t, expected, sent, "messages by customer and node, one key each")
		w.messages += len(inbox.Data)
	}
}

// way returns a customer's path, which is that of /test, as far as they came.
func (w *world) way(t *testing.T, c *course, e journey.Enrollment) (steps []string, went gone) {
	t.Helper()
	went = w.went(t, c, e)
	if c.ended == "" || went.Status != "cancelled" {
		require.Equal(t, "completed", went.Status, "%s: %s", e.Customer, went.ExitReason)
	} else {
		require.Equal(t, c.ended, went.ExitReason)
		w.madeToLeave++
	}
	for _, s := range went.Path {
		if s.Result != "" {
			steps = append(steps, s.NodeID+" "+s.Result)
		}
	}
	expected := w.shown(t, c, e.Customer, went)
	if went.Status == "cancelled" {
		expected = expected[:len(steps)]
	}
	require.Equal(t, expected, append([]string{}, steps...), e.Customer)
	return steps, went
}

func score(a [2]int) int {
	if a[1] >= 5 {
		return 7
	}
	return 2
}

// requireEveryRev looks at each write of each enrollment: every revision from
// the first to the last was written, once.
func (s *stream) requireEveryRev(t *testing.T, w *world) {
	t.Helper()
	written := s.revs(t)
	for _, c := range w.journeys {
		_, list := w.load(t, c)
		for customer, e := range list {
			var all []int64
			for rev := int64(1); rev <= e.Rev; rev++ {
				all = append(all, rev)
			}
			require.Equal(t, all, written[customer], "revisions of %s", customer)
		}
	}
	require.Len(t, slices.Collect(maps.Keys(written)), graphs*perGraph+later)
}
