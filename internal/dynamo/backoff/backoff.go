// Package backoff spaces the attempts at a request to the table.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 25 * time.Millisecond
	maxPause   = time.Second
)

// Delay returns the wait after a failed attempt, counted from 0: random, so
// that writers that collided do not collide again, up to a limit that doubles
// from 25 ms to 1 s.
func Delay(attempt int) time.Duration {
	return rand.N(min(firstPause<<min(attempt, 10), maxPause)) + time.Millisecond
}

// Pause waits before the next attempt. It returns false if ctx ends first.
func Pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(Delay(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
