package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"journeys/internal/condition"
	"journeys/internal/engine"
	"journeys/internal/journey"
	"journeys/internal/provider"
	"journeys/internal/strict"
)

// desk is a table and a provider of a few journeys in memory, without faults.
type desk struct {
	lives    []engine.Live
	due      map[journey.Partition][]journey.DueKey
	grown    []journey.ID
	drained  []journey.ID
	packs    []engine.Pack
	graph    journey.Definition
	items    map[string]journey.Enrollment
	readErr  error // of enrollments
	sendErr  error
	askErr   error
	attempts int
	now      time.Time

	attributes string // of every customer; "" for none
	answer     string // of every decision; "" for none
	uncertain  []bool // of each message
	messages   []engine.Message
}

func (d *desk) Lives(context.Context) ([]engine.Live, error) { return d.lives, nil }

func (d *desk) Load(_ context.Context, _ journey.Tenant, id journey.ID, customers []string) (*engine.Live, []journey.Enrollment, error) {
	var list []journey.Enrollment
	for _, c := range customers {
		if e, ok := d.items[c]; ok {
			list = append(list, e)
		}
	}
	return &d.lives[0], list, d.readErr
}

func (d *desk) Due(_ context.Context, s journey.Partition, _ time.Time, after *journey.DueKey) ([]journey.DueKey, *journey.DueKey, error) {
	all := d.due[s]
	begin := 0
	if after != nil {
		for all[begin] != *after {
			begin++
		}
		begin++
	}
	page := all[begin:min(len(all), begin+engine.PageSize)]
	if begin+len(page) < len(all) {
		return page, &page[len(page)-1], nil
	}
	return page, nil, nil
}

func (d *desk) GrowShards(_ context.Context, l engine.Live) error {
	d.grown = append(d.grown, l.Journey)
	return nil
}

func (d *desk) Drained(_ context.Context, l engine.Live) error {
	d.drained = append(d.drained, l.Journey)
	return nil
}

func (d *desk) Definition(context.Context, journey.Tenant, journey.ID, string) ([]byte, error) {
	return d.graph.Raw, nil
}

func (d *desk) Profiles(context.Context, journey.Tenant, []string) (map[string]engine.Profile, error) {
	attributes, _ := condition.ParseValue([]byte(d.attributes))
	return map[string]engine.Profile{"c": {Attributes: attributes}}, nil
}

func (d *desk) LastEvents(context.Context, journey.Tenant, map[string]string) (map[string]time.Time, error) {
	return nil, nil
}

func (d *desk) Advance(_ context.Context, _ journey.Tenant, _ int, list []journey.Enrollment) []error {
	for _, e := range list {
		d.items[e.Customer] = e
	}
	return make([]error, len(list))
}

func (d *desk) Dispatch(_ context.Context, p engine.Pack) error {
	d.packs = append(d.packs, p)
	return nil
}

func (d *desk) Timeout() time.Duration { return 10 * time.Second }

func (d *desk) Decide(context.Context, engine.DecisionRequest) (condition.Value, error) {
	d.attempts++
	answer, _ := condition.ParseValue([]byte(d.answer))
	return answer, d.askErr
}

func (d *desk) Send(_ context.Context, m engine.Message) (journey.Result, error) {
	d.attempts++
	d.uncertain, d.messages = append(d.uncertain, m.Uncertain), append(d.messages, m)
	return journey.Sent, d.sendErr
}

func (d *desk) engine() *engine.Engine {
	return &engine.Engine{
		Table: d, Dispatcher: d, Provider: d, Parallel: 1, Now: func() time.Time { return d.now },
		Jitter: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler), Definitions: &journey.Definitions{},
	}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newDesk(journeys int) *desk {
	tenant, _ := journey.ParseTenant("t")
	d := &desk{due: map[journey.Partition][]journey.DueKey{}, items: map[string]journey.Enrollment{}, now: noon}
	for i := range journeys {
		d.lives = append(d.lives, engine.Live{Tenant: tenant, Journey: journey.ID(fmt.Sprintf("jrn_%d", i)), On: true, Shards: 2})
	}
	return d
}

// overdue puts n customers into a shard, due that long ago.
func (d *desk) overdue(live, shard, n int, ago time.Duration) {
	l := d.lives[live]
	s := journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: l.Epoch, Shard: shard}
	for range n {
		d.due[s] = append(d.due[s], journey.DueKey{Customer: fmt.Sprintf("%d-%d-%d", live, shard, len(d.due[s])), At: d.now.Add(-ago)})
	}
}

func TestTick_PacksAreOfOneJourneyAndFromAllItsShards(t *testing.T) {
	t.Parallel()

	d := newDesk(2)
	d.overdue(0, 0, 60, time.Minute)
	d.overdue(0, 1, 60, time.Minute)
	d.overdue(1, 0, 1, time.Minute)
	require.NoError(t, d.engine().Tick(t.Context()))

	sizes := map[journey.ID][]int{}
	for _, p := range d.packs {
		require.False(t, p.Solo)
		sizes[p.Journey] = append(sizes[p.Journey], len(p.Customers))
	}
	require.Equal(t, map[journey.ID][]int{"jrn_0": {99, 21}, "jrn_1": {1}}, sizes)
	require.Empty(t, d.grown)
}

func TestTick_TakesAPageOfEachJourneyInTurn(t *testing.T) {
	t.Parallel()

	d := newDesk(2)
	d.overdue(0, 0, 5*engine.PageSize, time.Minute)
	d.overdue(1, 0, 99, time.Minute)
	require.NoError(t, d.engine().Tick(t.Context()))
	for i, p := range d.packs {
		if p.Journey == "jrn_1" {
			require.LessOrEqual(t, i, engine.PageSize/engine.PackSize+1, "a small journey waits for one page of a large one, not for all")
			return
		}
	}
	t.Fatal("the small journey was never visited")
}

func TestTick_AJourneyMoreThanAPageBehindGetsMoreShards(t *testing.T) {
	t.Parallel()

	d := newDesk(2)
	d.overdue(0, 0, engine.PageSize+1, time.Minute)
	d.overdue(1, 0, engine.PageSize, time.Minute)
	require.NoError(t, d.engine().Tick(t.Context()))
	require.Equal(t, []journey.ID{"jrn_0"}, d.grown)

	d.lives[0].Shards, d.grown = engine.MaxShards, nil
	require.NoError(t, d.engine().Tick(t.Context()))
	require.Empty(t, d.grown, "there is a largest number")
}

func TestTick_WhoIsLongOverdueGoesAlone(t *testing.T) {
	t.Parallel()

	solo := func(d *desk) (n int) {
		require.NoError(t, d.engine().Tick(t.Context()))
		for _, p := range d.packs {
			if p.Solo {
				require.Len(t, p.Customers, 1)
				n++
			}
		}
		return n
	}
	d := newDesk(1)
	d.overdue(0, 0, 3, engine.SoloAfter)
	d.overdue(0, 0, 4, engine.SoloAfter-time.Second)
	require.Equal(t, 3, solo(d))

	resumed := newDesk(1)
	resumed.lives[0].Since = noon
	resumed.overdue(0, 0, 50, time.Hour)
	require.Zero(t, solo(resumed), "after a pause everybody is overdue, and nobody is suspect")

	behind := newDesk(1)
	behind.overdue(0, 0, engine.PageSize+1, time.Hour)
	require.Zero(t, solo(behind), "in a backlog everybody is overdue, and nobody is suspect")
}

func TestTick_ADrainEndsOnceNobodyIsFoundAndNobodyCanCome(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	l := &d.lives[0]
	l.On, l.Epoch, l.Since = false, 1, noon.Add(-engine.DrainGrace+time.Second)
	require.NoError(t, d.engine().Tick(t.Context()))
	require.Empty(t, d.drained, "an enroll call from before may still write")

	l.Since = noon.Add(-engine.DrainGrace)
	old := journey.Partition{Tenant: l.Tenant, Journey: l.Journey, Epoch: 0, Shard: 1}
	d.due[old] = []journey.DueKey{{Customer: "late", At: noon.Add(500 * time.Hour)}}
	require.NoError(t, d.engine().Tick(t.Context()))
	require.Empty(t, d.drained)
	require.Equal(t, []string{"late"}, d.packs[0].Customers, "who leaves does not wait for a due time")

	delete(d.due, old)
	require.NoError(t, d.engine().Tick(t.Context()))
	require.Equal(t, []journey.ID{"jrn_0"}, d.drained)
}

// enter puts a customer before an effect of the graph.
func (d *desk) enter(t *testing.T, kind, config string) {
	t.Helper()
	d.define(t, fmt.Sprintf(`{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"x","type":%q,"config":%s},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"x"},{"source":"x","target":"out"}]}`, kind, config), "")
}

// define puts a customer into a graph, by an event with these properties.
func (d *desk) define(t *testing.T, text, event string) {
	t.Helper()
	var faults strict.Faults
	v, _ := strict.Parse([]byte(text), &faults)
	var ok bool
	d.graph, ok = journey.ReadDefinition(v)
	require.True(t, ok, faults.List())
	e, _ := d.graph.Graph.Start(journey.Enrollment{
		Journey: "jrn_0", Customer: "c", GraphHash: d.graph.Hash, EnrolledAt: d.now, ExpiresAt: d.now.AddDate(1, 0, 0),
		Event: []byte(event),
	})
	d.items["c"] = e
}

// advance runs workers at each due time until the customer has left, and
// returns the pauses between them.
func (d *desk) advance(t *testing.T) []time.Duration {
	t.Helper()
	var pauses []time.Duration
	for turn := 0; d.items["c"].Status == journey.Inside; turn++ {
		require.Less(t, turn, 100)
		require.NoError(t, d.engine().Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}))
		if e := d.items["c"]; e.Status == journey.Inside {
			pauses = append(pauses, e.Due.Sub(d.now))
			d.now = e.Due
		}
	}
	return pauses
}

func TestAdvance_ASendThatFailsIsTriedTenTimesWithBackOff(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.sendErr = errors.New("refused")
	d.enter(t, "channel_action", `{"channel":"push"}`)
	pauses := d.advance(t)
	require.Equal(t, journey.Failed, d.items["c"].Status)
	require.Equal(t, "send_failed", d.items["c"].ExitReason)
	require.Equal(t, engine.MaxAttempts, d.attempts)
	require.Equal(t, []time.Duration{
		30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour,
	}, pauses)
}

func TestAdvance_TooManyIsNoAttempt(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.enter(t, "channel_action", `{"channel":"push"}`)
	d.sendErr = &engine.ThrottledError{After: 5 * time.Second}
	for range 50 {
		require.NoError(t, d.engine().Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}))
		require.Equal(t, d.now.Add(5*time.Second), d.items["c"].Due)
		d.now = d.items["c"].Due
	}
	require.Zero(t, d.items["c"].Attempts)
	d.sendErr = nil
	d.advance(t)
	require.Equal(t, journey.Completed, d.items["c"].Status)
}

func TestAdvance_OnErrorDecidesWhatAFailedDecisionDoes(t *testing.T) {
	t.Parallel()

	goOn := newDesk(1)
	goOn.askErr = errors.New("down")
	goOn.enter(t, "nba_decision", `{"decisionFlowId":"f"}`)
	goOn.advance(t)
	require.Equal(t, journey.Completed, goOn.items["c"].Status)
	require.Equal(t, journey.DecisionError, goOn.items["c"].Path.Visits(noon)[1].Result)
	require.Equal(t, 1, goOn.attempts)

	fail := newDesk(1)
	fail.askErr = errors.New("down")
	fail.enter(t, "nba_decision", `{"decisionFlowId":"f","onError":"fail"}`)
	fail.advance(t)
	require.Equal(t, journey.Failed, fail.items["c"].Status)
	require.Equal(t, "decision_failed", fail.items["c"].ExitReason)
	require.Equal(t, engine.MaxAttempts, fail.attempts)
}

func TestAdvance_APanicIsOneCustomersOwn(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.enter(t, "channel_action", `{"channel":"push"}`)
	other := d.items["c"]
	other.Customer = "other"
	d.items["other"] = other
	e := d.engine()
	e.Provider = panicking{d}
	for d.items["c"].Status == journey.Inside {
		require.NoError(t, e.Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c", "other"}}))
		d.now = d.now.Add(2 * time.Hour)
	}
	require.Equal(t, journey.Failed, d.items["c"].Status)
	require.Equal(t, "internal_error", d.items["c"].ExitReason)
	require.Equal(t, journey.Completed, d.items["other"].Status)
}

// pausing pauses the journey as its first message is sent, and some time goes by.
type pausing struct {
	*desk
	takes time.Duration
	pause func(*engine.Live)
	reads int // of whether the journey is active
}

func (p *pausing) Load(ctx context.Context, t journey.Tenant, id journey.ID, customers []string) (*engine.Live, []journey.Enrollment, error) {
	p.reads++
	live, list, err := p.desk.Load(ctx, t, id, customers)
	read := *live
	return &read, list, err
}

func (p *pausing) Send(ctx context.Context, m engine.Message) (journey.Result, error) {
	if len(p.messages) == 0 {
		p.pause(&p.lives[0])
		p.now = p.now.Add(p.takes)
	}
	return p.desk.Send(ctx, m)
}

// A pack that is under way when its journey is paused or ended sends what it
// has claimed, records that, and claims nothing more.
func TestAdvance_APauseHoldsThePackUnderWay(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		takes  time.Duration
		pause  func(*engine.Live)
		sends  int // to each of two customers
		node   int
		status journey.EnrollmentStatus
		reads  int
	}{
		"active all the time": {time.Minute, func(*engine.Live) {}, 2, 4, journey.Completed, 2},
		"paused":              {engine.LiveFor + time.Millisecond, func(l *engine.Live) { l.On = false }, 1, 2, journey.Inside, 2},
		"archived and active": {engine.LiveFor + time.Millisecond, func(l *engine.Live) { l.Epoch++ }, 1, 2, journey.Inside, 2},
		"paused a second ago": {engine.LiveFor, func(l *engine.Live) { l.On = false }, 2, 4, journey.Completed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d := newDesk(1)
			d.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},
				{"id":"a","type":"channel_action","config":{"channel":"push"}},
				{"id":"d","type":"nba_decision","config":{"decisionFlowId":"f"}},
				{"id":"b","type":"channel_action","config":{"channel":"push"}},{"id":"out","type":"exit"}],
				"edges":[{"source":"in","target":"a"},{"source":"a","target":"d"},{"source":"d","target":"b"},{"source":"b","target":"out"}]}`, "")
			other := d.items["c"]
			other.Customer = "other"
			d.items["other"] = other
			p := &pausing{desk: d, takes: test.takes, pause: test.pause}
			e := d.engine()
			e.Table, e.Provider = p, p
			require.NoError(t, e.Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c", "other"}}))
			require.Len(t, d.messages, 2*test.sends)
			require.Equal(t, test.reads, p.reads)
			for _, customer := range []string{"c", "other"} {
				e := d.items[customer]
				require.Equal(t, test.status, e.Status)
				require.Equal(t, test.node, e.Node)
				require.Equal(t, journey.Sent, e.Path.Visits(noon)[1].Result, "what was sent is recorded")
				require.Zero(t, e.Attempts)
				require.Zero(t, e.LeaseUntil, "and nothing more is claimed")
			}
			if test.status == journey.Inside {
				d.lives[0].On, d.lives[0].Epoch = true, 0
				require.Empty(t, d.advance(t), "whoever comes next goes on at once")
				require.Equal(t, journey.Completed, d.items["c"].Status)
			}
		})
	}
}

// slow takes some time for each message, and keeps until when each was claimed.
type slow struct {
	*desk
	takes time.Duration
	left  []time.Duration // of its lease, when a message was sent
}

func (s *slow) Send(ctx context.Context, m engine.Message) (journey.Result, error) {
	s.now = s.now.Add(s.takes)
	s.left = append(s.left, s.items[m.Customer].LeaseUntil.Sub(s.now))
	return s.desk.Send(ctx, m)
}

// Messages that wait for others are sent within their lease, or claimed anew: each
// once, and none while another worker could have it.
func TestAdvance_NoMessageOutlivesItsClaim(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"a","type":"channel_action","config":{"channel":"push"}},
		{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"a"},{"source":"a","target":"out"}]}`, "")
	pack := engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0"}
	first := d.items["c"]
	delete(d.items, "c")
	for i := range 20 {
		first.Customer = fmt.Sprint("c", i)
		d.items[first.Customer], pack.Customers = first, append(pack.Customers, first.Customer)
	}
	s := &slow{desk: d, takes: 3 * time.Second}
	e := d.engine()
	e.Provider = s
	require.NoError(t, e.Advance(t.Context(), pack))
	require.Len(t, d.messages, 20)
	for _, left := range s.left {
		require.GreaterOrEqual(t, left, time.Duration(0), "the lease had ended")
	}
	for _, customer := range pack.Customers {
		require.Equal(t, journey.Completed, d.items[customer].Status)
	}
	require.NotContains(t, d.uncertain, true)
}

// A claim behind a message is held too, and what was sent is recorded without it.
func TestAdvance_APauseHoldsTheNextMessage(t *testing.T) {
	t.Parallel()

	for name, read := range map[string]error{"paused": nil, "the table does not answer": errors.New("busy")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d := newDesk(1)
			d.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},
				{"id":"a","type":"channel_action","config":{"channel":"push"}},
				{"id":"b","type":"channel_action","config":{"channel":"push"}},{"id":"out","type":"exit"}],
				"edges":[{"source":"in","target":"a"},{"source":"a","target":"b"},{"source":"b","target":"out"}]}`, "")
			p := &pausing{desk: d, takes: time.Minute, pause: func(l *engine.Live) { l.On = read != nil; d.readErr = read }}
			e := d.engine()
			e.Table, e.Provider = p, p
			require.NoError(t, e.Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}))
			require.Len(t, d.messages, 1)
			at := d.items["c"]
			require.Equal(t, 2, at.Node)
			require.Zero(t, at.LeaseUntil)
			require.Zero(t, at.Attempts)
			require.False(t, at.Due.After(d.now))

			d.lives[0].On, d.readErr = true, nil
			d.advance(t)
			require.Len(t, d.messages, 2)
			require.Equal(t, []bool{false, false}, d.uncertain)
		})
	}
}

// panicking panics for one customer.
type panicking struct{ *desk }

func (p panicking) Send(ctx context.Context, m engine.Message) (journey.Result, error) {
	if m.Customer == "c" {
		panic("a bug")
	}
	return p.desk.Send(ctx, m)
}

// mailing returns a provider whose channel is Amazon SES, at a server that
// loses its answers while lost.
func mailing(t *testing.T, lost *atomic.Bool) (p *provider.Provider, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		assert.NoError(t, err)
		requests.Add(1)
		if lost.Load() {
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		fmt.Fprint(w, `{"MessageId":"1"}`)
	}))
	t.Cleanup(server.Close)
	settings, err := provider.ParseSettings([]byte(`{"channels":{"*":{"type":"ses","from":"a@shop.test"}}}`))
	require.NoError(t, err)
	return provider.New(settings, time.Now, provider.Network{AWS: aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
	}}), requests
}

// A channel without a key, by what happens and what the node wants: how often
// the service is called, what becomes of the customer, and what is counted.
func TestAdvance_OnUncertainDecidesWhatIsSentAgain(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		onUncertain   string
		lost, crashed bool
		requests      int
		result        journey.Result
		counted       int
	}{
		"sent":                                   {"skip", false, false, 1, journey.Sent, 0},
		"an answer is lost, skip":                {"skip", true, false, 1, journey.SkippedUncertain, 1},
		"an answer is lost, resend":              {"resend", true, false, 2, journey.Sent, 1},
		"a worker dies behind the claim, skip":   {"skip", false, true, 0, journey.SkippedUncertain, 1},
		"a worker dies behind the claim, resend": {"resend", false, true, 1, journey.Sent, 1},
		"both, resend":                           {"resend", true, true, 2, journey.Sent, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d := newDesk(1)
			d.attributes = `{"email":"ada@private.test"}`
			d.enter(t, "channel_action", fmt.Sprintf(
				`{"channel":"email","onUncertain":%q,"payload":{"subject":"a","text":"b"}}`, test.onUncertain))
			if test.crashed {
				e := d.items["c"]
				e.Attempts, e.LeaseUntil = 1, d.now.Add(-time.Second)
				d.items["c"] = e
			}
			var lost atomic.Bool
			lost.Store(test.lost)
			p, requests := mailing(t, &lost)
			var log bytes.Buffer
			e := d.engine()
			e.Provider, e.Log = p, slog.New(slog.NewJSONHandler(&log, nil))
			for turn := 0; d.items["c"].Status == journey.Inside; turn++ {
				require.Less(t, turn, 3)
				require.NoError(t, e.Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}))
				lost.Store(false)
				d.now = d.items["c"].Due
			}
			require.Equal(t, journey.Completed, d.items["c"].Status)
			require.Equal(t, test.result, d.items["c"].Path.Visits(noon)[1].Result)
			require.EqualValues(t, test.requests, requests.Load())
			require.Equal(t, test.counted, strings.Count(log.String(), `"MessagesUncertain":1`), log.String())
			require.Equal(t, test.counted, strings.Count(log.String(), `"uncertain":1`))
			require.NotContains(t, log.String(), "ada@private.test")
		})
	}
}

// A panic behind a claim may have been behind the sending too.
func TestAdvance_APanicBehindAClaimIsUncertain(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.enter(t, "channel_action", `{"channel":"push"}`)
	e := d.engine()
	e.Provider = panicking{d}
	pack := engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}
	require.NoError(t, e.Advance(t.Context(), pack))
	d.now = d.items["c"].Due
	e.Provider = d
	require.NoError(t, e.Advance(t.Context(), pack))
	require.Equal(t, []bool{true}, d.uncertain)
	require.Equal(t, journey.Completed, d.items["c"].Status)
}

// retry takes a failed customer up again, as a caller's retry does.
func (d *desk) retry(t *testing.T) {
	t.Helper()
	require.Equal(t, journey.Failed, d.items["c"].Status)
	d.now = d.now.Add(time.Hour)
	d.items["c"] = d.items["c"].NextWrite(d.now).Retry(d.now)
}

// An attempt that may have sent something is not forgotten by those that follow,
// nor by a retry; one that was refused leaves no doubt.
func TestAdvance_WhatMayHaveBeenSentStaysSo(t *testing.T) {
	t.Parallel()

	refused := errors.New("refused")
	for name, test := range map[string]struct {
		tries     int   // of which nobody knows how they ended
		err       error // of the sendings until it fails, or of one
		fails     bool
		uncertain []bool // of each sending
	}{
		"refused":                    {1, refused, false, []bool{true, true}},
		"too many":                   {1, &engine.ThrottledError{After: time.Minute}, false, []bool{true, true}},
		"fails and is retried":       {6, refused, true, []bool{true, true, true, true, true}},
		"dies, fails and is retried": {engine.MaxCrashes, nil, true, []bool{true}},
		"certain":                    {0, refused, false, []bool{false, false}},
		"certain, fails and is retried": {0, refused, true,
			[]bool{false, false, false, false, false, false, false, false, false, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d := newDesk(1)
			d.enter(t, "channel_action", `{"channel":"push"}`)
			if e := d.items["c"]; test.tries > 0 {
				e.Attempts, e.LeaseUntil = test.tries, d.now.Add(-time.Second)
				d.items["c"] = e
			}
			d.sendErr = test.err
			if test.fails {
				d.advance(t)
				d.retry(t)
			} else {
				require.NoError(t, d.engine().Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}))
				d.now = d.items["c"].Due
			}
			d.sendErr = nil
			require.Empty(t, d.advance(t))
			require.Equal(t, test.uncertain, d.uncertain)
			require.Equal(t, journey.Completed, d.items["c"].Status)
			require.Zero(t, d.items["c"].LeaseUntil)
		})
	}
}

// Nobody gets a message twice by a retry where the node says "skip".
func TestAdvance_ARetrySkipsWhatMayHaveBeenSent(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.attributes = `{"email":"ada@private.test"}`
	d.enter(t, "channel_action", `{"channel":"email","payload":{"subject":"a","text":"b"}}`)
	e := d.items["c"]
	e.Attempts, e.LeaseUntil = engine.MaxCrashes, d.now.Add(-time.Second)
	d.items["c"] = e
	p, requests := mailing(t, &atomic.Bool{})
	worker := d.engine()
	worker.Provider = p
	pack := engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}
	require.NoError(t, worker.Advance(t.Context(), pack))
	d.retry(t)
	require.NoError(t, worker.Advance(t.Context(), pack))
	require.Equal(t, journey.Completed, d.items["c"].Status)
	require.Equal(t, journey.SkippedUncertain, d.items["c"].Path.Visits(noon)[1].Result)
	require.Zero(t, requests.Load())
}

// faulty panics before it claims anything.
type faulty struct{ *desk }

func (faulty) Timeout() time.Duration { panic("a bug") }

// Where an earlier attempt is in doubt, a panic is an attempt like any other.
func TestAdvance_APanicBeforeAClaimIsAnAttempt(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.enter(t, "channel_action", `{"channel":"push"}`)
	e := d.items["c"]
	e.Attempts, e.LeaseUntil = 1, d.now.Add(-time.Second)
	d.items["c"] = e
	worker := d.engine()
	worker.Provider = faulty{d}
	for range engine.MaxAttempts - 1 {
		require.NoError(t, worker.Advance(t.Context(), engine.Pack{Tenant: d.lives[0].Tenant, Journey: "jrn_0", Customers: []string{"c"}}))
		d.now = d.now.Add(2 * time.Hour)
	}
	require.Equal(t, "failed internal_error", status(d.items["c"]))
	d.retry(t)
	d.advance(t)
	require.Equal(t, []bool{true}, d.uncertain, "what the first one did stays in doubt")
}

// What a message is filled with: attributes, what was decided on the way, and
// the event that started the journey.
func TestAdvance_AMessageCarriesWhatItsPayloadReads(t *testing.T) {
	t.Parallel()

	d := newDesk(1)
	d.attributes = `{"name":"Ada"}`
	d.answer = `{"title":"Up","secret":1}`
	d.define(t, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"d","type":"nba_decision","config":{"decisionFlowId":"f"}},
		{"id":"a","type":"channel_action","config":{"channel":"push","payload":{"t":"{{attributes.name}} {{decision.d.title}} {{event.x}}"}}},
		{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"d"},{"source":"d","target":"a"},{"source":"a","target":"out"}]}`,
		`{"x":7}`)
	d.advance(t)
	require.Len(t, d.messages, 1)
	text, err := d.messages[0].Config.Payload.JSON(&d.messages[0].Facts)
	require.NoError(t, err)
	require.Equal(t, `{"t":"Ada Up 7"}`, string(text))
}
