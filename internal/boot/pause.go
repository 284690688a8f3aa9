package boot

import (
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"time"

	"journeys/internal/journey"
)

// newService returns a service whose repeated attempts are spaced.
func newService(stores journey.Stores) *journey.Service {
	s := journey.NewService(stores, time.Now, cryptorand.Reader)
	s.Pause = pause
	return s
}

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
