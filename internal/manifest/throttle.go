package manifest

import "time"

// Throttle limits requests by a token bucket. The gateway answers 429 to the
// others.
type Throttle struct {
	Rate  int // requests a second
	Burst int // size of the bucket
}

// The throttles. An HTTP API answers 500 or 503, not 429, where Lambda has no
// concurrency left for a request that passed. So the highest numbers of calls at once
// that they allow while every process starts fit into the concurrency of prod, which
// docs/deployment.md computes and a test of infra/ holds.
var (
	APIThrottle = Throttle{Rate: 200, Burst: 100} // the stage's default, for the API routes

	// Each public route has one by itself.
	PageThrottle        = Throttle{Rate: 25, Burst: 25} // one call for each visit of the console
	AssetThrottle       = Throttle{Rate: 50, Burst: 50} // a few calls for each first visit
	UnsubscribeThrottle = Throttle{Rate: 25, Burst: 25} // 90,000 customers an hour
	ProbeThrottle       = Throttle{Rate: 5, Burst: 5}   // what scans links, and may be refused
)

// The longest times that a call takes which starts a process: starting it, what it
// fetches first, and the answer. They are estimates; none was measured on AWS.
const (
	AuthorizerStart = time.Second // fetches the issuer's keys
	EndpointStart   = time.Second // connects to the table
	ConsoleStart    = 500 * time.Millisecond
)

// AccountConcurrency is the number of calls at once that AWS allows all functions of
// an account in a region by default. New accounts may have fewer.
const AccountConcurrency = 1000

// ReservedConcurrency is the highest sum of the functions' Concurrency unless the
// deployment's settings allow more.
const ReservedConcurrency = 400

// Concurrency returns the highest number of calls in progress at once if each takes
// the time: those of a full bucket, and those that the rate adds meanwhile.
func (t Throttle) Concurrency(call time.Duration) int {
	added := time.Duration(t.Rate) * call
	return t.Burst + int((added+time.Second-1)/time.Second)
}
