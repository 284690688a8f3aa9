package analytics

import (
	"context"

	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// Head is what a report shows of the journey itself.
type Head struct {
	Name   string
	Status journey.Status
	Graph  string        // hash of the current graph
	Labels []graph.Label // of the current graph's nodes
}

// keptLabels returns the labels of a graph that c holds: in the head for the
// current graph, in the total for an earlier one. It returns nil for none.
func (c *Counters) keptLabels(hash string) []graph.Label {
	if hash == c.Head.Graph {
		return c.Head.Labels
	}
	return c.total(hash).Labels
}

// readLabels returns the labels of a graph from its definition.
func readLabels(
	ctx context.Context, cache *journey.Definitions, table Table, t ident.Tenant, id ident.ID, hash string,
) ([]graph.Label, error) {
	d, err := cache.Get(t, id, hash, func() ([]byte, error) { return table.Definition(ctx, t, id, hash) })
	if err != nil {
		return nil, err
	}
	return d.Graph.Labels(), nil
}
