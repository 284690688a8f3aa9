package virtual

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// rateLimit is the rate of a channel within one environment, as provider's bucket keeps it.
type rateLimit struct {
	limiter  *rate.Limiter
	interval time.Duration
	next     time.Time
}

// take returns zero if a message may be sent now, otherwise when to come back.
func (env *environment) take(channel string, perSecond float64) time.Duration {
	env.mu.Lock()
	defer env.mu.Unlock()
	r := env.rate[channel]
	if r == nil {
		r = &rateLimit{
			limiter:  rate.NewLimiter(rate.Limit(perSecond), int(max(math.Ceil(perSecond), 1))),
			interval: time.Duration(float64(time.Second) / perSecond),
		}
		env.rate[channel] = r
	}
	now := time.Now()
	if r.limiter.AllowN(now, 1) {
		return 0
	}
	if r.next.Before(now) {
		r.next = now
	}
	wait := min(r.next.Add(r.interval).Sub(now), time.Hour)
	r.next = now.Add(wait)
	return wait
}
