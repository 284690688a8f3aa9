package progress

import (
	"journeys/internal/condition"
	"journeys/internal/graph"
)

// MaxKept bounds what one run keeps: Event, Decisions and Steps of its Enrollment
// together, in bytes of JSON.
const MaxKept = 16 << 10

// KeptSize returns the size of what e's run keeps, in bytes; see MaxKept.
func (e *Enrollment) KeptSize() int { return len(e.Event) + len(e.Decisions) + len(e.Steps) }

// EncodeEvent returns PruneEvent as JSON, for Enrollment.Event; nil for nothing.
func (g *Graph) EncodeEvent(properties condition.Value) []byte {
	kept := g.PruneEvent(properties)
	if kept.Missing() {
		return nil
	}
	return kept.AppendJSON(nil)
}

// keepAnswer adds to e the parts of an answer that the graph reads. It keeps nothing and
// returns false if they do not fit.
func (g *Graph) keepAnswer(e *Enrollment, n *graph.Node, answer condition.Value) bool {
	if n.Type == graph.NBADecision {
		return e.keep(&e.Decisions, n.ID, g.PruneDecision(e.Node, answer))
	}
	return g.keepStep(e, answer)
}

// keepEvent is keepAnswer for the properties of the event that ended a wait; nil for none.
func (g *Graph) keepEvent(e *Enrollment, properties []byte) bool {
	if !g.ReadsSteps() || properties == nil {
		return true
	}
	value, _ := condition.ParseValue(properties)
	return g.keepStep(e, value)
}

// keepStep adds to e.Steps what e's node keeps of v.
func (g *Graph) keepStep(e *Enrollment, v condition.Value) bool {
	n := g.Node(e.Node)
	kept := g.PruneStep(e.Node, v)
	if kept.Missing() {
		return true
	}
	return e.keep(&e.Steps, n.ID, condition.Value{}.With(n.Keeps(), kept))
}

// keep adds a value to list, a JSON object by node id that is a field of e. It changes
// nothing and returns false if e would keep more than MaxKept.
func (e *Enrollment) keep(list *[]byte, nodeID string, value condition.Value) bool {
	if value.Missing() {
		return true
	}
	var values condition.Value
	if *list != nil {
		values, _ = condition.ParseValue(*list)
	}
	text := values.With(nodeID, value).AppendJSON(nil)
	if e.KeptSize()-len(*list)+len(text) > MaxKept {
		return false
	}
	*list = text
	return true
}
