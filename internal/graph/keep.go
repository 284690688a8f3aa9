package graph

import (
	"slices"
	"strings"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// MaxKeeps bounds the paths in "keep" of a channel_action.
const MaxKeeps = 64

// readKeep reads "keep" of a channel_action.
func (a *ActionConfig) readKeep(config *strict.Object) {
	v, ok := config.Take("keep")
	if !ok {
		return
	}
	list, ok := v.List()
	if !ok {
		return
	}
	if len(list) > MaxKeeps {
		v.Fault("must have at most %d paths, has %d", MaxKeeps, len(list))
		return
	}
	for _, item := range list {
		text, ok := item.Text(1, condition.MaxField)
		if !ok {
			continue
		}
		path, fault := condition.ParsePath(text)
		if fault != "" {
			item.Fault("%s", fault)
		}
		a.Keep = append(a.Keep, path)
	}
}

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
	if keep := g.nodes[i].Action.Keep; keep != nil {
		v = v.Prune(keep)
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
		var warned []string
		for _, f := range fields {
			if f.Source != condition.Step || len(f.Path) < 2 || f.Path[1] != "answer" {
				continue
			}
			step, ok := g.index[f.Path[0]]
			name := "step." + strings.Join(f.Path, ".")
			if !ok || g.nodes[step].Action.keeps(f.Path[2:]) || slices.Contains(warned, name) {
				continue
			}
			warned = append(warned, name)
			warnings.Add(pointer, "reads %s, which keep of nodes/%d does not name; the field is missing", short(name), step)
		}
	}
	for i := range g.nodes {
		check(at(base, i)+"/config", g.nodes[i].reads())
	}
	g.eachSettingsCondition(func(pointer string, p *condition.Program) { check(pointer, p.Reads()) })
}

// keeps reports whether any of the answer at a path is kept.
func (a *ActionConfig) keeps(path []string) bool {
	return slices.ContainsFunc(a.Keep, func(kept []string) bool {
		n := min(len(kept), len(path))
		return slices.Equal(kept[:n], path[:n])
	})
}
