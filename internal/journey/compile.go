package journey

import (
	"journeys/internal/condition"
	"journeys/internal/strict"
)

// readNodes compiles the nodes. Their faults go to v.
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
			id.Fault("duplicates the id of nodes/%d", first)
			continue
		}
		g.index[n.id] = i
		g.nodes = append(g.nodes, n)
	}
}

// readNode compiles a node. Its id is "" if that is faulty. Unknown fields are
// ignored: they belong to the editor.
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

// readEdges compiles the edges, after the nodes.
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
	e := edge{source: g.readNodeRef(object, "source"), target: g.readNodeRef(object, "target")}
	if id, ok := object.Take("id"); ok && !id.IsNull() {
		id.Text(0, 256)
	}
	if handle, ok := object.Take("sourceHandle"); ok && !handle.IsNull() {
		e.handle, _ = handle.OneOf("true", "false")
	}
	g.edges = append(g.edges, e)
}

// readNodeRef returns the index of the node that the field called name refers to;
// -1 for none.
func (g *Graph) readNodeRef(object *strict.Object, name string) int {
	ref, ok := object.Need(name)
	if !ok {
		return -1
	}
	id, ok := ref.Text(1, maxWord)
	if !ok {
		return -1
	}
	i, ok := g.index[id]
	if !ok {
		ref.Fault("is not a node of this graph")
		return -1
	}
	return i
}

// connect finds the entry, the targets of each node, and what conditions and
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

// collectReads sets g.event and g.reads.
func (g *Graph) collectReads() {
	g.reads = map[int][][]string{}
	for i := range g.nodes {
		n := &g.nodes[i]
		fields := n.action.Payload.Reads()
		if n.condition != nil && n.kind == ConditionSplit {
			fields = n.condition.Reads()
		}
		for _, f := range fields {
			switch f.Source {
			case condition.Event:
				g.event = append(g.event, f.Path)
			case condition.Decision:
				g.addDecisionRead(f.Path)
			case condition.Attributes: // stored as a whole
			}
		}
	}
}

// addDecisionRead adds a path that starts with a node's id. An empty path reads
// all decisions.
func (g *Graph) addDecisionRead(path []string) {
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
