package boot

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"journeys/internal/engine"
	"journeys/internal/ident"
)

var (
	acme, _ = ident.ParseTenant("acme")
	segment = engine.Segment{
		From:  engine.LiveKey{Tenant: acme, Journey: "jrn_01JD0000000000000000000000"},
		To:    engine.LiveKey{Tenant: acme, Journey: "jrn_01JD0000000000000000000001"},
		Packs: 7, Solo: 2,
	}
)

func TestDispatcher_SweepReceivesTheSegment(t *testing.T) {
	t.Parallel()

	var got engine.Segment
	d := &dispatcher{advance: "advance", sweep: "sweep", invoke: func(_ context.Context, name string, payload []byte) error {
		require.Equal(t, "sweep", name)
		var event segmentEvent
		require.NoError(t, json.Unmarshal(payload, &event))
		var err error
		got, err = event.segment()
		return err
	}}
	require.NoError(t, d.DispatchSweep(t.Context(), segment))
	require.Equal(t, segment, got)
}

func TestSegmentEvent_RefusesAnythingElse(t *testing.T) {
	t.Parallel()

	for _, payload := range []string{`{}`, `{"from":{"tenant":"acme","journeyId":"jrn_01JD0000000000000000000000"}}`} {
		var event segmentEvent
		require.NoError(t, json.Unmarshal([]byte(payload), &event))
		_, err := event.segment()
		require.Error(t, err, payload)
	}
}

func TestDispatcher_DoesNotWaitForAHangingAPI(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		d := &dispatcher{invoke: func(ctx context.Context, _ string, _ []byte) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		begun := time.Now()
		require.ErrorIs(t, d.DispatchSweep(t.Context(), segment), context.DeadlineExceeded)
		require.ErrorIs(t, d.Dispatch(t.Context(), engine.Pack{Tenant: acme}), context.DeadlineExceeded)
		require.Equal(t, 2*invokeTimeout, time.Since(begun))
	})
}
