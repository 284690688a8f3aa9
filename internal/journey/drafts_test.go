package journey_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/dev/journeytest"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// drafted is an edited journey that can have a draft.
type drafted struct {
	edited
	draft  journey.DraftCopy
	writes int // of the draft
}

func (d *drafted) Draft(context.Context, ident.Tenant, ident.ID) (journey.DraftCopy, error) {
	if d.draft.Tag == "" {
		return d.draft, journey.ErrNoDraft
	}
	return d.draft, nil
}

func (d *drafted) PutDraft(_ context.Context, _ ident.Tenant, old string, next journey.DraftCopy) error {
	if d.draft.Tag != old {
		return journey.ErrLost
	}
	d.writes++
	d.draft = next
	return nil
}

func (d *drafted) Update(ctx context.Context, t ident.Tenant, old, next journey.Journey) error {
	if next.Published != old.Published {
		d.draft = journey.DraftCopy{}
	}
	return d.edited.Update(ctx, t, old, next)
}

func (*drafted) KeepProperties(context.Context, ident.Tenant, map[string][][]string) error {
	return nil
}

func newDrafted(t *testing.T, status journey.Status) (*journey.Service, *drafted) {
	t.Helper()
	d := journeytest.Definition(t, compared)
	store := &drafted{edited: edited{graph: d.Raw}}
	store.journey = journey.Journey{
		ID: "jrn_0", Name: "n", Status: status, GraphHash: d.Hash, GraphPassed: true, Version: 1, Rev: 5, DefinitionRev: 5,
		MaxDurationDays: 30, CreatedAt: t0, UpdatedAt: t0,
	}
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, rand.Reader)
	return service, store
}

// What a draft replaces is its definition and its pinned settings. Only a change of
// those since BasedOn is a conflict.
func TestPublishDraft_RefusesToUndoChanges(t *testing.T) {
	t.Parallel()

	name, status, moved := "renamed", journey.Paused, journeytest.Definition(t, strings.Replace(compared, `"x":1`, `"x":7`, 1))
	until := t0.Add(time.Hour)
	for what, row := range map[string]struct {
		change   journey.Change
		conflict bool
	}{
		"a name":          {journey.Change{Name: &name}, false},
		"a pause":         {journey.Change{Status: &status}, false},
		"an entry window": {journey.Change{EntryUntil: &until}, false},
		"an appearance":   {journey.Change{Definition: &moved}, true},
		"a setting":       {journey.Change{Settings: graph.SettingsChange{"timezone": []byte(`"Asia/Tokyo"`)}}, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()

			service, store := newDrafted(t, journey.Active)
			longer := journeytest.Definition(t, strings.Replace(compared, `"delayHours":2`, `"delayHours":3`, 1))
			d, created, err := service.PutDraft(t.Context(), ident.Tenant{}, "", journey.DraftChange{Definition: &longer}, journey.DraftMatch{})
			require.NoError(t, err)
			require.True(t, created)
			_, err = service.Update(t.Context(), ident.Tenant{}, "", row.change, nil)
			require.NoError(t, err)
			version := store.journey.Version
			publication := journey.Publication{Tags: []string{d.Tag}}
			j, err := service.PublishDraft(t.Context(), ident.Tenant{}, "", publication)
			if row.conflict {
				require.ErrorIs(t, err, journey.ErrLiveChanged)
				require.Equal(t, d.Tag, store.draft.Tag, "the draft stays")
				publication.BasedOn = &store.journey.Rev
				j, err = service.PublishDraft(t.Context(), ident.Tenant{}, "", publication)
			}
			require.NoError(t, err)
			require.Equal(t, version+1, j.Version)
			require.Equal(t, string(longer.Raw), string(j.Definition))
			require.Nil(t, j.Settings, "the draft had none")
			require.Equal(t, j.Rev, j.DefinitionRev)
			require.Empty(t, store.draft.Tag)
		})
	}
}

// A draft that equals the journey is published without another version, also after the
// journey has changed.
func TestPublishDraft_WithoutChangesRemovesTheDraft(t *testing.T) {
	t.Parallel()

	service, store := newDrafted(t, journey.Active)
	moved := journeytest.Definition(t, strings.Replace(compared, `"x":1`, `"x":7`, 1))
	d, _, err := service.PutDraft(t.Context(), ident.Tenant{}, "", journey.DraftChange{Definition: &moved}, journey.DraftMatch{})
	require.NoError(t, err)
	_, err = service.Update(t.Context(), ident.Tenant{}, "", journey.Change{Definition: &moved}, nil)
	require.NoError(t, err)
	for range 2 {
		j, err := service.PublishDraft(t.Context(), ident.Tenant{}, "", journey.Publication{Tags: []string{d.Tag}})
		require.NoError(t, err)
		require.EqualValues(t, 7, j.Rev, "the second call is a repeat")
		require.EqualValues(t, 6, j.DefinitionRev)
		require.Equal(t, 1, j.Version)
		require.Empty(t, store.draft.Tag)
	}
}

// Only a journey that never left the status draft takes an incomplete graph.
func TestPublishDraft_NeedsACompleteGraph(t *testing.T) {
	t.Parallel()

	for _, status := range journey.Statuses {
		service, store := newDrafted(t, status)
		incomplete := journeytest.Definition(t, `{"nodes":[{"id":"in","type":"entry_trigger"}]}`)
		d, _, err := service.PutDraft(t.Context(), ident.Tenant{}, "", journey.DraftChange{Definition: &incomplete}, journey.DraftMatch{})
		require.NoError(t, err, "a draft may be incomplete")
		_, err = service.PublishDraft(t.Context(), ident.Tenant{}, "", journey.Publication{Tags: []string{d.Tag}})
		if status == journey.Draft {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, "graph-not-whole", journey.Code(err), status)
		require.Equal(t, d.Tag, store.draft.Tag)
		require.EqualValues(t, 5, store.journey.Rev)
	}
}

// A repeat finds its own result and writes nothing; another change with the same tag is
// refused.
func TestPutDraft_RepeatsAreNoConflicts(t *testing.T) {
	t.Parallel()

	service, store := newDrafted(t, journey.Paused)
	put := func(zone string, match journey.DraftMatch) (journey.DraftCopy, bool, error) {
		return service.PutDraft(t.Context(), ident.Tenant{}, "", journey.DraftChange{
			Settings: graph.SettingsChange{"timezone": []byte(zone)}, By: journey.Author{Subject: zone},
		}, match)
	}
	_, _, err := put(`"Asia/Tokyo"`, journey.DraftMatch{Any: true})
	require.ErrorIs(t, err, journey.ErrStaleDraft, "there is none")
	first, created, err := put(`"Asia/Tokyo"`, journey.DraftMatch{None: true})
	require.NoError(t, err)
	require.True(t, created)
	again, created, err := put(`"Asia/Tokyo"`, journey.DraftMatch{None: true})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)

	of := journey.DraftMatch{Tags: []string{first.Tag}}
	second, _, err := put(`"America/Lima"`, of)
	require.NoError(t, err)
	require.NotEqual(t, first.Tag, second.Tag)
	require.Equal(t, first.CreatedBy, second.CreatedBy)
	require.Equal(t, `"America/Lima"`, second.UpdatedBy.Subject)
	again, _, err = put(`"America/Lima"`, of)
	require.NoError(t, err)
	require.Equal(t, second, again)
	_, _, err = put(`"Europe/Rome"`, of)
	require.ErrorIs(t, err, journey.ErrStaleDraft)
	_, _, err = put(`"Europe/Rome"`, journey.DraftMatch{None: true})
	require.ErrorIs(t, err, journey.ErrStaleDraft)
	require.Equal(t, 2, store.writes)
}
