package graph

import (
	"math"
	"slices"
	"strings"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// Compile compiles a definition and notes every fault of its form. What is faulty
// leads nowhere: customers stop at such a node, and such an edge is left out. So a
// definition that breaks a rule made after it was stored still runs as far as it can.
// Compile returns false if it has no list of at most MaxNodes nodes. Pinned settings are
// optional; a faulty one has its default.
func Compile(definition, settings *strict.Object) (*Graph, bool) {
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
	g.pinAll(settings)
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
		n := Node{}
		if object, ok := item.Object(); ok {
			n.read(object)
			if first, ok := g.index[n.ID]; ok && n.ID != "" {
				id, _ := object.Take("id")
				id.Fault("duplicates the id of nodes/%d", first)
			} else {
				g.index[n.ID] = i
			}
		}
		if fault, ok := v.FaultAfter(before); ok {
			n.Fault = strict.Fault{Pointer: strings.TrimPrefix(fault.Pointer, item.Pointer()), Detail: fault.Detail}
		}
		g.nodes = append(g.nodes, n)
	}
	return true
}

// read compiles a node. Unknown fields are ignored: they belong to the editor.
func (n *Node) read(object *strict.Object) {
	if id, ok := object.Need("id"); ok {
		if n.ID, ok = id.Text(1, strict.MaxWord); ok && !strict.IsWord(n.ID, strict.MaxWord) {
			id.Fault("must have only A-Z, a-z, 0-9, _ and -")
		}
	}
	n.readLabel(object)
	if kind, ok := object.Need("type"); ok {
		if s, ok := kind.OneOf(nodeTypes...); ok {
			n.Type = NodeType(s)
			n.readConfig(object)
		} else if kind.IsString() {
			s, _ = kind.Text(0, strict.MaxWord)
			n.Type = NodeType(s)
		}
	}
}

// readLabel reads the node's label, or else that of its data, where editors keep it. One
// of another form is none.
func (n *Node) readLabel(object *strict.Object) {
	label, ok := object.Take("label")
	if data, has := object.Take("data"); has && data.IsObject() && (!ok || !label.IsString()) {
		if fields, isObject := data.Object(); isObject {
			label, ok = fields.Take("label")
		}
	}
	if ok && label.IsString() {
		text, _ := label.Text(0, math.MaxInt)
		n.Label = cutLabel(text)
	}
}

func cutLabel(text string) string {
	characters := 0
	for i := range text {
		if characters == MaxLabel {
			return text[:i]
		}
		characters++
	}
	return text
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
	id, ok := ref.Text(1, strict.MaxWord)
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
// payloads read. It comes after the pinned settings, whose conditions read too.
func (g *Graph) connect() {
	entries := 0
	for i := range g.nodes {
		if g.nodes[i].Type == EntryTrigger {
			g.entry = i
			entries++
		}
	}
	if entries != 1 {
		g.entry = -1
	}
	out := g.handlesOut()
	for i := range g.nodes {
		g.nodes[i].setWays(len(out[i]))
	}
	for _, e := range g.edges {
		g.nodes[e.source].connect(e)
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		n.cutShared()
		g.connectSince(n)
		g.connectFeedback(n)
		g.collectEvents(n)
		n.collectListens(g.watchedSettings())
	}
	g.collectExitEvents()
	g.collectReads()
}

// setWays sets the ways that lead out of the node, which still lead nowhere. edges is
// the number of edges that leave it.
func (n *Node) setWays(edges int) {
	switch n.Type {
	case Exit:
	case ConditionSplit:
		n.Ways = []string{"true", "false"}
	case Wait:
		n.Ways = n.waysOfWait(edges)
	case MultiSplit:
		if n.Ways = n.Split.Branches; n.Ways != nil {
			n.Ways = append(slices.Clone(n.Ways), "else")
		}
	case RandomSplit:
		n.Ways = n.Split.Branches
	default:
		n.Ways = []string{""}
	}
	n.Next = slices.Repeat([]int{-1}, len(n.Ways))
}

// shared is the target of a way that more than one edge takes.
const shared = -2

// connect lets an edge's way lead to its target. Where a single way leads out, its
// handle means nothing.
func (n *Node) connect(e edge) {
	way := slices.Index(n.Ways, e.handle)
	if len(n.Ways) == 1 {
		way = 0
	}
	switch {
	case way < 0:
	case n.Next[way] == -1:
		n.Next[way] = e.target
	default:
		n.Next[way] = shared
	}
}

// cutShared lets the ways lead nowhere that more than one edge takes.
func (n *Node) cutShared() {
	for way, target := range n.Next {
		if target == shared {
			n.Next[way] = -1
		}
	}
}

// collectReads sets g.event, g.reads, g.results and g.steps.
func (g *Graph) collectReads() {
	g.reads, g.results, g.steps = map[int][][]string{}, map[int]bool{}, map[int][][]string{}
	for i := range g.nodes {
		n := &g.nodes[i]
		for _, a := range n.Awaits {
			if a.Match != nil {
				g.event = append(g.event, a.Match.Entry)
			}
		}
		g.addReads(n.reads())
	}
	for _, watched := range g.watchedSettings() {
		if watched.Match != nil {
			g.event = append(g.event, watched.Match.Entry)
		}
	}
	g.addReads(g.readsOfSettings())
}

func (g *Graph) addReads(fields []condition.Field) {
	for _, f := range fields {
		switch f.Source {
		case condition.Event, condition.EntryEvent:
			g.event = append(g.event, f.Path)
		case condition.Decision:
			g.addDecisionRead(f.Path)
		case condition.Step:
			g.addStepRead(f.Path)
			g.addResultRead(f.Path)
		case condition.Attributes, condition.Unsubscribe: // stored as a whole, and not stored
		}
	}
}

// reads returns the fields that the node reads when a customer is there, except those of
// the event that ends a wait.
func (n *Node) reads() []condition.Field {
	fields := slices.Concat(n.Action.Payload.Reads(), n.Update.Reads())
	for _, p := range n.conditions() {
		fields = append(fields, p.Reads()...)
	}
	if n.Type == Wait {
		fields = slices.DeleteFunc(fields, func(f condition.Field) bool { return f.Source == condition.Event })
	}
	if n.Until != nil && n.Until.Field() != nil {
		fields = append(fields, *n.Until.Field())
	}
	return fields
}

// addDecisionRead adds a path that starts with a node's id. An empty path reads
// all decisions.
func (g *Graph) addDecisionRead(path []string) {
	for i := range g.nodes {
		switch {
		case g.nodes[i].Type != NBADecision:
		case len(path) == 0:
			g.reads[i] = append(g.reads[i], nil)
		case path[0] == g.nodes[i].ID:
			g.reads[i] = append(g.reads[i], path[1:])
		}
	}
}

// addResultRead adds a path that starts with a node's id, if it reads the node's
// result. An empty path reads all results.
func (g *Graph) addResultRead(path []string) {
	for i := range g.nodes {
		if len(path) == 0 || path[0] == g.nodes[i].ID && (len(path) == 1 || path[1] == "result") {
			g.results[i] = true
		}
	}
}
