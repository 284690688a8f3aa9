package boot

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/journey"
)

func TestPause_StaysBelowItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			begun := time.Now()
			require.True(t, pause(t.Context(), time.Second))
			require.Less(t, time.Since(begun), time.Second)
		}
	})
}

func TestPause_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begun := time.Now()
		require.False(t, pause(ctx, time.Duration(1<<62)))
		require.Zero(t, time.Since(begun))
	})
}

// Each function's service is made by newService.
func TestNewService_WaitsBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		require.True(t, newService(journey.Stores{}).WaitToRetry(t.Context(), 5))
		require.NotZero(t, time.Since(begun))
	})
}
