package graph

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"journeys/internal/calendar"
	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/keep"
	"journeys/internal/payload"
	"journeys/internal/strict"
	"journeys/internal/update"
)

// NodeType is the type of a node.
type NodeType string

// The node types.
const (
	EntryTrigger   NodeType = "entry_trigger"   // where customers enter
	Wait           NodeType = "wait"            // waits for a time or an event
	ConditionSplit NodeType = "condition_split" // branches on a condition
	MultiSplit     NodeType = "multi_split"     // branches on the first condition that holds
	RandomSplit    NodeType = "random_split"    // branches on a hash of the customer
	NBADecision    NodeType = "nba_decision"    // asks for the next best action
	ChannelAction  NodeType = "channel_action"  // sends a message
	UpdateCustomer NodeType = "update_customer" // changes the customer's attributes
	Exit           NodeType = "exit"            // ends the journey
)

var nodeTypes = []string{
	string(EntryTrigger), string(Wait), string(ConditionSplit), string(MultiSplit), string(RandomSplit),
	string(NBADecision), string(ChannelAction), string(UpdateCustomer), string(Exit),
}

// HasOneWay reports whether a single way leads out of nodes of the type that so many
// edges leave. It is false for an unknown type, and for a wait that several edges leave.
func (t NodeType) HasOneWay(edges int) bool {
	if t == ConditionSplit || t == MultiSplit || t == RandomSplit || t == Wait && edges > 1 {
		return false
	}
	return slices.Contains(nodeTypes, string(t))
}

// Node is a compiled node: its edges, and the config of its type.
type Node struct {
	ID    string
	Type  NodeType
	Label string       // what an editor calls it, at most MaxLabel characters; "" for none
	Fault strict.Fault // why customers stop here; the pointer is relative to the node; zero for none

	// Ways names the ways that lead out by their handles: one "" where there is a
	// single way, none from an exit or a split without branches. Next has the index of the node to which each way
	// leads, -1 unless exactly one edge takes it.
	Ways []string
	Next []int

	Delay     time.Duration   // wait; zero if Until is set
	Until     *calendar.Until // wait; nil for one that lasts Delay
	Awaits    []Awaited       // wait: the events that end it early
	Since     Since           // wait: after which an event ends it
	Listens   []byte          // ListenHash of each type that ends the wait, an exit's and the goal's
	Events    []string        // types of the events that it awaits, or its conditions ask for; sorted
	Event     string          // entry_trigger: eventType
	Condition *condition.Program
	Split     SplitConfig
	Decision  DecisionConfig
	Action    ActionConfig
	Update    update.Config // update_customer
	Reason    string        // exit
}

// Lasting returns a copy of a wait that lasts d.
func (n *Node) Lasting(d time.Duration) *Node {
	wait := *n
	wait.Delay = d
	return &wait
}

// MaxLabel bounds a node's Label, in characters. The rest is cut.
const MaxLabel = 80

// MaxWays bounds the ways that lead out of a node.
const MaxWays = 8

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
	GoOnError  bool             // onError "continue": the last failed attempt does not fail the enrollment
	Keep       keep.Paths       // paths into the channel's answer that later steps may read; nil for none

	Topic         string // only customers who are subscribed to it get the message; "" for none
	Transactional bool   // the message needs no topic; false if it has one
}

// ErrNoAddress means that the customer has no address for the channel.
var ErrNoAddress = errors.New("the customer has no address")

// Fill returns what a message sends to the customer: the address in the attribute, "" if
// that is "" because the channel needs none, and the payload with its placeholders
// filled, nil for none. The error is ErrNoAddress or payload.ErrTooLong.
func (a ActionConfig) Fill(attribute string, facts *condition.Facts) (to string, filled []byte, err error) {
	if attribute != "" {
		if to = AddressIn(facts.Attributes, attribute); to == "" {
			return "", nil, ErrNoAddress
		}
	}
	filled, err = a.Payload.JSON(facts)
	return to, filled, err
}

// AddressIn returns the address in an attribute of the customer; "" for none, or if it is
// not exactly one, as consent.OneAddress says. A phone may be a whole number of 7 to 15
// digits.
func AddressIn(attributes condition.Value, attribute string) string {
	value := attributes.Get(attribute)
	if text, ok := value.Text(); ok || attribute != "phone" {
		return consent.OneAddress(attribute, text)
	}
	n, err := strconv.ParseFloat(string(value.AppendJSON(nil)), 64)
	if err != nil || n != math.Trunc(n) || n < 1e6 || n >= 1e15 {
		return ""
	}
	return strconv.FormatFloat(n, 'f', 0, 64)
}
