package journey

import (
	"strings"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// compile compiles a definition and notes every fault of its form. What is faulty
// leads nowhere: customers stop at such a node, and such an edge is left out. So a
// definition that breaks a rule made after it was stored still runs as far as it can.
// compile returns false if it has no list of at most MaxNodes nodes.
func compile(definition *strict.Object) (*Graph, bool) {
	g := &Graph{index: map[string]int{}, entry: -1}
	ok := true
	if nodes, has := definition.Take("nodes"); has {
		ok = g.readNodes(nodes)
	}
	switch edges, has := definition.Take("edges"); {
	case has && ok:
		g.readEdges(edges)
	case has:
		_, _ = edges.List() // its form; nodes to refer to are missing
	}
	g.connect()
	return g, ok
}

// readNodes compiles the nodes, each at its index in the list.
func (g *Graph) readNodes(v strict.Value) bool {
	list, ok := v.List()
	if !ok {
		return false
	}
	if len(list) > MaxNodes {
		v.Fault("must have at most %d nodes, has %d", MaxNodes, len(list))
		return false
	}
	for i, item := range list {
		before := v.FaultCount()
		n := node{next: [2]int{-1, -1}}
		if object, ok := item.Object(); ok {
			n.read(object)
			if first, ok := g.index[n.id]; ok && n.id != "" {
				id, _ := object.Take("id")
				id.Fault("duplicates the id of nodes/%d", first)
			} else {
				g.index[n.id] = i
			}
		}
		if fault, ok := v.FaultAfter(before); ok {
			n.fault = strict.Fault{Pointer: strings.TrimPrefix(fault.Pointer, item.Pointer()), Detail: fault.Detail}
		}
		g.nodes = append(g.nodes, n)
	}
	return true
}

// read compiles a node. Unknown fields are ignored: they belong to the editor.
func (n *node) read(object *strict.Object) {
	if id, ok := object.Need("id"); ok {
		if n.id, ok = id.Text(1, maxWord); ok && !IsWord(n.id, maxWord) {
			id.Fault("must have only A-Z, a-z, 0-9, _ and -")
		}
	}
	if kind, ok := object.Need("type"); ok {
		if s, ok := kind.OneOf(nodeTypes...); ok {
			n.kind = NodeType(s)
			n.readConfig(object)
		} else if kind.IsString() {
			s, _ = kind.Text(0, maxWord)
			n.kind = NodeType(s)
		}
	}
}

// readEdges compiles the edges, after the nodes.
func (g *Graph) readEdges(v strict.Value) {
	list, ok := v.List()
	if !ok {
		return
	}
	if len(list) > MaxEdges {
		v.Fault("must have at most %d edges, has %d", MaxEdges, len(list))
	}
	for _, item := range list {
		before := v.FaultCount()
		object, ok := item.Object()
		if !ok {
			continue
		}
		if e := g.readEdge(object); v.FaultCount() == before {
			g.edges = append(g.edges, e)
		}
	}
}

// readEdge compiles an edge. Any handle is kept: it has a meaning only where several
// ways lead out, and an unknown one there is a fault of an active journey only.
func (g *Graph) readEdge(object *strict.Object) edge {
	object.DropNulls()
	e := edge{source: g.readNodeRef(object, "source"), target: g.readNodeRef(object, "target")}
	if id, ok := object.Take("id"); ok {
		id.Text(0, 256)
	}
	if handle, ok := object.Take("sourceHandle"); ok {
		e.handle, _ = handle.Text(0, 256)
	}
	return e
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
			case "true":
			case "false":
				branch = 1
			default:
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
