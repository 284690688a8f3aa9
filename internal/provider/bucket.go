package provider

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// bucket holds the sends of a channel to its rate, in this process. A second's
// worth may be sent at once.
type bucket struct {
	mu       sync.Mutex
	limiter  *rate.Limiter
	interval time.Duration
	next     time.Time // what was refused last is to come back then
}

func newBucket(perSecond float64) *bucket {
	return &bucket{
		limiter:  rate.NewLimiter(rate.Limit(perSecond), int(max(math.Ceil(perSecond), 1))),
		interval: time.Duration(float64(time.Second) / perSecond),
	}
}

// take returns zero when one may be sent now, else when to come back. Who is
// refused is spread over the time to come, so that a pack that is refused does
// not come back at once to be refused again. A nil bucket has no limit.
func (b *bucket) take(now time.Time) time.Duration {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limiter.AllowN(now, 1) {
		return 0
	}
	if b.next.Before(now) {
		b.next = now
	}
	wait := min(b.next.Add(b.interval).Sub(now), MaxRetryAfter)
	b.next = now.Add(wait)
	return wait
}
