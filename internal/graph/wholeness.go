package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"journeys/internal/strict"
)

// Faults returns what keeps the graph from being complete, as an active journey
// requires; nil if it is complete. Pointers start with base.
func (g *Graph) Faults(base string) []strict.Fault {
	var faults strict.Faults
	at := func(i int) string { return base + "/nodes/" + strconv.Itoa(i) }
	g.entryFaults(base, at, &faults)
	out := g.handlesOut()
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.Fault != (strict.Fault{}) {
			faults.Add(at(i)+n.Fault.Pointer, "%s", n.Fault.Detail)
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
		if g.nodes[i].Type != EntryTrigger {
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

// handlesOut returns the handles of the edges that leave each node.
func (g *Graph) handlesOut() [][]string {
	out := make([][]string, len(g.nodes))
	for _, e := range g.edges {
		out[e.source] = append(out[e.source], e.handle)
	}
	return out
}

// edgeFaults returns the faults of the edges that leave the node, given their handles.
func (n *Node) edgeFaults(handles []string) []string {
	switch {
	case n.Type == Exit && len(handles) > 0:
		return []string{fmt.Sprintf("is an exit, from which no edge may leave; %d do", len(handles))}
	case len(n.Ways) == 1 && len(handles) != 1:
		return []string{fmt.Sprintf("must have exactly one edge that leaves it, has %d", len(handles))}
	case len(n.Awaits) > 0 && len(n.Ways) == 1 && slices.Contains(n.outcomes(), handles[0]):
		return []string{fmt.Sprintf("has a single edge, with sourceHandle %q; add the edges of the other outcomes, or remove the handle", handles[0])}
	case len(n.Ways) < 2:
		return nil
	}
	var faults []string
	others := len(handles)
	for _, way := range n.Ways {
		count := 0
		for _, handle := range handles {
			if handle == way {
				count++
			}
		}
		if others -= count; count != 1 {
			faults = append(faults, fmt.Sprintf("must have exactly one edge with sourceHandle %q, has %d", way, count))
		}
	}
	if others > 0 {
		faults = append(faults, fmt.Sprintf("has %s whose sourceHandle is %s", countEdges(others), noneOf(n.Ways)))
	}
	return faults
}

// countEdges returns "1 edge" or "2 edges".
func countEdges(n int) string {
	if n == 1 {
		return "1 edge"
	}
	return fmt.Sprintf("%d edges", n)
}

// noneOf returns `neither "a" nor "b"`, or `none of "a", "b", "c"`.
func noneOf(names []string) string {
	if len(names) == 2 {
		return fmt.Sprintf("neither %q nor %q", names[0], names[1])
	}
	return `none of "` + strings.Join(names, `", "`) + `"`
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
