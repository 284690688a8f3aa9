package journey

import (
	"journeys/internal/condition"
	"journeys/internal/trail"
)

// MaxAttributes bounds a customer's attributes, in bytes of compact JSON.
const MaxAttributes = 64 * 1024

// Update returns the attributes of a customer as the update_customer at e's node changes
// them, and the result of the node. An update that cannot be made, or would leave more
// than MaxAttributes bytes, is a EffectError and changes nothing.
func (g *Graph) Update(e *Enrollment, attributes condition.Value) (condition.Value, trail.Result) {
	facts := g.Facts(e, attributes)
	return g.UpdateFrom(e.Node, &facts)
}

// UpdateFrom is Update of the node with that index, from facts.
func (g *Graph) UpdateFrom(node int, facts *condition.Facts) (condition.Value, trail.Result) {
	changed, err := g.Node(node).Update.Apply(facts)
	if err != nil || len(changed.AppendJSON(nil)) > MaxAttributes {
		return facts.Attributes, trail.EffectError
	}
	return changed, trail.Updated
}
