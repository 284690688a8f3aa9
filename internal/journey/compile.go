package journey

import (
	"journeys/internal/strict"
)

func (g *Graph) readNodes(v strict.Value) {
	list, ok := v.List()
	if !ok {
		return
	}
	if len(list) > MaxNodes {
		v.Fault("must have at most %d nodes, has %d", MaxNodes, len(list))
		return
	}
	for i, item := range list {
		object, ok := item.Object()
		if !ok {
			continue
		}
		n := readNode(object)
		if n.id == "" {
			continue
		}
		if first, ok := g.index[n.id]; ok {
			id, _ := object.Take("id")
			id.Fault("is the id of nodes/%d too", first)
			continue
		}
		g.index[n.id] = i
		g.nodes = append(g.nodes, n)
	}
}

// readNode reads a node; its id is "" when that is faulty. Keys that it does
// not know belong to the editor.
func readNode(object *strict.Object) node {
	n := node{next: [2]int{-1, -1}}
	if id, ok := object.Need("id"); ok {
		if s, ok := id.Text(1, maxWord); ok {
			if IsWord(s, maxWord) {
				n.id = s
			} else {
				id.Fault("must have only A-Z, a-z, 0-9, _ and -")
			}
		}
	}
	if kind, ok := object.Need("type"); ok {
		if s, ok := kind.OneOf(nodeTypes...); ok {
			n.kind = NodeType(s)
			n.readConfig(object)
		}
	}
	return n
}

func (g *Graph) readEdges(v strict.Value) {
	list, ok := v.List()
	if !ok {
		return
	}
	if len(list) > MaxEdges {
		v.Fault("must have at most %d edges, has %d", MaxEdges, len(list))
		return
	}
	for _, item := range list {
		if object, ok := item.Object(); ok {
			g.readEdge(object)
		}
	}
}

func (g *Graph) readEdge(object *strict.Object) {
	e := edge{source: g.readEnd(object, "source"), target: g.readEnd(object, "target")}
	if id, ok := object.Take("id"); ok && !id.IsNull() {
		id.Text(0, 256)
	}
	if handle, ok := object.Take("sourceHandle"); ok && !handle.IsNull() {
		e.handle, _ = handle.OneOf("true", "false")
	}
	g.edges = append(g.edges, e)
}

// readEnd returns the index of the node that an edge names; -1 for none.
func (g *Graph) readEnd(object *strict.Object, name string) int {
	end, ok := object.Need(name)
	if !ok {
		return -1
	}
	id, ok := end.Text(1, 64)
	if !ok {
		return -1
	}
	i, ok := g.index[id]
	if !ok {
		end.Fault("names no node of this graph")
		return -1
	}
	return i
}

// connect finds the entry, where each node leads, and what conditions and
// payloads read.
func (g *Graph) connect() {
	entries := 0
	for i := range g.nodes {
		if g.nodes[i].kind == EntryTrigger {
			g.entry = i
			entries++
		}
	}
	if entries != 1 {
		g.entry = -1
	}
	var leaving [MaxNodes][2]int
	for _, e := range g.edges {
		branch := 0
		if g.nodes[e.source].kind == ConditionSplit {
			switch e.handle {
			case "false":
				branch = 1
			case "":
				continue
			}
		}
		g.nodes[e.source].next[branch] = e.target
		leaving[e.source][branch]++
	}
	for i := range g.nodes {
		for branch, n := range leaving[i] {
			if n > 1 {
				g.nodes[i].next[branch] = -1
			}
		}
	}
	g.collectReads()
}

func (g *Graph) collectReads() {
	g.reads = map[int][][]string{}
	for i := range g.nodes {
		n := &g.nodes[i]
		paths := n.action.Payload.Reads()
		if n.condition != nil && n.kind == ConditionSplit {
			paths = n.condition.Reads()
		}
		for _, path := range paths {
			switch path[0] {
			case "event":
				g.event = append(g.event, path[1:])
			case "decision":
				g.readsDecision(path[1:])
			}
		}
	}
}

// readsDecision notes that a condition or a payload reads path, a node's id first, of the
// decisions; an empty one reads all of them.
func (g *Graph) readsDecision(path []string) {
	for i := range g.nodes {
		switch {
		case g.nodes[i].kind != NBADecision:
		case len(path) == 0:
			g.reads[i] = append(g.reads[i], nil)
		case path[0] == g.nodes[i].id:
			g.reads[i] = append(g.reads[i], path[1:])
		}
	}
}
