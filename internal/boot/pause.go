package boot

import (
	"context"
	"math/rand/v2"
	"time"
)

// pause waits for a random time below limit, so that colliding
// writers do not collide again. It returns false if ctx ended first.
func pause(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(rand.N(limit))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
