package main

import (
	"context"
	"fmt"
	"time"

	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// exits measures what the exit of a waiting customer adds to an event that changes nothing.
func (w *walkers) exits(ctx context.Context) ([]row, error) {
	p, err := w.enterWith(ctx, waitAfterMessage(`{"delayHours":48}`), journey.Change{Settings: closedExits()})
	if err != nil {
		return nil, err
	}
	nothing, err := w.putEvents(ctx, p, "unheard")
	if err != nil {
		return nil, err
	}
	ended, err := w.putEvents(ctx, p, "closed")
	if err != nil {
		return nil, err
	}
	return []row{
		{what: "an exit by an event: write units more than an event that changes nothing", measured: ofOne(ended.Write + ended.Index - nothing.Write - nothing.Index), floor: atMost(2)},
		{what: "an exit by an event: read units more than an event that changes nothing", measured: ofOne(ended.Read - nothing.Read), floor: atMost(1)},
		{what: "an exit by an event: requests more than an event that changes nothing", measured: ofOne(float64(ended.Requests - nothing.Requests)), floor: atMost(2)},
	}, w.requireStatus(ctx, p, progress.Cancelled)
}

func closedExits() graph.SettingsChange {
	return graph.SettingsChange{"exitOn": []byte(`[{"eventType":"closed"}]`)}
}

// reentries measures an enroll call for a pack of customers who all enter again. It halves
// the index units: DynamoDB Local counts those of a transaction twice.
func (w *walkers) reentries(ctx context.Context) ([]row, error) {
	p, err := w.enterWith(ctx, waitAfterMessage(`{"delayHours":48}`), journey.Change{
		Reentry: &graph.Reentry{AfterExit: true, Raw: []byte(`{"mode":"afterExit"}`)},
	})
	if err != nil {
		return nil, err
	}
	if err := w.remove(ctx, p); err != nil {
		return nil, err
	}
	w.rig.tap.Reset()
	result, err := w.service.Enroll(ctx, w.tenant, p.id, journey.EnrollRequest{Customers: p.customers})
	if err != nil || result.Enrolled != len(p.customers) {
		return nil, fmt.Errorf("%d of %d customers entered again: %w", result.Enrolled, len(p.customers), err)
	}
	used := w.rig.tap.Reset()
	return []row{
		{what: "a re-entry: write units, table and index", measured: ofOne(used.Write + used.Index/2), floor: atMost(6)},
		{what: "a re-entry: read units", measured: ofOne(used.Read), floor: atMost(2.1)},
		{what: "a re-entry: requests", measured: ofOne(float64(used.Requests)), floor: atMost(2.1)},
	}, nil
}

// everywhere is how many journeys the customer of inMany is in.
const everywhere = 100

// inMany measures an event that changes nothing, for a customer in many journeys.
func (w *walkers) inMany(ctx context.Context) ([]row, error) {
	p, err := w.enterWith(ctx, waitAfterMessage(`{"delayHours":48}`), journey.Change{Settings: closedExits()})
	if err != nil {
		return nil, err
	}
	// The enrollments are copies with ids of journeys that are not there, so that idle
	// ticks do not visit them.
	e, err := w.store.Enrollments.Enrollment(ctx, w.tenant, p.id, p.customers[0])
	if err != nil {
		return nil, err
	}
	e.Customer = "everywhere"
	for i := range everywhere {
		e.Journey = ident.ID(fmt.Sprintf("jrn_%026d", i))
		if o := w.store.Enrollments.Insert(ctx, w.tenant, 4, []progress.Enrollment{e})[0]; o.Result != journey.OutcomeEnrolled {
			return nil, fmt.Errorf("enroll the customer in journey %d: %s", i, o.Code)
		}
	}
	w.rig.tap.Reset()
	_, err = w.service.PutEvent(ctx, w.tenant, journey.Event{Customer: e.Customer, Type: "unheard", ID: "e1", Received: time.Now()})
	used := w.rig.tap.Reset()
	what := fmt.Sprintf("an event that changes nothing, for a customer in %d journeys: ", everywhere)
	return []row{
		{what: what + "requests", measured: float64(used.Requests), floor: atMost(6)},
		{what: what + "read units", measured: used.Read, floor: atMost(30)},
		{what: what + "write units", measured: used.Write + used.Index, floor: atMost(3)},
	}, err
}
