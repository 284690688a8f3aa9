package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"journeys/internal/dev/lambda"
	"journeys/internal/ident"
	"journeys/internal/progress"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/client"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

const providers = `{"decisions":{"*":{"type":"http","url":"{decide}","secret":"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
	"channels":{"*":{"type":"inbox","url":"{inbox}"},"hanging":{"type":"inbox","url":"{hanging}","tenants":["` + neighborName + `"]}},"allowPrivate":["127.0.0.1"]}`

// world is one machine and the journeys of a tenant.
type world struct {
	machine  *local.Machine
	injected *lambda.Faults
	log      string // file of the functions' log
	channel  *hanging
	store    *dynamo.Store
	r        *rand.Rand
	api      *client.Client // calls the machine, not only below the base path
	tenant   ident.Tenant
	cohorts  []*cohort
	messages int
	sent     []*sentEvent
	rescued  map[string]time.Time           // by customer and node
	events   map[string][]journeytest.Heard // by customer, once all are out
	written  map[string]*history            // the same
	sentBy   map[uint64]*sentEvent          // by the ID of the stamp
	again    *reentry
	plain    ident.ID // of a journey without settings, for /test

	madeToLeave, updates int            // customers, updates of profiles
	kinds                map[string]int // what has happened, by kind: see kinds
}

// cohort is a journey and its customers.
type cohort struct {
	id         ident.ID
	graphs     []string // by version, from 1, without settings
	settings   []settings
	exitReason string // of customers whose journey was ended; "" if it was not
	customers  []string
	people     map[string]*person
	alike      bool     // all customers go the same way
	shown      []string // by /test, if they do
}

// person is a customer.
type person struct {
	entry      string                   // attributes at the entry
	s          [2]int                   // s0 and s1, which nothing changes
	attributes []journeytest.Attributes // over time
	stored     string                   // attributes by the last change
	again      bool                     // a handler of a change may repeat it later
}

// graph returns the graph of a version.
func (c *cohort) graph(t *testing.T, version int) *progress.Graph {
	t.Helper()
	return journeytest.Definition(t, c.graphs[version-1]).Graph
}

func (c *cohort) path() string { return manifest.BasePath + "/journeys/" + string(c.id) }

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	output, err := os.CreateTemp("", "journeys-chaos-*.log")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = output.Close()
		if t.Failed() {
			t.Log("the functions' log is", output.Name())
		} else {
			_ = os.Remove(output.Name())
		}
	})
	w := &world{log: output.Name(), injected: lambda.NewFaults(seed), channel: newHanging(t)}
	listener, err := local.Listen(t.Context(), 0)
	require.NoError(t, err)
	w.machine, err = local.Start(t.Context(), local.Options{
		Root: root, Listener: listener, Ephemeral: true, Minute: minute, Faults: w.injected, Log: output,
		Providers: strings.ReplaceAll(providers, "{hanging}", w.channel.server.URL), Decide: http.HandlerFunc(decide),
	})
	require.NoError(t, err)
	t.Cleanup(w.machine.Stop)
	w.channel.inbox = w.machine.Inbox
	w.store = w.machine.Store()
	return w.of(t, "chaos", rand.New(rand.NewPCG(seed, 9)))
}

// of returns the world of a tenant on the same machine.
func (w *world) of(t *testing.T, tenant string, r *rand.Rand) *world {
	t.Helper()
	other := &world{
		machine: w.machine, injected: w.injected, log: w.log, channel: w.channel, store: w.store, r: r,
		rescued: map[string]time.Time{}, kinds: map[string]int{}, sentBy: map[uint64]*sentEvent{},
	}
	other.tenant, _ = ident.ParseTenant(tenant)
	token, err := w.machine.Issuer.Token(tenant, manifest.Admin, time.Now())
	require.NoError(t, err)
	other.api = &client.Client{Base: w.machine.URL, Token: client.Fixed(token)}
	other.plain = other.create(t, `{"name":"plain"}`)
	return other
}

// call repeats a call until it succeeds: the API's functions suffer faults too.
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
	a, err := w.api.Call(t.Context(), method, path, []byte(body), header...)
	require.NoError(t, err)
	return a.Status, a.Body
}

var delayHours = regexp.MustCompile(`"delayHours":(\d+)`)

// scaleWaits shortens the waits of a graph: an hour lasts as long as hour.
func scaleWaits(graph string, hour time.Duration) string {
	return delayHours.ReplaceAllStringFunc(graph, func(delay string) string {
		hours, _ := strconv.Atoi(delayHours.FindStringSubmatch(delay)[1])
		return fmt.Sprintf(`"delayHours":%.9f`, (time.Duration(hours) * hour).Hours())
	})
}

// insist lets a graph lead a customer the same way in every journey and in spite of
// faults: random splits get a salt, and decisions that fail are asked again.
func insist(graph string) string {
	graph = unsalted.ReplaceAllString(graph, `$1],"salt":"control"}`)
	return strings.ReplaceAll(graph, `"decisionFlowId":"next-best"`, `"decisionFlowId":"next-best","onError":"fail"`)
}

// unsalted matches the end of a random split's branches if it has no salt.
var unsalted = regexp.MustCompile(`("weight":\d+\})\]\}`)

// How long things last.
const (
	minute = 500 * time.Millisecond // of schedules
	hour   = 40 * time.Millisecond  // of the waits of random graphs
)

// newGraph returns a random graph for a journey. The one that gets most events has long
// waits for them. Those that are not ended soon begin with a wait until a date.
func (w *world) newGraph(number int) string {
	length := hour
	switch number {
	case toSendEvents:
		length *= 10
	case toReenter:
		length /= 4
	}
	until := w.drawUntil
	if number == toReenter { // all the waits are short
		until = func(string) string { return "" }
	}
	graph := journeytest.GraphUntil(w.r, 8+w.r.IntN(20), until)
	return firstWait(insist(scaleWaits(graph, length)), w.firstWaits()[number])
}

func (w *world) createJourney(t *testing.T, number int) {
	t.Helper()
	graph := w.newGraph(number)
	pinned, entry := drawSettings(number), ""
	if number == toReenter {
		entry = fmt.Sprintf(`,"entryCondition":{"event":%q},"reentry":{"mode":"afterExit"}`, starting)
	}
	w.addCustomers(t, w.start(t, graph, pinned, entry), perJourney)
}

// start starts a journey, and returns its cohort without customers. more is further members
// of the journey.
func (w *world) start(t *testing.T, graph string, pinned settings, more string) *cohort {
	t.Helper()
	id := w.create(t, fmt.Sprintf(`{"name":"chaos %d","definition":%s,%s%s}`, len(w.cohorts), graph, pinned.members(), more))
	c := &cohort{id: id, graphs: []string{graph}, settings: []settings{pinned}, people: map[string]*person{}}
	w.call(t, "PUT", c.path(), `{"status":"active"}`)
	w.cohorts = append(w.cohorts, c)
	return c
}

// create creates a journey and returns its id.
func (w *world) create(t *testing.T, body string) ident.ID {
	t.Helper()
	var created struct{ ID ident.ID }
	require.NoError(t, json.Unmarshal(w.call(t, "POST", manifest.BasePath+"/journeys", body), &created))
	return created.ID
}

// addCustomers adds n customers with profiles to a cohort and returns their ids.
func (w *world) addCustomers(t *testing.T, c *cohort, n int) []string {
	t.Helper()
	for range n {
		customer := fmt.Sprintf("c%s-%d", c.id[len(c.id)-4:], len(c.customers))
		p := w.newPerson(t)
		c.customers, c.people[customer] = append(c.customers, customer), p
		require.NoError(t, w.store.Customers.PutProfile(t.Context(), w.tenant, journey.Profile{
			Customer: customer, Attributes: []byte(p.entry), UpdatedAt: time.Now(),
		}, 0))
	}
	return c.customers[len(c.customers)-n:]
}

// newPerson draws a customer. No update changes s0 and s1.
func (w *world) newPerson(t *testing.T) *person {
	t.Helper()
	p := &person{s: [2]int{w.r.IntN(10), w.r.IntN(10)}}
	p.entry = fmt.Sprintf(`{"a0":%[1]d,"a1":%[2]d,"s0":%[1]d,"s1":%[2]d,%[3]s}`, p.s[0], p.s[1], w.drawDates())
	p.stored, p.attributes = p.entry, []journeytest.Attributes{{Value: parse(t, p.entry)}}
	return p
}

// decide is the decision service. Conditions read the score.
func decide(w http.ResponseWriter, r *http.Request) {
	var question struct{ Attributes struct{ S0, S1 int } }
	if json.NewDecoder(r.Body).Decode(&question) != nil {
		http.Error(w, "not a question", http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, `{"score":%d}`, score([2]int{question.Attributes.S0, question.Attributes.S1}))
}

// score returns what is decided for a customer.
func score(a [2]int) int {
	if a[1] >= 5 {
		return 7
	}
	return 2
}

// load returns the latest enrollments of a cohort, by customer.
func (w *world) load(t *testing.T, c *cohort) (*engine.Live, map[string]progress.Enrollment) {
	t.Helper()
	var live *engine.Live
	byCustomer := map[string]progress.Enrollment{}
	for customers := range slices.Chunk(c.customers, engine.PackSize) {
		loaded, err := w.store.Engine.Load(t.Context(), w.tenant, c.id, customers)
		require.NoError(t, err)
		for _, e := range loaded.Enrollments {
			byCustomer[e.Customer] = e
		}
		live = loaded.Live
	}
	require.Len(t, byCustomer, len(c.customers))
	return live, byCustomer
}

// inside returns the number of customers inside a journey.
func (w *world) inside(t *testing.T) (n int) {
	t.Helper()
	for _, c := range w.cohorts {
		_, list := w.load(t, c)
		for _, e := range list {
			if e.Status == progress.Inside {
				n++
			}
		}
	}
	return n
}

// requireIndexed checks that every enrollment that is inside, and was not written
// meanwhile, is in the due index.
func (w *world) requireIndexed(t *testing.T) {
	t.Helper()
	for _, c := range w.cohorts {
		live, before := w.load(t, c)
		indexed := map[string]bool{}
		if live == nil { // an ended journey has drained
			require.NotEmpty(t, c.exitReason)
			live = &engine.Live{}
		}
		for k := range live.Shards * (live.Epoch - live.DrainFrom + 1) {
			shard := journey.Partition{
				Tenant: w.tenant, Journey: c.id, Epoch: live.DrainFrom + k/live.Shards, Shard: k % live.Shards,
			}
			page, more, err := w.store.Engine.Due(t.Context(), shard, time.UnixMilli(1<<52), nil, engine.PageSize)
			require.NoError(t, err)
			require.Nil(t, more)
			for _, due := range page {
				indexed[due.Customer] = true
			}
		}
		_, after := w.load(t, c)
		for customer, e := range before {
			if e.Status == progress.Inside && after[customer].Rev == e.Rev {
				require.True(t, indexed[customer], "%s is inside but not in the index", customer)
			}
		}
	}
}
