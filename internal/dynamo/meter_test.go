package dynamo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dynamo/capacity"
	"journeys/internal/engine"
	"journeys/internal/journey"
)

func TestMeter_CountsRetriesAndUnits(t *testing.T) {
	t.Parallel()

	s, _ := store(t, (&dynamotest.Faults{LoseFirst: true}).Install)
	ctx, m := capacity.WithMeter(t.Context())
	j := draft(1)
	require.NoError(t, s.Journeys.Create(ctx, demo, j))
	used := m.Usage()
	require.Equal(t, 1, used.Calls)
	require.Equal(t, 2, used.Requests)
	require.Contains(t, used.LastError, "lost by the test")
	require.GreaterOrEqual(t, used.WriteUnits, 1.0)

	ctx, m = capacity.WithMeter(t.Context())
	_, err := s.Journeys.Journey(ctx, demo, j.ID)
	require.NoError(t, err)
	require.Equal(t, 1.0, m.Usage().ReadUnits)
	require.Zero(t, m.Usage().WriteUnits)

	active := next(j, journey.Active)
	require.NoError(t, s.Journeys.Update(t.Context(), demo, j, active))
	require.NoError(t, s.Journeys.Update(t.Context(), demo, active, next(active, journey.Archived)))
	lives, err := s.Engine.Lives(t.Context(), engine.LiveKey{}, engine.LiveKey{})
	require.NoError(t, err)
	ctx, m = capacity.WithMeter(t.Context())
	require.NoError(t, s.Engine.Drained(ctx, lives[0], 1), "deletes the entry")
	require.Equal(t, 1.0, m.Usage().WriteUnits)
}
