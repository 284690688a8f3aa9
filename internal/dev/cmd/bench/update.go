package main

import (
	"context"
	"strings"
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

// update measures what an update_customer adds to a customer's way. It leaves out the
// index, from which both ways remove one entry: DynamoDB Local counts that twice in a
// transaction.
func (w *walkers) update(ctx context.Context) ([]row, error) {
	profile := []byte(`{"plan":"pro","text":"` + strings.Repeat("x", 800) + `"}`)
	with, err := w.through(ctx, updatingNodes, profile)
	if err != nil {
		return nil, err
	}
	without, err := w.through(ctx, waitingNodes, profile)
	return []row{{
		what:     "one customer: read and write units more for an update_customer, profile of 1 KB",
		measured: ofOne(with.Read + with.Write - without.Read - without.Write), floor: atMost(4),
	}}, err
}
