package gateway

import (
	"sync"
	"time"

	"journeys/internal/manifest"
)

// buckets are the token buckets of an HTTP API: one for each public route, and
// one for all others together. The zero value is full.
type buckets struct {
	mu  sync.Mutex
	all map[string]*bucket // by route key, "" for the others
}

type bucket struct {
	tokens float64
	at     time.Time // when tokens was counted
}

// take reports whether a request to the route at a time is within its throttle.
// The routes that are not public have the throttle api; zero lets all pass.
func (b *buckets) take(route *manifest.Route, api manifest.Throttle, now time.Time) bool {
	key, throttle := "", api
	if route.Public {
		key, throttle = route.Key(), route.Throttle
	}
	if throttle == (manifest.Throttle{}) {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]*bucket{}
	}
	k := b.all[key]
	if k == nil {
		k = &bucket{float64(throttle.Burst), now}
		b.all[key] = k
	}
	if now.After(k.at) {
		k.tokens = min(float64(throttle.Burst), k.tokens+now.Sub(k.at).Seconds()*float64(throttle.Rate))
		k.at = now
	}
	if k.tokens < 1 {
		return false
	}
	k.tokens--
	return true
}
