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
		if err := shapes.checkAll(ctx, &page); err != nil {
			return nil, err
		}
		for _, k := range page.Counted {
			found.figures(k)
		}
		for i := range page.Enrollments {
			r.recount(ctx, a, &page.Enrollments[i], found)
		}
		for i := range page.Feedback {
			r.recountFeedback(ctx, a, &page.Feedback[i], found)
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
	r.addWrong(ctx, found, e.JourneyKey, e.GraphHash, "enrollment inconsistent", e.Err,
		"version", e.Version, "run", e.Run, "enrolledAt", e.EnrolledAt, "rev", e.Rev)
}

// recountFeedback is recount of feedback.
func (r *Rollup) recountFeedback(ctx context.Context, a *Audit, h *ScannedFeedback, found *Recount) {
	figures := found.figures(h.JourneyKey)
	if h.Err == nil {
		figures.RecountFeedback(h.Heard, a.Day)
		return
	}
	r.addWrong(ctx, found, h.JourneyKey, h.GraphHash, "feedback inconsistent", h.Err,
		"version", h.Version, "run", h.Run, "node", h.Node, "rev", h.Rev)
}

// addWrong notes an item that cannot be recounted because of err.
func (r *Rollup) addWrong(ctx context.Context, found *Recount, k JourneyKey, graph, message string, err error, attrs ...any) {
	if errors.Is(err, journey.ErrNewer) {
		found.Newer[k]++
		return
	}
	found.AddWrong(k, graph, 1)
	named := []any{"tenant", k.Tenant.String(), "journey", k.Journey, "graph", graph}
	r.Log.ErrorContext(ctx, message, append(append(named, attrs...), "error", err)...)
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

// checkAll sets Err of everything that contradicts its graph.
func (c *shapeCache) checkAll(ctx context.Context, page *Scanned) error {
	for i := range page.Enrollments {
		e := &page.Enrollments[i]
		if err := c.check(ctx, e.JourneyKey, e.GraphHash, &e.Err, func(s *progress.Shape) error { return s.Check(e.Enrollment) }); err != nil {
			return err
		}
	}
	for i := range page.Feedback {
		h := &page.Feedback[i]
		if err := c.check(ctx, h.JourneyKey, h.GraphHash, &h.Err, func(s *progress.Shape) error { return s.CheckFeedback(h.Heard) }); err != nil {
			return err
		}
	}
	return nil
}

// check sets fault, unless there is one, to what contradicts says about the shape of a
// graph.
func (c *shapeCache) check(
	ctx context.Context, k JourneyKey, hash string, fault *error, contradicts func(*progress.Shape) error,
) error {
	var shape keptShape
	if *fault == nil {
		var err error
		if shape, err = c.get(ctx, k, hash); err != nil {
			return err
		}
		*fault = shape.err
	}
	if *fault == nil {
		*fault = contradicts(shape.Shape)
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
