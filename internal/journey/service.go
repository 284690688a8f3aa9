// Package journey is the domain: journeys and their lifecycle, graphs, the
// pure step function that moves a customer, its simulation, and enrollment.
// It knows no AWS and no HTTP; time, randomness and ids come in as arguments.
package journey

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Service is what callers do with journeys. Use NewService.
type Service struct {
	stores      Stores
	now         func() time.Time
	entropy     io.Reader
	definitions Definitions

	// Nudge is told of customers who have something due at once; nil for
	// nobody. Without it, tick finds them within a minute.
	Nudge func(ctx context.Context, t Tenant, id ID, customers []string)
}

// NewService returns a service on stores. now is the clock; entropy gives random
// bytes and must be safe for concurrent use.
func NewService(stores Stores, now func() time.Time, entropy io.Reader) *Service {
	return &Service{stores: stores, now: now, entropy: entropy}
}

// definition returns the journey's definition.
func (s *Service) definition(ctx context.Context, t Tenant, j Journey) (Definition, error) {
	return s.definitions.Get(t, j.ID, j.GraphHash, func() ([]byte, error) {
		return s.stores.Journeys.Definition(ctx, t, j.ID, j.GraphHash)
	})
}

// graphOf returns the graph that e follows. ErrDamaged when that cannot be read,
// or e is at none of its nodes.
func (s *Service) graphOf(ctx context.Context, t Tenant, e Enrollment) (*Graph, error) {
	d, err := s.definition(ctx, t, Journey{ID: e.Journey, GraphHash: e.GraphHash})
	if err == nil {
		err = d.Graph.CheckNode(e)
	}
	return d.Graph, err
}

func (s *Service) nudge(ctx context.Context, t Tenant, id ID, customers []string) {
	if s.Nudge != nil && len(customers) > 0 {
		s.Nudge(ctx, t, id, customers)
	}
}

// A change without If-Match that meets another is tried again so often, after
// pauses of up to 10 ms that double to 640: about ten seconds in all.
const (
	updateAttempts = 40
	firstPause     = 10 * time.Millisecond
	longestPause   = 640 * time.Millisecond
)

// pause waits at random, so that those who met do not meet again; false when
// ctx ends first.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(rand.N(min(firstPause<<min(attempt, 10), longestPause)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// together calls f for everything in list, some at a time.
func together[T any](list []T, f func(T) error) error {
	const workers = 8
	var running sync.WaitGroup
	errs := make([]error, len(list))
	slots := make(chan struct{}, workers)
	for i, one := range list {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(one)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// clock returns the present in UTC, to the millisecond.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
