package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"journeys/internal/manifest"
)

// Fault is something that the cloud may do to a function, and that Cruelty
// does more often.
type Fault string

// The faults. A function is struck where it calls the table, another function
// or the inbox.
const (
	KilledBefore  Fault = "killed before a request"
	KilledAfter   Fault = "killed after a request"
	Frozen        Fault = "frozen"
	Throttled     Fault = "throttled"
	PartThrottled Fault = "throttled in part"
	LostAnswer    Fault = "answer lost"
	Twice         Fault = "invoked twice"
	Late          Fault = "invoked late"
	Never         Fault = "invoked never"

	// What befalls the batches of a stream.
	Bisected Fault = "batch bisected" // after it failed
	Replayed Fault = "batch replayed" // with up to 150 records from before, although it succeeded
	GivenUp  Fault = "batch given up" // and handed over again, while the first call goes on
)

// odds is how often a fault strikes where it can, and burst how many requests
// at most it strikes in a row: one throttled request is only tried again.
var odds = map[Fault]struct {
	chance float64
	burst  int
}{
	KilledBefore:  {0.02, 1},
	KilledAfter:   {0.02, 1},
	Frozen:        {0.02, 1},
	Throttled:     {0.01, 12},
	PartThrottled: {0.1, 4},
	LostAnswer:    {0.03, 1},
	Twice:         {0.25, 1},
	Late:          {0.25, 1},
	Never:         {0.25, 1},
	Bisected:      {0.5, 1},
	Replayed:      {0.25, 1},
	GivenUp:       {0.15, 1},
}

// What a function calls, as the first part of a path through Cruelty.
const (
	toTable  = "table"
	toLambda = "lambda"
	toInbox  = "inbox"
)

// faultsAt lists what can happen at each, in the order in which it is decided.
// A message of which the answer is lost counts as an attempt for the engine,
// as it should; the inbox's answers are not lost.
var faultsAt = map[string][]Fault{
	toTable:  {KilledBefore, Throttled, PartThrottled, Frozen, KilledAfter, LostAnswer},
	toLambda: {KilledBefore, Throttled, Twice, Late, Never, Frozen, KilledAfter},
	toInbox:  {KilledBefore, Throttled, Frozen, KilledAfter},
}

// faultsOfBatches lists what can happen to a stream's batches.
var faultsOfBatches = []Fault{Bisected, Replayed, GivenUp}

// How long things stand still.
const (
	shortFreeze = 2 * time.Second
	longFreeze  = 24 * time.Second // longer than a worker may keep a customer to itself
	maxLate     = 3 * time.Second
)

// Cruelty stands between the functions and what they call, and does to them
// what the cloud may do: kills and freezes their processes in the middle of
// calls, throttles whole requests and single statements of a batch, loses
// answers, and invokes twice, late or never. Use NewCruelty.
type Cruelty struct {
	lambda    *Lambda
	upstreams map[string]http.Handler
	calmed    chan struct{} // closed by Calm

	mu      sync.Mutex // guards what follows
	cruel   bool
	sources map[Fault]*rand.Rand // one each, so that none shifts another
	bursts  map[Fault]int        // requests that it goes on to strike
	counts  map[Fault]int
}

// NewCruelty returns a Cruelty for one Machine. What each kind of fault does
// from strike to strike is the same for the same seed; whom it meets depends on
// who comes first.
func NewCruelty(seed uint64) *Cruelty {
	c := &Cruelty{
		calmed: make(chan struct{}), sources: map[Fault]*rand.Rand{},
		bursts: map[Fault]int{}, counts: map[Fault]int{},
	}
	for i, f := range slices.Sorted(maps.Keys(odds)) {
		c.sources[f] = rand.New(rand.NewPCG(seed, uint64(i)))
	}
	return c
}

// connect says what stands behind each path.
func (c *Cruelty) connect(l *Lambda, table string, inbox http.Handler) error {
	at, err := url.Parse(table)
	if err != nil {
		return err
	}
	c.lambda = l
	c.upstreams = map[string]http.Handler{
		toTable: &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(at) },
			Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
			ErrorLog:  log.New(io.Discard, "", 0), // the caller sees a 502
		},
		toLambda: l.server.Handler,
		toInbox:  inbox,
	}
	return nil
}

// variables returns the environment that leads a process through Cruelty at
// that address; providers is the setting, with "{inbox}" for the inbox.
func (c *Cruelty) variables(address, providers string) func(process string) map[string]string {
	return func(process string) map[string]string {
		at := func(target string) string { return "http://" + address + "/" + target + "/" + process }
		return map[string]string{
			"AWS_ENDPOINT_URL_DYNAMODB": at(toTable),
			"AWS_ENDPOINT_URL_LAMBDA":   at(toLambda),
			manifest.EnvProviders:       strings.ReplaceAll(providers, inboxPlace, at(toInbox)+InboxPath),
		}
	}
}

// Begin lets faults strike, unless it was calmed.
func (c *Cruelty) Begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.calmed:
	default:
		c.cruel = true
	}
}

// Calm ends the faults for good: what is frozen goes on, what is late comes.
func (c *Cruelty) Calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cruel = false
	select {
	case <-c.calmed:
	default:
		close(c.calmed)
	}
}

// Counts returns how often each fault has struck so far.
func (c *Cruelty) Counts() map[Fault]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// String returns the counts as a line.
func (c *Cruelty) String() string {
	counts := c.Counts()
	var parts []string
	total := 0
	for _, f := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", f, counts[f]))
		total += counts[f]
	}
	return fmt.Sprintf("%d faults: %s", total, strings.Join(parts, ", "))
}

// strikes decides whether a fault strikes now.
func (c *Cruelty) strikes(f Fault) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.cruel {
		return false
	}
	if c.bursts[f] > 0 {
		c.bursts[f]--
		return true
	}
	if c.sources[f].Float64() >= odds[f].chance {
		return false
	}
	c.bursts[f] = c.sources[f].IntN(odds[f].burst)
	return true
}

func (c *Cruelty) count(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[f]++
}

// upTo returns a number from 0 to less than most, of the fault's source.
func upTo[T time.Duration | int](c *Cruelty, f Fault, most T) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return T(c.sources[f].Int64N(int64(most)))
}

// ServeHTTP takes a request to /<target>/<process>/..., by the process of that
// id.
func (c *Cruelty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	if len(parts) < 2 || c.upstreams[parts[0]] == nil {
		http.NotFound(w, r)
		return
	}
	path := "/"
	if len(parts) == 3 {
		path += parts[2]
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if err != nil {
		return // its caller is gone
	}
	q := &struck{
		target: parts[0], process: parts[1], event: r.Header.Get("X-Amz-Invocation-Type") == "Event",
		batch:   strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchExecuteStatement"),
		body:    body,
		forward: func(body []byte) *recorded { return record(c.upstreams[parts[0]], r, path, body) },
	}
	for _, f := range faultsAt[q.target] {
		if c.strikes(f) && c.strike(f, q) {
			c.count(f)
			break
		}
	}
	if q.cut {
		panic(http.ErrAbortHandler) // closes the connection
	}
	q.pass()
	q.answer.write(w)
}

// struck is a request that a fault may strike.
type struck struct {
	target, process string
	event           bool
	batch           bool // of statements that succeed or fail alone
	body            []byte
	forward         func(body []byte) *recorded
	answer          *recorded // nil until it is known
	cut             bool      // there is none
}

// pass passes the request on, once.
func (q *struck) pass() {
	if q.answer == nil {
		q.answer = q.forward(q.body)
	}
}

// strike does f to a request; false when it cannot be done to this one.
func (c *Cruelty) strike(f Fault, q *struck) bool {
	switch f {
	case KilledBefore:
		q.cut = c.kill(q.process)
		return q.cut
	case KilledAfter:
		q.pass()
		q.cut = c.kill(q.process)
		return q.cut
	case LostAnswer:
		q.pass()
		q.cut = true
	case Frozen:
		return c.freeze(q.process)
	case Throttled:
		q.answer = refusals[q.target]
	case PartThrottled:
		return q.batch && c.throttlePart(q)
	case Twice, Late, Never:
		return q.event && q.answer == nil && c.misdeliver(f, q)
	case Bisected, Replayed, GivenUp:
		return false // the stream's
	}
	return true
}

// throttledStatement is what the table answers to a statement of a batch that it
// does not do.
const throttledStatement = `{"Error":{"Code":"ThrottlingError","Message":"throttled by cruelty"}}`

// throttlePart refuses about half of a batch's statements, at least one, and
// passes on the others: the whole is answered as a success.
func (c *Cruelty) throttlePart(q *struck) bool {
	var batch map[string]json.RawMessage
	var statements []json.RawMessage
	if json.Unmarshal(q.body, &batch) != nil || json.Unmarshal(batch["Statements"], &statements) != nil || len(statements) == 0 {
		return false
	}
	refused := make([]bool, len(statements))
	for i := range refused {
		refused[i] = upTo(c, PartThrottled, 2) == 0
	}
	refused[upTo(c, PartThrottled, len(refused))] = true
	var kept, answers []json.RawMessage
	for i, statement := range statements {
		if !refused[i] {
			kept = append(kept, statement)
		}
	}
	q.answer = &recorded{status: http.StatusOK, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}}
	if len(kept) > 0 { // the table takes no empty batch
		batch["Statements"] = encode(kept)
		q.answer = q.forward(encode(batch))
		var told struct{ Responses []json.RawMessage }
		if json.Unmarshal(q.answer.body, &told) != nil || len(told.Responses) != len(kept) {
			return true // it refuses the others too
		}
		answers = told.Responses
	}
	for i := range refused {
		if refused[i] {
			answers = slices.Insert(answers, i, json.RawMessage(throttledStatement))
		}
	}
	q.answer.body = encode(map[string]any{"Responses": answers})
	return true
}

// encode writes JSON of what was JSON before.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func (c *Cruelty) kill(process string) bool {
	return c.lambda.busy(func(e *environment) bool { return e.id == process }, kill) > 0
}

// freeze stops the process for a while, one time in four for a long one. It
// finds its answer when it goes on.
func (c *Cruelty) freeze(process string) bool {
	var stopped *call
	c.lambda.busy(func(e *environment) bool { return e.id == process }, func(e *environment, current *call) bool {
		stopped = current
		e.process.freeze()
		return true
	})
	if stopped == nil {
		return false
	}
	wait := upTo(c, Frozen, shortFreeze)
	if upTo(c, Frozen, 4) == 0 {
		wait += longFreeze - shortFreeze
	}
	go func() {
		c.wait(wait)
		c.lambda.busy(func(e *environment) bool { return e.call() == stopped }, func(e *environment, _ *call) bool {
			e.process.thaw()
			return true
		})
	}()
	return true
}

// misdeliver takes an asynchronous call and says that all is well.
func (c *Cruelty) misdeliver(f Fault, q *struck) bool {
	if f == Twice {
		q.forward(q.body)
		return true // and once more, as always
	}
	if f == Late {
		wait := upTo(c, Late, maxLate)
		go func() {
			c.wait(wait)
			q.forward(q.body)
		}()
	}
	q.answer = &recorded{status: http.StatusAccepted, header: http.Header{}}
	return true
}

// wait returns after a time, or when it is calm.
func (c *Cruelty) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.calmed:
	}
}

// refusals are what each answers that has too much to do.
var refusals = map[string]*recorded{
	toTable: {
		http.StatusBadRequest, http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		[]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"throttled by cruelty"}`),
	},
	toLambda: {
		http.StatusTooManyRequests, http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {"TooManyRequestsException"}},
		[]byte(`{"message":"throttled by cruelty"}`),
	},
	toInbox: {http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}, nil},
}

// recorded is a whole answer, kept until it is decided what becomes of it.
type recorded struct {
	status int
	header http.Header
	body   []byte
}

// record lets a handler answer a request at another path. It does so also when
// the caller is gone, as a network would.
func record(h http.Handler, r *http.Request, path string, body []byte) *recorded {
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.URL.Path, r.URL.RawPath = path, ""
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := &recorded{status: http.StatusOK, header: http.Header{}}
	h.ServeHTTP(recorder{answer}, r)
	return answer
}

func (a *recorded) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller that is gone
}

// recorder lets handlers write a recorded.
type recorder struct{ answer *recorded }

func (r recorder) Header() http.Header    { return r.answer.header }
func (r recorder) WriteHeader(status int) { r.answer.status = status }
func (r recorder) Write(b []byte) (int, error) {
	r.answer.body = append(r.answer.body, b...)
	return len(b), nil
}
