package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"journeys/internal/engine"
	"journeys/internal/journey"
)

// updatingNodes is a graph of a wait and an update, waitingNodes the same without the
// update.
const (
	updatingNodes = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"wait","type":"wait","config":{"delayHours":0.0000003}},
	{"id":"update","type":"update_customer","config":{"set":{"plan":"max"},"add":{"points":1}}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"wait"},{"source":"wait","target":"update"},{"source":"update","target":"out"}]}`
	waitingNodes = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"wait","type":"wait","config":{"delayHours":0.0000003}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"wait"},{"source":"wait","target":"out"}]}`
)

// update measures what an update_customer adds to a customer's way.
func (w *walkers) update(ctx context.Context) ([]row, error) {
	with, err := w.unitsThrough(ctx, updatingNodes)
	if err != nil {
		return nil, err
	}
	without, err := w.unitsThrough(ctx, waitingNodes)
	return []row{{
		what:     "one customer: read and write units more for an update_customer, profile of 1 KB",
		measured: with - without, floor: atMost(4),
	}}, err
}

// unitsThrough returns the read and write units of one customer on the way through a
// graph. It leaves out those of the index, which are the same for all ways.
func (w *walkers) unitsThrough(ctx context.Context, definition string) (float64, error) {
	id, err := w.activate(ctx, definition)
	if err != nil {
		return 0, err
	}
	customers := make([]string, engine.PackSize)
	for i := range customers {
		customers[i] = fmt.Sprint(id, "-", i)
		p := journey.Profile{}.Next(customers[i], []byte(`{"plan":"pro","text":"`+strings.Repeat("x", 800)+`"}`), time.Now())
		if err := w.store.Customers.PutProfile(ctx, w.tenant, p, 0); err != nil {
			return 0, err
		}
	}
	if _, err := w.service.Enroll(ctx, w.tenant, id, journey.EnrollRequest{Customers: customers}); err != nil {
		return 0, err
	}
	later := *w.engine // its clock stands still, so that it need not read the journey again
	over := time.Now().Add(time.Minute)
	later.Now = func() time.Time { return over }
	w.rig.tap.reset()
	if err := later.Advance(ctx, engine.Pack{Tenant: w.tenant, Journey: id, Customers: customers}); err != nil {
		return 0, err
	}
	used := w.rig.tap.reset()
	for _, customer := range customers {
		at, err := w.service.Whereabouts(ctx, w.tenant, id, customer)
		if err != nil || at.Status != journey.Completed {
			return 0, fmt.Errorf("%s has not gone through: %s %w", customer, at.Status, err)
		}
	}
	return (used.read + used.write) / float64(len(customers)), nil
}
