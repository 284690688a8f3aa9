package analytics

import (
	"context"

	"journeys/internal/ident"
)

// Inside returns how many customers are inside a journey, failed ones too, by the hash of
// their graph. It takes one read of the table, as Report does. A journey without
// figures has none.
func (r *Reader) Inside(ctx context.Context, t ident.Tenant, id ident.ID) (map[string]int64, error) {
	_, f, err := r.readFigures(ctx, t, id, Range{})
	if err != nil {
		return nil, err
	}
	inside := make(map[string]int64, len(f.Graphs))
	for hash, g := range f.Graphs {
		inside[hash] = g.Active() + g.Failed
	}
	return inside, nil
}
