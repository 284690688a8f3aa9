package journey

import (
	"fmt"
	"strconv"

	"journeys/internal/strict"
)

// Faults returns all that the graph lacks to be whole, with pointers below
// base; nil for a whole one.
func (g *Graph) Faults(base string) []strict.Fault {
	var faults strict.Faults
	at := func(i int) string { return base + "/nodes/" + strconv.Itoa(i) }
	g.entryFaults(base, at, &faults)
	out := g.edgeCounts()
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.missing != "" {
			faults.Add(at(i)+"/config", "%s", n.missing)
		}
		for _, fault := range n.edgeFaults(out[i]) {
			faults.Add(at(i), "%s", fault)
		}
	}
	g.pathFaults(at, &faults)
	return faults.List()
}

func (g *Graph) entryFaults(base string, at func(int) string, faults *strict.Faults) {
	first := -1
	for i := range g.nodes {
		if g.nodes[i].kind != EntryTrigger {
			continue
		}
		if first >= 0 {
			faults.Add(at(i), "is a second entry_trigger; nodes/%d is the first, and there may be only one", first)
			continue
		}
		first = i
	}
	if first < 0 {
		faults.Add(base+"/nodes", "there is no entry_trigger; there must be exactly one")
	}
}

// edgesOut counts the edges that leave one node.
type edgesOut struct{ yes, no, plain int }

func (g *Graph) edgeCounts() []edgesOut {
	out := make([]edgesOut, len(g.nodes))
	for _, e := range g.edges {
		switch e.handle {
		case "true":
			out[e.source].yes++
		case "false":
			out[e.source].no++
		default:
			out[e.source].plain++
		}
	}
	return out
}

// edgeFaults tells what is wrong with the edges that leave the node.
func (n *node) edgeFaults(out edgesOut) []string {
	total := out.yes + out.no + out.plain
	var faults []string
	switch n.kind {
	case Exit:
		if total > 0 {
			faults = append(faults, fmt.Sprintf("is an exit, from which no edge may leave; %d do", total))
		}
	case ConditionSplit:
		if out.yes != 1 {
			faults = append(faults, fmt.Sprintf(`must have exactly one edge with sourceHandle "true", has %d`, out.yes))
		}
		if out.no != 1 {
			faults = append(faults, fmt.Sprintf(`must have exactly one edge with sourceHandle "false", has %d`, out.no))
		}
		if out.plain > 0 {
			faults = append(faults, fmt.Sprintf(`has %d edges without a sourceHandle; each must be "true" or "false"`, out.plain))
		}
	default:
		if total != 1 {
			faults = append(faults, fmt.Sprintf("must have exactly one edge that leaves it, has %d", total))
		}
	}
	return faults
}

// pathFaults finds cycles and what cannot be reached. Where both are absent
// and each node has its edges, every path ends in an exit.
func (g *Graph) pathFaults(at func(int) string, faults *strict.Faults) {
	targets := make([][]int, len(g.nodes))
	for _, e := range g.edges {
		targets[e.source] = append(targets[e.source], e.target)
	}
	for i := range g.nodes {
		if g.leadsTo(targets, i, i) {
			faults.Add(at(i), "is part of a cycle; a journey only goes forward")
		}
	}
	if g.entry < 0 {
		return
	}
	reached := reach(targets, g.entry)
	for i := range g.nodes {
		if !reached[i] {
			faults.Add(at(i), "cannot be reached from the entry_trigger")
		}
	}
}

// leadsTo reports whether a path of at least one edge goes from one node to
// another.
func (g *Graph) leadsTo(targets [][]int, from, to int) bool {
	for _, t := range targets[from] {
		if t == to || reach(targets, t)[to] {
			return true
		}
	}
	return false
}

// reach returns which nodes can be reached from one, itself included.
func reach(targets [][]int, from int) []bool {
	reached := make([]bool, len(targets))
	reached[from] = true
	for queue := []int{from}; len(queue) > 0; {
		i := queue[0]
		queue = queue[1:]
		for _, t := range targets[i] {
			if !reached[t] {
				reached[t] = true
				queue = append(queue, t)
			}
		}
	}
	return reached
}
