package progress

import (
	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/trail"
)

// draw returns the branch of the random_split n for the customer.
func (g *Graph) draw(e *Enrollment, n *graph.Node) trail.Result {
	if way, ok := g.forced[e.Node]; ok {
		return trail.Branch(way)
	}
	return trail.Branch(n.Draw(string(e.Journey), e.Customer))
}

// AddResult adds the result of a step to facts, if the graph reads it.
func (g *Graph) AddResult(facts *condition.Facts, visit trail.Visit) {
	if visit.Result == trail.NoResult || visit.Node >= g.Len() || !g.ReadsResult(visit.Node) {
		return
	}
	n := g.Node(visit.Node)
	step := facts.Step.Get(n.ID).With("result", condition.NewText(visit.Result.Name(n.Ways)))
	facts.Step = facts.Step.With(n.ID, step)
}
