package provider

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// bucket limits the sends of a channel to its rate, within this process. Bursts may
// use the rate of one second at once. It is safe for concurrent use.
type bucket struct {
	mu       sync.Mutex
	limiter  *rate.Limiter
	interval time.Duration
	next     time.Time // when the last refused message may come back
}

func newBucket(perSecond float64) *bucket {
	return &bucket{
		limiter:  rate.NewLimiter(rate.Limit(perSecond), int(max(math.Ceil(perSecond), 1))),
		interval: time.Duration(float64(time.Second) / perSecond),
	}
}

// take returns zero if one message may be sent now, otherwise how long to wait, at
// most MaxRetryAfter. The waits are spread over time, so that the messages of a pack
// do not return all at once only to be refused again. A nil bucket has no limit.
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
