package main

import (
	"context"
	"fmt"
	"time"

	"journeys/internal/journey"
)

const waiters = 1000

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
		{what: "a wait until an attribute: write units more than a plain wait", measured: (until.write + until.index - plain.write - plain.index) / waiters, floor: atMost(3)},
		{what: "a wait until an attribute: read units more than a plain wait", measured: (until.read - plain.read) / waiters, floor: atMost(1.01)},
	}, nil
}

// enterWait sends customers a message and into a wait.
func (w *walkers) enterWait(ctx context.Context, config string) (used usage, err error) {
	id, err := w.activate(ctx, `{"nodes":[{"id":"in","type":"entry_trigger"},{"id":"send","type":"channel_action","config":{"channel":"push"}},
		{"id":"wait","type":"wait","config":`+config+`},{"id":"out","type":"exit"}],
		"edges":[{"source":"in","target":"send"},{"source":"send","target":"wait"},{"source":"wait","target":"out"}]}`)
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
	w.rig.tap.reset()
	if _, err := w.service.Enroll(ctx, w.tenant, id, journey.EnrollRequest{Customers: customers}); err != nil {
		return used, err
	}
	if err := w.turn(ctx); err != nil {
		return used, err
	}
	used = w.rig.tap.reset()
	e, err := w.store.Enrollments.Enrollment(ctx, w.tenant, id, customers[waiters-1])
	if err == nil && !e.Due.After(time.Now().AddDate(0, 0, 1)) {
		err = fmt.Errorf("a wait is due at %s", e.Due)
	}
	return used, err
}
