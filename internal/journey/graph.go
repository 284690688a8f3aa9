package journey

import (
	"strings"
	"time"

	"journeys/internal/condition"
)

// Limits of a graph.
const (
	MaxNodes = 256
	MaxEdges = 512
)

// NodeType is what a node does.
type NodeType string

// The node types.
const (
	EntryTrigger   NodeType = "entry_trigger"   // where everybody comes in
	Wait           NodeType = "wait"            // until a time, or an event
	ConditionSplit NodeType = "condition_split" // by the customer's attributes
	NBADecision    NodeType = "nba_decision"    // asks for the next best action
	ChannelAction  NodeType = "channel_action"  // sends
	Exit           NodeType = "exit"            // the end
)

var nodeTypes = []string{
	string(EntryTrigger), string(Wait), string(ConditionSplit),
	string(NBADecision), string(ChannelAction), string(Exit),
}

// Graph is a compiled definition. It never changes, so that any number of
// goroutines may use one.
type Graph struct {
	nodes []node
	index map[string]int
	entry int // -1 unless there is exactly one entry_trigger
	edges []edge
	reads map[int][][]string // by index of an nba_decision: what conditions and payloads read of its answer
	event [][]string         // what conditions and payloads read of the event that started the journey
}

// node is one node, with the config of its type.
type node struct {
	id      string
	kind    NodeType
	next    [2]int // where its edge leads; of a split, "true" and "false"; -1 unless there is exactly one
	missing string // what its config lacks to be whole; "" for nothing

	delay     time.Duration // wait
	event     string        // wait: waitForEvent; entry_trigger: eventType
	condition *condition.Program
	decision  DecisionConfig
	action    ActionConfig
	reason    string // exit
}

// DecisionConfig is what an nba_decision asks.
type DecisionConfig struct {
	FlowID     string
	ChannelID  string        // "" for none
	MaxOffers  int           // 1 to 100
	Timeout    time.Duration // at most MaxDecisionTimeout; zero for the provider's own
	FailOnError bool          // onError is "fail": a failed decision fails the enrollment
}

// MaxDecisionTimeout is the longest that a decision may take: what is left of
// a lease of 30 s after 10 s of margin.
const MaxDecisionTimeout = 20 * time.Second

// ActionConfig is what a channel_action sends.
type ActionConfig struct {
	Channel    string
	TemplateID string // "" for none
	Payload    *Payload
	Resend     bool // onUncertain is "resend"
}

// addresses names the attribute that a channel sends to. Other channels know
// their customers themselves.
var addresses = map[string]string{"email": "email", "sms": "phone"}

// Address returns where the action sends: the customer's attribute, "" when
// there is none, and whether the channel needs one.
func (a ActionConfig) Address(attributes condition.Value) (address string, needed bool) {
	attribute, needed := addresses[a.Channel]
	if !needed {
		return "", false
	}
	address, _ = attributes.Get(attribute).Text()
	return strings.TrimSpace(address), true
}

// edge is one edge, as form checks left it.
type edge struct {
	source, target int
	handle         string // "true", "false" or ""
}

// Len returns the number of nodes.
func (g *Graph) Len() int { return len(g.nodes) }

// NodeID returns the id of the node with that index.
func (g *Graph) NodeID(i int) string { return g.nodes[i].id }

// NodeType returns the type of the node with that index.
func (g *Graph) NodeType(i int) NodeType { return g.nodes[i].kind }

// Event returns the type of event that the entry names, "" for none.
func (g *Graph) Event() string {
	if g.entry < 0 {
		return ""
	}
	return g.nodes[g.entry].event
}

// AwaitedEvent returns the type of event that ends the wait with that index
// early, "" for none.
func (g *Graph) AwaitedEvent(i int) string {
	if g.nodes[i].kind != Wait {
		return ""
	}
	return g.nodes[i].event
}

// Decision returns the config of the nba_decision with that index.
func (g *Graph) Decision(i int) DecisionConfig { return g.nodes[i].decision }

// Action returns the config of the channel_action with that index.
func (g *Graph) Action(i int) ActionConfig { return g.nodes[i].action }

// Next returns where the edges of a node lead; of a condition_split "true" and
// "false", of others the first alone; -1 for nowhere.
func (g *Graph) Next(i int) [2]int { return g.nodes[i].next }

// Order returns the indexes of all nodes as somebody who enters meets them:
// from the entry on, a node after every node that leads to it. Those that
// cannot be reached, or not without a cycle, come last, as in the definition.
func (g *Graph) Order() []int {
	before := make([]int, len(g.nodes)) // edges that lead to each node and are not followed yet
	for _, e := range g.edges {
		before[e.target]++
	}
	order := make([]int, 0, len(g.nodes))
	done := make([]bool, len(g.nodes))
	if g.entry >= 0 && before[g.entry] == 0 {
		order, done[g.entry] = append(order, g.entry), true
	}
	for i := 0; i < len(order); i++ {
		for _, e := range g.edges {
			if e.source != order[i] {
				continue
			}
			if before[e.target]--; before[e.target] == 0 && !done[e.target] {
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

// Label is what a node is called.
type Label struct {
	Node int // its index
	ID   string
	Type NodeType
}

// Labels returns what all nodes are called, in the order of Order.
func (g *Graph) Labels() []Label {
	labels := make([]Label, 0, len(g.nodes))
	for _, i := range g.Order() {
		labels = append(labels, Label{i, g.nodes[i].id, g.nodes[i].kind})
	}
	return labels
}
