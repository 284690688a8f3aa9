package main

import "context"

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
	plain, err := w.through(ctx, plainNodes, nil)
	if err != nil {
		return nil, err
	}
	split, err := w.through(ctx, splitNodes, nil)
	return []row{{
		what:     "one customer: read and write units more for a multi_split and a random_split",
		measured: ofOne(split.Read + split.Write + split.Index - plain.Read - plain.Write - plain.Index), floor: atMost(0),
	}}, err
}
