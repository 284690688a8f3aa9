package lambda

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// Target is what a function calls through Faults. It is the first segment of the
// request's path; the second one is the id of the calling process.
type Target string

// The targets.
const (
	TableTarget  Target = "table"
	LambdaTarget Target = "lambda"
	InboxTarget  Target = "inbox"
	DecideTarget Target = "decide" // the decision service
)

// URL returns the base URL at which a process reaches the target, when Faults is
// served at address, a host and port.
func (t Target) URL(address, process string) string {
	return "http://" + address + "/" + string(t) + "/" + process
}

// faultsAt lists the faults of each target, in the order in which they are tried.
// The engine rightly counts an effect without an answer as an attempt, and gives up
// after ten. So answers of providers are never lost, and rarely hang.
var faultsAt = map[Target][]Fault{
	TableTarget:  {KilledBefore, Throttled, PartThrottled, Frozen, KilledAfter, LostAnswer},
	LambdaTarget: {KilledBefore, Throttled, Twice, Late, Never, Frozen, KilledAfter},
	InboxTarget:  {KilledBefore, Throttled, Frozen, KilledAfter, Slow, Hung},
	DecideTarget: {Slow, Hung},
}

// throttledBy are the answers of a target that throttles.
var throttledBy = map[Target]*response{
	TableTarget: {
		http.StatusBadRequest, http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		[]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"throttled by fault injection"}`),
	},
	LambdaTarget: {
		http.StatusTooManyRequests, http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {"TooManyRequestsException"}},
		[]byte(`{"message":"throttled by fault injection"}`),
	},
	InboxTarget:  {http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}, nil},
	DecideTarget: {http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}, nil},
}

// Connect sets what the targets are. It must be called before the first request.
// decide may be nil.
func (f *Faults) Connect(s *Service, tableEndpoint string, inbox, decide http.Handler) error {
	table, err := url.Parse(tableEndpoint)
	if err != nil {
		return err
	}
	f.service, s.faults = s, f
	f.upstreams = map[Target]http.Handler{
		TableTarget: &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(table) },
			Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
			ErrorLog:  log.New(io.Discard, "", 0), // the caller sees a 502
		},
		LambdaTarget: s.server.Handler,
		InboxTarget:  inbox,
		DecideTarget: decide,
	}
	return nil
}

// ServeHTTP forwards a request to its target, or lets a fault strike it. The
// path is /<target>/<process>/...
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	if len(parts) < 2 || f.upstreams[Target(parts[0])] == nil {
		http.NotFound(w, r)
		return
	}
	path := "/"
	if len(parts) == 3 {
		path += parts[2]
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if err != nil {
		return // the caller is gone
	}
	target := Target(parts[0])
	q := &request{
		target: target, process: parts[1], event: r.Header.Get("X-Amz-Invocation-Type") == "Event",
		gone:    r.Context().Done(),
		batch:   strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchExecuteStatement"),
		body:    body,
		forward: func(body []byte) *response { return record(f.upstreams[target], r, path, body) },
	}
	for _, fault := range faultsAt[q.target] {
		if f.strikes(fault) && f.strike(fault, q) {
			f.count(fault)
			break
		}
	}
	if q.cut {
		panic(http.ErrAbortHandler) // closes the connection
	}
	q.pass()
	q.answer.write(w)
}

// request is a request that a fault may strike.
type request struct {
	target  Target
	process string
	event   bool            // an asynchronous call
	gone    <-chan struct{} // closed when the caller waits no longer
	batch   bool            // of statements that succeed or fail on their own
	body    []byte
	forward func(body []byte) *response
	answer  *response // nil until there is one
	cut     bool      // the connection is closed without an answer
}

// pass forwards the request, unless it has an answer.
func (q *request) pass() {
	if q.answer == nil {
		q.answer = q.forward(q.body)
	}
}

// strike applies a fault to a request, and reports false if it does not apply.
func (f *Faults) strike(fault Fault, q *request) bool {
	switch fault {
	case KilledBefore:
		q.cut = f.kill(q.process)
		return q.cut
	case KilledAfter:
		q.pass()
		q.cut = f.kill(q.process)
		return q.cut
	case LostAnswer:
		q.pass()
		q.cut = true
	case Frozen:
		return f.freeze(q.process)
	case Throttled:
		q.answer = throttledBy[q.target]
	case PartThrottled:
		return q.batch && f.throttlePart(q)
	case Twice, Late, Never:
		return q.event && q.answer == nil && f.misdeliver(fault, q)
	case Slow:
		sleep(f.stopped, minSlow+upTo(f, Slow, maxSlow-minSlow))
	case Hung:
		f.hang(q)
	case Bisected, Replayed, GivenUp, Hurried:
		return false // they strike batches of the stream, and calls
	}
	return true
}

// hang takes the request, or drops it, and does not answer until the caller gives
// up or the faults end.
func (f *Faults) hang(q *request) {
	if upTo(f, Hung, 2) == 0 {
		q.pass()
	}
	select {
	case <-q.gone:
	case <-f.stopped:
	}
	q.cut = true
}

// misdeliver accepts an asynchronous call, and makes it twice, late or never.
func (f *Faults) misdeliver(fault Fault, q *request) bool {
	if fault == Twice {
		q.forward(q.body)
		return true // ServeHTTP forwards it again
	}
	if fault == Late {
		wait := upTo(f, Late, maxLate)
		go func() {
			sleep(f.stopped, wait)
			q.forward(q.body)
		}()
	}
	q.answer = &response{status: http.StatusAccepted, header: http.Header{}}
	return true
}
