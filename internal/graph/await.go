package graph

// The ways out of a wait that branches on how it ended. Where it names several events,
// each has a way of its own, named by its id.
const (
	EventWay   = "event"
	TimeoutWay = "timeout"
)

// Awaited is an event that ends a wait early.
type Awaited struct {
	ID   string // name of its way; EventWay where the wait names a single event
	Type string
}

// waysOfWait returns the ways out of a wait that so many edges leave. A single edge is
// the way of every outcome.
func (n *Node) waysOfWait(edges int) []string {
	if len(n.Awaits) == 0 || edges < 2 {
		return []string{""}
	}
	return n.outcomes()
}

// outcomes returns the names of the wait's outcomes: one per awaited event, in their
// order, and TimeoutWay.
func (n *Node) outcomes() []string {
	var names []string
	for _, a := range n.Awaits {
		names = append(names, a.ID)
	}
	return append(names, TimeoutWay)
}

// Awaits returns the events that end the node with that index early; nil for none or
// another type of node.
func (g *Graph) Awaits(i int) []Awaited { return g.nodes[i].Awaits }
