package journey_test

import (
	"bytes"
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
	"journeys/internal/simulate"
)

// edited is a JourneyStore with one journey and its definition.
type edited struct {
	singleJourney
	graph   []byte // of the journey's GraphHash
	updates int
}

func (e *edited) FullJourney(context.Context, ident.Tenant, ident.ID) (journey.Journey, error) {
	j := e.journey
	j.Definition, j.Settings = nil, nil
	return j, nil
}

func (e *edited) Definition(context.Context, ident.Tenant, ident.ID, string) ([]byte, error) {
	return e.graph, nil
}

func (e *edited) Appearance(context.Context, ident.Tenant, journey.Journey) ([]byte, error) {
	return e.journey.GraphText(), nil
}

func (e *edited) Update(_ context.Context, _ ident.Tenant, old, next journey.Journey) error {
	if e.updates++; next.GraphHash != old.GraphHash {
		e.graph = next.GraphText()
	}
	e.journey = next
	return nil
}

const compared = `{"nodes":[{"id":"in","type":"entry_trigger","position":{"x":1,"y":2}},` +
	`{"id":"r","type":"random_split","config":{"branches":[{"id":"x","weight":1},{"id":"y","weight":3}],"salt":"c"}},` +
	`{"id":"s","type":"condition_split","config":{"condition":{"field":"n","operator":"eq","value":9007199254740993}}},` +
	`{"id":"a","type":"channel_action","data":{"label":"Mail"},"config":{"channel":"push","payload":{"x":[1,2],"y":null}}},` +
	`{"id":"b","type":"wait","config":{"delayHours":2}},{"id":"out","type":"exit"}],"edges":[` +
	`{"id":"e1","source":"in","target":"r"},{"source":"r","target":"s","sourceHandle":"x"},{"source":"r","target":"out","sourceHandle":"y"},{"source":"s","target":"a","sourceHandle":"true"},` +
	`{"source":"s","target":"b","sourceHandle":"false"},{"source":"a","target":"out"},{"source":"b","target":"out"}]}`

func TestUpdate_VersionCountsWhatRuns(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name    string
		edits   []string // pairs: a text and its replacement
		version int
	}{
		{"a moved node", []string{`"x":1`, `"x":7`}, 1},
		{"a label", []string{`Mail`, `E-mail`}, 1},
		{"a node's other fields", []string{`"type":"exit"`, `"type":"exit","style":{"color":"red"},"selected":true`}, 1},
		{"a definition's other fields", []string{`{"nodes"`, `{"viewport":{"zoom":2},"nodes"`}, 1},
		{"the id of an edge", []string{`"id":"e1",`, `"id":"e2","animated":true,`}, 1},
		{"a handle where one way leads out", []string{`"source":"in"`, `"sourceHandle":"bottom","source":"in"`}, 1},
		{"null for an absent handle", []string{`"source":"in"`, `"sourceHandle":null,"source":"in"`}, 1},
		{"the order of names", []string{`"channel":"push","payload":{"x":[1,2],"y":null}`, `"payload":{"y":null,"x":[1,2]},"channel":"push"`}, 1},
		{"the order of nodes", []string{`{"id":"b","type":"wait","config":{"delayHours":2}},{"id":"out","type":"exit"}`, `{"id":"out","type":"exit"},{"id":"b","type":"wait","config":{"delayHours":2}}`}, 1},
		{"the order of edges", []string{`{"source":"a","target":"out"},{"source":"b","target":"out"}`, `{"source":"b","target":"out"},{"source":"a","target":"out"}`}, 1},
		{"null and empty for an absent config", []string{`"type":"exit"`, `"type":"exit","config":{}`, `"type":"entry_trigger"`, `"type":"entry_trigger","config":null`}, 1},
		{"null in a config", []string{`"delayHours":2`, `"delayHours":2,"delay":null`}, 1},
		{"null inside of a config", []string{`{"id":"x","weight":1}`, `{"weight":1,"id":"x","condition":null}`}, 1},
		{"another spelling of a weight", []string{`"weight":3`, `"weight":3e0`}, 1},
		{"another spelling of a number", []string{`"delayHours":2`, `"delayHours":0.2e1`, `[1,2]`, `[1.0,20e-1]`}, 1},
		{"another spelling of a string", []string{`"push"`, `"\u0070ush"`}, 1},
		{"white space", []string{`[1,2]`, `[ 1, 2 ]`}, 1},

		{"the handle of a wait with one edge", []string{`"source":"b"`, `"sourceHandle":"bottom","source":"b"`}, 1},

		{"a second edge from a wait", []string{`{"source":"b","target":"out"}`, `{"source":"b","target":"out"},{"source":"b","target":"a","sourceHandle":"event"}`}, 2},
		{"a number", []string{`"delayHours":2`, `"delayHours":2.5`}, 2},
		{"a 64-bit integer by one", []string{`9007199254740993`, `9007199254740992`}, 2},
		{"a string for a number", []string{`[1,2]`, `[1,"2"]`}, 2},
		{"the order of an array", []string{`[1,2]`, `[2,1]`}, 2},
		{"null in a payload", []string{`,"y":null`, ``}, 2},
		{"the case of a string", []string{`"push"`, `"Push"`}, 2},
		{"a new field of a config", []string{`"channel":"push"`, `"channel":"push","templateId":"t"`}, 2},
		{"swapped branches", []string{`"sourceHandle":"true"`, `"sourceHandle":"false"`, `"target":"b","sourceHandle":"false"`, `"target":"b","sourceHandle":"true"`}, 2},
		{"swapped branches of a random split", []string{`"sourceHandle":"x"`, `"sourceHandle":"y"`, `"target":"out","sourceHandle":"y"`, `"target":"out","sourceHandle":"x"`}, 2},
		{"a weight", []string{`"weight":3`, `"weight":4`}, 2},
		{"the order of branches", []string{`{"id":"x","weight":1},{"id":"y","weight":3}`, `{"id":"y","weight":3},{"id":"x","weight":1}`}, 2},
		{"a salt", []string{`"salt":"c"`, `"salt":"d"`}, 2},
		{"another target", []string{`{"source":"a","target":"out"}`, `{"source":"a","target":"b"}`}, 2},
		{"another id", []string{`"id":"b"`, `"id":"c"`, `"target":"b"`, `"target":"c"`, `"source":"b"`, `"source":"c"`}, 2},
		{"swapped ids", []string{`"id":"a","type":"channel_action"`, `"id":"b","type":"channel_action"`, `"id":"b","type":"wait"`, `"id":"a","type":"wait"`}, 2},
		{"another type", []string{`"id":"b","type":"wait","config":{"delayHours":2}`, `"id":"b","type":"nba_decision","config":{"decisionFlowId":"f"}`}, 2},
		{"a node more", []string{`{"id":"out","type":"exit"}`, `{"id":"out","type":"exit"},{"id":"far","type":"exit"}`}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			next := compared
			for i := 0; i < len(row.edits); i += 2 {
				require.Contains(t, next, row.edits[i])
				next = strings.Replace(next, row.edits[i], row.edits[i+1], 1)
			}
			before, d := journeytest.Definition(t, compared), journeytest.Definition(t, next)
			store := &edited{graph: before.Raw}
			store.journey = journey.Journey{ID: "jrn_0", Status: journey.Draft, GraphHash: before.Hash, Version: 1, Rev: 1, CreatedAt: t0, UpdatedAt: t0}
			update := func(d journey.Definition) journey.Journey {
				t.Helper()
				service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, rand.Reader)
				j, err := service.Update(t.Context(), ident.Tenant{}, "", journey.Change{Definition: &d}, nil)
				require.NoError(t, err)
				require.Equal(t, string(d.Raw), string(j.Definition), "given back as it was sent")
				got, err := service.Get(t.Context(), ident.Tenant{}, "")
				require.NoError(t, err)
				require.Equal(t, string(d.Raw), string(got.Definition))
				return j
			}

			j := update(d)
			require.Equal(t, row.version, j.Version)
			require.Equal(t, row.version == 1, j.GraphHash == before.Hash)
			changed := !bytes.Equal(d.Raw, before.Raw) // white space is not kept
			require.Equal(t, changed, j.Rev == 2)
			require.Equal(t, row.version, update(d).Version)
			require.LessOrEqual(t, store.updates, 1, "the same again writes nothing")
			require.Equal(t, 2*row.version-1, update(before).Version)
			require.Zero(t, store.journey.AppearanceRev, "back to the text of a graph")
		})
	}
}

// A store whose graph is replaced while it is read.
type replaced struct {
	edited
	gone int // reads that find nothing
}

func (r *replaced) Definition(ctx context.Context, t ident.Tenant, id ident.ID, hash string) ([]byte, error) {
	if r.gone > 0 {
		r.gone--
		r.journey.Rev++
		return nil, journey.ErrNoDefinition
	}
	return r.edited.Definition(ctx, t, id, hash)
}

func TestGet_ReadsAReplacedDraftAgain(t *testing.T) {
	t.Parallel()

	for _, gone := range []int{1, 5} {
		d := journeytest.Definition(t, onboarding)
		read := func() (*journey.Service, *replaced) {
			store := &replaced{edited: edited{graph: d.Raw}, gone: gone}
			store.journey = journey.Journey{Status: journey.Draft, GraphHash: d.Hash, Rev: 1, MaxDurationDays: 30}
			return journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, rand.Reader), store
		}
		service, store := read()
		j, err := service.Get(t.Context(), ident.Tenant{}, "")
		require.NoError(t, err)
		require.EqualValues(t, 1+gone, j.Rev)
		require.Zero(t, store.gone)

		service, _ = read()
		_, err = simulate.Run(t.Context(), service, ident.Tenant{}, "", simulate.Request{})
		require.NoError(t, err)
		service, _ = read()
		name := "renamed"
		_, err = service.Update(t.Context(), ident.Tenant{}, "", journey.Change{Name: &name}, nil)
		require.NoError(t, err)
	}
}

// The time zone is part of what runs. The customers of a version keep its zone.
func TestTimezone_IsPartOfTheVersion(t *testing.T) {
	t.Parallel()

	store := &edited{graph: []byte(compared)}
	store.journey = journey.Journey{ID: "jrn_0", Status: journey.Draft, GraphHash: "00", Version: 1, Rev: 1, CreatedAt: t0, UpdatedAt: t0}
	service := journey.NewService(journey.Stores{Journeys: store}, func() time.Time { return t0 }, rand.Reader)
	moved := journeytest.Definition(t, strings.Replace(compared, `"x":1`, `"x":7`, 1))
	longer := journeytest.Definition(t, strings.Replace(compared, `"delayHours":2`, `"delayHours":3`, 1))
	zone := func(json string) graph.SettingsChange { return graph.SettingsChange{"timezone": []byte(json)} }
	unset := graph.SettingsChange{"timezone": nil}
	for _, step := range []struct {
		name    string
		change  journey.Change
		version int
		zone    string
	}{
		{"the default", journey.Change{Settings: unset}, 1, "UTC"},
		{"a zone", journey.Change{Settings: zone(`"Europe/Berlin"`)}, 2, "Europe/Berlin"},
		{"the same zone", journey.Change{Settings: zone(`"Europe/Berlin"`)}, 2, "Europe/Berlin"},
		{"the same zone, spelled otherwise", journey.Change{Settings: zone(`"Europe\/Berlin"`)}, 2, "Europe/Berlin"},
		{"an appearance", journey.Change{Definition: &moved}, 2, "Europe/Berlin"},
		{"another zone under an appearance", journey.Change{Settings: zone(`"Asia/Tokyo"`)}, 3, "Asia/Tokyo"},
		{"another graph", journey.Change{Definition: &longer}, 4, "Asia/Tokyo"},
		{"both", journey.Change{Definition: &moved, Settings: zone(`"America/Lima"`)}, 5, "America/Lima"},
		{"none any more", journey.Change{Settings: unset}, 6, "UTC"},
	} {
		before := store.journey
		j, err := service.Update(t.Context(), ident.Tenant{}, "", step.change, nil)
		require.NoError(t, err, step.name)
		require.Equal(t, step.version, j.Version, step.name)
		require.Equal(t, step.version == before.Version, j.GraphHash == before.GraphHash, step.name)
		got, err := service.Get(t.Context(), ident.Tenant{}, "")
		require.NoError(t, err, step.name)
		require.Equal(t, j.Settings, got.Settings, step.name)
		require.Equal(t, string(j.Definition), string(got.Definition), step.name)
		stored, err := journey.LoadDefinition(store.graph, j.GraphHash)
		require.NoError(t, err, step.name)
		require.Equal(t, step.zone, stored.Graph.Zone().String(), step.name)
	}
	require.Equal(t, 6, store.updates, "a change without effect writes nothing")
}
