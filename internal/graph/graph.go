// Package graph compiles the definition of a journey: its nodes, their configs, and the
// ways between them. It knows no customers; the step function that moves them is
// internal/journey's.
package graph

import (
	"slices"
	"time"

	"journeys/internal/condition"
)

// Limits of a graph.
const (
	MaxNodes = 256
	MaxEdges = 512
)

// Graph is a compiled definition. It is immutable and safe for concurrent use.
// Nodes are addressed by index; methods panic on an index out of range.
type Graph struct {
	nodes []Node
	index map[string]int
	entry int // -1 unless there is exactly one entry_trigger
	edges []edge
	reads map[int][][]string // by index of an nba_decision: paths that conditions and payloads read of its answer
	event [][]string         // paths that conditions and payloads read of the starting event
	zone  *time.Location     // nil for UTC

	exits      []EventExit
	exitWhen   *ConditionExit // nil for none
	goal       *Goal          // nil for none
	exitEvents []string

	steps   map[int][][]string // by index of a node: paths that are read of what it keeps; see Node.Keeps
	results map[int]bool       // indexes of the nodes whose results conditions and payloads read
}

// edge is an edge between two nodes.
type edge struct {
	source, target int
	handle         string // "" for none
}

// Len returns the number of nodes.
func (g *Graph) Len() int { return len(g.nodes) }

// Node returns the node with that index. It must not be changed.
func (g *Graph) Node(i int) *Node { return &g.nodes[i] }

// NodeID returns the id of the node with that index.
func (g *Graph) NodeID(i int) string { return g.nodes[i].ID }

// NodeType returns the type of the node with that index.
func (g *Graph) NodeType(i int) NodeType { return g.nodes[i].Type }

// Index returns the index of the node with that id.
func (g *Graph) Index(id string) (i int, ok bool) {
	i, ok = g.index[id]
	return i, ok
}

// Entry returns the index of the entry_trigger; -1 unless there is exactly one.
func (g *Graph) Entry() int { return g.entry }

// Event returns the type of the event that the entry names; "" for none.
func (g *Graph) Event() string {
	if g.entry < 0 {
		return ""
	}
	return g.nodes[g.entry].Event
}

// LeastStay returns the least time that a customer stays at the node with that
// index: a wait's delay, or zero where a date or an event may end it at once.
func (g *Graph) LeastStay(i int) time.Duration {
	if g.Awaits(i) != nil {
		return 0
	}
	return g.nodes[i].Delay
}

// Decision returns the config of the nba_decision with that index.
func (g *Graph) Decision(i int) DecisionConfig { return g.nodes[i].Decision }

// Action returns the config of the channel_action with that index.
func (g *Graph) Action(i int) ActionConfig { return g.nodes[i].Action }

// HasMessages reports whether a node sends messages.
func (g *Graph) HasMessages() bool {
	return slices.ContainsFunc(g.nodes, func(n Node) bool { return n.Type == ChannelAction })
}

// Next returns the index of the node to which each way out of a node leads. -1 means
// none.
func (g *Graph) Next(i int) []int { return g.nodes[i].Next }

// Order returns the indexes of all nodes in topological order from the entry.
// Nodes that are unreachable or behind a cycle follow in definition order.
func (g *Graph) Order() []int {
	pending := make([]int, len(g.nodes)) // per node: incoming edges that were not followed yet
	for _, e := range g.edges {
		pending[e.target]++
	}
	order := make([]int, 0, len(g.nodes))
	done := make([]bool, len(g.nodes))
	if g.entry >= 0 && pending[g.entry] == 0 {
		order, done[g.entry] = append(order, g.entry), true
	}
	for i := 0; i < len(order); i++ {
		for _, e := range g.edges {
			if e.source != order[i] {
				continue
			}
			if pending[e.target]--; pending[e.target] == 0 && !done[e.target] {
				order, done[e.target] = append(order, e.target), true
			}
		}
	}
	for i := range g.nodes {
		if !done[i] {
			order = append(order, i)
		}
	}
	return order
}

// Label names a node.
type Label struct {
	Node int // index
	ID   string
	Type NodeType
	Text string   // Node.Label
	Ways []string // their names, if several ways lead out; nil otherwise
	Next []int    // Node.Next; nil if no way leads out
}

// Labels returns the labels of all nodes, in the order of Order.
func (g *Graph) Labels() []Label {
	labels := make([]Label, 0, len(g.nodes))
	for _, i := range g.Order() {
		n := &g.nodes[i]
		label := Label{Node: i, ID: n.ID, Type: n.Type, Text: n.Label}
		if len(n.Ways) > 1 {
			label.Ways = n.Ways
		}
		if len(n.Next) > 0 {
			label.Next = n.Next
		}
		labels = append(labels, label)
	}
	return labels
}

// ReadsEvent reports whether conditions or payloads read the starting event.
func (g *Graph) ReadsEvent() bool { return len(g.event) > 0 }

// ReadsDecisions reports whether conditions or payloads read answers of decisions.
func (g *Graph) ReadsDecisions() bool { return len(g.reads) > 0 }

// ReadsResults reports whether conditions or payloads read results of steps.
func (g *Graph) ReadsResults() bool { return len(g.results) > 0 }

// ReadsResult reports whether conditions or payloads read the result of the node with
// that index.
func (g *Graph) ReadsResult(i int) bool { return g.results[i] }

// PruneEvent returns the properties of an event that conditions and payloads of the
// graph read; missing if there are none.
func (g *Graph) PruneEvent(properties condition.Value) condition.Value {
	return properties.Prune(g.event)
}

// PruneDecision returns the parts of a node's answer that conditions and payloads of
// the graph read; missing if there are none.
func (g *Graph) PruneDecision(i int, answer condition.Value) condition.Value {
	return answer.Prune(g.reads[i])
}
