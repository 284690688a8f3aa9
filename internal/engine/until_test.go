package engine_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/capacity"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

const untilNine = `{"nodes":[{"id":"in","type":"entry_trigger"},
	{"id":"w","type":"wait","config":{"until":{"time":"09:00"}}},{"id":"a","type":"channel_action","config":{"channel":"push"}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"w"},{"source":"w","target":"a"},{"source":"a","target":"out"}]}`

// The zone of one customer of a pack is unknown. Each customer is sent the message at
// 9:00 in their own zone, over the night in which Berlin's clocks go forward.
func TestUntil_UnknownZoneStopsNoOtherCustomer(t *testing.T) {
	t.Parallel()

	i := install(t)
	i.now = time.Date(2027, 3, 27, 12, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	i.Log = slog.New(slog.NewJSONHandler(&log, nil))
	ends := map[string]string{
		"Europe/Berlin": "2027-03-28T07:00:00Z", "Asia/Tokyo": "2027-03-28T00:00:00Z", "America/Lima": "2027-03-27T14:00:00Z",
		"Asia/Kathmandu": "2027-03-28T03:15:00Z", "Mars/Olympus": "2027-03-28T09:00:00Z",
	}
	id := i.activate(t, untilNine)
	var customers []string
	for zone := range ends {
		customers = append(customers, zone)
		_, err := i.service.PutCustomer(t.Context(), i.tenant, journey.ProfileChange{
			Customer: zone, Attributes: fmt.Appendf(nil, `{"timezone":%q}`, zone),
		}, nil)
		require.NoError(t, err)
	}
	_, err := i.service.Enroll(t.Context(), i.tenant, id, journey.EnrollRequest{Customers: customers})
	require.NoError(t, err)
	i.run(t, t.Context())
	require.Empty(t, i.inbox)
	require.Contains(t, log.String(), `"unknownZones":1,`)
	require.NotContains(t, log.String(), "Olympus")
	for zone, end := range ends {
		require.Equal(t, end, i.where(t, id, zone).Due.Format(time.RFC3339), zone)
	}
	for i.now.Before(time.Date(2027, 3, 28, 10, 0, 0, 0, time.UTC)) {
		i.now = i.now.Add(time.Hour)
		i.run(t, t.Context())
		for zone, end := range ends {
			left := i.now.Format(time.RFC3339) >= end
			require.Equal(t, left, i.where(t, id, zone).Status == progress.Completed, "%s at %s", zone, i.now)
		}
	}
	require.Len(t, i.inbox, len(ends))
}

// A write of the profile moves the end, in a paused journey too. A write of the same
// profile writes no enrollment.
func TestUntil_ProfileMovesTheEnd(t *testing.T) {
	t.Parallel()

	i := install(t)
	id := i.activate(t, untilTrial(sendsFirst, ""))
	put := func(day int) float64 {
		ctx, meter := capacity.WithMeter(t.Context())
		_, err := i.service.PutCustomer(ctx, i.tenant, journey.ProfileChange{
			Customer: "customer-0", Attributes: fmt.Appendf(nil, `{"trialEnds":"2026-12-%02d"}`, day),
		}, nil)
		require.NoError(t, err)
		return meter.Usage().WriteUnits
	}
	due := func() int {
		i.run(t, t.Context())
		return i.where(t, id, "customer-0").Due.Day()
	}
	put(10)
	i.enroll(t, id, t.Context(), 1)
	require.Equal(t, 10, due())
	put(20)
	require.Equal(t, 20, due())
	require.Zero(t, put(20))
	require.Equal(t, 20, due())
	i.change(t, t.Context(), id, journey.Paused)
	put(5)
	require.Equal(t, i.now.Day(), due(), "woken, and held by the pause")
	i.change(t, t.Context(), id, journey.Active)
	require.Equal(t, 5, due())
	_, err := i.service.PutCustomer(t.Context(), i.tenant, journey.ProfileChange{Customer: "customer-0", Attributes: []byte(`{}`)}, nil)
	require.NoError(t, err)
	i.run(t, t.Context())
	require.Equal(t, progress.Completed, i.where(t, id, "customer-0").Status, "the date is gone")
	require.Len(t, i.inbox, 1)
}
