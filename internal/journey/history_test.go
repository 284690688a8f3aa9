package journey_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// written keeps the last journey that was stored.
type written struct {
	singleJourney
	last journey.Journey
}

func (w *written) Create(_ context.Context, _ ident.Tenant, j journey.Journey) error {
	w.last = j
	return nil
}

func (w *written) Update(_ context.Context, _ ident.Tenant, _, next journey.Journey) error {
	w.last = next
	return nil
}

const (
	shortDefinition  = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"out"}]}`
	placedDefinition = `{"edges":[{"target":"out","source":"in"}],"nodes":[{"type":"exit","id":"out","position":{"x":1}},{"id":"in","type":"entry_trigger","config":{}}]}`
	longerDefinition = `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"w","type":"wait","config":{"delayHours":1}},{"id":"out","type":"exit"}],"edges":[{"source":"in","target":"w"},{"source":"w","target":"out"}]}`
)

func TestWrite_SaysWhatItDid(t *testing.T) {
	t.Parallel()

	by := journey.Author{Subject: "7f8c", Name: "Ada"}
	d := journeytest.Definition(t, shortDefinition)
	w := &written{}
	w.journey = journey.Journey{
		ID: "jrn_0", Name: "n", Status: journey.Draft, Definition: d.Raw, GraphHash: d.Hash, Version: 1, Rev: 1,
		MaxDurationDays: 30, CreatedAt: t0, UpdatedAt: t0,
	}
	service := journey.NewService(journey.Stores{Journeys: w}, func() time.Time { return t0 }, rand.Reader)
	name, text, days, active, archived := "other", "about", 7, journey.Active, journey.Archived
	placed, longer := journeytest.Definition(t, placedDefinition), journeytest.Definition(t, longerDefinition)
	timezone := graph.SettingsChange{"timezone": []byte(`"Europe/Berlin"`)}

	for _, c := range []struct {
		change  journey.Change
		actions []journey.Action
		fields  []string
		version int
	}{
		{journey.Change{Name: &name}, []journey.Action{journey.ActionEdited}, []string{"name"}, 1},
		{journey.Change{Definition: &placed}, []journey.Action{journey.ActionEdited}, []string{"definition"}, 1},
		{journey.Change{Definition: &longer, Settings: timezone, Publish: true}, []journey.Action{journey.ActionPublished}, []string{"definition", "timezone"}, 2},
		{journey.Change{Status: &archived}, []journey.Action{journey.ActionArchived}, nil, 1},
		{
			journey.Change{Status: &active, Description: &text, MaxDurationDays: &days, EntryFrom: &t0},
			[]journey.Action{journey.ActionEdited, journey.ActionActivated}, []string{"description", "maxDurationDays", "entryFrom"}, 1,
		},
	} {
		w.last = journey.Journey{}
		c.change.By = by
		_, err := service.Update(t.Context(), ident.Tenant{}, "jrn_0", c.change, nil)
		require.NoError(t, err)
		require.Equal(t, journey.Write{Actions: c.actions, Fields: c.fields}, w.last.Write)
		require.Equal(t, c.version, w.last.Version, c.fields)
		require.Equal(t, by, w.last.UpdatedBy)
		require.Equal(t, journey.Author{}, w.last.CreatedBy, "unknown")
		require.EqualValues(t, 2, w.last.TextRev)
	}

	w.last = journey.Journey{}
	same := "n"
	_, err := service.Update(t.Context(), ident.Tenant{}, "jrn_0", journey.Change{Name: &same, By: by}, nil)
	require.NoError(t, err)
	require.Equal(t, journey.Journey{}, w.last, "a change without effect writes nothing")

	_, err = service.Create(t.Context(), ident.Tenant{}, journey.Change{Name: &name, Description: &text, By: by})
	require.NoError(t, err)
	require.Equal(t, journey.Write{Actions: []journey.Action{journey.ActionCreated}}, w.last.Write)
	require.Equal(t, [2]journey.Author{by, by}, [2]journey.Author{w.last.CreatedBy, w.last.UpdatedBy})
}

func TestRunSum_IsEqualForWhatRunsAlike(t *testing.T) {
	t.Parallel()

	sum := func(definition, settings string) string {
		j := journey.Journey{Definition: []byte(definition)}
		if settings != "" {
			j.Settings = []byte(settings)
		}
		require.Len(t, j.RunSum(), 16)
		return string(j.RunSum())
	}
	first := sum(shortDefinition, "")
	require.Equal(t, first, sum(placedDefinition, ""))
	require.NotEqual(t, first, sum(longerDefinition, ""))
	require.NotEqual(t, first, sum(shortDefinition, `{"timezone":"Asia/Tokyo"}`))
	require.Equal(t, sum(shortDefinition, `{"goal":{"eventType":"a","windowDays":1}}`), sum(placedDefinition, `{"goal":{"windowDays":1.0,"eventType":"a"}}`))
}
