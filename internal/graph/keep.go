package graph

import (
	"strings"

	"journeys/internal/condition"
	"journeys/internal/keep"
	"journeys/internal/strict"
)

// Keeps returns the name under which later steps read what the node keeps, as in
// step.<id>.<name>: "event" for a wait that an event may end, "answer" for a
// channel_action with Keep, and "" for any other node.
func (n *Node) Keeps() string {
	switch {
	case n.Awaits != nil:
		return "event"
	case n.Action.Keep != nil:
		return "answer"
	}
	return ""
}

// ReadsSteps reports whether conditions or payloads read what nodes keep.
func (g *Graph) ReadsSteps() bool { return len(g.steps) > 0 }

// PruneStep returns the parts of v that the node with that index keeps and that
// conditions or payloads of the graph read; missing if there are none. v is the
// properties of the event that ended a wait, or the answer of a channel.
func (g *Graph) PruneStep(i int, v condition.Value) condition.Value {
	if paths := g.nodes[i].Action.Keep; paths != nil {
		v = v.Prune(paths)
	}
	return v.Prune(g.steps[i])
}

// addStepRead adds a path that starts with a node's id. An empty path reads all steps.
func (g *Graph) addStepRead(path []string) {
	for i := range g.nodes {
		name := g.nodes[i].Keeps()
		switch {
		case name == "":
		case len(path) == 0, path[0] == g.nodes[i].ID && len(path) == 1:
			g.steps[i] = append(g.steps[i], nil)
		case path[0] == g.nodes[i].ID && path[1] == name:
			g.steps[i] = append(g.steps[i], path[2:])
		}
	}
}

// warnOfUnkept warns of each node and setting that reads a part of an answer which "keep"
// does not name.
func (g *Graph) warnOfUnkept(base string, warnings *strict.Faults) {
	check := func(pointer string, fields []condition.Field) {
		for _, path := range keep.Reads(fields) {
			if step, ok := g.index[path[0]]; ok && !g.nodes[step].Action.Keep.Covers(path[2:]) {
				warnings.Add(pointer, "reads step.%s, which keep of nodes/%d does not name; the field is missing", short(strings.Join(path, ".")), step)
			}
		}
	}
	for i := range g.nodes {
		check(at(base, i)+"/config", g.nodes[i].reads())
	}
	g.eachSettingsCondition(func(pointer string, p *condition.Program) { check(pointer, p.Reads()) })
}
