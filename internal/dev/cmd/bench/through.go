package main

import (
	"context"
	"fmt"
	"time"

	"journeys/internal/dev/cmd/bench/tap"
	"journeys/internal/engine"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// pack is a journey with the customers of one pack.
type pack struct {
	id        ident.ID
	customers []string
}

// enter activates a journey and enrolls a pack of customers, who have a profile with these
// attributes unless they are nil.
func (w *walkers) enter(ctx context.Context, definition string, attributes []byte) (p pack, err error) {
	if p.id, err = w.activate(ctx, definition); err != nil {
		return p, err
	}
	p.customers = make([]string, engine.PackSize)
	for i := range p.customers {
		p.customers[i] = fmt.Sprint(p.id, "-", i)
		if attributes == nil {
			continue
		}
		profile := journey.Profile{}.Next(p.customers[i], attributes, time.Now())
		if err := w.store.Customers.PutProfile(ctx, w.tenant, profile, 0); err != nil {
			return p, err
		}
	}
	_, err = w.service.Enroll(ctx, w.tenant, p.id, journey.EnrollRequest{Customers: p.customers})
	return p, err
}

// advance moves a pack at a time that stands still, so that the journey is read once.
func (w *walkers) advance(ctx context.Context, p pack, at time.Time) error {
	still := *w.engine
	still.Now = func() time.Time { return at }
	return still.Advance(ctx, engine.Pack{Tenant: w.tenant, Journey: p.id, Customers: p.customers})
}

// remove removes a pack of customers from their journey.
func (w *walkers) remove(ctx context.Context, p pack) error {
	for _, customer := range p.customers {
		if err := w.service.Remove(ctx, w.tenant, p.id, customer); err != nil {
			return err
		}
	}
	return nil
}

// requireStatus returns an error unless all customers of a pack have that status.
func (w *walkers) requireStatus(ctx context.Context, p pack, status progress.EnrollmentStatus) error {
	for _, customer := range p.customers {
		at, err := w.service.Whereabouts(ctx, w.tenant, p.id, customer)
		if err != nil || at.Status != status {
			return fmt.Errorf("%s is %s, not %s: %w", customer, at.Status, status, err)
		}
	}
	return nil
}

// through returns the usage of a pack of customers from the wait of a graph to its exit.
func (w *walkers) through(ctx context.Context, definition string, attributes []byte) (used tap.Usage, err error) {
	p, err := w.enter(ctx, definition, attributes)
	if err != nil {
		return used, err
	}
	w.rig.tap.Reset()
	if err := w.advance(ctx, p, time.Now().Add(time.Minute)); err != nil {
		return used, err
	}
	return w.rig.tap.Reset(), w.requireStatus(ctx, p, progress.Completed)
}

// ofOne returns the share of one customer in the units of a pack.
func ofOne(units float64) float64 { return units / engine.PackSize }
