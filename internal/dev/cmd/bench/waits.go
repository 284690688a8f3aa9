package main

import (
	"context"
	"fmt"
	"time"

	"journeys/internal/dev/cmd/bench/tap"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

const waiters = 1000

// eventWaits measures what a wait for an event adds to a plain one: from the message
// before it to the exit. The event's own call has a row of its own.
func (w *walkers) eventWaits(ctx context.Context) ([]row, error) {
	plain, _, err := w.waitUnits(ctx, `{"delayHours":1}`, false)
	if err != nil {
		return nil, err
	}
	const config = `{"delayHours":1,"waitForEvent":"paid"}`
	timeout, _, err := w.waitUnits(ctx, config, false)
	if err != nil {
		return nil, err
	}
	ended, calls, err := w.waitUnits(ctx, config, true)
	more := func(used tap.Usage) float64 { return ofOne(used.Write + used.Index - plain.Write - plain.Index) }
	return []row{
		{what: "a wait for an event that does not come: write units more than a plain wait", measured: more(timeout), floor: atMost(3)},
		{what: "a wait for an event that does not come: read units more than a plain wait", measured: ofOne(timeout.Read - plain.Read)},
		{what: "a wait that an event ends: write units more than a plain wait", measured: more(ended), floor: atMost(3)},
		{what: "a wait that an event ends: read units more than a plain wait", measured: ofOne(ended.Read - plain.Read)},
		{what: "an event that ends a wait, without an eventId: write units of the call", measured: ofOne(calls.Write + calls.Index)},
		{what: "an event that ends a wait, without an eventId: read units of the call", measured: ofOne(calls.Read)},
	}, err
}

// waitUnits returns the usage of a pack from a message over a wait of at most an hour to
// the exit, and that of the events' calls. Each customer has caused the event "paid"
// before the entry, since DynamoDB Local counts no units for reading what is missing, and
// causes it again in the wait if paid is true.
func (w *walkers) waitUnits(ctx context.Context, config string, paid bool) (used, calls tap.Usage, err error) {
	p, err := w.enter(ctx, waitAfterMessage(config), nil)
	if err != nil {
		return used, calls, err
	}
	now := time.Now()
	for _, customer := range p.customers {
		before := progress.Received{Stamp: progress.Stamp{At: now.Add(-time.Hour)}}
		if err := w.store.Events.Remember(ctx, w.tenant, customer, "paid", before); err != nil {
			return used, calls, err
		}
	}
	w.rig.tap.Reset()
	if err := w.advance(ctx, p, now); err != nil {
		return used, calls, err
	}
	used = w.rig.tap.Reset()
	if paid {
		if calls, err = w.putEvents(ctx, p, "paid"); err != nil {
			return used, calls, err
		}
	}
	if err := w.advance(ctx, p, now.Add(2*time.Hour)); err != nil {
		return used, calls, err
	}
	rest := w.rig.tap.Reset()
	used.Read, used.Write, used.Index = used.Read+rest.Read, used.Write+rest.Write, used.Index+rest.Index
	return used, calls, w.requireStatus(ctx, p, progress.Completed)
}

// waitAfterMessage returns a graph of a message, a wait and an exit.
func waitAfterMessage(config string) string {
	return `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"send","type":"channel_action","config":{"channel":"push"}},
		{"id":"wait","type":"wait","config":` + config + `},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"send"},{"source":"send","target":"wait"},{"source":"wait","target":"out"}]}`
}

// waits measures what a wait until an attribute adds to a plain one: from enroll, over
// a message, to the stored end of the wait.
func (w *walkers) waits(ctx context.Context) ([]row, error) {
	plain, err := w.enterWait(ctx, `{"delayHours":48}`)
	if err != nil {
		return nil, err
	}
	until, err := w.enterWait(ctx, `{"until":{"field":"renews"}}`)
	if err != nil {
		return nil, err
	}
	return []row{
		{what: "a wait until an attribute: write units more than a plain wait", measured: (until.Write + until.Index - plain.Write - plain.Index) / waiters, floor: atMost(3)},
		{what: "a wait until an attribute: read units more than a plain wait", measured: (until.Read - plain.Read) / waiters, floor: atMost(1.01)},
	}, nil
}

// enterWait sends customers a message and into a wait.
func (w *walkers) enterWait(ctx context.Context, config string) (used tap.Usage, err error) {
	id, err := w.activate(ctx, waitAfterMessage(config))
	if err != nil {
		return used, err
	}
	renews := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	customers := make([]string, waiters)
	for i := range customers {
		customers[i] = fmt.Sprintf("%s-%d", id, i)
		_, err := w.service.PutCustomer(ctx, w.tenant, journey.ProfileChange{
			Customer: customers[i], Attributes: fmt.Appendf(nil, `{"renews":%q}`, renews),
		}, nil)
		if err != nil {
			return used, err
		}
	}
	w.rig.tap.Reset()
	if _, err := w.service.Enroll(ctx, w.tenant, id, journey.EnrollRequest{Customers: customers}); err != nil {
		return used, err
	}
	if err := w.turn(ctx); err != nil {
		return used, err
	}
	used = w.rig.tap.Reset()
	e, err := w.store.Enrollments.Enrollment(ctx, w.tenant, id, customers[waiters-1])
	if err == nil && !e.Due.After(time.Now().AddDate(0, 0, 1)) {
		err = fmt.Errorf("a wait is due at %s", e.Due)
	}
	return used, err
}
