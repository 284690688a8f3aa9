package analytics

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"journeys/internal/journey"
	"journeys/internal/progress"
)

// readSegments reads the segments that are left, until time is up, and adds what
// it reads to the recount. A failed segment does not stop the others.
func (r *Rollup) readSegments(ctx context.Context, a *Audit) error {
	shapes := &shapeCache{table: r.Table, shapes: map[shapeKey]keptShape{}}
	errs := make([]error, len(a.Segments))
	var mu sync.Mutex // guards a.Recount
	var g errgroup.Group
	g.SetLimit(r.workers())
	for i, read := range a.Segments {
		if read {
			continue
		}
		g.Go(func() error {
			found, err := r.readSegment(ctx, a, i, shapes)
			if errs[i] = err; found == nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			a.Recount.merge(found)
			a.Segments[i] = true
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// readSegment returns what it recounted in a segment, nil if time was up before its
// end. Inconsistent enrollments of an unfinished segment are logged again.
func (r *Rollup) readSegment(ctx context.Context, a *Audit, number int, shapes *shapeCache) (*Recount, error) {
	found := NewRecount()
	var cursor []byte
	for !nearEnd(ctx) {
		page, next, err := r.Table.Scan(ctx, number, len(a.Segments), cursor, a.Pass > 1)
		if err != nil {
			return nil, err
		}
		if err := shapes.checkAll(ctx, page.Enrollments); err != nil {
			return nil, err
		}
		for _, k := range page.Counted {
			found.figures(k)
		}
		for i := range page.Enrollments {
			r.recount(ctx, a, &page.Enrollments[i], found)
		}
		if cursor = next; next == nil {
			return found, nil
		}
	}
	return nil, nil
}

// recount adds an enrollment to found. Inconsistent enrollments are logged and
// counted as wrong instead. Those of a newer format are only counted: finish logs
// their number.
func (r *Rollup) recount(ctx context.Context, a *Audit, e *ScannedEnrollment, found *Recount) {
	figures := found.figures(e.JourneyKey)
	if e.Err == nil {
		figures.Recount(e.Enrollment, a.Day)
		return
	}
	if errors.Is(e.Err, journey.ErrNewer) {
		found.Newer[e.JourneyKey]++
		return
	}
	found.AddWrong(e.JourneyKey, e.GraphHash, 1)
	r.Log.ErrorContext(ctx, "enrollment inconsistent",
		"tenant", e.Tenant.String(), "journey", e.JourneyKey.Journey, "graph", e.GraphHash, "version", e.Version,
		"run", e.Run, "enrolledAt", e.EnrolledAt, "rev", e.Rev, "error", e.Err)
}

// shapeCache keeps the shape of every graph that a pass reads: about 50 bytes per
// node. It may be used by several goroutines.
type shapeCache struct {
	table  Table
	mu     sync.Mutex
	shapes map[shapeKey]keptShape
}

type keptShape struct {
	*progress.Shape       // nil if there is none
	err             error // an errNoGraph or journey.ErrNewer if there is none
}

type shapeKey struct {
	JourneyKey
	hash string
}

var errNoGraph = errors.New("the journey has no readable graph with this hash")

// checkAll sets Err of every enrollment that contradicts its graph.
func (c *shapeCache) checkAll(ctx context.Context, list []ScannedEnrollment) error {
	for i := range list {
		e := &list[i]
		if e.Err != nil {
			continue
		}
		shape, err := c.get(ctx, e.JourneyKey, e.GraphHash)
		if err != nil {
			return err
		}
		if e.Err = shape.err; e.Err == nil {
			e.Err = shape.Check(e.Enrollment)
		}
	}
	return nil
}

// get returns the shape of a graph, or why there is none. It fails if the
// definition could not be read for another reason.
func (c *shapeCache) get(ctx context.Context, k JourneyKey, hash string) (keptShape, error) {
	key := shapeKey{k, hash}
	c.mu.Lock()
	shape, ok := c.shapes[key]
	c.mu.Unlock()
	if ok {
		return shape, nil
	}
	raw, err := c.table.Definition(ctx, k.Tenant, k.Journey, hash)
	shape.err = errNoGraph
	switch {
	case errors.Is(err, journey.ErrNewer):
		shape.err = err
	case errors.Is(err, journey.ErrDamaged):
	case err != nil:
		return shape, err
	default:
		if d, err := journey.LoadDefinition(raw, hash); err == nil {
			found := d.Graph.Shape()
			shape = keptShape{Shape: &found}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shapes[key] = shape
	return shape, nil
}
