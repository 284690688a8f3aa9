package journey

import (
	"context"
	"time"

	"journeys/internal/consent"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/progress"
	"journeys/internal/strict"
)

// Warnings returns what is legal in the journey but probably not meant. j must have its
// Definition and Settings. Pointers start with /definition, /entryCondition or the name of
// a pinned setting.
func (s *Service) Warnings(t ident.Tenant, j Journey) []strict.Fault {
	d, err := LoadDefinition(j.GraphText(), "")
	if err != nil {
		return nil
	}
	return s.warnings(t, j, d.Graph)
}

// warnings returns the Warnings of j with another graph.
func (s *Service) warnings(t ident.Tenant, j Journey, g *progress.Graph) []strict.Fault {
	entry, _ := j.entry()
	return g.Warnings("/definition", graph.Surroundings{
		Consent: j.Tenant, MaxDays: j.MaxDurationDays, Event: entry.Event, Entry: entry.Condition, Catalog: s.Catalog, Tenant: t.String(),
		Now: s.clock(),
	})
}

// tenantOf reads the tenant's settings if the graph of a new journey sends messages. It
// returns nil if they cannot be read: they are for warnings only.
func (s *Service) tenantOf(ctx context.Context, t ident.Tenant, g *progress.Graph) (*consent.TenantSettings, error) {
	if s.stores.Topics == nil || !g.HasMessages() {
		return nil, nil //nolint:nilnil // there may be nothing to know
	}
	settings, err := s.stores.Topics.TenantSettings(ctx, t)
	if err == nil {
		return &settings, nil
	}
	if Unreadable(err) {
		err = nil
	}
	return nil, err
}

// Subject is a journey to simulate.
type Subject struct {
	Journey    Journey // without Definition
	Version    int     // 0 for another definition than the journey's own
	Graph      *progress.Graph
	Entry      graph.Entry // of the journey, and why it cannot be evaluated; "" if it can
	EntryFault string
	Faults     []strict.Fault // what keeps the graph from being activated
	Warnings   []strict.Fault // as of Service.Warnings
	Now        time.Time
}

// Subject returns the journey with its own definition, or with another one and changed
// settings. Another definition serves also if the journey's own cannot be read.
func (s *Service) Subject(ctx context.Context, t ident.Tenant, id ident.ID, other *Definition, c graph.SettingsChange) (Subject, error) {
	var d Definition
	var shown *progress.Graph // has the order of nodes that the caller knows
	j, err := s.read(ctx, t, id, func(j Journey) (err error) {
		d, shown, err = s.bothGraphs(ctx, t, j)
		return err
	})
	version := j.Version
	if other != nil && j.ID != "" && (err == nil || Unreadable(err)) {
		version = 0
		d, err = other.with(c.Apply(d.Settings))
		shown = d.Graph
	}
	if err != nil {
		return Subject{}, err
	}
	subject := Subject{Journey: j, Version: version, Graph: d.Graph, Now: s.clock()}
	subject.Entry, subject.EntryFault = j.entry()
	subject.Faults = shown.ActivationFaults("/definition", j.MaxDurationDays)
	subject.Warnings = s.warnings(t, j, shown)
	return subject, nil
}

// Edited returns the journey's graph as its editors see it: that of the draft, or if there
// is none, the journey's own.
func (s *Service) Edited(ctx context.Context, t ident.Tenant, id ident.ID) (g *progress.Graph, err error) {
	draft, err := s.draftOrNone(ctx, t, id)
	if err != nil {
		return nil, err
	}
	if draft.Tag == "" {
		_, err = s.read(ctx, t, id, func(j Journey) (err error) {
			_, g, err = s.bothGraphs(ctx, t, j)
			return err
		})
		return g, err
	}
	if _, err = s.stores.Journeys.Journey(ctx, t, id); err != nil {
		return nil, err
	}
	d, err := LoadDefinition(Journey{Definition: draft.Definition, Settings: draft.Settings}.GraphText(), "")
	return d.Graph, err
}

// bothGraphs returns the journey's definition as customers follow it, and its graph with
// the nodes in the order in which they were last sent.
func (s *Service) bothGraphs(ctx context.Context, t ident.Tenant, j Journey) (Definition, *progress.Graph, error) {
	d, err := s.definition(ctx, t, j)
	if err != nil || j.AppearanceRev == 0 {
		return d, d.Graph, err
	}
	raw, err := s.stores.Journeys.Appearance(ctx, t, j)
	if err != nil {
		return Definition{}, nil, err
	}
	shown, err := LoadDefinition(raw, "")
	return d, shown.Graph, err
}
