package journey_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// contended is a journey that another writer changes before each update, until
// it gives way at an attempt.
type contended struct {
	singleJourney
	updates, giveWay int
}

func (c *contended) Update(context.Context, ident.Tenant, journey.Journey, journey.Journey) error {
	if c.updates++; c.updates == c.giveWay {
		return nil
	}
	return journey.ErrStale
}

func (c *contended) Delete(ctx context.Context, t ident.Tenant, j journey.Journey) error {
	return c.Update(ctx, t, j, j)
}

func contendedService(t *testing.T, giveWay int) (*journey.Service, *contended, *[]time.Duration) {
	t.Helper()
	d := journeytest.Definition(t, `{}`)
	c := &contended{giveWay: giveWay}
	c.journey = journey.Journey{Status: journey.Draft, Definition: d.Raw, GraphHash: d.Hash, Rev: 7}
	service := journey.NewService(journey.Stores{Journeys: c}, func() time.Time { return t0 }, bytes.NewReader(nil))
	var limits []time.Duration
	service.Pause = func(_ context.Context, limit time.Duration) bool {
		limits = append(limits, limit)
		return true
	}
	return service, c, &limits
}

func TestUpdate_RetriesWithGrowingPauses(t *testing.T) {
	t.Parallel()

	service, c, limits := contendedService(t, 9)
	name := "renamed"
	j, err := service.Update(t.Context(), ident.Tenant{}, "", journey.Change{Name: &name}, nil)
	require.NoError(t, err)
	require.Equal(t, "renamed", j.Name)
	require.Equal(t, 9, c.updates)
	const ms = time.Millisecond
	require.Equal(t, []time.Duration{10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, 640 * ms}, *limits)
}

func TestUpdate_GivesUpAfterFortyAttempts(t *testing.T) {
	t.Parallel()

	for what, change := range map[string]func(*journey.Service) error{
		"update": func(s *journey.Service) error {
			name := "renamed"
			_, err := s.Update(t.Context(), ident.Tenant{}, "", journey.Change{Name: &name}, nil)
			return err
		},
		"delete": func(s *journey.Service) error { return s.Delete(t.Context(), ident.Tenant{}, "", nil) },
	} {
		service, c, limits := contendedService(t, 0)
		var busy *journey.Error
		require.ErrorAs(t, change(service), &busy, what)
		require.Equal(t, "journey-busy", busy.Code, what)
		require.ErrorIs(t, busy, journey.ErrStale, what)
		require.Equal(t, 40, c.updates, what)
		require.Len(t, *limits, 40, what)

		service, c, _ = contendedService(t, 0)
		service.Pause = func(context.Context, time.Duration) bool { return false }
		require.ErrorAs(t, change(service), &busy, what)
		require.Equal(t, 1, c.updates, "%s: the context ended during the first pause", what)

		service, c, _ = contendedService(t, 0)
		service.Pause = nil
		require.ErrorAs(t, change(service), &busy, what)
		require.Equal(t, 40, c.updates, "%s: without Pause it retries at once", what)
	}
}

func TestUpdate_WithIfMatchIsNotRetried(t *testing.T) {
	t.Parallel()

	service, c, limits := contendedService(t, 0)
	name := "renamed"
	_, err := service.Update(t.Context(), ident.Tenant{}, "", journey.Change{Name: &name}, []int64{7})
	require.ErrorIs(t, err, journey.ErrStale)
	require.Equal(t, 1, c.updates)
	require.Empty(t, *limits)
}
