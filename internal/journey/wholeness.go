package journey

import (
	"fmt"
	"strconv"

	"journeys/internal/strict"
)

// Faults returns what keeps the graph from being complete, as an active journey
// requires; nil if it is complete. Pointers start with base.
func (g *Graph) Faults(base string) []strict.Fault {
	var faults strict.Faults
	at := func(i int) string { return base + "/nodes/" + strconv.Itoa(i) }
	g.entryFaults(base, at, &faults)
	out := g.edgeCounts()
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.fault != (strict.Fault{}) {
			faults.Add(at(i)+n.fault.Pointer, "%s", n.fault.Detail)
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

// edgesOut counts the edges that leave a node.
type edgesOut struct{ yes, no, plain int }

// edgeCounts returns the counts by node.
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

// edgeFaults returns the faults of the edges that leave the node.
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
			faults = append(faults, fmt.Sprintf(`has %d edges whose sourceHandle is neither "true" nor "false"`, out.plain))
		}
	default:
		if total != 1 {
			faults = append(faults, fmt.Sprintf("must have exactly one edge that leaves it, has %d", total))
		}
	}
	return faults
}

// pathFaults adds the nodes that are part of a cycle or unreachable. Without
// those, and with the right edges at each node, every path ends in an exit.
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
	reached := reachable(targets, g.entry)
	for i := range g.nodes {
		if !reached[i] {
			faults.Add(at(i), "cannot be reached from the entry_trigger")
		}
	}
}

// leadsTo reports whether a path of at least one edge leads from one node to
// another.
func (g *Graph) leadsTo(targets [][]int, from, to int) bool {
	for _, t := range targets[from] {
		if t == to || reachable(targets, t)[to] {
			return true
		}
	}
	return false
}

// reachable reports for each node whether it can be reached from a node. That node
// itself can.
func reachable(targets [][]int, from int) []bool {
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
