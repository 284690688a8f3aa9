package lambda

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a kind of failure of the cloud that Faults injects.
type Fault string

// Faults of a process, of a request that it makes, and of a batch of the stream.
// A fault strikes where a function calls the table, another function or the inbox.
const (
	KilledBefore  Fault = "killed before a request"
	KilledAfter   Fault = "killed after a request"
	Frozen        Fault = "frozen"
	Throttled     Fault = "throttled"
	PartThrottled Fault = "throttled in part"
	LostAnswer    Fault = "answer lost"

	// Of an asynchronous call.
	Twice   Fault = "invoked twice"
	Late    Fault = "invoked late"
	Never   Fault = "invoked never"
	Hurried Fault = "little time given"

	// Of a provider.
	Slow Fault = "answered slowly"
	Hung Fault = "never answered"

	Bisected Fault = "batch bisected" // after it failed
	Replayed Fault = "batch replayed" // with up to 150 earlier records, although it succeeded
	GivenUp  Fault = "batch given up" // and delivered again, while the first call goes on
)

// odds are the chance of each fault at an opportunity, and the greatest number of
// strikes in a row. A single throttled request would only be retried by the SDK.
// The number selects the fault's random source: a new fault gets the next one, so
// that it changes the sequence of no other.
var odds = map[Fault]struct {
	number uint64
	chance float64
	burst  int
}{
	LostAnswer:    {0, 0.03, 1},
	Bisected:      {1, 0.5, 1},
	GivenUp:       {2, 0.15, 1},
	Replayed:      {3, 0.25, 1},
	Frozen:        {4, 0.02, 1},
	Late:          {5, 0.25, 1},
	Never:         {6, 0.25, 1},
	Twice:         {7, 0.25, 1},
	KilledAfter:   {8, 0.02, 1},
	KilledBefore:  {9, 0.02, 1},
	Throttled:     {10, 0.01, 12},
	PartThrottled: {11, 0.1, 4},
	Slow:          {12, 0.1, 4},
	Hung:          {13, 0.02, 1},
	Hurried:       {14, 0.25, 1},
}

// Faults injects failures of the cloud between functions and what they call: it
// kills and freezes processes in the middle of a call, throttles requests and
// single statements of a batch, delays and loses answers, and invokes twice, late,
// never or with little time.
// A seed fixes the sequence of faults of each kind; which request a fault hits
// depends on the order of the requests. It is safe for concurrent use.
type Faults struct {
	service   *Service
	upstreams map[Target]http.Handler
	stopped   chan struct{} // closed by Stop

	mu      sync.Mutex // guards the rest
	active  bool
	sources map[Fault]*rand.Rand // one per fault, so that no fault shifts another
	bursts  map[Fault]int        // further requests of the current burst
	counts  map[Fault]int
}

// NewFaults returns the faults of a seed. They strike between Start and Stop.
func NewFaults(seed uint64) *Faults {
	f := &Faults{
		stopped: make(chan struct{}), sources: map[Fault]*rand.Rand{},
		bursts: map[Fault]int{}, counts: map[Fault]int{},
	}
	for fault, o := range odds {
		f.sources[fault] = rand.New(rand.NewPCG(seed, o.number))
	}
	return f
}

// Start enables the faults. It has no effect after Stop.
func (f *Faults) Start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.stopped:
	default:
		f.active = true
	}
}

// Stop ends the faults for good: frozen processes continue, and late calls are
// made at once.
func (f *Faults) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = false
	select {
	case <-f.stopped:
	default:
		close(f.stopped)
	}
}

// Counts returns how often each fault has struck.
func (f *Faults) Counts() map[Fault]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counts)
}

// String returns the counts in one line.
func (f *Faults) String() string {
	counts := f.Counts()
	var parts []string
	total := 0
	for _, fault := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", fault, counts[fault]))
		total += counts[fault]
	}
	return fmt.Sprintf("%d faults: %s", total, strings.Join(parts, ", "))
}

// strikes decides whether a fault strikes at this opportunity.
func (f *Faults) strikes(fault Fault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.active {
		return false
	}
	if f.bursts[fault] > 0 {
		f.bursts[fault]--
		return true
	}
	if f.sources[fault].Float64() >= odds[fault].chance {
		return false
	}
	f.bursts[fault] = f.sources[fault].IntN(odds[fault].burst)
	return true
}

func (f *Faults) count(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[fault]++
}

// upTo returns a number from the fault's source, from 0 to below limit.
func upTo[T time.Duration | int](f *Faults, fault Fault, limit T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	return T(f.sources[fault].Int64N(int64(limit)))
}
