package journey

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/condition"
	"journeys/internal/strict"
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

// Definition is a graph in the two forms that are needed.
type Definition struct {
	Raw   []byte // compact JSON, as the caller wrote it
	Hash  string // lower-case hex SHA-256 of Raw
	Graph *Graph
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
	Timeout    time.Duration // at most MaxDecisionTimeout; zero means DefaultDecisionTimeout
	FailOnFail bool          // onError is "fail": a failed decision fails the enrollment
}

// Bounds of the time that a decision may take. A lease of 30 s leaves
// MaxDecisionTimeout after 10 s of margin.
const (
	DefaultDecisionTimeout = 5 * time.Second
	MaxDecisionTimeout     = 20 * time.Second
)

// TimeLimit returns the longest that the decision may take.
func (d DecisionConfig) TimeLimit() time.Duration {
	return min(cmp.Or(d.Timeout, DefaultDecisionTimeout), MaxDecisionTimeout)
}

// ActionConfig is what a channel_action sends.
type ActionConfig struct {
	Channel    string
	TemplateID string // "" for none
	Payload    *Payload
	Resend     bool // onUncertain is "resend"
}

// edge is one edge, as form checks left it.
type edge struct {
	source, target int
	handle         string // "true", "false" or ""
}

// ReadDefinition reads a graph. It checks the form, which a draft must have
// too, and notes every fault at its place; Graph.Faults tells what an active
// one still lacks.
func ReadDefinition(v strict.Value) (Definition, bool) {
	before := v.FaultCount()
	raw, ok := compact(v, MaxDefinition)
	if !ok {
		return Definition{}, false
	}
	object, ok := v.Object()
	if !ok {
		return Definition{}, false
	}
	g := &Graph{index: map[string]int{}, entry: -1}
	if nodes, ok := object.Take("nodes"); ok {
		g.readNodes(nodes)
	}
	if edges, ok := object.Take("edges"); ok {
		g.readEdges(edges)
	}
	if v.FaultCount() > before {
		return Definition{}, false
	}
	g.connect()
	sum := sha256.Sum256(raw)
	return Definition{Raw: raw, Hash: hex.EncodeToString(sum[:]), Graph: g}, true
}

// compact returns a value without white space between its tokens, numbers and
// strings as they are written. One of more than max bytes is a fault, found
// before anything is made of it.
func compact(v strict.Value, max int) ([]byte, bool) {
	value := jsontext.Value(bytes.Clone(v.Raw()))
	if err := value.Compact(); err != nil {
		v.Fault("must be an object")
		return nil, false
	}
	if len(value) > max {
		v.Fault("must have at most %d bytes as compact JSON, has %d", max, len(value))
		return nil, false
	}
	return value, true
}

// LoadDefinition reads what was checked before it was stored.
func LoadDefinition(raw []byte, hash string) (Definition, error) {
	var faults strict.Faults
	d, ok := ReadDefinition(strict.At(raw, "/definition", &faults))
	if !ok {
		return Definition{}, fmt.Errorf("%w: definition %s: %v", ErrDamaged, hash, faults.List())
	}
	d.Hash = hash
	return d, nil
}

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

// Faults returns all that the graph lacks to be whole, with pointers below
// base; nil for a whole one.
func (g *Graph) Faults(base string) []strict.Fault {
	var faults strict.Faults
	at := func(i int) string { return base + "/nodes/" + strconv.Itoa(i) }
	g.entryFaults(base, at, &faults)
	out := g.edgeCounts()
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.missing != "" {
			faults.Add(at(i)+"/config", "%s", n.missing)
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

// edgesOut counts the edges that leave one node.
type edgesOut struct{ yes, no, plain int }

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

// edgeFaults tells what is wrong with the edges that leave the node.
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
			faults = append(faults, fmt.Sprintf(`has %d edges without a sourceHandle; each must be "true" or "false"`, out.plain))
		}
	default:
		if total != 1 {
			faults = append(faults, fmt.Sprintf("must have exactly one edge that leaves it, has %d", total))
		}
	}
	return faults
}

// pathFaults finds cycles and what cannot be reached. Where both are absent
// and each node has its edges, every path ends in an exit.
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
	reached := reach(targets, g.entry)
	for i := range g.nodes {
		if !reached[i] {
			faults.Add(at(i), "cannot be reached from the entry_trigger")
		}
	}
}

// leadsTo reports whether a path of at least one edge goes from one node to
// another.
func (g *Graph) leadsTo(targets [][]int, from, to int) bool {
	for _, t := range targets[from] {
		if t == to || reach(targets, t)[to] {
			return true
		}
	}
	return false
}

// reach returns which nodes can be reached from one, itself included.
func reach(targets [][]int, from int) []bool {
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
