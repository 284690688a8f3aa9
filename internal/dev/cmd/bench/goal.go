package main

import (
	"context"

	"journeys/internal/dev/cmd/bench/tap"
	"journeys/internal/journey"
)

// conversions measures what a conversion adds to an event that changes nothing: for
// customers in a wait, and for customers who left within the window.
func (w *walkers) conversions(ctx context.Context) ([]row, error) {
	goal := journey.Change{Settings: map[string][]byte{"goal": []byte(`{"eventType":"paid","windowDays":1}`)}}
	p, err := w.enterWith(ctx, waitAfterMessage(`{"delayHours":48}`), goal)
	if err != nil {
		return nil, err
	}
	nothing, err := w.putEvents(ctx, p, "unheard")
	if err != nil {
		return nil, err
	}
	inside, err := w.putEvents(ctx, p, "paid")
	if err != nil {
		return nil, err
	}
	if p, err = w.enterWith(ctx, waitAfterMessage(`{"delayHours":48}`), goal); err != nil {
		return nil, err
	}
	if err := w.remove(ctx, p); err != nil {
		return nil, err
	}
	left, err := w.putEvents(ctx, p, "paid")
	more := func(used tap.Usage) float64 { return ofOne(used.Write + used.Index - nothing.Write - nothing.Index) }
	return []row{
		{what: "a conversion inside: write units more than an event that changes nothing", measured: more(inside), floor: atMost(1)},
		{what: "a conversion after leaving: write units more than an event that changes nothing", measured: more(left), floor: atMost(1)},
		{what: "a conversion inside: read units more than an event that changes nothing", measured: ofOne(inside.Read - nothing.Read)},
	}, err
}

// enterWith is enter with settings and without profiles.
func (w *walkers) enterWith(ctx context.Context, definition string, settings journey.Change) (p pack, err error) {
	if p, err = w.enter(ctx, definition, nil); err != nil {
		return p, err
	}
	if _, err = w.service.Update(ctx, w.tenant, p.id, settings, nil); err != nil {
		return p, err
	}
	for i := range p.customers {
		p.customers[i] += "-with"
	}
	_, err = w.service.Enroll(ctx, w.tenant, p.id, journey.EnrollRequest{Customers: p.customers})
	return p, err
}

// putEvents returns the usage of an event for each customer of a pack.
func (w *walkers) putEvents(ctx context.Context, p pack, eventType string) (tap.Usage, error) {
	w.rig.tap.Reset()
	for _, customer := range p.customers {
		if _, err := w.service.PutEvent(ctx, w.tenant, journey.Event{Customer: customer, Type: eventType}); err != nil {
			return tap.Usage{}, err
		}
	}
	return w.rig.tap.Reset(), nil
}
