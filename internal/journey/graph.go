package journey

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/payload"
	"journeys/internal/strict"
)

// Limits of a graph.
const (
	MaxNodes = 256
	MaxEdges = 512
)

// NodeType is the type of a node.
type NodeType string

// The node types.
const (
	EntryTrigger   NodeType = "entry_trigger"   // where customers enter
	Wait           NodeType = "wait"            // waits for a time or an event
	ConditionSplit NodeType = "condition_split" // branches on a condition
	NBADecision    NodeType = "nba_decision"    // asks for the next best action
	ChannelAction  NodeType = "channel_action"  // sends a message
	Exit           NodeType = "exit"            // ends the journey
)

var nodeTypes = []string{
	string(EntryTrigger), string(Wait), string(ConditionSplit),
	string(NBADecision), string(ChannelAction), string(Exit),
}

// Graph is a compiled definition. It is immutable and safe for concurrent use.
// Nodes are addressed by index; methods panic on an index out of range.
type Graph struct {
	nodes []node
	index map[string]int
	entry int // -1 unless there is exactly one entry_trigger
	edges []edge
	reads map[int][][]string // by index of an nba_decision: paths that conditions and payloads read of its answer
	event [][]string         // paths that conditions and payloads read of the starting event
}

// node is a node with the config of its type.
type node struct {
	id    string
	kind  NodeType
	next  [2]int       // targets of the edges: [0], or of a split "true" and "false"; -1 unless there is exactly one
	fault strict.Fault // why customers stop here; the pointer is relative to the node; zero for none

	delay     time.Duration // wait
	event     string        // wait: waitForEvent; entry_trigger: eventType
	condition *condition.Program
	decision  DecisionConfig
	action    ActionConfig
	reason    string // exit
}

// DecisionConfig is the config of an nba_decision.
type DecisionConfig struct {
	FlowID      string
	ChannelID   string        // "" for none
	MaxOffers   int           // 1 to 100
	Timeout     time.Duration // at most MaxDecisionTimeout; zero means DefaultDecisionTimeout
	FailOnError bool          // onError "fail": an error fails the enrollment
}

// Bounds of a decision's time: the maximum is a lease of 30 s less a margin of 10 s.
const (
	DefaultDecisionTimeout = 5 * time.Second
	MaxDecisionTimeout     = 20 * time.Second
)

// TimeLimit returns the longest time that the decision may take.
func (d DecisionConfig) TimeLimit() time.Duration {
	return min(cmp.Or(d.Timeout, DefaultDecisionTimeout), MaxDecisionTimeout)
}

// ActionConfig is the config of a channel_action.
type ActionConfig struct {
	Channel    string
	TemplateID string           // "" for none
	Payload    *payload.Payload // nil for none
	Resend     bool             // onUncertain "resend": send again if the first attempt may have sent
}

// Address returns the customer's address for a channel that is known by its name alone,
// "" for none, and whether the channel needs one.
func (a ActionConfig) Address(attributes condition.Value) (address string, needed bool) {
	attribute := catalog.AddressByName(a.Channel)
	if attribute == "" {
		return "", false
	}
	return AddressIn(attributes, attribute), true
}

// AddressIn returns the address in an attribute of the customer; "" for none. A phone
// may be a whole number of 7 to 15 digits.
func AddressIn(attributes condition.Value, attribute string) string {
	value := attributes.Get(attribute)
	if text, ok := value.Text(); ok || attribute != "phone" {
		return strings.TrimSpace(text)
	}
	n, err := strconv.ParseFloat(string(value.AppendJSON(nil)), 64)
	if err != nil || n != math.Trunc(n) || n < 1e6 || n >= 1e15 {
		return ""
	}
	return strconv.FormatFloat(n, 'f', 0, 64)
}

// edge is an edge between two nodes.
type edge struct {
	source, target int
	handle         string // of a split "true" or "false"
}

// Len returns the number of nodes.
func (g *Graph) Len() int { return len(g.nodes) }

// NodeID returns the id of the node with that index.
func (g *Graph) NodeID(i int) string { return g.nodes[i].id }

// NodeType returns the type of the node with that index.
func (g *Graph) NodeType(i int) NodeType { return g.nodes[i].kind }

// Event returns the type of the event that the entry names; "" for none.
func (g *Graph) Event() string {
	if g.entry < 0 {
		return ""
	}
	return g.nodes[g.entry].event
}

// AwaitedEvent returns the type of the event that ends the wait with that index
// early; "" for none or another type of node.
func (g *Graph) AwaitedEvent(i int) string {
	if g.nodes[i].kind != Wait {
		return ""
	}
	return g.nodes[i].event
}

// LeastStay returns the least time that a customer stays at the node with that
// index: a wait's delay, or zero where an event may end it at once.
func (g *Graph) LeastStay(i int) time.Duration {
	if g.AwaitedEvent(i) != "" {
		return 0
	}
	return g.nodes[i].delay
}

// Decision returns the config of the nba_decision with that index.
func (g *Graph) Decision(i int) DecisionConfig { return g.nodes[i].decision }

// Action returns the config of the channel_action with that index.
func (g *Graph) Action(i int) ActionConfig { return g.nodes[i].action }

// Next returns the indexes that the edges of a node lead to: of a condition_split
// "true" and "false", of other nodes only the first. -1 means none.
func (g *Graph) Next(i int) [2]int { return g.nodes[i].next }

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
}

// Labels returns the labels of all nodes, in the order of Order.
func (g *Graph) Labels() []Label {
	labels := make([]Label, 0, len(g.nodes))
	for _, i := range g.Order() {
		labels = append(labels, Label{i, g.nodes[i].id, g.nodes[i].kind})
	}
	return labels
}
