package boot

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
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
