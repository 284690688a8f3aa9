package journey

import (
	"context"

	"journeys/internal/graph"
	"journeys/internal/strict"
)

// Warnings returns what is legal in the journey but probably not meant. j must have its
// Definition. Pointers start with /definition or /entryCondition.
func (s *Service) Warnings(t Tenant, j Journey) []strict.Fault {
	d, err := LoadDefinition(j.Definition, "")
	if err != nil {
		return nil
	}
	return s.warnings(t, j, d.Graph)
}

// warnings returns the Warnings of j with another graph.
func (s *Service) warnings(t Tenant, j Journey, g *Graph) []strict.Fault {
	entry, _ := j.entry()
	return g.Warnings("/definition", graph.Surroundings{
		MaxDays: j.MaxDurationDays, Event: entry.Event, Entry: entry.Condition, Catalog: s.Catalog, Tenant: t.String(),
	})
}

// bothGraphs returns the journey's definition as customers follow it, and its graph with
// the nodes in the order in which they were last sent.
func (s *Service) bothGraphs(ctx context.Context, t Tenant, j Journey) (Definition, *Graph, error) {
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
