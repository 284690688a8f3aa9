// Package journey is the domain: journeys and their lifecycle, enrollment, customers and
// events. It knows neither AWS nor HTTP. The clock, randomness and pauses are arguments.
// How an enrollment moves through a graph is package progress.
package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"journeys/internal/catalog"
	"journeys/internal/ident"
	"journeys/internal/progress"
)

// Service implements the operations on journeys, enrollments, customers and
// events. Create it with NewService and set the fields before the first call. It
// is safe for concurrent use.
type Service struct {
	stores      Stores
	now         func() time.Time
	entropy     io.Reader
	definitions Definitions

	// Catalog lists the channels and decision flows, for warnings and tests.
	Catalog catalog.Catalog

	Forgetting

	// Heard is told the channel of each message that something is reported of. Nil does
	// nothing.
	Heard func(ctx context.Context, channel string)

	// Nudge announces customers who have become due. It must not block for long
	// and may lose a call: tick finds the customers within a minute. Nil does
	// nothing.
	Nudge func(ctx context.Context, t ident.Tenant, id ident.ID, customers []string)

	// Pause waits for a random time below limit before a write that met a
	// concurrent one is retried. It returns false if ctx ended first. Nil
	// retries at once.
	Pause func(ctx context.Context, limit time.Duration) bool

	// Sample decides whether a call that enrolled that many customers looks at a shard
	// of the journey: on average once in SampleEvery customers. Nil never does.
	Sample func(customers int) bool
}

// NewService returns a service on stores. now is the clock; entropy supplies
// random bytes and must be safe for concurrent use.
func NewService(stores Stores, now func() time.Time, entropy io.Reader) *Service {
	return &Service{stores: stores, now: now, entropy: entropy}
}

// definition returns the journey's definition, compiled.
func (s *Service) definition(ctx context.Context, t ident.Tenant, j Journey) (Definition, error) {
	return s.definitions.Get(t, j.ID, j.GraphHash, func() ([]byte, error) {
		return s.stores.Journeys.Definition(ctx, t, j.ID, j.GraphHash)
	})
}

// graphOf returns the graph that e follows. It returns ErrDamaged if the graph
// cannot be read or has no node e.Node.
func (s *Service) graphOf(ctx context.Context, t ident.Tenant, e progress.Enrollment) (*progress.Graph, error) {
	d, err := s.definition(ctx, t, Journey{ID: e.Journey, GraphHash: e.GraphHash})
	if err == nil {
		err = wrapDamaged(d.Graph.CheckNode(e))
	}
	return d.Graph, err
}

// wrapDamaged makes an error an ErrDamaged; nil stays nil.
func wrapDamaged(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// nudge calls Nudge unless it is nil or there are no customers.
func (s *Service) nudge(ctx context.Context, t ident.Tenant, id ident.ID, customers []string) {
	if s.Nudge != nil && len(customers) > 0 {
		s.Nudge(ctx, t, id, customers)
	}
}

// pauseLimit bounds the pause after a failed attempt, counted from 0: 10 ms,
// doubling to 640 ms.
func pauseLimit(attempt int) time.Duration {
	const first, longest = 10 * time.Millisecond, 640 * time.Millisecond
	return min(first<<min(attempt, 10), longest)
}

// WaitToRetry waits before the attempt after that one, counted from 0, at a write that met
// a concurrent one. It returns false if ctx ended first.
func (s *Service) WaitToRetry(ctx context.Context, attempt int) bool {
	if s.Pause == nil {
		return ctx.Err() == nil
	}
	return s.Pause(ctx, pauseLimit(attempt))
}

// shorten returns ctx without its last margin, in which nothing new is to begin.
func shorten(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-margin))
	}
	return context.WithCancel(ctx)
}

// updateAttempts bounds the attempts at a change without If-Match under concurrent
// writes. With the pauses between them they take about ten seconds.
const updateAttempts = 40

// retry calls change until it meets no concurrent change of the journey or its draft:
// ErrStale or ErrLost.
func (s *Service) retry(ctx context.Context, change func() error) error {
	var err error
	for attempt := range updateAttempts {
		if err = change(); !errors.Is(err, ErrStale) && !errors.Is(err, ErrLost) {
			return err
		}
		if !s.WaitToRetry(ctx, attempt) {
			break
		}
	}
	return &Error{
		Kind: Unavailable, Code: "journey-busy", Cause: err,
		Detail: "The journey is being changed by another request. Try again.",
	}
}

// forEach calls f for each element of list, several at a time, and joins the
// errors.
func forEach[T any](list []T, f func(T) error) error {
	const workers = 8
	errs := make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(workers)
	for i, element := range list {
		group.Go(func() error {
			errs[i] = f(element)
			return nil
		})
	}
	_ = group.Wait() // all errors are in errs
	return errors.Join(errs...)
}

// inOrder calls do for each index of customers, for several customers at a time, and
// returns the errors. The calls of one customer are made in order: after an error that a
// repeat may not meet, the rest of them get it too. No call begins after ctx ended.
func inOrder(ctx context.Context, customers []string, several int, do func(i int) error) []error {
	indexes := map[string][]int{}
	for i, customer := range customers {
		indexes[customer] = append(indexes[customer], i)
	}
	errs := make([]error, len(customers))
	var group errgroup.Group
	group.SetLimit(several)
	for _, list := range indexes {
		group.Go(func() error {
			var failed error
			for _, i := range list {
				if errs[i] = cmp.Or(failed, ctx.Err()); errs[i] == nil {
					errs[i] = do(i)
				}
				if kind := kindOf(errs[i]); kind != Invalid && kind != Mismatch {
					failed = errs[i]
				}
			}
			return nil
		})
	}
	_ = group.Wait() // all errors are in errs
	return errs
}

// clock returns the current time in UTC, to the millisecond.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
