package main

import (
	"context"
	"fmt"
	"time"

	"journeys/internal/engine"
	"journeys/internal/journey"
)

// Graphs of a wait, a condition_split and an exit, without and with other splits between
// them. The condition_split needs the attributes, as most journeys do.
const (
	plainNodes = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"wait","type":"wait","config":{"delayHours":0.0000003}},
	{"id":"split","type":"condition_split","config":{"condition":{"field":"plan","operator":"exists"}}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"wait"},{"source":"wait","target":"split"},
	{"source":"split","target":"out","sourceHandle":"true"},{"source":"split","target":"out","sourceHandle":"false"}]}`
	splitNodes = `{"nodes":[
	{"id":"in","type":"entry_trigger"},
	{"id":"wait","type":"wait","config":{"delayHours":0.0000003}},
	{"id":"multi","type":"multi_split","config":{"branches":[
		{"id":"free","condition":{"field":"plan","operator":"eq","value":"free"}},
		{"id":"waited","condition":{"field":"step.wait.result","operator":"eq","value":"waited"}}]}},
	{"id":"random","type":"random_split","config":{"branches":[{"id":"mail","weight":9},{"id":"control","weight":1}]}},
	{"id":"split","type":"condition_split","config":{"condition":{"field":"plan","operator":"exists"}}},
	{"id":"out","type":"exit"}],
	"edges":[{"source":"in","target":"wait"},{"source":"wait","target":"multi"},
	{"source":"multi","target":"out","sourceHandle":"free"},{"source":"multi","target":"random","sourceHandle":"waited"},
	{"source":"multi","target":"out","sourceHandle":"else"},
	{"source":"random","target":"split","sourceHandle":"mail"},{"source":"random","target":"split","sourceHandle":"control"},
	{"source":"split","target":"out","sourceHandle":"true"},{"source":"split","target":"out","sourceHandle":"false"}]}`
)

// splits measures what a multi_split and a random_split add to a customer's way.
func (w *walkers) splits(ctx context.Context) ([]row, error) {
	plain, err := w.costOf(ctx, plainNodes)
	if err != nil {
		return nil, err
	}
	split, err := w.costOf(ctx, splitNodes)
	return []row{{
		what:     "one customer: read and write units more for a multi_split and a random_split",
		measured: split - plain, floor: atMost(0),
	}}, err
}

// costOf returns the read and write units of one customer, index included, from the wait
// of a graph to its exit.
func (w *walkers) costOf(ctx context.Context, definition string) (float64, error) {
	id, err := w.activate(ctx, definition)
	if err != nil {
		return 0, err
	}
	customers := make([]string, engine.PackSize)
	for i := range customers {
		customers[i] = customerName(i)
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
	return (used.read + used.write + used.index) / float64(len(customers)), nil
}
